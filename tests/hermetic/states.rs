//! States, locks and claims: nothing is kept that does not follow, nothing that was kept is lost, and an order is given
//! once.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use quarterdeck::api::workers::{Desk, listen, serve};
use quarterdeck::remember::states::{LockFault, StateFault, VERSIONS_KEPT};
use quarterdeck::remember::{Book, ClaimError, StateStore, claim};
use quarterdeck_core::charter::Charter;
use quarterdeck_core::finding;
use quarterdeck_core::observation::{EngineObject, EngineState, EngineView, Observation, Person};
use quarterdeck_core::order::{ObjectKind, Order};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::Operation;
use quarterdeck_tests::ordered::{self, clock, state};
use quarterdeck_worker::protocol::LockInfo;
use serde_json::json;

struct Store {
    folder: tempfile::TempDir,
    book: Arc<Book>,
    states: Arc<StateStore>,
    order: Order,
    lives: Arc<AtomicBool>,
}

impl Store {
    /// A store with an apply at work that has claimed its order.
    fn new() -> Store {
        let folder = tempfile::tempdir().unwrap();
        let book = ordered::book(&folder.path().join("journal"));
        let order = ordered::order(Operation::Apply, 1);
        ordered::start(&book, &order);
        claim(&book, &order.name, "process 7 started 9", clock()).unwrap();
        let lives = Arc::new(AtomicBool::new(true));
        let states = open(folder.path(), &book, &lives);
        Store { folder, book, states, order, lives }
    }

    fn put(&self, bytes: &[u8]) -> Result<u64, StateFault> {
        self.states.put(&self.order.name, None, bytes).map(|state| state.serial)
    }

    fn serials(&self) -> Vec<u64> {
        let missions = self.states.list().unwrap();
        missions.iter().flat_map(|mission| &mission.versions).map(|version| version.serial).collect()
    }

    fn next_order(&self, attempt: u32) -> Order {
        let order = ordered::order(Operation::Apply, attempt);
        ordered::start(&self.book, &order);
        claim(&self.book, &order.name, "process 8 started 9", clock()).unwrap();
        order
    }
}

fn open(folder: &Path, book: &Arc<Book>, lives: &Arc<AtomicBool>) -> Arc<StateStore> {
    let lives = lives.clone();
    let lives = Arc::new(move |_: &_| lives.load(Ordering::SeqCst));
    Arc::new(StateStore::open(&folder.join("state"), book.clone(), clock, lives, Redactor::new([7; 32])).unwrap())
}

fn info(id: &str) -> LockInfo {
    LockInfo { id: id.into(), operation: "OperationTypeApply".into(), who: "root@here".into() }
}

#[test]
fn a_version_is_kept_only_where_it_follows() {
    let store = Store::new();
    assert_eq!(store.put(&state("a", 3, "one")).unwrap(), 3);
    let entries = store.book.ledger().entries;
    assert_eq!(store.put(&state("a", 3, "one")).unwrap(), 3, "the same version twice is the same version");
    assert_eq!(store.book.ledger().entries, entries, "and is journaled once");
    assert!(matches!(store.put(&state("b", 4, "one")), Err(StateFault::Lineage { .. })));
    assert!(matches!(store.put(&state("a", 3, "two")), Err(StateFault::Serial { brought: 3, kept: 3 })));
    assert!(matches!(store.put(&state("a", 2, "one")), Err(StateFault::Serial { brought: 2, kept: 3 })));
    assert!(matches!(store.put(b"{\"version\":4"), Err(StateFault::NoState(_))));
    assert_eq!(store.put(&state("a", 5, "two")).unwrap(), 5);
    assert_eq!(store.put(&state("a", 3, "one")).unwrap(), 3, "an answer that was lost is asked for again");
    assert_eq!(store.serials(), [3, 5]);
    let (newest, bytes) = store.states.newest_of(&store.order.name).unwrap().unwrap();
    assert_eq!((newest.serial, bytes), (5, state("a", 5, "two")));
    assert_eq!(store.book.ledger().missions[&ordered::mission()].state, Some(newest));
}

#[test]
fn only_an_order_at_work_brings_a_state() {
    let store = Store::new();
    let unclaimed = ordered::order(Operation::Apply, 2);
    let put = |order: &Order| store.states.put(&order.name, None, &state("a", 1, "one"));
    assert!(matches!(put(&unclaimed), Err(StateFault::UnknownOrder(_))));
    ordered::start(&store.book, &unclaimed);
    assert!(matches!(put(&unclaimed), Err(StateFault::NotClaimed(_))));
    ordered::end(&store.book, &store.order.name);
    assert!(matches!(put(&store.order), Err(StateFault::Ended(_))));
    assert!(store.serials().is_empty());
}

