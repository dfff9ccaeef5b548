//! Pruned journals: what is left starts, folds, answers and proves as before; and a prune is whole wherever it was killed.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use quarterdeck::app::JOURNAL_KEY;
use quarterdeck::remember::journal::{Reader, Record, SEGMENT_BYTES_MAX};
use quarterdeck::remember::prune::{Before, Prune, Step, plan};
use quarterdeck::remember::seal::SealKey;
use quarterdeck::remember::{Book, Durable, RECORDS_A_CHECKPOINT};
use quarterdeck_core::charter::Charter;
use quarterdeck_core::checkpoint::Base;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Closed, Entry};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_tests::harness::Harness;
use quarterdeck_tests::program;
use serde_json::Value;

use super::checkpoints::{Copy, checkpoints, text};
use super::scenarios::{MAIN_TF, mission};

/// Small enough that a story of some hundred records fills several.
const SEGMENT: u64 = 32 << 10;

/// A journal of several segments, as a host writes them.
static WRITTEN: LazyLock<Copy> = LazyLock::new(|| {
    let yaml = mission("shop", "  autonomy: auto\n");
    let files: [(&str, &str); 2] = [("mission.yaml", &yaml), ("main.tf", MAIN_TF)];
    let host = Harness::segmented(&[("shop", &files)], Charter::default(), Default::default(), SEGMENT);
    let mut host = host.expect("a host");
    host.turns(150_000, 1_000).expect("it turns");
    Copy::of(&host.journal())
});

fn copy() -> Copy {
    Copy::of(&WRITTEN.journal())
}

fn segments(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".journal")).collect();
    names.sort();
    names
}

/// The ledger that follows from what is there.
fn folded(copy: &Copy) -> Ledger {
    let reader = Reader::open(&copy.journal()).unwrap();
    let mut ledger = reader.ledger();
    reader.read(&mut |record| ledger.fold(&record.entry)).unwrap();
    ledger
}

fn base(copy: &Copy) -> Option<Base> {
    Reader::open(&copy.journal()).unwrap().base().cloned()
}

fn planned(copy: &Copy, before: Before, archive: Option<&Path>) -> Prune {
    plan(&copy.journal(), &copy.path(JOURNAL_KEY), before, archive).unwrap()
}

fn started(copy: &Copy) -> Book {
    Book::signed(&copy.journal(), &copy.path(JOURNAL_KEY), SEGMENT).unwrap().0
}

fn ends_with(copy: &Copy, code: i32, words: &[&str]) -> String {
    let output = program::command(copy.data.path(), words).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {text}");
    text
}

#[test]
fn every_closed_segment_ends_with_a_checkpoint_and_none_is_far_from_the_last() {
    let copy = copy();
    let records = copy.records();
    let last = records.last().unwrap().segment;
    assert!(last > 4, "{last} segments are too few to say anything");
    for closed in 1..last {
        let end: &Record = records.iter().rfind(|record| record.segment == closed).unwrap();
        assert!(matches!(end.entry, Entry::Checkpoint(_)), "segment {closed} ends with {}", end.entry.kind());
    }
    let places: Vec<u64> = checkpoints(&records).iter().map(|(seq, _)| *seq).collect();
    let far = places.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(far <= RECORDS_A_CHECKPOINT + 8, "{far} records without one");
    copy.holds(&["--key", text(&copy.key())]);
}

/// Where no segment ends, a checkpoint comes with the records; where none comes, there is none.
#[test]
fn a_checkpoint_comes_with_so_many_records_and_with_nothing_else() {
    let copy = copy();
    fs::remove_dir_all(copy.journal()).unwrap();
    let (book, _) = Book::signed(&copy.journal(), &copy.path(JOURNAL_KEY), SEGMENT_BYTES_MAX).unwrap();
    let begun = WRITTEN.records().remove(0).entry;
    let closed = Entry::Closed(Closed { turn: 1, at: Timestamp(1), receipts: Vec::new() });
    book.append(&[begun], Durable::Now).unwrap();
    for _ in 0..RECORDS_A_CHECKPOINT * 2 {
        book.append(std::slice::from_ref(&closed), Durable::Later).unwrap();
    }
    let places: Vec<u64> = checkpoints(&copy.records()).iter().map(|(seq, _)| *seq).collect();
    assert_eq!(places, [2, 3 + RECORDS_A_CHECKPOINT, 4 + 2 * RECORDS_A_CHECKPOINT]);
}

