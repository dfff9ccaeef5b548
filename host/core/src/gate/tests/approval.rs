//! An approval permits exactly what a person saw, once, until it expires.

use super::{acted, refused};
use crate::decision::{Action, BuildStep};
use crate::digest::Digest;
use crate::fixture::{Scene, spec, state};
use crate::ids::{ApprovalId, MissionId, OrderName, Timestamp};
use crate::mission::MissionSpec;
use crate::observation::{Command, Person};
use crate::order::{ApplyInput, Order, StateRef};
use crate::situation::{ApprovalState, Autonomy, Operation, Ruling};
use crate::verdict::Effect;

/// A plan waits for a person.
fn waiting() -> (Scene, Action, ApprovalId) {
    let mut scene = Scene::new(Autonomy::Approve);
    let artifact = scene.planned(Vec::new());
    let approval = scene.asked(artifact);
    let apply = scene.build(BuildStep::Apply(artifact));
    (scene, apply, approval)
}

fn standing(scene: &Scene, approval: &ApprovalId) -> ApprovalState {
    scene.ledger.approval_state(&scene.ledger.approvals[approval], scene.now)
}

#[test]
fn a_person_is_asked_once_and_waited_for() {
    let (scene, apply, approval) = waiting();
    let verdict = scene.rule(apply);
    assert_eq!((verdict.ruling, verdict.rule.as_str()), (Ruling::Asked, "needs-approval"));
    assert_eq!((verdict.approval, verdict.effect), (Some(approval.clone()), None));
    assert_eq!(standing(&scene, &approval), ApprovalState::Pending);
}

#[test]
fn what_was_granted_is_started_once() {
    let (mut scene, apply, approval) = waiting();
    scene.approve(&approval);
    acted(&scene, apply.clone(), "approved");
    let order = scene.start(apply.clone());
    assert!(scene.ledger.approvals[&approval].used);
    assert_eq!(standing(&scene, &approval), ApprovalState::Granted);
    // It failed: the same plan again is another order, and a person is asked again.
    scene.end(&order.name, crate::fixture::failed("unreachable"));
    scene.pass(60_000);
    let again = scene.rule(apply);
    assert_eq!(again.ruling, Ruling::Asked);
    assert!(matches!(again.effect, Some(Effect::Request(_))) && again.approval != Some(approval));
}

#[test]
fn what_was_denied_stays_denied_for_that_plan_alone() {
    let (mut scene, apply, approval) = waiting();
    let comment = Some("not today".to_owned());
    scene.say(Command::Deny { approval: approval.clone(), comment });
    let because = refused(&scene, apply, "denied");
    assert!(because.contains("not today"));
    scene.pass(60_000);
    let artifact = scene.planned(Vec::new());
    assert_eq!(scene.rule(scene.build(BuildStep::Apply(artifact))).ruling, Ruling::Asked);
}

#[test]
fn an_approval_expires_granted_or_not() {
    let (mut scene, apply, approval) = waiting();
    let mut granted = scene.clone();
    granted.approve(&approval);
    let ttl = scene.charter.settings.approval_ttl_ms;
    for scene in [&mut scene, &mut granted] {
        scene.pass(ttl - 1);
        assert_ne!(standing(scene, &approval), ApprovalState::Expired);
        scene.pass(1);
        assert_eq!(standing(scene, &approval), ApprovalState::Expired);
        let verdict = scene.rule(apply.clone());
        assert_eq!(verdict.ruling, Ruling::Asked);
        assert!(verdict.effect.is_some() && verdict.approval != Some(approval.clone()), "a person is asked anew");
        assert!(
            scene
                .ledger
                .permits(&Person::Uid(1000), &Command::Approve { approval: approval.clone(), comment: None }, scene.now)
                .is_err()
        );
    }
}

