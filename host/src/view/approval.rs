//! A request to people as people see it.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{ApprovalId, Timestamp};
use quarterdeck_core::ledger::{ApprovalRecord, Ledger};
use quarterdeck_core::order::PlanDanger;
use quarterdeck_core::situation::{ApprovalState, ChangeSummary, Operation};
use serde::{Deserialize, Serialize};

use super::time;

/// A request to people, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalView {
    /// Whether its worker is simulated.
    pub rehearsal: bool,
    /// Its name.
    pub id: ApprovalId,
    /// The mission's name.
    pub mission: String,
    /// The mission's generation that it is about.
    pub generation: u32,
    /// What would be done.
    pub operation: Operation,
    /// Whether that removes everything.
    pub destroy: bool,
    /// Where it stands.
    pub state: ApprovalState,
    /// When it was asked.
    #[serde(with = "time")]
    pub requested: Timestamp,
    /// Until when it can be granted and used.
    #[serde(with = "time")]
    pub expires: Timestamp,
    /// So many people have to say yes.
    pub needed: u8,
    /// So many have.
    pub given: u8,
    /// Who answered.
    pub who: Option<String>,
    /// When.
    #[serde(with = "time::option")]
    pub answered: Option<Timestamp>,
    /// What they wrote.
    pub comment: Option<String>,
    /// Whether its order was started.
    pub used: bool,
    /// The saved plan.
    pub saved: Digest,
    /// Under which digest the plan's text is kept; none once the plan is not the newest any more.
    pub rendered: Option<Digest>,
    /// How much it would change, while that plan is the newest.
    pub summary: Option<ChangeSummary>,
    /// What is dangerous in it.
    pub dangers: Vec<DangerView>,
    /// The addresses that it touches, destroys first.
    pub touches: Vec<String>,
    /// The policy that asked.
    pub policy: Digest,
    /// The charter in force then.
    pub charter: Digest,
}

/// A danger that a plan holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DangerView {
    /// What kind; the operator grants by this name.
    pub kind: String,
    /// The resource's address.
    pub address: String,
    /// What exactly.
    pub detail: String,
    /// Whether it makes a container root on the node.
    pub makes_root: bool,
}

/// The command that says yes: where the mission is an object of a cluster, by another object there.
pub fn to_approve(mission: &str, id: &impl std::fmt::Display) -> String {
    match mission.split_once('/') {
        None => format!("quarterdeck approve {id}"),
        Some((namespace, name)) => format!("kubectl quarterdeck approve -n {namespace} {name}"),
    }
}

impl DangerView {
    pub(super) fn of(danger: &PlanDanger) -> DangerView {
        DangerView {
            kind: danger.kind.clone(),
            address: danger.address.clone(),
            detail: danger.detail.clone(),
            makes_root: danger.makes_root,
        }
    }
}

impl ApprovalView {
    /// Whether granting it takes something away that is there.
    pub fn removes(&self) -> bool {
        self.destroy || self.summary.is_some_and(|summary| summary.destroys + summary.replaces > 0)
    }
}

/// Those that wait for a person first, then the newest.
pub(super) fn views(ledger: &Ledger, now: Timestamp) -> Vec<ApprovalView> {
    let mut views: Vec<ApprovalView> = ledger.approvals.values().map(|record| view(ledger, record, now)).collect();
    views.sort_by_key(|view| (view.state != ApprovalState::Pending, std::cmp::Reverse(view.requested)));
    views
}

fn view(ledger: &Ledger, record: &ApprovalRecord, now: Timestamp) -> ApprovalView {
    let order = &record.order;
    let saved = ledger.missions.get(&order.mission).and_then(|mission| {
        mission.saved.values().find(|saved| saved.plan.input.saved == order.key.input).map(|saved| &saved.plan)
    });
    let answer = record.answers.last();
    let who: Vec<String> = record.answers.iter().map(|answer| answer.who.to_string()).collect();
    ApprovalView {
        rehearsal: order.rehearsal,
        id: record.id.clone(),
        mission: super::name_of(ledger, &order.mission),
        generation: order.key.generation,
        operation: order.key.operation,
        destroy: order.apply.as_ref().is_some_and(|input| input.destroy),
        state: ledger.approval_state(record, now),
        requested: record.requested,
        expires: record.expires,
        who: (!who.is_empty()).then(|| who.join(", ")),
        needed: record.needed,
        given: record.given(),
        answered: answer.map(|answer| answer.at),
        comment: answer.and_then(|answer| answer.comment.clone()),
        used: record.used,
        saved: order.key.input,
        rendered: saved.map(|plan| plan.rendered),
        summary: saved.map(|plan| plan.summary),
        dangers: saved.map(|plan| plan.dangers.iter().map(DangerView::of).collect()).unwrap_or_default(),
        touches: saved.map(|plan| plan.touches.clone()).unwrap_or_default(),
        policy: record.policy,
        charter: record.charter,
    }
}
