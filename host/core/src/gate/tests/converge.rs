//! The convergence guard: what was tried too often rests, is parked, and goes on once a person says so.

use super::{acted, refused};
use crate::convergence::{Parked, REST_MS_MAX};
use crate::decision::{Action, BuildStep};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::finding::look;
use crate::fixture::{Scene, failed, saved, spec, state, succeeded};
use crate::mission::{MissionName, MissionSpec};
use crate::observation::{Command, Observation, Person};
use crate::order::WorkerResult;
use crate::situation::{Autonomy, Operation};

/// One round: a plan that tries this is made, and its apply succeeds. The apply that was proposed.
fn round(scene: &mut Scene, tries: &str) -> Action {
    let order = scene.start(scene.build(BuildStep::Plan));
    let mut plan = saved(&order, scene.web().state.clone(), false, Vec::new());
    plan.changes = Digest::of(tries.as_bytes());
    plan.touches = vec![format!("create docker_container.{tries}")];
    let apply = scene.build(BuildStep::Apply(plan.input.saved));
    scene.pass(1_000);
    scene.end(&order.name, WorkerResult { saved: Some(plan), ..succeeded() });
    let rests = scene.web().rests(&scene.charter.settings, scene.now).map(|(until, _)| until);
    if let Some(until) = rests {
        refused(scene, apply.clone(), "converging-rests");
        scene.now = until;
    }
    let order = scene.start(apply.clone());
    scene.pass(1_000);
    let serial = scene.web().state.as_ref().map_or(1, |state| state.serial + 1);
    scene.end(&order.name, WorkerResult { state: Some(state(serial)), ..succeeded() });
    apply
}

fn findings(scene: &Scene) -> Vec<(String, String)> {
    let observation = Observation { at: scene.now, ..Observation::default() };
    let found = look(&scene.charter, &scene.ledger, &observation);
    let parked = found.into_iter().filter(|finding| finding.rule == "mission-parked");
    parked.map(|finding| (finding.object.name, finding.message)).collect()
}

fn release() -> Command {
    Command::Release { mission: MissionName::parse("web").unwrap(), comment: None }
}

#[test]
fn the_same_fix_is_parked_at_the_limit_and_the_finding_says_what_was_tried() {
    let mut scene = Scene::new(Autonomy::Auto);
    let limit = scene.charter.settings.repairs_max;
    for _ in 0..limit {
        assert_eq!(findings(&scene), []);
        acted(&scene, scene.build(BuildStep::Plan), "plans");
        round(&mut scene, "web");
    }
    let because = refused(&scene, scene.build(BuildStep::Plan), "parked");
    for part in ["applied 5 times since 2026-", "create docker_container.web", "quarterdeck release web"] {
        assert!(because.contains(part), "{part} is missing in {because}");
    }
    assert_eq!(findings(&scene), [("web".to_owned(), because)]);
    // It does not release itself, and no restart does.
    scene.pass(30 * 24 * 60 * 60 * 1_000);
    scene.begin(true);
    refused(&scene, scene.build(BuildStep::Plan), "parked");
    let mut edited = scene.clone();
    scene.say(release());
    acted(&scene, scene.build(BuildStep::Plan), "plans");
    assert_eq!((findings(&scene), scene.web().rests(&scene.charter.settings, scene.now)), (Vec::new(), None));
    // Other files are another generation, and begin anew.
    edited.declare(MissionSpec { plan: Digest::of(b"mended"), ..spec("web", Autonomy::Auto) });
    acted(&edited, edited.build(BuildStep::Plan), "plans");
}

#[test]
fn an_apply_is_refused_as_well_while_its_mission_is_parked() {
    let mut scene = Scene::new(Autonomy::Auto);
    for _ in 1..scene.charter.settings.repairs_max {
        round(&mut scene, "web");
    }
    let (until, _) = scene.web().rests(&scene.charter.settings, scene.now).unwrap();
    scene.now = until;
    let artifact = scene.planned(Vec::new());
    let apply = scene.build(BuildStep::Apply(artifact));
    acted(&scene, apply.clone(), "applies");
    scene.charter.settings.repairs_max -= 1;
    refused(&scene, apply, "parked");
}

#[test]
fn what_was_removed_once_is_made_again_at_once_and_then_it_rests_longer_each_time() {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.charter.settings.repairs_max = 100;
    let mut rests = Vec::new();
    for _ in 0..9 {
        let ended = scene.now;
        round(&mut scene, "web");
        // A round takes two seconds by itself.
        rests.push(scene.now.since_ms(ended) / 1_000 - 2);
    }
    assert_eq!(rests, [0, 0, 29, 59, 119, 239, 479, 599, 599], "a second of each rest goes into the plan");
    assert_eq!(scene.charter.settings.repair_rest_ms(u32::MAX), REST_MS_MAX);
    // A day later nothing of it counts.
    scene.pass(24 * 60 * 60 * 1_000);
    assert_eq!(scene.web().rests(&scene.charter.settings, scene.now), None);
    assert_eq!(scene.web().parked(&scene.charter.settings), None);
}

#[test]
fn a_circle_of_two_fixes_is_found_and_a_fix_that_is_another_each_time_is_none() {
    let mut scene = Scene::new(Autonomy::Auto);
    for turn in 0..8 {
        round(&mut scene, if turn % 2 == 0 { "a" } else { "b" });
        assert_eq!(scene.web().parked(&scene.charter.settings), None, "{turn}");
    }
    round(&mut scene, "a");
    assert!(matches!(scene.web().parked(&scene.charter.settings), Some(Parked::Circling(circle)) if circle.times == 5));
    let mut scene = Scene::new(Autonomy::Auto);
    for turn in 0..60 {
        round(&mut scene, &format!("c{turn}"));
    }
    assert_eq!(scene.web().parked(&scene.charter.settings), None);
}

#[test]
fn failures_at_their_limit_park_a_mission_in_the_same_way() {
    let mut scene = Scene::new(Autonomy::Auto);
    for _ in 0..scene.charter.settings.failures_max {
        let order = scene.start(scene.build(BuildStep::Plan));
        scene.end(&order.name, failed("unreachable"));
        scene.pass(REST_MS_MAX);
    }
    let because = refused(&scene, scene.build(BuildStep::Plan), "attempts-exhausted");
    assert!(because.contains("plan failed 5 times in a row, at last with: it did not work"), "{because}");
    assert_eq!(findings(&scene), [("web".to_owned(), because)]);
    scene.say(release());
    assert!(!scene.web().tallies.contains_key(&Operation::Plan));
    acted(&scene, scene.build(BuildStep::Plan), "plans");
    let attempt = scene.start(scene.build(BuildStep::Plan)).attempt;
    assert_eq!(attempt, 6, "an order that was done is never the same order again");
}

#[test]
fn only_what_is_parked_is_released() {
    let mut scene = Scene::new(Autonomy::Auto);
    round(&mut scene, "web");
    let said = |scene: &Scene, command| scene.ledger.permits(&Person::Uid(0), &command, scene.now).unwrap_err();
    assert!(said(&scene, release()).to_string().starts_with("mission web is not parked"));
    let shop = Command::Release { mission: MissionName::parse("shop").unwrap(), comment: None };
    assert!(said(&scene, shop).to_string().contains("no mission \"shop\""));
    // The journal holds what it holds: the fold takes it all the same.
    let who = Person::Uid(0);
    scene.fold(Entry::Commanded(crate::observation::Commanded { at: scene.now, who, command: release() }));
    acted(&scene, scene.build(BuildStep::Plan), "plans");
}
