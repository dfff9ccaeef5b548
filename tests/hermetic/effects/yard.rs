//! A host whose effects are counted where they happen: its workers are processes, the worker is this test binary, the tool
//! is a stand-in that writes a line for each time it is started, and the engine is one that remembers what it was asked.
//!
//! Orders, approvals and plans are in a real journal, and the test decides what is proposed. Missions are looked after in
//! a world that is imagined, so that nothing but a worker ever talks to the engine's socket.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quarterdeck::act::Workers as _;
use quarterdeck::act::process::{ProcessConfig, ProcessWorkers, lives};
use quarterdeck::api::workers::{Desk, listen, serve};
use quarterdeck::kept::Kept;
use quarterdeck::rehearsal::Script;
use quarterdeck::remember::{Blobs, Book, Durable, StateStore, claim};
use quarterdeck_core::charter::{Charter, Rules, Settings};
use quarterdeck_core::decision::{Action, BuildStep, Decision, Proposal, Target};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Activated, Answered, Begun, Ended, Entry, How, Opened};
use quarterdeck_core::ids::{ApprovalId, Timestamp};
use quarterdeck_core::ledger::MissionState;
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::order::{ApplyInput, End, Order, OrderKey, SavedPlan, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{ChangeSummary, Failure, Operation, Ruling};
use quarterdeck_core::verdict::{Effect, Verdict};
use quarterdeck_tests::fake_engine::{DOCKER_29, FakeEngine};
use quarterdeck_tests::fake_host::from_now;
use quarterdeck_tests::harness::Harness;
use quarterdeck_tests::shape;
use quarterdeck_worker::protocol::{HostAddress, RunConfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Far above what any of it takes; only what hangs gets there.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the stand-in saves, what it shows of it, and what `init` chooses.
pub(super) const SAVED: &[u8] = b"saved\n";
pub(super) const SHOWN: &[u8] =
    b"{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",\"complete\":true,\"resource_changes\":[]}\n";
pub(super) const LOCK: &[u8] = b"provider \"registry.terraform.io/kreuzwerker/docker\" {\n  version = \"4.5.0\"\n}\n";
const MAIN: &str = "terraform {\n  required_providers {\n    docker = {\n      source = \"kreuzwerker/docker\"\n    }\n  }\n}\n\
                    resource \"docker_network\" \"n\" {\n  name = \"n\"\n}\n";
/// The serial of the state that every plan here was made against, where there is one.
const SERIAL: u64 = 7;

/// No test: where the variable is set, this process asks the engine for a change, as a provider of the stand-in would.
#[test]
#[allow(clippy::disallowed_methods, reason = "libtest leaves no other way to tell a process what it is")]
fn a_provider_at_the_engine() {
    if std::env::var("KNOCKS").is_err() {
        return;
    }
    let socket = std::env::var("DOCKER_HOST").expect("the worker names the engine");
    let mut engine = UnixStream::connect(socket.trim_start_matches("unix://")).expect("the engine listens");
    engine.write_all(b"POST /networks/create HTTP/1.1\r\nhost: engine\r\n\r\n").expect("it is heard");
    engine.read_to_end(&mut Vec::new()).expect("it is answered");
}

/// A mission of the test's.
pub(super) struct Told {
    pub(super) name: String,
    pub(super) autonomy: &'static str,
    pub(super) desired: &'static str,
    /// The label `rule`, which the charter's rules ask for.
    pub(super) rule: &'static str,
}

/// The host, and what counts its effects.
pub(super) struct Yard {
    pub(super) host: Harness,
    folder: TempDir,
    states: Arc<StateStore>,
    workers: Arc<ProcessWorkers>,
    engine: FakeEngine,
    woken: Receiver<()>,
    _runtime: Runtime,
}

fn now() -> Timestamp {
    from_now(Duration::ZERO)
}

impl Yard {
    /// A host that was told of these missions and rules by this charter.
    pub(super) fn new(missions: &[Told], rules: &str) -> Yard {
        let texts: Vec<String> = missions.iter().map(text).collect();
        let files: Vec<[(&str, &str); 2]> =
            texts.iter().map(|text| [("mission.yaml", text.as_str()), ("main.tf", MAIN)]).collect();
        let told: Vec<(&str, &[(&str, &str)])> =
            missions.iter().zip(&files).map(|(mission, files)| (mission.name.as_str(), &files[..])).collect();
        let settings = Settings { workers_max: 4, ..Settings::default() };
        let charter = Charter { rules: Rules::parse(rules).unwrap(), settings };
        let mut host = Harness::new(&told, charter, Script::default()).unwrap();
        // A worker's deadline is a time of the wall clock.
        host.pass(now().since_ms(host.now()));
        begin(&host);

        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let socket = folder.path().join("engine.sock");
        let engine = runtime.block_on(async { FakeEngine::start(&socket, DOCKER_29) });
        let test = std::env::current_exe().unwrap();
        let variable = |name: &str, value: String| (name.to_owned(), value);
        let run = RunConfig {
            host: HostAddress::Socket(folder.path().join("worker.sock")),
            terraform: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("hermetic/standin.sh"),
            engine: socket,
            environment: vec![
                variable("COUNTED", folder.path().join("counted").display().to_string()),
                variable("KNOCKS", test.display().to_string()),
                variable("SERIAL", SERIAL.to_string()),
            ],
        };
        let alive = {
            let work = work.clone();
            Arc::new(move |order: &_| lives(&work, order))
        };
        let states = folder.path().join("state");
        let states =
            Arc::new(StateStore::open(&states, host.book.clone(), now, alive, Redactor::new([7; 32])).unwrap());
        let desk = Desk { book: host.book.clone(), states: states.clone(), clock: now };
        let listener = runtime.block_on(async { listen(&folder.path().join("worker.sock")) }).unwrap();
        runtime.spawn(serve(listener, desk));
        let (sender, woken) = mpsc::channel();
        let sender = Mutex::new(sender);
        let become_one = "QUARTERDECK_TEST_WORKER=\"$*\" exec \"$0\" --exact process::whole::worker_program";
        let config = ProcessConfig {
            work,
            program: "/bin/bash".into(),
            arguments: ["-c".into(), become_one.into(), test.into_os_string()].into(),
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            run,
            clock: now,
            wake: Arc::new(move || {
                let _test_is_over = sender.lock().unwrap().send(());
            }),
            choice: "processes, for a test".into(),
        };
        let blobs = Arc::new(Blobs::open(&host.blobs()).unwrap());
        for blob in [SAVED, SHOWN, LOCK] {
            blobs.put(blob).unwrap();
        }
        let shelf = Arc::new(Kept { blobs, states: states.clone() });
        let workers = Arc::new(ProcessWorkers::start(config, shelf, Redactor::new([7; 32])).unwrap());
        host.rewire(|ports| ports.workers = workers.clone());
        // Now the missions are known.
        host.turn_by(|_| Decision::default()).unwrap();
        Yard { host, folder, states, workers, engine, woken, _runtime: runtime }
    }

    pub(super) fn mission(&self, name: &str) -> MissionState {
        self.host.book.ledger().mission(&MissionName::parse(name).unwrap()).unwrap().clone()
    }

    /// The action of this step for this mission as it is now.
    pub(super) fn action(&self, name: &str, step: BuildStep) -> Action {
        let MissionState { id, generation, spec, .. } = self.mission(name);
        Action::Build { order: Target { mission: id, generation, plan: spec.plan, remedy: None }, step }
    }

    /// One turn with these proposals, each under the name of its mission, and what was ruled on each.
    pub(super) fn turn(&mut self, proposals: Vec<(String, Action)>) -> BTreeMap<String, Verdict> {
        self.host.pass(1_000);
        let proposal = |(key, action)| Proposal { key, cites: Vec::new(), action };
        let proposals = proposals.into_iter().map(proposal).collect();
        let verdicts = self.host.turn_by(|_| Decision { proposals, ..Decision::default() }).unwrap();
        verdicts.into_iter().map(|verdict| (verdict.key.clone(), verdict)).collect()
    }

    /// Turns until no worker is at work and each end is in the journal.
    pub(super) fn rest(&mut self) {
        let begun = Instant::now();
        loop {
            self.turn(Vec::new());
            if self.host.book.ledger().orders.values().all(|state| state.ended.is_some()) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.workers.reports());
            let _or_look_again = self.woken.recv_timeout(Duration::from_millis(100));
        }
    }

    /// The plan of this operation was made and taken in, against this state; what an apply of it takes.
    pub(super) fn planned(&self, name: &str, operation: Operation, with_state: bool) -> ApplyInput {
        let mission = self.mission(name);
        let order = order_of(&mission, operation);
        started(&self.host.book, &order, self.host.now());
        claim(&self.host.book, &order.name, "process 7 started 9", self.host.now()).unwrap();
        let state = with_state.then(|| {
            let text = format!("{{\"version\":4,\"serial\":{SERIAL},\"lineage\":\"l\",\"resources\":[]}}");
            self.states.put(&order.name, None, text.as_bytes()).unwrap()
        });
        let input = ApplyInput {
            saved: Digest::of(SAVED),
            json: Digest::of(SHOWN),
            lock: Some(Digest::of(LOCK)),
            state,
            destroy: operation == Operation::PlanDestroy,
            tool: Some("terraform 1.11.4".to_owned()),
        };
        let saved = SavedPlan {
            input: input.clone(),
            summary: ChangeSummary { adds: 1, ..ChangeSummary::default() },
            rendered: Digest::of(b"+ net"),
            dangers: Vec::new(),
            touches: Vec::new(),
            kinds: Default::default(),
            changes: Digest::of(b"a network is made"),
            makes: Vec::new(),
        };
        let failure = Failure { kind: String::new(), message: String::new(), retryable: false, remedies: Vec::new() };
        let result =
            WorkerResult { failure: None, saved: Some(saved), ..WorkerResult::failed(End::Succeeded, failure) };
        let ended = Ended { at: self.host.now(), order: order.name, result };
        self.write(&[Entry::Ended(Box::new(ended))]);
        input
    }

    pub(super) fn write(&self, entries: &[Entry]) {
        self.host.book.append(entries, Durable::Now).unwrap();
    }

    /// A person's answer, written down whether or not the ledger would have taken it.
    pub(super) fn forged(&self, uid: u32, approval: &ApprovalId) {
        let command = Command::Approve { approval: approval.clone(), comment: None };
        self.write(&[Entry::Commanded(Commanded { at: self.host.now(), who: Person::Uid(uid), command })]);
    }

    /// How often the tool was started for each mission and command, such as `web apply`.
    pub(super) fn started(&self) -> BTreeMap<String, usize> {
        let text = std::fs::read_to_string(self.folder.path().join("counted")).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let (order, command) = line.split_once(' ').unwrap();
            let mission = order.rsplit_once('-').unwrap().0;
            let mission = ["plan-destroy-", "plan-", "apply-"].iter().find_map(|word| mission.strip_prefix(word));
            *counts.entry(format!("{} {command}", mission.unwrap())).or_default() += 1;
        }
        counts
    }

    /// What the engine was asked, each request with its number.
    pub(super) fn asked_of_engine(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        self.engine.seen().into_iter().for_each(|request| *counts.entry(request).or_default() += 1);
        counts
    }
}