#[test]
fn what_is_left_after_a_prune_proves_folds_and_answers_as_before() {
    let copy = copy();
    let (key, kept) = (copy.key(), copy.keep());
    let early = copy.data.path().join("early.txt");
    fs::write(&early, checkpoints(&copy.records())[0].1.text()).unwrap();
    let whole = folded(&copy);
    let (missions, export) = (copy.says(&["get", "missions"]), copy.says(&["journal", "export"]));
    let said: Value = serde_json::from_str(&copy.says(&["replay", "-o", "json"])).unwrap();
    let turns = said["turns"]["same"].as_u64().unwrap();
    assert_eq!(said["prunedUpToTurn"], Value::Null);

    let told = copy.says(&["journal", "prune", "--before", "80"]);
    let base = base(&copy).expect("it was pruned");
    let gone = base.ledger().unwrap().turn;
    assert!((30..80).contains(&gone), "{gone}: {told}");
    assert!(told.contains(&format!("records 1 to {}, with the turns up to {gone}", base.record)), "{told}");
    assert_eq!(segments(&copy.journal()).first(), Some(&format!("{:06}.journal", base.segment)));

    assert_eq!(folded(&copy), whole);
    let said = copy.holds(&["--key", text(&key), "--checkpoint", text(&kept)]);
    assert!(said.contains(&format!("pruned: records 1 to {} are gone", base.record)), "{said}");
    assert!(ends_with(&copy, 3, &["journal", "verify", "--checkpoint", text(&early)]).contains("--archive"));
    assert_eq!(copy.says(&["get", "missions"]), missions);
    assert!(copy.says(&["get", "turns"]).lines().count() > 5);
    let rest: Vec<&str> = export.lines().skip(usize::try_from(base.record).unwrap()).collect();
    assert_eq!(copy.says(&["journal", "export"]).lines().collect::<Vec<_>>(), rest);
    assert!(ends_with(&copy, 1, &["journal", "show", "1"]).contains("were pruned"));
    copy.says(&["journal", "show", &(gone + 1).to_string()]);

    let said: Value = serde_json::from_str(&copy.says(&["replay", "-o", "json"])).unwrap();
    assert_eq!((&said["prunedUpToTurn"], &said["range"][0]), (&gone.into(), &(gone + 1).into()));
    assert_eq!(said["turns"]["same"], turns - u64::from(gone), "every turn that is left is the same");
    assert!(copy.says(&["replay"]).contains(&format!("with the turns up to {gone}")));
    copy.says(&["why", &format!("turn/{}", gone + 1)]);
    assert!(ends_with(&copy, 1, &["why", "turn/1"]).contains("turn/1"));

    let book = started(&copy);
    assert_eq!(*book.ledger(), whole);
    drop(book);
    let web = program::root().join("deploy/examples/web");
    copy.says(&["run", "--offline", "--until-ready", text(&web)]);
    copy.holds(&["--key", text(&key), "--checkpoint", text(&kept)]);
}

/// The base is the step that counts: before it nothing has changed, after it the next start ends what was begun. Whoever
/// only reads is answered at every moment.
#[test]
fn a_prune_that_is_killed_after_any_step_is_undone_or_finished_at_the_next_start() {
    let whole = folded(&WRITTEN);
    let all = segments(&WRITTEN.journal());
    for archived in [false, true] {
        let steps = |copy: &Copy| {
            let archive = copy.data.path().join("archive");
            (planned(copy, Before::Turn(80), archived.then_some(archive.as_path())), archive)
        };
        let count = steps(&copy()).0.steps.len();
        assert!(count > 3);
        for done in 0..=count {
            let copy = copy();
            let (prune, archive) = steps(&copy);
            for step in &prune.steps[..done] {
                prune.perform(step).unwrap();
            }
            let attested = prune.steps[..done].contains(&Step::Base);
            let goes = prune.segments.len();
            drop(prune);
            // What a write leaves that did not end.
            fs::write(copy.path("journal/base.part"), b"half").unwrap();
            assert_eq!(folded(&copy), whole, "after {done} steps");
            let book = started(&copy);
            assert_eq!(*book.ledger(), whole);
            drop(book);
            let left = segments(&copy.journal());
            assert_eq!(left, if attested { &all[goes..] } else { &all[..] }, "after {done} steps");
            assert_eq!(base(&copy).is_some(), attested);
            if archived && attested {
                assert_eq!(segments(&archive), all[..goes], "what goes is kept before");
                copy.holds(&["--archive", text(&archive)]);
            }
            // Asked for again, it is done.
            let (again, _) = steps(&copy);
            again.steps.iter().for_each(|step| again.perform(step).unwrap());
            drop(again);
            assert_eq!((segments(&copy.journal()), folded(&copy)), (all[goes..].to_vec(), whole.clone()));
        }
    }
}

