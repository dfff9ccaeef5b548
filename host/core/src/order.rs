//! What a worker is given, and what it leaves.
//!
//! An order's name is a hash of what is to be done (mission, generation, operation, input, attempt) and never of the
//! turn, so the same order made twice is the same order. `attempt` counts the workers of that key known to have ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::encoding;
use crate::ids::{MissionId, OrderName, Timestamp};
use crate::mission::MissionName;
use crate::redaction::Redactor;
use crate::situation::{ChangeSummary, Failure, Operation};

/// A worker has at most this long, from its order to its result: providers that pull large images take minutes.
pub const DEADLINE_MS: u64 = 20 * 60 * 1_000;
/// A state names at most this many objects of the engine; a mission beyond that is refused by its worker.
pub const OBJECTS_MAX: usize = 512;

/// What kind of worker does a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It runs Terraform.
    Builder,
    /// It configures what is there.
    Configurator,
    /// It scans what is there.
    Scanner,
}

/// One version of a Terraform state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateRef {
    /// Terraform's own name for the state's history.
    pub lineage: String,
    /// Rises with each version.
    pub serial: u64,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// Exactly what an apply takes: the saved plan, and what must still be true of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyInput {
    /// The saved plan's bytes.
    pub saved: Digest,
    /// What `terraform show -json` says of them.
    pub json: Digest,
    /// The provider lock file that they were made with.
    pub lock: Option<Digest>,
    /// The state that they were made against; none where there was no state yet.
    pub state: Option<StateRef>,
    /// Whether the plan destroys.
    pub destroy: bool,
    /// The tool and its version that made them, by the plan's own word: no other one applies them.
    pub tool: Option<String>,
}

/// What makes an order itself: whatever is the same here is the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderKey {
    /// The mission's uid.
    pub uid: Digest,
    /// Its generation.
    pub generation: u32,
    /// What is to be done.
    pub operation: Operation,
    /// The files (plan) or the saved plan (apply) that it is done with.
    pub input: Digest,
}

/// One piece of work for one worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its name, and the worker's.
    pub name: OrderName,
    /// The mission.
    pub mission: MissionId,
    /// What makes it itself.
    pub key: OrderKey,
    /// How many workers of this key are known to have ended, plus one.
    pub attempt: u32,
    /// The mission's files, packed.
    pub plan: Digest,
    /// What an apply takes.
    pub apply: Option<ApplyInput>,
    /// When the gate made it.
    pub made: Timestamp,
    /// When the worker must have ended.
    pub deadline: Timestamp,
    /// A remedy that the last failure offered and the policy chose.
    pub remedy: Option<String>,
    /// Dangers of plans that the operator's configuration grants, by name.
    pub grants: Vec<String>,
    /// Whether the worker is simulated.
    pub rehearsal: bool,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 3] = [Class::Builder, Class::Configurator, Class::Scanner];

    /// The class of the workers that do this.
    pub fn of(operation: Operation) -> Class {
        match operation {
            Operation::Plan | Operation::PlanDestroy | Operation::Apply => Class::Builder,
            Operation::Check | Operation::Configure => Class::Configurator,
            Operation::Scan => Class::Scanner,
        }
    }

    /// Its name, as people type it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Builder => "builder",
            Class::Configurator => "configurator",
            Class::Scanner => "scanner",
        }
    }
}

impl OrderKey {
    /// The name of the order with this key and attempt: the operation, the mission's name, and twelve digits.
    pub fn name(&self, mission: &MissionName, attempt: u32) -> OrderName {
        let digits = Digest::of_parts(&[&encoding::encode(self), &attempt.to_be_bytes()]).short(12);
        OrderName::parse(&format!("{}-{}-{digits}", self.operation.name(), mission.bare()))
            .expect("an operation, a mission name and digits are characters of a name")
    }
}

impl Order {
    /// Whether a person who approved the other order approved this one: they are the same in all but which attempt it is
    /// and when it was made.
    pub fn is_what_was_approved(&self, approved: &Order) -> bool {
        // Taken apart, so that whoever adds a field decides whether a person approves it.
        let Order { name: _, mission, key, attempt: _, plan, apply, made: _, deadline: _, remedy, grants, rehearsal } =
            approved;
        (mission, key, plan, apply, remedy, grants, rehearsal)
            == (&self.mission, &self.key, &self.plan, &self.apply, &self.remedy, &self.grants, &self.rehearsal)
    }
}

/// A kind of object that the engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// A network.
    Network,
    /// A container.
    Container,
    /// An image.
    Image,
    /// A volume.
    Volume,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [ObjectKind; 4] =
        [ObjectKind::Network, ObjectKind::Container, ObjectKind::Image, ObjectKind::Volume];

    /// The kind's name, as findings have it.
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Network => "network",
            ObjectKind::Container => "container",
            ObjectKind::Image => "image",
            ObjectKind::Volume => "volume",
        }
    }
}

/// An object that a state names, so that the host can look for it itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name in the engine.
    pub name: String,
    /// The engine's id for it.
    pub id: String,
    /// Terraform's address for it.
    pub address: String,
}