fn text(told: &Told) -> String {
    let Told { name, autonomy, desired, rule } = told;
    format!(
        "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {{name: {name}, labels: {{rule: {rule}}}}}\n\
         spec: {{goal: A shop., autonomy: \"{autonomy}\", desired: {desired}, terraform: {{}}}}\n"
    )
}

/// From here on the workers are real, and the policy is one that may do everything that workers do.
fn begin(host: &Harness) {
    let at = host.now();
    let description = quarterdeck_core::decision::Description {
        name: "a test".to_owned(),
        version: "1".to_owned(),
        summary: "Whatever the test decides.".to_owned(),
        actions: vec![quarterdeck_core::decision::ActionKind::Build],
        operations: vec![Operation::Plan, Operation::PlanDestroy, Operation::Apply],
        settings: Vec::new(),
        memo_format: String::new(),
        reads_memos: Vec::new(),
    };
    let begun = Begun {
        at,
        version: "test".to_owned(),
        rehearsal: false,
        nonce: Digest::of(b"test"),
        sandbox: quarterdeck::decide::identity(),
        ceiling: None,
        fallback: Digest::of(quarterdeck::app::STEWARD),
    };
    let activated = Activated {
        at,
        policy: host.policy().digest(),
        description,
        settings: Vec::new(),
        by: None,
        how: How::Started,
    };
    host.book.append(&[Entry::Begun(begun), Entry::Activated(activated)], Durable::Now).unwrap();
}

