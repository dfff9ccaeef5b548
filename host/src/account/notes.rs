//! What is kept of a journal beside its turns: short notes, each with the record that it stands in.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Chartered, Standing};
use quarterdeck_core::ids::{ApprovalId, MissionId, OrderName};
use quarterdeck_core::order::{NamedObject, Order, StateRef, WorkerResult};
use quarterdeck_core::situation::Verification;
use quarterdeck_core::verdict::Request;

use super::Mark;
use super::scene::Since;

/// A charter that somebody wanted.
pub(super) struct Wanted {
    pub(super) mark: Mark,
    pub(super) chartered: Chartered,
    pub(super) digest: Digest,
    /// Since when it was in force, if it ever was.
    pub(super) enacted: Option<Mark>,
}

/// An order, from its start to what the host saw after it.
#[derive(Default)]
pub(super) struct Course {
    /// More than one where a start was abandoned and made again.
    pub(super) starts: Vec<Start>,
    pub(super) receipts: Vec<(Mark, String)>,
    pub(super) claimed: Option<(Mark, String)>,
    pub(super) stored: Vec<(Mark, StateRef)>,
    /// Without what its state names.
    pub(super) ended: Option<(Mark, WorkerResult)>,
    pub(super) settled: Vec<(Mark, bool)>,
    pub(super) verified: Option<(Since, Verification)>,
}

/// The verdict that started an order.
pub(super) struct Start {
    pub(super) since: Since,
    pub(super) key: String,
    pub(super) rule: String,
    pub(super) because: String,
    pub(super) approval: Option<ApprovalId>,
    pub(super) policy: Digest,
    pub(super) order: Order,
}

/// A verdict that asked people.
pub(super) struct Requested {
    pub(super) since: Since,
    pub(super) key: String,
    pub(super) rule: String,
    pub(super) because: String,
    pub(super) request: Request,
}

/// What a worker, or a person's hand, did to what a state names.
pub(super) struct Touched {
    pub(super) mark: Mark,
    pub(super) mission: MissionId,
    /// None where it was a person.
    pub(super) order: Option<OrderName>,
    pub(super) by: String,
    /// What its plan touches, by address.
    pub(super) touches: Vec<String>,
    /// What the state names otherwise than before.
    pub(super) changed: Vec<(Option<NamedObject>, Option<NamedObject>)>,
}

impl Wanted {
    pub(super) fn is_called(&self, called: &str) -> bool {
        match &self.chartered.standing {
            Standing::Asked { id, .. } => id.as_str() == called,
            Standing::First | Standing::Narrows => false,
        }
    }
}
