//! The journal's file, hurt in every way: cut at every byte, changed at every byte, shuffled, full, rotated, used twice.
//!
//! What a crash can leave is recovered and nothing is lost of it; what a crash can not leave is refused, and located.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use quarterdeck::remember::JournalError;
use quarterdeck::remember::journal::{self, Journal, Record};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Claimed, Closed, ENTRY_BYTES_MAX, Entry, Receipt, Stored};
use quarterdeck_core::ids::{ApprovalId, MissionId, OrderName, Timestamp};
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::order::StateRef;

const MAGIC: usize = b"quarterdeck-journal 1\n".len();
const HEAD: usize = 84;

fn approved(at: u64, comment: String) -> Entry {
    let approval = ApprovalId::parse("a-1").expect("a plain name");
    let command = Command::Approve { approval, comment: Some(comment) };
    Entry::Commanded(Commanded { at: Timestamp(at), who: Person::Uid(1000), command })
}

fn claimed(at: u64) -> Entry {
    let order = OrderName::parse("plan-web-1").expect("a plain name");
    Entry::Claimed(Claimed { at: Timestamp(at), order, claimant: format!("process {at}") })
}

fn closed(at: u64, receipts: Vec<Receipt>) -> Entry {
    Entry::Closed(Closed { turn: 7, at: Timestamp(at), receipts })
}

/// An entry whose encoding ends in many zeros, as none of a real host does: the digest of a state is never zero.
fn ending_in_zeros() -> Entry {
    let state = StateRef { lineage: "l".to_owned(), serial: 1, digest: Digest::ZERO };
    let mission = MissionId::parse("web-1").expect("a plain name");
    let order = OrderName::parse("apply-web-1").expect("a plain name");
    Entry::Stored(Stored { at: Timestamp(9), mission, order, state })
}

/// Twenty entries, some in one write; the last is no longer than its kind, so that every byte of it matters.
fn twenty() -> Vec<Entry> {
    let receipt = Receipt { key: "plan/web".to_owned(), did: "start plan-web-1".to_owned() };
    let entry = |at: u64| match at % 3 {
        0 => approved(at, "seen, and it is what I wanted".to_owned()),
        1 => claimed(at),
        _ => closed(at, vec![receipt.clone()]),
    };
    (1..=20).map(entry).collect()
}

/// A journal of its own folder, and where each record begins and the last one ends.
struct Written {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    entries: Vec<Entry>,
}

impl Written {
    fn new(entries: Vec<Entry>) -> Written {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ends = vec![MAGIC];
        let (mut journal, _) = open(folder.path(), |_| {}).expect("a new journal");
        for entry in &entries {
            journal.append(std::slice::from_ref(entry), false).expect("it is written");
            let length = fs::metadata(folder.path().join("000001.journal")).expect("a segment").len();
            ends.push(usize::try_from(length).expect("a small file"));
        }
        drop(journal);
        let bytes = fs::read(folder.path().join("000001.journal")).expect("a segment");
        Written { folder, bytes, ends, entries }
    }

    fn segment(&self) -> PathBuf {
        self.folder.path().join("000001.journal")
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(self.segment(), bytes).expect("it is written");
    }

    /// The whole records within so many bytes.
    fn whole(&self, length: usize) -> usize {
        self.ends.iter().filter(|end| **end <= length).count().saturating_sub(1)
    }

    /// The record that a byte belongs to, from 1 on, and where it begins.
    fn record_at(&self, byte: usize) -> (u64, u64) {
        let before = self.whole(byte);
        (before as u64 + 1, self.ends[before] as u64)
    }

