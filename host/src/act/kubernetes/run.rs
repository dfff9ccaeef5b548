//! One worker of a cluster, as its folder on the host's disk and the API server show it.
//!
//! The folder is made before the Job and goes after it: it holds the order, what the API server was told (`job.json`), the
//! Job's uid once it is made (`job`) or why there is none (`unmade`), and what the worker hands over. So a host that comes later knows what the last one
//! began, and begins it again where the API server has nothing of it: under the same name, with the same bytes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::order::{End, Order, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Failure, SQUATTED, TEXT_BYTES_MAX};
use quarterdeck_worker::protocol::RunFolder;

use super::ending::{self, Standing};
use super::job::Made;
use crate::act::{Shelf, files, leftovers};

/// A failure's message is cut to this many bytes.
const MESSAGE_BYTES_MAX: usize = TEXT_BYTES_MAX;
/// What a worker is doing is shown in this many bytes.
const DOING_BYTES_MAX: usize = 256;
/// An order is at most this large; a real one has about 2 KiB.
const ORDER_BYTES_MAX: usize = 256 << 10;
/// A Job and its inputs: a ConfigMap has 1 MiB at most, and its JSON is escaped once more.
const MADE_BYTES_MAX: usize = 4 << 20;
/// A uid has 36 characters.
const UID_BYTES_MAX: usize = 128;
/// What waits for an image, a node or a volume for this long does not wait any longer: a pull takes a minute or two.
const STUCK_MS: u64 = 5 * 60_000;
/// An image that can't be had is waited for this long: a kubelet tries again after 10, 20 and 40 seconds.
const NO_IMAGE_MS: u64 = 2 * 60_000;
/// A Job that has no pod after this long is asked about.
const NO_POD_MS: u64 = 20_000;
/// A Job that was made is told of by the watch within this, or it is gone.
const TOLD_MS: u64 = 15_000;

/// How far a worker has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The API server is being told of it.
    Making,
    /// The API server has its Job, with this uid.
    Made {
        /// The Job's uid.
        uid: String,
        /// When that was known.
        since: Timestamp,
    },
    /// There will be no Job.
    Unmade,
}

/// What has to be done about a worker, by whoever talks to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// End its Job.
    End,
    /// Ask why it has no pod.
    AskWhy,
    /// Follow what this pod says.
    Follow(String),
}

/// What is known of one worker.
pub(super) struct Run {
    pub(super) order: Order,
    pub(super) folder: RunFolder,
    pub(super) stage: Stage,
    /// How it ended, once everything that it left is taken in.
    pub(super) result: Option<WorkerResult>,
    /// It was told to stop.
    pub(super) cancelled: bool,
    /// What the cluster has of it is being removed.
    pub(super) leaving: bool,
    /// Why it is being ended, where it is not its own doing.
    verdict: Option<(End, Failure)>,
    /// Whether its Job was told to end.
    ending: bool,
    /// Whether it was asked why there is no pod, and what is known of it since.
    asked_why: bool,
    /// Whether the watch has told of its Job.
    told: bool,
    /// The pod that was seen last, which may be gone by now.
    last_pod: Option<Box<Pod>>,
    /// What its log said last.
    pub(super) doing: Arc<Mutex<Option<String>>>,
    /// The pod whose log is followed.
    followed: Option<String>,
    /// Since when it waits for the same thing.
    stuck: Option<(Timestamp, &'static str)>,
    trouble: Option<String>,
}

/// What the API server shows of a worker.
pub(super) struct Sight<'a> {
    /// Whether anything can be known: the first lists are there.
    pub(super) known: bool,
    pub(super) job: Option<&'a Job>,
    /// Its pods; one at most, by its Job.
    pub(super) pods: Vec<&'a Pod>,
}

impl Run {
    pub(super) fn new(order: Order, folder: RunFolder) -> Run {
        Run {
            order,
            folder,
            stage: Stage::Making,
            result: None,
            cancelled: false,
            leaving: false,
            verdict: None,
            ending: false,
            asked_why: false,
            told: false,
            last_pod: None,
            doing: Arc::default(),
            followed: None,
            stuck: None,
            trouble: None,
        }
    }

