//! What a worker that is gone left: its states are taken in, and its lock is given back.
//!
//! The caller knows that the worker is gone, so no lock id is asked for; the rules about lineage and serial stay. A state
//! that is refused is kept beside the versions, since it may be the only word about objects that are there.

use std::io;
use std::path::PathBuf;

use quarterdeck_core::order::{Order, StateRef};
use quarterdeck_core::terraform::errored;
use quarterdeck_core::terraform::state_json::StateFacts;

use super::{StateFault, StateStore, at_work, reference};

/// What came of taking in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// The newest version of the mission's state now, and what it names.
    pub newest: Option<(StateRef, StateFacts)>,
    /// Why a state was refused, and where it is now.
    pub refused: Option<(String, PathBuf)>,
}

impl StateStore {
    /// Takes in what a worker left that is gone, in the order in which it was written, and gives its lock back.
    ///
    /// # Errors
    /// Where the disk or the journal fails: then nothing is lost and the caller asks again.
    pub fn take_in(
        &self,
        order: &Order,
        states: &mut dyn Iterator<Item = io::Result<Vec<u8>>>,
    ) -> Result<TakenIn, StateFault> {
        let mut taken = TakenIn::default();
        for bytes in states {
            let bytes = bytes.map_err(|source| StateFault::Io {
                what: "read a state in the folder of",
                path: order.name.as_str().into(),
                source,
            })?;
            match self.take_one(order, &bytes) {
                Ok(()) => {}
                Err(fault) if fault.is_passing() => return Err(fault),
                Err(fault) => {
                    let path = self.disk.set_aside(&order.mission, order.name.as_str(), &bytes)?;
                    tracing::warn!(order = %order.name, path = %path.display(), %fault, "Set a state aside.");
                    taken.refused = Some((fault.to_string(), path));
                }
            }
        }
        self.release(order)?;
        match self.newest(&order.mission) {
            Ok(Some((state, bytes))) => taken.newest = Some((state, reference(&bytes)?.1)),
            Ok(None) => {}
            Err(fault) if fault.is_passing() => return Err(fault),
            // A person mends the folder by an import, which waits for this worker's end.
            Err(fault) => taken.refused = Some((fault.to_string(), self.disk.path(&order.mission))),
        }
        Ok(taken)
    }

    fn take_one(&self, order: &Order, bytes: &[u8]) -> Result<(), StateFault> {
        // What Terraform could not deliver of a first apply has no lineage yet.
        let begun = errored::begin(bytes);
        let bytes = begun.as_deref().unwrap_or(bytes);
        let (state, _) = reference(bytes)?;
        let _turn = self.turn();
        if let Some((newest, _)) = self.newest(&order.mission)? {
            if newest == state {
                return self.journal_again(order, state, bytes);
            }
            if newest.lineage == state.lineage && state.serial < newest.serial {
                // It was kept and is history now: while an order is open, nobody else writes its mission's state.
                return Ok(());
            }
        }
        at_work(&self.book.ledger(), &order.name)?;
        match self.disk.lock(&order.mission)? {
            Some(held) if held.order != order.name => {
                Err(StateFault::NotYourLock { order: order.name.clone(), holder: held.order })
            }
            Some(_) | None => self.keep(&order.mission, &order.name, state, bytes).map(|_| ()),
        }
    }

    /// The newest version: it is on disk and, where the host died between, not in the journal.
    fn journal_again(&self, order: &Order, state: StateRef, bytes: &[u8]) -> Result<(), StateFault> {
        let at_work = at_work(&self.book.ledger(), &order.name).is_ok();
        if at_work { self.keep(&order.mission, &order.name, state, bytes).map(|_| ()) } else { Ok(()) }
    }

    /// Gives the lock of an order back whose worker is gone.
    fn release(&self, order: &Order) -> Result<(), StateFault> {
        let _turn = self.turn();
        match self.disk.lock(&order.mission)? {
            Some(held) if held.order == order.name => {
                tracing::warn!(order = %order.name, lock = %held.info.id, "Gave a lock back: its worker is gone.");
                self.disk.clear_lock(&order.mission)
            }
            Some(_) | None => Ok(()),
        }
    }
}
