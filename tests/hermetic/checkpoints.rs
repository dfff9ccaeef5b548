//! Journals that the program wrote, and what somebody does to them who can write to the disk: hurt, cut, put back, and
//! written anew with every hash right. Each is held against `journal verify` and against `docs/verify-journal.py`, which
//! must agree.

mod forged;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use quarterdeck::app::JOURNAL_KEY;
use quarterdeck::remember::journal::{self, Record};
use quarterdeck_core::checkpoint::{Checkpoint, PublicKey};
use quarterdeck_core::entry::Entry;
use quarterdeck_tests::program::{self, Running, until};
use serde_json::Value;

const MAGIC: usize = 22;
const HEAD: usize = 84;

/// A data folder in which the program has run twice.
static WRITTEN: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let data = tempfile::tempdir().expect("a folder");
    let mission = program::root().join("deploy/examples/web");
    for runs in 1..=2 {
        let run = ["run", "--offline", mission.to_str().expect("a plain path")];
        let mut host = Running(program::command(data.path(), &run).spawn().expect("it starts"));
        until("the mission is ready", || {
            let (mut begun, mut turned) = (0, false);
            journal::read(&data.path().join("rehearsal/journal"), &mut |record| match record.entry.kind() {
                "begun" => (begun, turned) = (begun + 1, false),
                "closed" => turned = true,
                _other => {}
            })
            .ok()
            .filter(|_| begun == runs && turned)?;
            let asked = program::command(data.path(), &["get", "missions", "-o", "json"]).output().expect("it runs");
            let list: Value = serde_json::from_slice(&asked.stdout).ok()?;
            (list["items"][0]["phase"] == "Ready").then_some(())
        });
        // One that ends in order attests all of it, and there would be nothing behind the newest checkpoint.
        host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    }
    data
});

/// A journal with the key beside it, to do what one likes with.
pub(crate) struct Copy {
    pub(crate) data: tempfile::TempDir,
}

impl Copy {
    pub(crate) fn of(journal: &Path) -> Copy {
        let data = tempfile::tempdir().expect("a folder");
        let copy = Copy { data };
        fs::create_dir_all(copy.journal()).expect("it is made");
        let files = fs::read_dir(journal).expect("a journal").map(|file| file.expect("a file").path());
        for file in files {
            fs::copy(&file, copy.journal().join(file.file_name().expect("a name"))).expect("it is copied");
        }
        fs::copy(journal.with_file_name(JOURNAL_KEY), copy.path(JOURNAL_KEY)).expect("a key");
        copy
    }

