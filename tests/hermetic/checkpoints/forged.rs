//! Journals whose chain holds and that are not what the program wrote: by somebody with another key, and by somebody who
//! has the key and lies.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;

use quarterdeck::remember::journal::{Journal, SEGMENT_BYTES_MAX};
use quarterdeck::remember::seal::SealKey;
use quarterdeck::remember::{Book, Durable};
use quarterdeck_core::checkpoint::Checkpoint;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Entry, chain};
use quarterdeck_core::ids::Timestamp;

use super::{Copy, checkpoints, text};

/// The journal's entries, with what somebody made of them and every hash right.
fn written_anew(copy: &Copy, entries: &[Entry]) {
    fs::remove_dir_all(copy.journal()).unwrap();
    Journal::open(&copy.journal(), |_| {}).unwrap().0.append(entries, true).unwrap();
}

fn entries(copy: &Copy) -> Vec<Entry> {
    copy.records().into_iter().map(|record| record.entry).collect()
}

/// Written by the program, from entries in which something is different, with another key.
fn written_with_another_key(copy: &Copy) {
    let mut others = entries(copy);
    others.retain(|entry| !matches!(entry, Entry::Checkpoint(_)));
    for entry in &mut others {
        if let Entry::Closed(closed) = entry {
            closed.receipts.clear();
        }
    }
    fs::remove_dir_all(copy.journal()).unwrap();
    let (book, _) = Book::signed(&copy.journal(), &copy.path("another.key"), SEGMENT_BYTES_MAX).unwrap();
    for entry in others {
        book.append(&[entry], Durable::Later).unwrap();
    }
}

#[test]
fn a_chain_written_anew_with_another_key_is_refused_at_its_first_checkpoint() {
    let copy = Copy::new();
    let (key, kept) = (copy.key(), copy.keep());
    written_with_another_key(&copy);
    let (first, _) = checkpoints(&copy.records())[0];
    let named = format!("record {first} is a checkpoint that does not hold: it is signed by another key");
    let (code, said) = copy.verify(&[]);
    assert!(code == 4 && said.contains(&named.replace(" is a", " of the journal is a")), "{said}");
    let named = "checkpoint that does not hold: it is signed by another key, ed25519:";
    copy.refused(&["--key", text(&key)], named);
    copy.refused(&["--checkpoint", text(&kept)], named);
    // Who replaces the key beside the journal as well is not seen here, which is said; elsewhere they are.
    fs::copy(copy.path("another.key"), copy.path("journal.key")).unwrap();
    let said = copy.holds(&[]);
    let (_, ours) = copy.verify(&[]);
    assert!(ours.contains("so this trusts this machine"), "{said}");
    copy.refused(&["--key", text(&key)], named);
    copy.refused(&["--checkpoint", text(&kept)], named);
    copy.refused(&["--key", text(&copy.key()), "--checkpoint", text(&kept)], "that was kept elsewhere");
}

#[test]
fn a_chain_written_anew_without_a_checkpoint_is_nobodys() {
    let copy = Copy::new();
    let (key, kept) = (copy.key(), copy.keep());
    let mut others = entries(&copy);
    others.retain(|entry| !matches!(entry, Entry::Checkpoint(_)));
    written_anew(&copy, &others);
    copy.refused(&["--key", text(&key)], "nothing in this journal is signed with ");
    copy.refused(&["--checkpoint", text(&kept)], "that was kept elsewhere is not");
    let (code, said) = copy.verify(&[]);
    assert!(code == 0 && said.contains("attested: nothing"), "{said}");
}

/// The last record before the kept checkpoint is another one: nothing was cut off, and it is seen.
#[test]
fn a_record_that_was_changed_with_every_hash_after_it_is_not_what_was_kept() {
    let copy = Copy::new();
    let (key, kept) = (copy.key(), copy.keep());
    let (seq, checkpoint) = checkpoints(&copy.records())[1];
    let mut others = entries(&copy);
    let last = &mut others[usize::try_from(seq).unwrap() - 2];
    assert_eq!(last.kind(), "begun");
    if let Entry::Begun(begun) = last {
        begun.version = "0.0.0".to_owned();
    }
    others.truncate(usize::try_from(seq).unwrap() - 1);
    written_anew(&copy, &others);
    let said = copy.refused(
        &["--key", text(&key), "--checkpoint", text(&kept)],
        &format!("the checkpoint of record {} that was kept elsewhere is not", checkpoint.record),
    );
    assert!(said.contains("has another hash than it says"), "{said}");
}

