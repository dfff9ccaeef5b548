//! The situations that every upload is asked about before it may decide: nothing, one mission, and a busy day, with what
//! it wrote into its memo and without.
//!
//! They are made by hand and never change by chance, so a report can be had again. They hold what a policy has to cope
//! with: an empty list everywhere, and every list filled; missions in each state; advice that is pending, given and
//! refused; keys, rules and words that no policy of today knows. They are no test of what a policy is worth: that is
//! replay on the operator's own journal.

use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{ApprovalId, FindingId, MissionId, OrderName, Timestamp};
use quarterdeck_core::situation::*;

/// Their names, in their order.
pub(in crate::decide) const SAMPLES: [&str; 4] =
    ["nothing at all", "one mission", "a busy day, with its memo", "a busy day, with an empty memo"];

/// When all samples take place.
const NOW: Timestamp = Timestamp(1_795_000_000_000);
/// The missions of the busy day.
const BUSY: u8 = 12;

/// The sample with this number, as the policy with this description is shown it.
pub(in crate::decide) fn situation(index: u8, description: &Description, memo: Option<Memo>) -> Situation {
    let mut situation = nothing();
    situation.settings =
        description.settings.iter().map(|setting| Fact::new(&setting.key, &setting.default_value)).collect();
    match index {
        0 => {}
        1 => {
            situation.turn = 2;
            situation.missions = vec![Mission { artifacts: vec![], applied: None, verification: None, ..mission(0) }];
        }
        _ => {
            busy(&mut situation);
            situation.memo = memo.filter(|_| index == 2);
        }
    }
    situation
}

fn nothing() -> Situation {
    Situation {
        turn: 1,
        now: NOW,
        last_decision: None,
        settings: vec![],
        cluster: vec![],
        engine: None,
        findings: vec![],
        resolved: vec![],
        missions: vec![],
        workers: vec![],
        verdicts: vec![],
        approvals: vec![],
        allowances: vec![],
        advice: vec![],
        recollections: vec![],
        inspections: vec![],
        omitted: Omitted::default(),
        memo: None,
        more: vec![Fact::new("rehearsal", "false")],
    }
}

fn busy(situation: &mut Situation) {
    situation.turn = 4_711;
    situation.last_decision = Some(ago(60));
    situation.cluster = vec![Fact::new("nodes", "3"), Fact::new("a-key-of-tomorrow", "unknown today")];
    situation.engine =
        Some(DockerEngine { version: "29.1.0".into(), api: "1.52".into(), api_min: "1.44".into(), more: vec![] });
    situation.missions = (0..BUSY).map(mission).collect();
    situation.workers = (0..BUSY).map(worker).collect();
    situation.findings = (0..40).map(finding).collect();
    situation.resolved = vec![Resolution { finding: id(200), rule: "container-exited".into(), resolved: ago(30) }];
    situation.verdicts = (0..BUSY).map(verdict).collect();
    situation.approvals = (0..5).map(approval).collect();
    situation.advice = (0..3).map(advice).collect();
    situation.allowances = ["workers", "questions-today", "a-budget-of-tomorrow"]
        .map(|name| Allowance { name: name.into(), used: 1, limit: 4, resets: Some(later(3_600)) })
        .into();
    situation.recollections = vec![Recollection {
        id: "r-1".into(),
        findings: vec![id(1)],
        similarity: 900,
        lesson: "The port was taken by another container.".into(),
        outcome: Outcome::Helped,
        learned: ago(90_000),
        seen: 2,
    }];
    situation.inspections = vec![Inspection {
        id: "i-1".into(),
        object: object("container", 1),
        asked: ago(10),
        view: View::Text("listening on 0.0.0.0:8080\u{fffd} naïve 端末".into()),
    }];
    situation.omitted = Omitted { findings: 3, missions: 0, workers: 1, others: 0 };
}

fn ago(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1_000)
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus_ms(seconds * 1_000)
}

/// One of several, in turn.
fn one<T: Copy, const N: usize>(of: [T; N], n: u8) -> T {
    of[usize::from(n) % N]
}

