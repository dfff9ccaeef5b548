//! Two missions, `web` and `shop`, that want one container.

use super::*;
use crate::decision::{Action, BuildStep, Target};
use crate::finding::look;
use crate::fixture::{Scene, saved, spec, state, succeeded};
use crate::mission::MissionName;
use crate::observation::{Command, EngineState, EngineView, Observation};
use crate::order::{NamedObject, WorkerResult};
use crate::situation::{Autonomy, Ruling};

fn mission<'a>(scene: &'a Scene, name: &str) -> &'a MissionState {
    scene.ledger.mission(&MissionName::parse(name).unwrap()).unwrap()
}

fn build(scene: &Scene, name: &str, step: BuildStep) -> Action {
    let state = mission(scene, name);
    let order = Target { mission: state.id.clone(), generation: state.generation, plan: state.spec.plan, remedy: None };
    Action::Build { order, step }
}

/// A plan that would make this object; the apply of it.
fn plans(scene: &mut Scene, name: &str, kind: ObjectKind, makes: &str) -> Action {
    let order = scene.start(build(scene, name, BuildStep::Plan));
    let mut plan = saved(&order, mission(scene, name).state.clone(), false, Vec::new());
    plan.makes =
        vec![PlannedObject { kind, name: makes.to_owned(), address: format!("docker_{}.{name}", kind.name()) }];
    let apply = build(scene, name, BuildStep::Apply(plan.input.saved));
    scene.pass(1_000);
    scene.end(&order.name, WorkerResult { saved: Some(plan), ..succeeded() });
    apply
}

/// It is applied, and the state names the object.
fn applies(scene: &mut Scene, apply: Action, kind: ObjectKind, makes: &str) {
    let order = scene.start(apply);
    scene.pass(1_000);
    let named = NamedObject {
        kind,
        name: makes.to_owned(),
        id: order.name.to_string(),
        address: format!("docker_{}.own", kind.name()),
    };
    scene.end(&order.name, WorkerResult { objects: Some(vec![named]), state: Some(state(1)), ..succeeded() });
}

fn two() -> Scene {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.declare(spec("shop", Autonomy::Auto));
    scene
}

fn contested(scene: &Scene) -> Vec<(Option<MissionId>, String, String)> {
    let engine = EngineState::default();
    let engine = EngineView { looked: Some(scene.now), state: Some((scene.now, engine)), problem: None };
    let observation = Observation { at: scene.now, engine, ..Observation::default() };
    let found = look(&scene.charter, &scene.ledger, &observation).into_iter();
    let contested = found.filter(|finding| finding.rule == "object-contested");
    contested.map(|finding| (finding.mission, finding.object.name, finding.message)).collect()
}

#[test]
fn no_mission_makes_what_another_one_has() {
    let mut scene = two();
    let apply = plans(&mut scene, "web", ObjectKind::Container, "front");
    assert_eq!(contested(&scene), []);
    applies(&mut scene, apply, ObjectKind::Container, "front");
    let apply = plans(&mut scene, "shop", ObjectKind::Container, "front");
    let verdict = scene.rule(apply.clone());
    assert_eq!((verdict.ruling, verdict.rule.as_str(), &verdict.effect), (Ruling::Refused, "object-contested", &None));
    for part in ["container front", "mission web", "docker_container.shop"] {
        assert!(verdict.because.contains(part), "{part} is missing in {}", verdict.because);
    }
    let shop = mission(&scene, "shop").id.clone();
    let found = contested(&scene);
    assert_eq!(found.len(), 1);
    let (of, name, message) = &found[0];
    assert_eq!((of.as_ref(), name.as_str()), (Some(&shop), "front"));
    for part in
        ["mission web (docker_container.own)", "mission shop would make it (docker_container.shop)", "destroy web"]
    {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
    // Once the other one is removed it may.
    scene.say(Command::Destroy { mission: MissionName::parse("web").unwrap() });
    let id = mission(&scene, "web").id.clone();
    scene.ledger.missions.get_mut(&id).unwrap().objects.clear();
    assert_eq!((scene.rule_of(apply), contested(&scene)), ("applies".to_owned(), Vec::new()));
}

#[test]
fn of_two_that_begin_at_once_one_is_refused() {
    let mut scene = two();
    let shop = plans(&mut scene, "shop", ObjectKind::Volume, "data");
    let web = plans(&mut scene, "web", ObjectKind::Volume, "data");
    let verdicts = scene.rule_all(vec![web.clone(), shop.clone()]);
    let rules: Vec<&str> = verdicts.iter().map(|verdict| verdict.rule.as_str()).collect();
    assert_eq!(rules, ["applies", "object-contested"]);
    scene.open(vec![verdicts[0].clone()]);
    assert_eq!(scene.rule_of(shop), "object-contested", "it is being made");
}

#[test]
fn what_two_states_name_is_told_and_what_can_be_shared_is_not() {
    let mut scene = two();
    for (kind, name, count) in [(ObjectKind::Network, "private", 1), (ObjectKind::Image, "nginx", 0)] {
        let mut scene = scene.clone();
        // Both were made before either was in a state, by hosts that did not look.
        for (mission, serial) in [("web", 1), ("shop", 2)] {
            let id = self::mission(&scene, mission).id.clone();
            let object = NamedObject {
                kind,
                name: name.to_owned(),
                id: serial.to_string(),
                address: format!("docker_{}.{mission}", kind.name()),
            };
            scene.ledger.missions.get_mut(&id).unwrap().objects = vec![object];
        }
        let found = contested(&scene);
        assert_eq!(found.len(), count, "{found:?}");
        assert!(found.iter().all(|(_, _, message)| message.contains("both name network private")), "{found:?}");
    }
    let web = plans(&mut scene, "web", ObjectKind::Image, "nginx");
    applies(&mut scene, web, ObjectKind::Image, "nginx");
    let shop = plans(&mut scene, "shop", ObjectKind::Image, "nginx");
    assert_eq!(scene.rule_of(shop), "applies");
    let web = plans(&mut scene, "web", ObjectKind::Container, "nginx");
    assert_eq!(scene.rule_of(web), "applies", "another kind is another object");
}
