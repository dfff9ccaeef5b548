//! What all objects of a cluster share: names, owners, labels and selectors, conditions.

use std::sync::Arc;

use crate::ids::Timestamp;

/// A text that many objects hold, once in memory.
pub type Text = Arc<str>;

/// An object's name within its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Its namespace; empty for what stands in none.
    pub namespace: Text,
    /// Its name in it.
    pub name: Text,
}

impl Name {
    /// A name.
    pub fn new(namespace: &str, name: &str) -> Name {
        Name { namespace: namespace.into(), name: name.into() }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.namespace {
            "" => f.pad(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// What an object is, whoever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its name.
    pub name: Name,
    /// What tells it from a namesake that was there before.
    pub uid: Text,
    /// When it was made.
    pub created: Timestamp,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
    /// What controls it.
    pub owner: Option<Owner>,
    /// Its labels, of the kinds that something selects; none of the others.
    pub labels: Labels,
    /// What its deletion waits for.
    pub finalizers: Vec<Text>,
}

/// The controller of an object, in the object's own namespace or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind, such as `ReplicaSet`.
    pub kind: Text,
    /// Its name.
    pub name: Text,
    /// Its uid.
    pub uid: Text,
}

/// Labels, ordered by key. They are compared and never shown, and so not redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<(Text, Text)>);

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of these labels is one of the others.
    pub fn are_among(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

impl FromIterator<(Text, Text)> for Labels {
    fn from_iter<I: IntoIterator<Item = (Text, Text)>>(labels: I) -> Labels {
        let mut labels: Vec<(Text, Text)> = labels.into_iter().collect();
        labels.sort();
        Labels(labels)
    }
}

/// Which objects are meant, by their labels. An empty one means all; where none is meant, there is no selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Labels that have to be so.
    pub labels: Labels,
    /// Further demands.
    pub demands: Vec<Demand>,
}

/// One demand of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The label's key.
    pub key: Text,
    /// How its value has to be.
    pub how: How,
}

/// How a label's value has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// One of these.
    In(Vec<Text>),
    /// None of these; it may be absent.
    NotIn(Vec<Text>),
    /// Anything.
    Exists,
    /// Absent.
    DoesNotExist,
}

impl Selector {
    /// Whether an object with these labels is meant.
    pub fn selects(&self, labels: &Labels) -> bool {
        let meets = |demand: &Demand| {
            let value = labels.get(&demand.key);
            let among = |values: &[Text]| value.is_some_and(|value| values.iter().any(|known| **known == *value));
            match &demand.how {
                How::In(values) => among(values),
                How::NotIn(values) => !among(values),
                How::Exists => value.is_some(),
                How::DoesNotExist => value.is_none(),
            }
        };
        self.labels.are_among(labels) && self.demands.iter().all(meets)
    }
}

/// One condition of an object's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which, such as `Ready`.
    pub kind: Text,
    /// Whether it holds; none where its controller does not know.
    pub holds: Option<bool>,
    /// Why, in one word.
    pub reason: Text,
    /// Why, in a sentence.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
}

/// The condition of this kind, where there is one.
pub fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| *condition.kind == *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| (Text::from(*key), Text::from(*value))).collect()
    }

    #[test]
    fn a_selector_means_what_meets_all_its_demands() {
        let web = labels(&[("tier", "front"), ("app", "web")]);
        let demand = |key: &str, how| Demand { key: key.into(), how };
        let one_of = |values: &[&str]| values.iter().map(|value| Text::from(*value)).collect::<Vec<_>>();
        for (pairs, demands, meant) in [
            (&[][..], vec![], true),
            (&[("app", "web")], vec![], true),
            (&[("app", "shop")], vec![], false),
            (&[("app", "web"), ("missing", "")], vec![], false),
            (&[], vec![demand("app", How::In(one_of(&["shop", "web"])))], true),
            (&[], vec![demand("app", How::In(one_of(&["shop"])))], false),
            (&[], vec![demand("app", How::NotIn(one_of(&["web"])))], false),
            (&[], vec![demand("zone", How::NotIn(one_of(&["web"])))], true),
            (&[], vec![demand("app", How::Exists), demand("zone", How::DoesNotExist)], true),
            (&[], vec![demand("zone", How::Exists)], false),
            (&[], vec![demand("app", How::DoesNotExist)], false),
        ] {
            let selector = Selector { labels: labels(pairs), demands };
            assert_eq!(selector.selects(&web), meant, "{selector:?}");
        }
    }
}