fn order_of(mission: &MissionState, operation: Operation) -> Order {
    let key = OrderKey { uid: mission.uid, generation: mission.generation, operation, input: mission.spec.plan };
    Order {
        name: key.name(&mission.spec.name, 1),
        mission: mission.id.clone(),
        key,
        attempt: 1,
        plan: mission.spec.plan,
        apply: None,
        made: now(),
        deadline: now().plus_ms(600_000),
        remedy: None,
        grants: Vec::new(),
        rehearsal: false,
    }
}

/// Journals that an order was started, without starting it.
fn started(book: &Book, order: &Order, at: Timestamp) {
    journal(book, at, &order.mission, Ruling::Acted, Effect::Start(Box::new(order.clone())));
}

/// Journals a turn with one verdict.
pub(super) fn journal(
    book: &Book,
    at: Timestamp,
    mission: &quarterdeck_core::ids::MissionId,
    ruling: Ruling,
    effect: Effect,
) {
    let verdict = Verdict {
        key: format!("of the test: {mission}"),
        action: "build".into(),
        mission: Some(mission.clone()),
        ruling,
        rule: "test".into(),
        because: "a test".into(),
        approval: None,
        effect: Some(effect),
    };
    let opened = Opened {
        turn: book.ledger().turn + 1,
        at,
        situation: quarterdeck_core::encoding::encode(&shape::situation(0)),
        ground: Default::default(),
        policy: Digest::ZERO,
        answer: Answered::HostAbort { kind: "test".into(), detail: String::new() },
        logs: Vec::new(),
        fuel: 0,
        ledger: Digest::ZERO,
        verdicts: vec![verdict],
    };
    book.append(&[Entry::Opened(Box::new(opened))], Durable::Now).unwrap();
}
