//! How many signatures the operator demands of a policy, and whose count.

use serde::{Deserialize, Serialize};

use super::key::VerifyingKey;
use crate::digest::Digest;

/// An operator knows at most this many keys: the people of one team, who can all be told from each other by name.
pub const KEYS_MAX: usize = 16;
/// A key's name is at most this many bytes.
const NAME_BYTES_MAX: usize = 64;

/// What the operator demands of a policy before it is looked at: nothing, unless it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Written")]
pub struct SignatureDemands {
    /// So many of the keys must have signed.
    pub needed: u32,
    /// The keys that count.
    pub keys: Vec<KnownKey>,
}

/// A key that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownKey {
    /// What the operator calls whoever holds it.
    pub name: String,
    /// Its public half.
    pub pem: VerifyingKey,
}

/// Demands that can't be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// Too many keys.
    #[error("signatures.keys has {0} keys, of {KEYS_MAX} at most")]
    TooMany(usize),
    /// More than there are.
    #[error("signatures.needed is {needed}, and signatures.keys has {keys}: no policy could ever have as many")]
    Unreachable {
        /// So many are demanded.
        needed: u32,
        /// So many there are.
        keys: usize,
    },
    /// A name that is none.
    #[error("signatures.keys: {0:?} is no name: use up to {NAME_BYTES_MAX} letters, digits and . _ @ -")]
    Name(String),
    /// Two keys of one name.
    #[error("signatures.keys: the name {0} is used twice")]
    SameName(String),
    /// Two names of one key, which would count for two people.
    #[error("signatures.keys: {0} and {1} are one key, which would count for two")]
    SameKey(String, String),
}

/// As a file has it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Written {
    needed: u32,
    keys: Vec<KnownKey>,
}

impl TryFrom<Written> for SignatureDemands {
    type Error = DemandError;

    fn try_from(Written { needed, keys }: Written) -> Result<SignatureDemands, DemandError> {
        let demands = SignatureDemands { needed, keys };
        demands.check().map(|()| demands)
    }
}

impl SignatureDemands {
    /// Whether they can be meant.
    ///
    /// # Errors
    /// The first thing in them that can't.
    pub fn check(&self) -> Result<(), DemandError> {
        let SignatureDemands { needed, keys } = self;
        if keys.len() > KEYS_MAX {
            return Err(DemandError::TooMany(keys.len()));
        }
        if usize::try_from(*needed).unwrap_or(usize::MAX) > keys.len() {
            return Err(DemandError::Unreachable { needed: *needed, keys: keys.len() });
        }
        for (index, KnownKey { name, pem }) in keys.iter().enumerate() {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
            if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
                return Err(DemandError::Name(name.chars().take(NAME_BYTES_MAX).collect()));
            }
            let before = &keys[..index];
            if before.iter().any(|known| known.name == *name) {
                return Err(DemandError::SameName(name.clone()));
            }
            if let Some(same) = before.iter().find(|known| known.pem == *pem) {
                return Err(DemandError::SameKey(same.name.clone(), name.clone()));
            }
        }
        Ok(())
    }

    /// The key of this fingerprint.
    pub fn key(&self, fingerprint: &Digest) -> Option<&KnownKey> {
        self.keys.iter().find(|known| known.pem.fingerprint() == *fingerprint)
    }

    /// The keys that these have not, by what they are and not by what they are called.
    pub fn unknown_to<'a>(&'a self, others: &'a SignatureDemands) -> impl Iterator<Item = &'a KnownKey> {
        self.keys.iter().filter(|key| !others.keys.iter().any(|known| known.pem == key.pem))
    }

    /// Whether signatures may suffice that did not suffice under the others. At worst every key that is new has signed,
    /// and the others see the rest alone.
    pub fn is_wider_than(&self, others: &SignatureDemands) -> bool {
        let new = u32::try_from(self.unknown_to(others).count()).unwrap_or(u32::MAX);
        self.needed.saturating_sub(new) < others.needed
    }
}
