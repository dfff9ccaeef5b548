//! Who somebody is, whichever way they speak: what "the same person" means where two people have to say yes.
//!
//! A Unix user and a user of a Kubernetes cluster are two identities. Nothing tells the host that both are one human being,
//! so where four eyes are wanted either the machine's users or the cluster's should be the ones who are asked; a charter
//! can't see through somebody who has an account on both sides.

use serde::{Deserialize, Serialize};

use crate::text::is_hidden;

/// A user's name in a cluster has at most this many characters: certificates and identity providers stay far below, and it
/// stands in the journal, in every view and in rules.
pub const USER_CHARACTERS_MAX: usize = 256;

/// A user of a Kubernetes cluster, by the name that the API server authenticated: `ada`, `ada@example.org`,
/// `system:serviceaccount:shop:pipeline`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterUser(String);

/// A text that is no user's name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no user's name: use 1 to {USER_CHARACTERS_MAX} visible characters, with no space at the beginning or the end"
)]
pub struct ClusterUserError(String);

/// One identity: whoever says yes twice in different ways has said it once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Identity {
    /// A user of the machine that the host runs on.
    Uid(u32),
    /// A user of the cluster.
    User(ClusterUser),
}

impl ClusterUser {
    /// Parses a name. It is taken as it is and never folded: to the API server, `Ada` and `ada` are two.
    ///
    /// # Errors
    /// Where it is empty, too long, or holds what can't be seen, so that two names would look like one.
    pub fn parse(text: &str) -> Result<ClusterUser, ClusterUserError> {
        let counted = text.chars().take(USER_CHARACTERS_MAX + 1).count();
        let odd = |c: char| is_hidden(c) || (c.is_whitespace() && c != ' ');
        if counted == 0 || counted > USER_CHARACTERS_MAX || text.chars().any(odd) || text.trim() != text {
            return Err(ClusterUserError(text.chars().take(120).collect()));
        }
        Ok(ClusterUser(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClusterUser {
    type Error = ClusterUserError;
    fn try_from(text: String) -> Result<ClusterUser, ClusterUserError> {
        ClusterUser::parse(&text)
    }
}

impl From<ClusterUser> for String {
    fn from(user: ClusterUser) -> String {
        user.0
    }
}

impl std::fmt::Display for ClusterUser {
    /// In quotes, which are escaped within it: a name may hold spaces, and must not go on as a sentence of ours.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Default for Identity {
    fn default() -> Identity {
        Identity::Uid(0)
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Identity::Uid(uid) => write!(f, "uid {uid}"),
            Identity::User(user) => write!(f, "user {user}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_name_is_visible_and_bounded() {
        let longest = "é".repeat(USER_CHARACTERS_MAX);
        for text in ["ada", "ada@example.org", "system:serviceaccount:shop:pipeline", "Ada Lovelace", "1000", &longest]
        {
            assert_eq!(ClusterUser::parse(text).unwrap().as_str(), text);
        }
        let long = "é".repeat(USER_CHARACTERS_MAX + 1);
        for text in ["", " ada", "ada ", "ada\n", "a\u{1b}[2Jda", "a\u{202e}da", "a\u{200b}da", "a\u{a0}da", &long] {
            let error = ClusterUser::parse(text).unwrap_err().to_string();
            assert!(error.contains("visible characters") && !error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn a_user_whose_name_is_a_number_is_not_that_uid() {
        let user = Identity::User(ClusterUser::parse("1000").unwrap());
        assert_ne!(user, Identity::Uid(1000));
        assert_eq!((Identity::Uid(1000).to_string(), user.to_string()), ("uid 1000".into(), "user \"1000\"".into()));
        let read = |text: &str| serde_json::from_str::<Identity>(text).unwrap();
        assert_eq!((read("1000"), read("\"1000\"")), (Identity::Uid(1000), user));
    }

    #[test]
    fn a_name_can_not_go_on_as_a_sentence_of_ours() {
        let user = ClusterUser::parse("ada\" and user \"ben").unwrap();
        assert_eq!(Identity::User(user).to_string(), r#"user "ada\" and user \"ben""#);
    }
}
