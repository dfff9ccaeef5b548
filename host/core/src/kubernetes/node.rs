//! Nodes, namespaces and quotas: what pods stand on and in.

use super::object::{Condition, Meta, Text};
use crate::ids::Timestamp;

/// A Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub meta: Meta,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// Whether no pod is placed on it.
    pub cordoned: bool,
    /// Since when, where its taint says so.
    pub cordoned_since: Option<Timestamp>,
    /// The version of its kubelet, such as `v1.34.4`.
    pub kubelet: Text,
    /// Its container runtime and its version, such as `containerd://1.6.20`.
    pub runtime: Text,
}

/// A Namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What it is.
    pub meta: Meta,
    /// Those of its conditions that hold: each says what its deletion waits for.
    pub conditions: Vec<Condition>,
}

/// A ResourceQuota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What it is.
    pub meta: Meta,
    /// What it limits.
    pub lines: Vec<QuotaLine>,
}

/// One limit of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaLine {
    /// Of what, such as `requests.cpu` or `count/jobs.batch`.
    pub resource: Text,
    /// How much there may be, as it was written.
    pub hard: Text,
    /// How much there is, as it was written.
    pub used: Text,
}
