//! What does not converge, on the program itself: whoever removes a container after each repair gets the mission parked,
//! a killed host forgets nothing of it, and `release` is where it goes on; and of two missions that want one container
//! one makes it and the other says so. The hosts rehearse, and between two of them the world is changed by hand.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

use quarterdeck::cli::Exit;
use quarterdeck::rehearsal::World;
use quarterdeck::remember::journal;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::situation::Operation;
use quarterdeck_core::verdict::Effect;
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

/// Few repairs and a short rest: steward lets 15 seconds pass between two plans by itself.
const NUMBERS: &str = "repairsMax: 2\nrepairRestMs: 1000\n";

/// A data folder, missions under `auto`, and the operator's numbers.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        place.mission("web", "web");
        fs::write(place.path("numbers.yaml"), NUMBERS).expect("a file");
        place
    }

    /// The example under another name; what it makes is called after `objects`.
    fn mission(&self, name: &str, objects: &str) {
        fs::create_dir_all(self.path(name)).expect("a folder");
        for (file, own, new) in [
            ("main.tf", "\"quarterdeck-web\"", format!("\"quarterdeck-{objects}\"")),
            ("mission.yaml", "name: web", format!("name: {name}")),
        ] {
            let text = fs::read_to_string(program::root().join("deploy/examples/web").join(file)).expect("a file");
            assert!(text.contains(own), "{file} has changed");
            fs::write(self.path(name).join(file), text.replace(own, &new)).expect("a file");
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn host(&self, missions: &[&str]) -> Running {
        let mut command = program::command(&self.data(), &["run", "--offline", "--config"]);
        command.arg(self.path("numbers.yaml")).args(missions.iter().map(|name| self.path(name)));
        let told = |name: &str| Stdio::from(File::create(self.path(name)).expect("a file"));
        Running(command.stdout(told("out")).stderr(told("err")).spawn().expect("it starts"))
    }

    /// Removes the container in the world of a host that has ended.
    fn remove(&self) {
        let file = self.data().join("rehearsal/world.json");
        let mut world: World = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("a world");
        assert_eq!(world.remove("quarterdeck-web"), 2, "the container and its network");
        fs::write(&file, serde_json::to_vec(&world).expect("a world is JSON")).expect("it is written");
    }

    fn applies(&self) -> usize {
        let mut applies = 0;
        journal::read(&self.data().join("rehearsal/journal"), &mut |record| {
            let Entry::Opened(opened) = record.entry else { return };
            let effects = opened.verdicts.into_iter().filter_map(|verdict| verdict.effect);
            let apply = |effect: &Effect| match effect {
                Effect::Start(order) => order.key.operation == Operation::Apply,
                Effect::Request(_)
                | Effect::Cancel(_)
                | Effect::Ask(_)
                | Effect::Notify { .. }
                | Effect::Acknowledge { .. } => false,
            };
            applies += effects.filter(apply).count();
        })
        .expect("it is whole");
        applies
    }

    fn get(&self, what: &str) -> Vec<Value> {
        let list = program::said(&self.data(), &["get", what, "-o", "json"]);
        let list: Value = serde_json::from_str(&list).expect("it is JSON");
        list["items"].as_array().expect("a list has items").clone()
    }

    fn is(&self, phase: &str) -> Option<()> {
        (self.get("missions").first()?["phase"] == phase).then_some(())
    }

    fn finding(&self, rule: &str) -> Option<Value> {
        self.get("findings").into_iter().find(|finding| finding["rule"] == rule)
    }
}

#[test]
fn whoever_removes_a_container_after_each_repair_gets_its_mission_parked() {
    let place = Place::new();
    let mut host = place.host(&["web"]);
    until("a host answers", || place.data().join("rehearsal/host.sock").exists().then_some(()));
    until("the mission is ready", || place.is("Ready"));
    for repaired in 1..=2 {
        host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
        place.remove();
        host = place.host(&["web"]);
        until("another repair", || (place.applies() == 1 + repaired).then_some(()));
        until("the mission is ready again", || place.is("Ready"));
    }
    let finding = until("it is told", || place.finding("mission-parked"));
    let message = finding["message"].as_str().expect("a message");
    for part in ["applied 2 times since", "create docker_container.web", "quarterdeck release web"] {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
    let mission = place.get("missions").remove(0);
    let condition = serde_json::json!({ "type": "Parked", "status": "True", "reason": "Parked" });
    assert_eq!((&mission["conditions"][1], mission["message"].as_str()), (&condition, Some(message)));

    // The next removal is seen and not repaired, by another host as well.
    host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    place.remove();
    host = place.host(&["web"]);
    until("it is missed", || place.is("Degraded"));
    assert_eq!((place.applies(), place.finding("mission-parked").is_some()), (3, true));
    program::said(&place.data(), &["release", "web", "--comment", "the script is gone"]);
    until("it is repaired after all", || (place.applies() == 4).then_some(()));
    until("the mission is ready in the end", || place.is("Ready"));
    assert!(place.finding("mission-parked").is_none());
    let again = program::command(&place.data(), &["release", "web"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(i32::from(Exit::Failed.code())), "{told}");
    assert!(told.contains("mission web is not parked"), "{told}");
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
    program::said(&place.data(), &["journal", "verify"]);
}

#[test]
fn of_two_missions_that_want_one_container_one_makes_it_and_both_are_named() {
    let place = Place::new();
    place.mission("web-too", "web");
    let mut host = place.host(&["web", "web-too"]);
    until("a host answers", || place.data().join("rehearsal/host.sock").exists().then_some(()));
    let finding = until("it is told", || place.finding("object-contested"));
    let message = finding["message"].as_str().expect("a message");
    for part in ["quarterdeck-web is in the state of mission web", "the plan of mission web", "quarterdeck destroy web"]
    {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
    let mut both = [finding["evidence"][0]["value"].clone(), finding["evidence"][2]["value"].clone()];
    both.sort_by_key(Value::to_string);
    assert_eq!(both, ["web", "web-too"].map(Value::from));
    assert_eq!(place.applies(), 1);
    // Another name, and they get along.
    let loser = finding["mission"].as_str().expect("a mission");
    place.mission(loser, "another");
    let ready = || place.get("missions").iter().all(|mission| mission["phase"] == "Ready").then_some(());
    until("both are ready", ready);
    assert!(place.finding("object-contested").is_none());
    assert_eq!((place.applies(), host.ends_by(Signal::TERM)), (2, Some(i32::from(Exit::Interrupted.code()))));
}
