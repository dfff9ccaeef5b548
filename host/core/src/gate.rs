//! The gate: one pure function that rules on every proposal, and the only place that turns a wish into an order.
//!
//! It reads ledger, ground and artifacts whole, never a list that was cut for the policy; of the situation only what is
//! not cut, and whether what a proposal names is in view. The order of its questions is
//! the order of this file: have people paused what it would begin; is the proposal about what is there now; is it the time
//! for it; do the charter's rules permit it, and what do they demand; what is the policy's word worth; have people said
//! yes. Deny is the default, and each answer names its rule: one of the charter's, or one of the host's own, which no
//! charter can lift.

mod budget;
mod converge;
mod other;
mod paused;
mod rules;
mod work;

use std::borrow::Cow;

use crate::budget::Usage;
use crate::charter::Charter;
use crate::decision::{Decision, Proposal};
use crate::digest::Digest;
use crate::ground::Ground;
use crate::ids::{ApprovalId, MissionId};
use crate::ledger::Ledger;
use crate::order::Class;
use crate::situation::{Ruling, Situation};
use crate::verdict::{Effect, Verdict};

/// What a rule of the gate says; the verdict without the proposal's name.
struct Word {
    ruling: Ruling,
    rule: Cow<'static, str>,
    because: String,
    approval: Option<ApprovalId>,
    effect: Option<Effect>,
}

/// Why not.
struct Refusal {
    rule: Cow<'static, str>,
    because: String,
    approval: Option<ApprovalId>,
}

/// What the rulings of one decision have used up so far.
#[derive(Default)]
struct Spent {
    missions: Vec<MissionId>,
    /// The saved plans whose applies were begun.
    applies: Vec<(MissionId, Digest)>,
    classes: Vec<Class>,
    questions: u32,
    usage: Usage,
}

/// Rules on each proposal of a decision, in its order.
pub fn gate(
    charter: &Charter,
    ledger: &Ledger,
    ground: &Ground,
    situation: &Situation,
    decision: &Decision,
) -> Vec<Verdict> {
    let mut spent = Spent::default();
    decision
        .proposals
        .iter()
        .map(|proposal| {
            let word = declared(ledger, proposal)
                .and_then(|()| cited(ledger, situation, proposal))
                .and_then(|()| paused::rule(ledger, situation, proposal))
                .and_then(|()| match proposal.action.work() {
                    Some((target, operation, artifact)) => work::rule(
                        &work::Case { charter, ledger, ground, situation, proposal, target, operation, artifact },
                        &spent,
                    ),
                    None => other::rule(&other::Case { charter, ledger, ground, situation, proposal }, &spent),
                })
                .unwrap_or_else(Word::from);
            spent.count(&word);
            word.into_verdict(proposal)
        })
        .collect()
}

/// What the charter is asked about a proposal; none where it is about a mission that is not there.
pub fn asked(
    charter: &Charter,
    ledger: &Ledger,
    ground: &Ground,
    situation: &Situation,
    proposal: &Proposal,
) -> Option<crate::charter::Request> {
    match proposal.action.work() {
        Some((target, operation, artifact)) => {
            work::asked(&work::Case { charter, ledger, ground, situation, proposal, target, operation, artifact })
        }
        None => Some(other::asked(&other::Case { charter, ledger, ground, situation, proposal })),
    }
}

/// A policy may do what it said it does, and nothing else.
fn declared(ledger: &Ledger, proposal: &Proposal) -> Result<(), Refusal> {
    let Some(description) = &ledger.policy.description else {
        return Err(refuse("no-policy", "no policy is active"));
    };
    let kind = proposal.action.kind();
    if !description.actions.contains(&kind) {
        return Err(refuse("undeclared", format!("{} is not among the actions that the policy named", kind.name())));
    }
    match proposal.action.work() {
        Some((_, operation, _)) if !description.operations.contains(&operation) => {
            Err(refuse("undeclared", format!("{} is not among the operations that the policy named", operation.name())))
        }
        Some(_) | None => Ok(()),
    }
}

/// What a proposal cites must be in view: a reason that nobody can look up is none.
fn cited(_ledger: &Ledger, situation: &Situation, proposal: &Proposal) -> Result<(), Refusal> {
    let in_view = |cite: &str| {
        situation.findings.iter().any(|finding| finding.id.as_str() == cite)
            || situation.resolved.iter().any(|gone| gone.finding.as_str() == cite)
            || situation.advice.iter().any(|advice| advice.question == cite)
            || situation.approvals.iter().any(|approval| approval.id.as_str() == cite)
            || situation.recollections.iter().any(|recollection| recollection.id == cite)
    };
    match proposal.cites.iter().find(|cite| !in_view(cite)) {
        Some(cite) => Err(refuse("cites-unknown", format!("it cites {cite:?}, which is not in view"))),
        None => Ok(()),
    }
}

fn refuse(rule: impl Into<Cow<'static, str>>, because: impl Into<String>) -> Refusal {
    Refusal { rule: rule.into(), because: because.into(), approval: None }
}

fn act(rule: impl Into<Cow<'static, str>>, because: impl Into<String>, effect: Effect) -> Word {
    Word { ruling: Ruling::Acted, rule: rule.into(), because: because.into(), approval: None, effect: Some(effect) }
}

impl From<Refusal> for Word {
    fn from(refusal: Refusal) -> Word {
        let Refusal { rule, because, approval } = refusal;
        Word { ruling: Ruling::Refused, rule, because, approval, effect: None }
    }
}

impl Word {
    fn into_verdict(self, proposal: &Proposal) -> Verdict {
        Verdict {
            key: proposal.key.clone(),
            action: proposal.action.kind().name().to_owned(),
            mission: other::mission_of(&proposal.action).cloned(),
            ruling: self.ruling,
            rule: self.rule.into_owned(),
            because: self.because,
            approval: self.approval,
            effect: self.effect,
        }
    }
}

impl Spent {
    fn workers(&self) -> u32 {
        u32::try_from(self.classes.len()).unwrap_or(u32::MAX)
    }

    fn of(&self, class: Class) -> u32 {
        u32::try_from(self.classes.iter().filter(|own| **own == class).count()).unwrap_or(u32::MAX)
    }

    fn applied(&self) -> u32 {
        u32::try_from(self.applies.len()).unwrap_or(u32::MAX)
    }

    fn count(&mut self, word: &Word) {
        match &word.effect {
            Some(Effect::Start(order)) => {
                self.classes.push(Class::of(order.key.operation));
                self.missions.push(order.mission.clone());
                self.applies.extend(order.apply.iter().map(|apply| (order.mission.clone(), apply.saved)));
            }
            Some(Effect::Ask(question)) => {
                self.questions += 1;
                self.usage = self.usage.plus(Usage::reserved(question));
            }
            Some(Effect::Request(_) | Effect::Cancel(_) | Effect::Notify { .. } | Effect::Acknowledge { .. })
            | None => {}
        }
    }
}

#[cfg(test)]
mod tests;