fn digest(what: &str, n: u8) -> Digest {
    Digest::of(format!("{what} {n}").as_bytes())
}

fn mission_id(n: u8) -> MissionId {
    MissionId::parse(&format!("shop-{n}-1f2e3d4c")).expect("letters, digits and dashes")
}

fn id(n: u8) -> FindingId {
    FindingId::parse(&format!("f-{}", digest("finding", n).short(12))).expect("letters, digits and dashes")
}

fn order(operation: &str, n: u8) -> OrderName {
    OrderName::parse(&format!("{operation}-shop-{n}")).expect("letters, digits and dashes")
}

fn object(kind: &str, n: u8) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: None, name: format!("{kind}-{n}"), uid: Some(digest(kind, n).short(12)) }
}

fn failure(n: u8) -> Failure {
    Failure {
        kind: one(["unreachable", "version-mismatch", "a-kind-of-tomorrow"], n).into(),
        message: "dial tcp 10.0.3.17:2375: connect: connection refused".into(),
        retryable: n.is_multiple_of(2),
        remedies: vec!["retry-later".into()],
    }
}

fn mission(n: u8) -> Mission {
    let plan = digest("files", n);
    let made = |operation, n| Artifact {
        digest: digest("saved plan", n),
        plan,
        operation,
        generation: 2,
        worker: order("plan", n),
        made: ago(120),
        summary: Some(ChangeSummary { adds: u32::from(n % 3), changes: 0, destroys: u32::from(n % 2), replaces: 0 }),
        stale: n.is_multiple_of(5),
        more: vec![],
    };
    let tally = |operation, tried: u8| Tally {
        operation,
        tried: tried.into(),
        limit: 5,
        not_before: (tried > 0).then(|| later(30)),
        last_failure: (tried > 0).then(|| failure(n)),
    };
    let applied = n.is_multiple_of(3).then(|| digest("saved plan", n));
    Mission {
        id: mission_id(n),
        generation: 2,
        goal: "A web server on a private network, reached at a port of this machine.".into(),
        autonomy: one([Autonomy::Auto, Autonomy::Approve, Autonomy::Suggest, Autonomy::Off], n),
        desired: one([DesiredState::Present, DesiredState::Present, DesiredState::Absent, DesiredState::Suspended], n),
        phase: one(["Planning", "Ready", "a-phase-of-tomorrow"], n).into(),
        plans: vec![Plan { digest: plan, tool: "terraform".into(), facts: vec![Fact::new("files", "3")] }],
        offers: vec!["server".into(), "network".into()],
        targets: vec![format!("10.0.3.{n}:22")],
        tallies: vec![tally(Operation::Plan, n % 2), tally(Operation::Apply, n % 6)],
        artifacts: vec![made(Operation::Plan, n), made(Operation::PlanDestroy, n + 100)],
        applied,
        verification: applied.map(|_| Verification { at: ago(20), ok: n.is_multiple_of(2), differences: vec![id(n)] }),
        parked: (n % 8 == 7).then(|| "uid 1000 paused it: looking into the outage".into()),
        more: vec![Fact::new("when", one(["always", "needed"], n)), Fact::new("rehearsal", "false")],
    }
}

fn worker(n: u8) -> Worker {
    use WorkerPhase::{Cancelled, Failed, Lost, Running, Starting, Succeeded};
    let phase = one([Running, Succeeded, Failed, Starting, Cancelled, Lost], n);
    Worker {
        id: order("apply", n),
        mission: mission_id(n),
        generation: 2,
        operation: one([Operation::Plan, Operation::Apply, Operation::PlanDestroy], n),
        plan: digest("files", n),
        input: Some(digest("saved plan", n)),
        attempt: 1,
        phase,
        started: ago(90),
        deadline: later(600),
        ended: (!phase.is_active()).then(|| ago(10)),
        output: (phase == Succeeded).then(|| digest("output", n)),
        summary: (phase == Succeeded).then(ChangeSummary::default),
        failure: (phase == Failed).then(|| failure(n)),
        more: vec![],
    }
}

