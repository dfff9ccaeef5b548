//! A mission as people see it.

use quarterdeck_core::charter::Charter;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{ApprovalId, MissionId, Timestamp};
use quarterdeck_core::ledger::{Ledger, MissionState, Saved};
use quarterdeck_core::phase::{Phase, phase};
use quarterdeck_core::situation::{
    ApprovalState, Autonomy, DesiredState, Mission, Operation, Ruling, Severity, Situation,
};
use serde::{Deserialize, Serialize};

use super::approval::{DangerView, to_approve};
use super::{PauseView, time};

/// A mission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissionView {
    /// Whether its workers are simulated.
    pub rehearsal: bool,
    /// The name that its author gave it.
    pub name: String,
    /// Its id.
    pub id: MissionId,
    /// Rises when files or desired state change.
    pub generation: u32,
    /// What it is for.
    pub goal: String,
    /// What is wanted of it now.
    pub desired: DesiredState,
    /// The autonomy in force.
    pub autonomy: Autonomy,
    /// Where it stands.
    pub phase: Phase,
    /// The pauses that hold it.
    pub pauses: Vec<PauseView>,
    /// Why nothing of it is begun until a person releases it, where the same was tried too often.
    pub parked: Option<String>,
    /// The same in Kubernetes' words.
    pub conditions: Vec<Condition>,
    /// What a person should know or do about it now.
    pub message: String,
    /// The providers that its files ask for, each with its version where that is locked, its constraint elsewhere.
    pub providers: Vec<String>,
    /// The saved plan that was applied last, and when.
    pub applied: Option<AppliedView>,
    /// The newest saved plan that leads to what is wanted.
    pub plan: Option<PlanView>,
    /// When its last worker ended; when it was first seen, if none has.
    #[serde(with = "time")]
    pub quiet_since: Timestamp,
    /// The objects that its state names.
    pub objects: Vec<ObjectView>,
    /// Failures in a row.
    pub failures: Vec<FailureView>,
    /// The approval of its current plan, where a person has denied it.
    pub denied: Option<ApprovalId>,
    /// Why the gate refuses its current plan for good, where it does.
    pub refused: Option<String>,
    /// The needs that it can meet.
    pub offers: Vec<String>,
    /// Where it came from.
    pub source: String,
}

/// One condition, as Kubernetes has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`; `Paused` where people have paused it; `Parked` where a person has to release it.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False`, or `Unknown` while the host has not looked.
    pub status: String,
    /// Of `Ready`: `Rehearsed` where the workers are simulated, the phase elsewhere.
    pub reason: String,
}

/// An apply that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedView {
    /// The saved plan.
    pub saved: Digest,
    /// For which generation.
    pub generation: u32,
    /// Whether it destroyed.
    pub destroy: bool,
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
}

/// A saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// Its digest.
    pub saved: Digest,
    /// Under which digest its text is kept.
    pub rendered: Digest,
    /// Whether it destroys.
    pub destroy: bool,
    /// Objects that it makes.
    pub adds: u32,
    /// Objects that it changes.
    pub changes: u32,
    /// Objects that it makes anew.
    pub replaces: u32,
    /// Objects that it removes.
    pub destroys: u32,
    /// When it was made.
    #[serde(with = "time")]
    pub made: Timestamp,
    /// Whether it can't be applied any more.
    pub stale: bool,
    /// What is dangerous in it.
    pub dangers: Vec<DangerView>,
    /// The addresses that it touches, destroys first.
    pub touches: Vec<String>,
}

/// An object that a state names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectView {
    /// What it is.
    pub kind: String,
    /// Its name in the engine.
    pub name: String,
    /// The engine's id for it.
    pub id: String,
    /// Terraform's address for it.
    pub address: String,
}

/// Failures of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    /// Which operation.
    pub operation: Operation,
    /// How often in a row.
    pub failures: u32,
    /// No earlier than this again.
    #[serde(with = "time::option")]
    pub not_before: Option<Timestamp>,
    /// The kind of the last one.
    pub kind: String,
    /// What it said.
    pub message: String,
}

