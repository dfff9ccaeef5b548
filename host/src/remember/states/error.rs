//! What can go wrong with a state, and what to do about it.

use std::io;
use std::path::PathBuf;

use quarterdeck_core::ids::{MissionId, OrderName};
use quarterdeck_core::terraform::state_json::StateError;

use super::HeldLock;
use crate::remember::{JournalError, TransactError};

/// Why a state is not kept, or can't be had.
#[derive(Debug, thiserror::Error)]
pub enum StateFault {
    /// The ledger has no such order.
    #[error("there is no order {0}: it was never made, or it was given up when the host was restarted")]
    UnknownOrder(OrderName),
    /// Its end is in the journal.
    #[error("order {0} has ended, so it brings no state any more")]
    Ended(OrderName),
    /// Nobody has claimed it.
    #[error("order {0} was not claimed; a worker claims its order before it does anything")]
    NotClaimed(OrderName),
    /// The ledger has no such mission.
    #[error("there is no mission {0}; `quarterdeck get missions` lists them")]
    UnknownMission(MissionId),
    /// It can't be the name of a folder.
    #[error("mission id {0:?} can't be the name of a folder")]
    Name(MissionId),
    /// The bytes are none.
    #[error("read the bytes as a Terraform state")]
    NoState(#[from] StateError),
    /// It belongs to another history.
    #[error(
        "the state has another lineage than the states of mission {mission}: it is another history; compare it with `quarterdeck state export {mission}`"
    )]
    Lineage {
        /// The mission.
        mission: MissionId,
    },
    /// It does not follow.
    #[error(
        "the state has serial {brought}, and serial {kept} is kept: each version must have a higher one; to go back to an older state, raise its serial above {kept} and import it"
    )]
    Serial {
        /// The serial that was brought.
        brought: u64,
        /// The newest that is kept.
        kept: u64,
    },
    /// Another order holds the lock.
    #[error("order {order} does not hold the lock: order {holder} does")]
    NotYourLock {
        /// Who brought a state.
        order: OrderName,
        /// Who holds the lock.
        holder: OrderName,
    },
    /// The lock's id is another.
    #[error("order {order} names a lock that it does not hold")]
    WrongLock {
        /// Who brought a state.
        order: OrderName,
    },
    /// A worker may change the state at any moment.
    #[error("order {order} of the mission is at work; wait for its end, or `quarterdeck cancel {order}`")]
    AtWork {
        /// The order.
        order: OrderName,
    },
    /// There is no lock.
    #[error("the state of mission {0} is not locked")]
    NotLocked(MissionId),
    /// The lock is no dead one.
    #[error(
        "the lock is held by order {order}, whose worker is not known to be gone; wait for its end, or `quarterdeck cancel {order}`"
    )]
    LiveLock {
        /// The holder.
        order: OrderName,
    },
    /// There is no such version.
    #[error("mission {mission} has no version {number} of its state; `quarterdeck state list` shows what there is")]
    NoVersion {
        /// The mission.
        mission: MissionId,
        /// Which version; 0 where there is none at all.
        number: u32,
    },
    /// The journal says more than the disk has.
    #[error(
        "{folder} has not the bytes of serial {serial} that the journal says were kept there; restore the folder from a copy, or import a state with a higher serial"
    )]
    Damaged {
        /// The mission's folder of states.
        folder: PathBuf,
        /// The serial that was kept.
        serial: u64,
    },
    /// The lock's file can't be read.
    #[error("{0} is no lock of ours; look at it, and remove it if no worker is at work")]
    LockFile(PathBuf),
    /// The file system says no.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The journal could not be written.
    #[error("write the state down in the journal")]
    Journal(#[source] JournalError),
}

impl StateFault {
    /// Whether asking again may help: the disk or the journal failed, and nothing is wrong with what was asked.
    pub fn is_passing(&self) -> bool {
        matches!(self, StateFault::Io { .. } | StateFault::Journal(_))
    }
}

impl From<TransactError<StateFault>> for StateFault {
    fn from(error: TransactError<StateFault>) -> StateFault {
        match error {
            TransactError::Refused(fault) => fault,
            TransactError::Journal(source) => StateFault::Journal(source),
        }
    }
}

/// Why a lock is not given or taken back.
#[derive(Debug, thiserror::Error)]
pub enum LockFault {
    /// Another has it.
    #[error("the state is locked by order {} ({})", .0.order, .0.info.who)]
    Held(Box<HeldLock>),
    /// Anything else.
    #[error(transparent)]
    State(#[from] StateFault),
}
