//! Writing a decision down.
//!
//! Each function makes the proposal that its name says, under a key that names what it does and not when, citing what it is
//! about; texts are cut to what the contract takes. *Whether* to propose it is the policy's rule, and nothing of that is here:
//!
//! ```
//! # use quarterdeck_policy_sdk::*;
//! fn decide(situation: &Situation) -> Decision {
//!     let critical = situation.open_findings().filter(|finding| finding.severity == Severity::Critical);
//!     let news = critical.map(Finding::notify).filter(|proposal| !situation.was_done(proposal));
//!     news.collect::<Decision>().because("These are critical, and nobody was told.")
//! }
//! ```

// Each function is `#[inline]`: it is compiled where it is used and nowhere else, so a policy that uses none of them keeps its
// bytes, and with them its digest.

use crate::{
    Acknowledge, Action, Artifact, Ask, Build, BuildStep, Decision, Finding, Mission, Notify, Order, Plan, Proposal,
    QuestionKind, Ruling, Severity, Situation, TimestampMs, Worker,
};

/// A key has at most this many bytes.
const KEY_BYTES_MAX: usize = 128;
/// A notification's title has at most this many bytes: a line.
const TITLE_BYTES_MAX: usize = 200;
/// A notification's text has at most this many bytes: a page.
const TEXT_BYTES_MAX: usize = 2 << 10;
/// So much of an artifact's digest tells one apply of a mission from the next.
const DIGITS: usize = 12;

impl Proposal {
    /// An action under a key that names what it does: `notify/f-1f2e3d4c`. A key that is too long loses its middle: what is
    /// done stands at its beginning, and ids differ at their ends.
    #[inline]
    pub fn new(key: &str, action: Action) -> Proposal {
        Proposal { key: shorten(key), cites: Vec::new(), action }
    }

    /// Cites what it answers: the id of a finding, recollection or approval, or the question of advice.
    #[inline]
    pub fn citing(mut self, id: &str) -> Proposal {
        self.cites.push(id.to_owned());
        self
    }

    /// Starts its worker with one of the remedies that the last failure offered. An action that starts none stays as it is.
    #[inline]
    pub fn with_remedy(mut self, remedy: &str) -> Proposal {
        match &mut self.action {
            Action::Build(Build { order, .. }) => order.remedy = Some(remedy.to_owned()),
            Action::Configure(configure) => configure.order.remedy = Some(remedy.to_owned()),
            Action::Scan(scan) => scan.order.remedy = Some(remedy.to_owned()),
            Action::Cancel(_)
            | Action::Ask(_)
            | Action::Inspect(_)
            | Action::Remember(_)
            | Action::Notify(_)
            | Action::Acknowledge(_) => {}
        }
        self
    }

    /// Tells people something, under a key of the policy's own.
    #[inline]
    pub fn notify(key: &str, severity: Severity, title: &str, text: &str) -> Proposal {
        let (title, text) = (cut(title, TITLE_BYTES_MAX).to_owned(), cut(text, TEXT_BYTES_MAX).to_owned());
        Proposal::new(key, Action::Notify(Notify { severity, title, text, mission: None }))
    }
}

impl Finding {
    /// Tells people about it: what it is about, and its message.
    #[inline]
    pub fn notify(&self) -> Proposal {
        let title = format!("{} {}", self.object.kind, self.object.name);
        let mut proposal =
            Proposal::notify(&format!("notify/{}", self.id), self.severity, &title, &self.message).citing(&self.id);
        if let Action::Notify(notify) = &mut proposal.action {
            notify.mission.clone_from(&self.mission);
        }
        proposal
    }

    /// Asks the brain about it. The question's id is `ask/` and the finding's.
    #[inline]
    pub fn ask(&self, kind: QuestionKind) -> Proposal {
        let id = shorten(&format!("ask/{}", self.id));
        let (mission, findings) = (self.mission.clone(), vec![self.id.clone()]);
        let ask = Ask { id: id.clone(), kind, mission, findings, note: None };
        Proposal::new(&id, Action::Ask(ask)).citing(&self.id)
    }

