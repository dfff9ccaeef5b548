//! What a policy is shown: everything that a decision may depend on, and nothing else.
//!
//! These types say in Rust what `wit/policy.wit` says to policy authors, field by field and in the same order; the
//! documentation of each field stands there. The boundary in the host converts between the two. A situation is state,
//! not news: it is built from ledger and observation each turn, bounded in every list, and journaled as encoded bytes;
//! the live decision is fed from the decoding of exactly those bytes.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{ApprovalId, FindingId, MissionId, OrderName, Timestamp};

/// All of a situation, encoded, is at most this large: 256 KiB cost about 0.5 ms of lowering (measured, Rust guest).
pub const SITUATION_BYTES_MAX: usize = 256 << 10;
/// A situation has at most this many strings: each costs the guest one allocation, 41 ns at best.
pub const STRINGS_MAX: usize = 8_000;
/// A policy sees at most this many findings; about 64 KiB across the boundary.
pub const FINDINGS_MAX: usize = 256;
/// A policy sees at most this many missions.
pub const MISSIONS_MAX: usize = 64;
/// A policy sees at most this many workers: those that run, and the newest of those that ended.
pub const WORKERS_MAX: usize = 128;
/// Every other list has at most this many entries.
pub const OTHERS_MAX: usize = 128;
/// A list of facts has at most this many entries.
pub const FACTS_MAX: usize = 32;
/// A text from outside is cut to this many bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// A key, a rule name or a label of ours is at most this many bytes.
pub const KEY_BYTES_MAX: usize = 128;
/// A policy may keep this many bytes from one decision to the next.
pub const MEMO_BYTES_MAX: usize = 64 << 10;

/// The kind of a failure where the engine refused the provider for its version.
pub const VERSION_MISMATCH: &str = "version-mismatch";
/// The kind of a failure where something that is not ours stands under a worker's name.
pub const SQUATTED: &str = "squatted";

/// Declares a noun of the contract: comparable, copyable in full, and encodable. Where people write one, what they
/// misspell is refused; a list marked as `default` may be left out, as any option may.
macro_rules! noun {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$fdoc:meta])* pub $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* #[doc = concat!("`", stringify!($field), "` of the contract.")] pub $field: $type,)* }
    )*};
}

/// Declares an enumeration of the contract.
macro_rules! choice {
    ($($(#[$doc:meta])* pub enum $name:ident { $($(#[$cdoc:meta])* $case:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$cdoc])* #[doc = concat!("`", stringify!($case), "` of the contract.")] $case,)* }
    )*};
}

choice! {
    /// How bad a finding is, the least first.
    pub enum Severity { Info, Warning, Critical, }
    /// What a policy's word is worth for a mission, at most; the least first, so the lower of two is their minimum.
    pub enum Autonomy { Off, Suggest, Approve, Auto, }
    /// What the user wants of a mission.
    pub enum DesiredState { Present, Absent, Suspended, }
    /// One kind of work.
    pub enum Operation { Plan, PlanDestroy, Apply, Check, Configure, Scan, }
    /// Where a worker is in its life.
    pub enum WorkerPhase { Starting, Running, Succeeded, Failed, Cancelled, Lost, }
    /// What the gate ruled.
    pub enum Ruling { Acted, Asked, Suggested, Refused, Failed, }
    /// Where an approval stands.
    pub enum ApprovalState { Pending, Granted, Denied, Expired, Superseded, }
    /// What is asked of the brain; the host writes the prompt from it.
    pub enum QuestionKind { Triage, Propose, ChooseRemedy, Summarise, }
    /// What the host saw after a remembered lesson.
    pub enum Outcome { Unknown, Helped, DidNotHelp, }
}

impl Operation {
    /// Whether a worker of this operation may change the world.
    pub fn changes(self) -> bool {
        match self {
            Operation::Apply | Operation::Configure => true,
            Operation::Plan | Operation::PlanDestroy | Operation::Check | Operation::Scan => false,
        }
    }

    /// The operation's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Plan => "plan",
            Operation::PlanDestroy => "plan-destroy",
            Operation::Apply => "apply",
            Operation::Check => "check",
            Operation::Configure => "configure",
            Operation::Scan => "scan",
        }
    }
}

impl Autonomy {
    /// The autonomy's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Autonomy::Off => "off",
            Autonomy::Suggest => "suggest",
            Autonomy::Approve => "approve",
            Autonomy::Auto => "auto",
        }
    }
}