/// A checkpoint that stands where it should not, or says what is not so; the chain is right each time.
#[test]
fn a_checkpoint_that_is_not_about_the_records_before_it_is_refused() {
    let copy = Copy::new();
    let key = copy.key();
    let ours = entries(&copy);
    let places = checkpoints(&copy.records());
    let at = usize::try_from(places[1].0).unwrap() - 1;
    let seal = SealKey::read(&copy.path("journal.key")).unwrap().unwrap();
    let whole = places[1].1;
    let other = Digest::of(b"another");
    let elsewhere = of_another_journal(&copy, at);
    assert_eq!((elsewhere.record, elsewhere.key), (whole.record, whole.key));
    for (said, named) in [
        (elsewhere, "it is of another journal"),
        (places[0].1, "it attests record "),
        (seal.seal(Checkpoint { record: whole.record - 1, ..whole }), "it attests record "),
        (seal.seal(Checkpoint { hash: other, ..whole }), "has another hash than it says"),
        (Checkpoint { at: Timestamp(whole.at.0 + 1), ..whole }, "its signature does not fit"),
        (Checkpoint { ledger: other, ..whole }, "its signature does not fit"),
    ] {
        let mut others = ours.clone();
        others[at] = Entry::Checkpoint(said);
        written_anew(&copy, &others);
        let place = format!("record {}", at + 1);
        for words in [&["--key", text(&key)][..], &[]] {
            let told = copy.refused(words, named);
            assert!(told.contains(&place), "{told}");
        }
    }
}

/// The digest of the ledger takes the fold, which the script does not have: it says so on its first page.
#[test]
fn a_checkpoint_whose_ledger_digest_lies_is_refused() {
    let copy = Copy::new();
    let mut others = entries(&copy);
    let (seq, whole) = checkpoints(&copy.records())[1];
    let seal = SealKey::read(&copy.path("journal.key")).unwrap().unwrap();
    let lie = seal.seal(Checkpoint { ledger: Digest::of(b"another"), ..whole });
    others[usize::try_from(seq).unwrap() - 1] = Entry::Checkpoint(lie);
    written_anew(&copy, &others);
    let (code, said) = copy.verify(&["--key", text(&copy.key())]);
    let named = format!("record {seq} of the journal is a checkpoint that does not hold: another ledger than it says");
    assert!(code == 4 && said.contains(&named), "{said}");
}

/// A checkpoint of another journal of the same installation, after as many records.
fn of_another_journal(copy: &Copy, records: usize) -> Checkpoint {
    let mut others = entries(copy);
    others.truncate(records);
    if let Entry::Begun(begun) = &mut others[0] {
        begun.nonce = Digest::of(b"another journal");
    }
    let (mut hash, mut ledger) = (Digest::ZERO, quarterdeck_core::ledger::Ledger::default());
    for (entry, seq) in others.iter().zip(1..) {
        hash = chain(&hash, seq, &quarterdeck_core::encoding::encode(entry));
        ledger.fold(entry);
    }
    let seal = SealKey::read(&copy.path("journal.key")).unwrap().unwrap();
    let (record, signature) = (records as u64, quarterdeck_core::checkpoint::Signature::NONE);
    let journal = Digest::of(b"another journal");
    let (ledger, at) = (ledger.digest(), ledger.now);
    seal.seal(Checkpoint { journal, record, hash, ledger, at, key: seal.public(), signature })
}

/// The key is for its owner alone, is made once, and stands in nothing that is written or said.
#[test]
fn the_key_is_its_owners_and_stands_nowhere_else() {
    use std::os::unix::fs::PermissionsExt;
    let copy = Copy::new();
    let place = super::WRITTEN.path().join("rehearsal");
    let seed = fs::read(place.join("journal.key")).unwrap();
    let mode = fs::metadata(place.join("journal.key")).unwrap().permissions().mode();
    assert_eq!((seed.len(), mode & 0o777), (32, 0o600));
    let said = [copy.says(&["journal", "key", "-o", "json"]), copy.verify(&[]).1, copy.says(&["journal", "export"])];
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(said.iter().all(|said| !said.contains(&hex)));
    fn none_holds(folder: &Path, seed: &[u8]) {
        for path in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if path.is_dir() {
                none_holds(&path, seed);
            } else if path.is_file() && path.file_name().is_some_and(|name| name != "journal.key") {
                let bytes = fs::read(&path).unwrap();
                assert!(!bytes.windows(32).any(|window| window == seed), "{}", path.display());
            }
        }
    }
    none_holds(&place, &seed);
    // What is no key is not taken for one, and not replaced.
    fs::write(copy.path("journal.key"), &seed[1..]).unwrap();
    let refused = Book::signed(&copy.journal(), &copy.path("journal.key"), SEGMENT_BYTES_MAX).unwrap_err();
    assert!(refused.to_string().starts_with("read the key "), "{refused}");
    assert_eq!(fs::read(copy.path("journal.key")).unwrap(), seed[1..]);
}
