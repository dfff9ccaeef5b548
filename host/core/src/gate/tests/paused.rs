//! A pause refuses what would begin something, as long as it stands and no further than it reaches.

use super::{acted, refused};
use crate::decision::{Action, BuildStep, ConfigureStep, Look, Target};
use crate::fixture::{Scene, finding, spec};
use crate::ids::{FindingId, Timestamp};
use crate::mission::MissionName;
use crate::observation::Command;
use crate::order::Class;
use crate::pause::Scope;
use crate::situation::{ApprovalState, Autonomy, ObjectRef, Operation, QuestionKind, Ruling, Severity};
use crate::verdict::Effect;

fn scope(mission: Option<&str>, class: Option<Class>) -> Scope {
    Scope { mission: mission.map(|name| MissionName::parse(name).unwrap()), class }
}

fn pause(scene: &mut Scene, scope: &Scope) {
    scene.say(Command::Pause { scope: scope.clone(), cancel: false, comment: Some("release freeze".to_owned()) });
}

fn resume(scene: &mut Scene, scope: &Scope) {
    scene.say(Command::Resume { scope: scope.clone() });
}

fn target(scene: &Scene, mission: &str) -> Target {
    let state = scene.ledger.mission(&MissionName::parse(mission).unwrap()).unwrap();
    Target { mission: state.id.clone(), generation: state.generation, plan: state.spec.plan, remedy: None }
}

fn step(scene: &Scene, mission: &str, step: BuildStep) -> Action {
    Action::Build { order: target(scene, mission), step }
}

/// A question about a finding of `shop`.
fn ask() -> Action {
    let findings = vec![FindingId::parse("f-1").unwrap()];
    Action::Ask { id: "q".to_owned(), kind: QuestionKind::Triage, mission: None, findings, note: None }
}

/// Two missions under `auto`, a plan of `web`, and a finding of `shop`.
fn two() -> (Scene, BuildStep) {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.declare(spec("shop", Autonomy::Auto));
    let artifact = scene.planned(Vec::new());
    let shop = target(&scene, "shop").mission;
    scene.findings.push(finding("f-1", "exited", Some(shop)));
    (scene, BuildStep::Apply(artifact))
}

/// Everything that a policy could propose which begins something, and the rule that decides where nothing is paused.
fn beginnings(scene: &Scene, apply: BuildStep) -> [(&'static str, Action, &'static str); 7] {
    let (configure, check) = (target(scene, "web"), ConfigureStep::Check);
    [
        ("plan of web", step(scene, "web", BuildStep::Plan), "plans"),
        ("apply of web", step(scene, "web", apply), "applies"),
        ("destruction of web", step(scene, "web", BuildStep::PlanDestroy), "not-desired"),
        ("plan of shop", step(scene, "shop", BuildStep::Plan), "plans"),
        ("check of web", Action::Configure { order: configure, step: check }, "no-such-worker"),
        ("scan of web", Action::Scan { order: target(scene, "web"), targets: Vec::new() }, "no-such-worker"),
        ("question about shop", ask(), "words"),
    ]
}

#[test]
fn nothing_begins_that_people_have_paused() {
    let (mut scene, apply) = two();
    let builds = ["plan of web", "apply of web", "destruction of web"];
    let all_builds = [&builds[..], &["plan of shop"]].concat();
    let of_web = [&builds[..], &["check of web", "scan of web"]].concat();
    let everything: Vec<&str> = beginnings(&scene, apply).map(|(what, ..)| what).to_vec();
    for (scope, stopped) in [
        (scope(None, None), everything),
        (scope(Some("web"), None), of_web),
        (scope(Some("shop"), None), vec!["plan of shop", "question about shop"]),
        (scope(None, Some(Class::Builder)), all_builds),
        (scope(None, Some(Class::Configurator)), vec!["check of web"]),
        (scope(None, Some(Class::Scanner)), vec!["scan of web"]),
        (scope(Some("web"), Some(Class::Builder)), builds.to_vec()),
        (scope(Some("shop"), Some(Class::Scanner)), Vec::new()),
    ] {
        pause(&mut scene, &scope);
        for (what, action, otherwise) in beginnings(&scene, apply) {
            let rule = if stopped.contains(&what) { "paused" } else { otherwise };
            assert_eq!(scene.rule_of(action), rule, "{what}, while {scope} is paused");
        }
        resume(&mut scene, &scope);
        for (what, action, otherwise) in beginnings(&scene, apply) {
            assert_eq!(scene.rule_of(action), otherwise, "{what}, after {scope} was resumed");
        }
    }
}

