//! A process without rights: each wall is tried, by a child that does what no child may.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use quarterdeck::decide::child::{Allowance, Death, PROBE, Probed, Task, probe};
use quarterdeck_tests::program::{Running, program, until};

use super::bombs::functions;

fn probed(task: Task, allowance: Allowance) -> Probed {
    probe(program(), task, allowance).expect("a child")
}

#[test]
fn a_child_dies_of_whatever_is_not_computing() {
    for task in [Task::ProbeFile, Task::ProbeSocket, Task::ProbeProgram, Task::ProbeThread] {
        assert_eq!(probed(task, PROBE), Probed::Died(Death::Forbidden), "{task:?}");
    }
}

#[test]
fn memory_time_and_patience_end() {
    assert_eq!(probed(Task::ProbeMemory, PROBE), Probed::Died(Death::Aborted(PROBE.data_bytes)));
    assert_eq!(probed(Task::ProbeTime, PROBE), Probed::Died(Death::Time(1)));
    // It would sleep for an hour, and the host waits for a moment.
    let moment = Duration::from_millis(300);
    let patience = Allowance { deadline: moment, ..PROBE };
    assert_eq!(probed(Task::ProbeSleep, patience), Probed::Died(Death::Overdue(moment)));
}

#[test]
fn a_limit_that_is_higher_lets_more_through() {
    // Else what is seen above might be no limit at all.
    let roomy = Allowance { data_bytes: 1 << 30, cpu_seconds: Some(60), ..PROBE };
    assert_eq!(probed(Task::ProbeMemory, roomy), Probed::Lived("took 512 MiB".into()));
}

#[test]
fn a_child_is_given_nothing_but_its_arguments() {
    assert_eq!(probed(Task::ProbeGiven, PROBE), Probed::Lived("0 variables, 7 arguments".into()));
}

/// The processes that this one started.
fn children(of: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

#[test]
fn a_child_dies_with_its_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let file: PathBuf = folder.path().join("long.wasm");
    std::fs::write(&file, functions(50_000)).expect("it can be written");
    let mut command = Command::new(program());
    command.args(["policy", "check"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
    let mut host = Running(command.spawn().expect("it runs"));
    let pid = host.0.id();
    let child = until("a child that compiles", || children(pid).first().copied());
    assert!(lives(child));
    host.0.kill().expect("it lives");
    until("the child's end", || (!lives(child)).then_some(()));
}
