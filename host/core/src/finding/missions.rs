//! Missions that are not as they shall be: files that can't be read, objects that are missing or left behind, an engine
//! that the provider can't speak to, workers that are gone or late.

use super::{Fault, object, unsettled};
use crate::ids::Timestamp;
use crate::ledger::{Ledger, MissionState};
use crate::mission::OnDelete;
use crate::observation::{EngineState, Observation, Place};
use crate::order::{NamedObject, ObjectKind};
use crate::preflight;
use crate::situation::{FACTS_MAX, Fact, SQUATTED, Severity, VERSION_MISMATCH};

/// A worker that is this much past its deadline and has not ended is told of, in milliseconds.
const OVERDUE_MS: u64 = 60_000;

pub(super) fn look(ledger: &Ledger, observation: &Observation) -> Vec<Fault> {
    let mut faults: Vec<Fault> = observation
        .missions
        .iter()
        .filter_map(|seen| {
            let problem = seen.spec.as_ref().err()?;
            let message = format!("{problem}; the last good version of the mission stays in force");
            let (kind, name) = match &seen.place {
                Place::File => ("file", seen.source.as_str()),
                // What it built is removed by what it said last.
                Place::Object { leaving: true, .. } => return None,
                Place::Object { leaving: false, .. } => {
                    ("mission", seen.source.strip_prefix("mission ").unwrap_or(&seen.source))
                }
                Place::Objects => ("watch", seen.source.as_str()),
            };
            Some(fault("mission-invalid", Severity::Critical, object(kind, name, None), None, message))
        })
        .collect();
    let engine = observation.engine.fresh(observation.at);
    for mission in ledger.missions.values() {
        faults.extend(held(mission, engine));
        faults.extend(mismatched(mission));
        faults.extend(squatted(mission));
        faults.extend(forsaken(mission, observation));
        if let Some((_, known)) = &observation.engine.state {
            faults.extend(compare(mission, known).iter().map(|difference| difference.fault(mission)));
            faults.extend(strangers(mission, known));
        }
    }
    faults.extend(overdue(ledger, observation.at));
    faults.extend(policy(ledger));
    faults
}

fn fault(
    rule: &'static str,
    severity: Severity,
    object: crate::situation::ObjectRef,
    mission: Option<&MissionState>,
    message: String,
) -> Fault {
    let mission = mission.map(|mission| mission.id.clone());
    Fault { rule, severity, object, owner: None, mission, message, evidence: Vec::new(), count: 1 }
}

/// The engine and the mission's provider speak no common API: found before any worker starts.
fn held(mission: &MissionState, engine: Option<&EngineState>) -> Option<Fault> {
    let engine = engine?;
    let hold = preflight::hold(&mission.spec, &engine.api, &engine.api_min)?;
    let name = mission.spec.name.as_str();
    let mut found =
        fault("provider-too-old", Severity::Critical, object("mission", name, None), Some(mission), hold.to_string());
    found.evidence = vec![
        Fact::new("provider", &hold.provider),
        Fact::new("speaks", &hold.speaks),
        Fact::new("engine-minimum", &hold.minimum),
        Fact::new("cure", &hold.cure),
    ];
    Some(found)
}

/// The engine refused the provider for its version, which the table did not foresee.
fn mismatched(mission: &MissionState) -> Option<Fault> {
    let name = mission.spec.name.as_str();
    let last = mission.tallies.values().filter_map(|tally| tally.last.as_ref());
    let refused = last.into_iter().find(|failure| failure.kind == VERSION_MISMATCH)?;
    let message = format!(
        "the engine refused the provider of mission {name} for its version: {}; raise the provider's version, or lower \
         the engine's minimum",
        refused.message
    );
    Some(fault("version-mismatch", Severity::Critical, object("mission", name, None), Some(mission), message))
}

/// Something that nobody here made stands under the name of the mission's worker: it was left alone, and nothing runs.
fn squatted(mission: &MissionState) -> Option<Fault> {
    let last = mission.tallies.values().filter_map(|tally| tally.last.as_ref());
    let refused = last.into_iter().find(|failure| failure.kind == SQUATTED)?;
    let of = object("mission", mission.spec.name.as_str(), None);
    Some(fault("worker-name-taken", Severity::Critical, of, Some(mission), refused.message.clone()))
}

