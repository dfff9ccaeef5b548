//! `journal export`: lines of JSON from which every entry can be made again.

use std::fs;
use std::path::Path;

use quarterdeck::cli::Exit;
use quarterdeck::remember::journal::{self, Record};
use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::situation::Situation;
use quarterdeck_core::text::is_hidden;
use quarterdeck_tests::harness::Harness;
use quarterdeck_tests::program;
use serde_json::{Value, json};

use super::commands::said;
use super::story::Story;
use crate::scenarios::{all, play};

/// The data folder of a host.
pub(super) fn data_of(host: &Harness) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("rehearsal/journal");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(host.journal().join("000001.journal"), folder.join("000001.journal")).unwrap();
    data
}

/// What the lines of an export say, each of them parsed.
fn exported(data: &Path, words: &[&str]) -> Vec<Value> {
    let text = program::said(data, &[&["journal", "export"], words].concat());
    assert_eq!(text.chars().find(|c| *c != '\n' && is_hidden(*c)), None);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The entry that a line was made of: what was decoded becomes bytes again.
fn entry_of(line: &Value) -> Entry {
    let mut entry = line["entry"].clone();
    if line["kind"] == "opened" {
        let situation: Situation = serde_json::from_value(entry["situation"].take()).unwrap();
        entry["situation"] = json!(encoding::encode(&situation));
        if let Some(decision) = entry["answer"].get("decided") {
            let decision: Decision = serde_json::from_value(decision.clone()).unwrap();
            entry["answer"] = json!({ "decided": encoding::encode(&decision) });
        }
    }
    serde_json::from_value(json!({ line["kind"].as_str().unwrap(): entry })).unwrap()
}

/// Every entry can be made again of its line, so nothing of it is left out.
#[test]
fn an_export_holds_all_that_the_journal_holds() {
    let failing = all().into_iter().find(|known| known.name == "failures-are-retried-with-growing-rests");
    for data in [data_of(&play(failing.unwrap()).unwrap()), Story::asking().write()] {
        let mut records = Vec::new();
        journal::read(&data.path().join("rehearsal/journal"), &mut |record| records.push(record)).unwrap();
        let lines = exported(data.path(), &[]);
        assert_eq!(lines.len(), records.len());
        for (line, Record { seq, hash, entry, .. }) in lines.iter().zip(&records) {
            assert_eq!((&line["rehearsal"], &line["seq"], &line["hash"]), (&json!(true), &json!(seq), &json!(hash)));
            assert_eq!(line["at"], quarterdeck::view::rfc3339(entry.at()));
            assert_eq!(&entry_of(line), entry, "record {seq}");
        }
        let some = exported(data.path(), &["--from", "3", "--to", "5"]);
        assert_eq!(some, lines[2..5]);
    }
}

#[tokio::test]
async fn an_export_of_nothing_or_of_a_damaged_journal_is_no_success() {
    let data = Story::asking().write();
    let failure = said(data.path(), "journal export --from 4 --to 3").await.unwrap_err();
    assert!(failure.exit == Exit::Usage && failure.text().contains("journal export --help"), "{}", failure.text());
    let path = data.path().join("rehearsal/journal/000001.journal");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    let output = program::command(data.path(), &["journal", "export", "--to", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1, "what is whole is written");
}
