//! Hostile policies that decide in the program itself, as if they had passed every check of an upload; and those that
//! can be known, given to it as an operator would: `run MISSION --policy FILE`.
//!
//! The measure is a host beside them in which steward decides. All of them run side by side, each over its own data
//! folder. One that fails is fenced and steward decides; from one that the host gave up on a person goes back to steward.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use quarterdeck::api::local::{SOCKET, is_alive};
use quarterdeck::cli::Exit;
use quarterdeck::remember::journal;
use quarterdeck_core::entry::Entry;
use quarterdeck_tests::program::{self, Running, until};
use quarterdeck_tests::{guests, planted};
use rustix::process::Signal;
use serde_json::Value;

/// What decides nothing, turn by turn, and how its host is ended.
const DECIDE_NOTHING: [(&str, Signal); 8] = [
    ("loop-forever", Signal::TERM),
    ("unreachable", Signal::INT),
    ("memory-grow", Signal::TERM),
    ("memory-fill-forever", Signal::INT),
    ("log-flood", Signal::TERM),
    ("list-lying", Signal::INT),
    ("bad-action-tag", Signal::TERM),
    ("recurse", Signal::INT),
];
/// What is not let in.
const REFUSED: [&str; 4] = ["describe-loops", "start-grows", "import-wasi-sockets", "core-module"];
/// So many turns are taken: a second one could still be luck.
const TURNS: usize = 5;
/// A host with a hostile policy has at most so many times the memory of one with steward, at its peak.
const MEMORY_TIMES_MAX: u64 = 2;

/// A data folder, a mission and a policy.
struct Place {
    folder: tempfile::TempDir,
}

/// What was seen of a host after its turns.
struct Seen {
    /// How its turns were answered, each different way once.
    classes: Vec<String>,
    findings: Vec<Value>,
    workers: usize,
    peak_kib: u64,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(place.path("web")).expect("a folder");
        fs::copy(program::root().join("deploy/examples/web/main.tf"), place.path("web/main.tf")).expect("a file");
        place.says(0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the goal, which makes the host turn and is no work for anybody.
    fn says(&self, time: usize) {
        let example = program::root().join("deploy/examples/web/mission.yaml");
        let mission =
            fs::read_to_string(example).expect("the example").replace("  goal: ", &format!("  goal: {time} "));
        let part = self.path("web/.part");
        fs::write(&part, mission).and_then(|()| fs::rename(part, self.path("web/mission.yaml"))).expect("a file");
    }

    /// A rehearsal.
    fn run(&self, flags: &[&str]) -> Command {
        let mut command = program::command(&self.path("data"), &["run", "--offline"]);
        command.arg(self.path("web")).args(flags);
        command
    }

    /// A rehearsal that an operator gives this file for its policy.
    fn run_with(&self, component: &[u8], flags: &[&str]) -> Command {
        let policy = self.path("policy.wasm");
        fs::write(&policy, component).expect("a file");
        let mut command = self.run(flags);
        command.arg("--policy").arg(policy);
        command
    }

    /// Lets this guest decide by the journal's word, as if it had behaved while it was checked.
    fn decides(&self, guest: &str) {
        let folder = self.path("data/rehearsal");
        fs::create_dir_all(&folder).expect("a folder");
        let component = guests::named(&format!("hostile/{guest}")).expect("a guest");
        planted::plant(&folder, &component);
    }

    fn items(&self, what: &str) -> Vec<Value> {
        let list = program::said(&self.path("data"), &["get", what, "-o", "json"]);
        let list: Value = serde_json::from_str(&list).expect("it is JSON");
        list["items"].as_array().expect("a list").clone()
    }

    fn turns(&self) -> usize {
        let mut turns = 0;
        let read = journal::read(&self.path("data/rehearsal/journal"), &mut |record| {
            turns += usize::from(matches!(record.entry, Entry::Closed(_)));
        });
        // There is none before the host has begun.
        read.map_or(0, |_| turns)
    }

    /// Lets a host take its turns, looks at it, and ends it.
    fn seen(&self, guest: Option<&str>, signal: Signal) -> Seen {
        let told = |name: &str| Stdio::from(File::create(self.path(name)).expect("a file"));
        guest.iter().for_each(|guest| self.decides(guest));
        let command = &mut self.run(&[]);
        let mut host = Running(command.stdout(told("out")).stderr(told("err")).spawn().expect("it starts"));
        let (mut changes, mut changed) = (0, Instant::now());
        until("a turn after the others", || {
            assert_eq!(host.0.try_wait().expect("it can be asked"), None, "{guest:?} ended its host");
            if changed.elapsed() > Duration::from_secs(1) {
                (changes, changed) = (changes + 1, Instant::now());
                self.says(changes);
            }
            (self.turns() >= TURNS).then_some(())
        });
        let class = |turn: &Value| turn["class"].as_str().expect("a turn has a class").to_owned();
        let mut classes: Vec<String> = self.items("turns").iter().map(class).collect();
        classes.dedup();
        let (findings, workers) = (self.items("findings"), self.items("workers").len());
        let peak_kib = peak_kib(host.0.id());
        assert_eq!(host.ends_by(signal), Some(i32::from(Exit::Interrupted.code())), "{guest:?}");
        Seen { classes, findings, workers, peak_kib }
    }

    /// Steward takes over what is there, and the mission becomes ready. Where the guest was fenced it does so by itself;
    /// elsewhere a person takes the guest back.
    fn recovers(&self, guest: &str, fenced: bool) {
        let flags = ["--until-ready", "--timeout", "60s"];
        if !fenced {
            let mut host =
                self.run(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Running).expect("it starts");
            until("the host answers", || is_alive(&self.path("data/rehearsal").join(SOCKET)).then_some(()));
            program::said(&self.path("data"), &["policy", "rollback"]);
            host.ends_by(Signal::TERM);
        }
        let output = self.run(&flags).output().expect("it runs");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "after {guest}\n{out}\n{err}");
        assert_eq!(self.items("missions")[0]["phase"], "Ready", "after {guest}");
        let findings = self.items("findings");
        assert!(findings.iter().all(|finding| finding["rule"] == "policy-fenced"), "after {guest}: {findings:?}");
        program::said(&self.path("data"), &["journal", "verify"]);
    }
}

