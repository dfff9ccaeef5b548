//! Workers as processes: started once, outliving the host, never reported as ended before what they left is safe.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod far;
mod place;
mod whole;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use place::{Place, kind, succeeded};
use quarterdeck::act::process::lives;
use quarterdeck::act::{Left, Shelf, ShelfError};
use quarterdeck::act::{Word, Workers};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::order::{End, NamedObject, ObjectKind, Order, StateRef, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{ChangeSummary, Failure, Operation};
use quarterdeck_tests::ordered::{self, clock, state};
use quarterdeck_worker::protocol::LockInfo;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_worker_gets_its_inputs_and_its_end_is_reported_once_all_is_safe() {
    let place = Place::new();
    let result = place.leaves_plan();
    let order = place.order(Operation::Plan);
    let host = place.host("ends");
    host.start(&order);
    assert_eq!(host.result(), result);
    for blob in [&b"PK plan"[..], b"{\"a\":1}", b"+ net"] {
        assert_eq!(place.blobs.get(&Digest::of(blob)).unwrap().as_deref(), Some(blob));
    }
    let run = place.run_folder(&order);
    assert_eq!(fs::read(run.join("files.bin")).unwrap(), ordered::files());
    assert_eq!((mode(&run), mode(&run.join("order.json")), mode(&run.join("worker.log"))), (0o700, 0o600, 0o600));
    let environment = fs::read_to_string(run.join("environment")).unwrap();
    let ours =
        |line: &str| ["PATH=/usr/bin:/bin"].contains(&line) || line.starts_with("PWD=") || line.starts_with("OLDPWD=");
    let shells = |line: &str| line.starts_with("SHLVL=") || line.starts_with("_=");
    assert!(environment.lines().all(|line| ours(line) || shells(line)), "{environment}");
    host.forget(&order);
    assert!(!run.exists());
}

#[test]
fn an_apply_gets_exactly_the_approved_bytes() {
    let place = Place::new();
    place.leaves(&WorkerResult { summary: Some(ChangeSummary::default()), ..succeeded() });
    let order = place.order(Operation::Apply);
    let host = place.host("ends");
    host.start(&order);
    assert_eq!(host.result().end, End::Succeeded);
    let saved = place.run_folder(&order).join("in-saved.tfplan");
    assert_eq!((fs::read(&saved).unwrap(), mode(&saved)), (b"saved".to_vec(), 0o600));
    assert_eq!(fs::read(place.run_folder(&order).join("in-plan.json")).unwrap(), b"{}");
}

#[test]
fn what_can_not_be_started_is_a_failure_and_leaves_nothing() {
    let place = Place::new();
    let order = place.order(Operation::Apply);
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Order));
    let cases: [Case<'_>; 3] = [
        ("saved plan", &|order| order.apply.as_mut().unwrap().saved = Digest::of(b"lost")),
        ("rehearsal", &|order| order.rehearsal = true),
        ("/nowhere/worker", &|_| ()),
    ];
    for (says, change) in cases {
        let mut order = order.clone();
        change(&mut order);
        let host = place.host_of("/nowhere/worker", &[]);
        host.start(&order);
        let result = host.result();
        let message = &result.failure.as_ref().unwrap().message;
        assert!(result.end == End::Failed && kind(&result) == "start" && message.contains(says), "{message}");
        assert!(!place.run_folder(&order).exists());
        host.forget(&order);
    }
}

#[test]
fn a_worker_outlives_the_host_and_is_adopted() {
    let place = Place::new();
    place.leaves(&WorkerResult { end: End::Cancelled, ..succeeded() });
    let order = place.order(Operation::Apply);
    let first = place.host("waits");
    first.start(&order);
    first.doing("waiting");
    drop(first);
    assert!(lives(&place.path("work"), &order.name));
    let second = place.host("ends");
    let seen = second.workers.reports();
    assert!(seen.len() == 1 && seen[0].order == order.name && seen[0].result.is_none(), "seen at once: {seen:?}");
    second.workers.tell(Word::Forget(order.name.clone()));
    second.start(&order);
    second.doing("waiting");
    second.workers.tell(Word::Cancel(order.name.clone()));
    assert_eq!(second.result().end, End::Cancelled);
    assert!(!lives(&place.path("work"), &order.name));
    drop(second);
    let third = place.host("ends");
    assert_eq!(third.workers.reports()[0].result.as_ref().unwrap().end, End::Cancelled, "and its end is seen again");
}

