//! Who may decide next, who may not, and what becomes of the memo.

use super::*;
use crate::charter::{Amendment, PRODUCTION, Rules};
use crate::decision::{ActionKind, Decision, Setting};
use crate::encoding;
use crate::entry::{Activated, Answered, Entry, How, Leave, Nominated, Purpose, Shadowed};
use crate::fixture::{Scene, description, fallback, opened};
use crate::ids::ApprovalId;
use crate::observation::Commanded;
use crate::situation::{Autonomy, Fact};

const ADA: Person = Person::Uid(1000);
const BEN: Person = Person::Uid(1001);
const EVE: Person = Person::Uid(1002);

/// A policy of this version that may return these actions, and writes and reads memos of its own.
fn version(version: &str, actions: &[ActionKind]) -> Description {
    let format = format!("all/{version}");
    Description {
        version: version.to_owned(),
        actions: actions.to_vec(),
        operations: Vec::new(),
        reads_memos: vec![format.clone()],
        memo_format: format,
        ..description()
    }
}

fn digest(version: &str) -> Digest {
    Digest::of(version.as_bytes())
}

fn upload(scene: &mut Scene, who: &Person, description: &Description) -> Digest {
    let policy = digest(&description.version);
    scene.fold(Entry::Uploaded(Box::new(Uploaded {
        at: scene.now,
        who: who.clone(),
        policy,
        source: "all.wasm".to_owned(),
        bytes: 7,
        profile: Profile::Pure,
        description: description.clone(),
        signers: Vec::new(),
        checks: Vec::new(),
        report: Digest::ZERO,
    })));
    policy
}

fn activate(scene: &mut Scene, description: &Description, how: How) {
    let policy = if description.name == "steward" { fallback() } else { digest(&description.version) };
    scene.fold(Entry::Activated(Activated {
        at: scene.now,
        policy,
        description: description.clone(),
        settings: Vec::new(),
        by: None,
        how,
    }));
}

fn steward() -> Description {
    Description { name: "steward".to_owned(), ..version("0", &[ActionKind::Build]) }
}

fn wanted() -> How {
    How::Wanted { who: ADA, approval: None, rule: "activations".to_owned() }
}

fn turn(scene: &mut Scene, answer: Answered) {
    let Entry::Opened(opened) =
        opened(scene.ledger.turn + 1, scene.now, &scene.situation(), Decision::default(), Vec::new())
    else {
        unreachable!("it makes no other")
    };
    scene.fold(Entry::Opened(Box::new(Opened { answer, ..*opened })));
}

fn decided(memo: Option<u8>) -> Answered {
    Answered::Decided(encoding::encode(&Decision { memo: memo.map(|byte| vec![byte]), ..Decision::default() }))
}

fn failed() -> Answered {
    Answered::GuestFailure { kind: "trap".to_owned(), detail: "unreachable".to_owned() }
}

fn aborted() -> Answered {
    Answered::HostAbort { kind: "epoch".to_owned(), detail: String::new() }
}

fn want(scene: &mut Scene, who: &Person, description: &Description, purpose: Purpose) -> Result<Leave, CommandError> {
    let (policy, description) = (digest(&description.version), description.clone());
    let nomination = Nomination { policy, description, settings: Vec::new(), purpose };
    let nominated: Nominated = scene.ledger.nominate(who, &nomination, scene.now)?;
    let leave = nominated.leave.clone();
    scene.fold(Entry::Nominated(Box::new(nominated)));
    Ok(leave)
}

fn answer(scene: &mut Scene, who: &Person, command: Command) -> Result<(), CommandError> {
    scene.ledger.permits(who, &command, scene.now)?;
    scene.fold(Entry::Commanded(Commanded { at: scene.now, who: who.clone(), command }));
    Ok(())
}

fn approve(scene: &mut Scene, who: &Person, approval: &ApprovalId) -> Result<(), CommandError> {
    answer(scene, who, Command::Approve { approval: approval.clone(), comment: None })
}

const NOW: Purpose = Purpose::Activate { after: None };

/// Steward decided first, then version 1, and version 2 decides now; the first two may only tell people.
fn scene() -> Scene {
    let mut scene = Scene::new(Autonomy::Auto);
    activate(&mut scene, &steward(), How::Started);
    for name in ["1", "2"] {
        let next = version(name, &[ActionKind::Notify]);
        upload(&mut scene, &ADA, &next);
        activate(&mut scene, &next, wanted());
    }
    scene
}

