//! Who a process is: its number together with the time at which it was started, by the kernel's word (`proc(5)`).
//!
//! Numbers are used again. A signal is sent through a descriptor of the process (`pidfd`) that was opened before its start
//! time was compared, so it reaches that process or nobody.

use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process, and no other that has its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Clock ticks from boot to its start.
    pub(super) started: u64,
}

struct Stat {
    gone: bool,
    session: i32,
    started: u64,
}

impl Process {
    /// The process that has this number now.
    pub(super) fn now(pid: i32) -> Option<Process> {
        stat(pid).map(|stat| Process { pid, started: stat.started })
    }

    /// Reads `PID STARTTIME`, as a worker writes it; words around the numbers do not matter.
    pub(super) fn parse(text: &str) -> Option<Process> {
        let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        let pid = i32::try_from(numbers.next()?).ok().filter(|pid| *pid > 1)?;
        Some(Process { pid, started: numbers.next()? })
    }

    /// Whether it is still there and no corpse.
    pub(super) fn is_there(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && !stat.gone)
    }

    /// Signals it; false where it is gone.
    pub(super) fn signal(self, signal: Signal) -> bool {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.pid > 1) else { return false };
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        self.is_there() && pidfd_send_signal(descriptor, signal).is_ok()
    }

    /// The processes of the session that it leads or led. Ask only while one of them is known to live, by the lock that
    /// they hold: until the last of them is gone the kernel gives the session's number to nobody else.
    pub(super) fn session(self) -> Vec<Process> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let members = numbers.filter_map(|pid| {
            let stat = stat(pid)?;
            let ours = stat.session == self.pid && stat.started >= self.started && !stat.gone;
            ours.then_some(Process { pid, started: stat.started })
        });
        members.collect()
    }
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, brackets too.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    Some(Stat {
        gone: matches!(*fields.first()?, "Z" | "X" | "x"),
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let me = Process::now(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(me.is_there());
        let other = Process { started: me.started + 1, ..me };
        assert!(!other.is_there() && !other.signal(Signal::KILL), "we are still here");
        assert!(!Process { pid: 1, ..me }.signal(Signal::KILL) && !Process { pid: 0, ..me }.signal(Signal::KILL));
    }

    #[test]
    fn a_process_is_read_in_the_words_of_workers() {
        let seen = Some(Process { pid: 42, started: 900 });
        assert_eq!(Process::parse("42 900\n"), seen);
        assert_eq!(Process::parse("process 42 started 900"), seen);
        for text in ["", "42", "-1 900", "0 900", "1 900", "99999999999 1", "x y"] {
            assert_eq!(Process::parse(text), None, "{text:?}");
        }
    }
}
