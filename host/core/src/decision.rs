//! What a policy answers: proposals, each a typed action, and what it keeps for itself.
//!
//! A decision proposes and never acts. There is no shell string in it, no prompt beyond a short note, and no file. The
//! boundary in the host parses what a guest returned into these types and refuses what does not fit; whether an action
//! *may* happen is the gate's question, not the type's. Where people write one down, as what is expected of a policy,
//! lists and options may be left out, and what they misspell is refused.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{FindingId, MissionId, OrderName, Timestamp};
use crate::situation::{Fact, ObjectRef, Operation, QuestionKind, Severity};

/// A decision has at most this many proposals: each is gated, journaled and shown to people.
pub const PROPOSALS_MAX: usize = 128;
/// A proposal cites at most this many things.
pub const CITES_MAX: usize = 64;
/// The policy's own name for an action is at most this many bytes.
pub const PROPOSAL_KEY_BYTES_MAX: usize = 128;
/// A rationale is cut to this many bytes: a page of text.
pub const RATIONALE_BYTES_MAX: usize = 4 << 10;
/// The note of a question is at most this many bytes.
pub const NOTE_BYTES_MAX: usize = 500;
/// A notification's text or a lesson is at most this many bytes.
pub const MESSAGE_BYTES_MAX: usize = 2 << 10;

/// The proposals of one turn, and what the policy keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Decision {
    /// What it proposes, in its own order.
    #[serde(default)]
    pub proposals: Vec<Proposal>,
    /// Why, for people.
    #[serde(default)]
    pub rationale: String,
    /// The next memo; none keeps the old one.
    pub memo: Option<Vec<u8>>,
    /// When it wants to look again, even where nothing changes.
    pub look_again: Option<Timestamp>,
}

/// One action that a policy would like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Proposal {
    /// The policy's own name for it, unique in the decision.
    pub key: String,
    /// What in the situation it answers.
    #[serde(default)]
    pub cites: Vec<String>,
    /// What should happen.
    pub action: Action,
}

/// A typed action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Start a builder.
    Build {
        /// Of which mission and plan.
        order: Target,
        /// Which step.
        step: BuildStep,
    },
    /// Start a configurator.
    Configure {
        /// Of which mission and plan.
        order: Target,
        /// Which step.
        step: ConfigureStep,
    },
    /// Start a scanner.
    Scan {
        /// Of which mission and plan.
        order: Target,
        /// Among those that the mission shows; none means all.
        #[serde(default)]
        targets: Vec<String>,
    },
    /// End a worker early.
    Cancel(OrderName),
    /// Ask the brain.
    Ask {
        /// The policy's own name for the question.
        id: String,
        /// What is asked.
        kind: QuestionKind,
        /// About which mission.
        mission: Option<MissionId>,
        /// About which findings.
        #[serde(default)]
        findings: Vec<FindingId>,
        /// A short note, fenced as data in the prompt.
        note: Option<String>,
    },
    /// Look at an object.
    Inspect {
        /// The policy's own name for the look.
        id: String,
        /// At what.
        object: ObjectRef,
        /// At which side of it.
        look: Look,
    },
    /// Keep a lesson.
    Remember {
        /// What was learned.
        lesson: String,
        /// From which findings.
        #[serde(default)]
        findings: Vec<FindingId>,
    },
    /// Tell people something.
    Notify {
        /// How urgent it is.
        severity: Severity,
        /// One line.
        title: String,
        /// The rest.
        text: String,
        /// About which mission.
        mission: Option<MissionId>,
    },
    /// Stop showing a finding as open for a while.
    Acknowledge {
        /// Which.
        finding: FindingId,
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
}

/// The mission and plan that an action is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Target {
    /// The mission.
    pub mission: MissionId,
    /// Its generation as the policy saw it.
    pub generation: u32,
    /// The plan's digest as the policy saw it.
    pub plan: Digest,
    /// A remedy that the last failure offered.
    pub remedy: Option<String>,
}

