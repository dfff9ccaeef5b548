//! What was ruled on, again: each recorded turn with the ledger and the charter of its time.
//!
//! The gate is pure, so under the same charter it says the same again, byte by byte. Under another one it is an open loop:
//! each turn is ruled on as it stood, and nothing is predicted of what would have come after.

use std::path::Path;

use quarterdeck_core::charter::{Charter, Request};
use quarterdeck_core::decision::{Decision, Proposal};
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Entry, Opened};
use quarterdeck_core::gate::{asked, gate};
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::situation::Situation;
use quarterdeck_core::verdict::Verdict;

use crate::remember::JournalError;
use crate::remember::journal;

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

/// Hands on each turn of a journal in which something was decided; returns whether the last host rehearsed. A turn that
/// another version wrote is passed over.
///
/// # Errors
/// Where the journal is damaged or can't be read.
pub fn recorded(folder: &Path, turn: &mut impl FnMut(&Recorded<'_>)) -> Result<bool, JournalError> {
    let (mut ledger, mut charter) = (Ledger::default(), Charter::default());
    journal::read(folder, &mut |record| {
        if let Entry::Begun(begun) = &record.entry {
            charter = begun.charter.clone();
        }
        if let Entry::Opened(opened) = &record.entry
            && let Some(decision) = opened.answer.decision()
            && let Ok(situation) = encoding::decode_ours::<Situation>(&opened.situation)
        {
            let decision = &decision;
            turn(&Recorded { opened, charter: &charter, ledger: &ledger, situation: &situation, decision });
        }
        ledger.fold(&record.entry);
    })?;
    Ok(ledger.rehearsal)
}
