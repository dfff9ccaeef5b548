//! Remember: what happened becomes entries of the journal, and nothing is acted on before.
//!
//! A turn writes twice. [`open`] holds what was decided and ruled, on disk before anything is done about it; [`close`]
//! holds what was handed on. What the observation showed ([`learn`]) is written with the first of the two.
//!
//! What was written is attested with the installation's key (`book` signs, `seal` has the key), can be proven to somebody
//! else (`verify`), and old segments of it can go (`prune`).
//!
//! For workers elsewhere it keeps what they hand over (`left`), and the authority by which they know the host
//! (`authority`).

mod authority;
mod blobs;
mod book;
mod claim;
pub mod journal;
mod left;
pub mod prune;
pub mod seal;
pub mod states;
pub mod verify;

use std::sync::Arc;

use quarterdeck_core::entry::{Closed, Entry, Episode, Opened, Receipt};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::Observation;

pub use authority::Authority;
pub use blobs::{BLOB_BYTES_MAX, BlobError, Blobs};
pub use book::{Book, Durable, RECORDS_A_CHECKPOINT, TransactError};
pub use claim::{CLAIMANT_BYTES_MAX, ClaimError, claim};
pub use journal::JournalError;
pub use left::{LeftError, LeftFolders};
pub use states::{Lives, StateStore};

/// Writes down what an observation shows that no entry says yet.
///
/// # Errors
/// Where the journal can't be written.
pub async fn learn(book: &Arc<Book>, observation: &Observation) -> Result<Arc<Ledger>, JournalError> {
    let news = book.ledger().news(observation);
    append(book, news, Durable::Later).await
}

/// Writes down a turn's verdicts, on disk before anything is done about them.
///
/// # Errors
/// Where the journal can't be written; then nothing may be done.
pub async fn open(book: &Arc<Book>, opened: Opened) -> Result<Opened, JournalError> {
    let entry = Entry::Opened(Box::new(opened.clone()));
    append(book, vec![entry], Durable::Now).await?;
    Ok(opened)
}

/// Writes down what was handed on: the end of the turn.
///
/// # Errors
/// Where the journal can't be written. What was handed on is looked up at the next start.
pub async fn close(
    book: &Arc<Book>,
    opened: Opened,
    receipts: Vec<Receipt>,
    at: Timestamp,
) -> Result<Episode, JournalError> {
    let closed = Closed { turn: opened.turn, at, receipts };
    append(book, vec![Entry::Closed(closed.clone())], Durable::Now).await?;
    Ok(Episode { opened, closed: Some(closed) })
}

/// Appends away from the loop's own threads: a slow disk stops nobody who only reads.
async fn append(book: &Arc<Book>, entries: Vec<Entry>, durable: Durable) -> Result<Arc<Ledger>, JournalError> {
    let book = book.clone();
    let wrote = tokio::task::spawn_blocking(move || book.append(&entries, durable)).await;
    wrote.unwrap_or(Err(JournalError::Poisoned))
}
