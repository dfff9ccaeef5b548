//! `charter`: what a charter is told to be, and what it says to cases and to a journal.

use std::path::Path;

use quarterdeck::app;
use quarterdeck::cli::Exit;
use quarterdeck_core::charter::PRODUCTION;
use quarterdeck_core::situation::ApprovalState;
use serde_json::Value;

use super::commands::said;
use super::socket::config;

const CASES: &str = "- name: a container is made
  request: {action: apply, mission: {name: web}, plan: {adds: 1, makes: [docker_container]}}
  expect: ask
- name: a volume goes
  request: {action: apply, mission: {name: web}, plan: {destroys: 1, removes: [docker_volume]}}
  expect: ask
  approvers: 2
  rule: removals-need-two
";

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_profile_is_shown_and_is_a_charter_to_start_from() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = said(folder.path(), "charter show production").await.unwrap();
    assert_eq!(text, PRODUCTION);
    let file = write(folder.path(), "mine.cedar", &text);
    let (_, table) = said(folder.path(), &format!("charter check {file}")).await.unwrap();
    assert!(table.starts_with("LINE") && table.contains("removals-need-two") && table.contains("ask 2"), "{table}");
    let (_, json) = said(folder.path(), &format!("charter check {file} -o json")).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kind"], &json["rules"][0]["id"]), (&"Charter".into(), &"plans".into()));
}

#[tokio::test]
async fn what_is_wrong_with_a_charter_is_said_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = "@id(\"a\")\npermit (principal, action, resource)\nwhen { context.colour == 1 };\n\n\
                 @aproval(\"human\")\npermit (principal, action, resource);\n";
    let file = write(folder.path(), "wrong.cedar", wrong);
    let failure = said(folder.path(), &format!("charter check {file}")).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    let told = failure.text();
    assert!(told.contains(&format!("{file}:3:")) && told.contains("colour"), "{told}");
    assert!(told.contains(&format!("{file}:5:1: @aproval is not known")), "{told}");
    let failure = said(folder.path(), "charter check nowhere").await.unwrap_err();
    assert!(
        failure.exit == Exit::Usage && failure.text().contains("laptop, production or a file"),
        "{}",
        failure.text()
    );
}

#[tokio::test]
async fn cases_are_judged_and_a_wrong_one_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let cases = write(folder.path(), "cases.yaml", CASES);
    let (exit, text) = said(folder.path(), &format!("charter test production {cases}")).await.unwrap();
    assert!(exit == Exit::Done && text.ends_with("2 of 2 cases as expected\n"), "{text}");
    let (exit, text) = said(folder.path(), &format!("charter test laptop {cases}")).await.unwrap();
    assert!(exit == Exit::Failed && text.contains("FAILED") && text.contains("permit by applies"), "{text}");
    let (exit, text) = said(folder.path(), &format!("charter diff laptop production --cases {cases}")).await.unwrap();
    assert!(exit == Exit::Failed && text.contains("2 cases: 0 permits gained, 2 lost"), "{text}");
    let odd = CASES.replace("adds: 1", "addds: 1");
    let odd = write(folder.path(), "odd.yaml", &odd);
    let failure = said(folder.path(), &format!("charter test laptop {odd}")).await.unwrap_err();
    assert!(failure.exit == Exit::Usage && failure.text().contains("addds"), "{}", failure.text());
}

/// A host asks a person, under the charter that it was started with.
async fn asking(data: &Path) {
    // An error means that another test has installed it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let host = app::start(config(data)).await.unwrap();
    let mut updates = host.updates();
    let waits = || {
        let ledger = host.book.ledger();
        ledger.approvals.values().any(|record| ledger.approval_state(record, ledger.now) == ApprovalState::Pending)
    };
    while !waits() {
        updates.recv().await.unwrap();
    }
    host.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_is_compared_with_what_was_ruled_and_each_word_is_explained() {
    let data = tempfile::tempdir().unwrap();
    asking(data.path()).await;
    let (exit, text) = said(data.path(), "charter diff laptop").await.unwrap();
    assert!(exit == Exit::Done && text.contains(": 0 permits gained, 0 lost, 0 by another rule"), "{text}");
    let none = write(data.path(), "none.cedar", "");
    let (exit, text) = said(data.path(), &format!("charter diff {none}")).await.unwrap();
    assert!(exit == Exit::Failed && text.contains("lost") && text.contains("refused by no-permit"), "{text}");

    let mut turn = 0;
    let key = loop {
        turn += 1;
        let (_, text) = said(data.path(), &format!("journal show {turn} -o json")).await.unwrap();
        let shown: Value = serde_json::from_str(&text).unwrap();
        let asked = shown["verdicts"].as_array().unwrap().iter().find(|verdict| verdict["ruling"] == "asked");
        if let Some(asked) = asked {
            break asked["key"].as_str().unwrap().to_owned();
        }
    };
    let (_, text) = said(data.path(), &format!("charter explain {turn} {key}")).await.unwrap();
    for part in
        ["asked by needs-approval", "permit by applies", "makes:", "volumes-are-asked-about (ask): its conditions"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let (_, text) =
        said(data.path(), &format!("charter explain {turn} {key} --charter production -o json")).await.unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json["rehearsal"], &json["verdict"]["ruling"]), (&true.into(), &"asked".into()), "{text}");
    assert_eq!(json["verdict"]["rule"], "applies-are-asked-about");
    let failure = said(data.path(), &format!("charter explain {turn} nothing")).await.unwrap_err();
    assert!(failure.text().contains(&key), "{}", failure.text());
}
