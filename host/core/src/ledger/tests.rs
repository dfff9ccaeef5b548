//! The fold: the same entries give the same ledger, and none of them can break it.

mod law;
mod pause;
mod random;

use super::*;
use crate::decision::{BuildStep, Decision};
use crate::entry::{Claimed, Entry, Opened};
use crate::fixture::{START, Scene, description, failed, finding, opened, spec, succeeded};
use crate::mission::{MissionSpec, ObjectVersion, OnDelete};
use crate::observation::{Command, Observation, Place, SeenMission};
use crate::order::{ObjectKind, WorkerResult};
use crate::situation::{ApprovalState, DesiredState, Ruling};
use crate::verdict::Effect;

fn named(id: &str) -> NamedObject {
    let (id, name) = (id.to_owned(), "shop".to_owned());
    NamedObject { kind: ObjectKind::Network, name, id, address: "docker_network.private".to_owned() }
}

#[test]
fn an_order_is_claimed_once() {
    let mut scene = Scene::new(Autonomy::Auto);
    let order = scene.start(scene.build(BuildStep::Plan));
    let phase = |scene: &Scene| scene.ledger.orders[&order.name].phase();
    assert_eq!(phase(&scene), WorkerPhase::Starting);
    scene.claim(&order.name, "first");
    scene.pass(1_000);
    scene.claim(&order.name, "second");
    assert_eq!(scene.ledger.orders[&order.name].claimed, Some((START, "first".to_owned())));
    assert_eq!(phase(&scene), WorkerPhase::Running);
}

#[test]
fn a_worker_ends_once_and_counts_once() {
    let mut scene = Scene::new(Autonomy::Auto);
    let order = scene.start(scene.build(BuildStep::Plan));
    scene.end(&order.name, failed("unreachable"));
    let once = scene.ledger.clone();
    scene.end(&order.name, succeeded());
    assert_eq!(scene.ledger.orders, once.orders);
    assert_eq!(scene.web(), once.mission(&order_mission()).unwrap());
    assert_eq!((scene.web().tallies[&Operation::Plan].failures, scene.web().attempts(&order.key)), (1, 1));
    scene.end(&OrderName::parse("plan-web-nobody").unwrap(), succeeded());
    assert_eq!(scene.ledger.missions, once.missions);
}

fn order_mission() -> MissionName {
    MissionName::parse("web").unwrap()
}

#[test]
fn a_worker_of_an_earlier_generation_leaves_its_state_and_nothing_else() {
    let mut scene = Scene::new(Autonomy::Auto);
    let artifact = scene.planned(Vec::new());
    let order = scene.start(scene.build(BuildStep::Apply(artifact)));
    scene.declare(MissionSpec { plan: Digest::of(b"edited"), ..spec("web", Autonomy::Auto) });
    let (state, objects) = (Some(crate::fixture::state(1)), Some(vec![named("n1")]));
    scene.end(&order.name, WorkerResult { state: state.clone(), objects, ..failed("unreachable") });
    assert_eq!((scene.web().generation, &scene.web().state), (2, &state));
    assert_eq!(scene.web().objects, [named("n1")]);
    assert!(scene.web().tallies.is_empty() && scene.web().attempts.is_empty() && scene.web().applied.is_none());
}

/// A mission that is an object of a cluster was deleted, and is there again: its state is what it was, and nobody has approved
/// anything of it.
#[test]
fn an_object_that_was_made_anew_is_another_generation_of_the_same_mission() {
    let object = |uid: &str, generation| MissionSpec {
        object: Some(ObjectVersion { uid: uid.to_owned(), generation, on_delete: OnDelete::Retain }),
        ..spec("web", Autonomy::Approve)
    };
    let mut scene = Scene::new(Autonomy::Approve);
    scene.declare(object("first", 1));
    let (generation, id) = (scene.web().generation, scene.web().id.clone());
    let (at, order, state) = (scene.now, OrderName::parse("apply-web-1").unwrap(), crate::fixture::state(3));
    scene.fold(Entry::Stored(crate::entry::Stored { at, mission: id.clone(), order, state: state.clone() }));
    let artifact = scene.planned(Vec::new());
    let approval = scene.asked(artifact);
    let standing = |scene: &Scene| scene.ledger.approval_state(&scene.ledger.approvals[&approval], scene.now);
    // The same object, of which something else was written.
    scene.declare(object("first", 2));
    assert_eq!((scene.web().generation, standing(&scene)), (generation, ApprovalState::Pending));
    scene.declare(object("second", 1));
    assert_eq!((scene.web().generation, standing(&scene)), (generation + 1, ApprovalState::Superseded));
    assert_eq!((&scene.web().id, &scene.web().state), (&id, &Some(state)));
    assert!(scene.web().saved.is_empty(), "a plan is of one object's generation");
    // Nor is another object removed because somebody wanted this one removed.
    scene.say(Command::Destroy { mission: scene.web().spec.name.clone() });
    assert_eq!(scene.web().desired(), DesiredState::Absent);
    scene.declare(object("second", 2));
    assert_eq!(scene.web().desired(), DesiredState::Absent);
    scene.declare(object("third", 1));
    assert_eq!(scene.web().desired(), DesiredState::Present);
}

