//! Each rule of the gate: what it refuses, and the same thing permitted when only that is mended.

mod approval;
mod charter;
mod converge;
mod other;
mod paused;

use super::*;
use crate::decision::{Action, BuildStep, ConfigureStep};
use crate::digest::Digest;
use crate::fixture::{Scene, description, failed, finding, spec, state, succeeded};
use crate::order::{End, PlanDanger, WorkerResult};
use crate::situation::{Autonomy, DesiredState, Operation};

/// A mission under `auto` whose plan was made; the apply of it.
fn ready() -> (Scene, Action) {
    let mut scene = Scene::new(Autonomy::Auto);
    let artifact = scene.planned(Vec::new());
    let apply = scene.build(BuildStep::Apply(artifact));
    assert_eq!(scene.rule_of(apply.clone()), "applies");
    (scene, apply)
}

/// What a rule refuses starts nothing.
fn refused(scene: &Scene, action: Action, rule: &str) -> String {
    let verdict = scene.rule(action);
    assert_eq!((verdict.ruling, verdict.rule.as_str(), &verdict.effect), (Ruling::Refused, rule, &None));
    assert!(!verdict.because.is_empty());
    verdict.because
}

fn acted(scene: &Scene, action: Action, rule: &str) {
    let verdict = scene.rule(action);
    assert_eq!((verdict.ruling, verdict.rule.as_str()), (Ruling::Acted, rule), "{}", verdict.because);
    assert!(verdict.effect.is_some());
}

#[test]
fn a_policy_does_what_it_named_and_nothing_else() {
    let mut scene = Scene::new(Autonomy::Auto);
    acted(&scene, scene.build(BuildStep::Plan), "plans");
    let mut narrow = description();
    narrow.actions.retain(|kind| kind.name() != "build");
    scene.activate(narrow);
    refused(&scene, scene.build(BuildStep::Plan), "undeclared");
    let mut narrow = description();
    narrow.operations.retain(|operation| *operation != Operation::Plan);
    scene.activate(narrow);
    refused(&scene, scene.build(BuildStep::Plan), "undeclared");
    scene.ledger.policy = Default::default();
    refused(&scene, scene.build(BuildStep::Plan), "no-policy");
}

#[test]
fn what_is_cited_is_in_view() {
    let mut scene = Scene::new(Autonomy::Auto);
    let ruled = |scene: &Scene, cite: &str| {
        let action = scene.build(BuildStep::Plan);
        let proposal = Proposal { key: "k".to_owned(), cites: vec![cite.to_owned()], action };
        let decision = Decision { proposals: vec![proposal], ..Decision::default() };
        gate(&scene.charter, &scene.ledger, &scene.ground(), &scene.situation(), &decision).remove(0).rule
    };
    assert_eq!(ruled(&scene, "f-1"), "cites-unknown");
    scene.findings.push(finding("f-1", "exited", None));
    assert_eq!(ruled(&scene, "f-1"), "plans");
    assert_eq!(ruled(&scene, "f-2"), "cites-unknown");
}

#[test]
fn a_proposal_is_about_the_mission_as_it_is_now() {
    let scene = Scene::new(Autonomy::Auto);
    let with = |change: fn(&mut crate::decision::Target)| {
        let mut order = scene.target();
        change(&mut order);
        Action::Build { order, step: BuildStep::Plan }
    };
    acted(&scene, with(|_| {}), "plans");
    refused(&scene, with(|order| order.mission = MissionId::parse("web-00000000").unwrap()), "no-mission");
    refused(&scene, with(|order| order.generation = 0), "stale-generation");
    refused(&scene, with(|order| order.generation = 2), "stale-generation");
    refused(&scene, with(|order| order.plan = Digest::of(b"other")), "stale-files");
}

#[test]
fn a_step_leads_to_what_is_wanted() {
    let scene = |desired| {
        let mut scene = Scene::new(Autonomy::Auto);
        scene.declare(crate::mission::MissionSpec { desired, ..spec("web", Autonomy::Auto) });
        scene
    };
    let (present, absent) = (scene(DesiredState::Present), scene(DesiredState::Absent));
    let suspended = scene(DesiredState::Suspended);
    let nothing = BuildStep::Apply(Digest::of(b"plan"));
    for (scene, step, rule) in [
        (&present, BuildStep::Plan, "plans"),
        (&present, BuildStep::PlanDestroy, "not-desired"),
        (&absent, BuildStep::Plan, "not-desired"),
        (&absent, BuildStep::PlanDestroy, "plans"),
        (&suspended, BuildStep::Plan, "not-desired"),
        (&suspended, BuildStep::PlanDestroy, "not-desired"),
        (&suspended, nothing, "not-desired"),
    ] {
        assert_eq!(scene.rule_of(scene.build(step)), rule, "{step:?}");
    }
    let order = present.target();
    refused(&present, Action::Configure { order, step: ConfigureStep::Check }, "no-such-worker");
    let order = present.target();
    refused(&present, Action::Scan { order, targets: Vec::new() }, "no-such-worker");
}