    /// Shows it no more to this policy as open, until then. People still see it.
    #[inline]
    pub fn acknowledge(&self, until: TimestampMs, reason: &str) -> Proposal {
        let acknowledge = Acknowledge { finding: self.id.clone(), until, reason: reason.to_owned() };
        Proposal::new(&format!("acknowledge/{}", self.id), Action::Acknowledge(acknowledge)).citing(&self.id)
    }
}

impl Mission {
    /// Works out what would change.
    #[inline]
    pub fn plan(&self, plan: &Plan) -> Proposal {
        self.build(format!("plan/{}", self.id), plan, BuildStep::Plan)
    }

    /// Works out what would go.
    #[inline]
    pub fn plan_destroy(&self, plan: &Plan) -> Proposal {
        self.build(format!("plan-destroy/{}", self.id), plan, BuildStep::PlanDestroy)
    }

    /// Applies what was planned, exactly. The key names the artifact, so that a verdict on one says nothing about the next.
    #[inline]
    pub fn apply(&self, plan: &Plan, artifact: &Artifact) -> Proposal {
        let hex = artifact.digest.strip_prefix("sha256:").unwrap_or(&artifact.digest);
        let key = format!("apply/{}/{}", self.id, cut(hex, DIGITS));
        self.build(key, plan, BuildStep::Apply(artifact.digest.clone()))
    }

    #[inline]
    fn build(&self, key: String, plan: &Plan, step: BuildStep) -> Proposal {
        let (mission, plan) = (self.id.clone(), plan.digest.clone());
        let order = Order { mission, generation: self.generation, plan, remedy: None };
        Proposal::new(&key, Action::Build(Build { order, step }))
    }
}

impl Worker {
    /// Ends it early.
    #[inline]
    pub fn cancel(&self) -> Proposal {
        Proposal::new(&format!("cancel/{}", self.id), Action::Cancel(self.id.clone()))
    }
}

impl Situation {
    /// Whether the newest verdict in view on this proposal says that it was done. A notification is told again each time that
    /// it is proposed, so it is proposed until this holds.
    #[inline]
    pub fn was_done(&self, proposal: &Proposal) -> bool {
        self.verdict(&proposal.key).is_some_and(|verdict| verdict.ruling == Ruling::Acted)
    }
}

impl Decision {
    /// Proposes nothing, and says why.
    #[inline]
    pub fn nothing(why: impl Into<String>) -> Decision {
        Decision { proposals: Vec::new(), rationale: why.into(), memo: None, look_again: None }
    }

    /// Says why, to people.
    #[inline]
    pub fn because(mut self, rationale: impl Into<String>) -> Decision {
        self.rationale = rationale.into();
        self
    }

    /// Keeps this for the next decision, in the format that the policy described.
    #[inline]
    pub fn keep(mut self, memo: Vec<u8>) -> Decision {
        self.memo = Some(memo);
        self
    }

    /// Takes another turn then, even where nothing changes; of several times, the first.
    #[inline]
    pub fn look_again_at(mut self, at: TimestampMs) -> Decision {
        let at = at.min(crate::U64_MAX);
        self.look_again = Some(self.look_again.map_or(at, |other| other.min(at)));
        self
    }
}

/// A decision of these proposals, in their order, that does not say why yet.
impl FromIterator<Proposal> for Decision {
    #[inline]
    fn from_iter<I: IntoIterator<Item = Proposal>>(proposals: I) -> Decision {
        Decision { proposals: proposals.into_iter().collect(), ..Decision::nothing("") }
    }
}

