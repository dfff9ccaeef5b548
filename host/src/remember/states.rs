//! The states of missions, version by version, and the locks on them.
//!
//! A version is on disk, its folder too, and in the journal before whoever brought it hears so. The host refuses another
//! lineage, a serial that does not rise, other bytes under a serial that it has, and whoever does not hold the lock. It
//! never throws a state away that it refuses from a worker that is gone: that one is set aside, and the error says where.
//!
//! In the order of an apply: [`StateStore::lock`], [`StateStore::newest`], [`StateStore::put`], [`StateStore::unlock`]; then
//! [`StateStore::take_in`] for what a dead worker left (`dead.rs`), and what people do by hand (`manual.rs`). The files are
//! in `disk.rs`. A state holds secrets in clear: mode 0600, never logged, and none of its text is in an error.
//!
//! Not here: the worker's own copies, and any look at the engine.

mod dead;
mod disk;
mod error;
mod manual;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Entry, Stored};
use quarterdeck_core::ids::{MissionId, OrderName, Timestamp};
use quarterdeck_core::ledger::{Ledger, OrderState};
use quarterdeck_core::order::StateRef;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::terraform::state_json::{StateFacts, parse_state};
use quarterdeck_worker::protocol::LockInfo;
use serde::{Deserialize, Serialize};

pub use dead::TakenIn;
pub use error::{LockFault, StateFault};
pub use manual::{MissionStates, VersionInfo};

use self::disk::Disk;
use super::{Book, TransactError};

/// This many versions of a mission's state are kept; an apply writes one every twenty seconds, so it is the last few
/// applies.
pub const VERSIONS_KEPT: usize = 50;

/// A lock, and the order that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeldLock {
    /// The order whose worker took it.
    pub order: OrderName,
    /// When.
    pub at: Timestamp,
    /// In Terraform's words.
    pub info: LockInfo,
}

/// Says of an order whether anything of its worker still lives; must not wait.
pub type Lives = Arc<dyn Fn(&OrderName) -> bool + Send + Sync>;

/// The states of all missions. Every method blocks for the disk.
pub struct StateStore {
    disk: Disk,
    book: Arc<Book>,
    clock: fn() -> Timestamp,
    lives: Lives,
    /// What a state names is journaled without secrets.
    redactor: Redactor,
    /// One at a time: a put reads what is newest and writes what follows.
    turn: Mutex<()>,
}

