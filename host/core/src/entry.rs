//! What the journal holds: a chain of typed entries, and the chain itself.
//!
//! The journal is the only durable truth; the ledger is a fold over these entries, and an episode (one whole turn) is a
//! view of them. Each record carries the hash of the one before it, so what was written cannot be changed in the middle
//! without being seen. The file around it is the host's; what a record is and how it is checked stands here.

mod policies;

use serde::{Deserialize, Serialize};

use crate::charter::Charter;
use crate::checkpoint::Checkpoint;
use crate::decision::Decision;
use crate::digest::Digest;
use crate::encoding;
use crate::ground::Ground;
use crate::ids::{ApprovalId, MissionId, OrderName, Timestamp};
use crate::mission::MissionSpec;
use crate::observation::{Commanded, Person};
use crate::order::{NamedObject, StateRef, WorkerResult};
use crate::question::BrainReply;
use crate::situation::Autonomy;
use crate::verdict::Verdict;

pub use policies::{Activated, Differed, Fenced, How, Leave, Nominated, Purpose, Shadowed, Uploaded};

/// An entry, encoded, is at most this large: a situation of 256 KiB, a ground of 400 KiB, a decision, and room to spare.
pub const ENTRY_BYTES_MAX: usize = 4 << 20;

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A host began to write here.
    Begun(Begun),
    /// A policy was activated.
    Activated(Activated),
    /// A mission was seen for the first time, or changed.
    Declared(Declared),
    /// A person said something.
    Commanded(Commanded),
    /// A turn's verdicts, before anything was done about them.
    Opened(Box<Opened>),
    /// What a turn did.
    Closed(Closed),
    /// The brain answered.
    Replied(BrainReply),
    /// A worker took its order; it is granted once ever.
    Claimed(Claimed),
    /// A worker ended.
    Ended(Box<Ended>),
    /// An order that was open when the host died was looked up.
    Settled(Settled),
    /// A worker delivered a version of a mission's state.
    Stored(Stored),
    /// A person changed a mission's state by hand.
    StateChanged(StateChanged),
    /// A person wants another charter.
    Chartered(Box<Chartered>),
    /// The host attested what stands before this record.
    Checkpoint(Checkpoint),
    /// A component was uploaded and passed every check.
    Uploaded(Box<Uploaded>),
    /// A person wants a policy to decide, or to be the shadow.
    Nominated(Box<Nominated>),
    /// The shadow was asked about a turn that is closed.
    Shadowed(Box<Shadowed>),
    /// A policy may not decide until a person says so, for another reason than its failures.
    Fenced(Fenced),
    /// A policy answered one situation in two ways.
    Differed(Differed),
}

/// The start of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    /// When.
    pub at: Timestamp,
    /// The host's version.
    pub version: String,
    /// Whether the workers are simulated.
    pub rehearsal: bool,
    /// Random bytes: what makes two journals' missions differ.
    pub nonce: Digest,
    /// What the sandbox is: engine, target, limits.
    pub sandbox: SandboxIdentity,
    /// No mission of this run gets more autonomy, whatever the charter says.
    pub ceiling: Option<Autonomy>,
    /// The policy that this host has built in, which is never fenced.
    pub fallback: Digest,
}

/// A charter that a person wants, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chartered {
    /// When.
    pub at: Timestamp,
    /// Who wants it.
    pub who: Person,
    /// The whole of it.
    pub charter: Charter,
    /// What becomes of it.
    pub standing: Standing,
}

/// What becomes of a charter that a person wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is in force from now on, since none was before.
    First,
    /// It is in force from now on, since it permits nothing more than the one before.
    Narrows,
    /// People are asked, since it may permit more.
    #[serde(rename_all = "camelCase")]
    Asked {
        /// What they answer.
        id: ApprovalId,
        /// The rule in force that demands so.
        rule: String,
        /// So many have to say yes.
        needed: u8,
        /// Until when.
        expires: Timestamp,
    },
}

/// What a decision may depend on beside policy and situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxIdentity {
    /// The WebAssembly engine and its version.
    pub engine: String,
    /// The machine that it compiles for.
    pub target: String,
    /// A digest of all limits.
    pub limits: Digest,
}

/// A mission as it is from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Declared {
    /// When it was seen.
    pub at: Timestamp,
    /// Its id.
    pub mission: MissionId,
    /// What tells it from a namesake that was there before.
    pub uid: Digest,
    /// Its generation.
    pub generation: u32,
    /// What it says.
    pub spec: MissionSpec,
}

/// A turn, before it acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// Which turn.
    pub turn: u32,
    /// When it began.
    pub at: Timestamp,
    /// The situation, encoded: the live decision was fed from exactly these bytes.
    pub situation: Vec<u8>,
    /// What the gate ruled on beside it: what was not cut for the policy.
    pub ground: Ground,
    /// The policy that decided.
    pub policy: Digest,
    /// What it answered, before the gate.
    pub answer: Answered,
    /// What it logged: bounded and escaped.
    pub logs: Vec<String>,
    /// The fuel that it used.
    pub fuel: u64,
    /// The ledger that the gate ruled on.
    pub ledger: Digest,
    /// What the gate ruled.
    pub verdicts: Vec<Verdict>,
}

