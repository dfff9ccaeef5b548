//! The imagined world as a value: an engine, states, and workers that take their time, fail, hang or lie as a script says.

use std::collections::BTreeMap;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{MissionId, OrderName, Timestamp};
use quarterdeck_core::observation::{Container, ContainerState, EngineObject, EngineState, WorkerReport};
use quarterdeck_core::order::{End, NamedObject, ObjectKind, Order, StateRef, WorkerResult};
use quarterdeck_core::situation::{ChangeSummary, Failure, Operation};
use serde::{Deserialize, Serialize};

use super::plan;
use crate::remember::Blobs;

/// How the next workers behave, in the order of their starts; those beyond the list take `takes_ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// One behaviour a worker of that operation; each is used once.
    pub steps: Vec<(Operation, Behaviour)>,
    /// How long a worker takes, in milliseconds.
    pub takes_ms: u64,
}

impl Default for Script {
    fn default() -> Script {
        Script { steps: Vec::new(), takes_ms: 1_500 }
    }
}

/// How one worker behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Behaviour {
    /// It does its work in this many milliseconds.
    Takes(u64),
    /// It fails at once.
    Fails(Failure),
    /// It claims its order and never ends.
    Hangs,
    /// It claims its order and is gone.
    Vanishes,
    /// It says that it succeeded, and did nothing.
    Lies,
}

/// Everything there is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct World {
    containers: Vec<Container>,
    objects: Vec<EngineObject>,
    states: BTreeMap<MissionId, State>,
    runs: BTreeMap<OrderName, Run>,
    made: u64,
    /// Why the engine does not answer; none while it does.
    pub problem: Option<String>,
    /// The engine's version, newest and oldest API.
    pub version: Option<(String, String, String)>,
    /// How the next workers behave.
    #[serde(skip)]
    pub script: Script,
}

/// An imagined Terraform state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) serial: u64,
    pub(super) objects: Vec<(NamedObject, Digest)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Run {
    order: Order,
    behaviour: Behaviour,
    started: Timestamp,
    claimed: Option<Timestamp>,
    refused: bool,
    cancelled: bool,
    result: Option<WorkerResult>,
}

impl World {
    /// What the engine has.
    pub fn engine(&self) -> EngineState {
        let version = self.version.clone();
        let (version, api, api_min) =
            version.unwrap_or_else(|| ("29.0.0-rehearsal".to_owned(), "1.52".to_owned(), "1.44".to_owned()));
        EngineState { version, api, api_min, containers: self.containers.clone(), objects: self.objects.clone() }
    }

    /// Adds a container that no mission made.
    pub fn add_container(&mut self, name: &str, state: ContainerState) {
        self.made += 1;
        let id = Digest::of(format!("container {name} {}", self.made).as_bytes()).hex();
        self.containers.push(Container {
            id,
            name: name.to_owned(),
            image: format!("{name}:1"),
            state,
            restarts: 0,
            oom_killed: false,
            mission: None,
        });
    }