#[test]
fn an_approval_is_superseded_by_another_plan_state_or_generation() {
    let newer = |scene: &mut Scene| {
        scene.planned(Vec::new());
    };
    let moved = |scene: &mut Scene| {
        let (at, mission) = (scene.now, scene.web().id.clone());
        let order = OrderName::parse("apply-web-1").unwrap();
        scene.fold(crate::entry::Entry::Stored(crate::entry::Stored { at, mission, order, state: state(7) }));
    };
    let edited = |scene: &mut Scene| {
        scene.declare(MissionSpec { plan: Digest::of(b"edited"), ..spec("web", Autonomy::Approve) });
    };
    // The same saved plan, of which something else is known by now.
    type Known<'a> = &'a dyn Fn(&mut ApplyInput);
    let known = |change: Known<'_>, scene: &mut Scene| {
        let id = scene.web().id.clone();
        let saved = scene.ledger.missions.get_mut(&id).unwrap().saved.get_mut(&Operation::Plan).unwrap();
        change(&mut saved.plan.input);
    };
    let other = || Digest::of(b"other");
    for (what, change) in [
        ("a newer plan", &newer as &dyn Fn(&mut Scene)),
        ("another state", &moved),
        ("another generation", &edited),
        ("other bytes of the same state", &|scene| {
            let id = scene.web().id.clone();
            scene.ledger.missions.get_mut(&id).unwrap().state = Some(StateRef { digest: other(), ..state(1) });
        }),
        ("another uid", &|scene| {
            let id = scene.web().id.clone();
            scene.ledger.missions.get_mut(&id).unwrap().uid = other();
        }),
        ("a real host", &|scene| scene.begin(false)),
    ] {
        let (mut scene, apply, approval) = waiting();
        scene.approve(&approval);
        change(&mut scene);
        assert_eq!(standing(&scene, &approval), ApprovalState::Superseded, "{what}");
        let verdict = scene.rule(apply);
        let asks_anew = matches!(&verdict.effect, Some(Effect::Request(request)) if request.id != approval);
        assert!(verdict.ruling == Ruling::Refused || asks_anew, "{what}: {verdict:?}");
    }
    let changes: [(&str, Known<'_>); 3] = [
        ("another JSON", &|input| input.json = other()),
        ("another lock file", &|input| input.lock = Some(other())),
        ("another tool", &|input| input.tool = Some("terraform 1.12.0".to_owned())),
    ];
    for (what, change) in changes {
        let (mut scene, apply, approval) = waiting();
        scene.approve(&approval);
        known(change, &mut scene);
        assert_eq!(standing(&scene, &approval), ApprovalState::Superseded, "{what}");
        let verdict = scene.rule(apply);
        let Some(Effect::Request(request)) = verdict.effect else { panic!("{what}: {verdict:?}") };
        assert_ne!(request.id, approval, "{what}");
    }
}

