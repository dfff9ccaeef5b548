//! What the gate said to each proposal, and what follows from it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{ApprovalId, FindingId, MissionId, OrderName, Timestamp};
use crate::order::Order;
use crate::question::Question;
use crate::situation::{Ruling, Severity};

/// The gate's word on one proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The policy's own name for the action.
    pub key: String,
    /// The kind of action, by its name in the contract.
    pub action: String,
    /// The mission that it is about.
    pub mission: Option<MissionId>,
    /// What was ruled.
    pub ruling: Ruling,
    /// The rule that decided, such as `stale-plan`.
    pub rule: String,
    /// What people and the policy are told.
    pub because: String,
    /// The approval that it waits for or found.
    pub approval: Option<ApprovalId>,
    /// What the host does because of it; `None` unless it acts or asks.
    pub effect: Option<Effect>,
}

/// What the host does after a verdict has been journaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Start a worker.
    Start(Box<Order>),
    /// Ask people.
    Request(Box<Request>),
    /// End a worker early.
    Cancel(OrderName),
    /// Ask the brain.
    Ask(Box<Question>),
    /// Tell people.
    Notify {
        /// How urgent.
        severity: Severity,
        /// One line.
        title: String,
        /// The rest.
        text: String,
    },
    /// Stop showing a finding as open to the policy.
    Acknowledge {
        /// Which.
        finding: FindingId,
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A request to people: exactly this order, until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The approval's name.
    pub id: ApprovalId,
    /// Exactly what would be started; its name and attempt may be later ones when it is.
    pub order: Order,
    /// When it was asked.
    pub requested: Timestamp,
    /// Until when it can be granted and used.
    pub expires: Timestamp,
    /// The policy that asked.
    pub policy: Digest,
    /// The charter in force then.
    pub charter: Digest,
    /// So many people have to say yes.
    pub needed: u8,
}