impl DesiredState {
    /// The state's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            DesiredState::Present => "present",
            DesiredState::Absent => "absent",
            DesiredState::Suspended => "suspended",
        }
    }
}

impl ApprovalState {
    /// The state's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            ApprovalState::Pending => "pending",
            ApprovalState::Granted => "granted",
            ApprovalState::Denied => "denied",
            ApprovalState::Expired => "expired",
            ApprovalState::Superseded => "superseded",
        }
    }
}

impl WorkerPhase {
    /// Whether the worker may still do something.
    pub fn is_active(self) -> bool {
        match self {
            WorkerPhase::Starting | WorkerPhase::Running => true,
            WorkerPhase::Succeeded | WorkerPhase::Failed | WorkerPhase::Cancelled | WorkerPhase::Lost => false,
        }
    }
}

noun! {
    /// One key and value from outside.
    #[derive(PartialOrd, Ord)]
    pub struct Fact { pub key: String, pub value: String, }

    /// An object of the cluster or the engine.
    #[derive(PartialOrd, Ord)]
    pub struct ObjectRef { pub kind: String, pub namespace: Option<String>, pub name: String, pub uid: Option<String>, }

    /// One thing that a rule found wrong.
    pub struct Finding {
        pub id: FindingId,
        pub rule: String,
        pub severity: Severity,
        pub object: ObjectRef,
        pub owner: Option<ObjectRef>,
        pub mission: Option<MissionId>,
        pub message: String,
        #[serde(default)] pub evidence: Vec<Fact>,
        pub first_seen: Timestamp,
        pub changed: Timestamp,
        pub count: u32,
        pub acknowledged_until: Option<Timestamp>,
    }

    /// A finding that is gone.
    pub struct Resolution { pub finding: FindingId, pub rule: String, pub resolved: Timestamp, }

    /// The Docker engine in reach.
    pub struct DockerEngine {
        pub version: String,
        pub api: String,
        pub api_min: String,
        #[serde(default)] pub more: Vec<Fact>,
    }

    /// Files given by a person.
    pub struct Plan { pub digest: Digest, pub tool: String, #[serde(default)] pub facts: Vec<Fact>, }

    /// How much a plan or a run changes.
    #[derive(Copy, Default)]
    pub struct ChangeSummary { pub adds: u32, pub changes: u32, pub destroys: u32, pub replaces: u32, }

    /// Something made for a later step to take.
    pub struct Artifact {
        pub digest: Digest,
        pub plan: Digest,
        pub operation: Operation,
        pub generation: u32,
        pub worker: OrderName,
        pub made: Timestamp,
        pub summary: Option<ChangeSummary>,
        pub stale: bool,
        #[serde(default)] pub more: Vec<Fact>,
    }

    /// Why something did not work.
    pub struct Failure {
        pub kind: String,
        pub message: String,
        pub retryable: bool,
        #[serde(default)] pub remedies: Vec<String>,
    }

    /// What the host counted for one operation on this generation.
    pub struct Tally {
        pub operation: Operation,
        pub tried: u32,
        pub limit: u32,
        pub not_before: Option<Timestamp>,
        pub last_failure: Option<Failure>,
    }

    /// The host's own look at the world after an apply.
    pub struct Verification { pub at: Timestamp, pub ok: bool, #[serde(default)] pub differences: Vec<FindingId>, }

    /// What the user wants, and how far it is.
    pub struct Mission {
        pub id: MissionId,
        pub generation: u32,
        pub goal: String,
        pub autonomy: Autonomy,
        pub desired: DesiredState,
        pub phase: String,
        #[serde(default)] pub plans: Vec<Plan>,
        #[serde(default)] pub offers: Vec<String>,
        #[serde(default)] pub targets: Vec<String>,
        #[serde(default)] pub tallies: Vec<Tally>,
        #[serde(default)] pub artifacts: Vec<Artifact>,
        pub applied: Option<Digest>,
        pub verification: Option<Verification>,
        pub parked: Option<String>,
        #[serde(default)] pub more: Vec<Fact>,
    }

    /// One run of one order.
    pub struct Worker {
        pub id: OrderName,
        pub mission: MissionId,
        pub generation: u32,
        pub operation: Operation,
        pub plan: Digest,
        pub input: Option<Digest>,
        pub attempt: u32,
        pub phase: WorkerPhase,
        pub started: Timestamp,
        pub deadline: Timestamp,
        pub ended: Option<Timestamp>,
        pub output: Option<Digest>,
        pub summary: Option<ChangeSummary>,
        pub failure: Option<Failure>,
        #[serde(default)] pub more: Vec<Fact>,
    }

    /// What the gate said to an earlier proposal.
    pub struct ShownVerdict {
        pub turn: u32,
        pub key: String,
        pub ruling: Ruling,
        pub rule: String,
        pub because: String,
        pub worker: Option<OrderName>,
        pub approval: Option<ApprovalId>,
    }

    /// A person's answer to one exact order.
    pub struct Approval {
        pub id: ApprovalId,
        pub mission: MissionId,
        pub operation: Operation,
        pub plan: Digest,
        pub artifact: Option<Digest>,
        pub state: ApprovalState,
        pub needed: u32,
        pub given: u32,
        pub requested: Timestamp,
        pub expires: Timestamp,
        pub comment: Option<String>,
    }

    /// What is left of a budget.
    pub struct Allowance { pub name: String, pub used: u64, pub limit: u64, pub resets: Option<Timestamp>, }

    /// What the brain recommends.
    pub struct Recommendation {
        pub need: Option<String>,
        pub mission: Option<MissionId>,
        pub finding: Option<FindingId>,
        pub remedy: Option<String>,
        pub reason: String,
        pub confidence: u16,
    }

    /// What the brain said.
    pub struct Assessment { pub text: String, #[serde(default)] pub recommendations: Vec<Recommendation>, }

    /// A question to the brain and what came of it.
    pub struct Advice {
        pub question: String,
        pub kind: QuestionKind,
        pub asked: Timestamp,
        pub answered: Option<Timestamp>,
        pub model: Option<String>,
        pub reply: Reply,
    }

    /// A past episode that resembles this one.
    pub struct Recollection {
        pub id: String,
        #[serde(default)] pub findings: Vec<FindingId>,
        pub similarity: u16,
        pub lesson: String,
        pub outcome: Outcome,
        pub learned: Timestamp,
        pub seen: u32,
    }

    /// What an earlier look brought.
    pub struct Inspection { pub id: String, pub object: ObjectRef, pub asked: Timestamp, pub view: View, }

    /// How many entries each list would have had beyond its limit.
    #[derive(Copy, Default)]
    pub struct Omitted { pub findings: u32, pub missions: u32, pub workers: u32, pub others: u32, }

    /// What a policy kept for itself.
    pub struct Memo { pub format: String, pub bytes: Vec<u8>, }

    /// Everything that a decision may depend on.
    pub struct Situation {
        pub turn: u32,
        pub now: Timestamp,
        pub last_decision: Option<Timestamp>,
        pub settings: Vec<Fact>,
        pub cluster: Vec<Fact>,
        pub engine: Option<DockerEngine>,
        pub findings: Vec<Finding>,
        pub resolved: Vec<Resolution>,
        pub missions: Vec<Mission>,
        pub workers: Vec<Worker>,
        pub verdicts: Vec<ShownVerdict>,
        pub approvals: Vec<Approval>,
        pub allowances: Vec<Allowance>,
        pub advice: Vec<Advice>,
        pub recollections: Vec<Recollection>,
        pub inspections: Vec<Inspection>,
        pub omitted: Omitted,
        pub memo: Option<Memo>,
        pub more: Vec<Fact>,
    }
}

/// The state of an answer from the brain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// None yet.
    Pending,
    /// It answered, and the answer was parsed against the question's schema.
    Assessed(Assessment),
    /// No answer will come, and why.
    Unanswered(String),
}

/// What a look brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// Nothing yet.
    Pending,
    /// What was seen.
    Text(String),
    /// It could not be seen, and why.
    Failed(String),
}

impl Fact {
    /// A fact, its key and value cut to their limits.
    pub fn new(key: &str, value: &str) -> Fact {
        Fact { key: cut(key, KEY_BYTES_MAX), value: cut(value, TEXT_BYTES_MAX) }
    }
}

/// The text, or as much of its beginning as fits with an ellipsis into `bytes_max` bytes.
pub fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("naïve", 6), "naïve");
        assert_eq!(cut("naïve", 5), "na…");
        assert_eq!(cut("ééééé", 6), "é…");
    }

    #[test]
    fn the_lower_of_two_autonomies_is_their_minimum() {
        assert_eq!(Autonomy::Auto.min(Autonomy::Suggest), Autonomy::Suggest);
    }
}
