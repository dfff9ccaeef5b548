//! Trying the walls: a child that does what no child may, so that a test sees it die of it.
//!
//! Nothing is harmed where a wall is missing: a file is opened and nothing read, a socket bound to a port of loopback, a
//! program asked to do nothing, and memory and time end at the host's own deadline.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::frame::{self, Kind};
use super::process::{Alarm, Death, Process};
use super::{Allowance, Task, confined};

/// What a child may say of what it was given.
const SAID_BYTES_MAX: usize = 1 << 10;

/// What a probe came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It died of what it did.
    Died(Death),
    /// It lived to say this.
    Lived(String),
}

/// Starts a child that tries a wall, and waits for what becomes of it.
///
/// # Errors
/// Where the child can't be started.
pub fn probe(program: &Path, task: Task, allowance: Allowance) -> io::Result<Probed> {
    let mut process = Process::start(program, task, allowance)?;
    let _alarm = Alarm::set(process.killer(), allowance.deadline)?;
    process.input = None;
    // The first word is that it confined itself.
    let said = frame::read(&mut process.output, SAID_BYTES_MAX);
    match said.and_then(|_| frame::read(&mut process.output, SAID_BYTES_MAX)) {
        Ok((_, said)) => Ok(Probed::Lived(String::from_utf8_lossy(&said).into_owned())),
        Err(_) => Ok(Probed::Died(process.death())),
    }
}

/// Tries a wall, and says so where it lives on.
pub(super) fn run(task: Task, allowance: &Allowance) -> io::Result<()> {
    // As the kernel has it, since this program reads its environment in one place alone.
    let variables =
        std::fs::read("/proc/self/environ")?.split(|byte| *byte == 0).filter(|name| !name.is_empty()).count();
    let given = (variables, std::env::args_os().count());
    let mut host = io::stdout().lock();
    if confined(allowance, &mut host)?.is_none() {
        return Ok(());
    }
    let said = match task {
        Task::ProbeFile => format!("opened a file: {}", std::fs::File::open("/dev/null").is_ok()),
        Task::ProbeSocket => format!("bound a socket: {}", std::net::UdpSocket::bind("127.0.0.1:0").is_ok()),
        Task::ProbeProgram => format!("ran a program: {}", std::process::Command::new("true").status().is_ok()),
        Task::ProbeThread => format!("ran a thread: {}", std::thread::Builder::new().spawn(|| ()).is_ok()),
        Task::ProbeMemory => format!("took {} MiB", hoard()),
        Task::ProbeTime => format!("computed up to {}", compute()),
        Task::ProbeSleep => {
            std::thread::sleep(Duration::from_secs(3_600));
            "slept for an hour".to_owned()
        }
        Task::ProbeGiven => format!("{} variables, {} arguments", given.0, given.1),
        Task::Examine | Task::Decide => "this is no wall".to_owned(),
    };
    frame::write(&mut host, Kind::Bytes, said.as_bytes())
}

/// Takes memory, a MiB at a time, and writes to it; 512 MiB at most, so that no machine suffers from a missing wall.
fn hoard() -> usize {
    let mut hoard = Vec::new();
    while hoard.len() < 512 {
        hoard.push(vec![1u8; 1 << 20]);
    }
    std::hint::black_box(hoard).len()
}

/// Computes for longer than the child may.
fn compute() -> u64 {
    (0..u64::MAX).find(|number| std::hint::black_box(*number) == u64::MAX).unwrap_or_default()
}
