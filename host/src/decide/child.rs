//! A process without rights: where strangers' components are compiled and first run, and where a policy decides if the
//! operator wants that.
//!
//! Compiling is the dangerous step: it takes memory and time that nobody can tell before, and a failed allocation aborts
//! the process that it happens in. So that process is not the host. It is the host's own program, started anew with a
//! hidden subcommand, an empty environment and three pipes; before it looks at a byte of a component it gives up
//! whatever it could do harm with (`confine`): memory beyond a limit, files, the network, other processes, new threads.
//! What it has left is to compute, to read its input and to write its answers. It dies with the host's thread that
//! started it, and the host can kill it.
//!
//! - `process` is the host's side: it starts the child, kills it in time, and says why one died.
//! - `frame` is how the two talk, `heard` takes an answer apart that came from a child.
//! - `examine`, `serve` and `probe` are what a child does: look at an upload, decide, or try its own walls.
//!
//! What is *not* here: what the answers mean ([`upload`](super::upload), `apart`).

mod confine;
mod examine;
pub(super) mod frame;
pub(super) mod heard;
mod probe;
pub(super) mod process;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

pub(super) use examine::{Call, Told};
pub use probe::{Probed, probe};
pub use process::Death;

use super::sandbox::Sandbox;

/// What a child is started for: the argument of the hidden subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Task {
    /// Compile a component, bring it to life, ask it what it is and what it decides on samples.
    Examine,
    /// Decide, as often as it is asked.
    Decide,
    /// Try to open a file.
    ProbeFile,
    /// Try to open a socket.
    ProbeSocket,
    /// Try to start another program.
    ProbeProgram,
    /// Try to start a thread.
    ProbeThread,
    /// Take memory without end.
    ProbeMemory,
    /// Compute without end.
    ProbeTime,
    /// Wait without end.
    ProbeSleep,
    /// Say what it was given: how many variables and arguments.
    ProbeGiven,
}

/// What a child may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Memory that is its own and writable, in bytes: RLIMIT_DATA. (RLIMIT_AS will not do, since the pool reserves much
    /// more address space than that.)
    pub data_bytes: u64,
    /// Processor time of its whole life, in seconds; none where it lives as long as it is asked.
    pub cpu_seconds: Option<u64>,
    /// How long the host waits for what it was started for.
    pub deadline: Duration,
}

/// Examining an upload. The largest guests measured (JavaScript on StarlingMonkey, 12 MB; Python, 18 MB) take 14 s of
/// Cranelift; six times that is patience with a slow machine and not with an attack. The deadline is above it, for a
/// machine that is busy with something else.
pub const EXAMINE: Allowance =
    Allowance { data_bytes: 1 << 30, cpu_seconds: Some(90), deadline: Duration::from_secs(180) };
/// Deciding: the guest's 64 MiB, the code twice while it is taken in, and the engine's own. Its fuel and epoch end a
/// guest; the deadline is above both and below the turn's.
pub const DECIDE: Allowance = Allowance { data_bytes: 512 << 20, cpu_seconds: None, deadline: Duration::from_secs(11) };
/// Trying the walls: little more than the engine has to begin with (60 MiB), so that it is soon seen where they are.
pub const PROBE: Allowance =
    Allowance { data_bytes: 128 << 20, cpu_seconds: Some(1), deadline: Duration::from_secs(10) };

impl Task {
    /// The name of the argument.
    fn name(self) -> &'static str {
        match self {
            Task::Examine => "examine",
            Task::Decide => "decide",
            Task::ProbeFile => "probe-file",
            Task::ProbeSocket => "probe-socket",
            Task::ProbeProgram => "probe-program",
            Task::ProbeThread => "probe-thread",
            Task::ProbeMemory => "probe-memory",
            Task::ProbeTime => "probe-time",
            Task::ProbeSleep => "probe-sleep",
            Task::ProbeGiven => "probe-given",
        }
    }
}

/// The life of a child, from `main` to its end. Nothing was set up before: no runtime, no logs, no configuration.
pub fn run(task: Task, allowance: &Allowance) -> ExitCode {
    let lived = match task {
        Task::Examine => examine::run(allowance),
        Task::Decide => serve::run(allowance),
        Task::ProbeFile
        | Task::ProbeSocket
        | Task::ProbeProgram
        | Task::ProbeThread
        | Task::ProbeMemory
        | Task::ProbeTime
        | Task::ProbeSleep
        | Task::ProbeGiven => probe::run(task, allowance),
    };
    match lived {
        Ok(()) => ExitCode::SUCCESS,
        // The host hangs up when it has heard enough; there is nobody to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Makes an engine and gives up all rights, in this order, since the engine opens files and starts a thread; tells the
/// host. None where that was not possible: then nothing hostile may be looked at.
fn confined(allowance: &Allowance, host: &mut impl Write) -> io::Result<Option<Sandbox>> {
    let confined = Sandbox::alone().map_err(|error| chain(&error)).and_then(|sandbox| {
        confine::confine(allowance).map_err(|error| chain(&error))?;
        Ok(sandbox)
    });
    match confined {
        Ok(sandbox) => {
            examine::tell(host, &Told::Confined)?;
            Ok(Some(sandbox))
        }
        Err(why) => {
            examine::tell(host, &Told::Unconfined(why))?;
            Ok(None)
        }
    }
}

/// An error and its sources in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