#[test]
fn three_failures_within_the_window_fence_a_policy_and_the_one_before_it_decides() {
    let mut scene = scene();
    for answer in [failed(), decided(None), failed(), aborted(), aborted()] {
        turn(&mut scene, answer);
        assert_eq!(scene.ledger.due(scene.now), None);
    }
    turn(&mut scene, failed());
    let due = Due::FallBack { from: digest("2"), to: vec![digest("1"), fallback()] };
    assert_eq!(scene.ledger.due(scene.now), Some(due));
    let why = &scene.ledger.policies.fences[&digest("2")].why;
    assert!(why.contains("trap: unreachable"), "{why}");

    let how = How::FellBack { from: digest("2"), why: why.clone() };
    activate(&mut scene, &version("1", &[ActionKind::Notify]), how);
    assert_eq!((scene.ledger.due(scene.now), scene.ledger.policy.digest), (None, Some(digest("1"))));
    let again = want(&mut scene, &ADA, &version("2", &[ActionKind::Notify]), NOW);
    assert!(matches!(again, Err(CommandError::PolicyFenced { .. })), "{again:?}");
    answer(&mut scene, &ADA, Command::Unfence { policy: digest("2"), comment: None }).unwrap();
    assert!(want(&mut scene, &ADA, &version("2", &[ActionKind::Notify]), NOW).is_ok());
}

#[test]
fn failures_that_lie_further_apart_than_the_window_fence_nobody() {
    let mut scene = scene();
    for _ in 0..4 {
        turn(&mut scene, failed());
        (1..WINDOW / 2).for_each(|_| turn(&mut scene, decided(None)));
        assert_eq!(scene.ledger.due(scene.now), None);
    }
}

#[test]
fn the_fallback_is_never_fenced_and_lifts_the_fences_of_the_window() {
    let mut scene = scene();
    (0..3).for_each(|_| turn(&mut scene, failed()));
    let how = How::FellBack { from: digest("2"), why: String::new() };
    activate(&mut scene, &steward(), how);
    assert_eq!(scene.ledger.policies.fences.len(), 1);
    (0..3).for_each(|_| turn(&mut scene, failed()));
    assert_eq!((scene.ledger.due(scene.now), scene.ledger.policies.fences.len()), (None, 0));
    let observing = scene.ledger.observes(scene.now).expect("it only observes");
    assert_eq!((observing.turn, observing.kind.as_str()), (scene.ledger.turn, "trap"));
    let later = scene.now.plus_ms(OBSERVE_MS);
    assert_eq!(scene.ledger.observes(later), None, "it is asked again after a while");
    // One more failure is enough then.
    scene.pass(OBSERVE_MS);
    turn(&mut scene, failed());
    assert!(scene.ledger.observes(scene.now).is_some());
    activate(&mut scene, &version("1", &[ActionKind::Notify]), wanted());
    assert_eq!(scene.ledger.observes(scene.now), None, "another policy is asked at once");
}

#[test]
fn what_was_taken_back_is_not_fallen_back_onto() {
    let mut scene = scene();
    assert_eq!(scene.ledger.policies.before(digest("2")), [digest("1"), fallback()]);
    activate(&mut scene, &version("1", &[ActionKind::Notify]), How::RolledBack { who: ADA, comment: None });
    assert_eq!(scene.ledger.policies.before(digest("1")), [fallback()], "2 was taken back");
    activate(&mut scene, &version("2", &[ActionKind::Notify]), wanted());
    assert_eq!(scene.ledger.policies.before(digest("2")), [digest("1"), fallback()], "and 2 was wanted again");
}

#[test]
fn a_policy_that_may_do_no_more_decides_at_once_and_a_wider_one_asks_a_person() {
    let mut scene = scene();
    let same = version("3", &[ActionKind::Notify]);
    assert_eq!(want(&mut scene, &ADA, &same, NOW), Ok(Leave::Given { rule: "activations".to_owned() }));
    assert_eq!(scene.ledger.due(scene.now), Some(Due::Activate { policy: digest("3") }));

    let wider = version("4", &[ActionKind::Notify, ActionKind::Build]);
    let Ok(Leave::Asked { id, needed: 1, .. }) = want(&mut scene, &ADA, &wider, NOW) else { panic!("nobody is asked") };
    assert_eq!(scene.ledger.due(scene.now), None);
    approve(&mut scene, &ADA, &id).unwrap();
    assert_eq!(scene.ledger.due(scene.now), Some(Due::Activate { policy: digest("4") }));
}