fn finding(n: u8) -> Finding {
    Finding {
        id: id(n),
        rule: one(["container-exited", "object-missing", "object-unknown", "a-rule-of-tomorrow"], n).into(),
        severity: one([Severity::Critical, Severity::Warning, Severity::Info], n),
        object: object("container", n),
        owner: n.is_multiple_of(4).then(|| object("mission", n % BUSY)),
        mission: n.is_multiple_of(2).then(|| mission_id(n % BUSY)),
        message: "the container exited with 137, three times in ten minutes".into(),
        evidence: vec![Fact::new("exit-code", "137"), Fact::new("restart-count", "3")],
        first_seen: ago(600),
        changed: ago(60),
        count: u32::from(n) % 4 + 1,
        acknowledged_until: (n % 7 == 6).then(|| later(600)),
    }
}

fn verdict(n: u8) -> ShownVerdict {
    use Ruling::{Acted, Asked, Failed, Refused, Suggested};
    ShownVerdict {
        turn: 4_700 + u32::from(n),
        key: format!("plan/shop-{n}-1f2e3d4c"),
        ruling: one([Acted, Asked, Suggested, Refused, Failed], n),
        rule: one(["plans", "paused", "denied", "a-rule-of-tomorrow"], n).into(),
        because: "the charter says so".into(),
        worker: n.is_multiple_of(5).then(|| order("apply", n)),
        approval: (n % 5 == 1).then(|| approval_id(n % 5)),
    }
}

fn approval_id(n: u8) -> ApprovalId {
    ApprovalId::parse(&format!("a-{}", digest("approval", n).short(10))).expect("letters, digits and dashes")
}

fn approval(n: u8) -> Approval {
    use ApprovalState::{Denied, Expired, Granted, Pending, Superseded};
    Approval {
        id: approval_id(n),
        mission: mission_id(n),
        operation: Operation::Apply,
        plan: digest("files", n),
        artifact: Some(digest("saved plan", n)),
        state: one([Pending, Granted, Denied, Expired, Superseded], n),
        needed: 1,
        given: u32::from(n == 1),
        requested: ago(300),
        expires: later(3_600),
        comment: (n == 2).then(|| "not on a Friday".into()),
    }
}

fn advice(n: u8) -> Advice {
    let recommendation = Recommendation {
        need: Some("server".into()),
        mission: Some(mission_id(1)),
        finding: Some(id(0)),
        remedy: None,
        reason: "The server that others need is gone.".into(),
        confidence: 800,
    };
    let assessment = Assessment { text: "Two faults, one cause.".into(), recommendations: vec![recommendation] };
    Advice {
        question: format!("propose/{}", id(n)),
        kind: one([QuestionKind::Propose, QuestionKind::Triage, QuestionKind::ChooseRemedy], n),
        asked: ago(45),
        answered: (n != 1).then(|| ago(40)),
        model: (n == 0).then(|| "a-model".into()),
        reply: match n {
            0 => Reply::Assessed(assessment),
            1 => Reply::Pending,
            _ => Reply::Unanswered("the day's budget is spent".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::encoding;

    use super::*;

    fn nobody() -> Description {
        Description {
            name: String::new(),
            version: String::new(),
            summary: String::new(),
            actions: vec![],
            operations: vec![],
            settings: vec![],
            memo_format: String::new(),
            reads_memos: vec![],
        }
    }

    #[test]
    fn every_sample_is_a_situation_that_a_host_could_show() {
        for index in 0..4 {
            let memo = Some(Memo { format: "m/1".into(), bytes: vec![7] });
            let situation = situation(index, &nobody(), memo);
            let bytes = encoding::encode(&situation);
            assert!(bytes.len() < SITUATION_BYTES_MAX / 4, "{index}: {} bytes", bytes.len());
            assert_eq!(encoding::decode::<Situation>(&bytes).unwrap(), situation);
            assert_eq!(situation.memo.is_some(), index == 2);
        }
    }
}
