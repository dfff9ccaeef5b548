//! Facts: the `more` lists by which the contract grows.
//!
//! Their values are data from outside, like any text. An absent fact means what the contract says about its key.

use crate::{Fact, Mission};

/// The value under this key, where the list has it. The first, should a list name a key twice.
pub fn fact<'a>(facts: &'a [Fact], key: &str) -> Option<&'a str> {
    facts.iter().find(|fact| fact.key == key).map(|fact| fact.value.as_str())
}

impl Mission {
    /// Whether the mission is to be built only when something needs it (`when` = `needed`). Without the fact, and with
    /// a value that nobody knows yet, a mission is wanted always.
    pub fn only_when_needed(&self) -> bool {
        fact(&self.more, "when") == Some("needed")
    }

    /// Why the host starts no worker of this mission just now, where it does not.
    pub fn preflight(&self) -> Option<&str> {
        fact(&self.more, "preflight")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_key_counts_and_an_absent_one_is_none() {
        let facts = [("a", "1"), ("b", "2"), ("a", "3")]
            .map(|(key, value)| Fact { key: key.to_owned(), value: value.to_owned() });
        assert_eq!(fact(&facts, "a"), Some("1"));
        assert_eq!(fact(&facts, "b"), Some("2"));
        assert_eq!(fact(&facts, "c"), None);
    }
}
