//! Warnings: what the cluster's own components say went wrong. They are evidence, and no finding of their own.

use super::object::{Meta, Name, Text};
use crate::ids::Timestamp;

/// An Event of type `Warning`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is.
    pub meta: Meta,
    /// The kind of the object that it is about, such as `Pod`.
    pub about_kind: Text,
    /// The object that it is about.
    pub about: Name,
    /// That object's uid.
    pub about_uid: Text,
    /// The pod's container that it is about, where it says so.
    pub container: Option<Text>,
    /// What happened, in one word, such as `FailedMount`.
    pub reason: Text,
    /// What happened, in a sentence.
    pub message: String,
    /// How often.
    pub count: u32,
    /// When last.
    pub last: Timestamp,
}
