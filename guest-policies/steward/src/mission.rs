//! What one mission wants next. Each function is one rule, or asks one question of the situation.
//!
//! The course of a mission is always the same: a plan of the files as they are and of the world as it is; its apply,
//! where there is something to change; the host's look at the world; rest; and from time to time a new plan, to see
//! whether the world has drifted. For a mission that is to go, the plan is a `plan-destroy`.

use crate::backoff::{self, Leave};
use crate::need::{self, Wanted};
use crate::settings::{SETTLE_IDLE_MS, SETTLE_MS, Settings};
use quarterdeck_policy_sdk::{
    Approval, ApprovalState, Artifact, Autonomy, DesiredState, Finding, Mission, Operation, Plan, Ruling, Severity,
    Situation, Tally, same_id,
};

/// Refusals of the host by these rules mean *not now*; any other stands for that very action.
const NOT_NOW: [&str; 6] =
    ["paused", "one-at-a-time", "workers-busy", "cool-down", "engine-unknown", "provider-too-old"];

/// The rule of findings about something that was made for a mission and is in no state of it, for the worker died in
/// between. To build meanwhile could make it a second time.
const STRANGER: &str = "object-unknown";

/// What steward does about a mission in this turn, with the sentence that says why.
pub(crate) enum Step<'a> {
    /// The mission is none of its business.
    Nothing,
    /// Nothing yet, and a look at this time at the latest.
    Rest { why: String, until: Option<u64> },
    /// A worker.
    Build(Build<'a>),
    /// The end of its wisdom: people are told.
    GiveUp { operation: Operation, tally: &'a Tally, why: String },
}

/// A worker that steward proposes.
pub(crate) struct Build<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) operation: Operation,
    /// What an apply applies.
    pub(crate) artifact: Option<&'a Artifact>,
    pub(crate) remedy: Option<&'a str>,
    pub(crate) cites: Vec<&'a str>,
    pub(crate) why: String,
    /// When the approval that it waits for runs out.
    pub(crate) until: Option<u64>,
}

/// What the mission wants, before the failures of the past are asked.
enum Want<'a> {
    Rest { why: &'static str, until: Option<u64> },
    Plan { why: &'static str },
    Apply { artifact: &'a Artifact },
}

/// The next step of a mission.
pub(crate) fn next<'a>(view: &'a Situation, mission: &'a Mission, settings: &Settings) -> Step<'a> {
    let goal = match (mission.autonomy, mission.desired) {
        (Autonomy::Off, _) | (_, DesiredState::Suspended) => return Step::Nothing,
        (_, DesiredState::Present) => Operation::Plan,
        (_, DesiredState::Absent) => Operation::PlanDestroy,
    };
    let Some(plan) = mission.plan_for("terraform") else { return Step::Nothing };
    if mission.parked.is_some() {
        return rest("is parked until a person releases it", None);
    }
    if let Some(worker) = view.active_worker(&mission.id) {
        return rest("waits for its worker", Some(worker.deadline));
    }
    if mission.preflight().is_some() {
        return rest("is held by the host", None);
    }
    let Some(wanted) = wanted(view, mission) else { return rest("is not needed now", None) };
    let findings = troubles(view, mission);
    if goal == Operation::Plan && findings.iter().any(|finding| finding.rule == STRANGER) {
        return rest("waits until a person has removed or imported what its state does not know", None);
    }
    let course = Course { view, mission, plan, goal, findings, settings };
    course.step(&wanted, course.want())
}

fn rest<'a>(why: &str, until: Option<u64>) -> Step<'a> {
    Step::Rest { why: why.to_owned(), until }
}

/// What is to go needs no reason to.
fn wanted<'a>(view: &'a Situation, mission: &Mission) -> Option<Wanted<'a>> {
    match mission.desired {
        DesiredState::Present => need::wanted(view, mission),
        DesiredState::Absent | DesiredState::Suspended => Some(Wanted::Anyway),
    }
}

