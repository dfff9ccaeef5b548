//! Tables: what is so, and what an object says of it.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::ApprovalId;
use quarterdeck_core::mission::{MissionSpec, ObjectVersion, OnDelete, When};
use quarterdeck_core::observation::{Observation, SeenMission};
use quarterdeck_core::situation::{Autonomy, Operation};

use super::*;
use crate::apiserver::mission::End;
use crate::view::{self, AppliedView};

const START: Timestamp = Timestamp(1_795_000_000_000);

fn version(uid: &str, generation: u64) -> ObjectVersion {
    ObjectVersion { uid: uid.to_owned(), generation, on_delete: OnDelete::Retain }
}

fn known(version: ObjectVersion) -> KnownMission {
    KnownMission {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        version,
        problem: None,
        end: End::default(),
        status: None,
    }
}

/// A ledger that has taken the object, and what is seen of it.
fn taken(version: ObjectVersion) -> (View, Ledger) {
    let spec = MissionSpec {
        name: MissionName::parse("shop/web").unwrap(),
        goal: "sell".to_owned(),
        autonomy: Autonomy::Approve,
        desired: DesiredState::Present,
        when: When::Always,
        offers: Vec::new(),
        plan: Digest::of(b"files"),
        facts: Vec::new(),
        labels: Vec::new(),
        author: None,
        providers: Vec::new(),
        source: "mission shop/web".to_owned(),
        object: Some(version),
    };
    let missions = vec![SeenMission::in_file(spec.source.clone(), Ok(spec))];
    let mut ledger = Ledger::default();
    let observation = Observation { at: START, missions, ..Observation::default() };
    ledger.news(&observation).iter().for_each(|entry| ledger.fold(entry));
    (view::look(&ledger, None, START), ledger)
}

fn plan(saved: &str) -> PlanView {
    PlanView {
        saved: Digest::of(saved.as_bytes()),
        rendered: Digest::of(b"text"),
        destroy: false,
        adds: 2,
        changes: 1,
        replaces: 0,
        destroys: 0,
        made: START,
        stale: false,
        dangers: Vec::new(),
        touches: Vec::new(),
    }
}

fn asked(state: ApprovalState) -> ApprovalView {
    ApprovalView {
        rehearsal: false,
        id: ApprovalId::parse("a-0123456789").unwrap(),
        mission: "shop/web".to_owned(),
        generation: 1,
        operation: Operation::Apply,
        destroy: false,
        state,
        requested: START,
        expires: START.plus_ms(1),
        needed: 2,
        given: 1,
        who: Some("ada".to_owned()),
        answered: None,
        comment: None,
        used: false,
        saved: Digest::of(b"p1"),
        rendered: None,
        summary: None,
        dangers: Vec::new(),
        touches: Vec::new(),
        policy: Digest::ZERO,
        charter: Digest::ZERO,
    }
}

fn said(status: &MissionStatus, kind: &str) -> String {
    let condition = status.conditions.iter().find(|condition| condition.kind == kind).expect("it is told");
    format!("{} {}", condition.status, condition.reason)
}

#[test]
fn every_condition_is_told_and_says_of_which_generation() {
    let (view, ledger) = taken(version("u", 3));
    let status = status(&known(version("u", 3)), Some((&view, &ledger)), None, START).unwrap();
    let kinds: Vec<&str> = status.conditions.iter().map(|condition| condition.kind.as_str()).collect();
    assert_eq!(kinds, ["Planned", "Approved", "Applied", "Verified", "Drifted", "Ready"]);
    assert!(status.observed_generation == 3 && status.conditions.iter().all(|said| said.observed_generation == 3));
    assert_eq!((status.phase.as_str(), status.plan, status.applied), ("Pending", None, None));
}