#[test]
fn an_archive_and_the_rest_together_prove_the_whole() {
    let copy = copy();
    let (key, kept, archive) = (copy.key(), copy.keep(), copy.data.path().join("older"));
    let early = copy.data.path().join("early.txt");
    fs::write(&early, checkpoints(&copy.records())[0].1.text()).unwrap();
    let records = copy.records().len();
    let all = segments(&copy.journal());
    for turn in ["50", "100"] {
        copy.says(&["journal", "prune", "--before", turn, "--archive", text(&archive)]);
    }
    assert_eq!([segments(&archive), segments(&copy.journal())].concat(), all);
    let words =
        ["--archive", text(&archive), "--key", text(&key), "--checkpoint", text(&kept), "--checkpoint", text(&early)];
    let said = copy.holds(&words);
    assert!(said.contains(&format!("{records} records, whole")), "{said}");

    // A bit of the archive; a segment of it; another archive.
    let second = archive.join(&all[1]);
    let bytes = fs::read(&second).unwrap();
    let mut hurt = bytes.clone();
    hurt[bytes.len() / 2] ^= 1;
    fs::write(&second, &hurt).unwrap();
    copy.refused(&words[..2], "000002.journal at byte ");
    fs::remove_file(&second).unwrap();
    copy.refused(&words[..2], "a segment before this one is missing");
    fs::write(&second, &bytes).unwrap();
    copy.holds(&words);
    // A base that is signed with the key and is not of this archive.
    let seal = SealKey::read(&copy.path(JOURNAL_KEY)).unwrap().unwrap();
    let whole = base(&copy).unwrap();
    let mut ledger = whole.ledger().unwrap();
    ledger.asked.1 += 1;
    let lie = seal.seal_base(Base { ledger: encoding::encode(&ledger), ..whole });
    fs::write(copy.path("journal/base"), encoding::encode(&lie)).unwrap();
    let (code, said) = copy.verify(&words[..2]);
    assert!(code == 4 && said.contains("another ledger follows from it"), "{said}");
}

/// A second prune whose archive is a new folder: what stood before is attested by the base that lies there.
#[test]
fn an_archive_that_begins_later_has_its_own_base() {
    let copy = copy();
    let archive = copy.data.path().join("older");
    copy.says(&["journal", "prune", "--before", "50"]);
    let first = base(&copy).unwrap();
    copy.says(&["journal", "prune", "--before", "100", "--archive", text(&archive)]);
    assert!(base(&copy).unwrap().record > first.record);
    let said = copy.holds(&["--archive", text(&archive), "--key", text(&copy.key())]);
    assert!(said.contains(&format!("records {} to ", first.record + 1)), "{said}");
}

