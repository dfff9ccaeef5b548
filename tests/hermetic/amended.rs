//! Another charter on the program itself: what narrows is in force at once, what may permit more waits for people over
//! restarts, and what is granted begins by what is in force then. The hosts rehearse.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

use quarterdeck::cli::Exit;
use quarterdeck_core::charter::{LAPTOP, PRODUCTION};
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

/// A data folder, a mission under `auto`, and a charter that one person may replace.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(place.path("web")).expect("a folder");
        for name in ["main.tf", "mission.yaml"] {
            let from = program::root().join("deploy/examples/web").join(name);
            fs::copy(from, place.path("web").join(name)).expect("a file");
        }
        let strict = PRODUCTION.replace(
            "@approvers(\"2\")\npermit (principal, action == Action::\"amend\"",
            "permit (principal, action == Action::\"amend\"",
        );
        assert_ne!(strict, PRODUCTION);
        fs::write(place.path("strict.cedar"), strict).expect("a file");
        fs::write(
            place.path("locked.cedar"),
            "@id(\"words\")\npermit (principal, action in Action::\"words\", resource);\n",
        )
        .expect("a file");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A host, once it answers.
    fn host(&self, flags: &[&str]) -> Running {
        let told = |name: &str| Stdio::from(File::create(self.path(name)).expect("a file"));
        let mut command = program::command(&self.path("data"), &["run", "--offline"]);
        command.arg(self.path("web")).args(flags).stdout(told("out")).stderr(told("err"));
        let host = Running(command.spawn().expect("it starts"));
        until("the host", || {
            let asked = program::command(&self.path("data"), &["pause", "web"]).output().expect("it runs");
            asked.status.success().then_some(())
        });
        self.says(&["resume", "web"]);
        host
    }

    /// Says something that must be done, and gives back what it tells.
    fn says(&self, words: &[&str]) -> String {
        let output = program::command(&self.path("data"), words).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {told}");
        told
    }

    fn refused(&self, words: &[&str]) -> String {
        let output = program::command(&self.path("data"), words).output().expect("it runs");
        assert!(!output.status.success(), "{words:?} is not refused");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&program::said(&self.path("data"), words)).expect("it is JSON")
    }

    fn charter(&self) -> Value {
        self.json(&["charter", "status", "-o", "json"])
    }

    fn phase(&self) -> Value {
        self.json(&["get", "missions", "-o", "json"])["items"][0]["phase"].clone()
    }
}

#[test]
fn what_permits_more_waits_for_people_and_outlives_its_host() {
    let place = Place::new();
    let mut host = place.host(&["--charter", &place.text("strict.cedar")]);
    until("a request", || (place.phase() == "AwaitingApproval").then_some(()));
    let told = place.says(&["charter", "apply", "laptop"]);
    assert!(told.contains("May permit more") && told.contains("nothing-dangerous (gone)"), "{told}");
    let before = place.charter();
    let id = before["candidate"]["id"].as_str().expect("it waits").to_owned();
    assert!(told.contains(&format!("quarterdeck approve {id}")), "{told}");
    assert_eq!((&before["candidate"]["needed"], &before["candidate"]["state"]), (&1.into(), &"pending".into()));
    assert_ne!(before["name"], "laptop");

    // Nobody told it to end; the next host is told of no charter at all.
    host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    let mut host = place.host(&[]);
    assert_eq!(place.charter(), before);
    assert!(fs::read_to_string(place.path("err")).expect("it was told").contains(&format!("approve {id}")));
    assert_eq!(program::said(&place.path("data"), &["charter", "show", "candidate"]), LAPTOP);
    assert!(place.says(&["get", "approvals"]).contains(&id));
    assert!(program::said(&place.path("data"), &["describe", "approval", &id]).contains("- forbid"));
    assert_eq!(place.phase(), "AwaitingApproval");

    place.says(&["approve", &id, "--comment", "read with Ben"]);
    let after = place.charter();
    assert_eq!((&after["name"], &after["candidate"]), (&"laptop".into(), &Value::Null));
    assert_eq!(after["approvedBy"].as_array().map(Vec::len), Some(1));
    until("the mission is ready", || (place.phase() == "Ready").then_some(()));
    assert!(place.refused(&["approve", &id]).contains("there is no approval"));

    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
    for words in [&["journal", "verify"][..], &["replay"]] {
        place.says(words);
    }
    let all = program::said(&place.path("data"), &["journal", "export"]);
    let chartered = all.lines().filter(|line| line.contains("\"kind\":\"chartered\""));
    assert_eq!(chartered.count(), 2, "the first, and the one that waited");
}

#[test]
fn what_only_narrows_is_in_force_at_once_and_a_locked_charter_stays() {
    let place = Place::new();
    let numbers = place.path("numbers.yaml");
    fs::write(&numbers, "workersMax: 1\n").expect("a file");
    let mut host = place.host(&["--charter", "production"]);
    assert!(place.says(&["charter", "apply", "production"]).contains("nothing changes"));
    let told = place.says(&["charter", "apply", "--config", &place.text("numbers.yaml")]);
    assert!(told.contains("it is in force from now on"), "{told}");
    fs::write(&numbers, "workersMax: 2\n").expect("a file");
    let told = place.says(&["charter", "apply", "--config", &place.text("numbers.yaml")]);
    assert!(told.contains("2 people have to say yes (rule amendments-need-two)"), "{told}");
    let id = place.charter()["candidate"]["id"].as_str().expect("it waits").to_owned();
    assert!(place.refused(&["approve", &id]).contains("wants this charter"), "four eyes are four");
    assert!(place.says(&["deny", &id]).contains("denied"));
    assert_eq!(place.charter()["candidate"]["state"], "denied");
    assert!(place.says(&["charter", "apply", &place.text("locked.cedar")]).contains("in force from now on"));
    let told = place.refused(&["charter", "apply", "laptop"]);
    assert!(told.contains("does not let itself be replaced") && told.contains("no-permit"), "{told}");
    fs::write(place.path("odd.cedar"), "permit (").expect("a file");
    assert!(place.refused(&["charter", "apply", &place.text("odd.cedar")]).contains("odd.cedar:1:"));
    assert!(place.refused(&["charter", "apply"]).contains("there is nothing to apply"));
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));

    // A start that wants what nobody may grant does not start, and one that wants nothing does.
    let web = place.text("web");
    let told = place.refused(&["run", "--offline", &web, "--charter", "laptop"]);
    assert!(told.contains("does not let itself be replaced") && told.contains("start without --charter"), "{told}");
    let mut host = place.host(&[]);
    assert_eq!(place.charter()["rules"], 1);
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
}
