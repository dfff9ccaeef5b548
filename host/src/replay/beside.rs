//! Two policies beside each other, in place of whichever decided: neither is the one that is compared with.
//!
//! Each is shown every recorded situation with a memo and settings of its own, and is ruled on as if it had been active.

use std::path::Path;

use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Opened};
use quarterdeck_core::situation::Situation;
use quarterdeck_core::verdict::Verdict;

use super::candidate::Candidate;
use super::compare::{Exact, Side, differences};
use super::recall::{Turn, turns};
use super::{Difference, Recorded};
use crate::decide::Policy;
use crate::remember::JournalError;

/// So many lines are kept of what differs; all turns are counted.
const LINES_MAX: usize = 200;

/// What two policies would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Turns that both were asked about.
    pub turns: u32,
    /// Of them, those in which they differ.
    pub differ: u32,
    /// In how many each of them failed.
    pub failed: (u32, u32),
    /// What differs, a line each; the first ones.
    pub lines: Vec<String>,
}

/// One policy's word on a turn.
struct Word {
    answer: Answered,
    verdicts: Vec<Verdict>,
}

/// Asks both about every turn of a journal from this one on.
///
/// # Errors
/// Where the journal is damaged or can't be read.
pub fn beside(folder: &Path, first: &Policy, second: &Policy, from: u32) -> Result<Beside, JournalError> {
    let (mut first, mut second, mut found) = (Candidate::new(first), Candidate::new(second), Beside::default());
    turns(folder, &mut |turn| {
        if turn.opened.turn < from {
            return;
        }
        // One that another version wrote is passed over.
        if let Ok(situation) = encoding::decode_ours::<Situation>(&turn.opened.situation) {
            let (one, two) = (ask(&mut first, &turn, &situation), ask(&mut second, &turn, &situation));
            found.count(&turn.opened, &one, &two);
        }
    })?;
    Ok(found)
}

fn ask(candidate: &mut Candidate<'_>, turn: &Turn, situation: &Situation) -> Word {
    let (answer, _, _) = candidate.decide(situation).into_journal();
    let decision = answer.decision();
    candidate.keep(&turn.opened, decision.as_ref());
    let ledger = candidate.in_place(&turn.ledger);
    let (opened, charter) = (&*turn.opened, &*turn.charter);
    let rule = |decision| Recorded { opened, charter, ledger: &ledger, situation, decision }.ruled_by(charter);
    let verdicts = decision.as_ref().map(rule).unwrap_or_default();
    Word { answer, verdicts }
}

impl Beside {
    fn count(&mut self, opened: &Opened, one: &Word, two: &Word) {
        self.turns += 1;
        let failed = |word: &Word| u32::from(word.answer.decision().is_none());
        self.failed = (self.failed.0 + failed(one), self.failed.1 + failed(two));
        let (before, after) = (one.answer.decision(), two.answer.decision());
        let before = Side { answer: &one.answer, decision: before.as_ref(), verdicts: &one.verdicts };
        let after = Side { answer: &two.answer, decision: after.as_ref(), verdicts: &two.verdicts };
        let differ = differences(opened.turn, &before, &after, Exact { answer: false, verdicts: false });
        self.differ += u32::from(!differ.is_empty());
        let room = LINES_MAX.saturating_sub(self.lines.len());
        self.lines
            .extend(differ.iter().take(room).map(|one: &Difference| format!("turn {}: {}", one.turn, one.line())));
    }
}
