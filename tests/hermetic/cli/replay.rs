//! `replay`: what people and programs are told of a journal that is asked again.

use std::fs;
use std::path::Path;

use quarterdeck::app::STEWARD;
use quarterdeck::cli::{Exit, Failure};
use quarterdeck_core::digest::Digest;
use quarterdeck_tests::guests;
use serde_json::{Value, json};

use super::commands;
use super::export::data_of;
use crate::replay::{idle, named};
use crate::scenarios::play;

fn played(scenario: &str) -> tempfile::TempDir {
    data_of(&play(named(scenario)).unwrap())
}

fn file(data: &Path, guest: &str) -> String {
    let path = data.join("guest.wasm");
    fs::write(&path, guests::named(guest).unwrap()).unwrap();
    path.display().to_string()
}

/// The harness has a runtime of its own, so these tests can't be on one.
fn said(data: &Path, words: &str) -> Result<(Exit, String), Failure> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(commands::said(data, words))
}

fn json_of(data: &Path, words: &str) -> (Exit, Value) {
    let (exit, text) = said(data, &format!("{words} -o json")).unwrap();
    (exit, serde_json::from_str(&text).unwrap())
}

#[test]
fn a_journal_that_is_the_same_again_ends_with_0_and_says_so() {
    let data = played("auto-builds-and-rests");
    let before = fs::read(data.path().join("rehearsal/journal/000001.journal")).unwrap();
    let (exit, text) = said(data.path(), "replay").unwrap();
    assert_eq!(exit, Exit::Done, "{text}");
    for part in ["(1 to 61): 61 the same, 0 different", "compared in 61 turns", "steward 0.1.0", "asked again"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains("predicts"), "{text}");
    let (exit, report) = json_of(data.path(), "replay --from 3 --to 12");
    assert_eq!(exit, Exit::Done);
    assert_eq!(
        (&report["kind"], &report["rehearsal"], &report["openLoop"]),
        (&json!("Replay"), &json!(true), &json!(false))
    );
    assert_eq!(
        (&report["range"], &report["turns"]["all"], &report["turns"]["same"]),
        (&json!([3, 12]), &json!(10), &json!(10))
    );
    assert_eq!(report["policies"][Digest::of(STEWARD).to_string()]["treatment"], "again");
    assert_eq!((&report["firstDifference"], &report["differences"]), (&Value::Null, &json!([])));
    assert_eq!(fs::read(data.path().join("rehearsal/journal/000001.journal")).unwrap(), before);
    // Named by its file, the policy that decided is no candidate.
    let steward = data.path().join("steward.wasm");
    fs::write(&steward, STEWARD).unwrap();
    let (exit, report) = json_of(data.path(), &format!("replay --policy {}", steward.display()));
    assert_eq!((exit, &report["openLoop"], &report["turns"]["same"]), (Exit::Done, &json!(false), &json!(61)));
}

#[test]
fn a_candidate_that_differs_ends_with_1_and_is_told_as_an_open_loop() {
    let data = played("auto-builds-and-rests");
    let floor = file(data.path(), "floor");
    let (exit, text) = said(data.path(), &format!("replay --policy {floor}")).unwrap();
    assert_eq!(exit, Exit::Failed, "{text}");
    for part in
        ["First difference:", "turn 1", ": acted by plans", "nothing", "CANDIDATE", "predicts no course of events"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let (exit, report) = json_of(data.path(), &format!("replay --policy {floor}"));
    assert_eq!((exit, &report["openLoop"], &report["firstDifference"]), (Exit::Failed, &json!(true), &json!(1)));
    assert!(report["note"].as_str().unwrap().contains("predicts no course of events"));
    let first = &report["differences"][0];
    assert_eq!(
        (&first["turn"], &first["what"], &first["replayed"]),
        (&json!(1), &json!("proposal"), &json!("nothing"))
    );
    assert_eq!(report["candidate"]["policy"], json!(Digest::of(&guests::named("floor").unwrap())));
    let counted = report["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
    assert_eq!(counted, report["differences"].as_array().unwrap().len() as u64);

    let (exit, text) = said(data.path(), "replay --charter production").unwrap();
    assert!(exit == Exit::Failed && text.contains("asked by applies-are-asked-about"), "{text}");
    let (exit, text) = said(data.path(), "replay --charter laptop").unwrap();
    assert!(exit == Exit::Done && text.contains("61 the same") && text.contains("predicts no course"), "{text}");
}

#[test]
fn what_can_not_be_asked_again_is_said_and_is_no_success() {
    let data = data_of(&idle(3).unwrap());
    let (exit, text) = said(data.path(), "replay").unwrap();
    assert_eq!(exit, Exit::Unreachable, "{text}");
    let digest = Digest::of(&guests::named("floor").unwrap());
    let told = format!("guest 1.0.0, {digest}, 4 turns: not replayed: its bytes are not at hand, name its file");
    assert!(text.contains(&told) && text.contains("4 not replayed, since their policy is not at hand"), "{text}");
    let (exit, report) = json_of(data.path(), "replay");
    assert_eq!((exit, &report["turns"]["notReplayed"]), (Exit::Unreachable, &json!(4)));
    assert_eq!(report["policies"][digest.to_string()]["treatment"], "not-at-hand");
    let floor = file(data.path(), "floor");
    let (exit, text) = said(data.path(), &format!("replay --from 8 --policy {floor}")).unwrap();
    assert_eq!(exit, Exit::Done, "{text}");

    let module = file(data.path(), "hostile/core-module");
    let failure = said(data.path(), &format!("replay --policy {module}")).unwrap_err();
    assert!(failure.exit == Exit::Usage && failure.text().contains("policy inspect"), "{}", failure.text());
    for (words, exit, says) in [
        ("replay --from 4 --to 3", Exit::Usage, "quarterdeck replay --help"),
        ("replay --from 4711", Exit::Unreachable, "no such turn"),
        ("replay --policy nowhere.wasm", Exit::Usage, "nowhere.wasm"),
        ("replay --charter nowhere", Exit::Usage, "laptop, production or a file"),
    ] {
        let failure = said(data.path(), words).unwrap_err();
        assert!(failure.exit == exit && failure.text().contains(says), "{words}: {}", failure.text());
    }
}

#[test]
fn a_flipped_bit_ends_a_replay_with_4() {
    let data = played("auto-builds-and-rests");
    let path = data.path().join("rehearsal/journal/000001.journal");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    for words in ["replay", "replay --charter production", "replay --to 1"] {
        let failure = said(data.path(), words).unwrap_err();
        assert_eq!((failure.exit, failure.exit.code()), (Exit::Damaged, 4), "{words}");
        assert!(failure.text().contains("000001.journal at byte "), "{words}: {}", failure.text());
    }
}
