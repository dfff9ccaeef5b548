//! Where things are kept for workers and from them: what the adapters want of the host's disks.

use std::io;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::order::{Order, StateRef};
use quarterdeck_core::terraform::state_json::StateFacts;

/// Where things are kept for workers and from them; its calls may block for the disk.
pub trait Shelf: Send + Sync {
    /// The bytes of that digest; none where there is no such blob.
    ///
    /// # Errors
    /// Where they can't be read.
    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, ShelfError>;
    /// Keeps bytes, durably, and names them.
    ///
    /// # Errors
    /// Where the disk fails.
    fn keep_blob(&self, bytes: &[u8]) -> Result<Digest, ShelfError>;
    /// Takes in the states that a worker left that is gone, in the order in which it wrote them, and gives its lock back.
    ///
    /// # Errors
    /// Where the disk or the journal fails: then it is asked again.
    fn take_in(&self, order: &Order, states: &mut dyn Iterator<Item = io::Result<Vec<u8>>>)
    -> Result<Left, ShelfError>;
}

/// Why the shelf did not do it.
pub type ShelfError = Box<dyn std::error::Error + Send + Sync>;

/// What came of a worker's states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// The newest version of the mission's state now, and what it names.
    pub newest: Option<(StateRef, StateFacts)>,
    /// Why a state was refused, and where it is now.
    pub refused: Option<String>,
}