#[test]
fn a_saved_plan_that_leads_elsewhere_is_refused() {
    let (mut scene, _) = ready();
    let artifact = scene.web().saved[&Operation::Plan].plan.input.saved;
    // No fold leaves both plans, since what is wanted is another generation; the gate does not rely on it.
    let plan = scene.web().saved[&Operation::Plan].clone();
    let id = scene.web().id.clone();
    let mut destroy = plan;
    destroy.plan.input.saved = Digest::of(b"destroys");
    destroy.plan.input.destroy = true;
    scene.ledger.missions.get_mut(&id).unwrap().saved.insert(Operation::PlanDestroy, destroy);
    refused(&scene, scene.build(BuildStep::Apply(Digest::of(b"destroys"))), "not-desired");
    acted(&scene, scene.build(BuildStep::Apply(artifact)), "applies");
}

#[test]
fn one_worker_a_mission_at_a_time() {
    let mut scene = Scene::new(Autonomy::Auto);
    let plan = scene.build(BuildStep::Plan);
    let both = scene.rule_all(vec![plan.clone(), plan.clone()]);
    assert_eq!((both[0].rule.as_str(), both[1].rule.as_str()), ("plans", "one-at-a-time"));
    let order = scene.start(plan.clone());
    refused(&scene, plan.clone(), "one-at-a-time");
    scene.end(&order.name, crate::fixture::succeeded());
    acted(&scene, plan, "plans");
}

#[test]
fn no_more_workers_than_the_charter_permits() {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.declare(spec("shop", Autonomy::Auto));
    scene.charter.settings.workers_max = 1;
    let plans: Vec<Action> = scene
        .ledger
        .missions
        .values()
        .map(|state| {
            let order = crate::decision::Target {
                mission: state.id.clone(),
                generation: state.generation,
                plan: state.spec.plan,
                remedy: None,
            };
            Action::Build { order, step: BuildStep::Plan }
        })
        .collect();
    let both = scene.rule_all(plans.clone());
    assert_eq!((both[0].rule.as_str(), both[1].rule.as_str()), ("plans", "workers-busy"));
    scene.open(vec![both[0].clone()]);
    refused(&scene, plans[1].clone(), "workers-busy");
    scene.charter.settings.workers_max = 2;
    acted(&scene, plans[1].clone(), "plans");
}

#[test]
fn a_failure_rests_and_is_given_up_in_the_end() {
    let mut scene = Scene::new(Autonomy::Auto);
    for failures in 1..=scene.charter.settings.failures_max {
        let order = scene.start(scene.build(BuildStep::Plan));
        assert_eq!(order.attempt, failures);
        scene.end(&order.name, failed("unreachable"));
        if failures < scene.charter.settings.failures_max {
            let because = refused(&scene, scene.build(BuildStep::Plan), "cool-down");
            let rest = crate::charter::Settings::cool_down_ms(failures);
            assert!(because.contains(&format!("{} s", rest / 1_000)), "{because}");
            scene.pass(rest - 1);
            refused(&scene, scene.build(BuildStep::Plan), "cool-down");
            scene.pass(1);
        }
    }
    scene.pass(24 * 60 * 60 * 1_000);
    refused(&scene, scene.build(BuildStep::Plan), "attempts-exhausted");
    // Other files are another generation, and begin anew.
    scene.declare(crate::mission::MissionSpec { plan: Digest::of(b"mended"), ..spec("web", Autonomy::Auto) });
    acted(&scene, scene.build(BuildStep::Plan), "plans");
}