pub(super) fn view(
    ledger: &Ledger,
    situation: Option<&Situation>,
    state: &MissionState,
    now: Timestamp,
) -> MissionView {
    let shown = situation.and_then(|situation| situation.missions.iter().find(|shown| shown.id == state.id));
    let phase = phase_now(ledger, shown, state, now);
    let plan = current(state).map(|saved| plan(state, saved));
    let denied = answered(ledger, state, ApprovalState::Denied, now);
    let refused = refused(ledger, state);
    let applied = state.applied.as_ref();
    let parked = state.parked(&ledger.charter().settings).map(|parked| parked.sentence(state.spec.name.as_str()));
    let pauses: Vec<PauseView> = ledger.holds(state).into_iter().map(|held| PauseView::of(ledger, held)).collect();
    MissionView {
        rehearsal: ledger.rehearsal,
        name: state.spec.name.to_string(),
        id: state.id.clone(),
        generation: state.generation,
        goal: state.spec.goal.clone(),
        desired: state.desired(),
        autonomy: shown.map_or(state.spec.autonomy, |shown| shown.autonomy),
        phase,
        conditions: conditions(ledger.rehearsal, phase, !pauses.is_empty(), parked.is_some()),
        message: match (pauses.as_slice(), &parked) {
            ([], Some(parked)) => parked.clone(),
            ([], None) => message(ledger, situation, shown, state, phase, now),
            (some, _) => some.iter().map(|pause| pause.message.clone()).collect::<Vec<_>>().join("; "),
        },
        pauses,
        parked,
        providers: state.spec.providers.iter().map(provider).collect(),
        applied: applied.map(|applied| AppliedView {
            saved: applied.saved,
            generation: applied.generation,
            destroy: applied.destroy,
            at: applied.at,
        }),
        plan,
        quiet_since: state.quiet_since,
        objects: state.objects.iter().map(object).collect(),
        failures: state.tallies.iter().filter_map(|(operation, tally)| failure(*operation, tally)).collect(),
        denied,
        refused,
        offers: state.spec.offers.clone(),
        source: state.spec.source.clone(),
    }
}

/// The phase now: the ledger's word, with the situation's own look at the engine.
fn phase_now(ledger: &Ledger, shown: Option<&Mission>, state: &MissionState, now: Timestamp) -> Phase {
    let mut charter = Charter::default();
    if let Some(shown) = shown {
        charter.settings.autonomy = shown.autonomy;
        charter.settings.failures_max =
            shown.tallies.first().map_or(charter.settings.failures_max, |tally| tally.limit);
    }
    // What was seen of an earlier generation says nothing of this one.
    let shown = shown.filter(|shown| shown.generation == state.generation);
    let held = shown.is_some_and(|shown| preflight(shown).is_some());
    phase(&charter, ledger, state, shown.and_then(|shown| shown.verification.as_ref()), held, now)
}

fn preflight(shown: &Mission) -> Option<&str> {
    shown.more.iter().find(|fact| fact.key == "preflight").map(|fact| fact.value.as_str())
}

fn conditions(rehearsal: bool, phase: Phase, paused: bool, parked: bool) -> Vec<Condition> {
    let status = match phase {
        Phase::Ready => "True",
        Phase::Verifying => "Unknown",
        Phase::Pending
        | Phase::Waiting
        | Phase::Planning
        | Phase::Planned
        | Phase::AwaitingApproval
        | Phase::Suggested
        | Phase::Applying
        | Phase::Destroying
        | Phase::Degraded
        | Phase::Held
        | Phase::Failed
        | Phase::Absent
        | Phase::Suspended
        | Phase::Off => "False",
    };
    let reason = if rehearsal { "Rehearsed" } else { phase.name() };
    let condition = |kind: &str, status: &str, reason: &str| Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
    };
    let paused = paused.then(|| condition("Paused", "True", "Paused"));
    let parked = parked.then(|| condition("Parked", "True", "Parked"));
    std::iter::once(condition("Ready", status, reason)).chain(paused).chain(parked).collect()
}

/// The newest saved plan of the operation that leads to what is wanted.
fn current(state: &MissionState) -> Option<&Saved> {
    let operation = if state.desired() == DesiredState::Absent { Operation::PlanDestroy } else { Operation::Plan };
    state.saved.get(&operation)
}

fn plan(state: &MissionState, saved: &Saved) -> PlanView {
    let (plan, summary) = (&saved.plan, &saved.plan.summary);
    PlanView {
        saved: plan.input.saved,
        rendered: plan.rendered,
        destroy: plan.input.destroy,
        adds: summary.adds,
        changes: summary.changes,
        replaces: summary.replaces,
        destroys: summary.destroys,
        made: saved.made,
        stale: state.is_stale(saved),
        dangers: plan.dangers.iter().map(DangerView::of).collect(),
        touches: plan.touches.clone(),
    }
}

