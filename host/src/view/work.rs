//! Workers, findings, verdicts and notifications as people see them.

use std::cmp::Reverse;

use quarterdeck_core::ids::{FindingId, OrderName, Timestamp};
use quarterdeck_core::ledger::{Ledger, OrderState};
use quarterdeck_core::situation::{
    ChangeSummary, Fact, ObjectRef, Operation, Ruling, Severity, Situation, WorkerPhase,
};
use serde::{Deserialize, Serialize};

use super::time;

/// One run of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    /// Whether it is simulated.
    pub rehearsal: bool,
    /// Its name, and its order's.
    pub name: OrderName,
    /// The mission's name.
    pub mission: String,
    /// The mission's generation.
    pub generation: u32,
    /// What it does.
    pub operation: Operation,
    /// Whether that removes everything.
    pub destroy: bool,
    /// Which attempt this is.
    pub attempt: u32,
    /// Where it is in its life.
    pub phase: WorkerPhase,
    /// When it was ordered.
    #[serde(with = "time")]
    pub started: Timestamp,
    /// When it must have ended.
    #[serde(with = "time")]
    pub deadline: Timestamp,
    /// When it ended.
    #[serde(with = "time::option")]
    pub ended: Option<Timestamp>,
    /// Who claimed the order.
    pub claimant: Option<String>,
    /// How much it changed, or how much its plan would.
    pub summary: Option<ChangeSummary>,
    /// The kind of its failure.
    pub failure: Option<String>,
    /// What the failure said, or what it is doing.
    pub message: String,
    /// What could be done about the failure.
    pub remedies: Vec<String>,
    /// The tool and its version.
    pub tool: Option<String>,
}

/// An open finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingView {
    /// Whether its world is simulated.
    pub rehearsal: bool,
    /// Its name.
    pub id: FindingId,
    /// Its rule.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// The object that shows it, as `kind/name`; where several do, one of those that show it at its worst.
    pub object: String,
    /// The namespace of that object, where it is in one.
    pub namespace: Option<String>,
    /// What is answerable for it in the end, as `kind/name`, where that is another object.
    pub owner: Option<String>,
    /// The mission's name.
    pub mission: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
    /// What it was seen by.
    pub evidence: Vec<Fact>,
    /// When it was first seen.
    #[serde(with = "time")]
    pub first_seen: Timestamp,
    /// When what it says last changed.
    #[serde(with = "time")]
    pub changed: Timestamp,
    /// How many objects show it.
    pub count: u32,
    /// Until when the policy leaves it alone.
    #[serde(with = "time::option")]
    pub acknowledged_until: Option<Timestamp>,
}

impl FindingView {
    /// What it is about, in a few words: its root owner with the namespace before it, and how many objects show it.
    pub fn root(&self) -> String {
        let root = self.owner.as_ref().unwrap_or(&self.object);
        let namespace = self.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        match self.count {
            0 | 1 => format!("{namespace}{root}"),
            many => format!("{namespace}{root} ({many})"),
        }
    }

    /// Whether its message does not say itself what it is about: so it is with the objects of Kubernetes, whose kinds begin
    /// with a capital.
    pub fn needs_root(&self) -> bool {
        self.object.starts_with(char::is_uppercase)
    }
}

/// The gate's last word on one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictView {
    /// Whether the work is simulated.
    pub rehearsal: bool,
    /// In which turn.
    pub turn: u32,
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// The policy's name for what it proposed.
    pub key: String,
    /// The kind of action.
    pub action: String,
    /// The mission's name.
    pub mission: Option<String>,
    /// The mission's generation then.
    pub generation: Option<u32>,
    /// What was ruled.
    pub ruling: Ruling,
    /// The rule that decided.
    pub rule: String,
    /// Why.
    pub because: String,
}

/// What a policy told people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    /// Whether its world is simulated.
    pub rehearsal: bool,
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// How urgent.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The rest.
    pub text: String,
    /// The mission's name.
    pub mission: Option<String>,
}

pub(super) fn workers(ledger: &Ledger) -> Vec<WorkerView> {
    let mut views: Vec<WorkerView> = ledger.orders.values().map(|state| worker(ledger, state)).collect();
    views.sort_by_key(|view| (!view.phase.is_active(), Reverse(view.started)));
    views
}

fn worker(ledger: &Ledger, state: &OrderState) -> WorkerView {
    let order = &state.order;
    let result = state.ended.as_ref().map(|(_, result)| result);
    let failure = result.and_then(|result| result.failure.as_ref());
    WorkerView {
        rehearsal: order.rehearsal,
        name: order.name.clone(),
        mission: super::name_of(ledger, &order.mission),
        generation: order.key.generation,
        operation: order.key.operation,
        destroy: order.apply.as_ref().is_some_and(|input| input.destroy),
        attempt: order.attempt,
        phase: state.phase(),
        started: order.made,
        deadline: order.deadline,
        ended: state.ended.as_ref().map(|(at, _)| *at),
        claimant: state.claimed.as_ref().map(|(_, claimant)| claimant.clone()),
        summary: result.and_then(|result| result.summary.or_else(|| Some(result.saved.as_ref()?.summary))),
        failure: failure.map(|failure| failure.kind.clone()),
        message: failure.map(|failure| failure.message.clone()).unwrap_or_default(),
        remedies: failure.map(|failure| failure.remedies.clone()).unwrap_or_default(),
        tool: result.and_then(|result| result.tool.clone()),
    }
}

pub(super) fn findings(ledger: &Ledger, situation: Option<&Situation>) -> Vec<FindingView> {
    let seen = situation.map(|situation| situation.findings.as_slice()).unwrap_or_default();
    seen.iter()
        .map(|finding| FindingView {
            rehearsal: ledger.rehearsal,
            id: finding.id.clone(),
            rule: finding.rule.clone(),
            severity: finding.severity,
            object: kind_and_name(&finding.object),
            namespace: finding.object.namespace.clone(),
            owner: finding.owner.as_ref().map(kind_and_name),
            mission: finding.mission.as_ref().map(|id| super::name_of(ledger, id)),
            message: finding.message.clone(),
            evidence: finding.evidence.clone(),
            first_seen: finding.first_seen,
            changed: finding.changed,
            count: finding.count,
            acknowledged_until: finding.acknowledged_until,
        })
        .collect()
}

fn kind_and_name(object: &ObjectRef) -> String {
    format!("{}/{}", object.kind, object.name)
}

pub(super) fn verdicts(ledger: &Ledger) -> Vec<VerdictView> {
    let mut views: Vec<VerdictView> = ledger
        .verdicts
        .values()
        .map(|kept| VerdictView {
            rehearsal: ledger.rehearsal,
            turn: kept.turn,
            at: kept.at,
            key: kept.verdict.key.clone(),
            action: kept.verdict.action.clone(),
            mission: kept.verdict.mission.as_ref().map(|id| super::name_of(ledger, id)),
            generation: kept.generation,
            ruling: kept.verdict.ruling,
            rule: kept.verdict.rule.clone(),
            because: kept.verdict.because.clone(),
        })
        .collect();
    views.sort_by(|a, b| (b.turn, &a.key).cmp(&(a.turn, &b.key)));
    views
}

pub(super) fn notifications(ledger: &Ledger) -> Vec<NotificationView> {
    let view = |told: &quarterdeck_core::ledger::Notification| NotificationView {
        rehearsal: ledger.rehearsal,
        at: told.at,
        severity: told.severity,
        title: told.title.clone(),
        text: told.text.clone(),
        mission: told.mission.as_ref().map(|id| super::name_of(ledger, id)),
    };
    ledger.notifications.iter().map(view).collect()
}
