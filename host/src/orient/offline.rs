//! Advice without a network: a table of rules, read from top to bottom.
//!
//! | what the finding's rule begins with | what would help |
//! |---|---|
//! | `engine`, `docker`, `provider`, `terraform`, `worker`, `mission`, `policy`, `brain`, `attempts`, `object-contested`, `object-left-behind`, `object-unknown`, `cluster`, `watch`, `node`, `namespace`, `network-policy`, `quota`, `rights`, `webhook`, `storage-class`, `disruption-budget` | nothing that a mission offers: a person's work |
//! | `container`, `service`, `pod`, `deployment`, `workload`, `endpoint`, `replica-set`, `stateful-set`, `daemon-set`, `ingress`, `autoscaler`, `job`, `cron-job` | a `server` |
//! | `network` | a `network` |
//! | `volume`, `pvc`, `claim`, `storage` | `storage` |
//! | anything else (`object-missing`, a drift), by the kind of its object | as above for a container, network or volume |
//!
//! A need is recommended only where a mission of the question offers it: the finding's own first, then the one that the
//! question is about, then any other. Nothing is learned and nothing is guessed: the same question always gets the same
//! answer, so a loop without a key is as repeatable as the rules themselves.

use quarterdeck_core::ids::MissionId;
use quarterdeck_core::question::{Bill, BrainReply, Question, RECOMMENDATIONS_MAX, Tokens};
use quarterdeck_core::situation::{Assessment, Finding, Recommendation, Reply, TEXT_BYTES_MAX, cut};

use super::brain::{Brain, Clock, Desk, OnReply};

/// How the advice is signed.
pub const MODEL: &str = "offline-rules";
/// The finding's own mission offers what is missing: it was built for that.
const SURE_OF_OWN: u16 = 800;
/// Another mission offers something of the right kind.
const SURE_OF_OTHER: u16 = 600;

/// What helps against the findings whose rule or object begins so.
struct Row {
    prefixes: &'static [&'static str],
    need: Option<&'static str>,
    reason: &'static str,
}

const ROWS: [Row; 4] = [
    Row {
        prefixes: &[
            "engine",
            "docker",
            "provider",
            "terraform",
            "worker",
            "mission",
            "policy",
            "brain",
            "attempts",
            "object-contested",
            "object-left-behind",
            "object-unknown",
            "cluster",
            "watch",
            "node",
            "namespace",
            "network-policy",
            "quota",
            "rights",
            "webhook",
            "storage-class",
            "disruption-budget",
        ],
        need: None,
        reason: "No mission cures this; its message says what to do.",
    },
    Row {
        prefixes: &[
            "container",
            "service",
            "pod",
            "deployment",
            "workload",
            "endpoint",
            "replica-set",
            "stateful-set",
            "daemon-set",
            "ingress",
            "autoscaler",
            "job",
            "cron-job",
        ],
        need: Some("server"),
        reason: "Something that should serve is down or missing; building the mission that offers a server makes it \
                 again.",
    },
    Row {
        prefixes: &["network"],
        need: Some("network"),
        reason: "A network is missing or is not as it should be; building the mission that offers it makes it again.",
    },
    Row {
        prefixes: &["volume", "pvc", "claim", "storage"],
        need: Some("storage"),
        reason: "Storage is missing or is not as it should be; building the mission that offers it makes it again.",
    },
];

/// The brain that needs no network.
pub struct Offline {
    desk: Desk,
}

impl Offline {
    /// A brain that answers from the table.
    pub fn new(clock: Clock, on_reply: OnReply) -> Offline {
        Offline { desk: Desk::new(clock, on_reply) }
    }
}

impl Brain for Offline {
    fn ask(&self, question: Question) {
        self.desk.expect(&question.id);
        self.desk.put(BrainReply {
            reply: Reply::Assessed(advise(&question)),
            question: question.id,
            answered: self.desk.now(),
            model: Some(MODEL.to_owned()),
            tokens: Tokens::default(),
            bill: Bill::Nothing,
        });
    }

    fn replies(&self) -> Vec<BrainReply> {
        self.desk.replies()
    }

    fn choice(&self) -> String {
        "offline rules (no key, no network)".to_owned()
    }
}

/// The table's advice, the worst findings first.
pub fn advise(question: &Question) -> Assessment {
    let mut findings: Vec<_> = question.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let recommendations: Vec<_> =
        findings.iter().filter_map(|finding| recommend(question, finding)).take(RECOMMENDATIONS_MAX).collect();
    let worst = findings.first().map(|finding| format!(" First: {} ({}).", finding.message, finding.rule));
    let text = format!(
        "By rule alone: of {} findings {} can be helped by what a mission offers.{}",
        findings.len(),
        recommendations.len(),
        worst.unwrap_or_default()
    );
    Assessment { text: cut(&text, TEXT_BYTES_MAX), recommendations }
}

fn recommend(question: &Question, finding: &Finding) -> Option<Recommendation> {
    let row = row(&finding.rule).or_else(|| row(&finding.object.kind))?;
    let need = row.need?;
    let mission = offering(question, finding, need)?;
    let own = finding.mission.as_ref() == Some(mission);
    Some(Recommendation {
        need: Some(need.to_owned()),
        mission: Some(mission.clone()),
        finding: Some(finding.id.clone()),
        remedy: None,
        reason: row.reason.to_owned(),
        confidence: if own { SURE_OF_OWN } else { SURE_OF_OTHER },
    })
}

fn row(name: &str) -> Option<&'static Row> {
    let name = name.to_ascii_lowercase();
    ROWS.iter().find(|row| row.prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

fn offering<'a>(question: &'a Question, finding: &Finding, need: &str) -> Option<&'a MissionId> {
    let by_preference =
        |mission: &&MissionId| (finding.mission.as_ref() != Some(*mission), question.about.as_ref() != Some(*mission));
    question.offering(need).min_by_key(by_preference)
}
