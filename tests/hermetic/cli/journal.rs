//! `journal verify` and `journal show` on journals that are whole, flipped and torn.

use std::fs;
use std::path::{Path, PathBuf};

use quarterdeck::cli::Exit;

use super::commands::said;
use super::story::Story;

fn segment(data: &Path) -> PathBuf {
    data.join("rehearsal/journal/000001.journal")
}

#[tokio::test]
async fn a_whole_journal_is_proved_to_be_whole() {
    let story = Story::asking();
    let data = story.write();
    let (exit, text) = said(data.path(), "journal verify").await.unwrap();
    assert_eq!(exit, Exit::Done);
    assert!(text.contains(&format!("{} records, whole", story.entries.len())), "{text}");
}

#[tokio::test]
async fn a_turn_is_shown_with_all_that_was_seen_decided_ruled_and_done() {
    let data = Story::asking().write();
    let (_, text) = said(data.path(), "journal show 2").await.unwrap();
    for part in ["web needs a plan", "apply/web asked (a-rule): so it is", "thinking", "12345", "Receipts:"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let (_, text) = said(data.path(), "journal show 2 --situation").await.unwrap();
    let seen: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(seen["missions"][0]["id"], "web-01234567");
}

#[tokio::test]
async fn a_flipped_bit_is_located() {
    let data = Story::asking().write();
    let path = segment(data.path());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    for words in ["journal verify", "journal show 2", "get missions", "get turns"] {
        let failure = said(data.path(), words).await.unwrap_err();
        assert_eq!((failure.exit, failure.exit.code()), (Exit::Damaged, 4), "{words}");
        let text = failure.text();
        assert!(text.contains("000001.journal at byte ") && text.contains(", record "), "{text}");
        assert!(text.contains("next: "), "{text}");
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "reading changes nothing");
}

#[tokio::test]
async fn a_torn_tail_is_no_damage_and_is_left_alone() {
    let story = Story::asking();
    let data = story.write();
    let path = segment(data.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let (_, text) = said(data.path(), "journal verify").await.unwrap();
    assert!(text.contains(&format!("{} records, whole", story.entries.len() - 1)), "{text}");
    let (_, text) = said(data.path(), "journal verify -o json").await.unwrap();
    let verified: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(verified["torn"]["offset"].as_u64().is_some_and(|offset| offset > 0), "{text}");
    assert_eq!(fs::read(&path).unwrap().len(), bytes.len() - 5);
}