#[test]
fn what_a_host_prepared_and_did_not_start_is_started_and_half_a_folder_goes() {
    let place = Place::new();
    let result = place.leaves_plan();
    let order = place.order(Operation::Plan);
    fs::create_dir_all(place.run_folder(&order)).unwrap();
    fs::write(place.run_folder(&order).join("order.json"), serde_json::to_vec(&order).unwrap()).unwrap();
    let half = place.path("work").join("apply-web-0123456789ab");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("config.json"), b"{").unwrap();
    let host = place.host("ends");
    assert_eq!(host.workers.reports().len(), 1);
    assert!(!half.exists());
    assert_eq!(host.result(), result);
}

#[test]
fn the_states_of_a_worker_that_died_are_taken_in_before_it_is_lost() {
    let place = Place::new();
    let order = place.order(Operation::Apply);
    let lock = LockInfo { id: "l1".into(), operation: String::new(), who: String::new() };
    place.states.lock(&order.name, &lock).unwrap();
    fs::write(place.path("000001"), state("a", 1, "one")).unwrap();
    fs::write(place.path("000002"), state("a", 2, "two")).unwrap();
    fs::write(place.path("errored.tfstate"), state("a", 4, "four")).unwrap();
    let host = place.host("dies");
    host.start(&order);
    let result = host.result();
    let message = &result.failure.as_ref().unwrap().message;
    assert!(result.end == End::Lost && kind(&result) == "crashed" && message.contains("out of memory"), "{message}");
    assert_eq!(result.state.as_ref().unwrap().serial, 4);
    assert_eq!(result.objects.as_ref().unwrap()[0].name, "four");
    assert_eq!(place.book.ledger().missions[&ordered::mission()].state, result.state);
    let listed = place.states.list().unwrap().remove(0);
    assert_eq!(listed.versions.iter().map(|version| version.serial).collect::<Vec<_>>(), [1, 2, 4]);
    assert!(listed.lock.is_none());
}

#[test]
fn a_state_that_does_not_fit_is_set_aside_and_said() {
    let place = Place::new();
    place.leaves(&succeeded());
    let order = place.order(Operation::Apply);
    place.states.put(&order.name, None, &state("a", 7, "one")).unwrap();
    fs::write(place.path("000001"), state("b", 8, "two")).unwrap();
    let host = place.host("ends");
    host.start(&order);
    let result = host.result();
    let failure = result.failure.unwrap();
    assert!(
        failure.kind == "conflict" && !failure.retryable && failure.message.contains("another lineage"),
        "{failure:?}"
    );
    let folder = place.path("state").join(ordered::mission().as_str());
    let aside = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("refused-"));
    assert_eq!(fs::read(aside.unwrap().path()).unwrap(), state("b", 8, "two"));
}

/// A host that starts on a damaged folder of states: the worker that the last host left has ended all the same, so a person
/// can mend the folder.
#[test]
fn a_damaged_folder_of_states_keeps_no_dead_worker_from_ending() {
    let place = Place::new();
    let order = place.order(Operation::Apply);
    place.states.put(&order.name, None, &state("a", 1, "one")).unwrap();
    let kept = place.path("state").join(ordered::mission().as_str()).join("000001-1.tfstate");
    fs::write(kept, b"{").unwrap();
    let run = place.run_folder(&order);
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("order.json"), serde_json::to_vec(&order).unwrap()).unwrap();
    fs::write(run.join("claimed"), "process 7 started 9").unwrap();
    let host = place.host("ends");
    let failure = host.workers.reports().remove(0).result.expect("it has ended at the first look").failure.unwrap();
    assert!(failure.kind == "conflict" && failure.message.contains("import a state"), "{failure:?}");
}

