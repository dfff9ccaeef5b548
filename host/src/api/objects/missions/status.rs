//! A mission's status, of what the views say.

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::phase::Phase;
use quarterdeck_core::situation::{ApprovalState, DesiredState, cut};
use quarterdeck_core::text::escape;

use crate::apiserver::mission::{
    AppliedStatus, Condition, KnownMission, LINE_CHARACTERS_MAX, LINES_MAX, MissionStatus, PlanStatus,
};
use crate::view::{ApprovalView, MissionView, PlanView, View, rfc3339, to_approve};

/// A message has at most this many bytes, as the schema says.
const MESSAGE_BYTES_MAX: usize = 4096;

/// A condition before it is known since when it holds.
struct Holds {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// How an object stands; nothing where the loop has not taken this version of it yet. `before` is what was written last.
pub(super) fn status(
    known: &KnownMission,
    seen: Option<(&View, &Ledger)>,
    before: Option<&MissionStatus>,
    now: Timestamp,
) -> Option<MissionStatus> {
    let name = known.full_name();
    let of_it = seen.and_then(|(view, ledger)| {
        let state = ledger.mission(&MissionName::parse(&name).ok()?)?;
        let uid = state.spec.object.as_ref().map(|object| &object.uid);
        // One of an earlier object of this name says nothing of this one.
        (uid == Some(&known.version.uid)).then_some((view, state))
    });
    let mission = of_it.and_then(|(view, _)| view.mission(&name));
    // The files of one that is leaving may be gone, and then the version before is what is removed.
    let taken = of_it.is_some_and(|(_, state)| {
        let leaves = known.end.is_leaving() && state.desired() == DesiredState::Absent;
        leaves || state.spec.object.as_ref() == Some(&known.version)
    });
    if known.problem.is_none() && !taken {
        return None;
    }
    let plan = mission.and_then(|mission| mission.plan.as_ref());
    let approval = of_it.zip(mission).and_then(|((view, _), mission)| approval(view, mission));
    let generation = i64::try_from(known.version.generation).unwrap_or(i64::MAX);
    let holds = match (&known.problem, mission) {
        (Some(problem), mission) => invalid(problem, mission, approval),
        (None, Some(mission)) => conditions(mission, approval),
        (None, None) => return None,
    };
    let message = match (&known.problem, mission) {
        (Some(problem), _) => problem.clone(),
        (None, mission) => mission.map(|mission| mission.message.clone()).unwrap_or_default(),
    };
    let applied = mission.and_then(|mission| mission.applied.as_ref());
    Some(MissionStatus {
        observed_generation: generation,
        phase: match (&known.problem, mission) {
            (None, Some(mission)) => mission.phase.name().to_owned(),
            (Some(_), _) | (None, None) => "Invalid".to_owned(),
        },
        message: shown(&message),
        conditions: holds.into_iter().map(|holds| since(holds, generation, before, now)).collect(),
        plan: plan.map(|plan| plan_status(plan, approval)),
        applied: applied.map(|applied| AppliedStatus {
            digest: applied.saved.to_string(),
            generation: i64::from(applied.generation),
            destroy: applied.destroy,
            at: rfc3339(applied.at),
        }),
    })
}

/// What people answered, or are asked, about the newest plan.
fn approval<'a>(view: &'a View, mission: &MissionView) -> Option<&'a ApprovalView> {
    let saved = mission.plan.as_ref()?.saved;
    let of_it = |approval: &&ApprovalView| {
        approval.mission == mission.name && approval.generation == mission.generation && approval.saved == saved
    };
    view.approvals.iter().find(of_it)
}

fn plan_status(plan: &PlanView, approval: Option<&ApprovalView>) -> PlanStatus {
    let pending = approval.filter(|approval| approval.state == ApprovalState::Pending);
    PlanStatus {
        digest: plan.saved.to_string(),
        approval: pending.map(|approval| approval.id.to_string()),
        adds: i64::from(plan.adds),
        changes: i64::from(plan.changes),
        replaces: i64::from(plan.replaces),
        destroys: i64::from(plan.destroys),
        touches: lines(plan.touches.iter().map(|address| line(address, ""))),
        dangers: lines(
            plan.dangers.iter().map(|danger| line(&danger.address, &format!("{}: {}", danger.kind, danger.detail))),
        ),
    }
}

/// The first lines of a plan; the last one says how many more there are, since whoever says yes has to know.
fn lines(lines: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let (many, kept) = (lines.len(), if lines.len() > LINES_MAX { LINES_MAX - 1 } else { LINES_MAX });
    let more = many.saturating_sub(kept);
    let more = (more > 0).then(|| format!("… and {more} more: quarterdeck describe approval shows all"));
    lines.take(kept).chain(more).collect()
}

/// One line of a plan: what about it, and then the address. Either is cut visibly.
fn line(address: &str, about: &str) -> String {
    let half = |text: &str| {
        let text = shown(text);
        let (characters, half) = (text.chars().count(), LINE_CHARACTERS_MAX / 2 - 2);
        if characters <= half { text } else { text.chars().take(half - 1).chain(['…']).collect() }
    };
    if about.is_empty() { half(address) } else { format!("{} ({})", half(about), half(address)) }
}

/// A text for people in one line, and bounded.
pub(super) fn shown(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| escape(line.trim())).filter(|line| !line.is_empty()).collect();
    cut(&lines.join("; "), MESSAGE_BYTES_MAX)
}

/// What of it holds, and since when: since before, where it did then.
fn since(holds: Holds, generation: i64, before: Option<&MissionStatus>, now: Timestamp) -> Condition {
    let Holds { kind, status, reason, message } = holds;
    let then = before.and_then(|before| before.conditions.iter().find(|then| then.kind == kind));
    let then = then.filter(|then| then.status == status && !then.last_transition_time.is_empty());
    Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: shown(&message),
        last_transition_time: then.map_or_else(|| rfc3339(now), |then| then.last_transition_time.clone()),
        observed_generation: generation,
    }
}