    /// Opens it, checks what was recovered and what was kept, appends, and reads all of it again.
    fn recovers(&self, bytes: &[u8], whole: usize) {
        let mut recovered = Vec::new();
        let (mut journal, kept) =
            open(self.folder.path(), |record| recovered.push(record.entry)).expect("it is recovered");
        assert_eq!(recovered, self.entries[..whole]);
        let begin = if bytes.len() < MAGIC { 0 } else { self.ends[whole] };
        match kept {
            Some(kept) => {
                assert_eq!(fs::read(&kept).expect("it was kept"), bytes[begin..]);
                fs::remove_file(kept).expect("it was kept");
            }
            None => assert_eq!(begin, bytes.len(), "nothing was torn"),
        }
        journal.append(&[closed(77, Vec::new())], true).expect("it goes on");
        let head = journal.head();
        drop(journal);
        let (mut entries, found) = read(self.folder.path()).expect("a valid chain");
        assert_eq!((found.records, found.hash, found.torn), (head.0, head.1, None));
        assert_eq!(entries.pop(), Some(closed(77, Vec::new())));
        assert_eq!(entries, self.entries[..whole]);
    }

    /// Opening refuses at this record, and leaves the file alone.
    fn refuses(&self, bytes: &[u8], (seq, offset): (u64, u64), what: &str) {
        let refused = open(self.folder.path(), |_| {}).expect_err(what);
        let text = refused.to_string();
        let JournalError::Damaged { path, offset: at, seq: record, .. } = refused else { panic!("{what}: {text}") };
        assert_eq!((path, record, at), (self.segment(), seq, offset), "{what}: {text}");
        assert_eq!(fs::read(self.segment()).expect("it is there"), bytes, "{what}");
    }
}

