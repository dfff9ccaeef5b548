//! Processes of one data folder, found by what they work on and never by their name.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process that works on a data folder.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pid: i32,
    /// Its command line.
    words: Vec<String>,
}

impl Process {
    /// Whether it is a worker, rather than a host or what a worker started.
    pub(crate) fn is_worker(&self) -> bool {
        self.words.get(1).is_some_and(|word| word == "worker")
    }

    /// Whether it is a worker that applies.
    pub(crate) fn applies(&self) -> bool {
        self.is_worker() && self.words.iter().any(|word| word == "apply")
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&self) {
        // Where it is gone already there is nothing to do.
        let _gone = Pid::from_raw(self.pid).map(|pid| kill_process(pid, Signal::KILL));
    }
}

/// The workers of a data folder, and whatever works inside one of their folders.
pub(crate) fn of_workers(data: &Path) -> Vec<Process> {
    let work = data.join("real/work");
    let numbers = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let processes = numbers.filter_map(|pid: i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        let inside = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&work));
        let named = words.iter().any(|word| Path::new(word).starts_with(&work));
        (inside || named).then_some(Process { pid, words })
    });
    processes.collect()
}
