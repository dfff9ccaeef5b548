//! The claim: what makes an order be done once.
//!
//! Before it starts its tool a worker claims its order, and the grant is on disk before the worker hears of it. It is
//! given once ever; the same claimant asking again (the answer was lost on its way) hears yes again. So a worker that was
//! started twice, or that comes back from the dead, does nothing.

use quarterdeck_core::entry::{Claimed, Entry};
use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::ledger::Ledger;

use super::{Book, JournalError, TransactError};

/// A claimant is named in at most this many bytes: `process PID started STARTTIME` has fewer than 50, a pod's uid 36.
pub const CLAIMANT_BYTES_MAX: usize = 128;

/// Why an order is not given to a claimant.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The ledger has no such order at work.
    #[error("there is no order {0} to claim: it was never made, or it was given up when the host was restarted")]
    Unknown(OrderName),
    /// It was done, or counted as lost.
    #[error("order {0} has ended and can't be claimed any more")]
    Ended(OrderName),
    /// Another has it.
    #[error("order {order} was claimed by {by}; an order is given once")]
    Taken {
        /// The order.
        order: OrderName,
        /// Who has it.
        by: String,
    },
    /// The claimant has no name that can be journaled.
    #[error("a claimant is named by 1 to {CLAIMANT_BYTES_MAX} visible ASCII characters and blanks")]
    Claimant,
    /// The grant could not be written, so there is none.
    #[error("write the claim down")]
    Journal(#[source] JournalError),
}

/// Gives an order to a claimant: the grant is on disk when this returns. Blocks for the disk.
///
/// # Errors
/// Where the order is not at work, another claimant has it, or the journal can't be written.
pub fn claim(book: &Book, order: &OrderName, claimant: &str, now: Timestamp) -> Result<(), ClaimError> {
    let visible = claimant.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if claimant.trim().is_empty() || claimant.len() > CLAIMANT_BYTES_MAX || !visible {
        return Err(ClaimError::Claimant);
    }
    let granted = book.transact(|ledger| grant(ledger, order, claimant, now));
    granted.map(|_| ()).map_err(|error| match error {
        TransactError::Refused(refused) => refused,
        TransactError::Journal(source) => ClaimError::Journal(source),
    })
}

fn grant(ledger: &Ledger, order: &OrderName, claimant: &str, now: Timestamp) -> Result<Vec<Entry>, ClaimError> {
    let state = ledger.orders.get(order).ok_or_else(|| ClaimError::Unknown(order.clone()))?;
    if state.ended.is_some() {
        return Err(ClaimError::Ended(order.clone()));
    }
    match &state.claimed {
        Some((_, by)) if by == claimant => Ok(Vec::new()),
        Some((_, by)) => Err(ClaimError::Taken { order: order.clone(), by: by.clone() }),
        None => {
            let at = now.max(ledger.now);
            Ok(vec![Entry::Claimed(Claimed { at, order: order.clone(), claimant: claimant.to_owned() })])
        }
    }
}
