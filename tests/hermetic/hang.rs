//! What hangs, hangs alone: an engine, the start of a worker, the brain and the disk each stop answering, for as long as
//! the test wants, and the turns are counted that are taken meanwhile.
//!
//! Here the loop alone is turned, a dozen times and at once. Nothing is waited for by the clock: a turn that waited for one
//! of them would not end before it is let go, and it is let go only after the turns were counted. What only the whole
//! program shows in a whole minute is in `whole`.

mod whole;

use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use quarterdeck::act::{Word, Workers};
use quarterdeck::observe::local::{LocalDocker, LocalDockerConfig};
use quarterdeck::orient::gemini::{ApiKey, Gemini, GeminiConfig};
use quarterdeck::rehearsal::Script;
use quarterdeck_core::charter::Charter;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::CommandError;
use quarterdeck_core::observation::{ContainerState, WorkerReport};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Reply, WorkerPhase};
use quarterdeck_tests::fake_gemini::{FakeGemini, Step};
use quarterdeck_tests::harness::{Harness, START};

/// So many turns are taken while something hangs: in a running host, a minute of them.
const TURNS: u64 = 12;
/// A turn takes some 30 ms in a debug build; this is said only to tell a slow machine from one that waits.
const TURN_MAX: Duration = Duration::from_secs(2);

const MAIN_TF: &str = r#"
terraform {
  required_providers {
    docker = { source = "kreuzwerker/docker" }
  }
}
resource "docker_network" "private" { name = "shop" }
"#;

fn host(when: &str) -> Result<Harness> {
    let mission = format!(
        "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {{name: shop}}\n\
         spec: {{goal: A shop., autonomy: auto, when: {when}, offers: [server], terraform: {{}}}}\n"
    );
    Harness::new(
        &[("shop", &[("mission.yaml", &mission), ("main.tf", MAIN_TF)])],
        Charter::default(),
        Script::default(),
    )
}

/// Takes turns, and measures that none of them waits.
fn turns(host: &mut Harness) -> Result<()> {
    for _ in 0..TURNS {
        let begun = Instant::now();
        host.turn()?;
        assert!(begun.elapsed() < TURN_MAX, "a turn took {:?}", begun.elapsed());
        host.pass(5_000);
    }
    assert_eq!(u64::from(host.book.ledger().turn), TURNS);
    Ok(())
}

fn start() -> Timestamp {
    START
}

fn background() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// The engine takes the connection and says nothing.
#[test]
fn an_engine_that_hangs_moves_no_turn() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("engine.sock");
    let _silent = UnixListener::bind(&socket)?;
    let background = background();
    let _inside = background.enter();
    let engine = LocalDocker::start(LocalDockerConfig {
        socket,
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(60),
        clock: start,
        wake: Arc::new(|| {}),
        redactor: Arc::new(Redactor::new([7; 32])),
    })?;
    let mut host = host("always")?;
    host.rewire(|ports| ports.cluster = Arc::new(engine));
    turns(&mut host)?;
    assert!(host.book.ledger().orders.is_empty(), "nothing is started that needs an engine nobody has seen");
    Ok(())
}

/// The brain takes the question and says nothing.
#[test]
fn a_brain_that_hangs_moves_no_turn() -> Result<()> {
    let background = background();
    let _inside = background.enter();
    // Another test of this process may have chosen it before.
    let _chosen: Result<(), _> = rustls::crypto::ring::default_provider().install_default();
    let gemini = background.block_on(FakeGemini::start(vec![Step::Hang]));
    let mut config = GeminiConfig::new(ApiKey::parse("a-key-of-some-length")?);
    (config.base_url, config.total_timeout) = (gemini.base_url().to_owned(), Duration::from_secs(60));
    let brain = Gemini::start(config, start, Arc::new(|| {}))?;
    let mut host = host("needed")?;
    host.rewire(|ports| ports.brain = Arc::new(brain));
    host.disturb("api exits", |world| world.add_container("api", ContainerState::Exited(1)));
    turns(&mut host)?;
    let ledger = host.book.ledger();
    let asked = ledger.advice.values().next().context("steward asks about it")?;
    assert_eq!(asked.advice.reply, Reply::Pending);
    Ok(())
}