    fn new() -> Copy {
        Copy::of(&WRITTEN.path().join("rehearsal/journal"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.data.path().join("rehearsal").join(name)
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path("journal")
    }

    fn segment(&self) -> PathBuf {
        self.path("journal/000001.journal")
    }

    pub(crate) fn says(&self, words: &[&str]) -> String {
        program::said(self.data.path(), words)
    }

    /// The public key, written into a file as a person would.
    pub(crate) fn key(&self) -> PathBuf {
        let path = self.data.path().join("journal.pem");
        fs::write(&path, self.says(&["journal", "key"])).expect("it is written");
        path
    }

    /// The newest checkpoint, written into a file as a person would.
    pub(crate) fn keep(&self) -> PathBuf {
        let path = self.data.path().join("kept.txt");
        fs::write(&path, self.says(&["journal", "checkpoint"])).expect("it is written");
        path
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        journal::read(&self.journal(), &mut |record| records.push(record)).expect("the chain holds");
        records
    }

    /// Where each record of the first segment begins, and where the last one ends.
    fn edges(&self) -> Vec<usize> {
        let bytes = fs::read(self.segment()).expect("a segment");
        let mut edges = vec![MAGIC];
        while let Some(length) = bytes.get(edges[edges.len() - 1]..edges[edges.len() - 1] + 4) {
            let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
            edges.push(edges[edges.len() - 1] + HEAD + usize::try_from(length).expect("it fits"));
        }
        edges
    }

    /// What `journal verify` says, with its exit code.
    pub(crate) fn verify(&self, words: &[&str]) -> (i32, String) {
        let words = [&["journal", "verify"], words].concat();
        let output = program::command(self.data.path(), &words).output().expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().expect("it ended"), String::from_utf8_lossy(&text).into_owned())
    }

    /// What the script without us says; none where this machine has no Python.
    pub(crate) fn script(&self, words: &[&str]) -> Option<(i32, String)> {
        let script = program::root().join("docs/verify-journal.py");
        let output = std::process::Command::new("python3").arg(script).args(words).arg(self.journal()).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        Some((output.status.code().expect("it ended"), String::from_utf8_lossy(&text).into_owned()))
    }

    /// Both say that it is whole.
    pub(crate) fn holds(&self, words: &[&str]) -> String {
        let (code, text) = self.verify(words);
        assert_eq!(code, 0, "{text}");
        if let Some((code, text)) = self.script(words) {
            assert_eq!(code, 0, "{text}");
        }
        text
    }

    /// Both refuse, and name the place.
    pub(crate) fn refused(&self, words: &[&str], named: &str) -> String {
        let (code, text) = self.verify(words);
        assert!(code == 4 && text.contains(named), "{code}: {text}");
        if let Some((code, text)) = self.script(words) {
            assert!(code == 4 && text.contains(named), "{code}: {text}");
        }
        text
    }
}

/// The checkpoints of a journal, with the records that they stand in.
pub(crate) fn checkpoints(records: &[Record]) -> Vec<(u64, Checkpoint)> {
    let found = |record: &Record| {
        if let Entry::Checkpoint(checkpoint) = record.entry { Some((record.seq, checkpoint)) } else { None }
    };
    records.iter().filter_map(found).collect()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn each_start_is_attested_and_verified_by_key_and_by_what_was_kept() {
    let copy = Copy::new();
    let records = copy.records();
    let begun: Vec<u64> =
        records.iter().filter(|record| record.entry.kind() == "begun").map(|record| record.seq).collect();
    let attested = checkpoints(&records);
    assert_eq!((begun.len(), attested.len()), (2, 2));
    for (begun, (seq, checkpoint)) in begun.iter().zip(&attested) {
        assert!(seq - begun <= 3, "record {seq} attests the start of record {begun}");
        assert_eq!(checkpoint.record, seq - 1);
    }
    let (key, kept) = (copy.key(), copy.keep());
    assert_eq!(fs::read_to_string(&kept).unwrap().parse(), Ok(attested[1].1));
    let public = PublicKey::read(&fs::read_to_string(&key).unwrap()).unwrap();
    assert_eq!(public, attested[1].1.key);
    for words in [
        &["--key", text(&key)][..],
        &["--key", &public.to_string()],
        &["--checkpoint", text(&kept)],
        &["--key", text(&key), "--checkpoint", text(&kept)],
    ] {
        let said = copy.holds(words);
        assert!(said.contains(&format!("records 1 to {}, by 2 checkpoints", attested[1].1.record)), "{said}");
    }
    let own = copy.holds(&[]);
    assert!(own.contains("so this trusts this machine") && own.contains("not proven: "), "{own}");
    let said: Value =
        serde_json::from_str(&copy.says(&["journal", "verify", "-o", "json", "--key", text(&key)])).unwrap();
    assert_eq!((&said["believed"], &said["checkpoints"]), (&"named".into(), &2.into()));
    assert_eq!(said["afterNewestCheckpoint"], records.len() as u64 - attested[1].0);
    let said: Value = serde_json::from_str(&copy.says(&["journal", "checkpoint", "-o", "json"])).unwrap();
    assert_eq!(said["hash"], attested[1].1.hash.to_string());
}

#[test]
fn a_host_that_ends_in_order_leaves_nothing_that_is_not_attested() {
    let data = tempfile::tempdir().unwrap();
    let mission = program::root().join("deploy/examples/web");
    for runs in 1..=2 {
        program::said(data.path(), &["run", "--offline", "--until-ready", mission.to_str().unwrap()]);
        let said: Value =
            serde_json::from_str(&program::said(data.path(), &["journal", "verify", "-o", "json"])).unwrap();
        assert_eq!((&said["checkpoints"], &said["afterNewestCheckpoint"]), (&(2 * runs).into(), &0.into()), "{said}");
    }
}

/// OpenSSL takes the key and the statement as they are printed.
#[test]
fn another_tool_checks_a_checkpoint_as_it_is_printed() {
    let copy = Copy::new();
    let (key, kept) = (copy.key(), fs::read_to_string(copy.keep()).unwrap());
    let (statement, signature) = kept.split_once("signature ").unwrap();
    let bytes: Vec<u8> = (0..64).map(|at| u8::from_str_radix(&signature[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let at = |name: &str| copy.data.path().join(name);
    fs::write(at("signature"), bytes).unwrap();
    let openssl = |statement: &str| {
        fs::write(at("statement"), statement).unwrap();
        let words = ["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"];
        let files = ["-in", text(&at("statement")), "-sigfile", text(&at("signature"))].map(str::to_owned);
        std::process::Command::new("openssl").args(words).arg(&key).args(files).output().ok()
    };
    // Where there is no OpenSSL, the script and our own check have said it.
    if let (Some(good), Some(bad)) = (openssl(statement), openssl(&statement.replace("record ", "record 1"))) {
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
        assert!(!bad.status.success());
    }
}

#[test]
fn a_flipped_bit_a_missing_record_and_swapped_records_are_named() {
    let copy = Copy::new();
    let (key, edges) = (copy.key(), copy.edges());
    let bytes = fs::read(copy.segment()).unwrap();
    let record = |number: usize| &bytes[edges[number - 1]..edges[number]];
    let (front, back) = (&bytes[..edges[4]], &bytes[edges[6]..]);
    let mut flipped = bytes.clone();
    flipped[edges[4] + HEAD + 3] ^= 0x10;
    for (what, hurt) in [
        ("flipped", flipped),
        ("cut out", [front, record(6), back].concat()),
        ("swapped", [front, record(6), record(5), back].concat()),
    ] {
        fs::write(copy.segment(), hurt).unwrap();
        for words in [&["--key", text(&key)][..], &[]] {
            let said = copy.refused(words, ", record 5: ");
            assert!(said.contains("000001.journal at byte "), "{what}: {said}");
        }
    }
}

/// What nobody kept elsewhere can't be missed: that is said. What was kept is missed, wherever the cut is.
#[test]
fn a_tail_cut_off_behind_a_checkpoint_that_was_kept_is_seen() {
    let copy = Copy::new();
    let (key, kept, edges) = (copy.key(), copy.keep(), copy.edges());
    let (seq, checkpoint) = checkpoints(&copy.records())[1];
    let bytes = fs::read(copy.segment()).unwrap();
    let both = ["--key", text(&key), "--checkpoint", text(&kept)];
    let near = |whole: usize| (whole as u64).abs_diff(checkpoint.record) < 3;
    for whole in (0..edges.len() - 1).filter(|whole| near(*whole) || whole % 9 == 0) {
        fs::write(copy.segment(), &bytes[..edges[whole]]).unwrap();
        let records = whole as u64;
        if records >= checkpoint.record {
            copy.holds(&both);
        } else {
            let named = format!("the checkpoint of record {} that was kept elsewhere is not", checkpoint.record);
            let said = copy.refused(&["--checkpoint", text(&kept)], &named);
            assert!(said.contains("its end was cut off"), "{said}");
            copy.refused(&both, &named);
        }
        // Within a record a cut looks like a crash, and nothing before the checkpoint is missed either.
        if records == seq {
            fs::write(copy.segment(), &bytes[..edges[whole] + 50]).unwrap();
            copy.holds(&both);
        }
    }
}
