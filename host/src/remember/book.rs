//! The book: the journal and the ledger that follows from it, always in step.
//!
//! There is one writer at a time; readers take the last ledger that was published and never wait for a disk. An entry is
//! folded after it was written, so a ledger never shows what the journal does not hold.
//!
//! A book that has a key attests what it wrote: after each start, at the end of each segment, every
//! [`RECORDS_A_CHECKPOINT`] records, and when it is closed. There is no timer: where nothing is written there is nothing to attest.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use quarterdeck_core::checkpoint::{Checkpoint, PublicKey, Signature};
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ledger::Ledger;
use tracing::warn;

use super::journal::{Journal, JournalError, SEGMENT_BYTES_MAX, base};
use super::seal::SealKey;

/// So many records are written between two checkpoints: about an hour of a host that has nothing to do, and minutes of
/// one at work. A checkpoint is some 290 bytes, and 256 records of an idle host are 180 KiB: it grows by a six-hundredth.
pub const RECORDS_A_CHECKPOINT: u64 = 256;

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
pub struct Book {
    pen: Mutex<Pen>,
    ledger: RwLock<Arc<Ledger>>,
    key: Option<SealKey>,
}

/// What the one writer holds.
struct Pen {
    journal: Journal,
    /// The number of the newest record that is a checkpoint, or that a base attests.
    attested: u64,
}

/// The key is not to be printed, and the rest is better read with the program's own commands.
impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").finish_non_exhaustive()
    }
}

impl Book {
    /// Opens the journal in a folder and folds it. What is written to it is attested by nobody.
    ///
    /// # Errors
    /// As [`Journal::open`]. The path is where a torn tail was kept, if there was one.
    pub fn open(folder: &Path) -> Result<(Book, Option<PathBuf>), JournalError> {
        Book::of(folder, None, SEGMENT_BYTES_MAX)
    }

    /// Opens the journal in a folder and folds it. What is written to it is attested with the key in that file, which is
    /// made where there is none.
    ///
    /// # Errors
    /// As [`Journal::open`]; and where the journal was pruned and its base is signed with another key.
    pub fn signed(folder: &Path, key: &Path, segment_bytes_max: u64) -> Result<(Book, Option<PathBuf>), JournalError> {
        Book::of(folder, Some(key), segment_bytes_max)
    }

    fn of(folder: &Path, key: Option<&Path>, segment_bytes_max: u64) -> Result<(Book, Option<PathBuf>), JournalError> {
        let lock = Journal::lock(folder)?;
        let key = key.map(SealKey::open).transpose()?;
        let (mut ledger, mut attested, mut by) = (Ledger::default(), 0, None);
        let (journal, torn) = Journal::read(folder, lock, segment_bytes_max, |reader| {
            if let Some(base) = reader.base() {
                if key.as_ref().is_some_and(|key| key.public() != base.key) {
                    let problem = format!("it is signed by {}, which is not this installation's key", base.key);
                    return Err(base::refused(folder, &problem));
                }
                (ledger, attested) = (reader.ledger(), base.record);
            }
            reader.read(&mut |record| {
                ledger.fold(&record.entry);
                if let Entry::Checkpoint(checkpoint) = record.entry {
                    (attested, by) = (record.seq, Some(checkpoint.key));
                }
            })
        })?;
        if let (Some(by), Some(key)) = (by, key.as_ref().map(SealKey::public))
            && by != key
        {
            warn!(%by, ours = %key, "The journal was attested with another key so far; from now on it is with ours.");
        }
        let pen = Mutex::new(Pen { journal, attested });
        Ok((Book { pen, ledger: RwLock::new(Arc::new(ledger)), key }, torn))
    }

    /// The key that vouches for what is written here; none where nobody does.
    pub fn key(&self) -> Option<PublicKey> {
        self.key.as_ref().map(SealKey::public)
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
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&mut pen, entries, durable)
    }

    /// Makes entries from the ledger and writes them, with no other entry between. Blocks for the disk.
    ///
    /// # Errors
    /// Where the ledger does not permit it, or the journal can't be written.
    pub fn transact<E: std::error::Error + 'static>(
        &self,
        make: impl FnOnce(&Ledger) -> Result<Vec<Entry>, E>,
    ) -> Result<Arc<Ledger>, TransactError<E>> {
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = make(&self.ledger()).map_err(TransactError::Refused)?;
        Ok(self.write(&mut pen, &entries, Durable::Now)?)
    }

    /// Attests everything, as the last word of a host that ends. Blocks for the disk.
    ///
    /// # Errors
    /// Where the journal can't be written: then it ends as after a crash, which is whole as well.
    pub fn close(&self) -> Result<(), JournalError> {
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        self.attest(&mut pen, Durable::Now)
    }

    fn write(&self, pen: &mut Pen, entries: &[Entry], durable: Durable) -> Result<Arc<Ledger>, JournalError> {
        if entries.is_empty() {
            return Ok(self.ledger());
        }
        if pen.journal.is_full() {
            // The last record of a closed segment attests all that stands before it.
            self.attest(pen, Durable::Later)?;
        }
        pen.journal.append(entries, durable == Durable::Now)?;
        self.fold(entries);
        let began = entries.iter().any(|entry| matches!(entry, Entry::Begun(_)));
        let due = began || pen.journal.head().0 - pen.attested >= RECORDS_A_CHECKPOINT;
        if due && let Err(problem) = self.attest(pen, Durable::Later) {
            // The entries are written, and whoever wrote them may act; the next append tries again.
            warn!(error = %problem, "Could not write a checkpoint.");
        }
        Ok(self.ledger())
    }

    /// Writes a checkpoint of all that stands in the journal, unless one is its last word. Amid the work it is on disk with
    /// the next entry that has to be: a checkpoint that a crash took away attested nothing but what is still there.
    fn attest(&self, pen: &mut Pen, durable: Durable) -> Result<(), JournalError> {
        let (ledger, (record, hash)) = (self.ledger(), pen.journal.head());
        let (Some(key), Some(journal)) = (&self.key, ledger.nonce) else { return Ok(()) };
        if pen.attested == record {
            return Ok(());
        }
        let (at, signature) = (ledger.now, Signature::NONE);
        let said = Checkpoint { journal, record, hash, ledger: ledger.digest(), at, key: key.public(), signature };
        let entry = Entry::Checkpoint(key.seal(said));
        pen.journal.append_here(std::slice::from_ref(&entry), durable == Durable::Now)?;
        self.fold(&[entry]);
        pen.attested = record + 1;
        Ok(())
    }

    fn fold(&self, entries: &[Entry]) {
        let mut published = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let ledger = Arc::make_mut(&mut published);
        entries.iter().for_each(|entry| ledger.fold(entry));
    }
}
