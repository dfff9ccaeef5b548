//! What a saved plan will do, read from `terraform show -json`.
//!
//! The JSON holds every value in clear, sensitive ones too, and the plan may come from files that nobody we trust has
//! written. So it is read once, here, into [`PlanFacts`]: counts, the change of each resource with sensitive values
//! masked, the [`Danger`]s in it, and a digest of what is known of the result. The static check of
//! [`super::allow`] has seen the files before; this one sees what they came to, through variables, modules and loops.
//!
//! Unknown counts as dangerous: a field that could make a container root and is known only when applied is a danger.
//!
//! Not here: whether a plan may be applied. That is the gate's, with the grants of the operator and the charter.

mod arguments;
mod change;
mod danger;
mod docker;
mod facts;
mod fields;
mod paths;
mod raw;
mod render;
mod volumes;

use serde::{Deserialize, Serialize};

pub use change::{AttributeChange, ResourceChange};
pub use danger::{Danger, DangerKind};
pub use facts::parse_plan;

use super::grants::Grants;
use super::state_json::kind_of;
use crate::digest::Digest;
use crate::order::{OBJECTS_MAX, ObjectKind, PlanDanger, PlanKinds, PlannedObject};
use crate::situation::ChangeSummary;

/// A plan's JSON has at most this many bytes (32 MiB); one with a thousand containers has about 10 MiB.
pub const PLAN_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A plan has at most this many resources, changed or not: more is no mission of one engine.
pub const RESOURCES_MAX: usize = 2048;

/// At most this many dangers are kept, those that are refused first; one is enough to refuse.
pub const DANGERS_MAX: usize = 256;

/// At most this many addresses are kept with a saved plan; the whole list is in its rendering.
pub const TOUCHES_MAX: usize = 64;

/// What a plan does to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is destroyed.
    Destroy,
    /// It is destroyed and made anew, in either order.
    Replace,
    /// It stays on the engine and leaves the state.
    Forget,
    /// It is changed in place.
    Update,
    /// It is made.
    Create,
    /// A data source is read while the plan is applied.
    Read,
    /// Nothing, but its address changes.
    Move,
    /// Nothing.
    NoOp,
}

impl Action {
    /// Whether it takes something away that is there, or lets go of it.
    pub const fn removes(self) -> bool {
        match self {
            Self::Destroy | Self::Replace | Self::Forget => true,
            Self::Update | Self::Create | Self::Read | Self::Move | Self::NoOp => false,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Destroy => "destroy",
            Self::Replace => "replace",
            Self::Forget => "forget",
            Self::Update => "update",
            Self::Create => "create",
            Self::Read => "read",
            Self::Move => "move",
            Self::NoOp => "no-op",
        }
    }
}

/// How many resources meet which action. A replacement counts only as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Made.
    pub adds: u32,
    /// Changed in place.
    pub changes: u32,
    /// Destroyed.
    pub destroys: u32,
    /// Destroyed and made anew.
    pub replaces: u32,
    /// Data sources read.
    pub reads: u32,
    /// Moved to another address.
    pub moves: u32,
    /// Taken over.
    pub imports: u32,
    /// Left on the engine and forgotten.
    pub forgets: u32,
    /// Not touched.
    pub no_ops: u32,
}

/// The counts of one resource type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeCounts {
    /// The type, like `docker_container`.
    pub kind: String,
    /// Its counts.
    pub counts: Counts,
}

/// A resource that the refresh found other than the state has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Its address.
    pub address: String,
    /// Its type.
    pub kind: String,
    /// What happened to it outside: `Update` or `Destroy`.
    pub action: Action,
}

/// What may be told of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFacts {
    /// The Terraform that made it.
    pub terraform_version: String,
    /// Whether Terraform says that applying it is useful.
    pub applyable: bool,
    /// Whether it covers everything that was wanted; a partial one must not be approved as the whole.
    pub complete: bool,
    /// Whether planning failed halfway.
    pub errored: bool,
    /// Counts of all resources.
    pub counts: Counts,
    /// Counts by type, sorted by type; types that are not touched are not there.
    pub by_type: Vec<TypeCounts>,
    /// Every resource that is touched: destroyed and replaced first, then by action and address.
    pub changes: Vec<ResourceChange>,
    /// The sources of the providers of all that is touched, sorted.
    pub providers: Vec<String>,
    /// What the refresh found changed outside.
    pub drift: Vec<Drift>,
    /// What is dangerous, refused things first.
    pub dangers: Vec<Danger>,
    /// The names of outputs that change; never their values.
    pub outputs_changed: Vec<String>,
    /// SHA-256 over the set of (address, action, known after-values), sensitive values masked: two plans with the same
    /// digest try the same thing.
    pub known_after_digest: [u8; 32],
}

