//! What a turn stands on: what the host found out in it, whole, where a policy is shown a part.
//!
//! A situation is cut to what a policy can be shown. What a verdict depends on, and what the ledger remembers, must not
//! depend on what was left out; so it stands here, is made before anything is cut, and is journaled beside the situation.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{FindingId, MissionId, Timestamp};
use crate::situation::{Finding, Severity};

/// A run looks after at most this many missions; for one beyond it nothing is started. With the texts about what is
/// unknown they are 280 KiB of an entry at most.
pub const MISSIONS_MAX: usize = 512;
/// What is said about an object that no state knows is cut to this many bytes.
pub const UNKNOWN_BYTES_MAX: usize = 512;
/// Findings that a situation leaves out are remembered up to this many, those of missions first: about 100 KiB.
pub const UNSHOWN_MAX: usize = 1_024;

/// What the gate rules on and the ledger remembers, beside the situation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ground {
    /// When the look at the engine began that this turn knows it by; none where it has not answered yet.
    pub looked: Option<Timestamp>,
    /// The missions that this run was told of. For one that is not among them nothing is started.
    pub missions: Vec<Footing>,
    /// The open findings that the situation leaves out.
    pub unshown: Vec<Unshown>,
}

/// What one mission stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Footing {
    /// The mission.
    pub mission: MissionId,
    /// What the engine has of it and no state knows, in a finding's words; none where there is nothing.
    pub unknown: Option<String>,
}

/// An open finding that the policy is not shown: as much of it as is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unshown {
    /// Its id.
    pub id: FindingId,
    /// Its rule.
    pub rule: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When what it says last changed.
    pub changed: Timestamp,
    /// A digest of what it says.
    pub content: Digest,
    /// How bad it is.
    pub severity: Severity,
    /// The mission that it is about.
    pub mission: Option<MissionId>,
    /// The namespace of its object.
    pub namespace: Option<String>,
}

impl Ground {
    /// What a mission stands on; none where this run was not told of it.
    pub fn of(&self, mission: &MissionId) -> Option<&Footing> {
        self.missions.iter().find(|footing| footing.mission == *mission)
    }
}

impl From<&Finding> for Unshown {
    fn from(finding: &Finding) -> Unshown {
        Unshown {
            id: finding.id.clone(),
            rule: finding.rule.clone(),
            first_seen: finding.first_seen,
            changed: finding.changed,
            content: crate::ledger::content(finding),
            severity: finding.severity,
            mission: finding.mission.clone(),
            namespace: finding.object.namespace.clone(),
        }
    }
}