/// What stands between the mission and its goal. The cheap questions come first: this is asked for each pair of mission
/// and finding.
fn troubles<'a>(view: &'a Situation, mission: &Mission) -> Vec<&'a Finding> {
    let of_it = |finding: &&Finding| {
        finding.severity >= Severity::Warning
            && finding.mission.as_ref().is_some_and(|id| same_id(id, &mission.id))
            && view.is_open(finding)
    };
    view.findings.iter().filter(of_it).collect()
}

/// One mission on its way: to stand as planned (`goal` is `plan`), or to be gone (`plan-destroy`).
struct Course<'a, 's> {
    view: &'a Situation,
    mission: &'a Mission,
    plan: &'a Plan,
    goal: Operation,
    /// The open findings of this mission that matter.
    findings: Vec<&'a Finding>,
    settings: &'s Settings,
}

impl<'a> Course<'a, '_> {
    fn want(&self) -> Want<'a> {
        let Some(made) = self.mission.newest(self.goal, &self.plan.digest) else {
            return Want::Plan { why: "plans, for this generation has no plan yet" };
        };
        if self.is_leaving() && is_empty(made) {
            return Want::Rest { why: "is gone", until: None };
        }
        if self.mission.applied.as_ref() == Some(&made.digest) {
            return self.after_apply(made);
        }
        if made.stale {
            return self.again(made, "plans again, for its plan was overtaken");
        }
        if self.apply_ended(None).is_some_and(|ended| ended > made.made) {
            return self.again(made, "plans again after the last apply");
        }
        if self.findings.iter().any(|finding| finding.changed > made.made) && !self.is_before_people(made) {
            return self.again(made, "plans again, for a finding of it changed");
        }
        match &made.summary {
            // Nothing is known about it, so nothing is done with it.
            None => self.in_time(made, "has a plan of unknown content"),
            Some(summary) if summary.is_empty() => self.in_time(made, "stands as planned"),
            Some(_) => self.unless_refused(made),
        }
    }

    /// The newest plan was applied: did it come out as planned?
    fn after_apply(&self, made: &'a Artifact) -> Want<'a> {
        let ended = self.apply_ended(Some(&made.digest)).unwrap_or(made.made);
        match self.mission.verification.as_ref().filter(|verification| verification.at >= ended) {
            None => self.in_time(made, "waits for the host to look at what was applied"),
            Some(verification) if !verification.ok => {
                self.again(made, "plans again, for it did not come out as planned")
            }
            Some(_) if self.is_leaving() => Want::Rest { why: "is gone", until: None },
            Some(_) if !self.findings.is_empty() => self.again(made, "plans again, for a finding of it remains"),
            Some(_) => self.in_time(made, "stands as applied"),
        }
    }

    /// A person's no stands for this artifact. The host's no does too, but the world may have changed by the next plan.
    fn unless_refused(&self, artifact: &'a Artifact) -> Want<'a> {
        if self.approval(artifact).is_some_and(|approval| approval.state == ApprovalState::Denied) {
            return Want::Rest { why: "waits, for a person denied its plan", until: None };
        }
        let refused = self
            .view
            .verdict(&apply_key(self.mission, artifact))
            .is_some_and(|verdict| verdict.ruling == Ruling::Refused && !NOT_NOW.contains(&verdict.rule.as_str()));
        if refused { self.in_time(artifact, "waits, for its plan was refused") } else { Want::Apply { artifact } }
    }

    /// A new plan at once, or as soon as the world has settled after the last one.
    fn again(&self, made: &Artifact, why: &'static str) -> Want<'a> {
        let pause = if is_empty(made) { SETTLE_IDLE_MS } else { SETTLE_MS };
        let due = made.made.max(self.apply_ended(None).unwrap_or(0)).saturating_add(pause);
        if due > self.view.now {
            return Want::Rest { why: "lets things settle before the next plan", until: Some(due) };
        }
        Want::Plan { why }
    }

    /// Rest until the plan is so old that drift may have crept in.
    fn in_time(&self, made: &Artifact, why: &'static str) -> Want<'a> {
        let due = made.made.saturating_add(self.settings.replan_after_ms);
        if due > self.view.now {
            return Want::Rest { why, until: Some(due) };
        }
        Want::Plan { why: "plans again, to notice drift" }
    }

    /// What a person is looking at, or has said yes to, is not replaced under their eyes by each finding that moves.
    fn is_before_people(&self, made: &Artifact) -> bool {
        let asked = self.approval(made).is_some_and(|approval| match approval.state {
            ApprovalState::Pending | ApprovalState::Granted => true,
            ApprovalState::Denied | ApprovalState::Expired | ApprovalState::Superseded => false,
        });
        asked && made.made.saturating_add(self.settings.replan_after_ms) > self.view.now
    }

    fn step(&self, wanted: &Wanted<'a>, want: Want<'a>) -> Step<'a> {
        let (operation, artifact, why) = match want {
            Want::Rest { why, until } => return rest(why, until),
            Want::Plan { why } => (self.goal, None, why),
            Want::Apply { artifact } => (Operation::Apply, Some(artifact), "applies its plan"),
        };
        let remedy = match backoff::leave(self.mission, operation, self.view.now) {
            Leave::Go { remedy } => remedy,
            Leave::Wait { until } => return rest("waits after a failure", Some(until)),
            Leave::Hold { why } => return rest(why, None),
            Leave::GiveUp { tally, why } => return Step::GiveUp { operation, tally, why },
        };
        let approval = artifact.and_then(|artifact| self.approval(artifact));
        let pending = approval.filter(|approval| approval.state == ApprovalState::Pending);
        let why = if pending.is_some() { "waits for a person's word on its plan" } else { why };
        Step::Build(Build {
            plan: self.plan,
            operation,
            artifact,
            remedy,
            cites: self.cites(wanted, approval),
            why: why.to_owned(),
            until: pending.map(|approval| approval.expires),
        })
    }

    /// What the step answers: the advice, the person's word, the findings.
    fn cites(&self, wanted: &Wanted<'a>, approval: Option<&'a Approval>) -> Vec<&'a str> {
        let advice = match wanted {
            Wanted::Anyway => None,
            Wanted::Advised(advice) => Some(advice.question.as_str()),
        };
        let approval = approval.map(|approval| approval.id.as_str());
        advice.into_iter().chain(approval).chain(self.findings.iter().map(|finding| finding.id.as_str())).collect()
    }

    fn is_leaving(&self) -> bool {
        self.goal == Operation::PlanDestroy
    }

    fn approval(&self, artifact: &Artifact) -> Option<&'a Approval> {
        self.view.approval(&self.mission.id, Operation::Apply, &self.plan.digest, Some(&artifact.digest))
    }

    /// When an apply of this mission last ended: of this artifact, or of any.
    fn apply_ended(&self, input: Option<&str>) -> Option<u64> {
        self.view
            .workers_of(&self.mission.id)
            .filter(|worker| worker.operation == Operation::Apply && !worker.phase.is_active())
            .filter(|worker| input.is_none() || worker.input.as_deref() == input)
            .map(|worker| worker.ended.unwrap_or(worker.started))
            .max()
    }
}

fn is_empty(artifact: &Artifact) -> bool {
    artifact.summary.as_ref().is_some_and(|summary| summary.is_empty())
}

/// The key of an apply names the artifact, so that a verdict on one says nothing about the next.
pub(crate) fn apply_key(mission: &Mission, artifact: &Artifact) -> String {
    let hex = artifact.digest.strip_prefix("sha256:").unwrap_or(&artifact.digest);
    let short: String = hex.chars().take(12).collect();
    format!("apply/{}/{short}", mission.id)
}
