//! Actions that start no worker.

use super::{Refusal, Spent, Word, act, refuse};
use crate::charter::Charter;
use crate::decision::Action;
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

pub(super) fn rule(
    charter: &Charter,
    ledger: &Ledger,
    situation: &Situation,
    action: &Action,
    spent: &Spent,
) -> Result<Word, Refusal> {
    match action {
        Action::Build { .. } | Action::Configure { .. } | Action::Scan { .. } => {
            Err(refuse("no-such-worker", "this action starts a worker and is ruled on as such"))
        }
        Action::Cancel(order) => match ledger.orders.get(order) {
            Some(state) if state.ended.is_none() && situation.now < state.order.deadline => {
                Err(refuse("not-overdue", format!("{order} has time until its deadline; a person can cancel it")))
            }
            Some(state) if state.ended.is_none() => {
                Ok(act("cancel", format!("{order} is told to stop"), Effect::Cancel(order.clone())))
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
            let day = situation.now.0 / (24 * 60 * 60 * 1_000);
            let asked = if ledger.asked.0 == day { ledger.asked.1 } else { 0 };
            if asked.saturating_add(spent.questions) >= charter.questions_a_day_max {
                return Err(refuse(
                    "questions-spent",
                    format!("{asked} questions were asked today, and no more are allowed"),
                ));
            }
            match Question::new(situation, id, *kind, mission.as_ref(), findings, note.as_deref()) {
                Ok(question) => Ok(act("ask", "the question is put to the brain", Effect::Ask(Box::new(question)))),
                Err(error) => Err(refuse("question-refused", error.to_string())),
            }
        }
        Action::Notify { severity, title, text, .. } => {
            let effect = Effect::Notify { severity: *severity, title: title.clone(), text: text.clone() };
            Ok(act("notify", "people are told", effect))
        }
        Action::Acknowledge { finding, until, reason } => {
            if !situation.findings.iter().any(|open| open.id == *finding) {
                return Err(refuse("no-finding", format!("{finding} is not open")));
            }
            let effect = Effect::Acknowledge { finding: finding.clone(), until: *until, reason: reason.clone() };
            Ok(act("acknowledge", "the finding is not shown as open until then", effect))
        }
        Action::Inspect { .. } => Err(refuse("not-offered", "this host offers no inspections yet")),
        Action::Remember { .. } => Err(refuse("not-offered", "this host has no memory yet")),
    }
}
