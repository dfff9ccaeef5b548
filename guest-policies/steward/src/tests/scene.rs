//! A small builder of situations. Times are milliseconds of which `NOW` is the present; everything has a quiet default.

use quarterdeck_policy_sdk::*;

pub(super) const NOW: u64 = 10_000_000;
pub(super) const SECOND: u64 = 1_000;
pub(super) const WEB: &str = "web-0123abcd";
pub(super) const FILES: &str = "sha256:f11e5";
pub(super) const MADE: &str = "sha256:aaaabbbbccccdddd";

pub(super) fn scene(missions: Vec<Mission>) -> Situation {
    Situation {
        turn: 7,
        now: NOW,
        last_decision: None,
        settings: vec![],
        cluster: vec![],
        engine: None,
        findings: vec![],
        resolved: vec![],
        missions,
        workers: vec![],
        verdicts: vec![],
        approvals: vec![],
        allowances: vec![],
        advice: vec![],
        recollections: vec![],
        inspections: vec![],
        omitted: Omitted { findings: 0, missions: 0, workers: 0, others: 0 },
        memo: None,
        more: vec![],
    }
}

pub(super) fn mission(id: &str) -> Mission {
    Mission {
        id: id.into(),
        generation: 1,
        goal: "a web server".into(),
        autonomy: Autonomy::Approve,
        desired: DesiredState::Present,
        phase: String::new(),
        plans: vec![Plan { digest: FILES.into(), tool: "terraform".into(), facts: vec![] }],
        offers: vec![],
        targets: vec![],
        tallies: vec![],
        artifacts: vec![],
        applied: None,
        verification: None,
        parked: None,
        more: vec![],
    }
}

pub(super) fn web() -> Mission {
    mission(WEB)
}

/// A web server that is planned and made only where something needs one.
pub(super) fn spare() -> Mission {
    Mission { offers: vec!["server".into()], more: vec![new_fact("when", "needed")], ..web() }
}

pub(super) fn leaving() -> Mission {
    Mission { desired: DesiredState::Absent, ..web() }
}

pub(super) fn new_fact(key: &str, value: &str) -> Fact {
    Fact { key: key.into(), value: value.into() }
}

/// What `plan` made, with so many objects to add.
pub(super) fn made(at: u64, adds: u32) -> Artifact {
    Artifact {
        digest: MADE.into(),
        plan: FILES.into(),
        operation: Operation::Plan,
        generation: 1,
        worker: "w-plan".into(),
        made: at,
        summary: Some(ChangeSummary { adds, changes: 0, destroys: 0, replaces: 0 }),
        stale: false,
        more: vec![],
    }
}

pub(super) fn made_to_destroy(at: u64, destroys: u32) -> Artifact {
    let summary = Some(ChangeSummary { adds: 0, changes: 0, destroys, replaces: 0 });
    Artifact { operation: Operation::PlanDestroy, summary, ..made(at, 0) }
}

/// The mission with its plan applied, and what the host saw at `at`.
pub(super) fn applied(mission: Mission, artifact: Artifact, at: u64, ok: bool) -> Mission {
    let verification = Some(Verification { at, ok, differences: vec![] });
    Mission { applied: Some(artifact.digest.clone()), artifacts: vec![artifact], verification, ..mission }
}

pub(super) fn worker(operation: Operation, phase: WorkerPhase, ended: Option<u64>) -> Worker {
    Worker {
        id: "w-1".into(),
        mission: WEB.into(),
        generation: 1,
        operation,
        plan: FILES.into(),
        input: (operation == Operation::Apply).then(|| MADE.into()),
        attempt: 1,
        phase,
        started: NOW - 500 * SECOND,
        deadline: NOW + 60 * SECOND,
        ended,
        output: None,
        summary: None,
        failure: None,
        more: vec![],
    }
}

pub(super) fn finding(id: &str, mission: Option<&str>, severity: Severity, changed: u64) -> Finding {
    Finding {
        id: id.into(),
        rule: "container-exited".into(),
        severity,
        object: ObjectRef { kind: "container".into(), namespace: None, name: "web".into(), uid: None },
        owner: None,
        mission: mission.map(str::to_owned),
        message: "exited".into(),
        evidence: vec![],
        first_seen: changed,
        changed,
        count: 1,
        acknowledged_until: None,
    }
}

pub(super) fn resolved(finding: &str) -> Resolution {
    Resolution { finding: finding.into(), rule: "container-exited".into(), resolved: NOW }
}

pub(super) fn tally(operation: Operation, tried: u32, failure: Option<Failure>) -> Tally {
    Tally { operation, tried, limit: 5, not_before: None, last_failure: failure }
}

pub(super) fn failure(kind: &str, retryable: bool, remedies: &[&str]) -> Failure {
    let remedies = remedies.iter().map(|&remedy| remedy.to_owned()).collect();
    Failure { kind: kind.into(), message: "it broke".into(), retryable, remedies }
}

pub(super) fn approval(state: ApprovalState) -> Approval {
    Approval {
        id: "approval-1".into(),
        mission: WEB.into(),
        operation: Operation::Apply,
        plan: FILES.into(),
        artifact: Some(MADE.into()),
        state,
        needed: 1,
        given: 0,
        requested: NOW - 10 * SECOND,
        expires: NOW + 3600 * SECOND,
        comment: None,
    }
}

pub(super) fn verdict(key: &str, ruling: Ruling, rule: &str) -> Verdict {
    let because = String::new();
    Verdict { turn: 6, key: key.into(), ruling, rule: rule.into(), because, worker: None, approval: None }
}

/// Advice that was asked about a finding, and recommends a need.
pub(super) fn advice(finding: &str, need: &str, asked: u64) -> Advice {
    let recommendation = Recommendation {
        need: Some(need.into()),
        mission: None,
        finding: Some(finding.into()),
        remedy: None,
        reason: "it would help".into(),
        confidence: 900,
    };
    Advice {
        question: format!("propose/{finding}"),
        kind: QuestionKind::Propose,
        asked,
        answered: Some(asked),
        model: None,
        reply: Reply::Assessed(Assessment { text: String::new(), recommendations: vec![recommendation] }),
    }
}

/// The keys of what steward proposes.
pub(super) fn keys(view: &Situation) -> Vec<String> {
    crate::decide(view).proposals.into_iter().map(|proposal| proposal.key).collect()
}

/// The decision on a scene with one proposal, and that proposal.
pub(super) fn only(view: &Situation) -> (Decision, Proposal) {
    let decision = crate::decide(view);
    assert_eq!(decision.proposals.len(), 1, "{decision:?}");
    let proposal = decision.proposals[0].clone();
    (decision, proposal)
}

/// Steward proposes nothing, and looks again then.
#[track_caller]
pub(super) fn assert_rests(view: &Situation, until: Option<u64>) {
    let decision = crate::decide(view);
    assert_eq!((decision.proposals.len(), decision.look_again), (0, until), "{decision:?}");
}