/// The object of a mission is gone, and what it built is there.
fn forsaken(mission: &MissionState, observation: &Observation) -> Option<Fault> {
    let object = mission.spec.object.as_ref().filter(|_| observation.all_objects && !mission.objects.is_empty())?;
    let name = mission.spec.name.as_str();
    if observation.missions.iter().any(|seen| seen.is_of(&mission.spec)) {
        return None;
    }
    let (severity, why) = match object.on_delete {
        OnDelete::Retain => (Severity::Info, "its object is gone, and by its onDelete what it built stays"),
        OnDelete::Destroy => (Severity::Warning, "its object is gone, and what it built was not removed before"),
    };
    let many = mission.objects.len();
    let message = format!("{why}: {many} objects, and its state; quarterdeck destroy {name} removes them");
    let mut found = fault("mission-gone", severity, self::object("mission", name, None), Some(mission), message);
    let left = mission.objects.iter().take(FACTS_MAX);
    found.evidence =
        left.map(|left| Fact::new(&left.address, &format!("{} {}", left.kind.name(), left.name))).collect();
    Some(found)
}

/// A difference between what a mission's state names and what the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The state names it, and the engine does not have it.
    Missing(NamedObject),
    /// It was to be removed, and the engine still has it.
    LeftBehind(NamedObject),
}

impl Difference {
    /// The difference as a finding has it.
    pub fn fault(&self, mission: &MissionState) -> Fault {
        let (rule, named, what) = match self {
            Difference::Missing(named) => ("object-missing", named, "is in the mission's state and not on the engine"),
            Difference::LeftBehind(named) => {
                ("object-left-behind", named, "was removed, says Terraform, and is still there")
            }
        };
        let kind = named.kind.name();
        let message = format!("{kind} {} ({}) of mission {} {what}", named.name, named.address, mission.spec.name);
        let mut found =
            fault(rule, Severity::Critical, object(kind, &named.name, Some(&named.id)), Some(mission), message);
        found.evidence.push(Fact::new("address", &named.address));
        found
    }
}

/// The host's own look at the engine: what a mission's state names, against what is there. `None` where nothing can be
/// said yet: the mission has not got to where it shall be, or its objects are [`unsettled`].
pub fn differences(ledger: &Ledger, mission: &MissionState, observation: &Observation) -> Option<Vec<Difference>> {
    mission.reached()?;
    if unsettled(ledger, mission, observation) {
        return None;
    }
    Some(compare(mission, observation.engine.fresh(observation.at)?))
}

fn compare(mission: &MissionState, engine: &EngineState) -> Vec<Difference> {
    let missing = mission.objects.iter().filter(|named| !has(engine, named)).cloned().map(Difference::Missing);
    // An image may stay by the author's wish (`keep_locally`), and other containers may use it.
    let left = mission.gone.iter().filter(|named| named.kind != ObjectKind::Image && has(engine, named));
    missing.chain(left.cloned().map(Difference::LeftBehind)).collect()
}

fn has(engine: &EngineState, named: &NamedObject) -> bool {
    match named.kind {
        ObjectKind::Container => engine.containers.iter().any(|container| container.id == named.id),
        ObjectKind::Network | ObjectKind::Volume => {
            engine.objects.iter().any(|object| object.kind == named.kind && object.id == named.id)
        }
        // A state names an image by its id followed by its name.
        ObjectKind::Image => engine.objects.iter().any(|object| {
            object.kind == ObjectKind::Image && (named.id.starts_with(&object.id) || object.names.contains(&named.name))
        }),
    }
}

/// What carries a mission's label and is in no state: a worker made it and died before it could say so.
fn strangers(mission: &MissionState, engine: &EngineState) -> Vec<Fault> {
    let labelled = |label: &Option<String>| label.as_deref() == Some(mission.id.as_str());
    let known = |kind: ObjectKind, id: &str| {
        mission.objects.iter().chain(&mission.gone).any(|object| object.kind == kind && object.id == id)
    };
    let containers = engine
        .containers
        .iter()
        .filter(|container| labelled(&container.mission))
        .map(|container| (ObjectKind::Container, container.id.as_str(), container.name.as_str()));
    let others = engine.objects.iter().filter(|object| labelled(&object.mission)).map(|object| {
        (object.kind, object.id.as_str(), object.names.first().map_or(object.id.as_str(), String::as_str))
    });
    containers
        .chain(others)
        .filter(|(kind, id, _)| !known(*kind, id))
        .map(|(kind, id, name)| {
            let message = format!(
                "{} {name} carries the label of mission {} and is in no state: remove it, or import it into the state; \
                 nothing is made a second time meanwhile",
                kind.name(),
                mission.spec.name
            );
            fault("object-unknown", Severity::Critical, object(kind.name(), name, Some(id)), Some(mission), message)
        })
        .collect()
}