/// As much of the beginning as fits into so many bytes.
#[inline]
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[inline]
fn shorten(key: &str) -> String {
    if key.len() <= KEY_BYTES_MAX {
        return key.to_owned();
    }
    let half = KEY_BYTES_MAX / 2;
    let mut begin = key.len() - (half - 1);
    while !key.is_char_boundary(begin) {
        begin += 1;
    }
    format!("{}~{}", cut(key, half), &key[begin..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ObjectRef, Operation};

    fn finding() -> Finding {
        let name = "n".repeat(300);
        Finding {
            id: "f-1".into(),
            rule: "container-exited".into(),
            severity: Severity::Critical,
            object: ObjectRef { kind: "container".into(), namespace: None, name, uid: None },
            owner: None,
            mission: Some("web-1".into()),
            message: "é".repeat(1_500),
            evidence: vec![],
            first_seen: 1,
            changed: 1,
            count: 1,
            acknowledged_until: None,
        }
    }

    #[test]
    fn a_notification_cites_its_finding_and_fits_into_the_contract() {
        let proposal = finding().notify();
        assert_eq!((proposal.key.as_str(), proposal.cites.as_slice()), ("notify/f-1", &["f-1".to_owned()][..]));
        let Action::Notify(notify) = proposal.action else { panic!("{:?}", proposal.action) };
        assert_eq!((notify.severity, notify.mission.as_deref()), (Severity::Critical, Some("web-1")));
        assert!(notify.title.starts_with("container nnn") && notify.title.len() == TITLE_BYTES_MAX);
        assert!(notify.text.len() <= TEXT_BYTES_MAX && notify.text.ends_with('é'));
    }

    #[test]
    fn a_build_is_of_what_the_mission_shows() {
        let plan = Plan { digest: "sha256:f11e5".into(), tool: "terraform".into(), facts: vec![] };
        let mission = Mission {
            id: "web-1".into(),
            generation: 3,
            goal: String::new(),
            autonomy: crate::Autonomy::Approve,
            desired: crate::DesiredState::Present,
            phase: String::new(),
            plans: vec![],
            offers: vec![],
            targets: vec![],
            tallies: vec![],
            artifacts: vec![],
            applied: None,
            verification: None,
            parked: None,
            more: vec![],
        };
        let artifact = Artifact {
            digest: "sha256:aaaabbbbccccdddd".into(),
            plan: plan.digest.clone(),
            operation: Operation::Plan,
            generation: 3,
            worker: "plan-web-1".into(),
            made: 1,
            summary: None,
            stale: false,
            more: vec![],
        };
        let keys = [mission.plan(&plan), mission.plan_destroy(&plan), mission.apply(&plan, &artifact)].map(|p| p.key);
        assert_eq!(keys, ["plan/web-1", "plan-destroy/web-1", "apply/web-1/aaaabbbbcccc"]);
        let applied = mission.apply(&plan, &artifact).with_remedy("unlock").citing("a-1");
        assert_eq!(applied.cites, ["a-1"]);
        let Action::Build(Build { order, step: BuildStep::Apply(digest) }) = applied.action else { panic!("no apply") };
        assert_eq!(digest, artifact.digest);
        assert_eq!((order.generation, order.plan, order.remedy.as_deref()), (3, plan.digest, Some("unlock")));
    }

    #[test]
    fn a_long_key_keeps_what_is_done_and_whose_it_is() {
        let long =
            |end: &str| Proposal::new(&format!("apply/{}{end}", "é".repeat(200)), Action::Cancel("w".into())).key;
        assert!(long("-1").len() <= KEY_BYTES_MAX && long("-1").starts_with("apply/é"));
        assert_ne!(long("-1"), long("-2"));
    }

    #[test]
    fn a_decision_looks_again_at_the_first_of_its_times() {
        let decision: Decision = [finding().notify(), finding().ask(QuestionKind::Propose)].into_iter().collect();
        let decision = decision.because("why").look_again_at(9).look_again_at(7).look_again_at(8).keep(vec![1]);
        assert_eq!((decision.look_again, decision.rationale.as_str(), decision.memo), (Some(7), "why", Some(vec![1])));
        let keys: Vec<String> = decision.proposals.into_iter().map(|proposal| proposal.key).collect();
        assert_eq!(keys, ["notify/f-1", "ask/f-1"]);
        assert_eq!(Decision::nothing("").look_again_at(u64::MAX).look_again, Some(crate::U64_MAX));
    }
}
