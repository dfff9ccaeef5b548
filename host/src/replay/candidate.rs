//! Another policy than the one that decided: what it would have been shown, and what it keeps from turn to turn.
//!
//! Each recorded situation stands, but for what was the other policy's own: its memo, its settings and the time of its last
//! decision. Those of the candidate begin empty where the replay begins. Its memo is handed on where it says that it reads
//! the format which it writes, and only while there is room for it; a policy must get by without one at any turn.

use quarterdeck_core::decision::{Decision, Description};
use quarterdeck_core::encoding;
use quarterdeck_core::entry::Opened;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::{Ledger, PolicyState};
use quarterdeck_core::situation::{Fact, Memo, SITUATION_BYTES_MAX, Situation};

use crate::decide::{Answer, Policy};

/// A policy that did not decide, and what it keeps.
pub(super) struct Candidate<'a> {
    policy: &'a Policy,
    settings: Vec<Fact>,
    memo: Option<Memo>,
    last_decision: Option<Timestamp>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(policy: &'a Policy) -> Candidate<'a> {
        let settings = policy.description().settings.iter();
        let settings = settings.map(|setting| Fact::new(&setting.key, &setting.default_value)).collect();
        Candidate { policy, settings, memo: None, last_decision: None }
    }

    /// Asks it in this turn's place.
    pub(super) fn decide(&mut self, situation: &Situation) -> Answer {
        let mut shown = situation.clone();
        shown.settings.clone_from(&self.settings);
        (shown.memo, shown.last_decision) = (self.memo.clone(), self.last_decision);
        if shown.memo.is_some() && encoding::encode(&shown).len() > SITUATION_BYTES_MAX {
            shown.memo = None;
        }
        self.policy.decide_on(shown)
    }

    /// Keeps what it wants kept of its decision.
    pub(super) fn keep(&mut self, opened: &Opened, decision: Option<&Decision>) {
        let Some(decision) = decision else { return };
        self.last_decision = Some(opened.at);
        let Description { memo_format, reads_memos, .. } = self.policy.description();
        if let Some(bytes) = decision.memo.clone().filter(|_| reads_memos.contains(memo_format)) {
            self.memo = Some(Memo { format: memo_format.clone(), bytes });
        }
    }

    /// The ledger in which it is the policy that decides.
    pub(super) fn in_place(&self, ledger: &Ledger) -> Ledger {
        let policy = PolicyState {
            digest: Some(self.policy.digest()),
            description: Some(self.policy.description().clone()),
            settings: self.settings.clone(),
            ..PolicyState::default()
        };
        Ledger { policy, ..ledger.clone() }
    }
}