#[test]
fn a_widening_asks_a_person_whatever_the_charter_says_and_a_charter_without_a_permit_lets_nothing() {
    let mut scene = scene();
    let charter = |scene: &mut Scene, text: &str| {
        let wanted = Amendment { rules: Some(Rules::parse(text).unwrap()), settings: None };
        let chartered = scene.ledger.amend(&ADA, &wanted, scene.now).unwrap().unwrap();
        scene.fold(Entry::Chartered(Box::new(chartered)));
    };
    charter(&mut scene, "@id(\"all\")\npermit (principal, action, resource);");
    let wider = version("3", &[ActionKind::Build]);
    match want(&mut scene, &ADA, &wider, NOW) {
        Ok(Leave::Asked { rule, needed: 1, .. }) => assert_eq!(rule, "widening-asks-a-person"),
        other => panic!("{other:?}"),
    }
    let mut scene = self::scene();
    charter(&mut scene, "@id(\"none\")\npermit (principal, action == Action::\"plan\", resource);");
    let refused = want(&mut scene, &ADA, &version("3", &[ActionKind::Notify]), NOW);
    assert!(matches!(refused, Err(CommandError::NotActivated { .. })), "{refused:?}");
    assert!(
        want(&mut scene, &ADA, &version("3", &[ActionKind::Notify]), Purpose::Shadow).is_ok(),
        "a shadow says nothing"
    );
}

#[test]
fn where_two_have_to_say_yes_neither_the_uploader_nor_who_wants_it_counts() {
    let mut scene = scene();
    let wanted = Amendment { rules: Some(Rules::parse(PRODUCTION).unwrap()), settings: None };
    let chartered = scene.ledger.amend(&ADA, &wanted, scene.now).unwrap().unwrap();
    scene.fold(Entry::Chartered(Box::new(chartered)));
    let next = version("3", &[ActionKind::Notify]);
    upload(&mut scene, &BEN, &next);
    let Ok(Leave::Asked { id, needed: 2, .. }) = want(&mut scene, &ADA, &next, NOW) else { panic!("two are asked") };
    for (who, role) in [(&ADA, "wants this policy to decide"), (&BEN, "uploaded this policy")] {
        let expected = CommandError::NotCounted { id: id.clone(), who: who.identity(), role };
        assert_eq!(approve(&mut scene, who, &id), Err(expected));
    }
    approve(&mut scene, &EVE, &id).unwrap();
    assert!(matches!(approve(&mut scene, &EVE, &id), Err(CommandError::Twice { .. })));
    assert_eq!(scene.ledger.due(scene.now), None, "one is not two");
    approve(&mut scene, &Person::Uid(1003), &id).unwrap();
    assert_eq!(scene.ledger.due(scene.now), Some(Due::Activate { policy: digest("3") }));
    assert_eq!(scene.ledger.due(scene.now.plus_ms(u64::MAX)), scene.ledger.due(scene.now), "a yes stays one");
}

#[test]
fn another_charter_withdraws_what_waits() {
    let mut scene = scene();
    let next = version("3", &[ActionKind::Notify]);
    assert!(want(&mut scene, &ADA, &next, NOW).is_ok());
    assert!(scene.ledger.due(scene.now).is_some());
    let wanted = Amendment { rules: Some(Rules::parse(PRODUCTION).unwrap()), settings: None };
    let chartered = scene.ledger.amend(&ADA, &wanted, scene.now).unwrap().unwrap();
    scene.fold(Entry::Chartered(Box::new(chartered)));
    assert_eq!(scene.ledger.due(scene.now), None, "under this one two are asked");
    assert!(matches!(want(&mut scene, &ADA, &next, NOW), Ok(Leave::Asked { needed: 2, .. })));
}

#[test]
fn a_no_and_the_end_of_its_time_leave_the_one_that_decides() {
    let mut scene = scene();
    let wider = version("3", &[ActionKind::Build]);
    let Ok(Leave::Asked { id, expires, .. }) = want(&mut scene, &ADA, &wider, NOW) else { panic!("nobody is asked") };
    let late = Command::Approve { approval: id.clone(), comment: None };
    assert!(matches!(scene.ledger.permits(&BEN, &late, expires), Err(CommandError::Answered { .. })));
    answer(&mut scene, &BEN, Command::Deny { approval: id.clone(), comment: None }).unwrap();
    assert!(matches!(approve(&mut scene, &ADA, &id), Err(CommandError::Answered { .. })));
    assert_eq!((scene.ledger.due(scene.now), scene.ledger.policy.digest), (None, Some(digest("2"))));
}

