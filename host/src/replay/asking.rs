//! One thread's work: to ask the policy, to have the gate rule, and to compare both with what was recorded.

use std::borrow::Cow;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use quarterdeck_core::charter::Charter;
use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Opened, SandboxIdentity};
use quarterdeck_core::situation::Situation;
use quarterdeck_core::verdict::Verdict;

use super::Recorded;
use super::candidate::Candidate;
use super::compare::{Difference, Exact, Side, What, differences};
use super::recall::Turn;
use super::report::{Found, Report, Treatment};
use super::rerun::Asked;
use crate::decide::{Policy, identity};

/// What one thread knows.
pub(super) struct Asking<'a> {
    asked: Asked<'a>,
    candidate: Option<Candidate<'a>>,
    ours: SandboxIdentity,
    /// The charter that was in force last, and what it is with the other rules.
    tried: Option<(Arc<Charter>, Arc<Charter>)>,
    report: Report,
}

/// The answer that a turn has now.
struct Replayed {
    answer: Answered,
    decision: Option<Decision>,
    /// What it used; none where it was not asked for again.
    fuel: Option<u64>,
    /// There is none, for a reason that may lie in the machine.
    given_up: bool,
}

impl<'a> Asking<'a> {
    pub(super) fn new(asked: Asked<'a>) -> Asking<'a> {
        let candidate = asked.candidate.map(Candidate::new);
        Asking { asked, candidate, ours: identity(), tried: None, report: Report::default() }
    }

    /// Takes turns until there are no more.
    pub(super) fn take_all(mut self, turns: &Mutex<Receiver<Turn>>) -> Report {
        loop {
            let next = turns.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(turn) = next else { return self.report };
            self.take(&turn);
        }
    }

    fn take(&mut self, turn: &Turn) {
        let opened = &turn.opened;
        let policy = self.asked.policies.iter().copied().find(|policy| policy.digest() == opened.policy);
        let treatment = match (policy, &self.candidate, self.asked.rules) {
            (Some(_), _, _) => Treatment::Again,
            (None, Some(_), _) => Treatment::Candidate,
            (None, None, Some(_)) => Treatment::Stands,
            (None, None, None) => Treatment::NotAtHand,
        };
        let situation: Option<Situation> = encoding::decode_ours(&opened.situation).ok();
        let replayed = self.answer(opened, policy, situation.as_ref());
        let mut found = Found {
            turn: opened.turn,
            policy: opened.policy,
            description: turn.ledger.policy.description.as_ref(),
            treatment,
            aborted: is_abort(&opened.answer),
            given_up: replayed.given_up,
            rulings: 0,
            differences: Vec::new(),
        };
        if !turn.as_recorded {
            found.differences.push(difference(opened, What::Ledger, opened.ledger, turn.ledger.digest()));
        }
        let compared = treatment != Treatment::Candidate || !(found.aborted || found.given_up);
        if let Some(situation) = situation.filter(|_| compared) {
            self.compare(turn, &situation, &replayed, &mut found);
        }
        self.report.count(found);
    }

    /// Asks whoever is to be asked.
    fn answer(&mut self, opened: &Opened, policy: Option<&Policy>, situation: Option<&Situation>) -> Replayed {
        let stands = |given_up| {
            let (answer, decision) = (opened.answer.clone(), opened.answer.decision());
            Replayed { answer, decision, fuel: None, given_up }
        };
        match (policy, &mut self.candidate, situation) {
            // It might take until the backstop again, and there is nothing to compare.
            (Some(_), _, _) if is_abort(&opened.answer) => stands(false),
            (Some(policy), _, Some(situation)) => {
                let (answer, _, fuel) = policy.decide_on(situation.clone()).into_journal();
                if is_abort(&answer) {
                    return stands(true);
                }
                Replayed { decision: answer.decision(), answer, fuel: Some(fuel), given_up: false }
            }
            (None, Some(candidate), Some(situation)) => {
                let (answer, _, _) = candidate.decide(situation).into_journal();
                let decision = answer.decision();
                candidate.keep(opened, decision.as_ref());
                Replayed { given_up: is_abort(&answer), answer, decision, fuel: None }
            }
            (_, _, situation) => stands(situation.is_none()),
        }
    }

    fn compare(&mut self, turn: &Turn, situation: &Situation, replayed: &Replayed, found: &mut Found<'_>) {
        let opened = &turn.opened;
        let candidate = found.treatment == Treatment::Candidate;
        let verdicts = self.rule(turn, situation, replayed.decision.as_ref(), candidate);
        found.rulings = verdicts.len();
        let decision = opened.answer.decision();
        let recorded = Side { answer: &opened.answer, decision: decision.as_ref(), verdicts: &opened.verdicts };
        let now = Side { answer: &replayed.answer, decision: replayed.decision.as_ref(), verdicts: &verdicts };
        let exact = Exact { answer: !candidate, verdicts: !candidate && self.asked.rules.is_none() };
        let differ = differences(opened.turn, &recorded, &now, exact);
        let same_answer = differ.iter().all(|difference| difference.what != What::Answer);
        found.differences.extend(differ);
        let Some(fuel) = replayed.fuel.filter(|_| same_answer) else { return };
        if turn.sandbox.as_deref() == Some(&self.ours) {
            self.report.fuel_compared += 1;
            if fuel != opened.fuel {
                found.differences.push(difference(opened, What::Fuel, opened.fuel, fuel));
            }
        } else {
            self.report.fuel_not_compared += 1;
            turn.sandbox.iter().for_each(|sandbox| self.report.other_sandbox(sandbox));
        }
    }

    fn rule(
        &mut self,
        turn: &Turn,
        situation: &Situation,
        decision: Option<&Decision>,
        candidate: bool,
    ) -> Vec<Verdict> {
        let Some(decision) = decision else { return Vec::new() };
        let charter = self.charter(&turn.charter);
        let ledger = match self.candidate.as_ref().filter(|_| candidate) {
            Some(candidate) => Cow::Owned(candidate.in_place(&turn.ledger)),
            None => Cow::Borrowed(&*turn.ledger),
        };
        Recorded { opened: &turn.opened, charter: &charter, ledger: &ledger, situation, decision }.ruled_by(&charter)
    }

    /// The charter that is asked in place of this one.
    fn charter(&mut self, in_force: &Arc<Charter>) -> Arc<Charter> {
        let Some(rules) = self.asked.rules else { return in_force.clone() };
        match &self.tried {
            Some((before, tried)) if Arc::ptr_eq(before, in_force) => tried.clone(),
            Some(_) | None => {
                let tried = Arc::new(Charter { rules: rules.clone(), ..(**in_force).clone() });
                self.tried = Some((in_force.clone(), tried.clone()));
                tried
            }
        }
    }
}

fn difference(opened: &Opened, what: What, recorded: impl ToString, replayed: impl ToString) -> Difference {
    Difference { turn: opened.turn, what, key: None, recorded: recorded.to_string(), replayed: replayed.to_string() }
}

fn is_abort(answer: &Answered) -> bool {
    match answer {
        Answered::HostAbort { .. } => true,
        Answered::Decided(_) | Answered::GuestFailure { .. } => false,
    }
}
