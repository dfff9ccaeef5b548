//! The last look at a cluster: what its API servers say of themselves, how each watch stands, and what is wrong.

use std::sync::Arc;

use super::cluster::Kind;
use super::patrol::Troubles;
use crate::ids::Timestamp;
use crate::kubernetes::OwnRights;

/// The last look at a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// When its API server last answered the question for its version.
    pub answered: Option<Timestamp>,
    /// Since when it has answered each time.
    pub answers_since: Option<Timestamp>,
    /// When it was last asked.
    pub asked: Option<Timestamp>,
    /// Its version, such as `v1.34.4`.
    pub version: Option<String>,
    /// Why it did not answer when it was last asked.
    pub problem: Option<String>,
    /// How each watch stands.
    pub watches: Vec<Watch>,
    /// How many objects of a kind are known.
    pub counts: Vec<(Kind, usize)>,
    /// What is wrong.
    pub troubles: Arc<Troubles>,
    /// Which of the host's own rights are wrong; nothing until it was asked.
    pub rights: Arc<OwnRights>,
    /// Whether a worker's pod could reach the API server, which the walls of its network forbid.
    pub worker_reached: bool,
}

/// How the watch of one kind stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The kind.
    pub kind: Kind,
    /// How it stands.
    pub standing: Standing,
}

/// How a watch stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Its objects are listed for the first time.
    #[default]
    Listing,
    /// What changes is told.
    Live,
    /// We may not watch it: the API server's words.
    Denied(String),
    /// The API server has no such kind.
    Absent,
    /// It broke, since then, and is begun again: why.
    Broken(Timestamp, String),
}
