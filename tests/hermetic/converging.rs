//! What does not converge, on the program itself: whoever removes a container after each repair gets the mission parked,
//! a killed host forgets nothing of it, and `release` is where it goes on; and of two missions that want one container
//! one makes it and the other says so. The hosts rehearse, and between two of them the world is changed by hand.

use std::fs;

use quarterdeck::cli::Exit;
use quarterdeck::rehearsal::World;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::situation::Operation;
use quarterdeck_core::verdict::Effect;
use quarterdeck_tests::home::Home;
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

/// Few repairs and a short rest: steward lets 15 seconds pass between two plans by itself.
const NUMBERS: &str = "repairsMax: 2\nrepairRestMs: 1000\n";

/// A home with the operator's numbers.
fn home() -> Home {
    let home = Home::new();
    home.write("numbers.yaml", NUMBERS);
    home
}

fn host(home: &Home, missions: &[&str]) -> Running {
    home.answering(missions, &["--config", &home.path("numbers.yaml").display().to_string()])
}

/// Removes the container in the world of a host that has ended.
fn remove(home: &Home) {
    let file = home.data().join("rehearsal/world.json");
    let mut world: World = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("a world");
    assert_eq!(world.remove("quarterdeck-web"), 2, "the container and its network");
    fs::write(&file, serde_json::to_vec(&world).expect("a world is JSON")).expect("it is written");
}

fn applies(home: &Home) -> usize {
    let entries = home.entries();
    let opened = entries.iter().filter_map(|entry| if let Entry::Opened(opened) = entry { Some(opened) } else { None });
    let effects = opened.flat_map(|opened| &opened.verdicts).filter_map(|verdict| verdict.effect.as_ref());
    let apply = |effect: &&Effect| matches!(effect, Effect::Start(order) if order.key.operation == Operation::Apply);
    effects.filter(apply).count()
}

fn turns(home: &Home) -> usize {
    home.entries().iter().filter(|entry| matches!(entry, Entry::Closed(_))).count()
}

fn finding(home: &Home, rule: &str) -> Option<Value> {
    home.list("findings").into_iter().find(|finding| finding["rule"] == rule)
}

#[test]
fn whoever_removes_a_container_after_each_repair_gets_its_mission_parked() {
    let home = home();
    let mut running = host(&home, &["web"]);
    until("the mission is ready", || home.is("Ready"));
    for repaired in 1..=2 {
        running.0.kill().and_then(|()| running.0.wait()).expect("it is killed");
        remove(&home);
        running = host(&home, &["web"]);
        until("another repair", || (applies(&home) == 1 + repaired).then_some(()));
        until("the mission is ready again", || home.is("Ready"));
    }
    let found = until("it is told", || finding(&home, "mission-parked"));
    let message = found["message"].as_str().expect("a message");
    for part in ["applied 2 times since", "create docker_container.web", "quarterdeck release web"] {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
    let mission = home.list("missions").remove(0);
    let condition = serde_json::json!({ "type": "Parked", "status": "True", "reason": "Parked" });
    assert_eq!((&mission["conditions"][1], mission["message"].as_str()), (&condition, Some(message)));

    // The next removal is seen and not repaired, by another host as well.
    running.0.kill().and_then(|()| running.0.wait()).expect("it is killed");
    remove(&home);
    running = host(&home, &["web"]);
    until("it is missed", || home.is("Degraded"));
    // Whoever says something has the host turn; this changes nothing for a builder.
    for _ in 0..4 {
        let before = turns(&home);
        home.says(&["pause", "--class", "scanner"]);
        until("another turn", || (turns(&home) > before).then_some(()));
    }
    assert_eq!((applies(&home), finding(&home, "mission-parked").is_some()), (3, true));
    program::said(&home.data(), &["release", "web", "--comment", "the script is gone"]);
    until("it is repaired after all", || (applies(&home) == 4).then_some(()));
    until("the mission is ready in the end", || home.is("Ready"));
    assert!(finding(&home, "mission-parked").is_none());
    let again = program::command(&home.data(), &["release", "web"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(i32::from(Exit::Failed.code())), "{told}");
    assert!(told.contains("mission web is not parked"), "{told}");
    assert_eq!(running.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
    program::said(&home.data(), &["journal", "verify"]);
}

#[test]
fn of_two_missions_that_want_one_container_one_makes_it_and_both_are_named() {
    let home = home();
    home.mission("web-too", "web");
    let mut running = host(&home, &["web", "web-too"]);
    let found = until("it is told", || finding(&home, "object-contested"));
    let message = found["message"].as_str().expect("a message");
    for part in ["quarterdeck-web is in the state of mission web", "the plan of mission web", "quarterdeck destroy web"]
    {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
    let mut both = [found["evidence"][0]["value"].clone(), found["evidence"][2]["value"].clone()];
    both.sort_by_key(Value::to_string);
    assert_eq!(both, ["web", "web-too"].map(Value::from));
    assert_eq!(applies(&home), 1);
    // Another name, and they get along.
    let loser = found["mission"].as_str().expect("a mission");
    home.mission(loser, "another");
    let ready = || home.list("missions").iter().all(|mission| mission["phase"] == "Ready").then_some(());
    until("both are ready", ready);
    assert!(finding(&home, "object-contested").is_none());
    assert_eq!((applies(&home), running.ends_by(Signal::TERM)), (2, Some(i32::from(Exit::Interrupted.code()))));
}
