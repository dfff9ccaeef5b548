//! The program inside a worker: it runs Terraform for one order, keeps its state safe, and ends with a typed result.
//!
//! It is a library so that the host's own binary can be the worker too (`quarterdeck worker …`); on a cluster the small
//! binary of this crate stands alone in the worker's image. It knows no Kubernetes and no policy.
//!
//! In the order of a run: [`run`] makes the process fit for it, `running` goes from claim to result, `inputs` reads what
//! the host gave, `unpack` lays out the folder, `endpoint`, `states` and `delivery` keep the state, `tool` runs the
//! program, `terraform` says what with, `handover` gives what was made to a host elsewhere, and `salvage` comes after a
//! worker that was killed. [`protocol`] is what the host
//! shares with us.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use quarterdeck_core::situation::Operation;
use rustix::fs::Mode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

mod clock;
mod delivery;
mod disk;
mod endpoint;
mod engine;
mod environment;
mod events;
mod failure;
mod handover;
mod host;
mod inputs;
mod last_words;
mod network;
mod outcome;
pub mod protocol;
mod running;
mod salvage;
mod states;
mod terraform;
mod tool;
mod unpack;

pub use running::{work, work_given};

/// `quarterdeck-worker TOOL OPERATION --folder DIR [--inputs DIR]`.
#[derive(Clone, Debug, Parser)]
#[command(name = "quarterdeck-worker", about = "Does the work of one order in its folder", version)]
pub struct Worker {
    /// The tool.
    #[command(subcommand)]
    pub tool: ToolCommand,
}

/// The tools that a worker runs.
#[derive(Clone, Debug, Subcommand)]
pub enum ToolCommand {
    /// Runs Terraform.
    Terraform {
        /// What with.
        #[command(subcommand)]
        operation: TerraformCommand,
    },
}

/// What Terraform is run for. Every change, destruction too, is the apply of a saved plan.
#[derive(Clone, Debug, Subcommand)]
pub enum TerraformCommand {
    /// Saves a plan of what would make the mission present.
    Plan(Folder),
    /// Saves a plan of what would remove it.
    PlanDestroy(Folder),
    /// Applies the saved plan of the order.
    Apply(Folder),
}

/// Where the work is.
#[derive(Clone, Debug, Args)]
pub struct Folder {
    /// The folder of the run, with the order in it.
    #[arg(long)]
    pub folder: PathBuf,
    /// What a pod was given: a folder with order.json, config.json and, where it fits, files.bin, which are copied into
    /// the folder of the run first.
    #[arg(long, value_name = "DIR")]
    pub inputs: Option<PathBuf>,
}

/// How a worker ended, which is also its exit code. All but `ClaimRefused` and `NotStarted` have written a result. A host
/// that shares no folder has it too, except after `Undelivered`, and where the order could not be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// 0: it did what was ordered.
    Succeeded,
    /// 1: it could not; the result says why.
    Failed,
    /// 3: the order is somebody else's. Nothing was touched.
    ClaimRefused,
    /// 4: the folder or its inputs can't be used, and no result could be written.
    NotStarted(String),
    /// 5: it was told to stop.
    Cancelled,
    /// 6: there is something in the folder that the host does not have: versions of the state, or, for a host that shares
    /// no folder, the result. Start it again in this folder.
    Undelivered,
}

impl Ending {
    /// The exit code; 2 is a wrong command line.
    pub fn code(&self) -> u8 {
        match self {
            Ending::Succeeded => 0,
            Ending::Failed => 1,
            Ending::ClaimRefused => 3,
            Ending::NotStarted(_) => 4,
            Ending::Cancelled => 5,
            Ending::Undelivered => 6,
        }
    }
}

/// Runs a worker in this process, which belongs to it from now on: it gets a session of its own, creates files that only
/// its owner reads, inherits orphaned plugins and listens to signals. Must not be called from within an async runtime.
pub fn run(worker: Worker) -> ExitCode {
    let ToolCommand::Terraform { operation } = worker.tool;
    let (operation, Folder { folder, inputs }) = match operation {
        TerraformCommand::Plan(at) => (Operation::Plan, at),
        TerraformCommand::PlanDestroy(at) => (Operation::PlanDestroy, at),
        TerraformCommand::Apply(at) => (Operation::Apply, at),
    };
    // Fails where the host has made a session already, which is as good.
    let _has_its_own = rustix::process::setsid();
    let _before = rustix::process::umask(Mode::from_raw_mode(0o077));
    let _old_kernel = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ending = match runtime {
        Ok(runtime) => runtime.block_on(async {
            let stop = stop_signal()?;
            Ok(match &inputs {
                Some(given) => work_given(operation, given, &folder, stop).await,
                None => work(operation, &folder, stop).await,
            })
        }),
        Err(error) => Err(error),
    };
    let ending = ending.unwrap_or_else(|error: std::io::Error| Ending::NotStarted(format!("start: {error}")));
    if let Ending::NotStarted(why) = &ending {
        last_words::aloud(why);
    }
    // A worker of this machine may share a container with its host, whose last words are not its own.
    if inputs.is_some() {
        last_words::leave(&last_words::of(&ending, &folder), Path::new(last_words::TERMINATION_LOG));
    }
    ExitCode::from(ending.code())
}

/// Turns true with the first SIGTERM. Further ones change nothing, and SIGINT and SIGHUP are meant for others: a worker
/// outlives its host and the terminal that the host was started from.
fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let (told, stop) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let (mut interrupt, mut hangup) = (signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => { let _nobody_listens = told.send(true); }
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            }
        }
    });
    Ok(stop)
}
