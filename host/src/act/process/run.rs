//! One worker, as its folder and the kernel show it.
//!
//! A worker is alive while the lock on its file `alive` is held, and for the moment between its start and that lock while
//! its process is there. A worker that is not alive has ended: with a result, or without one, and then it is lost. Before
//! either is reported, what it left is taken in. A worker writes who it is into `claimed` once it has its claim, so one
//! without that has touched nothing.

use std::io;
use std::path::{Path, PathBuf};

use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::order::{End, Order, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Failure, TEXT_BYTES_MAX};
use quarterdeck_worker::protocol::RunFolder;
use rustix::process::Signal;

use super::OVERTIME_MS;
use super::identity::Process;
use crate::act::{Shelf, clean, files, leftovers};

/// A failure's message is cut to this many bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = TEXT_BYTES_MAX;
/// An order is at most this large; a real one has about 2 KiB.
const ORDER_BYTES_MAX: usize = 256 << 10;
/// Who a worker is takes fewer bytes than this.
const PROCESS_BYTES_MAX: usize = 256;
/// Which process the host started: `PID STARTTIME`.
const PROCESS_FILE: &str = "process";
/// An event is at most this long, or it is not shown.
const EVENT_BYTES_MAX: u64 = 16 << 10;
/// What a worker is doing is shown in this many bytes.
const DOING_BYTES_MAX: usize = 256;

/// What is known of one worker.
pub(super) struct Run {
    pub(super) order: Order,
    pub(super) folder: RunFolder,
    /// The process that this host started, where it did.
    pub(super) spawned: Option<Process>,
    /// Whether this host has started a process.
    pub(super) started: bool,
    /// How that process ended.
    pub(super) exited: Option<String>,
    /// How the worker ended, once everything that it left is taken in.
    pub(super) result: Option<WorkerResult>,
    cancelled: bool,
    /// Whether what it started was told to stop in its place.
    interrupted: bool,
    overdue: bool,
    /// Why what it left could not be taken in, when that was tried last.
    trouble: Option<String>,
}

/// Why a folder is no worker's.
pub(super) enum Unfound {
    /// It has no order.
    Unprepared,
    /// Its order can't be read.
    Unreadable(io::Error),
}

impl Run {
    pub(super) fn new(order: Order, folder: RunFolder) -> Run {
        let (spawned, exited, result) = (None, None, None);
        let (started, cancelled, interrupted, overdue, trouble) = (false, false, false, false, None);
        Run { order, folder, spawned, started, exited, result, cancelled, interrupted, overdue, trouble }
    }

    /// The worker of a folder that was found.
    pub(super) fn found(name: &OrderName, root: &Path) -> Result<Run, Unfound> {
        let folder = RunFolder::at(root);
        let bytes = files::read_if_there(&folder.order(), ORDER_BYTES_MAX).map_err(Unfound::Unreadable)?;
        let bytes = bytes.ok_or(Unfound::Unprepared)?;
        let order: Order = serde_json::from_slice(&bytes).map_err(|error| Unfound::Unreadable(error.into()))?;
        if order.name != *name {
            return Err(Unfound::Unreadable(io::Error::other(format!("it is order {}", order.name))));
        }
        let mut run = Run::new(order, folder);
        run.spawned = read_process(&run.folder.root().join(PROCESS_FILE));
        Ok(run)
    }

    /// Whether its inputs are there and no process ever came to life with them.
    pub(super) fn was_never_started(&self) -> bool {
        !self.started
            && self.result.is_none()
            && self.spawned.is_none()
            && !has_begun(&self.folder)
            && !self.folder.result().exists()
            && !is_alive(&self.folder)
    }

    /// Asks the worker to stop; where it is gone and its tool is not, the tool.
    pub(super) fn cancel(&mut self) {
        self.cancelled = true;
        let order = &self.order.name;
        let Some(worker) = self.process() else { return };
        if worker.signal(Signal::TERM) {
            tracing::info!(%order, pid = worker.pid, "Asked a worker to stop.");
        } else {
            self.interrupt_orphans();
        }
    }

    /// A worker that was told to stop may die of something else before it tells its tool.
    fn interrupt_orphans(&mut self) {
        let Some(worker) = self.process() else { return };
        if self.cancelled && !self.interrupted && !worker.is_there() && is_alive(&self.folder) {
            self.interrupted = true;
            let told = worker.session().into_iter().filter(|process| process.signal(Signal::INT)).count();
            tracing::info!(order = %self.order.name, told, "Interrupted what a dead worker had started.");
        }
    }

    /// What can be seen now.
    pub(super) fn look(&mut self, shelf: &dyn Shelf, redactor: &Redactor, at: Timestamp) -> WorkerReport {
        let doing = if self.result.is_some() {
            None
        } else if self.works() {
            self.interrupt_orphans();
            self.end_overtime(at);
            self.doing(redactor)
        } else if self.was_never_started() {
            Some("about to be started".to_owned())
        } else {
            self.take_in(shelf, redactor)
        };
        WorkerReport { order: self.order.name.clone(), at, doing, result: self.result.clone() }
    }

