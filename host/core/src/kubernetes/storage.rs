//! Storage.

use super::object::{Meta, Name, Text};
use crate::ids::Timestamp;

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it is.
    pub meta: Meta,
    /// `Pending`, `Bound` or `Lost`.
    pub phase: Text,
    /// The storage class that it names; none where it names none, and empty where it wants none.
    pub class: Option<Text>,
    /// The volume that it has or wants.
    pub volume: Option<Text>,
    /// Whether a pod that wants it was given a node.
    pub wanted: bool,
    /// When it was written last.
    pub changed: Timestamp,
}

/// A PersistentVolume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What it is.
    pub meta: Meta,
    /// `Pending`, `Available`, `Bound`, `Released` or `Failed`.
    pub phase: Text,
    /// Why, in one word.
    pub reason: Text,
    /// Why, in a sentence.
    pub message: String,
    /// Who has it.
    pub claim: Option<Name>,
    /// What becomes of it afterwards: `Retain`, `Delete` or `Recycle`.
    pub reclaim: Text,
}

/// A StorageClass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClass {
    /// What it is.
    pub meta: Meta,
    /// Whether it is for who names none.
    pub default: bool,
    /// Who makes its volumes.
    pub provisioner: Text,
    /// Whether a volume is made only once a pod wants it.
    pub waits: bool,
}