/// Opens a journal. A process that another test is starting holds every open file, locks among them, until it has begun
/// its program; so a lock that is held is tried again.
fn open(folder: &Path, mut entry: impl FnMut(Record)) -> Result<(Journal, Option<PathBuf>), JournalError> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        match Journal::open(folder, &mut entry) {
            Err(JournalError::InUse(_)) if Instant::now() < until => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

fn read(folder: &Path) -> Result<(Vec<Entry>, journal::Head), JournalError> {
    let mut entries = Vec::new();
    let head = journal::read(folder, &mut |record| entries.push(record.entry))?;
    Ok((entries, head))
}

#[test]
fn a_journal_cut_at_any_byte_is_recovered_up_to_the_cut() {
    let written = Written::new(twenty());
    // Mending waits for the disk several times, so of the records in the middle only the edges are tried.
    let edge = |cut: &usize| written.ends.iter().any(|end| cut.abs_diff(*end) <= 1 || cut.abs_diff(end + HEAD) <= 1);
    let cuts = (0..=MAGIC).chain((MAGIC..written.ends[17]).filter(edge)).chain(written.ends[17]..=written.bytes.len());
    for cut in cuts {
        let bytes = &written.bytes[..cut];
        written.put(bytes);
        written.recovers(bytes, written.whole(cut));
    }
}

/// Where the size of a file grew before its bytes came, the rest is zeros.
#[test]
fn a_journal_that_turns_to_zeros_at_any_byte_is_recovered_up_to_there() {
    let written = Written::new(twenty());
    for cut in written.ends[18]..=written.bytes.len() {
        let mut bytes = written.bytes[..cut].to_vec();
        bytes.resize(written.bytes.len() + 4_096, 0);
        written.put(&bytes);
        // A record that itself ends in zeros is whole, whoever wrote them.
        let whole = (0..=20).rfind(|whole| bytes.starts_with(&written.bytes[..written.ends[*whole]]));
        written.recovers(&bytes, whole.expect("there is always the beginning"));
    }
}

/// No changed bit of a whole journal is taken for a torn write, wherever it is.
#[test]
fn a_changed_byte_is_refused_and_located_wherever_it_is() {
    // Each change reads all of it again: eight entries are as good as twenty.
    let written = Written::new(twenty().split_off(12));
    for byte in 0..written.bytes.len() {
        for pattern in [0x01, 0x80, 0xff] {
            let mut bytes = written.bytes.clone();
            bytes[byte] ^= pattern;
            written.put(&bytes);
            let place = if byte < MAGIC { (1, 0) } else { written.record_at(byte) };
            written.refuses(&bytes, place, &format!("byte {byte} ^ {pattern:#x}"));
        }
    }
}

/// The one case in which damage and a torn write look alike: the entry is the last one and ends in sixteen zeros. It is
/// taken for torn and kept aside. Its head, and every record before it, are refused as ever.
#[test]
fn only_the_last_entry_can_be_taken_for_torn_and_only_if_it_ends_in_zeros() {
    let mut entries = twenty();
    entries.push(ending_in_zeros());
    let written = Written::new(entries);
    let (last, end) = (written.ends[20], written.ends[21]);
    for byte in (MAGIC..written.ends[1]).chain(written.ends[19]..end) {
        let mut bytes = written.bytes.clone();
        bytes[byte] ^= 0x10;
        written.put(&bytes);
        let in_the_zeros = byte >= end - 16;
        if byte >= last + HEAD && !in_the_zeros {
            written.recovers(&bytes, 20);
        } else {
            written.refuses(&bytes, written.record_at(byte), &format!("byte {byte}"));
        }
    }
}

/// Zeros behind the last record, as a crash leaves them, do not excuse damage before it.
#[test]
fn damage_before_a_torn_tail_is_refused() {
    let written = Written::new(twenty());
    for byte in written.ends[0]..written.ends[2] {
        let mut bytes = written.bytes.clone();
        bytes[byte] ^= 0x04;
        bytes.resize(bytes.len() + 600, 0);
        written.put(&bytes);
        written.refuses(&bytes, written.record_at(byte), &format!("byte {byte}"));
    }
}

#[test]
fn a_record_that_is_removed_swapped_or_repeated_is_refused() {
    let written = Written::new(twenty());
    let record = |number: usize| &written.bytes[written.ends[number - 1]..written.ends[number]];
    let before = &written.bytes[..written.ends[4]];
    let place = (5, written.ends[4] as u64);
    for (what, bytes) in [
        ("removed", [before, &written.bytes[written.ends[5]..]].concat()),
        ("swapped", [before, record(6), record(5), &written.bytes[written.ends[6]..]].concat()),
        ("repeated", [before, record(4), &written.bytes[written.ends[4]..]].concat()),
    ] {
        written.put(&bytes);
        written.refuses(&bytes, place, what);
    }
    // Removing records at the end leaves a shorter journal that is whole: no chain can know of what was never read.
    written.put(before);
    written.recovers(before, 4);
}

#[test]
fn a_record_of_another_journal_is_refused() {
    let mut others = twenty();
    others[0] = claimed(4_711);
    let (written, other) = (Written::new(twenty()), Written::new(others));
    let bytes = [&written.bytes[..written.ends[1]], &other.bytes[other.ends[1]..]].concat();
    written.put(&bytes);
    written.refuses(&bytes, (2, written.ends[1] as u64), "another journal's");
}

#[test]
fn there_is_one_writer() {
    let written = Written::new(twenty());
    let (journal, _) = open(written.folder.path(), |_| {}).expect("the first");
    let refused = Journal::open(written.folder.path(), |_| {}).expect_err("the second");
    assert!(matches!(&refused, JournalError::InUse(folder) if folder == written.folder.path()), "{refused}");
    assert_eq!(read(written.folder.path()).expect("reading needs no lock").1.records, 20);
    drop(journal);
    open(written.folder.path(), |_| {}).expect("the first is gone");
}

#[test]
fn a_journal_goes_on_in_another_segment_and_misses_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |number: u32| folder.path().join(format!("{number:06}.journal"));
    let (mut journal, _) = open(folder.path(), |_| {}).expect("a new journal");
    let mut written = 0;
    while !path(2).exists() {
        // Just under what a record may hold, so that 64 MiB are few records.
        journal.append(&[approved(written, "x".repeat((2 << 20) - 64))], false).expect("it is written");
        written += 1;
        assert!(written < 50, "a segment of 64 MiB holds 32 of these");
    }
    journal.append(&[claimed(1)], true).expect("it is written");
    drop(journal);

    // A crash while a third segment was begun leaves the end of the chain where it was.
    fs::write(path(3), b"quarterdeck-jou").expect("it is written");
    let mut count = 0;
    let (mut journal, torn) = open(folder.path(), |_| count += 1).expect("all of it is read");
    assert_eq!((count, torn.is_some()), (written + 1, true));
    journal.append(&[claimed(2)], true).expect("it goes on");
    drop(journal);
    assert!(fs::metadata(path(3)).expect("it went on there").len() > MAGIC as u64);

    // A segment that is missing, or cut short before another, is no torn tail.
    let aside = folder.path().join("aside");
    fs::rename(path(2), &aside).expect("it is moved");
    let whole = fs::metadata(path(1)).expect("a segment").len();
    let missing = read(folder.path()).expect_err("the second is missing");
    assert!(missing.to_string().contains("000003.journal at byte 0"), "{missing}");
    fs::rename(&aside, path(2)).expect("it is moved back");
    fs::OpenOptions::new().write(true).open(path(1)).and_then(|file| file.set_len(whole - 5)).expect("it is cut");
    let cut = read(folder.path()).expect_err("the first is cut");
    assert!(cut.to_string().contains("000001.journal") && cut.to_string().contains("ends inside a record"), "{cut}");
    fs::rename(path(1), &aside).expect("it is moved");
    let missing = read(folder.path()).expect_err("the first is missing");
    assert!(missing.to_string().contains("000002.journal at byte 0"), "{missing}");
}