/// The object is being deleted, and its files with it.
#[test]
fn what_leaves_is_absent_by_what_it_said_last() {
    let mut scene = Scene::new(Autonomy::Auto);
    let object = ObjectVersion { uid: "u".to_owned(), generation: 1, on_delete: OnDelete::Destroy };
    scene.declare(MissionSpec { object: Some(object), ..spec("web", Autonomy::Auto) });
    let before = scene.web().clone();
    let place = |uid: &str, leaving| Place::Object { uid: uid.to_owned(), leaving };
    let news = |scene: &Scene, place: Place, spec: Result<MissionSpec, String>| {
        let seen = SeenMission { place, source: before.spec.source.clone(), spec };
        let observation = Observation { at: scene.now, missions: vec![seen], ..Observation::default() };
        scene.ledger.news(&observation)
    };
    let broken = || Err("its ConfigMap is gone".to_owned());
    assert_eq!(news(&scene, place("u", false), broken()), [], "the last good one stays in force");
    // An object that never could be read has built nothing; what another one of its name has built is not its own to remove.
    assert_eq!(news(&scene, place("v", true), broken()), []);
    let leaves = news(&scene, place("u", true), broken());
    let [Entry::Declared(declared)] = &leaves[..] else { panic!("{leaves:?}") };
    assert_eq!(declared.spec, MissionSpec { desired: DesiredState::Absent, ..before.spec.clone() });
    assert_eq!((&declared.mission, declared.generation), (&before.id, before.generation + 1));
    assert_eq!(news(&scene, place("u", true), Ok(before.spec.clone())), leaves, "with its files it is the same");
    scene.fold(leaves[0].clone());
    assert_eq!(news(&scene, place("u", true), broken()), [], "it is said once");
}

#[test]
fn what_a_state_names_no_more_must_be_gone() {
    let mut scene = Scene::new(Autonomy::Auto);
    for objects in [vec![named("n1"), named("n2")], vec![named("n2")], vec![named("n1")]] {
        let artifact = scene.planned(Vec::new());
        let order = scene.start(scene.build(BuildStep::Apply(artifact)));
        scene.pass(1);
        scene.end(&order.name, WorkerResult { objects: Some(objects), ..succeeded() });
        scene.pass(1);
    }
    assert_eq!((scene.web().objects.as_slice(), scene.web().gone.as_slice()), (&[named("n1")][..], &[named("n2")][..]));
}

#[test]
fn a_memo_is_kept_for_a_policy_that_reads_it() {
    let mut scene = Scene::new(Autonomy::Auto);
    let decide = |scene: &mut Scene, memo: Option<Vec<u8>>| {
        let decision = Decision { memo, ..Decision::default() };
        let entry = opened(scene.ledger.turn + 1, scene.now, &scene.situation(), decision, Vec::new());
        scene.fold(entry);
    };
    decide(&mut scene, Some(vec![7]));
    decide(&mut scene, None);
    let kept = Some(Memo { format: "all/1".to_owned(), bytes: vec![7] });
    assert_eq!(scene.ledger.policy.memo, kept);
    let mut next = description();
    (next.version, next.memo_format) = ("2".to_owned(), "all/2".to_owned());
    next.reads_memos = vec!["all/2".to_owned(), "all/1".to_owned()];
    scene.activate(next.clone());
    assert_eq!(scene.ledger.policy.memo, kept, "the next version reads the old format");
    decide(&mut scene, Some(vec![8]));
    next.reads_memos = vec!["all/1".to_owned()];
    scene.activate(next);
    assert_eq!(scene.ledger.policy.memo, None, "nobody reads the new one any more");
}

#[test]
fn a_policys_failures_are_counted_and_the_hosts_are_not() {
    use crate::entry::Answered::{Decided, GuestFailure, HostAbort};
    let mut scene = Scene::new(Autonomy::Auto);
    let (kind, detail) = ("trap".to_owned(), "unreachable".to_owned());
    let guest = GuestFailure { kind: kind.clone(), detail: detail.clone() };
    let host = HostAbort { kind, detail };
    let decided = Decided(encoding::encode(&Decision::default()));
    for (answer, failures) in [(guest.clone(), 1), (host, 1), (guest, 2), (decided, 0)] {
        let Entry::Opened(opened) = opened(9, scene.now, &scene.situation(), Decision::default(), Vec::new()) else {
            unreachable!("it makes no other")
        };
        scene.fold(Entry::Opened(Box::new(Opened { answer, ..*opened })));
        assert_eq!(scene.ledger.policy.failures, failures);
    }
}

