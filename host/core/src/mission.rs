//! What the user wants: a goal, a desired state, and the files that say how.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{IdError, MissionId};
use crate::situation::{Autonomy, DesiredState, Fact};

/// A mission's name is at most this long: `plan-destroy-NAME-TWELVEDIGITS` is the name of an order, and a Job's has 63
/// characters at most.
pub const NAME_BYTES_MAX: usize = 37;
/// A namespace's name is at most this long, by Kubernetes.
pub const NAMESPACE_BYTES_MAX: usize = 63;
/// A mission offers at most this many needs: each stands in a prompt.
pub const OFFERS_MAX: usize = 16;

/// The name that a person gave a mission: lower-case letters, digits and `-`, as Kubernetes names are. Where it is an object
/// of a cluster, its namespace stands before it: `shop/web`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MissionName(String);

/// A text that names no mission.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no mission name: use 1 to 37 of a-z, 0-9 and \"-\", beginning and ending with a letter or digit, and in a \
     cluster NAMESPACE/NAME"
)]
pub struct MissionNameError(String);

impl MissionName {
    /// Parses a name.
    ///
    /// # Errors
    /// Where the text is empty, too long, or holds another character than a name may.
    pub fn parse(text: &str) -> Result<MissionName, MissionNameError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
        let label = |text: &str, bytes_max: usize| {
            text.len() <= bytes_max && text.chars().all(fits) && edge(text.chars().next()) && edge(text.chars().last())
        };
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if label(name, NAME_BYTES_MAX) && namespace.is_none_or(|namespace| label(namespace, NAMESPACE_BYTES_MAX)) {
            Ok(MissionName(text.to_owned()))
        } else {
            Err(MissionNameError(text.chars().take(120).collect()))
        }
    }

    /// The namespace, where it is an object of a cluster.
    pub fn namespace(&self) -> Option<&str> {
        self.0.split_once('/').map(|(namespace, _)| namespace)
    }

    /// The name within the namespace.
    pub fn bare(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mission's id: the name within its namespace, and eight digits of its uid.
    ///
    /// # Errors
    /// Never for a parsed name; the type of names is stricter than that of ids.
    pub fn id(&self, uid: &Digest) -> Result<MissionId, IdError> {
        MissionId::parse(&format!("{}-{}", self.bare(), uid.short(8)))
    }
}

impl TryFrom<String> for MissionName {
    type Error = MissionNameError;
    fn try_from(text: String) -> Result<MissionName, MissionNameError> {
        MissionName::parse(&text)
    }
}

impl From<MissionName> for String {
    fn from(name: MissionName) -> String {
        name.0
    }
}

impl std::fmt::Display for MissionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a mission is built as soon as it is there, or only once somebody needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// As soon as it is there.
    #[default]
    Always,
    /// Once advice names a need that it offers.
    Needed,
}

/// The Terraform provider that a mission asks for, as its files say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderNeed {
    /// Its source address, such as `kreuzwerker/docker`.
    pub source: String,
    /// The version constraint; none where the files name none.
    pub constraint: Option<String>,
    /// The version that the mission's own `.terraform.lock.hcl` holds, where there is one.
    pub locked: Option<String>,
    /// The file that names the constraint.
    pub file: String,
    /// The line in it, counted from 1.
    pub line: u32,
}

/// A mission as its author wrote it, parsed, redacted and looked through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissionSpec {
    /// Its name.
    pub name: MissionName,
    /// What it is for, in the author's words.
    pub goal: String,
    /// The autonomy that the author asks for; it can only lower the operator's ceiling.
    pub autonomy: Autonomy,
    /// Whether its objects shall be there.
    pub desired: DesiredState,
    /// Whether it waits to be needed.
    pub when: When,
    /// The needs that it can meet.
    pub offers: Vec<String>,
    /// The digest of its files and variables, packed as one.
    pub plan: Digest,
    /// What a static look at the files says, for people and policies.
    pub facts: Vec<Fact>,
    /// Its labels, sorted by key: what the charter's rules may tell missions apart by.
    pub labels: Vec<crate::situation::Fact>,
    /// The Unix user that owns its file; where four eyes are wanted they do not count.
    pub author: Option<u32>,
    /// The providers that its files ask for.
    pub providers: Vec<ProviderNeed>,
    /// Where it came from, for people.
    pub source: String,
    /// The object of a cluster that it is, where it is one.
    pub object: Option<ObjectVersion>,
}

impl MissionSpec {
    /// The uid of the object that it is, where it is one.
    pub fn object_uid(&self) -> Option<&str> {
        self.object.as_ref().map(|object| object.uid.as_str())
    }
}

/// Which version of an object of a cluster was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectVersion {
    /// The API server's own name for the object: one that is made anew under the same name has another.
    pub uid: String,
    /// Rises with each change of the object's `spec`.
    pub generation: u64,
    /// What becomes of what it built once the object is deleted.
    pub on_delete: OnDelete,
}

/// What becomes of what a mission built once its object is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDelete {
    /// It stays, and so does the state.
    #[default]
    Retain,
    /// It is removed first, by a plan like any other.
    Destroy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kubernetes_names() {
        assert!(MissionName::parse("web-2").is_ok());
        let long = format!("shop/{}", "w".repeat(38));
        for text in
            ["", "-web", "web-", "Web", "we b", "wéb", &"w".repeat(38), &long, "a.b", "/a", "a/", "a/b/c", "-a/b"]
        {
            assert!(MissionName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_namespace_makes_another_mission_and_stands_in_no_id() {
        let (web, shop) = (MissionName::parse("web").unwrap(), MissionName::parse("shop/web").unwrap());
        assert_eq!((web.namespace(), web.bare()), (None, "web"));
        assert_eq!((shop.namespace(), shop.bare()), (Some("shop"), "web"));
        assert_ne!(web, shop);
        assert!(shop.id(&Digest::of(b"uid")).unwrap().as_str().starts_with("web-"));
    }
}