fn overdue(ledger: &Ledger, now: Timestamp) -> Vec<Fault> {
    let late = |deadline: Timestamp| now.since_ms(deadline) > OVERDUE_MS;
    let orders = ledger.orders.values().filter(|state| state.ended.is_none() && late(state.order.deadline));
    orders
        .map(|state| {
            let name = state.order.name.as_str();
            let message = format!("worker {name} is past its deadline and has not ended; its mission waits for it");
            fault("worker-overdue", Severity::Critical, object("worker", name, None), None, message)
        })
        .collect()
}

/// The policy failed in the last turn: nothing was decided.
fn policy(ledger: &Ledger) -> Option<Fault> {
    let (_, kind, detail) = ledger.policy.last_failure.as_ref()?;
    let name = ledger.policy.description.as_ref().map_or("policy", |description| description.name.as_str());
    let message = format!("policy {name} did not decide ({kind}): {detail}; nothing is done until it does");
    Some(fault("policy-failed", Severity::Critical, object("policy", name, None), None, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scene, spec};
    use crate::mission::{MissionSpec, ObjectVersion};
    use crate::observation::SeenMission;
    use crate::situation::Autonomy;

    fn of_object(on_delete: OnDelete) -> MissionSpec {
        let object = ObjectVersion { uid: "u".to_owned(), generation: 1, on_delete };
        MissionSpec { source: "mission shop/web".to_owned(), object: Some(object), ..spec("web", Autonomy::Auto) }
    }

    #[test]
    fn what_an_object_that_is_gone_has_built_is_told_and_listed() {
        let mut scene = Scene::new(Autonomy::Auto);
        let named = |name: &str| NamedObject {
            kind: ObjectKind::Container,
            name: name.to_owned(),
            id: format!("id of {name}"),
            address: format!("docker_container.{name}"),
        };
        let gone = Observation { at: scene.now, all_objects: true, ..Observation::default() };
        for (on_delete, severity) in [(OnDelete::Retain, Severity::Info), (OnDelete::Destroy, Severity::Warning)] {
            scene.declare(of_object(on_delete));
            let mut mission = scene.web().clone();
            assert_eq!(forsaken(&mission, &gone), None, "it built nothing");
            mission.objects = vec![named("web"), named("db")];
            let found = forsaken(&mission, &gone).expect("it is told");
            assert_eq!((found.rule, found.severity), ("mission-gone", severity));
            assert!(found.message.contains("2 objects") && found.message.contains("quarterdeck destroy web"));
            assert_eq!(found.evidence[1], Fact::new("docker_container.db", "container db"));
            // Where objects are not looked for, or can't be seen, nothing is known to be gone.
            assert_eq!(forsaken(&mission, &Observation { all_objects: false, ..gone.clone() }), None);
            let broken = |uid: &str| SeenMission {
                place: Place::Object { uid: uid.to_owned(), leaving: false },
                source: "mission shop/web".to_owned(),
                spec: Err("it is broken".to_owned()),
            };
            assert_eq!(forsaken(&mission, &Observation { missions: vec![broken("u")], ..gone.clone() }), None);
            let another = Observation { missions: vec![broken("v")], ..gone.clone() };
            assert_eq!(forsaken(&mission, &another), Some(found), "another object of its name is not its own");
            let file = MissionState { spec: spec("web", Autonomy::Auto), ..mission };
            assert_eq!(forsaken(&file, &gone), None, "a file that is not named in this run is no news");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let scene = Scene::new(Autonomy::Auto);
        let seen =
            |place, source: &str| SeenMission { place, source: source.to_owned(), spec: Err("broken".to_owned()) };
        let object = |leaving| Place::Object { uid: "u".to_owned(), leaving };
        for (seen, kind, name) in [
            (seen(Place::File, "/m/mission.yaml"), "file", "/m/mission.yaml"),
            (seen(object(false), "mission shop/web"), "mission", "shop/web"),
            (seen(Place::Objects, "missions.quarterdeck.dev"), "watch", "missions.quarterdeck.dev"),
        ] {
            let observation = Observation { at: scene.now, missions: vec![seen], ..Observation::default() };
            let faults = look(&scene.ledger, &observation);
            let found = faults.iter().find(|fault| fault.rule == "mission-invalid").expect("it is told");
            assert_eq!((found.object.kind.as_str(), found.object.name.as_str()), (kind, name));
        }
        let leaving = seen(object(true), "mission shop/web");
        let observation = Observation { at: scene.now, missions: vec![leaving], ..Observation::default() };
        assert!(look(&scene.ledger, &observation).iter().all(|fault| fault.rule != "mission-invalid"));
    }
}