/// The class of a policy's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// It decided. Replay compares these bytes.
    Decided(Vec<u8>),
    /// It failed. Replay compares the kind.
    GuestFailure {
        /// Such as `out-of-fuel`.
        kind: String,
        /// In the sandbox's words.
        detail: String,
    },
    /// The host gave up. Never held against the policy.
    HostAbort {
        /// Such as `epoch`.
        kind: String,
        /// In the sandbox's words.
        detail: String,
    },
}

/// A turn, after it acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// Which turn.
    pub turn: u32,
    /// When.
    pub at: Timestamp,
    /// What was put into the outbox, by the keys of the verdicts.
    pub receipts: Vec<Receipt>,
}

/// What became of one effect in its turn: it was handed on. How it went is observed later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The verdict's key.
    pub key: String,
    /// What was done, such as `start apply-web-…`.
    pub did: String,
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claimed {
    /// When.
    pub at: Timestamp,
    /// The order.
    pub order: OrderName,
    /// The process, container or pod that has it.
    pub claimant: String,
}

/// The end of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// When the host saw it.
    pub at: Timestamp,
    /// The order.
    pub order: OrderName,
    /// What it left.
    pub result: WorkerResult,
}

/// What became of an order that was open when the host died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// When it was looked up.
    pub at: Timestamp,
    /// The order.
    pub order: OrderName,
    /// Whether a worker of that name was found; one that was not found has used no attempt.
    pub adopted: bool,
}

/// A version of a state, kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// When.
    pub at: Timestamp,
    /// The mission.
    pub mission: MissionId,
    /// The order whose worker delivered it.
    pub order: OrderName,
    /// The version.
    pub state: StateRef,
}

/// A change of a state by a person's hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateChanged {
    /// When.
    pub at: Timestamp,
    /// The mission.
    pub mission: MissionId,
    /// Who.
    pub who: Person,
    /// The state that is in force now.
    pub state: Option<StateRef>,
    /// What it names; none where that did not change.
    pub objects: Option<Vec<NamedObject>>,
    /// What was done: `import` or `unlock`.
    pub what: String,
}

impl Answered {
    /// The decision, where there was one. The bytes are those that the boundary encoded, so they always decode; what
    /// was changed in a journal since is refused by its chain.
    pub fn decision(&self) -> Option<Decision> {
        match self {
            Answered::Decided(bytes) => encoding::decode(bytes).ok(),
            Answered::GuestFailure { .. } | Answered::HostAbort { .. } => None,
        }
    }
}

impl Entry {
    /// The entry's kind, as `journal show` prints it.
    pub fn kind(&self) -> &'static str {
        match self {
            Entry::Begun(_) => "begun",
            Entry::Activated(_) => "activated",
            Entry::Declared(_) => "declared",
            Entry::Commanded(_) => "commanded",
            Entry::Opened(_) => "opened",
            Entry::Closed(_) => "closed",
            Entry::Replied(_) => "replied",
            Entry::Claimed(_) => "claimed",
            Entry::Ended(_) => "ended",
            Entry::Settled(_) => "settled",
            Entry::Stored(_) => "stored",
            Entry::StateChanged(_) => "state-changed",
            Entry::Chartered(_) => "chartered",
            Entry::Checkpoint(_) => "checkpoint",
            Entry::Uploaded(_) => "uploaded",
            Entry::Nominated(_) => "nominated",
            Entry::Shadowed(_) => "shadowed",
            Entry::Fenced(_) => "fenced",
            Entry::Differed(_) => "differed",
        }
    }

    /// When it was written.
    pub fn at(&self) -> Timestamp {
        match self {
            Entry::Begun(entry) => entry.at,
            Entry::Activated(entry) => entry.at,
            Entry::Declared(entry) => entry.at,
            Entry::Commanded(entry) => entry.at,
            Entry::Opened(entry) => entry.at,
            Entry::Closed(entry) => entry.at,
            Entry::Replied(entry) => entry.answered,
            Entry::Claimed(entry) => entry.at,
            Entry::Ended(entry) => entry.at,
            Entry::Settled(entry) => entry.at,
            Entry::Stored(entry) => entry.at,
            Entry::StateChanged(entry) => entry.at,
            Entry::Chartered(entry) => entry.at,
            Entry::Checkpoint(entry) => entry.at,
            Entry::Uploaded(entry) => entry.at,
            Entry::Nominated(entry) => entry.at,
            Entry::Shadowed(entry) => entry.at,
            Entry::Fenced(entry) => entry.at,
            Entry::Differed(entry) => entry.at,
        }
    }
}

/// One whole turn: a view of its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The turn before it acted.
    pub opened: Opened,
    /// What it did; none where the host died between.
    pub closed: Option<Closed>,
}

/// The hash of a record: of the one before it, its number, and its bytes.
pub fn chain(previous: &Digest, seq: u64, encoded: &[u8]) -> Digest {
    Digest::of_parts(&[previous.as_bytes(), &seq.to_be_bytes(), encoded])
}