#[test]
fn a_worker_is_not_gone_while_its_tool_lives() {
    let place = Place::new();
    let order = place.order(Operation::Apply);
    fs::write(place.path("000001"), state("a", 1, "one")).unwrap();
    let host = place.host("orphans");
    host.start(&order);
    host.doing("applying");
    drop(host);
    let host = place.host("orphans");
    host.doing("applying");
    assert!(lives(&place.path("work"), &order.name), "the worker is dead and what it started is not");
    assert!(place.states.list().unwrap().is_empty(), "so its states are not taken in yet");
    host.workers.tell(Word::Cancel(order.name.clone()));
    let result = host.result();
    assert_eq!((result.end, result.state.unwrap().serial), (End::Lost, 1));
}

#[test]
fn a_worker_that_dies_of_being_told_to_stop_leaves_no_tool_at_work() {
    let place = Place::new();
    let order = place.order(Operation::Apply);
    let host = place.host("bereaves");
    host.start(&order);
    host.doing("applying");
    host.workers.tell(Word::Cancel(order.name.clone()));
    assert_eq!(host.result().end, End::Lost);
    assert!(!lives(&place.path("work"), &order.name));
}

#[test]
fn a_worker_that_misses_its_end_is_killed_with_all_that_it_started() {
    let place = Place::new();
    let mut order = ordered::order(Operation::Apply, 1);
    order.deadline = Timestamp(clock().0 - 60_001);
    ordered::start(&place.book, &order);
    let host = place.host("deaf");
    host.start(&order);
    let result = host.result();
    assert!(matches!(kind(&result), "deadline") && result.end == End::Lost, "{result:?}");
    assert!(!lives(&place.path("work"), &order.name));
}

#[test]
fn a_number_that_is_used_again_is_never_signalled() {
    let place = Place::new();
    let mut order = place.order(Operation::Apply);
    order.deadline = Timestamp(1);
    let mut stranger = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
    let run = place.run_folder(&order);
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("order.json"), serde_json::to_vec(&order).unwrap()).unwrap();
    fs::write(run.join("alive"), b"").unwrap();
    fs::write(run.join("process"), format!("{} 1", stranger.id())).unwrap();
    fs::write(run.join("claimed"), format!("process {} started 1", stranger.id())).unwrap();
    // Somebody holds the lock, so that the worker seems to live and its deadline is enforced.
    let held = fs::File::open(run.join("alive")).unwrap();
    held.lock().unwrap();
    let host = place.host("ends");
    host.workers.tell(Word::Cancel(order.name.clone()));
    host.until("one worker", |reports| (reports.first()?.result.is_none()).then_some(()));
    drop(held);
    assert_eq!(host.result().end, End::Lost);
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn what_a_worker_says_is_compared_with_what_it_left() {
    let unknown = |result: &WorkerResult| {
        let mut value = serde_json::to_value(result).unwrap();
        value["saved"]["more"] = 1.into();
        serde_json::to_vec(&value).unwrap()
    };
    let named = |result: &WorkerResult| {
        let state = StateRef { lineage: "a".into(), serial: 9, digest: Digest::ZERO };
        serde_json::to_vec(&WorkerResult { state: Some(state), ..result.clone() }).unwrap()
    };
    type Lie<'a> = (&'a str, &'a dyn Fn(&Place, &WorkerResult));
    let lies: [Lie<'_>; 6] = [
        ("the saved plan is not the one", &|place, _| fs::write(place.path("out-saved.tfplan"), "other").unwrap()),
        ("the plan as text is not there", &|place, _| fs::remove_file(place.path("out-plan.txt")).unwrap()),
        ("fields that are not known", &|place, result| fs::write(place.path("result.json"), unknown(result)).unwrap()),
        ("can't be read", &|place, _| fs::write(place.path("result.json"), b"{\"end\":\"succ").unwrap()),
        ("has no saved plan", &|place, _| place.leaves(&succeeded())),
        ("another state", &|place, result| fs::write(place.path("result.json"), named(result)).unwrap()),
    ];
    for (says, lie) in lies {
        let place = Place::new();
        let result = place.leaves_plan();
        lie(&place, &result);
        let host = place.host("ends");
        host.start(&place.order(Operation::Plan));
        let result = host.result();
        let failure = result.failure.as_ref().unwrap();
        assert!(failure.kind == "conflict" && failure.message.contains(says), "{says}: {failure:?}");
        assert!(result.end == End::Failed && result.saved.is_none());
    }
}