#[test]
fn a_memo_is_carried_emptied_or_restored() {
    let mut scene = scene();
    let fate = |scene: &Scene| scene.ledger.policies.tenures.last().expect("somebody decides").memo.clone();
    let memo = |scene: &Scene| scene.ledger.policy.memo.as_ref().map(|memo| (memo.format.clone(), memo.bytes.clone()));
    turn(&mut scene, decided(Some(2)));
    let mut reader = version("3", &[ActionKind::Notify]);
    reader.reads_memos.push("all/2".to_owned());
    activate(&mut scene, &reader, wanted());
    assert_eq!(fate(&scene), MemoFate::Carried { format: "all/2".to_owned() });
    turn(&mut scene, decided(Some(3)));
    activate(&mut scene, &version("4", &[ActionKind::Notify]), wanted());
    assert_eq!((fate(&scene), memo(&scene)), (MemoFate::Emptied { format: "all/3".to_owned() }, None));
    turn(&mut scene, decided(Some(4)));
    let back = How::RolledBack { who: ADA, comment: None };
    activate(&mut scene, &version("2", &[ActionKind::Notify]), back);
    assert_eq!(fate(&scene), MemoFate::Restored { format: "all/2".to_owned() });
    assert_eq!(memo(&scene), Some(("all/2".to_owned(), vec![2])));
}

#[test]
fn an_operation_is_gained_though_an_action_has_its_name_and_a_second_upload_changes_no_uploader() {
    let mut scene = scene();
    let before = version("3", &[ActionKind::Configure]);
    let after = Description { operations: vec![crate::situation::Operation::Configure], ..before.clone() };
    assert_eq!(Widening::between(Some(&before), &after).gained, ["operation configure"]);
    assert_eq!(Widening::between(Some(&after), &before).lost, ["operation configure"]);
    let policy = upload(&mut scene, &ADA, &before);
    upload(&mut scene, &BEN, &before);
    assert_eq!(scene.ledger.policies.shelf[&policy].who, ADA);
}

/// A turn of the shadow.
fn shadowed(scene: &Scene, answer: Answered, refused: u32, differ: &[&str]) -> Entry {
    Entry::Shadowed(Box::new(Shadowed {
        at: scene.now,
        turn: scene.ledger.turn,
        policy: digest("3"),
        decided_at: scene.now,
        answer,
        logs: Vec::new(),
        fuel: 10,
        micros: 5,
        refused,
        differ: differ.iter().map(|line| (*line).to_owned()).collect(),
    }))
}

#[test]
fn a_shadow_is_counted_keeps_a_memo_of_its_own_and_is_promoted_after_clean_turns() {
    let mut scene = scene();
    let next = version("3", &[ActionKind::Notify]);
    assert!(want(&mut scene, &ADA, &next, Purpose::Activate { after: Some(3) }).is_ok());
    let take = |scene: &mut Scene, answer, refused, differ: &[&str]| {
        let entry = shadowed(scene, answer, refused, differ);
        scene.fold(entry);
        scene.ledger.due(scene.now)
    };
    assert_eq!(take(&mut scene, decided(Some(9)), 0, &["it would have waited"]), None);
    assert_eq!(take(&mut scene, decided(None), 0, &[]), None);
    assert_eq!(take(&mut scene, decided(None), 1, &[]), None, "a refusal begins the count anew");
    assert_eq!(take(&mut scene, decided(None), 0, &[]), None);
    assert_eq!(take(&mut scene, failed(), 0, &[]), None, "and so does a failure");
    assert_eq!(take(&mut scene, decided(None), 0, &[]), None);
    assert_eq!(take(&mut scene, aborted(), 0, &[]), None, "what the host gave up counts neither way");
    assert_eq!(take(&mut scene, decided(None), 0, &[]), None);
    assert_eq!(take(&mut scene, decided(None), 0, &[]), Some(Due::Activate { policy: digest("3") }));
    let shadow = scene.ledger.policies.shadow.clone().expect("it is there until it decides");
    assert_eq!((shadow.turns, shadow.differ, shadow.failed, shadow.aborted, shadow.refused), (9, 1, 1, 1, 1));
    assert_eq!((shadow.fuel, shadow.fuel_max, shadow.micros), (90, 10, 45));
    assert_eq!(shadow.memo.as_ref().map(|memo| memo.bytes.clone()), Some(vec![9]));
    assert_eq!(scene.ledger.policy.memo, None, "the one that decides has nothing of it");
    activate(&mut scene, &next, wanted());
    assert_eq!(scene.ledger.policies.shadow, None);
}

