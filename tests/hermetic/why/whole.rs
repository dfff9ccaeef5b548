//! The same on whole hosts: one with a fake Gemini whose advice starts a worker, and the program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use quarterdeck::account::{Says, account};
use quarterdeck::cli::Exit;
use quarterdeck_core::situation::Operation;
use quarterdeck_tests::fake_gemini::{FakeGemini, Step, recommend_first};
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

use super::{cause, nowhere, words};
use crate::advice;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_gemini_recommended_is_led_back_to_its_words_which_are_told_as_words() {
    let gemini = FakeGemini::start(vec![Step::Compute(std::sync::Arc::new(recommend_first))]).await;
    let data = tempfile::tempdir().unwrap();
    let host = advice::host(data.path(), &gemini).await;
    let mut updates = host.updates();
    let ready = async {
        while !updates.recv().await.unwrap().situation.missions.iter().any(|mission| mission.phase == "Ready") {}
    };
    tokio::time::timeout(advice::PATIENCE, ready).await.expect("the mission that Gemini named becomes Ready");
    let ledger = host.book.ledger();
    host.stop().await.unwrap();
    let plan = ledger.orders.values().find(|state| state.order.key.operation == Operation::Plan).unwrap();
    let account = account(&data.path().join("rehearsal/journal"), plan.order.name.as_str(), &nowhere).unwrap();
    let said: Vec<_> = account.causes.iter().filter(|cause| cause.says == Says::Brain).collect();
    let [said] = said.as_slice() else { panic!("Gemini said one thing: {account:#?}") };
    for part in
        ["gemini-2.5-flash said: Something is down.", "It would cure the finding.", "900 of 1000", "need server"]
    {
        assert!(words(said).contains(part), "{part} is missing in {said:#?}");
    }
    let finding = account.causes.iter().find(|cause| cause.what.contains("container api")).expect("what it is about");
    assert_eq!(finding.says, Says::Host);
    // It was seen, then asked about, then answered, and then something was proposed because of it.
    let asked = account.causes.iter().find(|cause| cause.what.starts_with("the brain was asked in turn")).unwrap();
    let proposed = account.causes.iter().find(|cause| cause.says == Says::Policy).unwrap();
    let order = [finding, asked, said, proposed].map(|cause| cause.mark.record);
    assert!(order[0] <= order[1] && order[1] < order[2] && order[2] < order[3], "{order:?}");
    let turn = asked.next.as_ref().unwrap().strip_prefix("quarterdeck why ").unwrap();
    let turn = quarterdeck::account::account(&data.path().join("rehearsal/journal"), turn, &nowhere).unwrap();
    cause(&turn, asked.mark.record, Says::Host, &["the brain was asked propose/", "container api"]);
}

fn why(data: &Path, asked: &str) -> (String, Value) {
    let json = program::said(data, &["why", asked, "-o", "json"]);
    (program::said(data, &["why", asked]), serde_json::from_str(&json).unwrap())
}

/// A mission under `approve` whose plan was granted with a comment, and its data folder.
fn approved(folder: &Path) -> (PathBuf, String, String) {
    let (mission, data) = (folder.join("web"), folder.join("data"));
    fs::create_dir(&mission).unwrap();
    for file in ["main.tf", "mission.yaml"] {
        fs::copy(program::root().join("deploy/examples/web-approve").join(file), mission.join(file)).unwrap();
    }
    let mut run = program::command(&data, &["run", "--offline", "--engine", "/nonexistent"]);
    let mut host = Running(run.arg(&mission).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let items = |what: &str| {
        let output = program::command(&data, &["get", what, "-o", "json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    };
    let asked = until("a request", || items("approvals").first().cloned());
    let id = asked["id"].as_str().unwrap().to_owned();
    program::said(&data, &["approve", &id, "--comment", "seen with Ada"]);
    until("the mission is ready", || (items("missions").first()?["phase"] == "Ready").then_some(()));
    let workers = items("workers");
    let apply = workers.iter().find(|worker| worker["operation"] == "apply").unwrap();
    let name = apply["name"].as_str().unwrap().to_owned();
    assert_eq!(host.ends_by(Signal::TERM), Some(130));
    (data, id, name)
}

#[test]
fn months_later_the_program_says_why_from_the_journal_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, id, name) = approved(folder.path());
    let me = format!("uid {}", rustix::process::getuid().as_raw());

    let (text, json) = why(&data, &name);
    let parts = [
        "[rehearsal]",
        "let through by approved",
        "the host looked at the engine itself: everything is as it shall be",
        "the policy's own words; record ",
        "steward 0.1.0",
        &format!("<- {me} said yes to {id}"),
        "comment: seen with Ada",
        "as needs-approval demands: the mission's autonomy is approve",
        "rule: approved is the host's own",
        "permit (principal, action == Action::\"apply\", resource);",
        "nobody checked them",
    ];
    for part in parts {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(text.find("looked at the engine") < text.find(" said yes to"), "from effect back to cause: {text}");
    assert_eq!((&json["kind"], &json["of"], &json["rehearsal"]), (&"Account".into(), &"worker".into(), &true.into()));
    let kept: Vec<&Value> = json["bytes"].as_array().unwrap().iter().map(|bytes| &bytes["kept"]).collect();
    assert!(kept.len() == 4 && kept.iter().all(|kept| *kept == "kept"), "{json}");
    assert!(
        json["causes"].as_array().unwrap().iter().any(|cause| cause["says"] == "person" && cause["record"].is_u64())
    );

    let (text, json) = why(&data, &id);
    for part in [&format!("{me} said yes; {name} was started on it"), "comment: seen with Ada", "proposed by: steward"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(json["of"], "approval");
    let (text, json) = why(&data, "1");
    assert!(text.contains("plan-web-approve-") && text.contains("acted on plan/web-approve-"), "{text}");
    assert_eq!(json["of"], "turn");
    let (text, json) = why(&data, "docker_container.web");
    assert!(text.contains(&format!("see: quarterdeck why {name}")), "{text}");
    assert_eq!((&json["of"], &json["name"]), (&"resource".into(), &"web-approve/docker_container.web".into()));

    for (asked, exit, says) in
        [("nothing-like-it", Exit::Failed, "get workers"), ("quarterdeck-web-approve", Exit::Usage, "container/")]
    {
        let output = program::command(&data, &["why", asked]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(exit.code().into()) && told.contains(says), "{asked}: {told}");
    }

    // Somebody changes one of the bytes, removes the others, and then all but the journal.
    let blobs = data.join("rehearsal/blobs");
    for bytes in why(&data, &name).1["bytes"].as_array().unwrap() {
        let path = blobs.join(bytes["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap());
        match bytes["what"].as_str().unwrap() {
            "the saved plan" => fs::write(path, "another plan").unwrap(),
            _ => fs::remove_file(path).unwrap(),
        }
    }
    let kept =
        |json: Value| -> Vec<Value> { json["bytes"].as_array().unwrap().iter().map(|b| b["kept"].clone()).collect() };
    assert_eq!(kept(why(&data, &name).1), ["gone", "changed", "gone", "gone"]);
    fs::remove_dir_all(&blobs).unwrap();
    assert_eq!(kept(why(&data, &name).1), ["gone"; 4]);
    assert!(!blobs.exists(), "whoever asks why changes nothing");
}
