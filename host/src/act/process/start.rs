//! Starting a worker: its folder, its inputs, its process.
//!
//! The order is written last, so a folder with an order has everything. Whatever goes wrong before leaves no folder. A
//! process that was started twice does no harm: only one takes the lock on `alive`, and only one gets the claim.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::order::Order;
use quarterdeck_core::situation::Operation;
use quarterdeck_worker::protocol::RunFolder;

use super::Message;
use super::identity::Process;
use super::run::{self, Run};
use super::yard::Yard;
use crate::act::{ShelfError, files};

/// Why a worker could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("order {0} can't be the name of a folder")]
    Name(OrderName),
    #[error("order {0} is a rehearsal, and these workers are real")]
    Rehearsal(OrderName),
    #[error("no worker process does {0:?}")]
    Operation(Operation),
    #[error("order {0} says to apply without saying what")]
    NoInput(OrderName),
    #[error("the {what} of order {order} is not kept any more")]
    NoBlob { what: &'static str, order: OrderName },
    #[error("read the {what} of order {order}")]
    Blob { what: &'static str, order: OrderName, source: ShelfError },
    #[error("{what} {path}")]
    Io { what: &'static str, path: PathBuf, source: io::Error },
}

impl StartError {
    /// What was tried and why it failed.
    pub(super) fn in_words(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }
}

/// The name of an order's folder; none where its name can't be one.
pub(super) fn folder_name(order: &OrderName) -> Option<&str> {
    Some(order.as_str()).filter(|name| !name.contains('/') && !name.starts_with('.'))
}

impl Yard {
    /// Prepares and starts a worker. One that is there already goes on.
    pub(super) fn begin(&mut self, order: &Order) -> Result<(), StartError> {
        let name = folder_name(&order.name).ok_or_else(|| StartError::Name(order.name.clone()))?;
        if self.runs.contains_key(&order.name) {
            tracing::info!(order = %order.name, "A worker of this order is there already.");
            return Ok(());
        }
        if order.rehearsal {
            return Err(StartError::Rehearsal(order.name.clone()));
        }
        subcommand(order.key.operation)?;
        let root = self.config.work.join(name);
        let folder = RunFolder::at(&root);
        // A folder that is there already is another's, and stays where it is.
        let make = DirBuilder::new().mode(0o700).create(&root);
        make.map_err(|source| StartError::Io { what: "make the folder", path: root.clone(), source })?;
        if let Err(error) = self.prepare(order, &folder) {
            let _found_at_the_next_look = fs::remove_dir_all(&root);
            return Err(error);
        }
        self.unstarted.remove(&order.name);
        let mut run = Run::new(order.clone(), folder);
        let started = self.spawn(&mut run);
        if started.is_err() {
            // Nothing ran, so nothing is lost.
            fs::remove_dir_all(&root).map_err(|source| StartError::Io { what: "remove", path: root, source })?;
            return started;
        }
        self.runs.insert(order.name.clone(), run);
        Ok(())
    }

    /// Starts the workers again that a former host prepared and did not get to start.
    pub(super) fn start_again(&mut self) {
        let waiting: Vec<_> =
            self.runs.iter().filter(|(_, run)| run.was_never_started()).map(|(name, _)| name.clone()).collect();
        for name in waiting {
            let Some(mut run) = self.runs.remove(&name) else { continue };
            run.started = true;
            tracing::info!(order = %name, "Start the worker that the last host prepared.");
            if let Err(error) = self.spawn(&mut run) {
                run.exited = Some(error.in_words());
            }
            self.runs.insert(name, run);
        }
    }

    fn prepare(&self, order: &Order, folder: &RunFolder) -> Result<(), StartError> {
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |source| StartError::Io { what, path, source }
        };
        files::sync_folder(&self.config.work).map_err(io("sync the folder", &self.config.work))?;
        let write = |path: PathBuf, bytes: &[u8]| files::write_whole(&path, bytes).map_err(io("write", &path));
        write(folder.config(), &serde_json::to_vec(&self.config.run).expect("a configuration is plain JSON"))?;
        write(folder.files(), &self.fetch(order, "files", &order.plan)?)?;
        if order.key.operation == Operation::Apply {
            let input = order.apply.as_ref().ok_or_else(|| StartError::NoInput(order.name.clone()))?;
            write(folder.saved_in(), &self.fetch(order, "saved plan", &input.saved)?)?;
            write(folder.json_in(), &self.fetch(order, "saved plan's JSON", &input.json)?)?;
            if let Some(lock) = &input.lock {
                write(folder.lock_in(), &self.fetch(order, "provider lock file", lock)?)?;
            }
        }
        write(folder.order(), &serde_json::to_vec(order).expect("an order is plain JSON"))
    }

    fn fetch(&self, order: &Order, what: &'static str, digest: &Digest) -> Result<Vec<u8>, StartError> {
        let order = || order.name.clone();
        let blob = self.shelf.blob(digest).map_err(|source| StartError::Blob { what, order: order(), source })?;
        blob.ok_or_else(|| StartError::NoBlob { what, order: order() })
    }

    /// Starts the process. It makes a session of its own first of all, and can do that because it leads no group yet.
    fn spawn(&self, run: &mut Run) -> Result<(), StartError> {
        let root = run.folder.root();
        let log = root.join("worker.log");
        let log = || {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&log);
            file.map_err(|source| StartError::Io { what: "open", path: log.clone(), source })
        };
        let mut command = Command::new(&self.config.program);
        command.args(&self.config.arguments).arg("terraform").arg(subcommand(run.order.key.operation)?);
        command.arg("--folder").arg(root).current_dir(root);
        command.env_clear().envs(self.config.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log()?).stderr(log()?);
        let program = || self.config.program.clone();
        let child =
            command.spawn().map_err(|source| StartError::Io { what: "start the worker", path: program(), source })?;
        run.spawned = i32::try_from(child.id()).ok().and_then(Process::now);
        run.started = true;
        if let Some(Err(error)) = run.spawned.map(|process| run::note_process(&run.folder, process)) {
            tracing::warn!(order = %run.order.name, %error, "Which process was started could not be written down.");
        }
        tracing::info!(order = %run.order.name, pid = child.id(), "Started a worker.");
        self.wait_for(child, run);
        Ok(())
    }

    /// A thread waits for the end, so that no corpse stays and the end is seen at once.
    fn wait_for(&self, mut child: Child, run: &Run) {
        let (messages, order) = (self.messages.clone(), run.order.name.clone());
        let waiting = std::thread::Builder::new().name("worker's end".to_owned()).spawn(move || {
            let how = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            let _host_is_ending = messages.send(Message::Exited(order, how));
        });
        // Without that thread the end is seen at the next look all the same, by the kernel's word.
        if let Err(error) = waiting {
            tracing::warn!(%error, "No thread to wait for a worker.");
        }
    }
}

fn subcommand(operation: Operation) -> Result<&'static str, StartError> {
    match operation {
        Operation::Plan => Ok("plan"),
        Operation::PlanDestroy => Ok("plan-destroy"),
        Operation::Apply => Ok("apply"),
        Operation::Check | Operation::Configure | Operation::Scan => Err(StartError::Operation(operation)),
    }
}