/// The most memory that a process ever had, by the kernel's word.
fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel counts it");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What must come of a guest, by its own first line.
fn expected(guest: &str) -> String {
    let text = guests::text(&format!("hostile/{guest}")).expect("a guest");
    let expected = text.lines().next().and_then(|line| line.strip_prefix(";; expect: "));
    expected.expect("an expectation").to_owned()
}

#[test]
fn a_hostile_policy_neither_acts_nor_ends_a_running_host() {
    let (steward, hostile) = std::thread::scope(|scope| {
        let steward = scope.spawn(|| Place::new().seen(None, Signal::TERM));
        let hosts = DECIDE_NOTHING.map(|(guest, signal)| {
            scope.spawn(move || {
                let place = Place::new();
                let seen = place.seen(Some(guest), signal);
                place.recovers(guest, expected(guest).starts_with("guest:"));
                (guest, seen)
            })
        });
        (steward.join().expect("it was seen"), hosts.map(|host| host.join().expect("it was seen")))
    });
    assert_eq!(steward.classes, ["decided"]);
    assert!(steward.workers > 0 && steward.findings.is_empty(), "steward has work done");
    println!("{:<22}{:<30}{:>9}", "policy", "its turns", "peak");
    println!("{:<22}{:<30}{:>5} MiB", "steward", steward.classes.join(", "), steward.peak_kib >> 10);
    for (guest, seen) in &hostile {
        println!("{guest:<22}{:<30}{:>5} MiB", seen.classes.join(", "), seen.peak_kib >> 10);
    }
    for (guest, seen) in &hostile {
        let expected = expected(guest);
        let class = expected.replace("guest:", "guest failure: ").replace("host:", "host abort: ");
        // What the host gave up is not held against the policy.
        let fenced = seen.findings.iter().any(|finding| finding["rule"] == "policy-fenced");
        assert_eq!(fenced, expected.starts_with("guest:"), "{guest}: {:?}", seen.findings);
        let classes = if fenced { vec![class, "decided".to_owned()] } else { vec![class] };
        assert_eq!(seen.classes, classes, "{guest}");
        assert!(fenced || seen.workers == 0, "{guest}");
        assert!(seen.peak_kib <= steward.peak_kib * MEMORY_TIMES_MAX, "{guest} had {} KiB", seen.peak_kib);
    }
}

#[test]
fn a_hostile_policy_that_can_be_known_is_refused_before_anything_begins() {
    for guest in REFUSED {
        let place = Place::new();
        let component = guests::named(&format!("hostile/{guest}")).expect("a guest");
        let output = place.run_with(&component, &[]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(i32::from(Exit::Usage.code())), "{guest}: {told}");
        let expected = expected(guest);
        let reason = expected.strip_prefix("refused: ").expect("it is refused");
        for part in [reason, "error: load the policy ", "\nbecause: ", "\nnext: quarterdeck policy check"] {
            assert!(told.contains(part), "{guest}: {told}");
        }
        assert!(!place.path("data/rehearsal/journal").exists(), "{guest}");
    }
}