    /// The worker of a folder that was found; an error where it has no order, or another's.
    pub(super) fn found(name: &OrderName, root: &Path, at: Timestamp) -> io::Result<Option<Run>> {
        let folder = RunFolder::at(root);
        let Some(bytes) = files::read_if_there(&folder.order(), ORDER_BYTES_MAX)? else { return Ok(None) };
        let order: Order = serde_json::from_slice(&bytes)?;
        if order.name != *name {
            return Err(io::Error::other(format!("it is order {}", order.name)));
        }
        let mut run = Run::new(order, folder);
        if let Some(uid) = files::read_if_there(&uid_path(&run.folder), UID_BYTES_MAX)? {
            run.stage = Stage::Made { uid: String::from_utf8_lossy(&uid).into_owned(), since: at };
        } else if let Some(result) = files::read_if_there(&unmade_path(&run.folder), ORDER_BYTES_MAX)? {
            (run.stage, run.result) = (Stage::Unmade, Some(serde_json::from_slice(&result)?));
        }
        Ok(Some(run))
    }

    /// What the API server was told, where a former host got that far.
    pub(super) fn made_before(folder: &RunFolder) -> io::Result<Option<Made>> {
        let bytes = files::read_if_there(&made_path(folder), MADE_BYTES_MAX)?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from)).transpose()
    }

    /// Writes down what the API server will be told, before it is.
    pub(super) fn note_made(folder: &RunFolder, made: &Made, inputs: (&[u8], &[u8])) -> io::Result<()> {
        let (order, config) = inputs;
        // What a worker says of its inputs is compared with these bytes.
        files::write_whole(&folder.order(), order)?;
        files::write_whole(&folder.config(), config)?;
        files::write_whole(&made_path(folder), &serde_json::to_vec(made)?)
    }

    /// The Job is there.
    pub(super) fn is_made(&mut self, uid: String, at: Timestamp) {
        if let Err(error) = files::write_whole(&uid_path(&self.folder), uid.as_bytes()) {
            // A host that comes later finds the Job by its name and its seal.
            tracing::warn!(order = %self.order.name, %error, "Which Job was made could not be written down.");
        }
        tracing::info!(order = %self.order.name, %uid, "Made a worker's Job.");
        self.stage = Stage::Made { uid, since: at };
    }

    /// There will be no Job.
    pub(super) fn is_unmade(&mut self, kind: &str, message: &str, redactor: &Redactor) {
        let message = redactor.safe(message, MESSAGE_BYTES_MAX);
        tracing::warn!(order = %self.order.name, kind, %message, "A worker could not be started.");
        self.stage = Stage::Unmade;
        let retryable = kind != SQUATTED;
        let failure = Failure { kind: kind.to_owned(), message, retryable, remedies: Vec::new() };
        let end = if self.cancelled { End::Cancelled } else { End::Failed };
        let result = WorkerResult::failed(end, failure);
        let bytes = serde_json::to_vec(&result).expect("a result is plain JSON");
        if let Err(error) = files::write_whole(&unmade_path(&self.folder), &bytes) {
            // A host that comes later tries again under the same name, and the journal says what has ended.
            tracing::warn!(order = %self.order.name, %error, "That there is no Job could not be written down.");
        }
        self.result = Some(result);
    }

    /// Why it has no pod, by the newest event; it is ended where one was found.
    pub(super) fn has_no_pod(&mut self, said: Option<String>) {
        let Some(said) = said else {
            self.asked_why = false;
            return;
        };
        let message = format!("the cluster makes no pod for the worker: {said}");
        self.condemn(End::Failed, "admission", message);
    }

    fn condemn(&mut self, end: End, kind: &str, message: String) {
        let failure = Failure { kind: kind.to_owned(), message, retryable: true, remedies: Vec::new() };
        self.verdict.get_or_insert((end, failure));
    }

    /// The Job's uid, where there is one.
    pub(super) fn uid(&self) -> Option<&str> {
        match &self.stage {
            Stage::Made { uid, since: _ } => Some(uid),
            Stage::Making | Stage::Unmade => None,
        }
    }

    /// What can be seen now, and what has to be done about it.
    pub(super) fn look(
        &mut self,
        sight: &Sight<'_>,
        shelf: &dyn Shelf,
        redactor: &Redactor,
        at: Timestamp,
    ) -> (WorkerReport, Vec<Errand>) {
        let mut errands = Vec::new();
        let doing = match (&self.result, &self.stage) {
            (Some(_), _) | (None, Stage::Unmade) => None,
            (None, Stage::Making) => Some("its Job is being made".to_owned()),
            (None, Stage::Made { since, .. }) => {
                let since = *since;
                self.look_at_job(sight, since, at, &mut errands).unwrap_or_else(|| self.take_in(sight, shelf, redactor))
            }
        };
        if (self.cancelled || self.verdict.is_some()) && !self.ending && self.uid().is_some() && self.result.is_none() {
            self.ending = true;
            errands.push(Errand::End);
        }
        let doing = doing.map(|doing| redactor.safe(&doing, DOING_BYTES_MAX));
        (WorkerReport { order: self.order.name.clone(), at, doing, result: self.result.clone() }, errands)
    }

    /// A call to end the Job failed, so it is to be made again.
    pub(super) fn was_not_ended(&mut self) {
        self.ending = false;
    }

    /// What the worker does, while it has not ended.
    fn look_at_job(
        &mut self,
        sight: &Sight<'_>,
        since: Timestamp,
        at: Timestamp,
        errands: &mut Vec<Errand>,
    ) -> Option<Option<String>> {
        if !sight.known {
            return Some(Some("the API server has not said yet how it stands".to_owned()));
        }
        self.told |= sight.job.is_some();
        if let Some(pod) = sight.pods.first() {
            self.last_pod = Some(Box::new((*pod).clone()));
        }
        let Some(pod) = sight.pods.first() else {
            let over = sight.job.map_or(self.told || at.since_ms(since) > TOLD_MS, ending::has_ended);
            if over {
                return None;
            }
            if at.since_ms(since) > NO_POD_MS && !self.asked_why {
                self.asked_why = true;
                errands.push(Errand::AskWhy);
            }
            return Some(Some("waits for its pod".to_owned()));
        };
        if let (Some(uid), Some(name)) = (ending::uid(pod), pod.metadata.name.as_ref())
            && self.followed.as_deref() != Some(uid)
            && ending::standing(pod) == Standing::Runs
        {
            self.followed = Some(uid.to_owned());
            errands.push(Errand::Follow(name.clone()));
        }
        match ending::standing(pod) {
            Standing::Ended => None,
            Standing::Runs => {
                self.stuck = None;
                let said = self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Some(said.or_else(|| Some("runs".to_owned())))
            }
            Standing::Waits(None) => {
                self.stuck = None;
                Some(Some("its pod is being started".to_owned()))
            }
            Standing::Waits(Some(stuck)) => {
                let since = match self.stuck {
                    Some((since, kind)) if kind == stuck.kind => since,
                    Some(_) | None => at,
                };
                self.stuck = Some((since, stuck.kind));
                let patience = if stuck.kind == "image" { NO_IMAGE_MS } else { STUCK_MS };
                if at.since_ms(since) > patience {
                    let text = format!("the worker's pod could not be started: {}", stuck.message);
                    self.condemn(End::Failed, stuck.kind, text);
                }
                Some(Some(format!("its pod waits: {}", stuck.message)))
            }
        }
    }

    /// Takes in what an ended worker left. Where that fails for now, it is tried again, and the mission stays closed.
    fn take_in(&mut self, sight: &Sight<'_>, shelf: &dyn Shelf, redactor: &Redactor) -> Option<String> {
        let (end, mut failure) = self.why(sight);
        failure.message = redactor.safe(&failure.message, MESSAGE_BYTES_MAX);
        let gone = leftovers::Gone { order: &self.order, folder: &self.folder, failure: (end, failure) };
        match gone.take_in(shelf, redactor) {
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
                Some(format!("ended; what it left can't be taken in yet: {text}"))
            }
        }
    }

    /// What is said of it where it left no result.
    fn why(&self, sight: &Sight<'_>) -> (End, Failure) {
        if let Some(verdict) = &self.verdict {
            return verdict.clone();
        }
        let pod = sight.pods.first().copied().or(self.last_pod.as_deref());
        let (end, failure) = ending::why(pod, sight.job);
        if self.cancelled && end != End::Lost {
            let message = "the worker was told to stop before it had begun".to_owned();
            return (End::Cancelled, Failure { kind: "cancelled".to_owned(), message, ..failure });
        }
        (end, failure)
    }
}

fn made_path(folder: &RunFolder) -> PathBuf {
    folder.root().join("job.json")
}

fn unmade_path(folder: &RunFolder) -> PathBuf {
    folder.root().join("unmade")
}

fn uid_path(folder: &RunFolder) -> PathBuf {
    folder.root().join("job")
}

#[cfg(test)]
mod tests;
