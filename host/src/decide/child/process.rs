//! The host's side of a child: starting it, killing it in time, and saying why it died.
//!
//! The kernel kills a child when the *thread* that started it ends (`prctl(2)`, PR_SET_PDEATHSIG), so whoever starts one
//! stays until it is done with it.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Allowance, Task};

/// Why a child died, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Death {
    /// The host killed it when its time was over.
    Overdue(Duration),
    /// It used up its processor time, in seconds.
    Time(u64),
    /// It aborted, as a process does that is refused memory beyond so many bytes.
    Aborted(u64),
    /// It asked the kernel for something that is not on its list.
    Forbidden,
    /// Somebody killed it, and not the host; the kernel does, where the machine's own memory is used up.
    Killed,
    /// It died of another signal.
    Signal(i32),
    /// It ended without having answered.
    Ended(i32),
    /// It said what it should not have, and was killed.
    Babbled(String),
}

impl fmt::Display for Death {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Overdue(deadline) => write!(to, "it was not done within {} s and was killed", deadline.as_secs()),
            Death::Time(seconds) => write!(to, "it used up the {seconds} s of processor time that it may have"),
            Death::Aborted(bytes) => {
                write!(to, "it wanted more than the {} MiB of memory that it may have", bytes >> 20)
            }
            Death::Forbidden => to.write_str("it asked the kernel for something that it may not, and was killed"),
            Death::Killed => to.write_str("somebody killed it, perhaps the kernel for want of memory"),
            Death::Signal(signal) => write!(to, "it crashed with the signal {signal}"),
            Death::Ended(code) => write!(to, "it ended with the code {code} before it had answered"),
            Death::Babbled(what) => write!(to, "it said what it should not have ({what}), and was killed"),
        }
    }
}

/// What kills a child, whoever else waits for it: through a descriptor of the process, so that no other one is hit that
/// has its number later.
#[derive(Clone)]
pub(in crate::decide) struct Killer {
    process: Arc<OwnedFd>,
    overdue: Arc<AtomicBool>,
}

impl Killer {
    /// Kills it, since its time is over.
    pub(in crate::decide) fn overdue(&self) {
        self.overdue.store(true, Ordering::Release);
        self.kill();
    }

    fn kill(&self) {
        // It may be dead already.
        let _dead = pidfd_send_signal(&*self.process, Signal::KILL);
    }
}

/// A child that runs.
pub(in crate::decide) struct Process {
    allowance: Allowance,
    child: Child,
    killer: Killer,
    pub(in crate::decide) input: Option<ChildStdin>,
    pub(in crate::decide) output: ChildStdout,
}

impl Process {
    /// Starts the program for a task, with nothing of this process's environment.
    pub(in crate::decide) fn start(program: &Path, task: Task, allowance: Allowance) -> io::Result<Process> {
        let mut command = Command::new(program);
        command.args(["policy-child", task.name(), "--data-bytes", &allowance.data_bytes.to_string()]);
        if let Some(seconds) = allowance.cpu_seconds {
            command.args(["--cpu-seconds", &seconds.to_string()]);
        }
        command.env_clear().current_dir("/");
        // What it says to people while it dies has a stranger's hand in it; the host says why it died.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        let (input, output) = (child.stdin.take(), child.stdout.take());
        // Nobody has waited for it, so the number is still its own.
        match (pidfd_open(pid, PidfdFlags::empty()), output) {
            (Ok(process), Some(output)) => {
                let killer = Killer { process: Arc::new(process), overdue: Arc::default() };
                Ok(Process { allowance, child, killer, input, output })
            }
            (opened, _) => {
                let _dead = child.kill().and_then(|()| child.wait().map(|_| ()));
                Err(opened.err().map_or_else(|| io::Error::other("it has no output"), io::Error::from))
            }
        }
    }

    /// What kills it.
    pub(in crate::decide) fn killer(&self) -> Killer {
        self.killer.clone()
    }

    /// Waits for its end and says why it died. It must have closed its output, or an alarm must be set.
    pub(in crate::decide) fn death(mut self) -> Death {
        self.input = None;
        match self.child.wait() {
            Ok(status) => self.named(status),
            Err(_) => Death::Killed,
        }
    }

    /// Kills it for what it said.
    pub(in crate::decide) fn babbled(self, what: impl fmt::Display) -> Death {
        Death::Babbled(super::super::guest::shorten(&what.to_string()))
    }

    fn named(&self, status: ExitStatus) -> Death {
        let allowance = self.allowance;
        let overdue = self.killer.overdue.load(Ordering::Acquire);
        match status.signal() {
            Some(libc::SIGKILL) if overdue => Death::Overdue(allowance.deadline),
            Some(libc::SIGKILL) => Death::Killed,
            Some(libc::SIGXCPU) => Death::Time(allowance.cpu_seconds.unwrap_or_default()),
            Some(libc::SIGABRT) => Death::Aborted(allowance.data_bytes),
            Some(libc::SIGSYS) => Death::Forbidden,
            Some(other) => Death::Signal(other),
            None => Death::Ended(status.code().unwrap_or_default()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where it has been waited for, the descriptor knows that it is gone.
        self.killer.kill();
        let _dead = self.child.wait();
    }
}

/// A deadline: a thread that kills a child unless the alarm is let go of before.
pub(in crate::decide) struct Alarm {
    calm: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Alarm {
    /// Kills the child after so long.
    pub(in crate::decide) fn set(killer: Killer, deadline: Duration) -> io::Result<Alarm> {
        let (calm, over) = mpsc::channel();
        let wait = move || {
            if over.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
                killer.overdue();
            }
        };
        let thread = std::thread::Builder::new().name("policy-alarm".into()).spawn(wait)?;
        Ok(Alarm { calm: Some(calm), thread: Some(thread) })
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.calm = None;
        if let Some(thread) = self.thread.take() {
            // It only waits and kills.
            let _ended = thread.join();
        }
    }
}