    /// Whether the worker, or anything that it started, is there.
    fn works(&self) -> bool {
        is_alive(&self.folder) || (self.exited.is_none() && self.spawned.is_some_and(Process::is_there))
    }

    /// Who the worker is: by the word of the host that started it, else by its own.
    fn process(&self) -> Option<Process> {
        self.spawned.or_else(|| said_itself(&self.folder))
    }

    /// A worker ends itself at its deadline. One that did not is ended, with everything that it started.
    fn end_overtime(&mut self, at: Timestamp) {
        if at < self.order.deadline.plus_ms(OVERTIME_MS) {
            return;
        }
        self.overdue = true;
        let Some(worker) = self.process() else { return };
        let mut killed = usize::from(worker.signal(Signal::KILL));
        if is_alive(&self.folder) {
            killed += worker.session().into_iter().filter(|process| process.signal(Signal::KILL)).count();
        }
        tracing::warn!(order = %self.order.name, killed, "Killed a worker that did not end at its deadline.");
    }

    fn doing(&self, redactor: &Redactor) -> Option<String> {
        let line = files::last_line(&self.folder.events(), EVENT_BYTES_MAX)?;
        Some(clean::event(redactor, &line, DOING_BYTES_MAX))
    }

    /// Takes in what an ended worker left. Where that fails for now, it is tried again, and the mission stays closed.
    fn take_in(&mut self, shelf: &dyn Shelf, redactor: &Redactor) -> Option<String> {
        let end = leftovers::Gone { order: &self.order, folder: &self.folder, failure: self.why_lost(redactor) };
        match end.take_in(shelf, redactor) {
            Ok(result) => {
                tracing::info!(order = %self.order.name, end = ?result.end, "A worker has ended.");
                self.result = Some(result);
                None
            }
            Err(error) => {
                let text = error.in_words();
                if self.trouble.as_ref() != Some(&text) {
                    tracing::warn!(order = %self.order.name, error = %text, "What a worker left can't be taken in yet.");
                }
                self.trouble = Some(text.clone());
                Some(
                    redactor
                        .redact_bounded(&format!("ended; what it left can't be taken in yet: {text}"), DOING_BYTES_MAX),
                )
            }
        }
    }

    /// What is said of this worker where it left no result.
    fn why_lost(&self, redactor: &Redactor) -> (End, Failure) {
        let log = files::last_line(&self.folder.root().join("worker.log"), EVENT_BYTES_MAX);
        let log = log.map(|line| format!("; it said last: {line}")).unwrap_or_default();
        let how = self.exited.as_deref().map(|how| format!(" ({how})")).unwrap_or_default();
        let begun = has_begun(&self.folder);
        let (end, kind, message) = if self.overdue {
            let text = "the worker did not end at its deadline and was killed; its states were taken in".to_owned();
            (End::Lost, "deadline", text)
        } else if self.cancelled && !begun {
            (End::Cancelled, "cancelled", "the worker was told to stop before it had begun".to_owned())
        } else if !begun {
            (End::Failed, "start", format!("the worker ended before it had begun{how}{log}"))
        } else {
            let text = format!("the worker is gone{how} and left no result; its states were taken in{log}");
            (End::Lost, "crashed", text)
        };
        let message = redactor.redact_bounded(&message, MESSAGE_BYTES_MAX);
        (end, Failure { kind: kind.to_owned(), message, retryable: true, remedies: Vec::new() })
    }
}

/// Writes down which process was started, so that a host that comes later can tell it from others.
pub(super) fn note_process(folder: &RunFolder, process: Process) -> io::Result<()> {
    files::write_whole(&folder.root().join(PROCESS_FILE), format!("{} {}", process.pid, process.started).as_bytes())
}

/// The worker's own mark that its claim was granted.
fn claim_mark(folder: &RunFolder) -> PathBuf {
    folder.root().join("claimed")
}

/// Whether the worker has begun, so that it may have changed something.
fn has_begun(folder: &RunFolder) -> bool {
    claim_mark(folder).exists() || said_itself(folder).is_some()
}

/// Who the worker says that it is: in its mark of the claim, or in `alive`.
fn said_itself(folder: &RunFolder) -> Option<Process> {
    read_process(&claim_mark(folder)).or_else(|| read_process(&folder.alive()))
}

fn read_process(path: &Path) -> Option<Process> {
    Process::parse(std::str::from_utf8(&files::read(path, PROCESS_BYTES_MAX).ok()?).ok()?)
}

/// Whether anyone holds the worker's lock: it, or something that it started.
pub(super) fn is_alive(folder: &RunFolder) -> bool {
    let Ok(file) = files::open_plain(&folder.alive()) else { return false };
    // Shared, so that two who look at the same time do not take each other for the worker. A worker that is kept from its
    // lock by our look tries again.
    matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}