#[test]
fn a_base_that_is_not_what_was_signed_is_refused_wherever_it_is_changed() {
    let copy = copy();
    let key = copy.key();
    copy.says(&["journal", "prune", "--before", "80"]);
    let path = copy.path("journal/base");
    let bytes = fs::read(&path).unwrap();
    for byte in (0..260).chain((260..bytes.len()).step_by(211)) {
        let mut hurt = bytes.clone();
        hurt[byte] ^= 0x04;
        fs::write(&path, &hurt).unwrap();
        let refused = Reader::open(&copy.journal()).map(drop).unwrap_err().to_string();
        assert!(refused.contains("the base that the journal stands on is not to be trusted"), "byte {byte}: {refused}");
    }
    let mut hurt = bytes.clone();
    hurt[150] ^= 0x04;
    fs::write(&path, &hurt).unwrap();
    copy.refused(&[], "journal/base");
    ends_with(&copy, 4, &["get", "missions"]);
    let web = program::root().join("deploy/examples/web");
    ends_with(&copy, 4, &["run", "--offline", "--until-ready", text(&web)]);
    // Signed with another key, and right in itself: no start goes on from it.
    fs::write(copy.path("another.key"), [7; 32]).unwrap();
    let another = SealKey::read(&copy.path("another.key")).unwrap().unwrap();
    let base: Base = encoding::decode(&bytes).unwrap();
    fs::write(&path, encoding::encode(&another.seal_base(base.clone()))).unwrap();
    ends_with(&copy, 4, &["run", "--offline", "--until-ready", text(&web)]);
    copy.refused(&["--key", text(&key)], "it is signed by another key");
    // Signed with ours, about another record: the chain does not go on from it.
    let ours = SealKey::read(&copy.path(JOURNAL_KEY)).unwrap().unwrap();
    let elsewhere = ours.seal_base(Base { hash: Digest::of(b"another"), ..base });
    fs::write(&path, encoding::encode(&elsewhere)).unwrap();
    copy.refused(&["--key", text(&key)], "does not follow the one before it");
    fs::remove_file(&path).unwrap();
    copy.refused(&["--key", text(&key)], "a segment before this one is missing");
}

#[test]
fn nothing_young_goes_and_never_the_segment_that_is_written_to() {
    let copy = copy();
    let all = segments(&copy.journal());
    for words in [["--before", "1"], ["--before", "2001-01-01"], ["--keep", "5000w"]] {
        let told = copy.says(&[&["journal", "prune"][..], &words].concat());
        assert!(told.contains("nothing goes") && segments(&copy.journal()) == all, "{told}");
    }
    for turn in [20, 60, 110] {
        let prune = planned(&copy, Before::Turn(turn), None);
        let goes = prune.segments.len();
        drop(prune);
        // The last turn of each segment, by the ledger after it.
        let mut ledger = Ledger::default();
        let mut ends = vec![0; all.len()];
        Reader::open(&copy.journal())
            .unwrap()
            .read(&mut |record| {
                ledger.fold(&record.entry);
                ends[record.segment as usize - 1] = ledger.turn;
            })
            .unwrap();
        let may = ends[..all.len() - 1].iter().take_while(|end| **end < turn).count();
        assert_eq!(goes, may, "before turn {turn}: {ends:?}");
    }
    let told = copy.says(&["journal", "prune", "--before", "2100-01-01", "--dry-run", "-o", "json"]);
    let said: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(said["segments"].as_array().unwrap().len(), all.len() - 1);
    assert!(segments(&copy.journal()) == all && base(&copy).is_none(), "a dry run changes nothing");
    copy.says(&["journal", "prune", "--before", "2100-01-01"]);
    assert_eq!(segments(&copy.journal()), all[all.len() - 1..]);
}

#[test]
fn what_a_host_writes_to_or_what_does_not_verify_is_not_pruned() {
    let copy = copy();
    let all = segments(&copy.journal());
    let book = started(&copy);
    let refused = ends_with(&copy, 3, &["journal", "prune", "--before", "80"]);
    assert!(refused.contains("end the host first"), "{refused}");
    drop(book);
    let aside = copy.path("aside");
    fs::rename(copy.path(JOURNAL_KEY), &aside).unwrap();
    ends_with(&copy, 3, &["journal", "prune", "--before", "80"]);
    fs::write(copy.path(JOURNAL_KEY), [7; 32]).unwrap();
    let refused = ends_with(&copy, 4, &["journal", "prune", "--before", "80"]);
    assert!(refused.contains("it is signed by another key"), "{refused}");
    fs::rename(&aside, copy.path(JOURNAL_KEY)).unwrap();
    let path = copy.path("journal").join(&all[2]);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    ends_with(&copy, 4, &["journal", "prune", "--before", "80"]);
    assert!(segments(&copy.journal()) == all && !copy.path("journal/base").exists());
    let folder = copy.journal();
    ends_with(&copy, 2, &["journal", "prune"]);
    fs::copy(WRITTEN.journal().join(&all[2]), path).unwrap();
    ends_with(&copy, 2, &["journal", "prune", "--before", "80", "--archive", text(&folder)]);
}
