//! Requests to people, their answers, and where an approval stands.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::digest::Digest;
use crate::identity::Identity;
use crate::ids::{ApprovalId, Timestamp};
use crate::observation::Person;
use crate::order::Order;
use crate::situation::{ApprovalState, Operation};

/// A request to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRecord {
    /// Its name.
    pub id: ApprovalId,
    /// Exactly what would be started.
    pub order: Order,
    /// When it was asked.
    pub requested: Timestamp,
    /// Until when it can be granted and used.
    pub expires: Timestamp,
    /// The policy that asked.
    pub policy: Digest,
    /// The charter in force then.
    pub charter: Digest,
    /// So many people have to say yes.
    pub needed: u8,
    /// The answers, one a person; a no is the last.
    pub answers: Vec<ApprovalAnswer>,
    /// Whether its order was started.
    pub used: bool,
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalAnswer {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Person,
    /// Whether it was granted.
    pub granted: bool,
    /// What the person wrote.
    pub comment: Option<String>,
}

impl ApprovalRecord {
    /// How many people have said yes.
    pub fn given(&self) -> u8 {
        given(&self.answers)
    }

    /// The no, if somebody said it.
    pub fn denial(&self) -> Option<&ApprovalAnswer> {
        self.answers.iter().find(|answer| !answer.granted)
    }
}

/// How many people have said yes.
pub(super) fn given(answers: &[ApprovalAnswer]) -> u8 {
    let granted = answers.iter().filter(|answer| answer.granted);
    let people: BTreeSet<Identity> = granted.map(|answer| answer.who.identity()).collect();
    u8::try_from(people.len()).unwrap_or(u8::MAX)
}

impl Ledger {
    /// Where an approval stands at this time.
    pub fn approval_state(&self, record: &ApprovalRecord, now: Timestamp) -> ApprovalState {
        let current = || {
            let mission = self.missions.get(&record.order.mission)?;
            let of_now = (mission.uid, mission.generation, mission.spec.plan, self.rehearsal)
                == (record.order.key.uid, record.order.key.generation, record.order.plan, record.order.rehearsal)
                && self.charter().settings.grants == record.order.grants;
            let Some(apply) = &record.order.apply else { return of_now.then_some(()) };
            let operation = if apply.destroy { Operation::PlanDestroy } else { Operation::Plan };
            let saved = mission.saved.get(&operation)?;
            (of_now && saved.plan.input == *apply && !mission.is_stale(saved)).then_some(())
        };
        let granted = record.given() >= record.needed;
        match record.denial() {
            Some(_) => ApprovalState::Denied,
            None if granted && record.used => ApprovalState::Granted,
            None if current().is_none() => ApprovalState::Superseded,
            None if now >= record.expires => ApprovalState::Expired,
            None if granted => ApprovalState::Granted,
            None => ApprovalState::Pending,
        }
    }

    /// The live approval of exactly this work for which so many people were asked, if there is one. A no counts however
    /// many were asked, and before any yes; what was granted counts before what waits.
    pub fn approval_for(&self, order: &Order, needed: u8, now: Timestamp) -> Option<(&ApprovalRecord, ApprovalState)> {
        let weight = |record: &ApprovalRecord, state| match state {
            ApprovalState::Denied => Some(2),
            // One that fewer people were asked for, under another charter, is none.
            ApprovalState::Granted => (record.needed >= needed).then_some(1),
            ApprovalState::Pending => (record.needed >= needed).then_some(0),
            ApprovalState::Expired | ApprovalState::Superseded => None,
        };
        let of_it = self.approvals.values().filter(|record| !record.used && order.is_what_was_approved(&record.order));
        of_it
            .map(|record| (record, self.approval_state(record, now)))
            .filter_map(|(record, state)| Some((weight(record, state)?, record, state)))
            .max_by_key(|(weight, record, _)| (*weight, record.requested))
            .map(|(_, record, state)| (record, state))
    }
}
