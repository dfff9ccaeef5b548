//! Keeper keeps missions standing: it plans what is wanted, applies what a plan would change, looks for drift every ten
//! minutes, and tells people once of each finding that is critical.

use quarterdeck_policy_sdk::*;

/// How long a plan that changes nothing says that a mission stands.
const REPLAN_AFTER_MS: u64 = 600_000;
/// How long the world may settle before a plan that was overtaken is made anew.
const SETTLE_MS: u64 = 30_000;
/// People are told of so many findings a turn; the rest comes in the next one.
const TOLD_MAX: usize = 16;
/// Each action cites so many findings at most.
const CITES_MAX: usize = 8;

/// The policy.
pub struct Keeper;

/// What one mission wants now.
enum Step {
    Rest,
    Wait(u64),
    Build(Proposal),
}

impl Policy for Keeper {
    fn describe() -> Description {
        Description {
            name: "keeper".into(),
            version: "0.1.0".into(),
            summary: "Plans, applies what changes, and tells of what is critical.".into(),
            actions: vec![ActionKind::Build, ActionKind::Notify],
            operations: vec![Operation::Plan, Operation::Apply],
            settings: vec![],
            memo_format: "keeper/1".into(),
            reads_memos: vec![],
        }
    }

    fn decide(view: &Situation) -> Result<Decision, String> {
        let (mut proposals, mut look_again) = (vec![], None::<u64>);
        for mission in &view.missions {
            match step(view, mission) {
                Step::Rest => {}
                Step::Wait(until) => look_again = Some(look_again.map_or(until, |at| at.min(until))),
                Step::Build(proposal) => proposals.push(proposal),
            }
        }
        let builds = proposals.len();
        proposals.extend(view.findings.iter().filter(|finding| is_news(view, finding)).take(TOLD_MAX).map(tell));
        info!("{} missions and {} findings are in view", view.missions.len(), view.findings.len());
        let rationale = format!("I start {builds} workers and tell {} things.", proposals.len() - builds);
        Ok(Decision { proposals, rationale, memo: None, look_again })
    }
}

export!(Keeper);

fn step(view: &Situation, mission: &Mission) -> Step {
    let unwanted = mission.desired != DesiredState::Present || mission.autonomy == Autonomy::Off;
    let held = mission.parked.is_some() || fact(&mission.more, "preflight").is_some();
    if unwanted || held || fact(&mission.more, "when") == Some("needed") {
        return Step::Rest;
    }
    if view.workers.iter().any(|worker| worker.mission == mission.id && worker.phase.is_active()) {
        return Step::Rest;
    }
    let Some(plan) = mission.plans.iter().find(|plan| plan.tool == "terraform") else { return Step::Rest };
    let troubles: Vec<&Finding> = view.findings.iter().filter(|finding| is_trouble(view, mission, finding)).collect();
    if troubles.iter().any(|finding| finding.rule == "object-unknown") {
        return Step::Rest; // To build now could make a second time what is there.
    }
    let made = mission.artifacts.iter().find(|made| {
        made.operation == Operation::Plan && made.generation == mission.generation && made.plan == plan.digest
    });
    let (operation, key, step) = match made {
        Some(made) if !made.stale && changes(made) => {
            let denied = |approval: &Approval| approval.state == ApprovalState::Denied;
            if view.approvals.iter().any(|a| denied(a) && a.artifact.as_ref() == Some(&made.digest)) {
                return Step::Rest; // A person's no stands for this plan.
            }
            let key = format!("apply/{}/{}", mission.id, &made.digest[7..19]);
            (Operation::Apply, key, BuildStep::Apply(made.digest.clone()))
        }
        made => {
            if let Some(made) = made {
                let overtaken = made.stale || troubles.iter().any(|finding| finding.changed > made.made);
                let due = made.made + if overtaken { SETTLE_MS } else { REPLAN_AFTER_MS };
                if due > view.now {
                    return Step::Wait(due);
                }
            }
            (Operation::Plan, format!("plan/{}", mission.id), BuildStep::Plan)
        }
    };
    if let Some(tally) = mission.tallies.iter().find(|tally| tally.operation == operation) {
        match tally.not_before {
            _ if tally.tried >= tally.limit => return Step::Rest,
            Some(until) if until > view.now => return Step::Wait(until),
            Some(_) | None => {}
        }
    }
    let cites = troubles.iter().take(CITES_MAX).map(|finding| finding.id.clone()).collect();
    let (mission, generation) = (mission.id.clone(), mission.generation);
    let order = Order { mission, generation, plan: plan.digest.clone(), remedy: None };
    Step::Build(Proposal { key, cites, action: Action::Build(Build { order, step }) })
}

fn is_open(view: &Situation, finding: &Finding) -> bool {
    finding.acknowledged_until.is_none_or(|until| until <= view.now)
}

fn is_trouble(view: &Situation, mission: &Mission, finding: &Finding) -> bool {
    finding.mission.as_ref() == Some(&mission.id) && finding.severity != Severity::Info && is_open(view, finding)
}

fn changes(made: &Artifact) -> bool {
    made.summary.is_some_and(|summary| !summary.is_empty())
}

/// Critical, open, and people have not been told of it yet.
fn is_news(view: &Situation, finding: &Finding) -> bool {
    let key = || format!("notify/{}", finding.id);
    let told = |key: String| view.verdicts.iter().any(|told| told.key == key && told.ruling == Ruling::Acted);
    finding.severity == Severity::Critical && is_open(view, finding) && !told(key())
}

fn tell(finding: &Finding) -> Proposal {
    let action = Action::Notify(Notify {
        severity: finding.severity,
        title: finding.rule.clone(),
        text: finding.message.clone(),
        mission: finding.mission.clone(),
    });
    Proposal { key: format!("notify/{}", finding.id), cites: vec![finding.id.clone()], action }
}
