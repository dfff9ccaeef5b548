//! A host's folder, what a stand-in for a worker leaves in it, and an adapter that looks after it.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quarterdeck::act::Shelf;
use quarterdeck::act::process::{ProcessConfig, ProcessWorkers, lives};
use quarterdeck::act::{Word, Workers};
use quarterdeck::kept::Kept;
use quarterdeck::remember::{Blobs, Book, StateStore, claim};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::order::{ApplyInput, End, Order, SavedPlan, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{ChangeSummary, Failure, Operation};
use quarterdeck_tests::ordered::{self, clock};
use quarterdeck_worker::protocol::{HostAddress, RunConfig};

/// No test waits longer; each should take a second at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host's folder, and what stands in it.
pub(super) struct Place {
    folder: tempfile::TempDir,
    pub(super) book: Arc<Book>,
    pub(super) blobs: Arc<Blobs>,
    pub(super) states: Arc<StateStore>,
    /// What workers are told.
    pub(super) run: RunConfig,
}

/// An adapter and its wake-ups.
pub(super) struct Host {
    pub(super) workers: ProcessWorkers,
    woken: Receiver<()>,
}

impl Place {
    pub(super) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let book = ordered::book(&folder.path().join("journal"));
        let blobs = Arc::new(Blobs::open(&folder.path().join("blobs")).unwrap());
        for blob in [&ordered::files()[..], b"saved", b"{}"] {
            blobs.put(blob).unwrap();
        }
        let work = folder.path().join("work");
        let alive = Arc::new(move |order: &_| lives(&work, order));
        let states =
            StateStore::open(&folder.path().join("state"), book.clone(), clock, alive, Redactor::new([7; 32])).unwrap();
        let run = RunConfig {
            host: HostAddress::Socket(folder.path().join("worker.sock")),
            terraform: "/nowhere/terraform".into(),
            engine: "/nowhere/docker.sock".into(),
            environment: Vec::new(),
        };
        Place { folder, book, blobs, states: Arc::new(states), run }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn run_folder(&self, order: &Order) -> PathBuf {
        self.path("work").join(order.name.as_str())
    }

    /// An order at work, claimed.
    pub(super) fn order(&self, operation: Operation) -> Order {
        let order = ordered::order(operation, 1);
        ordered::start(&self.book, &order);
        claim(&self.book, &order.name, "process 7 started 9", clock()).unwrap();
        order
    }

    pub(super) fn host(&self, mode: &str) -> Host {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/hermetic/process/worker.sh");
        self.host_of("/usr/bin/setsid", &["/bin/bash", script, mode])
    }

    pub(super) fn host_of(&self, program: &str, arguments: &[&str]) -> Host {
        let shelf = Kept { blobs: self.blobs.clone(), states: self.states.clone() };
        self.host_with(program, arguments, Arc::new(shelf))
    }

    pub(super) fn host_with(&self, program: &str, arguments: &[&str], shelf: Arc<dyn Shelf>) -> Host {
        let (sender, woken) = mpsc::channel();
        let sender = Mutex::new(sender);
        let config = ProcessConfig {
            work: self.path("work"),
            program: program.into(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            run: self.run.clone(),
            clock,
            wake: Arc::new(move || {
                let _test_is_over = sender.lock().unwrap().send(());
            }),
            choice: "processes, for a test".into(),
        };
        let mut redactor = Redactor::new([7; 32]);
        redactor.with_known(["hunter2hunter2"]);
        Host { workers: ProcessWorkers::start(config, shelf, redactor).unwrap(), woken }
    }

    /// What the stand-in leaves as its result.
    pub(super) fn leaves(&self, result: &WorkerResult) {
        fs::write(self.path("result.json"), serde_json::to_vec(result).unwrap()).unwrap();
    }

    /// What the stand-in leaves as a saved plan, and the result that names it, as the host keeps it: what was tried is
    /// keyed.
    pub(super) fn leaves_plan(&self) -> WorkerResult {
        for (name, bytes) in [("saved.tfplan", "PK plan"), ("plan.json", "{\"a\":1}"), ("plan.txt", "+ net")] {
            fs::write(self.path(&format!("out-{name}")), bytes).unwrap();
        }
        let (saved, json) = (Digest::of(b"PK plan"), Digest::of(b"{\"a\":1}"));
        let plan = SavedPlan {
            input: ApplyInput { saved, json, lock: None, state: None, destroy: false, tool: None },
            summary: ChangeSummary { adds: 1, changes: 0, destroys: 0, replaces: 0 },
            rendered: Digest::of(b"+ net"),
            dangers: Vec::new(),
            touches: vec!["docker_network.net create".into()],
            kinds: Default::default(),
            changes: Digest::of(b"changes"),
            makes: Vec::new(),
        };
        self.leaves(&WorkerResult { saved: Some(plan.clone()), ..succeeded() });
        let changes = Redactor::new([7; 32]).keyed(&plan.changes);
        WorkerResult { saved: Some(SavedPlan { changes, ..plan }), ..succeeded() }
    }
}

impl Host {
    pub(super) fn start(&self, order: &Order) {
        self.workers.tell(Word::Start(Box::new(order.clone())));
    }

    /// Waits until something can be seen of the only worker.
    pub(super) fn until<T>(&self, what: &str, seen: impl Fn(&[WorkerReport]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let reports = self.workers.reports();
            if let Some(found) = seen(&reports) {
                return found;
            }
            assert!(Instant::now() < end, "{what}: {reports:?}");
            let _or_look_again = self.woken.recv_timeout(Duration::from_millis(100));
        }
    }

    pub(super) fn result(&self) -> WorkerResult {
        self.until("a result", |reports| reports.first()?.result.clone())
    }

    pub(super) fn doing(&self, text: &str) {
        self.until(text, |reports| (reports.first()?.doing.as_deref() == Some(text)).then_some(()));
    }

    pub(super) fn forget(&self, order: &Order) {
        self.workers.tell(Word::Forget(order.name.clone()));
        self.until("nothing", |reports| reports.is_empty().then_some(()));
    }
}

pub(super) fn succeeded() -> WorkerResult {
    let failure = Failure { kind: String::new(), message: String::new(), retryable: false, remedies: Vec::new() };
    WorkerResult { failure: None, ..WorkerResult::failed(End::Succeeded, failure) }
}

pub(super) fn kind(result: &WorkerResult) -> &str {
    result.failure.as_ref().map_or("", |failure| &failure.kind)
}