impl NamedObject {
    /// The object as it is kept: without secrets, and called as the engine's view calls it.
    pub fn redacted(&self, redactor: &Redactor) -> NamedObject {
        let NamedObject { kind, name, id, address } = self;
        let (name, id, address) = (redactor.name(name), redactor.name(id), redactor.name(address));
        NamedObject { kind: *kind, name, id, address }
    }
}

/// A danger that a plan holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanDanger {
    /// What kind, such as `privileged`; the operator grants by this name.
    pub kind: String,
    /// The resource's address.
    pub address: String,
    /// What exactly.
    pub detail: String,
    /// Whether it makes a container root on the node: refused unless granted. The rest is only shown.
    pub makes_root: bool,
}

/// A saved plan touches at most this many types of resources, and providers.
pub const KINDS_MAX: usize = 64;

/// A saved plan and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedPlan {
    /// The digests of plan, JSON, lock file and state.
    pub input: ApplyInput,
    /// What it would change.
    pub summary: ChangeSummary,
    /// The plan as people read it, masked and escaped: the digest of a text.
    pub rendered: Digest,
    /// What is dangerous in it.
    pub dangers: Vec<PlanDanger>,
    /// The addresses that it touches, with the action, destroys first; cut to 64.
    pub touches: Vec<String>,
    /// The types that it touches, all of them.
    pub kinds: PlanKinds,
    /// What it tries: a keyed digest of the set of (address, action, known after-values). Two plans with the same one try
    /// the same thing, whatever ids the engine gave meanwhile.
    pub changes: Digest,
    /// The objects that it would make, as far as their names are known; at most [`OBJECTS_MAX`].
    pub makes: Vec<PlannedObject>,
}

/// An object that a plan would make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedObject {
    /// What it is.
    pub kind: ObjectKind,
    /// The name that it shall have in the engine.
    pub name: String,
    /// Terraform's address for it.
    pub address: String,
}

/// What types of resources a plan touches, and how. Nothing of it is ever left out: rules are about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanKinds {
    /// The types of what is made, such as `docker_container`.
    pub makes: BTreeSet<String>,
    /// The types of what is changed in place.
    pub alters: BTreeSet<String>,
    /// The types of what is destroyed, replaced or forgotten.
    pub removes: BTreeSet<String>,
    /// The sources of the providers of all that, such as `kreuzwerker/docker`.
    pub providers: BTreeSet<String>,
    /// How many resources are taken over from outside.
    pub adopts: u32,
    /// How many are left where they are, and no longer known.
    pub forgets: u32,
}

impl PlanKinds {
    /// How many names it has in its longest list.
    pub fn longest(&self) -> usize {
        [&self.makes, &self.alters, &self.removes, &self.providers].map(BTreeSet::len).into_iter().max().unwrap_or(0)
    }
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It did what it was told.
    Succeeded,
    /// It could not.
    Failed,
    /// It was told to stop.
    Cancelled,
    /// It is gone and left no result.
    Lost,
}

/// What a worker left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerResult {
    /// How it ended.
    pub end: End,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The plan that it saved.
    pub saved: Option<SavedPlan>,
    /// What an apply did change, by the tool's own word.
    pub summary: Option<ChangeSummary>,
    /// The state that it left; none where it touched none.
    pub state: Option<StateRef>,
    /// What that state names, for the host's own look at the engine; `None` where it is not known.
    pub objects: Option<Vec<NamedObject>>,
    /// The tool and its version.
    pub tool: Option<String>,
}

impl WorkerResult {
    /// A worker that did not get to its end, and why.
    pub fn failed(end: End, failure: Failure) -> WorkerResult {
        WorkerResult { end, failure: Some(failure), saved: None, summary: None, state: None, objects: None, tool: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> OrderKey {
        OrderKey { uid: Digest::of(b"uid"), generation: 2, operation: Operation::Apply, input: Digest::of(b"plan") }
    }

    #[test]
    fn an_orders_name_says_what_is_done_and_nothing_else() {
        let mission = MissionName::parse("web").unwrap();
        let name = key().name(&mission, 1);
        assert_eq!(name, key().name(&mission, 1));
        assert!(name.as_str().starts_with("apply-web-"));
        let longest = MissionName::parse(&format!("{}/{}", "n".repeat(63), "m".repeat(37))).unwrap();
        let key_of = |operation| OrderKey { operation, ..key() };
        for operation in [Operation::Plan, Operation::PlanDestroy, Operation::Apply, Operation::Configure] {
            let name = key_of(operation).name(&longest, u32::MAX);
            assert!(name.as_str().len() <= 63, "a Job's name has 63 characters at most: {name}");
        }
        assert_ne!(name, key().name(&mission, 2));
        assert_ne!(name, OrderKey { generation: 3, ..key() }.name(&mission, 1));
        assert_ne!(name, OrderKey { input: Digest::of(b"other"), ..key() }.name(&mission, 1));
    }
}