#[test]
fn an_entry_that_is_too_large_is_refused_and_nothing_is_written() {
    let written = Written::new(twenty());
    let (mut journal, _) = open(written.folder.path(), |_| {}).expect("it opens");
    let refused =
        journal.append(&[claimed(1), approved(1, "x".repeat(ENTRY_BYTES_MAX))], true).expect_err("it is too large");
    assert!(matches!(refused, JournalError::TooLarge(_)), "{refused}");
    assert_eq!(fs::read(written.segment()).expect("it is there"), written.bytes);
    journal.append(&[claimed(1)], true).expect("it goes on");
}

/// A disk that is full in the middle of a write: what was written of it is taken back, and once there is room the
/// journal goes on. The test runs itself again in a process that may write no large files, and ignores the signal.
#[test]
fn a_full_disk_is_said_and_survived() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Fsize);
    if limit.current.is_none() {
        let myself = std::env::current_exe().expect("this test has a file");
        // What it says goes through a pipe: our own output may be a file, for which the limit would hold as well.
        let again = std::process::Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -S -f 8; exec \"$0\" \"$@\""])
            .arg(myself)
            .args(["--exact", "journal::a_full_disk_is_said_and_survived"])
            .output()
            .expect("there is a shell");
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path(), |_| {}).expect("a new journal");
    let mut written = 0;
    let refused = loop {
        match journal.append(&[claimed(written), approved(written, "x".repeat(700))], true) {
            Ok(()) => written += 2,
            Err(refused) => break refused,
        }
    };
    assert!(written > 2, "a few fit");
    assert!(matches!(&refused, JournalError::Io { what: "write to the journal", .. }), "{refused}");
    assert!(journal.append(&[approved(0, "x".repeat(700))], true).is_err(), "it is still full");
    let (entries, head) = read(folder.path()).expect("what was there is whole");
    assert_eq!((entries.len() as u64, head.torn), (written, None), "the half-written record was taken back");
    setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("room is made");
    journal.append(&[claimed(9)], true).expect("it goes on");
    drop(journal);
    assert_eq!(read(folder.path()).expect("a valid chain").0.len() as u64, written + 1);
}