/// The name is what a person types: it must mean one request, of this journal, for good.
#[test]
fn no_two_requests_have_one_name() {
    let (scene, apply, approval) = waiting();
    let asks = |scene: &Scene, apply: &Action| match scene.rule(apply.clone()).effect {
        Some(Effect::Request(request)) => request.id,
        other => panic!("{other:?}"),
    };
    let mut fresh = scene.clone();
    (fresh.ledger.approvals, fresh.ledger.turn) = (Default::default(), scene.ledger.turn - 1);
    assert_eq!(asks(&fresh, &apply), approval, "the same request of the same turn");
    type Change<'a> = &'a dyn Fn(&mut Scene);
    let changes: [(&str, Change<'_>); 5] = [
        ("a later turn", &|scene| scene.ledger.turn += 1),
        ("another journal", &|scene| scene.ledger.nonce = Some(Digest::of(b"another"))),
        ("another policy", &|scene| scene.ledger.policy.digest = Some(Digest::of(b"another"))),
        ("another charter", &|scene| scene.charter.settings.workers_max += 1),
        ("another grant", &|scene| scene.charter.settings.grants = vec!["host-network".to_owned()]),
    ];
    for (what, change) in changes {
        let mut other = fresh.clone();
        change(&mut other);
        assert_ne!(asks(&other, &apply), approval, "{what}");
    }
}

/// Under a charter that asks more people it is another request, and the no of a person is a no all the same.
#[test]
fn a_no_stands_however_many_are_asked_later() {
    let (mut scene, apply, approval) = waiting();
    scene.say(Command::Deny { approval, comment: None });
    scene.charter.rules = crate::charter::Rules::parse(
        "@id(\"two\")\n@approval(\"human\")\n@approvers(\"2\")\npermit (principal, action, resource);",
    )
    .unwrap();
    refused(&scene, apply, "denied");
}

/// Who or what approved one thing must not find itself to have approved another.
#[test]
fn an_order_that_differs_in_any_field_does_not_find_the_approval() {
    let (mut scene, apply, approval) = waiting();
    scene.approve(&approval);
    let Some(Effect::Start(order)) = scene.rule(apply).effect else { panic!("it was granted") };
    let finds = |order: &Order| scene.ledger.approval_for(order, 1, scene.now).is_some();
    assert!(finds(&order));
    let other = Digest::of(b"other");
    type Change<'a> = &'a dyn Fn(&mut Order);
    let changes: [(&str, Change<'_>); 18] = [
        ("mission", &|order| order.mission = MissionId::parse("web-00000000").unwrap()),
        ("uid", &|order| order.key.uid = other),
        ("generation", &|order| order.key.generation += 1),
        ("operation", &|order| order.key.operation = Operation::Configure),
        ("input", &|order| order.key.input = other),
        ("files", &|order| order.plan = other),
        ("no apply", &|order| order.apply = None),
        ("saved plan", &|order| order.apply.as_mut().unwrap().saved = other),
        ("plan's JSON", &|order| order.apply.as_mut().unwrap().json = other),
        ("lock file", &|order| order.apply.as_mut().unwrap().lock = Some(other)),
        ("no lock file", &|order| order.apply.as_mut().unwrap().lock = None),
        ("state", &|order| order.apply.as_mut().unwrap().state = Some(state(1))),
        ("destroys", &|order| order.apply.as_mut().unwrap().destroy = true),
        ("tool", &|order| order.apply.as_mut().unwrap().tool = Some("terraform 1.12.0".to_owned())),
        ("no tool", &|order| order.apply.as_mut().unwrap().tool = None),
        ("remedy", &|order| order.remedy = Some("force".to_owned())),
        ("grants", &|order| order.grants = vec!["privileged".to_owned()]),
        ("rehearsal", &|order| order.rehearsal = false),
    ];
    for (what, change) in changes {
        let mut order = order.clone();
        change(&mut order);
        assert!(!finds(&order), "{what}");
    }
    // What is the same work at another time is the same work.
    let mut later = order;
    later.attempt += 1;
    later.name = OrderName::parse("apply-web-later").unwrap();
    (later.made, later.deadline) = (Timestamp(1), Timestamp(2));
    assert!(finds(&later));
}

/// The host died between writing the order down and starting it: no worker was started, so nothing was used up.
#[test]
fn an_order_that_was_never_started_gives_its_approval_back() {
    let (mut scene, apply, approval) = waiting();
    scene.approve(&approval);
    let order = scene.start(apply.clone());
    scene.begin(true);
    let settled = |adopted| {
        crate::entry::Entry::Settled(crate::entry::Settled { at: scene.now, order: order.name.clone(), adopted })
    };
    let mut adopted = scene.clone();
    adopted.fold(settled(true));
    assert!(adopted.ledger.approvals[&approval].used);
    let mut abandoned = scene.clone();
    abandoned.fold(settled(false));
    assert!(!abandoned.ledger.approvals[&approval].used);
    assert_eq!(abandoned.start(apply).name, order.name);
}
