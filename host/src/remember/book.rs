//! The book: the journal and the ledger that follows from it, always in step.
//!
//! There is one writer at a time; readers take the last ledger that was published and never wait for a disk. An entry is
//! folded after it was written, so a ledger never shows what the journal does not hold.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use quarterdeck_core::entry::Entry;
use quarterdeck_core::ledger::Ledger;

use super::journal::{Journal, JournalError, Record};

/// Whether an append waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// It does: what follows may act on it.
    Now,
    /// A later append of the same turn will.
    Later,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E: std::error::Error + 'static> {
    /// The ledger does not permit it.
    #[error(transparent)]
    Refused(E),
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Journal and ledger.
#[derive(Debug)]
pub struct Book {
    journal: Mutex<Journal>,
    ledger: RwLock<Arc<Ledger>>,
}

impl Book {
    /// Opens the journal in a folder and folds it.
    ///
    /// # Errors
    /// As [`Journal::open`]. The path is where a torn tail was kept, if there was one.
    pub fn open(folder: &Path) -> Result<(Book, Option<std::path::PathBuf>), JournalError> {
        let mut ledger = Ledger::default();
        let (journal, torn) = Journal::open(folder, |Record { entry, .. }| ledger.fold(&entry))?;
        Ok((Book { journal: Mutex::new(journal), ledger: RwLock::new(Arc::new(ledger)) }, torn))
    }

    /// The ledger as of the last entry.
    pub fn ledger(&self) -> Arc<Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes entries and folds them. Blocks for the disk.
    ///
    /// # Errors
    /// Where the journal can't be written; then nothing was folded either.
    pub fn append(&self, entries: &[Entry], durable: Durable) -> Result<Arc<Ledger>, JournalError> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&mut journal, entries, durable)
    }

    /// Makes entries from the ledger and writes them, with no other entry between. Blocks for the disk.
    ///
    /// # Errors
    /// Where the ledger does not permit it, or the journal can't be written.
    pub fn transact<E: std::error::Error + 'static>(
        &self,
        make: impl FnOnce(&Ledger) -> Result<Vec<Entry>, E>,
    ) -> Result<Arc<Ledger>, TransactError<E>> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = make(&self.ledger()).map_err(TransactError::Refused)?;
        Ok(self.write(&mut journal, &entries, Durable::Now)?)
    }

    fn write(&self, journal: &mut Journal, entries: &[Entry], durable: Durable) -> Result<Arc<Ledger>, JournalError> {
        if entries.is_empty() {
            return Ok(self.ledger());
        }
        journal.append(entries, durable == Durable::Now)?;
        let mut published = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let ledger = Arc::make_mut(&mut published);
        entries.iter().for_each(|entry| ledger.fold(entry));
        Ok(published.clone())
    }
}
