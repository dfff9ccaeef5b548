//! The decision while it is written: within its bounds, each key once.

use crate::backoff;
use crate::mission::{Build, Step, apply_key};
use crate::question;
use quarterdeck_policy_sdk::{
    self as sdk, Action, Ask, BuildStep, Decision, Finding, Mission, Notify, Operation, Order, Proposal, QuestionKind,
    Ruling, Severity, Situation, Tally, same_id, warn,
};

/// A decision has at most this many proposals. The host takes twice as many; nobody reads that many in a turn.
const PROPOSALS_MAX: usize = 64;
/// A proposal cites at most this many things, the first of them.
const CITES_MAX: usize = 16;
/// The host takes keys of this many bytes.
const KEY_BYTES_MAX: usize = 128;
/// The rationale ends after this many bytes: half a page.
const RATIONALE_BYTES_MAX: usize = 2_000;
/// What a sentence quotes of a name, in bytes.
const NAME_BYTES_MAX: usize = 80;
/// What a notification quotes of a failure, in bytes.
const QUOTE_BYTES_MAX: usize = 400;

/// A decision that grows.
pub(crate) struct Draft {
    now: u64,
    proposals: Vec<Proposal>,
    rationale: String,
    untold: u32,
    look_again: Option<u64>,
}

impl Draft {
    pub(crate) fn new(now: u64) -> Draft {
        Draft { now, proposals: Vec::new(), rationale: String::new(), untold: 0, look_again: None }
    }

    /// Writes down what a mission wants.
    pub(crate) fn take(&mut self, view: &Situation, mission: &Mission, step: Step<'_>) {
        match step {
            Step::Nothing => {}
            Step::Rest { why, until } => {
                self.wake(until);
                self.say(&mission.id, &why);
            }
            Step::Build(build) => {
                self.wake(build.until);
                self.say(&mission.id, &build.why);
                self.build(mission, &build);
            }
            Step::GiveUp { operation, tally, why } => {
                self.say(&mission.id, &why);
                self.notify(view, mission, operation, tally, &why);
            }
        }
    }

    /// Asks what would meet a finding.
    pub(crate) fn ask(&mut self, finding: &Finding) {
        self.say(&finding.id, "asks what would help");
        let ask = Ask {
            id: question::id(&finding.id),
            kind: QuestionKind::Propose,
            mission: None,
            findings: vec![finding.id.clone()],
            note: None,
        };
        self.propose(format!("ask/{}", finding.id), &[finding.id.as_str()], Action::Ask(ask));
    }

    /// A finding that a person took on asks again when that time is over.
    pub(crate) fn wake_for_acknowledged(&mut self, view: &Situation) {
        for finding in view.findings.iter().filter(|finding| finding.severity >= Severity::Warning) {
            self.wake(finding.acknowledged_until);
        }
    }

    pub(crate) fn finish(mut self) -> Decision {
        if self.untold > 0 {
            self.rationale.push_str(&format!(" And {} more.", self.untold));
        }
        Decision {
            proposals: self.proposals,
            rationale: self.rationale,
            memo: None,
            look_again: self.look_again.map(|at| at.min(sdk::U64_MAX)),
        }
    }

    fn build(&mut self, mission: &Mission, build: &Build<'_>) {
        let (key, step) = match build.artifact {
            Some(artifact) => (apply_key(mission, artifact), BuildStep::Apply(artifact.digest.clone())),
            None if build.operation == Operation::PlanDestroy => (plan_key(mission), BuildStep::PlanDestroy),
            None => (plan_key(mission), BuildStep::Plan),
        };
        let order = Order {
            mission: mission.id.clone(),
            generation: mission.generation,
            plan: build.plan.digest.clone(),
            remedy: build.remedy.map(str::to_owned),
        };
        self.propose(key, &build.cites, Action::Build(sdk::Build { order, step }));
    }

    /// Tells people once: while a verdict shows that they were told, they are not told again.
    fn notify(&mut self, view: &Situation, mission: &Mission, operation: Operation, tally: &Tally, why: &str) {
        let key = format!("notify/{}/{}", mission.id, backoff::name(operation));
        if view.verdicts.iter().any(|verdict| verdict.key == key && verdict.ruling == Ruling::Acted) {
            return;
        }
        let text = match &tally.last_failure {
            Some(failure) => format!(
                "Steward {why}. The last failure ({}): {}",
                cut(&failure.kind, NAME_BYTES_MAX),
                cut(&failure.message, QUOTE_BYTES_MAX)
            ),
            None => format!("Steward {why}."),
        };
        let notify = Notify {
            severity: Severity::Critical,
            title: format!("{} needs a person", cut(&mission.id, NAME_BYTES_MAX)),
            text,
            mission: Some(mission.id.clone()),
        };
        self.propose(key, &[], Action::Notify(notify));
    }

    fn propose(&mut self, key: String, cites: &[&str], action: Action) {
        if self.proposals.iter().any(|proposal| same_id(&proposal.key, &key)) {
            return warn!("two actions have the key {key}; the first one counts");
        }
        if key.len() > KEY_BYTES_MAX {
            return warn!("the key of {} bytes is too long: {}", key.len(), cut(&key, NAME_BYTES_MAX));
        }
        if self.proposals.len() >= PROPOSALS_MAX {
            return warn!("{PROPOSALS_MAX} proposals are enough for a turn; left for later: {key}");
        }
        let cites = cites.iter().take(CITES_MAX).map(|&cite| cite.to_owned()).collect();
        self.proposals.push(Proposal { key, cites, action });
    }

    fn say(&mut self, who: &str, what: &str) {
        let who = cut(who, NAME_BYTES_MAX);
        // Room is kept for the sentence that counts the rest.
        if self.rationale.len() + who.len() + what.len() + 32 > RATIONALE_BYTES_MAX {
            self.untold += 1;
            return;
        }
        if !self.rationale.is_empty() {
            self.rationale.push(' ');
        }
        self.rationale.push_str(&format!("{who} {what}."));
    }

    fn wake(&mut self, at: Option<u64>) {
        if let Some(at) = at.filter(|at| *at > self.now) {
            self.look_again = Some(self.look_again.map_or(at, |earlier| earlier.min(at)));
        }
    }
}

fn plan_key(mission: &Mission) -> String {
    format!("plan/{}", mission.id)
}

/// The text up to so many bytes, whole characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