impl StateStore {
    /// Opens the folder of states, and makes it where there is none.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn open(
        folder: &Path,
        book: Arc<Book>,
        clock: fn() -> Timestamp,
        lives: Lives,
        redactor: Redactor,
    ) -> io::Result<StateStore> {
        Ok(StateStore { disk: Disk::open(folder)?, book, clock, lives, redactor, turn: Mutex::new(()) })
    }

    /// The newest version of a mission's state; none where it has none.
    ///
    /// # Errors
    /// Where the disk fails, or does not have what the journal says that was kept.
    pub fn newest(&self, mission: &MissionId) -> Result<Option<(StateRef, Vec<u8>)>, StateFault> {
        let newest = self.disk.newest(mission)?;
        let ledger = self.book.ledger();
        let Some(known) = ledger.missions.get(mission).and_then(|state| state.state.as_ref()) else {
            return Ok(newest.map(|version| (version.state, version.bytes)));
        };
        match newest {
            // A version may be on disk before it is in the journal, never the other way round.
            Some(version) if version.state == *known || version.state.serial > known.serial => {
                Ok(Some((version.state, version.bytes)))
            }
            Some(_) | None => Err(StateFault::Damaged { folder: self.disk.path(mission), serial: known.serial }),
        }
    }

    /// The newest version of the state of an order's mission.
    ///
    /// # Errors
    /// As [`StateStore::newest`], and where the order is unknown.
    pub fn newest_of(&self, order: &OrderName) -> Result<Option<(StateRef, Vec<u8>)>, StateFault> {
        let ledger = self.book.ledger();
        let state = ledger.orders.get(order).ok_or_else(|| StateFault::UnknownOrder(order.clone()))?;
        self.newest(&state.order.mission)
    }

    /// Keeps a version that an order's worker brings: on disk and journaled when this returns. The same version twice is
    /// the same version.
    ///
    /// # Errors
    /// Where the order is not at work, the lock is not its own, the version does not follow the newest, or the disk fails.
    pub fn put(&self, order: &OrderName, lock: Option<&str>, bytes: &[u8]) -> Result<StateRef, StateFault> {
        let (state, _) = reference(bytes)?;
        let _turn = self.turn();
        let ledger = self.book.ledger();
        let mission = at_work(&ledger, order)?.order.mission.clone();
        self.holds(&mission, order, lock)?;
        self.keep(&mission, order, state, bytes)
    }

    /// Takes Terraform's lock for an order. A lock of a worker that is gone, and whose order has ended, is broken.
    ///
    /// # Errors
    /// Where another holds it, the order is not at work, or the disk fails.
    pub fn lock(&self, order: &OrderName, info: &LockInfo) -> Result<(), LockFault> {
        let _turn = self.turn();
        let ledger = self.book.ledger();
        let mission = at_work(&ledger, order)?.order.mission.clone();
        if let Some(held) = self.disk.lock(&mission)? {
            if held.order == *order && held.info.id == info.id {
                return Ok(());
            }
            if held.order == *order || !self.is_dead(&ledger, &held) {
                return Err(LockFault::Held(Box::new(held)));
            }
            tracing::warn!(%mission, order = %held.order, lock = %held.info.id, "Broke a lock: its worker is gone.");
        }
        let held = HeldLock { order: order.clone(), at: self.now(&ledger), info: info.clone() };
        Ok(self.disk.set_lock(&mission, &held)?)
    }

    /// Gives Terraform's lock back. Twice is once.
    ///
    /// # Errors
    /// Where another holds it, the order is unknown, or the disk fails.
    pub fn unlock(&self, order: &OrderName, info: &LockInfo) -> Result<(), LockFault> {
        let _turn = self.turn();
        let ledger = self.book.ledger();
        let state = ledger.orders.get(order).ok_or_else(|| StateFault::UnknownOrder(order.clone()))?;
        let mission = &state.order.mission;
        match self.disk.lock(mission)? {
            None => Ok(()),
            Some(held) if held.order == *order && held.info.id == info.id => Ok(self.disk.clear_lock(mission)?),
            Some(held) => Err(LockFault::Held(Box::new(held))),
        }
    }

    /// Whether the holder can be proved to be gone: its order is over in the journal, and nothing of its worker lives.
    fn is_dead(&self, ledger: &Ledger, held: &HeldLock) -> bool {
        let over = ledger.orders.get(&held.order).is_none_or(|state| state.ended.is_some());
        over && !(self.lives)(&held.order)
    }

    fn holds(&self, mission: &MissionId, order: &OrderName, lock: Option<&str>) -> Result<(), StateFault> {
        match self.disk.lock(mission)? {
            Some(held) if held.order != *order => {
                Err(StateFault::NotYourLock { order: order.clone(), holder: held.order })
            }
            Some(held) if lock != Some(held.info.id.as_str()) => Err(StateFault::WrongLock { order: order.clone() }),
            None if lock.is_some() => Err(StateFault::WrongLock { order: order.clone() }),
            Some(_) | None => Ok(()),
        }
    }

    /// Keeps a version of an order that is at work.
    fn keep(
        &self,
        mission: &MissionId,
        order: &OrderName,
        state: StateRef,
        bytes: &[u8],
    ) -> Result<StateRef, StateFault> {
        let newest = self.newest(mission)?.map(|(state, _)| state);
        if let Some(newest) = &newest {
            if newest.lineage != state.lineage {
                return Err(StateFault::Lineage { mission: mission.clone() });
            }
            if state.serial < newest.serial && self.disk.has(mission, &state)? {
                return Ok(state);
            }
            if state.serial < newest.serial || (state.serial == newest.serial && state != *newest) {
                return Err(StateFault::Serial { brought: state.serial, kept: newest.serial });
            }
        }
        let is_new = newest.as_ref() != Some(&state);
        let written = if is_new { Some(self.disk.write(mission, state.serial, bytes)?) } else { None };
        let journaled = self.book.transact(|ledger| {
            at_work(ledger, order)?;
            let known = ledger.missions.get(mission).is_some_and(|known| known.state.as_ref() == Some(&state));
            let at = self.now(ledger);
            let stored = Stored { at, mission: mission.clone(), order: order.clone(), state: state.clone() };
            Ok(if known { Vec::new() } else { vec![Entry::Stored(stored)] })
        });
        if let Err(error) = journaled {
            if let (TransactError::Refused(_), Some(path)) = (&error, &written) {
                disk::remove(path)?;
            }
            return Err(error.into());
        }
        self.disk.prune(mission, VERSIONS_KEPT)?;
        Ok(state)
    }

    fn now(&self, ledger: &Ledger) -> Timestamp {
        (self.clock)().max(ledger.now)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        // The lock guards nothing in memory, and what is on disk is whole at any time.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An order that has been claimed and has not ended.
fn at_work<'a>(ledger: &'a Ledger, order: &OrderName) -> Result<&'a OrderState, StateFault> {
    let state = ledger.orders.get(order).ok_or_else(|| StateFault::UnknownOrder(order.clone()))?;
    if state.ended.is_some() {
        return Err(StateFault::Ended(order.clone()));
    }
    if state.claimed.is_none() {
        return Err(StateFault::NotClaimed(order.clone()));
    }
    Ok(state)
}

fn reference(bytes: &[u8]) -> Result<(StateRef, StateFacts), StateFault> {
    let facts = parse_state(bytes)?;
    Ok((StateRef { lineage: facts.lineage.clone(), serial: facts.serial, digest: Digest::of(bytes) }, facts))
}
