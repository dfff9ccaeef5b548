//! Workers as Jobs of a Kubernetes cluster.
//!
//! A worker has a folder `jobs/<order>/` on the host's disk, and a Job and a ConfigMap under its order's name in the
//! namespace of its class; it outlives the host. What a worker leaves comes over TLS into its folder (`api::workers`), so
//! that its end is taken in as that of a process is.
//!
//! One thread keeps the folders and knows all workers; whatever is asked of the API server is asked by a task of its own
//! that answers by a message, so a server that hangs keeps nobody waiting. In the order of a worker's life: `job` (what the
//! API server is told, pure), `clerk` (who tells it), `sight` (Jobs and pods, watched), `run` (one worker: what can be seen
//! of it and what has to be done), `ending` (how a pod stands and why it ended, pure), `listen` (what it says while it
//! works), `proof` (whose token it is that a worker shows).
//!
//! Not here: what workers do, who may start one, and what an end means. What the cluster enforces by itself is in
//! `deploy/kubernetes`.

mod clerk;
mod ending;
mod job;
mod listen;
mod proof;
mod run;
mod sight;
mod yard;

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quarterdeck_core::ids::{MissionId, OrderName, Timestamp};
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::redaction::Redactor;
use tokio::task::JoinHandle;

use self::clerk::Clerk;
use self::yard::Yard;
use super::{Shelf, Word, Workers, changed};
use crate::apiserver::{BuilderWanted, Connection, ServiceName};

pub use proof::{PodProof, ProofFault};
pub use yard::lives;

/// Where their folders are, below the data folder.
pub const FOLDER: &str = "jobs";
/// How often everything is looked through when nothing calls for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The first look waits this long for the API server: a host that begins without it adopts what its folders name.
const FIRST_LISTS: Duration = Duration::from_secs(20);
/// Dropping waits so long for what is being done; a hung disk must not keep the host from ending.
const FAREWELL: Duration = Duration::from_secs(2);

/// How workers find their host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// At this address, `HOST:PORT`.
    Address(String),
    /// Behind this Service; its address is asked for when a Job is made, so no name server is needed.
    Service(ServiceName, u16),
}

/// Says what a mission is called; must not wait.
pub type Called = Arc<dyn Fn(&MissionId) -> Option<MissionName> + Send + Sync>;

/// How workers are started.
pub struct JobsConfig {
    /// The cluster.
    pub connection: Connection,
    /// The folder of the workers' folders.
    pub work: PathBuf,
    /// How Agent-Builder's workers run.
    pub builder: BuilderWanted,
    /// What a mission is called; nothing of one that is not known.
    pub called: Called,
    /// How they find the host.
    pub reach: Reach,
    /// The certificate of the host's authority, as PEM.
    pub authority: String,
    /// The key of the seals.
    pub key: [u8; 32],
    /// The term of the Lease.
    pub term: i32,
    /// Reads the time.
    pub clock: fn() -> Timestamp,
    /// Called when a report has changed; must not wait.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

/// The adapter. Dropping it ends the watching; workers go on.
pub struct JobWorkers {
    messages: Sender<Message>,
    reports: Arc<Mutex<Vec<WorkerReport>>>,
    choice: String,
    ended: Mutex<Receiver<()>>,
    watches: Vec<JoinHandle<()>>,
    proof: Arc<PodProof>,
}

/// What the thread hears.
enum Message {
    Word(Word),
    /// A Job was made, with this uid; or it was not: the kind of the failure, and why.
    Made(OrderName, Result<String, (&'static str, String)>),
    /// A Job could not be told to end.
    NotEnded(OrderName, String),
    /// Why a Job has no pod, by the newest event.
    NoPod(OrderName, Option<String>),
    /// What the API server had of it is removed, or is not.
    Removed(OrderName, Result<(), String>),
    /// The API server shows something else.
    Seen,
    Stop,
}

impl JobWorkers {
    /// Looks through folders and cluster once, so that what a former host started is seen, and goes on in a thread; needs
    /// a tokio runtime around it.
    ///
    /// # Errors
    /// Where the folder can't be had.
    pub async fn start(config: JobsConfig, shelf: Arc<dyn Shelf>, redactor: Redactor) -> io::Result<JobWorkers> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.work)?;
        let (messages, inbox) = mpsc::channel();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let namespace = config.builder.namespace.clone();
        let choice = format!("Jobs in the namespace {namespace} of the cluster, {}", config.builder.image);
        let clerk = Clerk { client: config.connection.client.clone(), namespace, term: config.term };
        let seen = messages.clone();
        let (sight, watches) = sight::watch(&clerk, Arc::new(move || drop(seen.send(Message::Seen))));
        let wait = async {
            while !sight.is_known() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // A server that does not answer is told of; what is in the folders is taken for there.
        let _later = tokio::time::timeout(FIRST_LISTS, wait).await;
        let proof = Arc::new(PodProof::new(clerk.clone(), config.builder.service_account.clone()));
        let wake = config.wake.clone();
        let runtime = tokio::runtime::Handle::current();
        let yard = Yard::new(config, clerk, sight, shelf, redactor, messages.clone(), runtime, proof.clone());
        let mut keeper = Keeper { yard, reports: reports.clone(), wake };
        let (last, ended) = mpsc::channel();
        let (looked, first) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name("jobs".to_owned()).spawn(move || {
            keeper.look();
            let _nobody_waits = looked.send(());
            keeper.keep(&inbox);
            let _nobody_waits = last.send(());
        })?;
        let _has_looked = first.await;
        Ok(JobWorkers { messages, reports, choice, ended: Mutex::new(ended), watches, proof })
    }

    /// Who says whose token it is that a worker shows.
    pub fn proof(&self) -> Arc<PodProof> {
        self.proof.clone()
    }
}

impl Workers for JobWorkers {
    fn tell(&self, word: Word) {
        if self.messages.send(Message::Word(word)).is_err() {
            tracing::error!("The thread that keeps the workers has ended; restart the host.");
        }
    }

    fn reports(&self) -> Vec<WorkerReport> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn choice(&self) -> String {
        self.choice.clone()
    }
}

impl Drop for JobWorkers {
    fn drop(&mut self) {
        self.watches.iter().for_each(JoinHandle::abort);
        let _has_ended = self.messages.send(Message::Stop);
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _or_hangs = ended.recv_timeout(FAREWELL);
    }
}

/// The thread: it hears, looks and publishes.
struct Keeper {
    yard: Yard,
    reports: Arc<Mutex<Vec<WorkerReport>>>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Keeper {
    fn keep(&mut self, inbox: &Receiver<Message>) {
        loop {
            match inbox.recv_timeout(LOOK_EVERY) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(message) => self.yard.hear(message),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // A storm of events is one look.
            while let Ok(message) = inbox.try_recv() {
                if matches!(message, Message::Stop) {
                    return;
                }
                self.yard.hear(message);
            }
            self.look();
        }
    }

    fn look(&mut self) {
        let seen = self.yard.look();
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed(&reports, &seen);
        *reports = seen;
        drop(reports);
        if changed {
            (self.wake)();
        }
    }
}