    /// Removes every object of that name, as `docker rm -f` does. Says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.containers.len() + self.objects.len();
        self.containers.retain(|container| container.name != name);
        self.objects.retain(|object| !object.names.iter().any(|known| known == name));
        before - self.containers.len() - self.objects.len()
    }

    /// How many objects of each kind there are, by name.
    pub fn names(&self) -> Vec<String> {
        let containers = self.containers.iter().map(|container| format!("container {}", container.name));
        let objects = self
            .objects
            .iter()
            .map(|object| format!("{} {}", object.kind.name(), object.names.first().map_or("", String::as_str)));
        let mut names: Vec<String> = containers.chain(objects).collect();
        names.sort();
        names
    }

    pub(super) fn start(&mut self, order: Order, now: Timestamp) {
        let fits = |(operation, _): &(Operation, Behaviour)| *operation == order.key.operation;
        let behaviour = match self.script.steps.iter().position(fits) {
            Some(index) => self.script.steps.remove(index).1,
            None => Behaviour::Takes(self.script.takes_ms),
        };
        let name = order.name.clone();
        let run = Run { order, behaviour, started: now, claimed: None, refused: false, cancelled: false, result: None };
        // The same order twice is the same order.
        self.runs.entry(name).or_insert(run);
    }

    pub(super) fn cancel(&mut self, order: &OrderName) {
        if let Some(run) = self.runs.get_mut(order) {
            run.cancelled = true;
        }
    }

    pub(super) fn forget(&mut self, order: &OrderName) {
        self.runs.retain(|name, run| name != order || run.result.is_none());
    }

    /// The workers that want their order now.
    pub(super) fn unclaimed(&self, now: Timestamp) -> Vec<OrderName> {
        let due = |run: &&Run| run.claimed.is_none() && !run.refused && run.result.is_none() && now >= run.started;
        self.runs.values().filter(due).map(|run| run.order.name.clone()).collect()
    }

    /// What is due by now happens. Says whether anything did.
    pub(super) fn advance(&mut self, now: Timestamp, granted: &[(OrderName, bool)], blobs: &Blobs) -> bool {
        let mut moved = false;
        for (order, granted) in granted {
            if let Some(run) = self.runs.get_mut(order).filter(|run| run.claimed.is_none()) {
                (run.claimed, run.refused) = (granted.then_some(now), !granted);
                moved = true;
            }
        }
        let due: Vec<OrderName> =
            self.runs.values().filter(|run| run.is_due(now)).map(|run| run.order.name.clone()).collect();
        for name in due {
            let Some(mut run) = self.runs.remove(&name) else { continue };
            run.result = Some(self.finish(&run, blobs));
            self.runs.insert(name, run);
            moved = true;
        }
        self.runs.retain(|_, run| !run.refused);
        moved
    }

    pub(super) fn reports(&self, now: Timestamp) -> Vec<WorkerReport> {
        let report = |run: &Run| WorkerReport {
            order: run.order.name.clone(),
            at: now,
            doing: Some(format!("[rehearsal] {}", run.order.key.operation.name())),
            result: run.result.clone(),
        };
        self.runs.values().map(report).collect()
    }

    fn finish(&mut self, run: &Run, blobs: &Blobs) -> WorkerResult {
        let failed = |end, kind: &str, message: &str, retryable| {
            let (kind, message) = (kind.to_owned(), message.to_owned());
            WorkerResult::failed(end, Failure { kind, message, retryable, remedies: Vec::new() })
        };
        if run.cancelled {
            return failed(End::Cancelled, "cancelled", "[rehearsal] a person or the policy ended it", true);
        }
        match &run.behaviour {
            Behaviour::Fails(failure) => WorkerResult::failed(End::Failed, failure.clone()),
            Behaviour::Vanishes => {
                failed(End::Lost, "crashed", "[rehearsal] the worker is gone and left nothing", true)
            }
            Behaviour::Hangs => failed(End::Failed, "timeout", "[rehearsal] the worker did not end in time", true),
            Behaviour::Takes(_) | Behaviour::Lies => {
                let done = match run.order.key.operation {
                    Operation::Apply => self.apply(&run.order, blobs, run.behaviour == Behaviour::Lies),
                    Operation::Plan
                    | Operation::PlanDestroy
                    | Operation::Check
                    | Operation::Configure
                    | Operation::Scan => self.plan(&run.order, blobs),
                };
                done.unwrap_or_else(|problem| failed(End::Failed, "other", &format!("[rehearsal] {problem}"), false))
            }
        }
    }

    fn plan(&self, order: &Order, blobs: &Blobs) -> Result<WorkerResult, String> {
        let state = self.states.get(&order.mission).cloned().unwrap_or_default();
        let here = |object: &NamedObject| self.has(object);
        let saved = plan::make(order, &state, here, blobs).map_err(|error| error.to_string())?;
        let mut result = succeeded();
        result.saved = Some(saved);
        result.state = state.reference(&order.mission);
        Ok(result)
    }

    fn has(&self, object: &NamedObject) -> bool {
        match object.kind {
            ObjectKind::Container => self.containers.iter().any(|container| container.id == object.id),
            ObjectKind::Network | ObjectKind::Image | ObjectKind::Volume => {
                self.objects.iter().any(|known| known.kind == object.kind && known.id == object.id)
            }
        }
    }

    fn apply(&mut self, order: &Order, blobs: &Blobs, lies: bool) -> Result<WorkerResult, String> {
        let input = order.apply.as_ref().ok_or("there is nothing to apply")?;
        let wanted = plan::read(&input.saved, blobs).map_err(|error| error.to_string())?;
        let mut state = self.states.get(&order.mission).cloned().unwrap_or_default();
        let before: Vec<String> = state.objects.iter().map(|(object, _)| object.id.clone()).collect();
        let mut after = Vec::new();
        for item in wanted.keeps {
            let known = state
                .objects
                .iter()
                .find(|(object, digest)| object.address == item.address && *digest == item.digest && self.has(object));
            match known {
                Some(known) => after.push(known.clone()),
                None => {
                    let object = self.make(&item, &order.mission, lies);
                    after.push((object, item.digest));
                }
            }
        }
        let kept = |id: &String| after.iter().any(|(object, _)| object.id == *id);
        if !lies {
            let gone: Vec<String> = before.into_iter().filter(|id| !kept(id)).collect();
            self.containers.retain(|container| !gone.contains(&container.id));
            self.objects.retain(|object| !gone.contains(&object.id));
        }
        state.serial += 1;
        state.objects = after;
        let mut result = succeeded();
        result.summary = Some(wanted.summary);
        result.objects = Some(state.objects.iter().map(|(object, _)| object.clone()).collect());
        result.state = state.reference(&order.mission);
        self.states.insert(order.mission.clone(), state);
        Ok(result)
    }

    fn make(&mut self, item: &plan::Item, mission: &MissionId, lies: bool) -> NamedObject {
        self.made += 1;
        let id = Digest::of(format!("{} {} {}", item.address, item.name, self.made).as_bytes()).hex();
        let object =
            NamedObject { kind: item.kind, name: item.name.clone(), id: id.clone(), address: item.address.clone() };
        let label = Some(mission.to_string());
        match item.kind {
            _ if lies => {}
            ObjectKind::Container => self.containers.push(Container {
                id,
                name: item.name.clone(),
                image: "rehearsed".to_owned(),
                state: ContainerState::Running,
                restarts: 0,
                oom_killed: false,
                mission: label,
            }),
            ObjectKind::Network | ObjectKind::Image | ObjectKind::Volume => {
                let mission = label.filter(|_| item.kind != ObjectKind::Image);
                self.objects.push(EngineObject { kind: item.kind, id, names: vec![item.name.clone()], mission });
            }
        }
        object
    }
}

impl Run {
    fn is_due(&self, now: Timestamp) -> bool {
        let Some(claimed) = self.claimed.filter(|_| self.result.is_none()) else { return false };
        match &self.behaviour {
            _ if self.cancelled => true,
            Behaviour::Takes(ms) => now.since_ms(claimed) >= *ms,
            Behaviour::Hangs => now >= self.order.deadline,
            Behaviour::Fails(_) | Behaviour::Vanishes | Behaviour::Lies => true,
        }
    }
}

impl State {
    /// The state as the journal names it; none before the first apply.
    pub(super) fn reference(&self, mission: &MissionId) -> Option<StateRef> {
        let lineage = Digest::of(mission.as_str().as_bytes()).short(32);
        let digest = Digest::of(format!("{lineage} {}", self.serial).as_bytes());
        (self.serial > 0).then_some(StateRef { lineage, serial: self.serial, digest })
    }
}

fn succeeded() -> WorkerResult {
    WorkerResult {
        end: End::Succeeded,
        failure: None,
        saved: None,
        summary: None::<ChangeSummary>,
        state: None,
        objects: None,
        tool: Some("rehearsal".to_owned()),
    }
}
