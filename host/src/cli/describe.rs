//! `describe`: one thing whole.

use super::args::Described;
use super::exit::{Exit, Failure};
use super::law;
use super::place::Place;
use super::policy;
use super::print::{self, Output, fields, section, word};
use crate::view::{ApprovalView, DangerView, FindingView, MissionView, View, WorkerView, age, rfc3339};

pub(super) async fn describe(place: &Place, what: Described, name: &str, output: Output) -> Result<String, Failure> {
    let view = place.view().await?;
    let none = |kind: &str| {
        Failure::new(Exit::Failed, format!("there is no {kind} {name:?}"), format!("quarterdeck get {kind}s"))
    };
    let (json, text) = match what {
        Described::Mission => {
            let found = view.mission(name).ok_or_else(|| none("mission"))?;
            (print::object("Mission", view.rehearsal, found), mission(&view, found))
        }
        Described::Approval if view.charter.candidate.as_ref().is_some_and(|waiting| waiting.id.as_str() == name) => {
            let waiting = view.charter.candidate.as_ref().ok_or_else(|| none("approval"))?;
            (print::object("CharterCandidate", view.rehearsal, waiting), law::candidate(&view, waiting))
        }
        Described::Approval
            if view
                .policies
                .nominee
                .as_ref()
                .is_some_and(|waits| waits.id.as_ref().is_some_and(|id| id.as_str() == name)) =>
        {
            let waits = view.policies.nominee.as_ref().ok_or_else(|| none("approval"))?;
            (print::object("PolicyNominee", view.rehearsal, waits), policy::nominee(&view, waits))
        }
        Described::Approval => {
            let found = view.approvals.iter().find(|a| a.id.as_str() == name).ok_or_else(|| none("approval"))?;
            let plan = plan_text(place, found).await?;
            let mut json = print::object("Approval", view.rehearsal, found);
            json["plan"] = plan.clone().into();
            (json, approval(&view, found) + &plan_lines(plan.as_deref()))
        }
        Described::Worker => {
            let found = view.workers.iter().find(|w| w.name.as_str() == name).ok_or_else(|| none("worker"))?;
            (print::object("Worker", view.rehearsal, found), worker(&view, found))
        }
        Described::Finding => {
            let found = view.findings.iter().find(|f| f.id.as_str() == name).ok_or_else(|| none("finding"))?;
            (print::object("Finding", view.rehearsal, found), finding(&view, found))
        }
    };
    Ok(match output {
        Output::Json => print::pretty(&json),
        Output::Table | Output::Wide => text,
    })
}

/// The plan that an approval is about, as text; none once it is not the newest any more.
pub(super) async fn plan_text(place: &Place, approval: &ApprovalView) -> Result<Option<String>, Failure> {
    match &approval.rendered {
        Some(rendered) => place.plan(rendered).await,
        None => Ok(None),
    }
}

/// What a person reads before granting.
pub(super) fn plan_lines(plan: Option<&str>) -> String {
    match plan {
        Some(plan) => section("Plan", plan.lines().map(str::to_owned)),
        None => section("Plan", ["its text is not kept any more: another plan took its place".to_owned()]),
    }
}

/// Everything about an approval but the text of its plan.
pub(super) fn approval(view: &View, approval: &ApprovalView) -> String {
    let who = approval.who.clone().map(|who| match approval.answered {
        Some(at) => format!("{who}, {} ago", age(view.at, at)),
        None => who,
    });
    let (policy, charter) = (approval.policy.short(12), approval.charter.short(12));
    let asked = format!("{} ago, by policy {policy} under charter {charter}", age(view.at, approval.requested));
    let mut text = fields(&[
        ("Name", approval.id.to_string()),
        ("Mission", format!("{} (generation {})", approval.mission, approval.generation)),
        ("Rehearsal", approval.rehearsal.to_string()),
        ("Operation", if approval.destroy { "destroy" } else { "apply" }.to_owned()),
        ("State", word(&approval.state)),
        ("Asked", asked),
        ("Expires", rfc3339(approval.expires)),
        ("Needs", format!("{} of {} said yes", approval.given, approval.needed)),
        ("Answered by", who.unwrap_or_default()),
        ("Comment", approval.comment.clone().unwrap_or_default()),
        ("Saved plan", approval.saved.to_string()),
    ]);
    text += &section("Dangers", approval.dangers.iter().map(danger));
    text
}

fn danger(danger: &DangerView) -> String {
    let mark = if danger.makes_root { "!!" } else { " i" };
    format!("{mark} {}: {} ({})", danger.address, danger.kind, danger.detail)
}

