//! The ledger: what follows from the journal. A fold over its entries, and never a second truth.
//!
//! [`Ledger::fold`] takes each entry in its order and nothing else; the same journal gives the same ledger, on any
//! machine, at any time. [`Ledger::news`] says what an observation shows that no entry says yet. Where something depends
//! on the time of asking (an approval that expires), it is worked out when asked and not stored.

mod approval;
mod command;
mod fold;
mod law;
mod news;
mod pause;
mod policies;
mod worked;

pub use approval::{ApprovalAnswer, ApprovalRecord};
pub use command::CommandError;
pub(crate) use fold::content;
pub(crate) use law::hour_and_weekday;
pub use law::{Candidate, Enacted, Law, Shared};
pub use policies::{
    Differing, Due, FAILURES_MAX, FailedTurn, Fence, MemoFate, Nomination, Nominee, OBSERVE_MS, Observing, Policies,
    SHELF_MAX, Shadow, Shelved, TENURES_MAX, Tenure, WINDOW, Widening,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::budget::Spending;
use crate::convergence::Repairs;
use crate::decision::Description;
use crate::digest::Digest;
use crate::encoding;
use crate::ids::{ApprovalId, FindingId, MissionId, OrderName, Timestamp};
use crate::mission::{MissionName, MissionSpec};
use crate::observation::Person;
use crate::order::{End, NamedObject, Order, OrderKey, SavedPlan, StateRef, WorkerResult};
use crate::pause::{Pause, Scope};
use crate::question::Question;
use crate::situation::{
    Advice, Autonomy, DesiredState, Fact, Failure, Memo, Operation, Resolution, Severity, WorkerPhase,
};
use crate::verdict::Verdict;

/// A verdict, an ended worker or a resolved finding is shown at least this long, in milliseconds.
pub const RETENTION_MS: u64 = 10 * 60 * 1_000;
/// At most this many ended orders, verdicts, answers, notifications and resolved findings are kept; the journal has the
/// rest.
pub const KEPT_MAX: usize = 256;

/// Everything that follows from the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// How many entries were folded.
    pub entries: u64,
    /// What makes this journal's missions differ from another's.
    pub nonce: Option<Digest>,
    /// Whether the workers are simulated.
    pub rehearsal: bool,
    /// The last turn that was opened.
    pub turn: u32,
    /// The turn that was opened and not closed, if there is one.
    pub open: Option<u32>,
    /// The latest time that was seen.
    pub now: Timestamp,
    /// The missions.
    pub missions: BTreeMap<MissionId, MissionState>,
    /// Orders: those at work, and the newest of those that ended.
    pub orders: BTreeMap<OrderName, OrderState>,
    /// Requests to people and their answers.
    pub approvals: BTreeMap<ApprovalId, ApprovalRecord>,
    /// The last word of the gate on each key.
    pub verdicts: BTreeMap<String, KeptVerdict>,
    /// The findings that were open in the last turn.
    pub findings: BTreeMap<FindingId, SeenFinding>,
    /// The findings that went away lately.
    pub resolved: BTreeMap<FindingId, Resolution>,
    /// Questions to the brain and their answers.
    pub advice: BTreeMap<String, AdviceRecord>,
    /// How many questions were asked on which day since the epoch.
    pub asked: (u64, u32),
    /// What workers, applies and questions have used up.
    pub spending: Spending,
    /// What policies told people, the newest last.
    pub notifications: Vec<Notification>,
    /// What people have paused, the widest first.
    pub pauses: BTreeMap<Scope, Pause>,
    /// The charter in force, and the one that waits for people.
    pub law: Law,
    /// The policy in the slot `main`.
    pub policy: PolicyState,
    /// The policies beside it.
    pub policies: Policies,
}

/// Where a mission stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissionState {
    /// Its id.
    pub id: MissionId,
    /// What tells it from a namesake that was there before.
    pub uid: Digest,
    /// Rises when files or desired state change.
    pub generation: u32,
    /// What its author wrote.
    pub spec: MissionSpec,
    /// Who commanded its destruction, and when; until its files change or `restore`.
    pub destroyed: Option<(Timestamp, Person)>,
    /// Failures in a row, by operation, on this generation.
    pub tallies: BTreeMap<Operation, TallyState>,
    /// The newest saved plan of each operation, on this generation.
    pub saved: BTreeMap<Operation, Saved>,
    /// What was applied last, in any generation.
    pub applied: Option<Applied>,
    /// The newest version of its state.
    pub state: Option<StateRef>,
    /// The objects that its state names.
    pub objects: Vec<NamedObject>,
    /// The objects that an earlier state named and that must be gone.
    pub gone: Vec<NamedObject>,
    /// When its last worker ended; when it was first seen, if none has.
    pub quiet_since: Timestamp,
    /// When a worker that may have changed its objects last ended.
    pub changed: Timestamp,
    /// Whether it was ever applied by a worker that was no rehearsal.
    pub ever_real: bool,
    /// What was applied on this generation, and when, since a person's release.
    pub repairs: Repairs,
    /// How many workers of a key are known to have ended.
    pub attempts: Vec<(OrderKey, u32)>,
}

/// Failures of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyState {
    /// In a row.
    pub failures: u32,
    /// No earlier than this again.
    pub not_before: Option<Timestamp>,
    /// The last one.
    pub last: Option<Failure>,
}

/// A saved plan that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The order that made it.
    pub order: OrderName,
    /// When.
    pub made: Timestamp,
    /// What it is.
    pub plan: SavedPlan,
    /// The tool and its version that made it.
    pub tool: Option<String>,
}

/// An apply that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The saved plan.
    pub saved: Digest,
    /// The generation that it was made for.
    pub generation: u32,
    /// Whether it destroyed.
    pub destroy: bool,
    /// When it ended.
    pub at: Timestamp,
}

