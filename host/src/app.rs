//! The program around the loop: it chooses the adapters (and is the only file that names them), opens the book, settles
//! what the last host left, and turns the loop on change, on `look-again` and on an interval.

mod adapters;
mod begin;
mod brought;
mod data;
mod granted;
mod missions;
mod term;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quarterdeck_core::charter::Amendment;
use quarterdeck_core::entry::{Activated, Chartered, Episode, Nominated, Uploaded};
use quarterdeck_core::ids::{MissionId, OrderName};
use quarterdeck_core::ledger::{CommandError, Ledger, MemoFate, Nomination};
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::{Command, Person};
use quarterdeck_core::situation::Situation;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use self::adapters::Shared;
use self::data::Data;
pub use self::data::redaction_key;
use crate::api::workers::ListenError;
use crate::apiserver::lease::{Held, LeaseError};
use crate::apiserver::{self, ConnectError};
use crate::config::Config;
use crate::decide::{CatalogError, SandboxError};
use crate::driver::{Beside, Driver, Pulse, clock};
use crate::observe::local::ProbeError;
use crate::orient::gemini;
use crate::remember::{Blobs, Book, Durable, JournalError, StateStore};
use crate::uploads::Uploads;
use crate::{Ports, act};

/// The default policy, as it was built from `guest-policies/steward`.
pub const STEWARD: &[u8] = include_bytes!("../../guest-policies/prebuilt/steward.wasm");

/// The file, beside the journal, of the key that attests what is written there.
pub const JOURNAL_KEY: &str = "journal.key";

/// Ending waits so long for the turn at hand: a decision may take 12 s, and what is beyond that is a disk that hangs.
const LAST_TURN: Duration = Duration::from_secs(15);

