//! Workers as processes of this machine.
//!
//! A worker has a folder `work/<order>/` and, once it runs, a session of its own; it outlives the host. So nothing is
//! known about workers but what their folders say: they are looked through every second, and at once when something is
//! told or a process ends. A host that starts looks through them before it does anything else, and adopts what it finds.
//!
//! One thread does all of it, in this order for each folder: `start` (inputs, then the process), `run` (what can be seen
//! of one worker), `identity` (who a process is, so that a number used again is never signalled). The loop reads the last
//! snapshot and never waits for a disk.
//!
//! The proof of life is the lock on the file `alive`, which a worker and everything that it starts hold as long as one of
//! them is there. Not here: what workers do, who may start one, and the meaning of a result.

mod identity;
mod run;
mod start;
mod yard;

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_worker::protocol::{RunConfig, RunFolder};

use self::yard::Yard;
use super::{Shelf, Word, Workers, changed};

/// Where their folders are, below the data folder.
pub const FOLDER: &str = "work";
/// How often the folders are looked through when nothing calls for it: a turn sees a worker's end within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A worker that lives so long after its deadline has missed its own end, and is killed. In milliseconds.
pub const OVERTIME_MS: u64 = 60_000;
/// Dropping waits so long for what is being done; a hung disk must not keep the host from ending.
const FAREWELL: Duration = Duration::from_secs(2);

/// How worker processes are started.
pub struct ProcessConfig {
    /// The folder of the workers' folders.
    pub work: PathBuf,
    /// The worker's program.
    pub program: PathBuf,
    /// What stands before `terraform OPERATION --folder DIR` on its command line.
    pub arguments: Vec<OsString>,
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What a worker is told about its surroundings.
    pub run: RunConfig,
    /// Reads the time.
    pub clock: fn() -> Timestamp,
    /// Called when a report has changed; must not wait.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// What was chosen and why, for people.
    pub choice: String,
}

/// The adapter.
pub struct ProcessWorkers {
    messages: Sender<Message>,
    reports: Arc<Mutex<Vec<WorkerReport>>>,
    choice: String,
    ended: Mutex<Receiver<()>>,
}

enum Message {
    Word(Word),
    /// A process of ours ended; how, in words.
    Exited(OrderName, String),
    Stop,
}

impl ProcessWorkers {
    /// Looks through the folders once, so that what a former host started is seen, and goes on in a thread. Blocks for
    /// the disk.
    ///
    /// # Errors
    /// Where the folder can't be had.
    pub fn start(config: ProcessConfig, shelf: Arc<dyn Shelf>, redactor: Redactor) -> io::Result<ProcessWorkers> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.work)?;
        let (messages, inbox) = mpsc::channel();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let choice = config.choice.clone();
        let wake = config.wake.clone();
        let yard = Yard::new(config, shelf, redactor, messages.clone());
        let mut keeper = Keeper { yard, reports: reports.clone(), wake };
        keeper.look();
        let (last, ended) = mpsc::channel();
        std::thread::Builder::new().name("workers".to_owned()).spawn(move || {
            keeper.keep(&inbox);
            // Nobody waits any more where the host did not wait for us.
            let _nobody_waits = last.send(());
        })?;
        Ok(ProcessWorkers { messages, reports, choice, ended: Mutex::new(ended) })
    }
}

impl Workers for ProcessWorkers {
    fn tell(&self, word: Word) {
        // The gate bounds what is told: one changing operation a mission, and a few words a turn. The thread ends only
        // with us, so this fails only where it panicked; then the worker never comes, which is observed.
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

impl Drop for ProcessWorkers {
    /// Lets the thread finish what it does. Workers go on.
    fn drop(&mut self) {
        let _has_ended = self.messages.send(Message::Stop);
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _or_hangs = ended.recv_timeout(FAREWELL);
    }
}

/// Whether anything of an order's worker lives, for whoever must not act while it does. Reads two small files.
pub fn lives(work: &Path, order: &OrderName) -> bool {
    start::folder_name(order).is_some_and(|name| run::is_alive(&RunFolder::at(&work.join(name))))
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
            self.yard.start_again();
            match inbox.recv_timeout(LOOK_EVERY) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::Word(word)) => self.yard.hear(word),
                Ok(Message::Exited(order, how)) => self.yard.exited(&order, how),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.look();
        }
    }

    /// Looks through all folders and publishes what was seen.
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