#[test]
fn settings_are_those_that_the_policy_described() {
    let mut scene = scene();
    let mut next = version("3", &[ActionKind::Notify]);
    let setting = |key: &str| Setting { key: key.to_owned(), default_value: "1".to_owned(), help: String::new() };
    next.settings = vec![setting("rest"), setting("limit")];
    let want = |scene: &Scene, set: &[Fact]| {
        let (policy, description) = (digest("3"), next.clone());
        let nomination = Nomination { policy, description, settings: set.to_vec(), purpose: NOW };
        scene.ledger.nominate(&ADA, &nomination, scene.now).map(|nominated| nominated.settings)
    };
    let set = want(&scene, &[Fact::new("limit", "7")]);
    assert_eq!(set, Ok(vec![Fact::new("rest", "1"), Fact::new("limit", "7")]));
    let unknown = want(&scene, &[Fact::new("lmit", "7")]);
    assert_eq!(unknown, Err(CommandError::NoSetting { key: "lmit".to_owned(), known: "rest, limit".to_owned() }));
    // The same policy with other settings is another activation; with the same ones it is none.
    activate(&mut scene, &next, wanted());
    scene.ledger.policy.settings = vec![Fact::new("rest", "1"), Fact::new("limit", "1")];
    assert!(want(&scene, &[Fact::new("limit", "7")]).is_ok());
    assert_eq!(want(&scene, &[]), Err(CommandError::DecidesAlready(digest("3").short(12))));
}

#[test]
fn a_policy_is_named_by_digest_or_by_name_and_version() {
    let scene = scene();
    let hex = digest("1").hex();
    for name in [hex.as_str(), &hex[..6], &format!("sha256:{hex}"), "all@1"] {
        assert_eq!(scene.ledger.policy_named(name), Ok(digest("1")), "{name}");
    }
    assert_eq!(scene.ledger.policy_named("steward"), Ok(fallback()));
    assert!(matches!(scene.ledger.policy_named("all"), Err(CommandError::ManyPolicies { .. })));
    for none in [&hex[..5], "nobody", ""] {
        assert_eq!(scene.ledger.policy_named(none), Err(CommandError::NoPolicy(none.to_owned())));
    }
}

#[test]
fn what_is_needed_stays_on_the_shelf() {
    let mut scene = scene();
    let remove = |scene: &mut Scene, name: &str| answer(scene, &ADA, Command::RemovePolicy { policy: digest(name) });
    assert!(matches!(remove(&mut scene, "2"), Err(CommandError::PolicyUsed { role, .. }) if role.contains("decides")));
    let next = version("3", &[ActionKind::Build]);
    upload(&mut scene, &ADA, &next);
    assert!(want(&mut scene, &ADA, &next, Purpose::Activate { after: Some(1) }).is_ok());
    assert!(matches!(remove(&mut scene, "3"), Err(CommandError::PolicyUsed { role, .. }) if role.contains("waits")));
    let id = scene.ledger.policies.nominee.as_ref().and_then(Nominee::id).cloned().expect("a person is asked");
    answer(&mut scene, &ADA, Command::Deny { approval: id, comment: None }).unwrap();
    assert!(matches!(remove(&mut scene, "3"), Err(CommandError::PolicyUsed { role, .. }) if role.contains("shadow")));
    answer(&mut scene, &ADA, Command::Unshadow).unwrap();
    assert_eq!(answer(&mut scene, &ADA, Command::Unshadow), Err(CommandError::NoShadow));
    remove(&mut scene, "3").unwrap();
    remove(&mut scene, "1").unwrap();
    assert_eq!(scene.ledger.policies.before(digest("2")), [fallback()], "what is gone can't be gone back to");
    assert!(matches!(remove(&mut scene, "9"), Err(CommandError::NoPolicy(_))));
}