fn holds(kind: &'static str, status: &'static str, reason: &'static str, message: impl Into<String>) -> Holds {
    Holds { kind, status, reason, message: message.into() }
}

/// Of an object that is no mission as it stands: the last one that was stays in force, and is told of beside it.
fn invalid(problem: &str, mission: Option<&MissionView>, approval: Option<&ApprovalView>) -> Vec<Holds> {
    let said = match mission {
        Some(_) => format!("{problem}\nthe last good version stays in force"),
        None => problem.to_owned(),
    };
    let kept = mission.map(|mission| conditions(mission, approval)).unwrap_or_default();
    let kept = kept.into_iter().filter(|holds| holds.kind != "Ready");
    kept.chain([holds("Ready", "False", "Invalid", said)]).collect()
}

fn conditions(mission: &MissionView, approval: Option<&ApprovalView>) -> Vec<Holds> {
    let ready = mission.conditions.iter().find(|condition| condition.kind == "Ready");
    let ready = ready.map_or("Unknown", |condition| match condition.status.as_str() {
        "True" => "True",
        "False" => "False",
        _ => "Unknown",
    });
    let reason = if mission.rehearsal { "Rehearsed" } else { mission.phase.name() };
    vec![
        planned(mission),
        approved(approval),
        applied(mission),
        verified(mission),
        drifted(mission),
        holds("Ready", ready, reason, mission.message.clone()),
    ]
}

fn planned(mission: &MissionView) -> Holds {
    match &mission.plan {
        Some(plan) if !plan.stale => holds("Planned", "True", "Planned", summary(plan)),
        Some(plan) if mission.applied.as_ref().is_some_and(|applied| applied.saved == plan.saved) => {
            holds("Planned", "True", "Applied", summary(plan))
        }
        Some(_) => holds("Planned", "False", "Stale", "the state has moved on since the newest plan was made"),
        None if mission.phase == Phase::Planning => holds("Planned", "False", "Planning", "a plan is being made"),
        None => holds("Planned", "False", "NoPlan", "no plan of this generation is there"),
    }
}

fn summary(plan: &PlanView) -> String {
    let PlanView { adds, changes, replaces, destroys, .. } = plan;
    format!("{adds} to add, {changes} to change, {replaces} to replace, {destroys} to destroy")
}

fn approved(approval: Option<&ApprovalView>) -> Holds {
    let Some(approval) = approval else {
        return holds("Approved", "Unknown", "NotAsked", "nobody is asked about the newest plan");
    };
    let ApprovalView { id, given, needed, .. } = approval;
    let who = approval.who.as_deref().unwrap_or("nobody");
    match approval.state {
        ApprovalState::Pending => {
            let said = format!("{given} of {needed} said yes to {id}: {}", to_approve(&approval.mission, id));
            holds("Approved", "False", "AwaitingApproval", said)
        }
        ApprovalState::Granted => holds("Approved", "True", "Granted", format!("{id} was granted by {who}")),
        ApprovalState::Denied => holds("Approved", "False", "Denied", format!("{id} was denied by {who}")),
        ApprovalState::Expired => holds("Approved", "False", "Expired", format!("{id} has expired")),
        ApprovalState::Superseded => {
            holds("Approved", "False", "Superseded", format!("{id} was about something else than there is now"))
        }
    }
}

fn applied(mission: &MissionView) -> Holds {
    let destroy = mission.desired == DesiredState::Absent;
    match &mission.applied {
        _ if matches!(mission.phase, Phase::Applying | Phase::Destroying) => {
            holds("Applied", "False", "Applying", "a plan is being applied")
        }
        Some(applied) if applied.generation == mission.generation && applied.destroy == destroy => {
            holds("Applied", "True", "Applied", "")
        }
        Some(_) => holds("Applied", "False", "OfBefore", "what was applied last was of another generation"),
        None => holds("Applied", "False", "NotApplied", "nothing was applied yet"),
    }
}

fn verified(mission: &MissionView) -> Holds {
    let unknown = "nothing was reached that could be looked at";
    match mission.phase {
        Phase::Ready | Phase::Absent => holds("Verified", "True", "Verified", "the engine shows what is wanted"),
        Phase::Degraded => holds("Verified", "False", "Degraded", mission.message.clone()),
        Phase::Verifying => holds("Verified", "Unknown", "Verifying", "the engine was not looked at since"),
        Phase::Pending
        | Phase::Waiting
        | Phase::Planning
        | Phase::Planned
        | Phase::AwaitingApproval
        | Phase::Suggested
        | Phase::Applying
        | Phase::Destroying
        | Phase::Held
        | Phase::Failed
        | Phase::Suspended
        | Phase::Off => holds("Verified", "Unknown", "NotVerified", unknown),
    }
}

/// Something that was reached is different by now. While it is mended again that is not known.
fn drifted(mission: &MissionView) -> Holds {
    match mission.phase {
        Phase::Degraded => holds("Drifted", "True", "Drifted", mission.message.clone()),
        Phase::Ready | Phase::Absent => holds("Drifted", "False", "AsApplied", ""),
        Phase::Pending
        | Phase::Waiting
        | Phase::Planning
        | Phase::Planned
        | Phase::AwaitingApproval
        | Phase::Suggested
        | Phase::Applying
        | Phase::Destroying
        | Phase::Verifying
        | Phase::Held
        | Phase::Failed
        | Phase::Suspended
        | Phase::Off => holds("Drifted", "Unknown", "NotVerified", ""),
    }
}

#[cfg(test)]
mod tests;
