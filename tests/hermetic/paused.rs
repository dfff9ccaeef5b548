//! The kill switch on the program itself: what is at work ends, nothing begins, a killed host forgets nothing of it, and
//! `resume` is where it goes on. The hosts rehearse.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};

use quarterdeck::cli::Exit;
use quarterdeck::remember::journal;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::observation::Command;
use quarterdeck_core::order::End;
use quarterdeck_core::verdict::Effect;
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

/// So many turns are taken while everything is paused: one could be luck.
const TURNS: usize = 4;

/// A data folder and a mission under `auto`.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(place.path("web")).expect("a folder");
        fs::copy(program::root().join("deploy/examples/web/main.tf"), place.path("web/main.tf")).expect("a file");
        fs::copy(program::root().join("deploy/examples/web/mission.yaml"), place.path("web/mission.yaml"))
            .expect("a file");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, flags: &[&str]) -> Process {
        let mut command = program::command(&self.path("data"), &["run", "--offline"]);
        command.arg(self.path("web")).args(flags);
        command
    }

    fn host(&self) -> Running {
        let told = |name: &str| Stdio::from(File::create(self.path(name)).expect("a file"));
        Running(self.run(&[]).stdout(told("out")).stderr(told("err")).spawn().expect("it starts"))
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        // There is none before the host has begun.
        let _none = journal::read(&self.path("data/rehearsal/journal"), &mut |record| entries.push(record.entry));
        entries
    }

    /// Says something that must be done, and gives back what it tells.
    fn says(&self, words: &[&str]) -> String {
        let output = program::command(&self.path("data"), words).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {told}");
        told
    }

    fn mission(&self) -> Value {
        let list = program::said(&self.path("data"), &["get", "missions", "-o", "json"]);
        serde_json::from_str::<Value>(&list).expect("it is JSON")["items"][0].clone()
    }

    fn ready(&self) -> Option<()> {
        (self.mission()["phase"] == "Ready").then_some(())
    }

    /// Has the host turn some times: it turns when people say something, and this changes nothing.
    fn turned(&self, again: &[&str]) {
        let turns = || self.entries().iter().filter(|entry| matches!(entry, Entry::Closed(_))).count();
        for _ in 0..TURNS {
            let before = turns();
            self.says(again);
            until("another turn", || (turns() > before).then_some(()));
        }
    }
}

fn started(entries: &[Entry]) -> Vec<OrderName> {
    let opened = entries.iter().filter_map(|entry| if let Entry::Opened(opened) = entry { Some(opened) } else { None });
    let effects = opened.flat_map(|opened| &opened.verdicts).filter_map(|verdict| verdict.effect.as_ref());
    effects
        .filter_map(|effect| if let Effect::Start(order) = effect { Some(order.name.clone()) } else { None })
        .collect()
}

fn ended(entries: &[Entry]) -> Vec<(OrderName, End)> {
    let ended = entries.iter().filter_map(|entry| if let Entry::Ended(ended) = entry { Some(ended) } else { None });
    ended.map(|ended| (ended.order.clone(), ended.result.end)).collect()
}

/// Where the first command of this kind stands among the entries.
fn said(entries: &[Entry], wanted: fn(&Command) -> bool) -> usize {
    let command = |entry: &Entry| if let Entry::Commanded(said) = entry { wanted(&said.command) } else { false };
    entries.iter().position(command).expect("it was said")
}

fn is_pause(command: &Command) -> bool {
    matches!(command, Command::Pause { .. })
}

#[test]
fn a_pause_lets_the_worker_end_begins_nothing_and_outlives_its_host() {
    let place = Place::new();
    let mut host = place.host();
    until("a worker", || (!started(&place.entries()).is_empty()).then_some(()));
    let told = place.says(&["pause", "--comment", "looking into the outage"]);
    assert!(told.contains("everything was paused by uid ") && told.contains("(looking into the outage)"), "{told}");
    let at_work = started(&place.entries());
    until("the worker's end", || (ended(&place.entries()).len() == at_work.len()).then_some(()));
    place.turned(&["pause"]);
    let mission = place.mission();
    assert_eq!((&mission["phase"], &mission["conditions"][1]["type"]), (&"Planned".into(), &"Paused".into()));

    // Nobody told it to end: what it knew is what stands on the disk.
    host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    let again = place.entries().len();
    let mut host = place.host();
    until("the next host", || place.entries()[again..].iter().any(|entry| entry.kind() == "closed").then_some(()));
    place.turned(&["pause"]);
    let entries = place.entries();
    let paused = said(&entries, is_pause);
    assert_eq!(started(&entries[paused..]), [], "nothing is begun");
    assert!(ended(&entries).iter().all(|(_, end)| *end == End::Succeeded), "it was let to its end");
    assert!(fs::read_to_string(place.path("err")).expect("it was told").contains("everything was paused by uid "));

    place.says(&["resume"]);
    until("the mission is ready", || place.ready());
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
    place.says(&["journal", "verify"]);
}

#[test]
fn a_pause_that_cancels_tells_each_worker_that_it_concerns_to_stop() {
    let place = Place::new();
    let mut host = place.host();
    until("a worker", || (!started(&place.entries()).is_empty()).then_some(()));
    let told = place.says(&["pause", "web", "--cancel"]);
    let entries = place.entries();
    let order = started(&entries).pop().expect("it was started");
    assert!(told.contains(&format!("told to stop, which may take Terraform a while: {order}")), "{told}");
    // Each worker that is told to stop is a command of its own.
    let cancelled = said(&entries, |command| matches!(command, Command::Cancel { .. }));
    assert_eq!(cancelled, said(&entries, is_pause) + 1);
    let end = until("its end", || ended(&place.entries()).pop());
    assert_eq!(end, (order, End::Cancelled));
    assert_eq!(place.mission()["pauses"][0]["scope"]["mission"], "web");
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
}

#[test]
fn a_run_that_is_paused_says_so_and_ends_by_its_time() {
    let place = Place::new();
    let output = place.run(&["--paused", "--until-ready", "--timeout", "3s"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(i32::from(Exit::TimedOut.code())), "{told}");
    let begun = told.split("error:").next().expect("a split has a first part");
    assert!(
        begun.contains("everything was paused by uid ") && begun.contains("to go on: quarterdeck resume"),
        "{told}"
    );
    assert!(told.contains("everything is paused\nnext: ") && told.contains("quarterdeck resume"), "{told}");
    assert_eq!(started(&place.entries()), []);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Rehearsed,Paused"));
    // The next run is told without a flag.
    let output = place.run(&["--until-ready", "--timeout", "3s", "-o", "json"]).output().expect("it runs");
    let first = String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned).expect("a line");
    let first: Value = serde_json::from_str(&first).expect("it is JSON");
    assert_eq!((&first["event"], &first["pauses"][0]["what"]), (&"started".into(), &"everything".into()), "{first}");
    assert_eq!(output.status.code(), Some(i32::from(Exit::TimedOut.code())));
    assert_eq!(started(&place.entries()), []);
}
