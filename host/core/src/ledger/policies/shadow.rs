//! The shadow: a policy that is asked about the same situations after each turn, and whose word counts for nothing.
//!
//! It has a memo and settings of its own, and nothing in what it is shown tells it that it is one. What is counted here
//! follows from the entries `shadowed`, one for each turn that it was asked about.

use serde::{Deserialize, Serialize};

use crate::decision::Description;
use crate::digest::Digest;
use crate::entry::{Answered, Shadowed};
use crate::ids::Timestamp;
use crate::ledger::{Ledger, PolicyState};
use crate::observation::Person;
use crate::situation::{Fact, Memo};

/// So many of its last differences are kept.
const DIFFERENCES_KEPT_MAX: usize = 16;

/// A shadow, and what came of it so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// The policy.
    pub policy: Digest,
    /// What it says of itself.
    pub description: Description,
    /// What the operator set for it.
    pub settings: Vec<Fact>,
    /// Who wanted it.
    pub who: Person,
    /// Since when.
    pub since: Timestamp,
    /// What it keeps.
    pub memo: Option<Memo>,
    /// When it last made a decision.
    pub last_decision: Option<Timestamp>,
    /// Turns that it was asked about.
    pub turns: u32,
    /// Of them, those in which it would have done otherwise.
    pub differ: u32,
    /// Of them, those in which it failed.
    pub failed: u32,
    /// Of them, those in which the host gave up.
    pub aborted: u32,
    /// Proposals of its that the gate would have refused.
    pub refused: u32,
    /// Turns since it last failed or was refused anything.
    pub clean: u32,
    /// The fuel that it used in all.
    pub fuel: u64,
    /// The most fuel that it used in one turn.
    pub fuel_max: u64,
    /// How long it took in all, in microseconds.
    pub micros: u64,
    /// The last turns in which it differed, the newest last.
    pub differences: Vec<(u32, String)>,
    /// How it failed last: the turn, and how.
    pub last_failure: Option<(u32, String)>,
}

impl Shadow {
    pub(super) fn new(
        policy: Digest,
        description: Description,
        settings: Vec<Fact>,
        who: Person,
        since: Timestamp,
    ) -> Shadow {
        Shadow {
            policy,
            description,
            settings,
            who,
            since,
            memo: None,
            last_decision: None,
            turns: 0,
            differ: 0,
            failed: 0,
            aborted: 0,
            refused: 0,
            clean: 0,
            fuel: 0,
            fuel_max: 0,
            micros: 0,
            differences: Vec::new(),
            last_failure: None,
        }
    }

    /// What it keeps, as the ledger has it of a policy that decides.
    fn state(&self) -> PolicyState {
        PolicyState {
            digest: Some(self.policy),
            description: Some(self.description.clone()),
            settings: self.settings.clone(),
            memo: self.memo.clone(),
            last_decision: self.last_decision,
            ..PolicyState::default()
        }
    }

    pub(in crate::ledger) fn take(&mut self, shadowed: &Shadowed) {
        let Shadowed { at: _, turn, policy, decided_at, answer, logs: _, fuel, micros, refused, differ } = shadowed;
        if *policy != self.policy {
            return;
        }
        self.turns = self.turns.saturating_add(1);
        self.fuel = self.fuel.saturating_add(*fuel);
        self.fuel_max = self.fuel_max.max(*fuel);
        self.micros = self.micros.saturating_add(*micros);
        self.refused = self.refused.saturating_add(*refused);
        self.clean = if *refused == 0 { self.clean.saturating_add(1) } else { 0 };
        match answer {
            Answered::Decided(_) => {
                let Some(decision) = answer.decision() else { return };
                self.last_decision = Some(*decided_at);
                if let Some(bytes) = decision.memo {
                    self.memo = Some(Memo { format: self.description.memo_format.clone(), bytes });
                }
                if let Some(first) = differ.first() {
                    self.differ = self.differ.saturating_add(1);
                    self.differences.push((*turn, first.clone()));
                    let surplus = self.differences.len().saturating_sub(DIFFERENCES_KEPT_MAX);
                    self.differences.drain(..surplus);
                }
            }
            Answered::GuestFailure { kind, detail } => {
                self.failed = self.failed.saturating_add(1);
                self.clean = 0;
                self.last_failure = Some((*turn, format!("{kind}: {detail}")));
            }
            // It may lie in the machine: neither for it nor against it.
            Answered::HostAbort { .. } => {
                self.aborted = self.aborted.saturating_add(1);
                self.clean = self.clean.saturating_sub(1);
            }
        }
    }
}

impl Ledger {
    /// This ledger, as if the shadow were the policy that decides.
    pub fn as_the_shadow_has_it(&self, shadow: &Shadow) -> Ledger {
        Ledger { policy: shadow.state(), ..self.clone() }
    }
}
