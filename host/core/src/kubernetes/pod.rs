//! Pods.

use super::object::{Condition, Meta, Text};
use crate::ids::Timestamp;

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// What it is; with its labels, which services, budgets and network policies select it by.
    pub meta: Meta,
    /// The node that it is on.
    pub node: Option<Text>,
    /// Where it is in its life.
    pub phase: Phase,
    /// Why it is so, in one word, such as `Evicted`.
    pub reason: Option<Text>,
    /// Why it is so, in a sentence.
    pub message: Option<String>,
    /// Those of its conditions that do not hold, and `DisruptionTarget` where it does. None of a pod that ended well.
    pub conditions: Vec<Condition>,
    /// Its init containers, in their order, and then its containers, as far as its kubelet has said something of them.
    /// None of a pod that ended well.
    pub containers: Vec<Container>,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all of its containers were started yet.
    Pending,
    /// At least one of its containers runs, or is started again.
    Running,
    /// All ended well, for ever.
    Succeeded,
    /// All ended, at least one of them badly, for ever.
    Failed,
    /// Its node does not say.
    Unknown,
}

/// A container of a pod. Most of them run and have never ended, so what tells of an end stands apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: Text,
    /// The image that it is made from, as it was named.
    pub image: Text,
    /// What it is for.
    pub role: Role,
    /// Whether it has passed its startup probe, where it has one.
    pub started: bool,
    /// Whether it passes its readiness probe.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: u32,
    /// What it is doing.
    pub state: State,
    /// How it ended last, where it is not ended now.
    pub last: Option<Box<Ended>>,
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It ends before the others begin.
    Init,
    /// It begins before the others, and goes on beside them.
    Sidecar,
    /// The pod's work.
    Main,
}

/// What a container is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not started: why, in the kubelet's words.
    Waiting {
        /// In one word, such as `CrashLoopBackOff`.
        reason: Text,
        /// In a sentence.
        message: String,
    },
    /// Running since then.
    Running(Timestamp),
    /// It has ended.
    Ended(Box<Ended>),
}

/// The end of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub exit: i32,
    /// Why, in one word, such as `OOMKilled`.
    pub reason: Text,
    /// What it left to say.
    pub message: String,
    /// When it had begun; 1970 where it never did.
    pub begun: Timestamp,
    /// When.
    pub at: Timestamp,
}
