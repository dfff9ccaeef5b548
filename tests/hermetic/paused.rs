//! The kill switch on the program itself: what is at work ends, nothing begins, a killed host forgets nothing of it, and
//! `resume` is where it goes on. The hosts rehearse.

use quarterdeck::cli::Exit;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::observation::Command;
use quarterdeck_core::order::End;
use quarterdeck_core::verdict::Effect;
use quarterdeck_tests::home::Home;
use quarterdeck_tests::program::until;
use rustix::process::Signal;
use serde_json::Value;

/// So many turns are taken while everything is paused: one could be luck.
const TURNS: usize = 4;

/// Has the host turn some times: it turns when people say something, and this changes nothing.
fn turned(home: &Home, again: &[&str]) {
    let turns = || home.entries().iter().filter(|entry| matches!(entry, Entry::Closed(_))).count();
    for _ in 0..TURNS {
        let before = turns();
        home.says(again);
        until("another turn", || (turns() > before).then_some(()));
    }
}

fn mission(home: &Home) -> Value {
    home.list("missions")[0].clone()
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
    let home = Home::new();
    let mut host = home.host(&["web"], &[]);
    until("a worker", || (!started(&home.entries()).is_empty()).then_some(()));
    let told = home.says(&["pause", "--comment", "looking into the outage"]);
    assert!(told.contains("everything was paused by uid ") && told.contains("(looking into the outage)"), "{told}");
    let at_work = started(&home.entries());
    until("the worker's end", || (ended(&home.entries()).len() == at_work.len()).then_some(()));
    turned(&home, &["pause"]);
    let mission = mission(&home);
    assert_eq!((&mission["phase"], &mission["conditions"][1]["type"]), (&"Planned".into(), &"Paused".into()));

    // Nobody told it to end: what it knew is what stands on the disk.
    host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    let again = home.entries().len();
    let mut host = home.host(&["web"], &[]);
    until("the next host", || home.entries()[again..].iter().any(|entry| entry.kind() == "closed").then_some(()));
    turned(&home, &["pause"]);
    let entries = home.entries();
    let paused = said(&entries, is_pause);
    assert_eq!(started(&entries[paused..]), [], "nothing is begun");
    assert!(ended(&entries).iter().all(|(_, end)| *end == End::Succeeded), "it was let to its end");
    assert!(home.told().contains("everything was paused by uid "));

    home.says(&["resume"]);
    until("the mission is ready", || home.is("Ready"));
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
    home.says(&["journal", "verify"]);
}

#[test]
fn a_pause_that_cancels_tells_each_worker_that_it_concerns_to_stop() {
    let home = Home::new();
    let mut host = home.host(&["web"], &[]);
    until("a worker", || (!started(&home.entries()).is_empty()).then_some(()));
    let told = home.says(&["pause", "web", "--cancel"]);
    let entries = home.entries();
    let order = started(&entries).pop().expect("it was started");
    assert!(told.contains(&format!("told to stop, which may take Terraform a while: {order}")), "{told}");
    // Each worker that is told to stop is a command of its own.
    let cancelled = said(&entries, |command| matches!(command, Command::Cancel { .. }));
    assert_eq!(cancelled, said(&entries, is_pause) + 1);
    let end = until("its end", || ended(&home.entries()).pop());
    assert_eq!(end, (order, End::Cancelled));
    assert_eq!(mission(&home)["pauses"][0]["scope"]["mission"], "web");
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
}

#[test]
fn a_run_that_is_paused_says_so_and_ends_by_its_time() {
    let home = Home::new();
    let output = home.run(&["web"], &["--paused", "--until-ready", "--timeout", "3s"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(i32::from(Exit::TimedOut.code())), "{told}");
    let begun = told.split("error:").next().expect("a split has a first part");
    assert!(
        begun.contains("everything was paused by uid ") && begun.contains("to go on: quarterdeck resume"),
        "{told}"
    );
    assert!(told.contains("everything is paused\nnext: ") && told.contains("quarterdeck resume"), "{told}");
    assert_eq!(started(&home.entries()), []);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Rehearsed,Paused"));
    // The next run is told without a flag.
    let output = home.run(&["web"], &["--until-ready", "--timeout", "3s", "-o", "json"]).output().expect("it runs");
    let first = String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned).expect("a line");
    let first: Value = serde_json::from_str(&first).expect("it is JSON");
    assert_eq!((&first["event"], &first["pauses"][0]["what"]), (&"started".into(), &"everything".into()), "{first}");
    assert_eq!(output.status.code(), Some(i32::from(Exit::TimedOut.code())));
    assert_eq!(started(&home.entries()), []);
}
