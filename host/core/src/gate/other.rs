//! Actions that start no worker.

use super::{Refusal, Spent, Word, act, budget, refuse, rules};
use crate::charter::{Charter, Judgment, Reason, Request};
use crate::decision::{Action, Proposal};
use crate::ground::Ground;
use crate::ids::MissionId;
use crate::ledger::Ledger;
use crate::question::Question;
use crate::situation::{Reply, Situation};
use crate::verdict::Effect;

/// A decision asks at most this many questions: each is journaled with all that it tells the brain, about 150 KiB.
const QUESTIONS_A_DECISION_MAX: u32 = 4;

/// The mission that an action is about, where it names one.
pub(super) fn mission_of(action: &Action) -> Option<&MissionId> {
    match action {
        Action::Build { order, .. } | Action::Configure { order, .. } | Action::Scan { order, .. } => {
            Some(&order.mission)
        }
        Action::Ask { mission, .. } | Action::Notify { mission, .. } => mission.as_ref(),
        Action::Cancel(_) | Action::Inspect { .. } | Action::Remember { .. } | Action::Acknowledge { .. } => None,
    }
}

/// An action, and everything that is known about what it is about.
pub(super) struct Case<'a> {
    pub(super) charter: &'a Charter,
    pub(super) ledger: &'a Ledger,
    pub(super) ground: &'a Ground,
    pub(super) situation: &'a Situation,
    pub(super) proposal: &'a Proposal,
}

/// What the charter is asked.
pub(super) fn asked(case: &Case<'_>) -> Request {
    let Case { charter, ledger, ground, situation, proposal } = case;
    let mission = mission_of(&proposal.action).and_then(|id| ledger.missions.get(id));
    rules::of_words(&charter.settings, ledger, ground, situation, proposal, mission)
}

pub(super) fn rule(case: &Case<'_>, spent: &Spent) -> Result<Word, Refusal> {
    let Case { charter, ledger, situation, proposal, .. } = case;
    let Reason { rule, because } = match charter.rules.judge(&asked(case)) {
        Judgment::Permitted(reason) => reason,
        Judgment::Forbidden(reason) => return Err(refuse(reason.rule, reason.because)),
        Judgment::Asked { reason, .. } => {
            let because = format!("{}; people are asked about work alone, so this is refused", reason.because);
            return Err(refuse(reason.rule, because));
        }
    };
    let act = |what: String, effect| act(rule.clone(), format!("{what}; {because}"), effect);
    match &proposal.action {
        Action::Build { .. } | Action::Configure { .. } | Action::Scan { .. } => {
            Err(refuse("no-such-worker", "this action starts a worker and is ruled on as such"))
        }
        Action::Cancel(order) => match ledger.orders.get(order) {
            Some(state) if state.ended.is_none() && situation.now < state.order.deadline => {
                Err(refuse("not-overdue", format!("{order} has time until its deadline; a person can cancel it")))
            }
            Some(state) if state.ended.is_none() => {
                Ok(act(format!("{order} is told to stop"), Effect::Cancel(order.clone())))
            }
            Some(_) | None => Err(refuse("no-worker", format!("no worker {order} is at work"))),
        },
        Action::Ask { id, kind, mission, findings, note } => {
            if let Some(known) = ledger.advice.get(id).filter(|record| record.advice.reply == Reply::Pending) {
                return Err(refuse(
                    "asked-already",
                    format!("{:?} was asked and is not answered yet", known.question.id),
                ));
            }
            if spent.questions >= QUESTIONS_A_DECISION_MAX {
                return Err(refuse(
                    "questions-spent",
                    format!("at most {QUESTIONS_A_DECISION_MAX} questions a decision"),
                ));
            }
            budget::questions(&charter.settings, ledger, situation.now, spent)?;
            match Question::new(situation, id, *kind, mission.as_ref(), findings, note.as_deref()) {
                Ok(question) => {
                    budget::tokens(&charter.settings, ledger, situation.now, &question, spent)?;
                    Ok(act("the question is put to the brain".to_owned(), Effect::Ask(Box::new(question))))
                }
                Err(error) => Err(refuse("question-refused", error.to_string())),
            }
        }
        Action::Notify { severity, title, text, .. } => {
            let effect = Effect::Notify { severity: *severity, title: title.clone(), text: text.clone() };
            Ok(act("people are told".to_owned(), effect))
        }
        Action::Acknowledge { finding, until, reason } => {
            if !situation.findings.iter().any(|open| open.id == *finding) {
                return Err(refuse("no-finding", format!("{finding} is not open")));
            }
            let effect = Effect::Acknowledge { finding: finding.clone(), until: *until, reason: reason.clone() };
            Ok(act("the finding is not shown as open until then".to_owned(), effect))
        }
        Action::Inspect { .. } => Err(refuse("not-offered", "this host offers no inspections yet")),
        Action::Remember { .. } => Err(refuse("not-offered", "this host has no memory yet")),
    }
}