/// Why bytes are no plan that we can judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what each case and its fields are")]
pub enum PlanError {
    #[error("the plan's JSON has {bytes} bytes, more than {PLAN_BYTES_MAX}")]
    TooLarge { bytes: usize },
    #[error("the plan's JSON is not of Terraform's form, at line {line}, column {column}")]
    Json { line: usize, column: usize },
    #[error("the plan has format version {version:?}; only 1.x is known")]
    Format { version: String },
    #[error("the plan has {count} resources, more than {RESOURCES_MAX}")]
    TooMany { count: usize },
    #[error("the plan has an action for {address} that is not known: {actions}")]
    Action { address: String, actions: String },
}

impl PlanFacts {
    /// The dangers that these grants do not let through; a plan with any must not be applied.
    pub fn refused<'a>(&'a self, grants: &'a Grants) -> impl Iterator<Item = &'a Danger> {
        self.dangers.iter().filter(|danger| !danger.granted(grants))
    }

    /// The tool and its version that said all this, as an approval binds it.
    pub fn tool(&self) -> String {
        format!("terraform {}", self.terraform_version)
    }

    /// The counts as the policy and the gate see them.
    pub fn summary(&self) -> ChangeSummary {
        let Counts { adds, changes, destroys, replaces, .. } = self.counts;
        ChangeSummary { adds, changes, destroys, replaces }
    }

    /// The dangers as the gate sees them: each is granted by the text in its kind.
    pub fn plan_dangers(&self) -> Vec<PlanDanger> {
        let plain = |danger: &Danger| PlanDanger {
            kind: danger.grant(),
            address: danger.address.clone(),
            detail: danger.detail.clone(),
            makes_root: danger.makes_root,
        };
        self.dangers.iter().map(plain).collect()
    }

    /// The types that it touches.
    pub fn kinds(&self) -> PlanKinds {
        let of = |touched: fn(&Counts) -> bool| {
            self.by_type.iter().filter(|entry| touched(&entry.counts)).map(|entry| entry.kind.clone()).collect()
        };
        PlanKinds {
            makes: of(|counts| counts.adds + counts.replaces > 0),
            alters: of(|counts| counts.changes > 0),
            removes: of(|counts| counts.destroys + counts.replaces + counts.forgets > 0),
            providers: self.providers.iter().cloned().collect(),
            adopts: self.counts.imports,
            forgets: self.counts.forgets,
        }
    }

    /// The addresses that it touches, each after its action, what is destroyed first; at most [`TOUCHES_MAX`].
    pub fn touches(&self) -> Vec<String> {
        let line = |change: &ResourceChange| format!("{} {}", change.action.name(), change.address);
        self.changes.iter().take(TOUCHES_MAX).map(line).collect()
    }

    /// What it tries, as one digest: the set of changes, whatever ids the engine gives this time. It is of values that
    /// may be guessed, so whoever keeps it keys it first.
    pub fn change_set(&self) -> Digest {
        Digest::from_bytes(self.known_after_digest)
    }

    /// The engine's objects that it would make or take over, by name; those whose name only the apply will tell are left
    /// out, and so are images, which missions may share.
    pub fn makes(&self) -> Vec<PlannedObject> {
        let makes =
            |change: &&ResourceChange| matches!(change.action, Action::Create | Action::Replace) || change.importing;
        let object = |change: &ResourceChange| {
            let kind = kind_of(&change.kind).filter(|kind| *kind != ObjectKind::Image)?;
            let (name, address) = (change.name.clone(), change.address.clone());
            (!name.is_empty()).then_some(PlannedObject { kind, name, address })
        };
        self.changes.iter().filter(makes).filter_map(object).take(OBJECTS_MAX).collect()
    }

    /// Whether applying it would change nothing at all.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.outputs_changed.is_empty()
    }

    /// The plan for people who approve it: see [`render`].
    pub fn lines(&self) -> Vec<String> {
        render::lines(self)
    }
}

#[cfg(test)]
mod tests;
