//! The workers' folders together: what is told is done, and what is there is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use quarterdeck_core::ids::OrderName;
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::order::{End, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::Failure;

use super::run::{self, Run};
use super::{Message, ProcessConfig};
use crate::act::{Shelf, Word};

/// Everything that is known of the workers.
pub(super) struct Yard {
    pub(super) config: ProcessConfig,
    pub(super) shelf: Arc<dyn Shelf>,
    redactor: Redactor,
    pub(super) runs: BTreeMap<OrderName, Run>,
    /// Orders that could not be started, and why, until they are told to be forgotten.
    pub(super) unstarted: BTreeMap<OrderName, WorkerResult>,
    pub(super) messages: Sender<Message>,
    /// Folders that are no worker's and were complained of.
    strange: BTreeSet<OrderName>,
}

impl Yard {
    pub(super) fn new(
        config: ProcessConfig,
        shelf: Arc<dyn Shelf>,
        redactor: Redactor,
        messages: Sender<Message>,
    ) -> Yard {
        let (runs, unstarted, strange) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Yard { config, shelf, redactor, runs, unstarted, messages, strange }
    }

    /// Does what it is told.
    pub(super) fn hear(&mut self, word: Word) {
        match word {
            Word::Start(order) => {
                if let Err(error) = self.begin(&order) {
                    let message = self.redactor.redact_bounded(&error.in_words(), run::MESSAGE_BYTES_MAX);
                    tracing::warn!(order = %order.name, %message, "A worker could not be started.");
                    let failure = Failure { kind: "start".into(), message, retryable: true, remedies: Vec::new() };
                    self.unstarted.insert(order.name, WorkerResult::failed(End::Failed, failure));
                }
            }
            Word::Cancel(order) => {
                if let Some(run) = self.runs.get_mut(&order) {
                    run.cancel();
                }
            }
            Word::Forget(order) => self.forget(&order),
        }
    }

    /// A process that this host started has ended.
    pub(super) fn exited(&mut self, order: &OrderName, how: String) {
        tracing::info!(%order, %how, "A worker's process ended.");
        if let Some(run) = self.runs.get_mut(order) {
            run.exited = Some(how);
        }
    }

    /// Removes what a worker left, once its end was reported and its states are taken in.
    fn forget(&mut self, order: &OrderName) {
        self.unstarted.remove(order);
        let Some(run) = self.runs.get(order) else { return };
        if run.result.is_none() {
            tracing::warn!(%order, "A worker that has not ended can't be forgotten.");
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(run.folder.root()) {
            tracing::warn!(%order, %error, "The folder of a worker could not be removed; it is tried again.");
            return;
        }
        self.runs.remove(order);
    }

    /// What can be seen of every worker now.
    pub(super) fn look(&mut self) -> Vec<WorkerReport> {
        self.find_folders();
        let at = (self.config.clock)();
        let Yard { shelf, redactor, runs, .. } = self;
        let mut reports: Vec<_> = runs.values_mut().map(|run| run.look(&**shelf, redactor, at)).collect();
        let unstarted = self.unstarted.iter().map(|(order, result)| WorkerReport {
            order: order.clone(),
            at,
            doing: None,
            result: Some(result.clone()),
        });
        reports.extend(unstarted.filter(|report| !self.runs.contains_key(&report.order)));
        reports
    }

    /// Takes in the folders that are there, and lets go of those that are not.
    fn find_folders(&mut self) {
        let entries = match std::fs::read_dir(&self.config.work) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "The folder of the workers can't be read.");
                return;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| OrderName::parse(name.to_str()?).ok());
            let Some(name) = name.filter(|name| !self.runs.contains_key(name)) else { continue };
            match Run::found(&name, &path) {
                Ok(run) => {
                    self.runs.insert(name, run);
                }
                // Only this thread makes folders, so one without an order is of a host that died while it made it.
                Err(run::Unfound::Unprepared) => {
                    tracing::info!(order = %name, "Removed a folder that was never ready.");
                    let _tried_again = std::fs::remove_dir_all(&path);
                }
                Err(run::Unfound::Unreadable(error)) if self.strange.insert(name.clone()) => {
                    tracing::error!(order = %name, %error, "The order in a worker's folder can't be read; it is left alone.");
                }
                Err(run::Unfound::Unreadable(_)) => {}
            }
        }
        self.runs.retain(|_, run| run.folder.root().exists());
    }
}
