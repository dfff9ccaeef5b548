//! What the policy said in a turn, what the gate ruled on it, and the rule that decided, as it stood then.

use quarterdeck_core::charter::{Judgment, Rules};
use quarterdeck_core::decision::Proposal;
use quarterdeck_core::entry::Answered;
use quarterdeck_core::verdict::Verdict;

use super::chronicle::Chronicle;
use super::scene::Scene;
use super::{Cause, Detail, Says, words};

/// What the policy answered: its words, and the proposal that it is about.
pub(super) fn said(chronicle: &Chronicle, scene: &Scene, proposal: Option<&Proposal>) -> Cause {
    let policy = chronicle.policy(&scene.opened.policy);
    let words = match (&scene.opened.answer, &scene.decision) {
        (Answered::GuestFailure { kind, detail }, _) => {
            return Cause::new(scene.mark, Says::Host, format!("{policy} failed in turn {}: {kind}", scene.turn()))
                .with("in the sandbox's words", detail.clone());
        }
        (Answered::HostAbort { kind, detail }, _) => {
            return Cause::new(
                scene.mark,
                Says::Host,
                format!("the host gave {policy} up in turn {}: {kind}", scene.turn()),
            )
            .with("in the sandbox's words", detail.clone());
        }
        (Answered::Decided(_), Some(decision)) => decision.rationale.clone(),
        (Answered::Decided(_), None) => "what it said can't be read by this version".to_owned(),
    };
    let what = format!("{policy} in turn {}: {words}", scene.turn());
    let cause = Cause::new(scene.mark, Says::Policy, what);
    let Some(proposal) = proposal else { return cause };
    cause.with("proposed as", proposal.key.clone()).with_each("cites", proposal.cites.iter().cloned())
}

/// What the gate ruled, by which rule, and what that rule says.
pub(super) fn ruled(scene: &Scene, verdict: &Verdict) -> Cause {
    let rules = &scene.charter.rules;
    let what = format!("{} {} by {}: {}", words::ruling(verdict.ruling), verdict.key, verdict.rule, verdict.because);
    let mut cause = Cause::new(scene.mark, Says::Gate, what).with("in turn", scene.turn().to_string());
    let Some((said, id)) = charters_word(scene, verdict) else {
        cause.details.push(rule(rules, &verdict.rule));
        return cause;
    };
    cause = cause.with("the charter's word", said);
    if id != verdict.rule {
        // A charter may have a rule of that name; it is not the one that decided.
        cause = cause.with("rule", hosts_own(&verdict.rule));
    }
    cause.details.push(rule(rules, &id));
    cause
}

/// What the charter says when it is asked alone, and the rule that says so: a rule of the host's own may have decided.
fn charters_word(scene: &Scene, verdict: &Verdict) -> Option<(String, String)> {
    let (proposal, recorded) = (scene.proposal(&verdict.key)?, scene.recorded()?);
    let request = recorded.asked_of(&scene.charter, proposal)?;
    let (word, reason) = match scene.charter.rules.judge(&request) {
        Judgment::Permitted(reason) => ("permits it".to_owned(), reason),
        Judgment::Asked { reason, approvers } => (format!("wants {approvers} to say yes"), reason),
        Judgment::Forbidden(reason) => ("forbids it".to_owned(), reason),
    };
    Some((format!("{word} by {}: {}", reason.rule, reason.because), reason.rule))
}

/// A rule as it stood then, with its line.
fn rule(rules: &Rules, id: &str) -> Detail {
    let lines = match rules.rule(id) {
        Some((rule, text)) => {
            let head = format!("{id}, line {} of the charter:", rule.line);
            [head].into_iter().chain(text.lines().map(str::to_owned)).collect()
        }
        None => vec![hosts_own(id)],
    };
    Detail { name: "rule", lines }
}

fn hosts_own(id: &str) -> String {
    format!("{id} is the host's own, and no charter lifts it")
}