#[test]
fn a_remedy_is_one_that_the_last_failure_of_the_operation_offered() {
    let (mut scene, apply) = ready();
    let with = |scene: &Scene, step, remedy: &str| {
        let remedy = Some(remedy.to_owned());
        Action::Build { order: crate::decision::Target { remedy, ..scene.target() }, step }
    };
    let because = refused(&scene, with(&scene, BuildStep::Plan, "upgrade"), "remedy-unknown");
    assert!(because.contains("offers none"), "{because}");
    let order = scene.start(scene.build(BuildStep::Plan));
    let failure = failed("missing-provider").failure.map(|failure| crate::situation::Failure {
        remedies: vec!["upgrade".to_owned(), "reinstall".to_owned()],
        ..failure
    });
    scene.end(&order.name, crate::order::WorkerResult { failure, ..failed("missing-provider") });
    scene.pass(crate::charter::Settings::cool_down_ms(1));
    let because = refused(&scene, with(&scene, BuildStep::Plan, "format-disk"), "remedy-unknown");
    assert!(because.contains("\"format-disk\"") && because.contains("upgrade, reinstall"), "{because}");
    let Action::Build { step, .. } = apply else { panic!("it is an apply") };
    refused(&scene, with(&scene, step, "upgrade"), "remedy-unknown");
    let order = scene.start(with(&scene, BuildStep::Plan, "reinstall"));
    assert_eq!(order.remedy.as_deref(), Some("reinstall"));
    // A failure that offers nothing takes the offer back.
    scene.end(&order.name, failed("unreachable"));
    scene.pass(crate::charter::Settings::cool_down_ms(2));
    refused(&scene, with(&scene, BuildStep::Plan, "upgrade"), "remedy-unknown");
}

#[test]
fn only_a_plan_that_the_host_has_is_applied() {
    let (mut scene, apply) = ready();
    refused(&scene, scene.build(BuildStep::Apply(Digest::of(b"another"))), "unknown-artifact");
    // Its generation is gone, and with it the plan.
    scene.declare(crate::mission::MissionSpec { plan: Digest::of(b"edited"), ..spec("web", Autonomy::Auto) });
    refused(&scene, apply, "stale-generation");
    let artifact = Digest::of(b"of the generation before");
    refused(&scene, scene.build(BuildStep::Apply(artifact)), "unknown-artifact");
}

#[test]
fn a_plan_is_stale_once_the_state_moved_or_it_was_applied() {
    let (mut scene, apply) = ready();
    let mission = scene.web().id.clone();
    let order = crate::ids::OrderName::parse("plan-web-1").unwrap();
    let at = scene.now;
    let mut moved = scene.clone();
    moved.fold(crate::entry::Entry::Stored(crate::entry::Stored { at, mission, order, state: state(4) }));
    refused(&moved, apply.clone(), "stale-plan");
    let artifact = scene.web().saved[&Operation::Plan].plan.input.saved;
    scene.applied(artifact);
    refused(&scene, apply, "stale-plan");
    scene.pass(1_000);
    let artifact = scene.planned(Vec::new());
    acted(&scene, scene.build(BuildStep::Apply(artifact)), "applies");
}

#[test]
fn a_plan_that_makes_root_is_refused_unless_it_is_granted() {
    let danger = |makes_root| PlanDanger {
        kind: "privileged".to_owned(),
        address: "docker_container.web".to_owned(),
        detail: "privileged = true".to_owned(),
        makes_root,
    };
    let mut scene = Scene::new(Autonomy::Auto);
    let artifact = scene.planned(vec![danger(true)]);
    let because = refused(&scene, scene.build(BuildStep::Apply(artifact)), "dangerous-plan");
    assert!(because.contains("privileged (docker_container.web: privileged = true)"), "{because}");
    scene.charter.settings.grants = vec!["host-network".to_owned()];
    refused(&scene, scene.build(BuildStep::Apply(artifact)), "dangerous-plan");
    scene.charter.settings.grants.push("privileged".to_owned());
    acted(&scene, scene.build(BuildStep::Apply(artifact)), "applies");
    let mut shown = Scene::new(Autonomy::Auto);
    let artifact = shown.planned(vec![danger(false)]);
    acted(&shown, shown.build(BuildStep::Apply(artifact)), "applies");
}

#[test]
fn what_was_real_is_never_rehearsed() {
    let (mut scene, _) = ready();
    scene.begin(false);
    let artifact = scene.web().saved[&Operation::Plan].plan.input.saved;
    scene.applied(artifact);
    assert!(scene.web().ever_real);
    acted(&scene, scene.build(BuildStep::Plan), "plans");
    scene.begin(true);
    refused(&scene, scene.build(BuildStep::Plan), "was-real");
}

