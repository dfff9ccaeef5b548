//! Sample situations: what a policy is tried on that nobody has asked in earnest yet.
//!
//! They have a realistic shape and are as large as asked: findings with evidence, missions with artifacts and tallies,
//! workers, advice and the rest in the proportions of a busy cluster. Every list, option and case is met in the large
//! ones. The same size gives the same situation, always. Nothing in them is about anything: what they are good for is to
//! see that a policy decides, and what it costs; not what it decides.

use crate::digest::Digest;
use crate::encoding;
use crate::ids::{ApprovalId, FindingId, MissionId, OrderName, Timestamp};
use crate::situation::*;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// A situation whose encoding has at least `bytes` bytes, and at most 2 KiB more (but for the smallest).
///
/// # Panics
/// Never for a size that a situation may have.
pub fn situation(bytes: usize) -> Situation {
    let mut made = Maker(bytes as u64 + 1);
    let mut situation = made.bare();
    situation.memo = Some(Memo { format: "shape/1".into(), bytes: (0..=255).cycle().take(bytes / 32).collect() });
    for i in 0.. {
        if encoding::encode(&situation).len() >= bytes {
            break;
        }
        made.add(&mut situation, i);
    }
    situation
}

/// A situation in which nothing is the matter: no mission, no finding, no memo.
pub fn quiet() -> Situation {
    Situation { omitted: Omitted::default(), settings: vec![], more: vec![], ..Maker(0).bare() }
}

/// The same numbers each time, without a crate for it.
struct Maker(u64);

