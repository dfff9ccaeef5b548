//! Signatures of policies: what a signer says, the file that it stands in, and what the operator demands.
//!
//! Whoever signs a digest alone signs what he can't read. So what is signed is a small text, the [`Manifest`]: which bytes
//! it is about, and what the policy in them may do. One file holds a manifest and the signatures of any number of people
//! over it; `docs/signatures.md` describes it byte by byte, so that anybody can check it without us. Beside those, a
//! signature over the component's own bytes is taken, as `cosign sign-blob` makes them.
//!
//! What is *not* here: signing and checking signatures, which are the host's; certificates and transparency logs, which
//! nobody here looks at.

mod demand;
mod file;
mod key;

pub use demand::{DemandError, KEYS_MAX, KnownKey, SignatureDemands};
pub use file::{SIGNATURE_BYTES_MAX, SignatureFile, SignatureFileError, Signing};
pub use key::{VerifyingKey, VerifyingKeyError};

use crate::decision::{ActionKind, Description};
use crate::digest::Digest;
use crate::situation::{KEY_BYTES_MAX, Operation};
use crate::text::is_hidden;

/// The first line of a manifest: what is signed is this and nothing else that has the same form.
pub const MANIFEST: &str = "quarterdeck policy 1";
/// What stands for a list without entries.
const NOTHING: &str = "-";

const ACTIONS: [ActionKind; 9] = [
    ActionKind::Build,
    ActionKind::Configure,
    ActionKind::Scan,
    ActionKind::Cancel,
    ActionKind::Ask,
    ActionKind::Inspect,
    ActionKind::Remember,
    ActionKind::Notify,
    ActionKind::Acknowledge,
];
const OPERATIONS: [Operation; 6] = [
    Operation::Plan,
    Operation::PlanDestroy,
    Operation::Apply,
    Operation::Check,
    Operation::Configure,
    Operation::Scan,
];

/// What a signer says of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The digest of the component.
    pub digest: Digest,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its name, by its own word.
    pub name: String,
    /// Its version, by its own word.
    pub version: String,
    /// The actions that it may return, in the contract's order, each once.
    pub actions: Vec<ActionKind>,
    /// The operations that it may ask for, in the contract's order, each once.
    pub operations: Vec<Operation>,
}

impl Manifest {
    /// What there is to sign about a component that says this of itself.
    pub fn of(digest: Digest, bytes: u64, description: &Description) -> Manifest {
        let Description { name, version, actions, operations, .. } = description;
        Manifest {
            digest,
            bytes,
            name: name.clone(),
            version: version.clone(),
            actions: ACTIONS.into_iter().filter(|action| actions.contains(action)).collect(),
            operations: OPERATIONS.into_iter().filter(|operation| operations.contains(operation)).collect(),
        }
    }

    /// What is signed: one fact a line, each line with its end.
    pub fn text(&self) -> String {
        let Manifest { digest, bytes, name, version, .. } = self;
        let (actions, operations) = (self.actions(), self.operations());
        format!(
            "{MANIFEST}\ndigest {digest}\nbytes {bytes}\nname {name}\nversion {version}\nactions {actions}\noperations {operations}\n"
        )
    }

    /// The first thing that the policy says otherwise of itself than its signers did; none where they agree.
    pub fn difference(&self, description: &Description) -> Option<String> {
        let said = Manifest::of(self.digest, self.bytes, description);
        let differs = |what: &str, signed: &str, said: &str| {
            (signed != said).then(|| format!("the manifest has the {what} {signed:?}, the module says {said:?}"))
        };
        differs("name", &self.name, &said.name)
            .or_else(|| differs("version", &self.version, &said.version))
            .or_else(|| differs("actions", &self.actions(), &said.actions()))
            .or_else(|| differs("operations", &self.operations(), &said.operations()))
    }

    fn actions(&self) -> String {
        listed(self.actions.iter().map(|action| action.name()))
    }

    fn operations(&self) -> String {
        listed(self.operations.iter().map(|operation| operation.name()))
    }

    /// Reads the lines of [`Manifest::text`] but for the first; which one is missing or wrong, where one is.
    fn read<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Manifest, &'static str> {
        let mut fact = |key: &'static str| {
            let value = lines.next().and_then(|line| line.strip_prefix(key)?.strip_prefix(' '));
            value.ok_or(key)
        };
        let name = |text: &str, key: &'static str| {
            let fits = !text.is_empty() && text.len() <= KEY_BYTES_MAX && !text.chars().any(is_hidden);
            fits.then(|| text.to_owned()).ok_or(key)
        };
        let manifest = Manifest {
            digest: fact("digest")?.parse().map_err(|_| "digest")?,
            bytes: number(fact("bytes")?).ok_or("bytes")?,
            name: name(fact("name")?, "name")?,
            version: name(fact("version")?, "version")?,
            actions: read_list(fact("actions")?, &ACTIONS, ActionKind::name).ok_or("actions")?,
            operations: read_list(fact("operations")?, &OPERATIONS, Operation::name).ok_or("operations")?,
        };
        Ok(manifest)
    }
}

fn listed(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { NOTHING.to_owned() } else { names.join(",") }
}

/// A list as [`listed`] writes it, and no other spelling: in the contract's order, each once.
fn read_list<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Option<Vec<T>> {
    let named = |item: &T| text.split(',').any(|word| word == name(*item));
    let list: Vec<T> = all.iter().copied().filter(named).collect();
    (listed(list.iter().map(|item| name(*item))) == text).then_some(list)
}

/// A number as it is printed, and no other spelling.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

#[cfg(test)]
mod tests;
