//! Entries about policies: what was uploaded, who wanted what of it, what decided since, and what a shadow made of a turn.

use serde::{Deserialize, Serialize};

use super::Answered;
use crate::decision::Description;
use crate::digest::Digest;
use crate::encoding;
use crate::ids::{ApprovalId, Timestamp};
use crate::observation::Person;
use crate::situation::{Fact, cut};
use crate::upload::{Outcome, Profile, Report, SOURCE_BYTES_MAX, Step};

/// The activation of a policy in the slot `main`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activated {
    /// When.
    pub at: Timestamp,
    /// The digest of its bytes.
    pub policy: Digest,
    /// What it says of itself.
    pub description: Description,
    /// What the operator set for it.
    pub settings: Vec<Fact>,
    /// The Unix user who brought it; none where it came with the program. A cluster's user can bring none.
    pub by: Option<u32>,
    /// How it came to decide.
    pub how: How,
}

/// How a policy came to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A host was started with it, and nothing had decided there before.
    Started,
    /// A person wanted it.
    #[serde(rename_all = "camelCase")]
    Wanted {
        /// Who.
        who: Person,
        /// What people answered; none where nobody had to be asked.
        approval: Option<ApprovalId>,
        /// The rule that let it.
        rule: String,
    },
    /// A person took the one after it back.
    RolledBack {
        /// Who.
        who: Person,
        /// What the person wrote.
        comment: Option<String>,
    },
    /// The one after it failed, or could not be loaded.
    FellBack {
        /// Which.
        from: Digest,
        /// Why.
        why: String,
    },
}

/// A component that passed every check of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploaded {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Person,
    /// The digest of its bytes.
    pub policy: Digest,
    /// From where: a file's name, a registry's reference.
    pub source: String,
    /// How many bytes.
    pub bytes: u64,
    /// What it may import.
    pub profile: Profile,
    /// What it says of itself.
    pub description: Description,
    /// The keys that signed it.
    pub signers: Vec<String>,
    /// The checks, and how they went.
    pub checks: Vec<(Step, Outcome)>,
    /// The digest of the report that is kept with it.
    pub report: Digest,
}

/// What a person wants a policy for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Purpose {
    /// To decide.
    Activate {
        /// Only after so many turns as the shadow, with no failure and no refusal among them.
        after: Option<u32>,
    },
    /// To be asked beside the one that decides.
    Shadow,
}

/// Whether people are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leave {
    /// Nobody has to be.
    Given {
        /// The rule that lets it.
        rule: String,
    },
    /// People are.
    #[serde(rename_all = "camelCase")]
    Asked {
        /// What they answer.
        id: ApprovalId,
        /// The rule that demands so.
        rule: String,
        /// So many have to say yes.
        needed: u8,
        /// Until when.
        expires: Timestamp,
    },
}

/// A person's wish for another policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nominated {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Person,
    /// The policy.
    pub policy: Digest,
    /// What it says of itself.
    pub description: Description,
    /// What the operator set for it, all of it.
    pub settings: Vec<Fact>,
    /// What for.
    pub purpose: Purpose,
    /// Whether people are asked.
    pub leave: Leave,
}

/// What a shadow made of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shadowed {
    /// When it was written down.
    pub at: Timestamp,
    /// The turn.
    pub turn: u32,
    /// The shadow.
    pub policy: Digest,
    /// The time in the situation.
    pub decided_at: Timestamp,
    /// What it answered.
    pub answer: Answered,
    /// What it logged: bounded and escaped.
    pub logs: Vec<String>,
    /// The fuel that it used.
    pub fuel: u64,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// So many of its proposals the gate would have refused.
    pub refused: u32,
    /// Where it would have done otherwise than was done, a line each; bounded.
    pub differ: Vec<String>,
}

/// A fence that does not follow from failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fenced {
    /// When.
    pub at: Timestamp,
    /// The policy.
    pub policy: Digest,
    /// Its name and version.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Two answers to one situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Differed {
    /// When it was seen.
    pub at: Timestamp,
    /// The turn whose situation it was.
    pub turn: u32,
    /// The policy.
    pub policy: Digest,
    /// Its name and version.
    pub name: String,
    /// What differed.
    pub what: String,
}

impl Uploaded {
    /// What is written down of an upload; nothing where its report holds a refusal.
    pub fn of(report: &Report, who: &Person, source: &str, at: Timestamp) -> Option<Uploaded> {
        if report.refusal().is_some() {
            return None;
        }
        Some(Uploaded {
            at,
            who: who.clone(),
            policy: report.policy,
            source: cut(source, SOURCE_BYTES_MAX),
            bytes: report.bytes,
            profile: report.profile?,
            description: report.description.clone()?,
            signers: report.signers.clone(),
            checks: report.checks.iter().map(|check| (check.step, check.outcome)).collect(),
            report: encoding::digest(report),
        })
    }
}