#[test]
fn nothing_starts_without_an_engine_or_with_a_provider_too_old_for_it() {
    let (mut scene, apply) = ready();
    let engine = scene.engine.take();
    refused(&scene, apply.clone(), "engine-unknown");
    refused(&scene, scene.build(BuildStep::Plan), "engine-unknown");
    scene.engine = engine;
    let mut old = spec("web", Autonomy::Auto);
    old.providers[0].constraint = Some("~> 3.0.2".to_owned());
    scene.declare(old);
    for action in [apply.clone(), scene.build(BuildStep::Plan)] {
        let because = refused(&scene, action, "provider-too-old");
        assert!(because.contains(">= 3.3.0"), "{because}");
    }
    scene.engine.as_mut().unwrap().api_min = "1.24".to_owned();
    acted(&scene, apply, "applies");
}

/// A worker that is lost may have made something that no state tells of; only a look at the engine does.
#[test]
fn nothing_is_applied_before_the_engine_was_looked_at_since_the_last_worker_that_could_change_it() {
    for result in [failed("crashed"), WorkerResult { end: End::Lost, ..failed("crashed") }, succeeded()] {
        let (mut scene, apply) = ready();
        let order = scene.start(apply);
        scene.pass(1_000);
        scene.looked = Some(scene.now);
        scene.end(&order.name, result);
        scene.pass(crate::charter::Settings::cool_down_ms(1));
        // Looking is not changing.
        let artifact = scene.planned(Vec::new());
        let apply = scene.build(BuildStep::Apply(artifact));
        let because = refused(&scene, apply.clone(), "engine-unknown");
        assert!(because.contains("was not looked at since"), "{because}");
        scene.looked = scene.looked.map(|looked| looked.plus_ms(1));
        acted(&scene, apply.clone(), "applies");
        // An approval changes nothing about it.
        scene.charter.settings.autonomy = Autonomy::Approve;
        scene.looked = None;
        refused(&scene, apply, "engine-unknown");
    }
}

#[test]
fn nothing_is_made_twice_beside_what_no_state_knows() {
    let (mut scene, apply) = ready();
    let of = |mission: &str| Some((MissionId::parse(mission).unwrap(), "network shop is in no state".to_owned()));
    scene.unknown = of("shop-00000000");
    acted(&scene, apply.clone(), "applies");
    // The policy may have been shown none of it: its list was cut.
    scene.unknown = of(scene.web().id.as_str());
    assert!(scene.situation().findings.is_empty());
    assert_eq!(refused(&scene, apply, "object-unknown"), "network shop is in no state");
    acted(&scene, scene.build(BuildStep::Plan), "plans");
    // Removing makes nothing.
    let mission = scene.web().spec.name.clone();
    scene.say(crate::observation::Command::Destroy { mission });
    let artifact = scene.planned(Vec::new());
    acted(&scene, scene.build(BuildStep::Apply(artifact)), "applies");
}

#[test]
fn nothing_is_started_for_a_mission_that_this_run_was_not_told_of() {
    let (mut scene, apply) = ready();
    scene.untold = vec![scene.web().id.clone()];
    // Not even where a policy remembers a mission that the situation has no room for.
    refused(&scene, apply, "autonomy-off");
    refused(&scene, scene.build(BuildStep::Plan), "autonomy-off");
}

#[test]
fn a_policys_word_is_worth_what_author_and_operator_both_permit() {
    use Autonomy::*;
    for (author, operator, plan, apply) in [
        (Off, Auto, "autonomy-off", "autonomy-off"),
        (Auto, Off, "autonomy-off", "autonomy-off"),
        (Suggest, Auto, "plans", "autonomy-suggest"),
        (Auto, Suggest, "plans", "autonomy-suggest"),
        (Approve, Auto, "plans", "needs-approval"),
        (Auto, Approve, "plans", "needs-approval"),
        (Auto, Auto, "plans", "applies"),
    ] {
        let mut scene = Scene::new(Auto);
        let artifact = scene.planned(Vec::new());
        scene.declare(spec("web", author));
        scene.charter.settings.autonomy = operator;
        assert_eq!(scene.rule_of(scene.build(BuildStep::Plan)), plan, "{author:?} {operator:?}");
        let verdict = scene.rule(scene.build(BuildStep::Apply(artifact)));
        assert_eq!(verdict.rule, apply, "{author:?} {operator:?}");
        let started = matches!(verdict.effect, Some(Effect::Start(_)));
        assert_eq!(started, apply == "applies");
    }
}