fn object(named: &quarterdeck_core::order::NamedObject) -> ObjectView {
    ObjectView {
        kind: named.kind.name().to_owned(),
        name: named.name.clone(),
        id: named.id.clone(),
        address: named.address.clone(),
    }
}

fn provider(need: &quarterdeck_core::mission::ProviderNeed) -> String {
    match (&need.locked, &need.constraint) {
        (Some(locked), _) => format!("{} {locked}", need.source),
        (None, Some(constraint)) => format!("{} {constraint}", need.source),
        (None, None) => need.source.clone(),
    }
}

fn failure(operation: Operation, tally: &quarterdeck_core::ledger::TallyState) -> Option<FailureView> {
    let last = tally.last.as_ref()?;
    Some(FailureView {
        operation,
        failures: tally.failures,
        not_before: tally.not_before,
        kind: last.kind.clone(),
        message: last.message.clone(),
    })
}

/// The approval of the current plan that stands like this.
fn answered(ledger: &Ledger, state: &MissionState, wanted: ApprovalState, now: Timestamp) -> Option<ApprovalId> {
    let saved = current(state)?.plan.input.saved;
    let of_plan = ledger.approvals.values().filter(|record| {
        record.order.mission == state.id
            && record.order.key.generation == state.generation
            && record.order.key.input == saved
    });
    let newest = of_plan.max_by_key(|record| record.requested)?;
    (ledger.approval_state(newest, now) == wanted).then(|| newest.id.clone())
}

/// A refusal that only a change of the files or of the operator's rules undoes.
fn refused(ledger: &Ledger, state: &MissionState) -> Option<String> {
    let kept = ledger.verdicts.values().find(|kept| {
        kept.verdict.mission.as_ref() == Some(&state.id)
            && kept.generation == Some(state.generation)
            && kept.verdict.ruling == Ruling::Refused
            && kept.verdict.rule == "dangerous-plan"
    })?;
    // A plan that was made since is another plan; the gate has not spoken about it yet.
    let made = current(state).map(|saved| saved.made)?;
    (kept.at >= made).then(|| kept.verdict.because.clone())
}

/// The one thing that a person should know about a mission now.
fn message(
    ledger: &Ledger,
    situation: Option<&Situation>,
    shown: Option<&Mission>,
    state: &MissionState,
    phase: Phase,
    now: Timestamp,
) -> String {
    if let Some(held) = shown.filter(|_| phase == Phase::Held).and_then(preflight) {
        return held.to_owned();
    }
    if let Some(pending) = answered(ledger, state, ApprovalState::Pending, now) {
        return format!("a person is asked: {}", to_approve(state.spec.name.as_str(), &pending));
    }
    if let Some(denied) = answered(ledger, state, ApprovalState::Denied, now) {
        return format!("{denied} was denied, so the plan is not applied");
    }
    if let Some(refused) = refused(ledger, state) {
        return refused;
    }
    let worst = situation
        .into_iter()
        .flat_map(|situation| &situation.findings)
        .find(|finding| finding.mission.as_ref() == Some(&state.id) && finding.severity > Severity::Info);
    if let Some(finding) = worst {
        return finding.message.clone();
    }
    let failed = state.tallies.values().filter_map(|tally| Some((tally.failures, tally.last.as_ref()?)));
    if let Some((count, last)) = failed.max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0) {
        return format!("failed {count} in a row, {}: {}", last.kind, last.message);
    }
    match phase {
        Phase::Waiting => format!("waits until somebody needs one of: {}", state.spec.offers.join(", ")),
        Phase::Suggested => "the plan is shown and nothing more, since the autonomy is suggest".to_owned(),
        Phase::Off => "nothing is done, since the autonomy is off".to_owned(),
        Phase::Pending
        | Phase::Planning
        | Phase::Planned
        | Phase::AwaitingApproval
        | Phase::Applying
        | Phase::Destroying
        | Phase::Verifying
        | Phase::Ready
        | Phase::Degraded
        | Phase::Held
        | Phase::Failed
        | Phase::Absent
        | Phase::Suspended => String::new(),
    }
}