#[test]
fn a_question_dies_with_the_host_that_asked_it() {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.findings.push(finding("f-1", "exited", None));
    let ask = crate::decision::Action::Ask {
        id: "q".to_owned(),
        kind: crate::situation::QuestionKind::Triage,
        mission: None,
        findings: vec![scene.findings[0].id.clone()],
        note: None,
    };
    let verdict = scene.rule(ask);
    scene.open(vec![verdict]);
    assert_eq!(scene.ledger.advice["q"].advice.reply, crate::situation::Reply::Pending);
    scene.begin(true);
    assert!(matches!(scene.ledger.advice["q"].advice.reply, crate::situation::Reply::Unanswered(_)));
}

#[test]
fn what_is_old_is_let_go_and_what_counts_is_kept() {
    let mut scene = Scene::new(Autonomy::Auto);
    let first = scene.start(scene.build(BuildStep::Plan));
    scene.end(&first.name, failed("unreachable"));
    scene.declare(MissionSpec { plan: Digest::of(b"edited"), ..spec("web", Autonomy::Auto) });
    let second = scene.start(scene.build(BuildStep::Plan));
    scene.end(&second.name, failed("unreachable"));
    scene.pass(RETENTION_MS);
    let third = scene.start(scene.build(BuildStep::Plan));
    scene.pass(RETENTION_MS * 100);
    scene.open(Vec::new());
    let kept: Vec<&OrderName> = scene.ledger.orders.keys().collect();
    assert!(!kept.contains(&&first.name), "it is old and of an earlier generation");
    assert!(kept.contains(&&second.name) && kept.contains(&&third.name), "{kept:?}");
}

#[test]
fn nothing_grows_without_a_bound() {
    let mut scene = Scene::new(Autonomy::Auto);
    let template = scene.rule(scene.build(BuildStep::Plan));
    let Some(Effect::Start(order)) = template.effect.clone() else { panic!("a plan is permitted") };
    let count = KEPT_MAX + 40;
    for index in 0..count {
        let name = OrderName::parse(&format!("plan-web-{index}")).unwrap();
        let order = Order { name: name.clone(), ..(*order).clone() };
        let mut start = template.clone();
        start.key = format!("start-{index}");
        start.effect = Some(Effect::Start(Box::new(order.clone())));
        let mut request = template.clone();
        request.key = format!("request-{index}");
        request.ruling = Ruling::Asked;
        request.effect = Some(Effect::Request(Box::new(crate::verdict::Request {
            id: ApprovalId::parse(&format!("a-{index}")).unwrap(),
            order,
            requested: scene.now,
            expires: scene.now.plus_ms(1),
            policy: Digest::ZERO,
            charter: Digest::ZERO,
            needed: 1,
        })));
        let mut notify = template.clone();
        notify.key = format!("notify-{index}");
        let (title, text) = (index.to_string(), String::new());
        notify.effect = Some(Effect::Notify { severity: Severity::Info, title, text });
        scene.open(vec![start, request, notify]);
        scene.end(&name, succeeded());
        scene.pass(1);
    }
    scene.open(Vec::new());
    let ledger = &scene.ledger;
    let sizes = [ledger.orders.len(), ledger.approvals.len(), ledger.verdicts.len(), ledger.notifications.len()];
    assert_eq!(sizes, [KEPT_MAX; 4]);
    // It is the newest that are kept.
    assert!(ledger.orders.contains_key(format!("plan-web-{}", count - 1).as_str()));
    assert!(!ledger.orders.contains_key("plan-web-0"));
    assert_eq!(ledger.notifications.last().map(|told| told.title.clone()), Some((count - 1).to_string()));
}

#[test]
fn orders_at_work_are_never_let_go() {
    let mut scene = Scene::new(Autonomy::Auto);
    let verdict = scene.rule(scene.build(BuildStep::Plan));
    let Some(Effect::Start(order)) = verdict.effect.clone() else { panic!("a plan is permitted") };
    for index in 0..KEPT_MAX + 10 {
        let name = OrderName::parse(&format!("plan-web-{index}")).unwrap();
        let effect = Some(Effect::Start(Box::new(Order { name, ..(*order).clone() })));
        scene.open(vec![Verdict { effect, key: index.to_string(), ..verdict.clone() }]);
    }
    assert_eq!(scene.ledger.orders.len(), KEPT_MAX + 10);
}

#[test]
fn a_turn_is_open_until_it_is_closed() {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.open(Vec::new());
    assert_eq!((scene.ledger.turn, scene.ledger.open), (1, Some(1)));
    let closed = |turn| Entry::Closed(crate::entry::Closed { turn, at: START, receipts: Vec::new() });
    scene.fold(closed(7));
    assert_eq!(scene.ledger.open, Some(1));
    scene.fold(closed(1));
    assert_eq!((scene.ledger.turn, scene.ledger.open), (1, None));
}

#[test]
fn time_never_goes_back() {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.pass(5_000);
    scene.open(Vec::new());
    let order = OrderName::parse("plan-web-1").unwrap();
    scene.fold(Entry::Claimed(Claimed { at: Timestamp(3), order, claimant: "c".to_owned() }));
    assert_eq!(scene.ledger.now, START.plus_ms(5_000));
}
