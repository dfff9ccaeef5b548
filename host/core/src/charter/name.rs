//! What the rules of a charter are asked about, by the names that rules write.

use serde::{Deserialize, Serialize};

use crate::decision::{ActionKind, Proposal};
use crate::situation::Operation;

/// What rules are asked about: each typed action, and each operation of those that start a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// Make a plan.
    #[default]
    Plan,
    /// Make a plan that removes everything.
    PlanDestroy,
    /// Apply a saved plan.
    Apply,
    /// Run a playbook without changing anything.
    Check,
    /// Run a playbook.
    Configure,
    /// Scan declared targets.
    Scan,
    /// End a worker early.
    Cancel,
    /// Ask the brain.
    Ask,
    /// Look at something more closely.
    Inspect,
    /// Keep something in memory.
    Remember,
    /// Tell people.
    Notify,
    /// Stop showing a finding as open.
    Acknowledge,
    /// Put another charter in force, which permits more: a person asks, and never a policy.
    Amend,
    /// Let another policy decide: a person asks, and never a policy.
    Activate,
}

impl Name {
    /// All of them.
    pub const ALL: [Name; 14] = [
        Name::Plan,
        Name::PlanDestroy,
        Name::Apply,
        Name::Check,
        Name::Configure,
        Name::Scan,
        Name::Cancel,
        Name::Ask,
        Name::Inspect,
        Name::Remember,
        Name::Notify,
        Name::Acknowledge,
        Name::Amend,
        Name::Activate,
    ];

    /// What a proposal asks for.
    pub fn of(proposal: &Proposal) -> Name {
        if let Some((_, operation, _)) = proposal.action.work() {
            return match operation {
                Operation::Plan => Name::Plan,
                Operation::PlanDestroy => Name::PlanDestroy,
                Operation::Apply => Name::Apply,
                Operation::Check => Name::Check,
                Operation::Configure => Name::Configure,
                Operation::Scan => Name::Scan,
            };
        }
        match proposal.action.kind() {
            ActionKind::Build => Name::Apply,
            ActionKind::Configure => Name::Configure,
            ActionKind::Scan => Name::Scan,
            ActionKind::Cancel => Name::Cancel,
            ActionKind::Ask => Name::Ask,
            ActionKind::Inspect => Name::Inspect,
            ActionKind::Remember => Name::Remember,
            ActionKind::Notify => Name::Notify,
            ActionKind::Acknowledge => Name::Acknowledge,
        }
    }

    /// As rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Name::Plan => "plan",
            Name::PlanDestroy => "plan-destroy",
            Name::Apply => "apply",
            Name::Check => "check",
            Name::Configure => "configure",
            Name::Scan => "scan",
            Name::Cancel => "cancel",
            Name::Ask => "ask",
            Name::Inspect => "inspect",
            Name::Remember => "remember",
            Name::Notify => "notify",
            Name::Acknowledge => "acknowledge",
            Name::Amend => "amend",
            Name::Activate => "activate",
        }
    }

    /// Whether it starts a worker.
    pub fn is_work(self) -> bool {
        matches!(self.group(), "reads" | "changes")
    }

    /// Whether a person asks for it.
    pub(super) fn is_law(self) -> bool {
        self.group() == "law"
    }

    /// The group of actions that it is in.
    pub(super) fn group(self) -> &'static str {
        match self {
            Name::Plan | Name::PlanDestroy | Name::Check => "reads",
            Name::Apply | Name::Configure | Name::Scan => "changes",
            Name::Cancel | Name::Ask | Name::Inspect | Name::Remember | Name::Notify | Name::Acknowledge => "words",
            Name::Amend | Name::Activate => "law",
        }
    }
}
