//! Deciding in a process of its own: the same answers, and a process that dies or hangs costs its turn and no other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quarterdeck::decide::child::{Allowance, DECIDE};
use quarterdeck::decide::{Isolation, Policy, decide};
use quarterdeck_core::encoding;
use quarterdeck_tests::program::{program, until};
use quarterdeck_tests::{guests, shape};
use rustix::process::{Pid, Signal, kill_process};

use super::{SANDBOX, STEWARD, artifact, deciding};

fn apart(bytes: &[u8], program: &Path, allowance: Allowance) -> Policy {
    let (artifact, report) = artifact(bytes);
    let isolation = Isolation::Process { program: program.to_owned(), allowance };
    let description = report.description.expect("a description");
    SANDBOX.load_compiled(&artifact, report.policy, description, &isolation).expect("a process")
}

fn situation(kib: usize) -> Vec<u8> {
    encoding::encode(&shape::situation(kib << 10))
}

/// A program that writes down who it is and becomes the real one.
fn known(folder: &Path) -> (PathBuf, PathBuf) {
    let (script, number) = (folder.join("program"), folder.join("number"));
    let text = format!("#!/bin/sh\necho $$ > {}\nexec {} \"$@\"\n", number.display(), program().display());
    fs::write(&script, text).expect("it can be written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    (script, number)
}

fn number(file: &Path) -> Pid {
    let number = until("the child's number", || fs::read_to_string(file).ok()?.trim().parse().ok());
    Pid::from_raw(number).expect("a process has a number")
}

#[tokio::test]
async fn a_policy_decides_the_same_in_a_process_of_its_own() {
    let guest = |name| guests::named(name).expect("a guest");
    let trapping = deciding("", "(call $log (i32.const 2) (i32.const 96) (i32.const 5)) unreachable");
    for bytes in [STEWARD.to_vec(), guest("counts"), guest("chatty"), guest("floor")] {
        let (here, there) = (SANDBOX.load(&bytes).expect("a policy"), apart(&bytes, program(), DECIDE));
        assert_eq!((here.digest(), here.description()), (there.digest(), there.description()));
        for kib in [1, 16, 250] {
            let bytes = situation(kib);
            assert_eq!(there.decide(&bytes), here.decide(&bytes), "{kib} KiB");
            assert_eq!(there.decide_on(shape::situation(kib << 10)), here.decide(&bytes), "{kib} KiB");
        }
        let bytes: Arc<[u8]> = situation(1).into();
        assert_eq!(decide(Arc::new(there), bytes.clone()).await, here.decide(&bytes));
    }
    let here = SANDBOX.load(&trapping).expect("it says what it is");
    let (artifact, isolation) =
        (compiled(&trapping), Isolation::Process { program: program().into(), allowance: DECIDE });
    let there = SANDBOX.load_compiled(&artifact, here.digest(), here.description().clone(), &isolation);
    let there = there.expect("a process");
    for _ in 0..3 {
        let answer = there.decide(&situation(1));
        assert_eq!(answer, here.decide(&situation(1)));
        assert_eq!(answer.class.name(), "guest:trap");
    }
    assert_eq!(there.decide(b"\x09").class.name(), "host:situation");
    assert_eq!(there.decide(&vec![0; 300 << 10]).class.name(), "host:situation");
}

/// The code of a policy that is good for nothing, taken from a good one that differs in what it does alone.
fn compiled(bytes: &[u8]) -> quarterdeck::decide::Artifact {
    SANDBOX.compiled(bytes).expect("it can be compiled")
}

#[test]
fn a_process_that_dies_costs_its_turn_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (script, number_file) = known(folder.path());
    let policy = apart(&guests::named("floor").expect("the floor"), &script, DECIDE);
    let before = policy.decide(&situation(1));
    assert_eq!(before.class.name(), "decided");
    let first = number(&number_file);
    kill_process(first, Signal::KILL).expect("it lives");
    let answer = policy.decide(&situation(1));
    assert_eq!(answer.class.name(), "host:child", "{answer:?}");
    assert!(answer.class.detail().contains("somebody killed it"), "{answer:?}");
    assert_eq!(policy.decide(&situation(1)), before);
    assert_ne!(number(&number_file), first);
}

#[test]
fn a_process_that_hangs_is_killed_at_the_deadline() {
    let folder = tempfile::tempdir().expect("a folder");
    let (script, number_file) = known(folder.path());
    let brief = Allowance { deadline: Duration::from_secs(3), ..DECIDE };
    let policy = apart(&guests::named("floor").expect("the floor"), &script, brief);
    let before = policy.decide(&situation(1));
    kill_process(number(&number_file), Signal::STOP).expect("it lives");
    let answer = policy.decide(&situation(1));
    assert_eq!(answer.class.name(), "host:deadline", "{answer:?}");
    assert_eq!(policy.decide(&situation(1)), before);
    // With the policy its process goes.
    let last = number(&number_file).as_raw_pid();
    drop(policy);
    until("the process's end", || (!Path::new(&format!("/proc/{last}")).exists()).then_some(()));
}

#[test]
fn a_program_that_is_no_child_is_refused_when_the_policy_is_loaded() {
    let (artifact, report) = artifact(&guests::named("floor").expect("the floor"));
    let description = report.description.expect("a description");
    for (program, says) in [
        ("/nowhere", "start /nowhere"),
        ("/bin/true", "it ended with the code 0 before it had answered"),
        ("/bin/echo", "it said what it should not have"),
    ] {
        let isolation = Isolation::Process { program: program.into(), allowance: DECIDE };
        let loaded = SANDBOX.load_compiled(&artifact, report.policy, description.clone(), &isolation);
        let error = loaded.err().expect("it is no child").to_string();
        assert!(error.contains(says), "{program}: {error}");
    }
}