/// What one turn brought, for whoever shows it.
#[derive(Debug)]
pub struct Update {
    /// The turn.
    pub episode: Episode,
    /// What the policy was shown.
    pub situation: Situation,
    /// What follows from the journal now.
    pub ledger: Arc<Ledger>,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandFailed {
    /// The ledger does not permit it.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The journal can't be written.
    #[error("write the command down")]
    Journal(#[from] JournalError),
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

/// One person's word, on its way to the loop.
#[derive(Debug)]
pub enum Said {
    /// Something to do.
    Command {
        /// Who says it.
        who: Person,
        /// What.
        command: Command,
        /// Whether it was written down.
        answer: oneshot::Sender<Result<(), CommandFailed>>,
    },
    /// Another charter.
    Amendment {
        /// Who wants it.
        who: Person,
        /// What.
        amendment: Box<Amendment>,
        /// What becomes of it; nothing where it is in force or waits already.
        answer: oneshot::Sender<Result<Option<Box<Chartered>>, CommandFailed>>,
    },
    /// A component that has passed its checks and lies in the catalog.
    Upload {
        /// What is written down of it.
        uploaded: Box<Uploaded>,
        /// Whether it was.
        answer: oneshot::Sender<Result<(), CommandFailed>>,
    },
    /// Another policy, loaded already.
    Nomination {
        /// Who wants it.
        who: Person,
        /// What.
        nomination: Box<Nomination>,
        /// What becomes of it.
        answer: oneshot::Sender<Result<Box<Nominated>, CommandFailed>>,
    },
    /// The policy before.
    RollBack {
        /// Who wants it.
        who: Person,
        /// What the person wrote.
        comment: Option<String>,
        /// What decides now, and what became of the memo.
        answer: oneshot::Sender<Result<Box<(Activated, MemoFate)>, CommandFailed>>,
    },
}

/// Where commands go: they are written down between two turns.
#[derive(Clone, Debug)]
pub struct Commands(pub(crate) mpsc::Sender<Said>);

impl Commands {
    /// Has a command written down, and says whether it was.
    ///
    /// # Errors
    /// Where it is not permitted, can't be written down, or the host is stopping.
    pub async fn send(&self, who: Person, command: Command) -> Result<(), CommandFailed> {
        self.ask(|answer| Said::Command { who, command, answer }).await
    }

    /// Has a wish for another charter written down, and says what becomes of it; nothing where it is in force or waits
    /// already.
    ///
    /// # Errors
    /// As [`Commands::send`].
    pub async fn amend(&self, who: Person, amendment: Box<Amendment>) -> Result<Option<Box<Chartered>>, CommandFailed> {
        self.ask(|answer| Said::Amendment { who, amendment, answer }).await
    }

    /// Has an upload written down whose component lies in the catalog.
    ///
    /// # Errors
    /// As [`Commands::send`].
    pub async fn upload(&self, uploaded: Box<Uploaded>) -> Result<(), CommandFailed> {
        self.ask(|answer| Said::Upload { uploaded, answer }).await
    }

    /// Has a wish for another policy written down, and says what becomes of it.
    ///
    /// # Errors
    /// As [`Commands::send`].
    pub async fn nominate(&self, who: Person, nomination: Box<Nomination>) -> Result<Box<Nominated>, CommandFailed> {
        self.ask(|answer| Said::Nomination { who, nomination, answer }).await
    }

    /// Goes back to the policy before; says which decides now, and what became of the memo.
    ///
    /// # Errors
    /// As [`Commands::send`].
    pub async fn roll_back(
        &self,
        who: Person,
        comment: Option<String>,
    ) -> Result<Box<(Activated, MemoFate)>, CommandFailed> {
        self.ask(|answer| Said::RollBack { who, comment, answer }).await
    }

    async fn ask<T>(
        &self,
        said: impl FnOnce(oneshot::Sender<Result<T, CommandFailed>>) -> Said,
    ) -> Result<T, CommandFailed> {
        let (answer, answered) = oneshot::channel();
        self.0.send(said(answer)).await.map_err(|_| CommandFailed::Stopping)?;
        answered.await.map_err(|_| CommandFailed::Stopping)?
    }
}

/// What is new, turn by turn.
pub type Updates = broadcast::Receiver<Arc<Update>>;

/// Why a host can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A mission can't be read.
    #[error("{0}")]
    Mission(String),
    /// There is nothing to look after.
    #[error("no mission was named; give the folder of one, such as deploy/examples/web")]
    NoMission,
    /// The operator's rules name a grant that is none.
    #[error("the configuration's grants")]
    Grants(#[from] quarterdeck_core::terraform::grants::GrantError),
    /// `--real` forbids what would be a rehearsal.
    #[error("--real forbids a rehearsal, and {0}")]
    NotReal(String),
    /// A cluster can't be looked at beside a rehearsal.
    #[error(
        "missions beside --kubernetes are looked after for real, and {0}; leave the missions out to look at the cluster \
         alone"
    )]
    HalfReal(String),
    /// A host without missions has no workers, and can't adopt one.
    #[error("worker {order} of an earlier run may still be at work; start the host with its mission ({mission})")]
    AtWork {
        /// What it does.
        order: OrderName,
        /// For whom.
        mission: MissionId,
    },
    /// A worker may be at work where this host would not look.
    #[error(
        "worker {order} of an earlier run may still be at work, and is {}",
        if *.folder == act::kubernetes::FOLDER { "a Job: this run has no --workers" } else { "a process of this machine: this run has --workers" }
    )]
    AnotherKind {
        /// What it does.
        order: OrderName,
        /// Where its folder is.
        folder: &'static str,
    },
    /// The Kubernetes cluster can't be found.
    #[error("look at a Kubernetes cluster")]
    Kubernetes(#[from] ConnectError),
    /// Another host may be at work in the cluster.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// A mission was applied for real, and now only a rehearsal is possible.
    #[error(
        "mission {mission} was applied for real and is never rehearsed; a real run is not possible now, since {why}"
    )]
    WasReal {
        /// Which.
        mission: MissionName,
        /// Why only a rehearsal is possible.
        why: String,
    },
    /// The data folder can't be used.
    #[error("use the folder {path}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The journal can't be used.
    #[error("open the journal")]
    Journal(#[from] JournalError),
    /// The sandbox can't be made.
    #[error("make the sandbox")]
    Sandbox(#[from] SandboxError),
    /// The charter in force does not let itself be replaced.
    #[error("put another charter in force")]
    Charter(#[source] CommandError),
    /// The policy can't be used.
    #[error("load the policy {name}")]
    Policy {
        /// Its file.
        name: String,
        /// The check that refused it, and what it saw.
        #[source]
        source: PolicyRefused,
    },
    /// The policies can't be had.
    #[error("open the catalog of policies")]
    Catalog(#[from] CatalogError),
    /// The charter in force does not let the policy decide, or it is fenced.
    #[error("let the policy {name} decide")]
    Nominate {
        /// Its file.
        name: String,
        /// Why not.
        #[source]
        source: CommandError,
    },
    /// The policy's file can't be read.
    #[error("read the policy {path}")]
    ReadPolicy {
        /// Its file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The engine can't be observed.
    #[error("observe the engine at {path}")]
    Engine {
        /// Its socket.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ProbeError,
    },
    /// Workers can't be answered.
    #[error("answer workers")]
    Listen(#[from] ListenError),
    /// Workers of a cluster can't be answered.
    #[error("answer workers at {address}; `listen` of the workers' file names another address")]
    ListenTls {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Gemini can't be asked.
    #[error("set up the brain")]
    Brain(#[from] gemini::StartError),
    /// Randomness is not to be had.
    #[error("draw random bytes: {0}")]
    Random(String),
}

/// The check that refused a policy, and what it saw.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PolicyRefused(pub String);

/// A host that runs.
pub struct Host {
    /// Its data: `real` or `rehearsal` below the data folder.
    pub folder: PathBuf,
    /// Whether its workers are simulated.
    pub rehearsal: bool,
    /// What was chosen for each port, and why.
    pub choices: Vec<(&'static str, String)>,
    /// Its journal and ledger.
    pub book: Arc<Book>,
    /// Its blobs.
    pub blobs: Arc<Blobs>,
    /// States and locks; none in a rehearsal, whose states are imagined.
    pub states: Option<Arc<StateStore>>,
    /// Its policies, and how uploads are checked.
    pub uploads: Uploads,
    /// Shows whether its loop lives.
    pub pulse: Arc<Pulse>,
    /// What answers and writes beside the loop.
    beside: Vec<JoinHandle<()>>,
    /// Held as long as the host is.
    _lease: Option<Held>,
    commands: Commands,
    updates: broadcast::Sender<Arc<Update>>,
    stop: watch::Sender<bool>,
    driver: JoinHandle<Result<(), JournalError>>,
}

impl Host {
    /// Where commands go.
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// What is new from now on, turn by turn.
    pub fn updates(&self) -> Updates {
        self.updates.subscribe()
    }

    /// Whether the loop has ended by itself; [`Host::stop`] says why.
    pub fn has_ended(&self) -> bool {
        self.driver.is_finished()
    }

    /// Ends the loop after the turn at hand, or amid it where that waits for a disk that hangs: the next host finds what a
    /// crash would have left. Workers go on; the next host adopts them.
    ///
    /// # Errors
    /// Where the loop had ended itself, because it is not known what is on disk.
    pub async fn stop(mut self) -> Result<(), JournalError> {
        self.beside.iter().for_each(JoinHandle::abort);
        // The driver may have ended by itself; then there is nobody to tell.
        let _ = self.stop.send(true);
        if let Ok(ended) = tokio::time::timeout(LAST_TURN, &mut self.driver).await {
            let ended = ended.unwrap_or(Err(JournalError::Poisoned));
            if ended.is_ok() {
                self.close().await;
            }
            return ended;
        }
        self.driver.abort();
        warn!(
            "The disk does not come back, so the host ends in the middle of a turn, before anything was done about it."
        );
        Ok(())
    }
}

impl Host {
    /// Attests what was written. A host whose disk does not come back ends all the same, as a crash would end it.
    async fn close(&self) {
        let book = self.book.clone();
        let closed = tokio::task::spawn_blocking(move || book.close());
        if let Ok(Ok(Err(problem))) = tokio::time::timeout(LAST_TURN, closed).await {
            warn!(error = %problem, "Could not write the last checkpoint.");
        }
    }
}

/// Starts a host: chooses the adapters, opens the book, settles what the last host left, and lets the loop turn.
///
/// # Errors
/// Where something that it needs is missing or wrong; it then has changed nothing but its data folder.
pub async fn start(mut config: Config) -> Result<Host, StartError> {
    let Data { rehearsal, why, folder, blobs, key, redactor, reader, missions, policy, uploads, book } =
        data::ready(&config).await?;
    let changed = Arc::new(Notify::new());
    let wake: Arc<dyn Fn() + Send + Sync> = {
        let changed = changed.clone();
        Arc::new(move || changed.notify_one())
    };
    let brain = adapters::brain(config.brain.take(), wake.clone())?;
    let connection = match &config.kubernetes {
        Some(wanted) => Some(apiserver::connect(wanted.context.as_deref()).await?),
        None => None,
    };
    let lease = term::take(&config, connection.as_ref(), &folder).await?;
    let shared = Shared {
        config: &config,
        folder: &folder,
        book: &book,
        blobs: &blobs,
        key,
        wake: wake.clone(),
        connection: connection.as_ref(),
        term: lease.as_ref().map_or(0, Held::term),
    };
    let adapters = match rehearsal {
        true => adapters::rehearsed(&shared, &why),
        false => adapters::real(&shared).await?,
    };
    let (missions, objects) = missions::start(&shared, reader, missions).await;
    let ports = Ports { cluster: adapters.cluster, missions, brain, workers: adapters.workers, redactor };
    let settled = act::settle(&book.ledger(), &ports.workers.reports(), clock().max(book.ledger().now));
    book.append(&settled, Durable::Now)?;
    let choices = begin::choices(&ports, &book);
    let (commands, received) = mpsc::channel(64);
    let (updates, received_updates) = broadcast::channel(256);
    let commands = Commands(commands);
    let told = missions::talk(objects, received_updates, &book, &commands);
    let beside = adapters.door.map(adapters::serve).into_iter().chain(told).collect();
    let (stop, stopped) = watch::channel(false);
    if let Some(held) = &lease {
        tokio::spawn(term::end_with_the_lease(held.lost(), stop.clone()));
    }
    let pulse = Arc::new(Pulse::default());
    let driver = Driver {
        ports,
        book: book.clone(),
        policy,
        catalog: uploads.catalog.clone(),
        beside: Beside::default(),
        pulse: pulse.clone(),
        changed_beside: Arc::default(),
        interval: config.interval,
        between: config.between,
        yes: config.yes.then(|| rustix::process::getuid().as_raw()),
        changed,
        commands: received,
        updates: updates.clone(),
        stop: stopped,
    };
    Ok(Host {
        folder,
        rehearsal,
        choices,
        book,
        blobs,
        states: adapters.states,
        uploads,
        pulse,
        beside,
        _lease: lease,
        commands,
        updates,
        stop,
        driver: tokio::spawn(driver.run()),
    })
}