#[test]
fn states_are_private_and_whole_and_the_last_ones_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let store = Store::new();
    for serial in 1..=VERSIONS_KEPT as u64 + 2 {
        store.put(&state("a", serial, "one")).unwrap();
    }
    assert_eq!((store.serials().len(), store.serials()[0]), (VERSIONS_KEPT, 3));
    let folder = store.folder.path().join("state").join(ordered::mission().as_str());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("000052-52.tfstate"))), (0o700, 0o600));
    // What a crash leaves is not taken for a version.
    std::fs::write(folder.join("next.part"), b"{\"version\":4,").unwrap();
    let again = open(store.folder.path(), &store.book, &store.lives);
    assert_eq!(again.newest(&ordered::mission()).unwrap().unwrap().0.serial, 52);
}

#[test]
fn a_state_that_the_journal_knows_and_the_disk_does_not_is_an_error() {
    let store = Store::new();
    store.put(&state("a", 1, "one")).unwrap();
    let path = store.folder.path().join("state").join(ordered::mission().as_str()).join("000001-1.tfstate");
    std::fs::write(&path, state("a", 1, "two")).unwrap();
    assert!(matches!(store.states.newest(&ordered::mission()), Err(StateFault::Damaged { serial: 1, .. })));
    std::fs::write(&path, b"{").unwrap();
    assert!(matches!(store.states.newest(&ordered::mission()), Err(StateFault::Damaged { .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(store.put(&state("a", 2, "one")), Err(StateFault::Damaged { .. })), "and nothing is built on it");
    ordered::end(&store.book, &store.order.name);
    let imported = store.states.import(&Person::Uid(0), &ordered::mission(), &state("a", 2, "one")).unwrap();
    assert_eq!(store.states.newest(&ordered::mission()).unwrap().unwrap().0, imported, "a person can mend it");
}

#[test]
fn a_lock_is_held_by_one_order_until_it_is_given_back() {
    let store = Store::new();
    let (first, states) = (&store.order.name, &store.states);
    states.lock(first, &info("l1")).unwrap();
    states.lock(first, &info("l1")).unwrap();
    assert!(matches!(states.lock(first, &info("l2")), Err(LockFault::Held(_))));
    let bytes = state("a", 1, "one");
    assert!(matches!(store.put(&bytes), Err(StateFault::WrongLock { .. })));
    assert!(matches!(states.put(first, Some("l2"), &bytes), Err(StateFault::WrongLock { .. })));
    states.put(first, Some("l1"), &bytes).unwrap();
    let second = store.next_order(2).name;
    assert!(matches!(states.lock(&second, &info("l2")), Err(LockFault::Held(held)) if held.order == *first));
    assert!(matches!(states.unlock(&second, &info("l1")), Err(LockFault::Held(_))));
    let lower = states.put(&second, Some("l1"), &state("a", 2, "one"));
    assert!(matches!(lower, Err(StateFault::NotYourLock { .. })));
    let again = open(store.folder.path(), &store.book, &store.lives);
    assert!(again.list().unwrap()[0].lock.is_some(), "a lock outlives the host");
    states.unlock(first, &info("l1")).unwrap();
    states.unlock(first, &info("l1")).unwrap();
    states.lock(&second, &info("l2")).unwrap();
    assert!(matches!(states.put(first, Some("l1"), &bytes), Err(StateFault::NotYourLock { .. })));
}

#[test]
fn a_lock_is_broken_only_where_its_worker_is_gone_and_its_order_over() {
    let store = Store::new();
    store.states.lock(&store.order.name, &info("l1")).unwrap();
    let second = store.next_order(2).name;
    let taken = || store.states.lock(&second, &info("l2"));
    let by_hand = || store.states.unlock_dead(&Person::Uid(0), &ordered::mission());
    store.lives.store(false, Ordering::SeqCst);
    assert!(taken().is_err() && by_hand().is_err(), "its order is not over");
    ordered::end(&store.book, &store.order.name);
    store.lives.store(true, Ordering::SeqCst);
    assert!(taken().is_err() && by_hand().is_err(), "its worker lives");
    store.lives.store(false, Ordering::SeqCst);
    assert_eq!(by_hand().unwrap().info.id, "l1");
    assert!(matches!(by_hand(), Err(StateFault::NotLocked(_))));
    store.states.lock(&second, &info("l1")).unwrap();
    ordered::end(&store.book, &second);
    let third = store.next_order(3).name;
    store.states.lock(&third, &info("l3")).unwrap();
}

#[test]
fn people_look_at_states_and_bring_one_back() {
    let store = Store::new();
    let (mission, me) = (ordered::mission(), Person::Uid(0));
    store.put(&state("a", 1, "one")).unwrap();
    store.put(&state("a", 2, "two")).unwrap();
    assert_eq!(store.states.export(&mission, Some(1)).unwrap(), state("a", 1, "one"));
    assert_eq!(store.states.show(&mission, None).unwrap().1.objects[0].name, "two");
    assert!(matches!(store.states.export(&mission, Some(9)), Err(StateFault::NoVersion { number: 9, .. })));
    let import = |bytes: &[u8]| store.states.import(&me, &mission, bytes);
    assert!(matches!(import(&state("a", 3, "one")), Err(StateFault::AtWork { .. })));
    ordered::end(&store.book, &store.order.name);
    assert!(matches!(import(&state("a", 2, "one")), Err(StateFault::Serial { .. })));
    assert!(matches!(import(&state("b", 3, "one")), Err(StateFault::Lineage { .. })));
    let imported = import(&state("a", 3, "one")).unwrap();
    assert_eq!(store.book.ledger().missions[&mission].state, Some(imported));
    assert_eq!(store.serials(), [1, 2, 3]);
}

/// A worker made a network and died before any state could tell of it.
#[test]
fn an_import_makes_known_what_no_state_knew() {
    let store = Store::new();
    ordered::end(&store.book, &store.order.name);
    let mission = ordered::mission();
    let network = EngineObject {
        kind: ObjectKind::Network,
        id: "id-one".to_owned(),
        names: vec!["one".to_owned()],
        mission: Some(mission.to_string()),
    };
    let engine = EngineState { objects: vec![network], ..EngineState::default() };
    let later = clock().plus_ms(1_000);
    let engine = EngineView { looked: Some(later), state: Some((later, engine)), problem: None };
    let seen = Observation { at: later, engine, ..Observation::default() };
    let rules = || -> Vec<String> {
        let found = finding::look(&Charter::default(), &store.book.ledger(), &seen);
        found.into_iter().map(|finding| finding.rule).collect()
    };
    assert_eq!(rules(), ["object-unknown"]);
    store.states.import(&Person::Uid(0), &mission, &state("a", 1, "one")).unwrap();
    assert!(rules().is_empty(), "{:?}", rules());
}

#[test]
fn a_damaged_folder_is_said_when_a_dead_worker_is_taken_in_and_keeps_nobody_waiting() {
    let store = Store::new();
    store.states.lock(&store.order.name, &info("l1")).unwrap();
    store.states.put(&store.order.name, Some("l1"), &state("a", 1, "one")).unwrap();
    let folder = store.folder.path().join("state").join(ordered::mission().as_str());
    std::fs::remove_file(folder.join("000001-1.tfstate")).unwrap();
    for left in [Vec::new(), vec![state("a", 2, "two")]] {
        let taken = store.states.take_in(&store.order, &mut left.into_iter().map(Ok)).unwrap();
        let (why, _) = taken.refused.unwrap();
        assert!(why.contains("import a state with a higher serial") && taken.newest.is_none(), "{why}");
    }
    let is_aside = |name: &str| name.starts_with("refused-");
    let names = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| is_aside(name)).count(), 1, "what the worker left is kept beside");
    // Its lock was given back, so that the import that mends the folder finds nobody in its way.
    ordered::end(&store.book, &store.order.name);
    store.states.import(&Person::Uid(0), &ordered::mission(), &state("a", 2, "two")).unwrap();
}

#[test]
fn what_an_imported_state_names_is_journaled_without_secrets() {
    let store = Store::new();
    ordered::end(&store.book, &store.order.name);
    let secret = format!("ghp_{}", "Ab1".repeat(12));
    store.states.import(&Person::Uid(0), &ordered::mission(), &state("a", 1, &secret)).unwrap();
    let ledger = store.book.ledger();
    let object = &ledger.missions[&ordered::mission()].objects[0];
    assert_eq!(object.name, Redactor::new([7; 32]).name(&secret));
    assert!(!format!("{object:?}").contains("ghp_"), "{object:?}");
}

#[test]
fn what_a_dead_worker_left_is_taken_in_or_set_aside() {
    let store = Store::new();
    store.states.lock(&store.order.name, &info("l1")).unwrap();
    store.states.put(&store.order.name, Some("l1"), &state("a", 1, "one")).unwrap();
    let left = [state("a", 1, "one"), state("a", 2, "two"), b"{\"torn".to_vec()];
    let take = || store.states.take_in(&store.order, &mut left.iter().map(|bytes| Ok(bytes.clone()))).unwrap();
    let taken = take();
    assert_eq!(take(), taken, "twice is once");
    let (newest, facts) = taken.newest.unwrap();
    assert_eq!((newest.serial, facts.objects[0].name.as_str()), (2, "two"));
    let (_, aside) = taken.refused.unwrap();
    assert_eq!(std::fs::read(aside).unwrap(), b"{\"torn");
    let listed = store.states.list().unwrap().remove(0);
    assert!(listed.lock.is_none(), "its lock was given back");
    assert_eq!(store.serials(), [1, 2]);
}

#[test]
fn an_order_is_given_once() {
    let store = Store::new();
    let order = ordered::order(Operation::Apply, 2);
    let ask = |claimant: &str| claim(&store.book, &order.name, claimant, clock());
    assert!(matches!(ask("process 1 started 1"), Err(ClaimError::Unknown(_))));
    ordered::start(&store.book, &order);
    assert!(matches!(ask(""), Err(ClaimError::Claimant)));
    assert!(matches!(ask("a\u{1b}[2J"), Err(ClaimError::Claimant)));
    let start = Barrier::new(2);
    let race = |claimant: &'static str| {
        let (start, ask) = (&start, &ask);
        move || {
            start.wait();
            ask(claimant).is_ok()
        }
    };
    let granted: Vec<_> = std::thread::scope(|scope| {
        let both = [scope.spawn(race("process 1 started 1")), scope.spawn(race("process 1 started 2"))];
        both.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(granted.iter().filter(|granted| **granted).count(), 1);
    let winner = if granted[0] { "process 1 started 1" } else { "process 1 started 2" };
    let entries = store.book.ledger().entries;
    ask(winner).unwrap();
    assert_eq!(store.book.ledger().entries, entries, "asking again is answered from the journal");
    assert!(matches!(ask("process 3 started 3"), Err(ClaimError::Taken { by, .. }) if by == winner));
    ordered::end(&store.book, &order.name);
    assert!(matches!(ask(winner), Err(ClaimError::Ended(_))));
}

#[tokio::test]
async fn the_socket_speaks_the_protocol() {
    use std::os::unix::fs::PermissionsExt;
    let store = Store::new();
    let second = ordered::order(Operation::Apply, 2);
    ordered::start(&store.book, &second);
    let socket = store.folder.path().join("worker.sock");
    std::fs::write(&socket, b"what a dead host left").unwrap();
    let listener = listen(&socket).unwrap();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let desk = Desk { book: store.book.clone(), states: store.states.clone(), clock };
    let server = tokio::spawn(serve(listener, desk));
    let _installed_already = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().unix_socket(socket).build().unwrap();
    let post = async |path: &str, body: Vec<u8>| {
        let answer = client.post(format!("http://host{path}")).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap_or_default())
    };
    let claimed = |who: &str| serde_json::to_vec(&json!({"order": second.name, "claimant": who})).unwrap();
    assert_eq!(post("/v1/claim", claimed("process 1 started 1")).await.0, 200);
    assert_eq!(post("/v1/claim", claimed("process 1 started 1")).await.0, 200);
    let (status, refused) = post("/v1/claim", claimed("process 2 started 1")).await;
    assert!(status == 409 && refused["error"].as_str().unwrap().contains("process 1 started 1"), "{refused}");
    assert_eq!(post("/v1/claim", b"{}".to_vec()).await.0, 400);

    let at = |what: &str| format!("/v1/{what}/{}", store.order.name);
    let lock = |id: &str| serde_json::to_vec(&info(id)).unwrap();
    let got = client.get(format!("http://host{}", at("state"))).send().await.unwrap();
    assert_eq!(got.status().as_u16(), 204);
    assert_eq!(post(&at("lock"), lock("l1")).await.0, 200);
    let (status, holder) = post(&format!("/v1/lock/{}", second.name), lock("l2")).await;
    assert_eq!((status, holder["ID"].as_str()), (423, Some("l1")));
    let (status, kept) = post(&format!("{}?lock=l1", at("state")), state("a", 1, "one")).await;
    assert_eq!((status, kept["state"]["serial"].as_u64()), (200, Some(1)));
    assert_eq!(post(&format!("{}?lock=l9", at("state")), state("a", 2, "one")).await.0, 409);
    assert_eq!(post(&format!("{}?lock=l1", at("state")), vec![b' '; (16 << 20) + 1]).await.0, 413);
    assert_eq!(post(&at("unlock"), lock("l1")).await.0, 200);
    let got = client.get(format!("http://host{}", at("state"))).send().await.unwrap();
    assert_eq!(got.bytes().await.unwrap(), state("a", 1, "one"));
    assert_eq!(post("/v1/state/none-such", state("a", 1, "one")).await.0, 409);
    server.abort();
}
