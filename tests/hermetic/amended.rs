//! Another charter on the program itself: what narrows is in force at once, what may permit more waits for people over
//! restarts, and what is granted begins by what is in force then. The hosts rehearse.

use quarterdeck::cli::Exit;
use quarterdeck_core::charter::{LAPTOP, PRODUCTION};
use quarterdeck_tests::home::Home;
use quarterdeck_tests::program::{self, until};
use rustix::process::Signal;
use serde_json::Value;

/// A home with a charter that one person may replace, and one that nobody may.
fn home() -> Home {
    let home = Home::new();
    let strict = PRODUCTION.replace(
        "@approvers(\"2\")\npermit (principal, action == Action::\"amend\"",
        "permit (principal, action == Action::\"amend\"",
    );
    assert_ne!(strict, PRODUCTION);
    home.write("strict.cedar", &strict);
    home.write("locked.cedar", "@id(\"words\")\npermit (principal, action in Action::\"words\", resource);\n");
    home
}

fn charter(home: &Home) -> Value {
    home.json(&["charter", "status"])
}

fn text(home: &Home, name: &str) -> String {
    home.path(name).display().to_string()
}

fn phase(home: &Home) -> Value {
    home.list("missions")[0]["phase"].clone()
}

#[test]
fn what_permits_more_waits_for_people_and_outlives_its_host() {
    let home = home();
    let mut host = home.answering(&["web"], &["--charter", &text(&home, "strict.cedar")]);
    until("a request", || (phase(&home) == "AwaitingApproval").then_some(()));
    let told = home.says(&["charter", "apply", "laptop"]);
    assert!(told.contains("May permit more") && told.contains("nothing-dangerous (gone)"), "{told}");
    let before = charter(&home);
    let id = before["candidate"]["id"].as_str().expect("it waits").to_owned();
    assert!(told.contains(&format!("quarterdeck approve {id}")), "{told}");
    assert_eq!((&before["candidate"]["needed"], &before["candidate"]["state"]), (&1.into(), &"pending".into()));
    assert_ne!(before["name"], "laptop");

    // Nobody told it to end; the next host is told of no charter at all.
    host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    let mut host = home.answering(&["web"], &[]);
    assert_eq!(charter(&home), before);
    assert!(home.told().contains(&format!("approve {id}")));
    assert_eq!(program::said(&home.data(), &["charter", "show", "candidate"]), LAPTOP);
    assert!(home.says(&["get", "approvals"]).contains(&id));
    assert!(program::said(&home.data(), &["describe", "approval", &id]).contains("- forbid"));
    assert_eq!(phase(&home), "AwaitingApproval");

    home.says(&["approve", &id, "--comment", "read with Ben"]);
    let after = charter(&home);
    assert_eq!((&after["name"], &after["candidate"]), (&"laptop".into(), &Value::Null));
    assert_eq!(after["approvedBy"].as_array().map(Vec::len), Some(1));
    until("the mission is ready", || (phase(&home) == "Ready").then_some(()));
    assert!(home.refused(&["approve", &id]).contains("there is no approval"));

    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
    for words in [&["journal", "verify"][..], &["replay"]] {
        home.says(words);
    }
    let all = program::said(&home.data(), &["journal", "export"]);
    let chartered = all.lines().filter(|line| line.contains("\"kind\":\"chartered\""));
    assert_eq!(chartered.count(), 2, "the first, and the one that waited");
}

#[test]
fn what_only_narrows_is_in_force_at_once_and_a_locked_charter_stays() {
    let home = home();
    home.write("numbers.yaml", "workersMax: 1\n");
    let mut host = home.answering(&["web"], &["--charter", "production"]);
    assert!(home.says(&["charter", "apply", "production"]).contains("nothing changes"));
    let told = home.says(&["charter", "apply", "--config", &text(&home, "numbers.yaml")]);
    assert!(told.contains("it is in force from now on"), "{told}");
    home.write("numbers.yaml", "workersMax: 2\n");
    let told = home.says(&["charter", "apply", "--config", &text(&home, "numbers.yaml")]);
    assert!(told.contains("2 people have to say yes (rule amendments-need-two)"), "{told}");
    let id = charter(&home)["candidate"]["id"].as_str().expect("it waits").to_owned();
    assert!(home.refused(&["approve", &id]).contains("wants this charter"), "four eyes are four");
    assert!(home.says(&["deny", &id]).contains("denied"));
    assert_eq!(charter(&home)["candidate"]["state"], "denied");
    assert!(home.says(&["charter", "apply", &text(&home, "locked.cedar")]).contains("in force from now on"));
    let told = home.refused(&["charter", "apply", "laptop"]);
    assert!(told.contains("does not let itself be replaced") && told.contains("no-permit"), "{told}");
    home.write("odd.cedar", "permit (");
    assert!(home.refused(&["charter", "apply", &text(&home, "odd.cedar")]).contains("odd.cedar:1:"));
    assert!(home.refused(&["charter", "apply"]).contains("there is nothing to apply"));
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));

    // A start that wants what nobody may grant does not start, and one that wants nothing does.
    let web = text(&home, "web");
    let told = home.refused(&["run", "--offline", &web, "--charter", "laptop"]);
    assert!(told.contains("does not let itself be replaced") && told.contains("start without --charter"), "{told}");
    let mut host = home.answering(&["web"], &[]);
    assert_eq!(charter(&home)["rules"], 1);
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
}