/// Workers whose outbox is read by a task that hangs at the first word, until it is let go.
struct Stuck {
    outbox: Mutex<Sender<Word>>,
    taken: Arc<Mutex<Vec<Word>>>,
}

impl Stuck {
    fn new(go: Receiver<()>) -> (Stuck, std::thread::JoinHandle<()>) {
        let (outbox, words) = channel();
        let taken = Arc::<Mutex<Vec<Word>>>::default();
        let hangs = taken.clone();
        let task = std::thread::spawn(move || {
            for word in words {
                // The other side going away lets it go as well.
                let _let_go = go.recv();
                hangs.lock().expect("unpoisoned").push(word);
            }
        });
        (Stuck { outbox: Mutex::new(outbox), taken }, task)
    }
}

impl Workers for Stuck {
    fn tell(&self, word: Word) {
        // A task that has ended takes no words any more.
        let _sent = self.outbox.lock().expect("unpoisoned").send(word);
    }

    fn reports(&self) -> Vec<WorkerReport> {
        Vec::new()
    }

    fn choice(&self) -> String {
        "stuck".to_owned()
    }
}

#[test]
fn a_worker_whose_start_hangs_moves_no_turn() -> Result<()> {
    let (go, gone) = channel();
    let (workers, task) = Stuck::new(gone);
    let taken = workers.taken.clone();
    let mut host = host("always")?;
    host.rewire(|ports| ports.workers = Arc::new(workers));
    turns(&mut host)?;
    assert!(taken.lock().expect("unpoisoned").is_empty(), "the start still hangs");
    let ledger = host.book.ledger();
    let phases: Vec<WorkerPhase> = ledger.orders.values().map(|state| state.phase()).collect();
    assert_eq!(phases, [WorkerPhase::Starting], "one order waits, and no second one is made");
    drop((go, host));
    task.join().expect("it ends once it is let go");
    let taken = taken.lock().expect("unpoisoned");
    assert!(matches!(taken.as_slice(), [Word::Start(_)]), "{taken:?}");
    Ok(())
}

/// The disk takes a write and does not come back. Then a turn stops before it acts, as it must: nothing may be done that
/// is not written down. Whoever reads goes on.
#[test]
fn a_disk_that_hangs_stops_acting_and_no_reader() -> Result<()> {
    let (_go, gone) = channel();
    let (workers, _task) = Stuck::new(gone);
    let (outbox, told) = channel();
    let workers = Stuck { outbox: Mutex::new(outbox), ..workers };
    let mut host = host("always")?;
    host.rewire(|ports| ports.workers = Arc::new(workers));
    let book = host.book.clone();
    let ((held, holds), (release, released)) = (channel(), channel::<()>());
    let disk = {
        let book = book.clone();
        std::thread::spawn(move || {
            let hangs = book.transact(|_| {
                held.send(()).expect("the test waits for it");
                // It comes back when the test is done with looking, or has failed.
                let _back = released.recv();
                Ok::<_, CommandError>(Vec::new())
            });
            hangs.expect("nothing was to be written");
        })
    };
    holds.recv()?;
    let before = book.ledger();
    let looking = std::thread::spawn(move || {
        let (begun, mut looks, mut slowest) = (Instant::now(), 0_u32, Duration::ZERO);
        while begun.elapsed() < Duration::from_millis(500) {
            let asked = Instant::now();
            assert_eq!(book.ledger().entries, before.entries, "nothing is shown that is not written");
            slowest = slowest.max(asked.elapsed());
            looks += 1;
            std::thread::yield_now();
        }
        let acted = told.try_recv().is_ok();
        drop(release);
        (looks, slowest, acted, told)
    });
    let begun = Instant::now();
    host.turn()?;
    let took = begun.elapsed();
    let (looks, slowest, acted, told) = looking.join().expect("it only looks");
    disk.join().expect("it came back");
    assert!(!acted && took > Duration::from_millis(300), "the turn went on without the disk, in {took:?}");
    assert!(looks > 10 && slowest < Duration::from_millis(250), "{looks} looks, the slowest took {slowest:?}");
    assert!(matches!(told.try_recv(), Ok(Word::Start(_))), "and then it acts");
    Ok(())
}