impl Maker {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).expect("31 bits are left")
    }

    fn words(&mut self, about: usize) -> String {
        const WORDS: [&str; 12] = [
            "container",
            "restarted",
            "back-off",
            "in",
            "namespace",
            "probe",
            "failed:",
            "naïve",
            "after",
            "node",
            "pressure",
            "10.0.3.17:8443",
        ];
        let mut text = String::new();
        while text.len() < about {
            text.push_str(WORDS[(self.next() % 12) as usize]);
            text.push(' ');
        }
        text
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Maker) -> T) -> Option<T> {
        if self.next().is_multiple_of(3) { None } else { Some(make(self)) }
    }

    fn digest(&mut self) -> Digest {
        Digest::of(&self.next().to_le_bytes())
    }

    fn hex(&mut self) -> String {
        self.digest().short(12)
    }

    fn facts(&mut self, count: usize, about: usize) -> Vec<Fact> {
        const KEYS: [&str; 5] = ["restart-count", "last-state.reason", "exit-code", "event.message", "image"];
        (0..count).map(|i| Fact { key: KEYS[i % 5].into(), value: self.words(about) }).collect()
    }

    fn mission_id(&mut self, i: usize) -> MissionId {
        MissionId::parse(&format!("shop-{i}-1f2e3d4c")).expect("a mission id")
    }

    fn finding_id(&mut self) -> FindingId {
        FindingId::parse(&format!("f-{}", self.hex())).expect("a finding id")
    }

    fn order(&mut self) -> OrderName {
        OrderName::parse(&format!("apply-shop-{}", self.hex())).expect("an order name")
    }

    fn object(&mut self, kind: &str) -> ObjectRef {
        ObjectRef {
            kind: kind.into(),
            namespace: self.maybe(|_| "payments".into()),
            name: format!("checkout-{}", self.hex()),
            uid: self.maybe(Maker::hex),
        }
    }

    fn operation(&mut self) -> Operation {
        use Operation::*;
        [Plan, PlanDestroy, Apply, Check, Configure, Scan][(self.next() % 6) as usize]
    }

    fn summary(&mut self) -> ChangeSummary {
        ChangeSummary { adds: 3, changes: self.next(), destroys: 0, replaces: 1 }
    }

    fn failure(&mut self) -> Failure {
        Failure {
            kind: "unreachable".into(),
            message: self.words(100),
            retryable: self.next().is_multiple_of(2),
            remedies: vec!["retry-later".into(), "unlock".into()],
        }
    }

    fn bare(&mut self) -> Situation {
        Situation {
            turn: 4711,
            now: NOW,
            last_decision: Some(Timestamp(NOW.0 - 60_000)),
            settings: vec![Fact::new("patience-ms", "60000")],
            cluster: vec![Fact::new("version", "v1.34.1")],
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
            omitted: Omitted { findings: 7, missions: 0, workers: 1, others: 2 },
            memo: None,
            more: vec![Fact::new("a-key-of-tomorrow", "no policy of today knows it")],
        }
    }

    /// In cycles of sixteen: eight findings, a mission, a worker, and one of each other kind.
    fn add(&mut self, to: &mut Situation, i: usize) {
        match i % 16 {
            0 => to.missions.push(self.mission(i / 16)),
            5 => to.workers.push(self.worker(i / 16)),
            6 => to.verdicts.push(self.verdict(i)),
            7 => to.approvals.push(self.approval(i)),
            8 => to.advice.push(self.advice(i)),
            9 => to.recollections.push(self.recollection(i)),
            10 => to.inspections.push(self.inspection(i)),
            11 => {
                to.resolved.push(Resolution { finding: self.finding_id(), rule: "pod-pending".into(), resolved: NOW })
            }
            12 => {
                let resets = self.maybe(|made| Timestamp(made.next().into()));
                to.allowances.push(Allowance {
                    name: format!("budget-{i}"),
                    used: self.next().into(),
                    limit: 1 << 40,
                    resets,
                });
                let more = self.facts(1, 20);
                to.engine =
                    Some(DockerEngine { version: "29.1.0".into(), api: "1.52".into(), api_min: "1.44".into(), more });
            }
            _ => to.findings.push(self.finding(i)),
        }
    }

    fn finding(&mut self, i: usize) -> Finding {
        Finding {
            id: self.finding_id(),
            rule: if i.is_multiple_of(7) { "a-rule-of-tomorrow" } else { "pod-crash-looping" }.into(),
            severity: [Severity::Critical, Severity::Warning, Severity::Info][i % 3],
            object: self.object("Pod"),
            owner: self.maybe(|made| made.object("Deployment")),
            mission: self.maybe(|made| made.mission_id(i / 16)),
            message: self.words(110),
            evidence: self.facts(4, 32),
            first_seen: Timestamp(NOW.0 - 600_000),
            changed: Timestamp(NOW.0 - 60_000),
            count: self.next() % 50,
            acknowledged_until: self.maybe(|_| Timestamp(NOW.0 + 60_000)),
        }
    }

    fn artifact(&mut self, plan: Digest) -> Artifact {
        Artifact {
            digest: self.digest(),
            plan,
            operation: self.operation(),
            generation: 2,
            worker: self.order(),
            made: Timestamp(NOW.0 - 30_000),
            summary: self.maybe(Maker::summary),
            stale: self.next().is_multiple_of(2),
            more: self.facts(1, 10),
        }
    }

    fn mission(&mut self, i: usize) -> Mission {
        use Autonomy::*;
        use DesiredState::*;
        let plan = Plan { digest: self.digest(), tool: "terraform".into(), facts: self.facts(3, 24) };
        let tally = |made: &mut Maker, operation| Tally {
            operation,
            tried: 1,
            limit: 5,
            not_before: made.maybe(|_| Timestamp(NOW.0 + 60_000)),
            last_failure: made.maybe(Maker::failure),
        };
        Mission {
            id: self.mission_id(i),
            generation: 2,
            goal: self.words(60),
            autonomy: [Approve, Auto, Suggest, Off][i % 4],
            desired: [Present, Absent, Suspended][i % 3],
            phase: "a-phase-of-tomorrow".into(),
            artifacts: vec![self.artifact(plan.digest), self.artifact(plan.digest)],
            plans: vec![plan],
            offers: vec!["server".into(), "network".into()],
            targets: vec!["10.0.3.17:22".into()],
            tallies: vec![tally(self, Operation::Plan), tally(self, Operation::Apply)],
            applied: self.maybe(Maker::digest),
            verification: self.maybe(|made| Verification { at: NOW, ok: true, differences: vec![made.finding_id()] }),
            parked: self.maybe(|made| made.words(20)),
            more: self.facts(2, 12),
        }
    }

    fn worker(&mut self, i: usize) -> Worker {
        use WorkerPhase::*;
        Worker {
            id: self.order(),
            mission: self.mission_id(i),
            generation: 2,
            operation: self.operation(),
            plan: self.digest(),
            input: self.maybe(Maker::digest),
            attempt: 1,
            phase: [Starting, Running, Succeeded, Failed, Cancelled, Lost][i % 6],
            started: Timestamp(NOW.0 - 20_000),
            deadline: Timestamp(NOW.0 + 600_000),
            ended: self.maybe(|_| NOW),
            output: self.maybe(Maker::digest),
            summary: self.maybe(Maker::summary),
            failure: self.maybe(Maker::failure),
            more: self.facts(2, 40),
        }
    }

    fn verdict(&mut self, i: usize) -> ShownVerdict {
        use Ruling::*;
        ShownVerdict {
            turn: self.next(),
            key: format!("plan-{i}"),
            ruling: [Acted, Asked, Suggested, Refused, Failed][i / 16 % 5],
            rule: "autonomy".into(),
            because: self.words(40),
            worker: self.maybe(Maker::order),
            approval: self.maybe(|_| ApprovalId::parse("a-1").expect("an approval id")),
        }
    }

    fn approval(&mut self, i: usize) -> Approval {
        use ApprovalState::*;
        Approval {
            id: ApprovalId::parse(&format!("a-{i}")).expect("an approval id"),
            mission: self.mission_id(i / 16),
            operation: self.operation(),
            plan: self.digest(),
            artifact: self.maybe(Maker::digest),
            state: [Pending, Granted, Denied, Expired, Superseded][i / 16 % 5],
            needed: 2,
            given: 1,
            requested: NOW,
            expires: Timestamp::MAX,
            comment: self.maybe(|made| made.words(20)),
        }
    }

    fn advice(&mut self, i: usize) -> Advice {
        use QuestionKind::*;
        let recommendation = Recommendation {
            need: Some("server".into()),
            mission: self.maybe(|made| made.mission_id(0)),
            finding: self.maybe(Maker::finding_id),
            remedy: self.maybe(|_| "retry-later".into()),
            reason: self.words(80),
            confidence: 800,
        };
        let text = self.words(200);
        let replies = [
            Reply::Assessed(Assessment { text, recommendations: vec![recommendation] }),
            Reply::Pending,
            Reply::Unanswered("quota".into()),
        ];
        Advice {
            question: format!("q-{i}"),
            kind: [Triage, Propose, ChooseRemedy, Summarise][i / 16 % 4],
            asked: NOW,
            answered: self.maybe(|_| NOW),
            model: self.maybe(|_| "a-model".into()),
            reply: replies.into_iter().nth(i / 16 % 3).expect("three replies"),
        }
    }

    fn recollection(&mut self, i: usize) -> Recollection {
        Recollection {
            id: format!("r-{i}"),
            findings: vec![self.finding_id()],
            similarity: 900,
            lesson: self.words(60),
            outcome: [Outcome::Unknown, Outcome::Helped, Outcome::DidNotHelp][i / 16 % 3],
            learned: NOW,
            seen: 2,
        }
    }

    fn inspection(&mut self, i: usize) -> Inspection {
        let views = [View::Text(self.words(120)), View::Pending, View::Failed("denied".into())];
        Inspection {
            id: format!("i-{i}"),
            object: self.object("container"),
            asked: NOW,
            view: views.into_iter().nth(i / 16 % 3).expect("three views"),
        }
    }
}
