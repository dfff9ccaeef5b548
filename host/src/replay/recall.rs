//! A journal read again, turn by turn, each with the ledger that it was ruled on.
//!
//! A turn takes the ledger as it is once its observation was written down, and writes its verdicts a decision later.
//! Between the two a worker may claim its order or hand over a state, and the host may attest what it has written: such an
//! entry stands before the turn's own and the turn did not know of it. The digest of its ledger, which each turn has recorded, says up to where it knew.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use quarterdeck_core::charter::Charter;
use quarterdeck_core::entry::{Begun, Entry, Opened, SandboxIdentity};
use quarterdeck_core::ledger::Ledger;

use crate::remember::JournalError;
use crate::remember::journal::Reader;

/// A turn of a journal, with what was in force.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What was written of it.
    pub opened: Box<Opened>,
    /// The charter in force.
    pub charter: Arc<Charter>,
    /// The ledger as it was.
    pub ledger: Arc<Ledger>,
    /// Whether that ledger has the digest that the turn recorded.
    pub as_recorded: bool,
    /// What policies were asked on; none where no host had begun.
    pub sandbox: Option<Arc<SandboxIdentity>>,
}

/// What follows from the entries so far.
#[derive(Default)]
pub(crate) struct Recall {
    ledger: Arc<Ledger>,
    /// What others than the loop wrote since; the next turn may not have known of it.
    beside: VecDeque<Entry>,
    sandbox: Option<Arc<SandboxIdentity>>,
}

/// Hands on each turn of a journal, in its order; returns whether the last host rehearsed.
///
/// # Errors
/// Where the journal is damaged or can't be read.
pub fn turns(folder: &Path, each: &mut impl FnMut(Turn)) -> Result<bool, JournalError> {
    let reader = Reader::open(folder)?;
    let mut recall = Recall::after(&reader);
    reader.read(&mut |record| {
        if let Some(turn) = recall.take(record.entry) {
            each(turn);
        }
    })?;
    Ok(recall.ledger.rehearsal)
}

impl Recall {
    /// What followed from the records that were pruned; nothing where none was.
    pub(crate) fn after(reader: &Reader) -> Recall {
        let mut recall = Recall { ledger: Arc::new(reader.ledger()), ..Recall::default() };
        if let Some(begun) = reader.begun() {
            recall.begin(begun);
        }
        recall
    }

    /// The ledger after the entries that it knows of: those that others than the loop wrote last may not be in it yet.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes the next entry; gives back a turn where it is one.
    pub(crate) fn take(&mut self, entry: Entry) -> Option<Turn> {
        let mut known = None;
        match &entry {
            Entry::Claimed(_) | Entry::Stored(_) | Entry::StateChanged(_) | Entry::Checkpoint(_) => {
                self.beside.push_back(entry);
                return None;
            }
            Entry::Opened(opened) => known = Some(self.known(opened)),
            Entry::Begun(begun) => self.begin(begun),
            Entry::Activated(_)
            | Entry::Declared(_)
            | Entry::Commanded(_)
            | Entry::Closed(_)
            | Entry::Replied(_)
            | Entry::Ended(_)
            | Entry::Settled(_)
            | Entry::Chartered(_)
            | Entry::Uploaded(_)
            | Entry::Nominated(_)
            | Entry::Shadowed(_)
            | Entry::Fenced(_)
            | Entry::Differed(_) => {}
        }
        while self.next_beside() {}
        self.fold(&entry);
        if let (Some((ledger, as_recorded)), Entry::Opened(opened)) = (known, entry) {
            let (charter, sandbox) = (ledger.charter(), self.sandbox.clone());
            return Some(Turn { opened, charter, ledger, as_recorded, sandbox });
        }
        None
    }

    fn begin(&mut self, begun: &Begun) {
        self.sandbox = Some(Arc::new(begun.sandbox.clone()));
    }

    /// Takes a turn of which nobody asks what it knew, which costs a digest of the ledger.
    pub(crate) fn pass_over(&mut self, opened: &Entry) {
        while self.next_beside() {}
        self.fold(opened);
    }

    /// The ledger that a turn knew, and whether it is the one that the turn recorded.
    fn known(&mut self, opened: &Opened) -> (Arc<Ledger>, bool) {
        loop {
            let as_recorded = self.ledger.digest() == opened.ledger;
            if as_recorded || !self.next_beside() {
                return (self.ledger.clone(), as_recorded);
            }
        }
    }

    fn next_beside(&mut self) -> bool {
        let next = self.beside.pop_front();
        next.is_some_and(|entry| {
            self.fold(&entry);
            true
        })
    }

    fn fold(&mut self, entry: &Entry) {
        Arc::make_mut(&mut self.ledger).fold(entry);
    }
}