/// An order and its worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// What was ordered.
    pub order: Order,
    /// The approval that it was started on.
    pub approval: Option<ApprovalId>,
    /// Who claimed it, and when.
    pub claimed: Option<(Timestamp, String)>,
    /// When it ended, and how.
    pub ended: Option<(Timestamp, WorkerResult)>,
}

/// A verdict, and the turn that it was ruled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVerdict {
    /// The turn.
    pub turn: u32,
    /// When.
    pub at: Timestamp,
    /// The generation of its mission then.
    pub generation: Option<u32>,
    /// The verdict.
    pub verdict: Verdict,
}

/// What is remembered of an open finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenFinding {
    /// Its rule.
    pub rule: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When what it says last changed.
    pub changed: Timestamp,
    /// A digest of what it says.
    pub content: Digest,
    /// Until when the policy is not shown it as open.
    pub acknowledged_until: Option<Timestamp>,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceRecord {
    /// What was asked.
    pub question: Question,
    /// As policies are shown it.
    pub advice: Advice,
}

/// What a policy told people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// When.
    pub at: Timestamp,
    /// How urgent.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The rest.
    pub text: String,
    /// About which mission.
    pub mission: Option<MissionId>,
}

/// The policy that decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyState {
    /// The digest of its bytes.
    pub digest: Option<Digest>,
    /// What it says of itself.
    pub description: Option<Description>,
    /// The Unix user who brought it; none where it came with the program. A cluster's user can bring none.
    pub by: Option<u32>,
    /// What the operator set for it.
    pub settings: Vec<Fact>,
    /// What it keeps.
    pub memo: Option<Memo>,
    /// When it last made a decision that was journaled.
    pub last_decision: Option<Timestamp>,
    /// When it wants to look again.
    pub look_again: Option<Timestamp>,
    /// How often it failed in a row, and how it failed last.
    pub failures: u32,
    /// The last failure: its kind and the sandbox's words.
    pub last_failure: Option<(Timestamp, String, String)>,
    /// How many decisions it was asked for; those that the host gave up are not counted.
    pub asked: u64,
    /// Its failures within the last [`WINDOW`] of them.
    pub failed: Vec<FailedTurn>,
}

impl PolicyState {
    /// Its name and version, for people.
    pub fn name(&self) -> String {
        self.description
            .as_ref()
            .map_or_else(|| "no policy".to_owned(), |said| format!("{} {}", said.name, said.version))
    }
}

impl MissionState {
    /// What is wanted now: the author's word, unless a person commanded its destruction.
    pub fn desired(&self) -> DesiredState {
        if self.destroyed.is_some() { DesiredState::Absent } else { self.spec.desired }
    }

    /// The autonomy in force: the lower of the author's and the operator's.
    pub fn autonomy(&self, ceiling: Autonomy) -> Autonomy {
        self.spec.autonomy.min(ceiling)
    }

    /// Whether a saved plan can't be applied any more: the state has moved on, or it was applied already.
    pub fn is_stale(&self, saved: &Saved) -> bool {
        saved.plan.input.state != self.state || self.applied.as_ref().is_some_and(|applied| applied.at >= saved.made)
    }

    /// How many workers of a key are known to have ended.
    pub fn attempts(&self, key: &OrderKey) -> u32 {
        self.attempts.iter().find(|(known, _)| known == key).map_or(0, |(_, count)| *count)
    }

    /// The plan of the operation that leads to the desired state, if it would change nothing: then the mission is
    /// where it shall be, whether or not anything was ever applied on this generation.
    pub fn settled_plan(&self) -> Option<&Saved> {
        let operation = match self.desired() {
            DesiredState::Present => Operation::Plan,
            DesiredState::Absent => Operation::PlanDestroy,
            DesiredState::Suspended => return None,
        };
        self.saved.get(&operation).filter(|saved| saved.plan.summary == Default::default())
    }

    /// When the mission reached what is wanted of it now: its last apply was of this generation, or its newest plan
    /// would change nothing.
    pub fn reached(&self) -> Option<Timestamp> {
        let destroy = self.desired() == DesiredState::Absent;
        let applied = self.applied.as_ref().filter(|a| a.generation == self.generation && a.destroy == destroy);
        let planned = self.settled_plan().map(|saved| saved.made);
        applied.map(|a| a.at).max(planned)
    }
}

impl OrderState {
    /// Where the worker is in its life.
    pub fn phase(&self) -> WorkerPhase {
        match (&self.ended, &self.claimed) {
            (Some((_, result)), _) => match result.end {
                End::Succeeded => WorkerPhase::Succeeded,
                End::Failed => WorkerPhase::Failed,
                End::Cancelled => WorkerPhase::Cancelled,
                End::Lost => WorkerPhase::Lost,
            },
            (None, Some(_)) => WorkerPhase::Running,
            (None, None) => WorkerPhase::Starting,
        }
    }
}

impl Ledger {
    /// Folds a whole journal.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a crate::entry::Entry>) -> Ledger {
        let mut ledger = Ledger::default();
        entries.into_iter().for_each(|entry| ledger.fold(entry));
        ledger
    }

    /// What this ledger is, as one digest.
    pub fn digest(&self) -> Digest {
        encoding::digest(self)
    }

    /// The mission of that name.
    pub fn mission(&self, name: &MissionName) -> Option<&MissionState> {
        self.missions.values().find(|mission| mission.spec.name == *name)
    }

    /// The order of a mission that is at work, if one is.
    pub fn at_work(&self, mission: &MissionId) -> Option<&OrderState> {
        self.orders.values().find(|state| state.order.mission == *mission && state.ended.is_none())
    }
}

#[cfg(test)]
mod tests;