#[test]
fn what_is_so_is_what_is_said() {
    type Change = fn(&mut View);
    fn with_plan(view: &mut View) {
        view.missions[0].plan = Some(plan("p1"));
    }
    fn with_approval(view: &mut View, state: ApprovalState) {
        with_plan(view);
        view.approvals = vec![asked(state)];
    }
    fn with_applied(view: &mut View, saved: &str) {
        view.missions[0].plan = Some(PlanView { stale: true, ..plan("p1") });
        let saved = Digest::of(saved.as_bytes());
        view.missions[0].applied = Some(AppliedView { saved, generation: 1, destroy: false, at: START });
    }
    let table: [(Change, &str, &str); 14] = [
        (|view| with_applied(view, "p1"), "Planned", "True Applied"),
        (|view| with_applied(view, "p0"), "Planned", "False Stale"),
        (|_| {}, "Planned", "False NoPlan"),
        (|view| view.missions[0].phase = Phase::Planning, "Planned", "False Planning"),
        (with_plan, "Planned", "True Planned"),
        (with_plan, "Approved", "Unknown NotAsked"),
        (|view| with_approval(view, ApprovalState::Pending), "Approved", "False AwaitingApproval"),
        (|view| with_approval(view, ApprovalState::Granted), "Approved", "True Granted"),
        (|view| with_approval(view, ApprovalState::Denied), "Approved", "False Denied"),
        (|view| view.missions[0].phase = Phase::Applying, "Applied", "False Applying"),
        (|view| view.missions[0].phase = Phase::Ready, "Verified", "True Verified"),
        (|view| view.missions[0].phase = Phase::Ready, "Drifted", "False AsApplied"),
        (|view| view.missions[0].phase = Phase::Degraded, "Drifted", "True Drifted"),
        (|view| view.missions[0].phase = Phase::Held, "Verified", "Unknown NotVerified"),
    ];
    for (change, kind, expected) in table {
        let (mut view, ledger) = taken(version("u", 1));
        change(&mut view);
        let status = status(&known(version("u", 1)), Some((&view, &ledger)), None, START).unwrap();
        assert_eq!(said(&status, kind), expected);
    }
    let (mut view, ledger) = taken(version("u", 1));
    with_approval(&mut view, ApprovalState::Pending);
    let status = status(&known(version("u", 1)), Some((&view, &ledger)), None, START).unwrap();
    let plan = status.plan.unwrap();
    assert_eq!((plan.adds, plan.changes, plan.approval.as_deref()), (2, 1, Some("a-0123456789")));
    assert_eq!(plan.digest, Digest::of(b"p1").to_string());
    // An answer to another plan is none to this one.
    view.approvals[0].saved = Digest::of(b"p0");
    let other = super::status(&known(version("u", 1)), Some((&view, &ledger)), None, START).unwrap();
    assert_eq!((said(&other, "Approved").as_str(), other.plan.unwrap().approval), ("Unknown NotAsked", None));
}

#[test]
fn nothing_is_said_of_what_the_loop_has_not_taken() {
    let (view, ledger) = taken(version("u", 1));
    let of = |known: &KnownMission| status(known, Some((&view, &ledger)), None, START);
    assert!(of(&known(version("u", 1))).is_some());
    assert_eq!(of(&known(version("u", 2))), None, "a newer version");
    assert_eq!(of(&known(version("another", 1))), None, "another object of that name");
    assert_eq!(status(&known(version("u", 1)), None, None, START), None, "no turn was taken yet");
}

#[test]
fn an_object_that_is_no_mission_says_why_and_what_stays_in_force() {
    let (mut view, ledger) = taken(version("u", 1));
    view.missions[0].plan = Some(plan("p1"));
    let broken = |uid: &str| KnownMission { problem: Some("a\u{202e}b\nc".to_owned()), ..known(version(uid, 2)) };
    let edited = status(&broken("u"), Some((&view, &ledger)), None, START).unwrap();
    assert_eq!(
        (edited.phase.as_str(), edited.message.as_str(), edited.observed_generation),
        ("Invalid", "a\\u{202e}b; c", 2)
    );
    assert_eq!((said(&edited, "Ready").as_str(), said(&edited, "Planned").as_str()), ("False Invalid", "True Planned"));
    assert!(edited.conditions.last().unwrap().message.ends_with("the last good version stays in force"));
    // Of an earlier object of its name nothing is said.
    for seen in [Some((&view, &ledger)), None] {
        let fresh = status(&broken("other"), seen, None, START).unwrap();
        assert_eq!((fresh.conditions.len(), said(&fresh, "Ready").as_str(), fresh.plan), (1, "False Invalid", None));
    }
}

#[test]
fn a_condition_holds_since_its_status_changed_and_time_alone_changes_nothing() {
    let (mut view, ledger) = taken(version("u", 1));
    let at = |view: &View, before: Option<&MissionStatus>, ms: u64| {
        status(&known(version("u", 1)), Some((view, &ledger)), before, START.plus_ms(ms)).unwrap()
    };
    let first = at(&view, None, 0);
    assert_eq!(at(&view, Some(&first), 5_000), first);
    view.missions[0].phase = Phase::Ready;
    view.missions[0].message = "x".repeat(5_000);
    let second = at(&view, Some(&first), 9_000);
    let since = |status: &MissionStatus, kind: &str| {
        status.conditions.iter().find(|said| said.kind == kind).unwrap().last_transition_time.clone()
    };
    assert_eq!(
        (since(&second, "Planned"), since(&second, "Verified")),
        (since(&first, "Planned"), rfc3339(START.plus_ms(9_000)))
    );
    assert!(second.message.len() <= MESSAGE_BYTES_MAX);
}