#[test]
fn what_a_worker_says_is_redacted_and_bounded() {
    let place = Place::new();
    let message = format!("login with hunter2hunter2 failed\u{1b}[2J {}", "x".repeat(5_000));
    let failure = Failure { kind: "auth".into(), message, retryable: true, remedies: vec!["r".into(); 100] };
    place.leaves(&WorkerResult::failed(End::Failed, failure));
    let host = place.host("ends");
    host.start(&place.order(Operation::Plan));
    let failure = host.result().failure.unwrap();
    assert!(!failure.message.contains("hunter2") && !failure.message.contains('\u{1b}'), "{}", failure.message);
    assert!(failure.message.contains("[redacted:") && failure.message.len() <= 1_024 && failure.remedies.len() <= 16);
}

/// What a state names is called as the engine's view calls it, which passes the same function with the same key.
#[test]
fn an_object_that_is_named_like_a_secret_is_reported_without_it() {
    let place = Place::new();
    let secret = format!("ghp_{}", "Ab1".repeat(12));
    let address = format!("docker_volume.v[\"{secret}\"]");
    let named = NamedObject { kind: ObjectKind::Volume, name: secret.clone(), id: secret.clone(), address };
    place.leaves(&WorkerResult { objects: Some(vec![named]), ..succeeded() });
    let host = place.host("ends");
    host.start(&place.order(Operation::Apply));
    let object = host.result().objects.unwrap().remove(0);
    assert_eq!((&object.id, &object.name), (&Redactor::new([7; 32]).name(&secret), &object.id));
    assert!(object.id.starts_with("[redacted:") && !format!("{object:?}").contains("ghp_"), "{object:?}");
}

#[test]
fn a_worker_without_a_claim_has_touched_nothing() {
    let place = Place::new();
    let host = place.host("refused");
    host.start(&place.order(Operation::Apply));
    let result = host.result();
    let message = &result.failure.as_ref().unwrap().message;
    assert!(
        result.end == End::Failed && kind(&result) == "start" && message.contains("the claim was refused"),
        "{message}"
    );
    assert!(result.state.is_none());
}

#[test]
fn a_disk_that_hangs_moves_nobody_who_only_tells_and_reads() {
    struct Hung(Arc<AtomicBool>);
    impl Shelf for Hung {
        fn blob(&self, _: &Digest) -> Result<Option<Vec<u8>>, ShelfError> {
            while !self.0.load(Ordering::SeqCst) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            Ok(None)
        }
        fn keep_blob(&self, bytes: &[u8]) -> Result<Digest, ShelfError> {
            Ok(Digest::of(bytes))
        }
        fn take_in(
            &self,
            _: &Order,
            _: &mut dyn Iterator<Item = std::io::Result<Vec<u8>>>,
        ) -> Result<Left, ShelfError> {
            Ok(Default::default())
        }
    }
    let place = Place::new();
    let released = Arc::new(AtomicBool::new(false));
    let host = place.host_with("/nowhere/worker", &[], Arc::new(Hung(released.clone())));
    let begun = Instant::now();
    for attempt in 1..=100 {
        host.start(&ordered::order(Operation::Plan, attempt));
        assert!(host.workers.reports().is_empty());
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    released.store(true, Ordering::SeqCst);
    host.until("a hundred failures", |reports| (reports.len() == 100).then_some(()));
}