#[test]
fn who_is_refused_is_told_who_paused_it_when_why_and_how_it_goes_on() {
    let (mut scene, _) = two();
    pause(&mut scene, &scope(Some("web"), None));
    let because = refused(&scene, step(&scene, "web", BuildStep::Plan), "paused");
    let at = scene.now.utc();
    let said = format!("mission web was paused by uid 1000 at {at} (release freeze); to go on: quarterdeck resume web");
    assert_eq!(because, said);
    // Each of them has to be taken back, so each is named.
    pause(&mut scene, &scope(None, None));
    let because = refused(&scene, step(&scene, "web", BuildStep::Plan), "paused");
    assert!(because.starts_with("everything was paused by ") && because.ends_with(&said), "{because}");
}

#[test]
fn taking_one_pause_back_leaves_the_others() {
    let scopes = [
        scope(None, None),
        scope(None, Some(Class::Builder)),
        scope(Some("web"), None),
        scope(Some("web"), Some(Class::Builder)),
    ];
    let (mut scene, _) = two();
    scopes.iter().for_each(|scope| pause(&mut scene, scope));
    for (index, scope) in scopes.iter().enumerate() {
        refused(&scene, step(&scene, "web", BuildStep::Plan), "paused");
        resume(&mut scene, scope);
        let standing: Vec<&Scope> = scene.ledger.pauses.keys().collect();
        assert_eq!(standing, scopes[index + 1..].iter().collect::<Vec<_>>());
    }
    acted(&scene, step(&scene, "web", BuildStep::Plan), "plans");
}

#[test]
fn words_go_on_and_so_does_what_ends_a_worker() {
    let (mut scene, _) = two();
    let order = scene.start(step(&scene, "web", BuildStep::Plan));
    pause(&mut scene, &scope(None, None));
    let (title, text) = ("Look here".to_owned(), String::new());
    acted(&scene, Action::Notify { severity: Severity::Info, title, text, mission: None }, "words");
    let (finding, until) = (FindingId::parse("f-1").unwrap(), Timestamp::MAX);
    acted(&scene, Action::Acknowledge { finding, until, reason: "known".to_owned() }, "words");
    scene.now = order.deadline;
    acted(&scene, Action::Cancel(order.name), "words");
    let object = ObjectRef { kind: "container".to_owned(), namespace: None, name: "web".to_owned(), uid: None };
    refused(&scene, Action::Inspect { id: "i".to_owned(), object, look: Look::Logs }, "not-offered");
}

/// A person's word is kept: neither asked for nor used while it is paused.
#[test]
fn what_was_granted_during_a_pause_is_used_after_it() {
    let mut scene = Scene::new(Autonomy::Approve);
    let artifact = scene.planned(Vec::new());
    let apply = scene.build(BuildStep::Apply(artifact));
    let everything = scope(None, None);
    pause(&mut scene, &everything);
    let verdict = scene.rule(apply.clone());
    assert_eq!((verdict.rule.as_str(), verdict.effect), ("paused", None), "nobody is asked");
    resume(&mut scene, &everything);
    let approval = scene.asked(artifact);
    pause(&mut scene, &everything);
    scene.approve(&approval);
    let (given, standing) = (&scene.ledger.approvals[&approval], |scene: &Scene, now| {
        scene.ledger.approval_state(&scene.ledger.approvals[&approval], now)
    });
    assert_eq!((standing(&scene, scene.now), given.used), (ApprovalState::Granted, false));
    let expires = given.expires;
    refused(&scene, apply.clone(), "paused");
    let mut late = scene.clone();
    resume(&mut scene, &everything);
    let verdict = scene.rule(apply.clone());
    assert_eq!((verdict.rule.as_str(), &verdict.approval), ("approved", &Some(approval.clone())));
    // Its time has run on meanwhile.
    late.now = expires;
    assert_eq!(standing(&late, expires), ApprovalState::Expired);
    resume(&mut late, &everything);
    let verdict = late.rule(apply);
    assert_eq!((verdict.ruling, matches!(verdict.effect, Some(Effect::Request(_)))), (Ruling::Asked, true));
}

#[test]
fn no_charter_and_no_autonomy_lifts_a_pause() {
    let (mut scene, apply) = two();
    scene.charter.rules = crate::charter::Rules::parse(
        "@id(\"anything\")\npermit (principal, action in [Action::\"reads\", Action::\"changes\"], resource);",
    )
    .unwrap();
    assert_eq!(scene.rule_of(step(&scene, "web", apply)), "anything");
    pause(&mut scene, &scope(None, None));
    refused(&scene, step(&scene, "web", apply), "paused");
    refused(&scene, step(&scene, "web", BuildStep::Plan), "paused");
    assert_eq!(Class::of(Operation::Apply), Class::Builder);
}