fn mission(view: &View, mission: &MissionView) -> String {
    let applied = mission.applied.as_ref().map(|applied| {
        let what = if applied.destroy { "destroyed" } else { "applied" };
        let digest = applied.saved.short(12);
        format!("{what} {digest} of generation {}, {} ago", applied.generation, age(view.at, applied.at))
    });
    let plan = mission.plan.as_ref().map(|plan| {
        let stale = if plan.stale { ", not applicable any more" } else { "" };
        format!(
            "{}: {} to add, {} to change, {} to replace, {} to destroy ({} ago{stale})",
            plan.saved.short(12),
            plan.adds,
            plan.changes,
            plan.replaces,
            plan.destroys,
            age(view.at, plan.made)
        )
    });
    let reason = mission.conditions.first().map(|c| format!("{} ({})", c.status, c.reason)).unwrap_or_default();
    let mut text = fields(&[
        ("Name", mission.name.clone()),
        ("Id", mission.id.to_string()),
        ("Rehearsal", mission.rehearsal.to_string()),
        ("Goal", mission.goal.clone()),
        ("Source", mission.source.clone()),
        ("Generation", mission.generation.to_string()),
        ("Desired", word(&mission.desired)),
        ("Autonomy", word(&mission.autonomy)),
        ("Phase", mission.phase.name().to_owned()),
        ("Ready", reason),
        ("Paused", mission.pauses.iter().map(|pause| pause.what.as_str()).collect::<Vec<_>>().join(", ")),
        ("Parked", mission.parked.clone().unwrap_or_default()),
        ("Message", mission.message.clone()),
        ("Providers", mission.providers.join(", ")),
        ("Offers", mission.offers.join(", ")),
        ("Applied", applied.unwrap_or_default()),
        ("Plan", plan.unwrap_or_default()),
    ]);
    let of_plan = mission.plan.as_ref();
    text += &section("Touches", of_plan.map(|plan| plan.touches.clone()).unwrap_or_default());
    text += &section("Dangers", of_plan.map(|plan| &plan.dangers).into_iter().flatten().map(danger));
    text += &section("Objects", mission.objects.iter().map(|o| format!("{} {} ({})", o.kind, o.name, o.address)));
    let failure = |f: &crate::view::FailureView| {
        format!("{} failed {} in a row, {}: {}", word(&f.operation), f.failures, f.kind, f.message)
    };
    text += &section("Failures", mission.failures.iter().filter(|f| f.failures > 0).map(failure));
    let mine = view.findings.iter().filter(|f| f.mission.as_deref() == Some(&mission.name));
    text += &section("Findings", mine.map(|f| format!("{} {} {}: {}", word(&f.severity), f.id, f.rule, f.message)));
    let mine = view.verdicts.iter().filter(|v| v.mission.as_deref() == Some(&mission.name)).take(10);
    text += &section(
        "Verdicts",
        mine.map(|v| format!("turn {}: {} {} ({}): {}", v.turn, v.key, word(&v.ruling), v.rule, v.because)),
    );
    text
}

fn worker(view: &View, worker: &WorkerView) -> String {
    let summary = worker
        .summary
        .map(|s| format!("{} added, {} changed, {} replaced, {} destroyed", s.adds, s.changes, s.replaces, s.destroys));
    let mut text = fields(&[
        ("Name", worker.name.to_string()),
        ("Mission", format!("{} (generation {})", worker.mission, worker.generation)),
        ("Rehearsal", worker.rehearsal.to_string()),
        ("Operation", word(&worker.operation) + if worker.destroy { " (destroys)" } else { "" }),
        ("Attempt", worker.attempt.to_string()),
        ("Phase", word(&worker.phase)),
        ("Ordered", format!("{} ({} ago)", rfc3339(worker.started), age(view.at, worker.started))),
        ("Deadline", rfc3339(worker.deadline)),
        ("Ended", worker.ended.map(rfc3339).unwrap_or_default()),
        ("Claimed by", worker.claimant.clone().unwrap_or_default()),
        ("Tool", worker.tool.clone().unwrap_or_default()),
        ("Summary", summary.unwrap_or_default()),
        ("Failure", worker.failure.clone().unwrap_or_default()),
        ("Message", worker.message.clone()),
    ]);
    text += &section("Remedies", worker.remedies.iter().cloned());
    text
}

fn finding(view: &View, finding: &FindingView) -> String {
    let mut text = fields(&[
        ("Name", finding.id.to_string()),
        ("Rule", finding.rule.clone()),
        ("Severity", word(&finding.severity)),
        ("Rehearsal", finding.rehearsal.to_string()),
        ("Mission", finding.mission.clone().unwrap_or_default()),
        ("Object", finding.object.clone()),
        ("Namespace", finding.namespace.clone().unwrap_or_default()),
        ("Owner", finding.owner.clone().unwrap_or_default()),
        ("Message", finding.message.clone()),
        ("First seen", format!("{} ({} ago)", rfc3339(finding.first_seen), age(view.at, finding.first_seen))),
        ("Changed", format!("{} ago", age(view.at, finding.changed))),
        ("Count", finding.count.to_string()),
        ("Acknowledged", finding.acknowledged_until.map(rfc3339).unwrap_or_default()),
    ]);
    text += &section("Evidence", finding.evidence.iter().map(|fact| format!("{}: {}", fact.key, fact.value)));
    text
}
