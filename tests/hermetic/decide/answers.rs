//! What a policy answers: the same for the same bytes, within its limits, and in time.

use std::sync::Arc;
use std::time::Duration;

use quarterdeck::decide::{Answer, Class, HostAbort, Level, Sandbox, decide, decide_within, identity};
use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_tests::{guests, shape};

use super::{SANDBOX, policy};

fn bytes(kib: usize) -> Vec<u8> {
    encoding::encode(&shape::situation(kib << 10))
}

#[test]
fn the_same_bytes_give_the_same_answer_and_the_same_fuel() {
    let first = policy("floor");
    let second = Sandbox::new().expect("another sandbox").load(&guests::named("floor").expect("the floor"));
    let second = second.expect("the floor");
    assert_eq!(first.digest(), second.digest());
    for kib in [1, 16, 64, 250] {
        let situation = bytes(kib);
        let answer = first.decide(&situation);
        assert_eq!(answer.class, Class::Decided(encoding::encode(&Decision::default())), "{kib} KiB");
        assert!(answer.fuel > 0);
        assert_eq!(answer, first.decide(&situation));
        assert_eq!(answer, second.decide(&situation));
    }
}

#[test]
fn what_is_no_situation_is_the_hosts_fault() {
    let floor = policy("floor");
    for wrong in [&b""[..], b"\x02", b"\x09\x00", &vec![0; 300 << 10]] {
        assert_eq!(floor.decide(wrong).class.name(), "host:situation");
    }
}

#[test]
fn a_log_is_kept_cut_escaped_and_counted() {
    let answer = policy("chatty").decide(&bytes(1));
    assert_eq!(answer.class.name(), "decided");
    assert_eq!(answer.logs[0].level, Level::Warn);
    assert_eq!(answer.logs[0].text, "\\u{1b}[2J\\nINFO approved by=admin");
    // A line of 64 KiB, then a thousand more.
    assert_eq!(answer.logs[1].text.len(), 1 << 10);
    assert!(answer.logs[1].text.ends_with('…'));
    assert_eq!(answer.logs.len(), 100);
    assert_eq!(answer.logs_dropped, 902);
    let (_, lines, _) = answer.into_journal();
    assert_eq!(lines.last().map(String::as_str), Some("… and 902 further lines"));
}

#[test]
fn an_error_that_a_policy_says_is_kept_for_people() {
    let answer = policy("hostile/error-said").decide(&bytes(1));
    let Class::GuestFailure { detail, .. } = &answer.class else { panic!("{answer:?}") };
    assert_eq!(detail, "no\\u{1b}[2J\\nyes");
}

#[test]
fn a_failure_says_where_the_guest_was_and_what_it_used() {
    let answer = policy("lost").decide(&bytes(1));
    assert_eq!(answer.class.name(), "guest:trap");
    assert_eq!(answer.logs[0].text, "going");
    // One page of memory; the tables of the component's own adapters are counted as well.
    assert!((1 << 16..1 << 20).contains(&answer.memory_bytes), "{}", answer.memory_bytes);
    let [inner, outer, _exported] = &answer.backtrace[..] else { panic!("{:?}", answer.backtrace) };
    let (offset, name) = inner.split_once(' ').expect("an offset and a name");
    assert!(offset.starts_with("0x"), "{inner}");
    assert_eq!(name, "lookout::is_new");
    assert!(outer.ends_with(" a \\u{1b}[2J name"), "{outer}");
}

#[test]
fn a_backtrace_is_short_however_deep_a_guest_was() {
    let answer = policy("hostile/recurse").decide(&bytes(1));
    assert_eq!((answer.class.name().as_str(), answer.backtrace.len()), ("host:stack", 8));
    assert!(answer.backtrace.iter().all(|frame| frame.len() <= 200), "{:?}", answer.backtrace);
}

#[test]
fn what_is_for_people_alone_changes_nothing_that_is_journaled() {
    let answer = policy("lost").decide(&bytes(1));
    let bare = Answer { memory_bytes: 0, backtrace: vec![], ..answer.clone() };
    assert_ne!(bare, answer);
    assert_eq!(bare.into_journal(), answer.into_journal());
}

#[tokio::test]
async fn a_decision_on_a_thread_of_its_own_is_the_same_decision() {
    let floor = Arc::new(policy("floor"));
    let situation: Arc<[u8]> = bytes(16).into();
    assert_eq!(decide(floor.clone(), situation.clone()).await, floor.decide(&situation));
}

#[tokio::test]
async fn a_thread_that_does_not_come_back_costs_its_turn_and_no_other() {
    // A sandbox of its own, since the threads under way are counted.
    let sandbox = Sandbox::new().expect("a sandbox");
    let load = |name| Arc::new(sandbox.load(&guests::named(name).expect("a guest")).expect("a policy"));
    let (slow, good) = (load("hostile/loop-forever"), load("floor"));
    let situation: Arc<[u8]> = bytes(1).into();
    let aborted = |kind| move |class: &Class| matches!(class, Class::HostAbort { kind: k, .. } if *k == kind);

    let given_up = decide_within(Duration::from_millis(1), slow.clone(), situation.clone()).await;
    assert!(aborted(HostAbort::Deadline)(&given_up.class), "{given_up:?}");
    assert_eq!(sandbox.under_way(), 1);
    assert_eq!(decide(good.clone(), situation.clone()).await.class.name(), "decided");

    // When too many hang, nothing more is started.
    for _ in 0..5 {
        decide_within(Duration::ZERO, slow.clone(), situation.clone()).await;
    }
    let full = decide(good.clone(), situation.clone()).await;
    assert!(aborted(HostAbort::Pool)(&full.class), "{full:?}");

    // They end by their fuel, and then there is room again.
    while sandbox.under_way() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(decide(good, situation).await.class.name(), "decided");
}

#[test]
fn what_calls_into_the_engine_costs_more_than_an_instruction() {
    // A million calls that do nothing: at the price of an instruction, such a loop would outlast its fuel by the clock.
    for guest in ["hostile/memory-grow-zero", "hostile/table-grow-zero"] {
        let fuel = policy(guest).decide(&bytes(1)).fuel;
        assert!((250_000_000..300_000_000).contains(&fuel), "{guest} took {fuel} of fuel");
    }
}

#[test]
fn the_identity_names_the_engine_that_is_linked() {
    let lock = include_str!("../../../Cargo.lock");
    let at = lock.find("name = \"wasmtime\"\n").expect("wasmtime is in the lock file");
    let version = lock[at..].lines().nth(1).and_then(|line| line.split('"').nth(1)).expect("its version");
    assert_eq!(identity().engine, format!("wasmtime {version}"));
    assert_eq!(identity(), identity());
}

#[test]
fn a_policy_says_what_it_is() {
    let floor = policy("floor");
    assert_eq!((floor.description().name.as_str(), floor.description().version.as_str()), ("guest", "1.0.0"));
    assert_eq!(SANDBOX.under_way(), 0);
}