/// A builder's step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildStep {
    /// Work out what would change.
    Plan,
    /// Work out what destroying would change.
    PlanDestroy,
    /// Apply exactly this artifact.
    Apply(Digest),
}

/// A configurator's step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigureStep {
    /// Work out what would change.
    Check,
    /// Configure on the ground of this check report.
    Configure(Digest),
}

/// A side of an object to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// What it was made of.
    Manifest,
    /// What it says.
    Logs,
    /// What its predecessor said.
    LogsOfPrevious,
}

/// The kinds of action, as a policy declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// [`Action::Build`].
    Build,
    /// [`Action::Configure`].
    Configure,
    /// [`Action::Scan`].
    Scan,
    /// [`Action::Cancel`].
    Cancel,
    /// [`Action::Ask`].
    Ask,
    /// [`Action::Inspect`].
    Inspect,
    /// [`Action::Remember`].
    Remember,
    /// [`Action::Notify`].
    Notify,
    /// [`Action::Acknowledge`].
    Acknowledge,
}

/// What an operator may set for a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value where the operator sets none.
    pub default_value: String,
    /// What it does.
    pub help: String,
}

/// What a policy says of itself, read once under the limits of a decision and kept with its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// The actions that it may return; any other is refused.
    pub actions: Vec<ActionKind>,
    /// The operations that it may ask for; any other is refused.
    pub operations: Vec<Operation>,
    /// What can be set.
    pub settings: Vec<Setting>,
    /// The format of the memos that it writes.
    pub memo_format: String,
    /// The formats that it reads.
    pub reads_memos: Vec<String>,
}

impl Description {
    /// Its settings where the operator sets none.
    pub fn defaults(&self) -> Vec<Fact> {
        self.settings.iter().map(|setting| Fact::new(&setting.key, &setting.default_value)).collect()
    }
}

impl Action {
    /// Which kind of action this is.
    pub fn kind(&self) -> ActionKind {
        match self {
            Action::Build { .. } => ActionKind::Build,
            Action::Configure { .. } => ActionKind::Configure,
            Action::Scan { .. } => ActionKind::Scan,
            Action::Cancel(_) => ActionKind::Cancel,
            Action::Ask { .. } => ActionKind::Ask,
            Action::Inspect { .. } => ActionKind::Inspect,
            Action::Remember { .. } => ActionKind::Remember,
            Action::Notify { .. } => ActionKind::Notify,
            Action::Acknowledge { .. } => ActionKind::Acknowledge,
        }
    }

    /// The mission, plan and operation of an action that starts a worker, and the artifact that it takes.
    pub fn work(&self) -> Option<(&Target, Operation, Option<Digest>)> {
        match self {
            Action::Build { order, step } => Some(match step {
                BuildStep::Plan => (order, Operation::Plan, None),
                BuildStep::PlanDestroy => (order, Operation::PlanDestroy, None),
                BuildStep::Apply(artifact) => (order, Operation::Apply, Some(*artifact)),
            }),
            Action::Configure { order, step } => Some(match step {
                ConfigureStep::Check => (order, Operation::Check, None),
                ConfigureStep::Configure(report) => (order, Operation::Configure, Some(*report)),
            }),
            Action::Scan { order, .. } => Some((order, Operation::Scan, None)),
            Action::Cancel(_)
            | Action::Ask { .. }
            | Action::Inspect { .. }
            | Action::Remember { .. }
            | Action::Notify { .. }
            | Action::Acknowledge { .. } => None,
        }
    }
}

impl ActionKind {
    /// The kind's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            ActionKind::Build => "build",
            ActionKind::Configure => "configure",
            ActionKind::Scan => "scan",
            ActionKind::Cancel => "cancel",
            ActionKind::Ask => "ask",
            ActionKind::Inspect => "inspect",
            ActionKind::Remember => "remember",
            ActionKind::Notify => "notify",
            ActionKind::Acknowledge => "acknowledge",
        }
    }
}
