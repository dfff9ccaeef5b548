//! What was decided and ruled, again: each recorded turn with the policy, the charter and the ledger of its time.
//!
//! A decision is a pure function of policy and situation, and a ruling one of charter, ledger and decision. All of them but
//! the policy's bytes are in the journal, so whoever has those can ask again and must be answered the same, byte by byte
//! ([`replay`]). Another policy or another charter is an open loop: each turn stands as it was recorded, and nothing is
//! predicted of what would have come after another answer.
//!
//! - `recall` reads a journal and hands on each turn as it stood.
//! - `rerun` asks again on several threads, `asking` is what each of them does; `candidate` is what another policy keeps
//!   from turn to turn.
//! - `beside` compares two that did not decide.
//! - `compare` finds what is not the same, `report` counts it.
//!
//! What is *not* here: how it is told, which is the command line's, and anything that writes.

mod asking;
mod beside;
mod candidate;
mod compare;
mod recall;
mod report;
mod rerun;

use std::path::Path;

use quarterdeck_core::charter::{Charter, Request};
use quarterdeck_core::decision::{Decision, Proposal};
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Opened};
use quarterdeck_core::gate::{asked, gate};
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::situation::Situation;
use quarterdeck_core::verdict::Verdict;

use crate::remember::JournalError;

pub use beside::{Beside, beside};
pub use compare::{Difference, What};
use compare::{Exact, Side, differences};
pub(crate) use recall::Recall;
pub use recall::{Turn, turns};
pub use report::{DIFFERENCES_KEPT_MAX, Decided, Report, Tally, Treatment};
pub use rerun::{Asked, ReplayError, replay};

/// A turn as it was ruled on.
pub struct Recorded<'a> {
    /// What was written of it.
    pub opened: &'a Opened,
    /// The charter in force.
    pub charter: &'a Charter,
    /// The ledger as it was.
    pub ledger: &'a Ledger,
    /// What the policy was shown.
    pub situation: &'a Situation,
    /// What it decided.
    pub decision: &'a Decision,
}

impl Recorded<'_> {
    /// What the gate says under this charter.
    pub fn ruled_by(&self, charter: &Charter) -> Vec<Verdict> {
        gate(charter, self.ledger, &self.opened.ground, self.situation, self.decision)
    }

    /// What this charter is asked about a proposal.
    pub fn asked_of(&self, charter: &Charter, proposal: &Proposal) -> Option<Request> {
        asked(charter, self.ledger, &self.opened.ground, self.situation, proposal)
    }
}

/// How another answer to a turn, with what was ruled on it, differs from what was: what leads to something, a line each.
pub fn compare_open_loop(opened: &Opened, answer: &Answered, verdicts: &[Verdict]) -> Vec<String> {
    let (before, after) = (opened.answer.decision(), answer.decision());
    let recorded = Side { answer: &opened.answer, decision: before.as_ref(), verdicts: &opened.verdicts };
    let now = Side { answer, decision: after.as_ref(), verdicts };
    let differences = differences(opened.turn, &recorded, &now, Exact { answer: false, verdicts: false });
    differences.iter().map(Difference::line).collect()
}

/// Hands on each turn of a journal in which something was decided; returns whether the last host rehearsed. A turn that
/// another version wrote is passed over.
///
/// # Errors
/// Where the journal is damaged or can't be read.
pub fn recorded(folder: &Path, each: &mut impl FnMut(&Recorded<'_>)) -> Result<bool, JournalError> {
    turns(folder, &mut |Turn { opened, charter, ledger, .. }| {
        if let Some(decision) = opened.answer.decision()
            && let Ok(situation) = encoding::decode_ours::<Situation>(&opened.situation)
        {
            let (opened, charter, ledger) = (&*opened, &*charter, &*ledger);
            each(&Recorded { opened, charter, ledger, situation: &situation, decision: &decision });
        }
    })
}
