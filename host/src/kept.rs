//! What the host keeps, as the worker adapters need it: the place where `act` and `remember` meet without knowing each
//! other.

use std::io;
use std::sync::Arc;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::order::Order;

use crate::act::{Left, Shelf, ShelfError};
use crate::remember::{BlobError, Blobs, StateStore};

/// Blobs and states.
pub struct Kept {
    /// Files by their digest.
    pub blobs: Arc<Blobs>,
    /// States and locks.
    pub states: Arc<StateStore>,
}

impl Shelf for Kept {
    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, ShelfError> {
        self.blobs.get(digest).map_err(Into::into)
    }

    fn keep_blob(&self, bytes: &[u8]) -> Result<Digest, ShelfError> {
        self.blobs.put(bytes).map_err(|error: BlobError| error.into())
    }

    fn take_in(
        &self,
        order: &Order,
        states: &mut dyn Iterator<Item = io::Result<Vec<u8>>>,
    ) -> Result<Left, ShelfError> {
        let taken = self.states.take_in(order, states)?;
        let refused = taken.refused.map(|(why, path)| format!("{why}; it was kept as {}", path.display()));
        Ok(Left { newest: taken.newest, refused })
    }
}
