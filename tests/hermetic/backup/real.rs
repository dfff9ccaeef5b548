//! Backups of a real world: states, their locks and their secrets; and what a state must be that the journal names.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quarterdeck::app::JOURNAL_KEY;
use quarterdeck::backup;
use quarterdeck::cli::Exit;
use quarterdeck::decide;
use quarterdeck::remember::journal::SEGMENT_BYTES_MAX;
use quarterdeck::remember::states::VERSIONS_KEPT;
use quarterdeck::remember::{Blobs, Book, Durable, StateStore, claim};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Begun, Entry};
use quarterdeck_core::order::Order;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::Operation;
use quarterdeck_tests::ordered::{self, clock, state};
use quarterdeck_worker::protocol::LockInfo;

use super::{names, says, text};

/// What a state holds that nobody may print.
const SECRET: &str = "hunter2-of-the-network";

/// So many copies are made while states are put as fast as the disk takes them.
const COPIES: usize = 40;

/// A real world with an apply at work.
struct World {
    data: tempfile::TempDir,
    states: StateStore,
    order: Order,
}

impl World {
    fn new() -> World {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("real");
        fs::create_dir(&folder).unwrap();
        let journal = folder.join("journal");
        let (book, _) = Book::signed(&journal, &folder.join(JOURNAL_KEY), SEGMENT_BYTES_MAX).unwrap();
        let begun = Begun {
            at: clock(),
            version: "test".to_owned(),
            rehearsal: false,
            nonce: Digest::of(b"test"),
            sandbox: decide::identity(),
            ceiling: None,
            fallback: Digest::of(quarterdeck::app::STEWARD),
        };
        book.append(&[Entry::Begun(begun)], Durable::Now).unwrap();
        drop(book);
        fs::write(folder.join("key"), [7; 32]).unwrap();
        let blobs = Blobs::open(&folder.join("blobs")).unwrap();
        for blob in [&ordered::files()[..], b"saved", b"{}"] {
            blobs.put(blob).unwrap();
        }
        let book = ordered::book(&journal);
        let order = ordered::order(Operation::Apply, 1);
        ordered::start(&book, &order);
        claim(&book, &order.name, "process 7 started 9", clock()).unwrap();
        let (lives, redactor) = (Arc::new(|_: &_| true), Redactor::new([7; 32]));
        let states = StateStore::open(&folder.join("state"), book, clock, lives, redactor).unwrap();
        World { data, states, order }
    }

    fn put(&self, serial: u64) {
        self.states.put(&self.order.name, Some("lock-1"), &state("a", serial, SECRET)).unwrap();
    }

    fn lock(&self) {
        let info = LockInfo { id: "lock-1".into(), operation: "OperationTypeApply".into(), who: "root@here".into() };
        self.states.lock(&self.order.name, &info).unwrap();
    }

    fn folder(&self) -> PathBuf {
        self.data.path().join("real/state").join(ordered::mission().as_str())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }
}

fn same(one: &Path, other: &Path) {
    assert_eq!(names(one), names(other));
    for name in names(one) {
        assert_eq!(fs::read(one.join(&name)).unwrap(), fs::read(other.join(&name)).unwrap(), "{name}");
    }
}

#[test]
fn every_version_and_lock_is_in_it_and_nothing_of_them_is_printed() {
    let world = World::new();
    world.lock();
    let serials = 1..=VERSIONS_KEPT as u64 + 3;
    serials.for_each(|serial| world.put(serial));
    fs::write(world.folder().join("refused-apply-web-1-0123456789ab.tfstate"), SECRET).unwrap();
    fs::write(world.folder().join("next.part"), "half").unwrap();
    let (data, file) = (world.data.path(), world.file("a.tar"));
    let mut told = says(data, Exit::Done, &["backup", text(&file)]);
    told += &says(data, Exit::Done, &["restore", "--check", text(&file), "-o", "json"]);
    let other = world.file("other");
    told += &says(&other, Exit::Done, &["restore", text(&file)]);
    assert!(
        told.contains(&format!("at work when the backup was made, so its end is not known here: {}", world.order.name)),
        "{told}"
    );
    fs::remove_file(world.folder().join("next.part")).unwrap();
    same(&world.folder(), &other.join("real/state").join(ordered::mission().as_str()));
    same(&data.join("real/blobs"), &other.join("real/blobs"));
    for key in [JOURNAL_KEY, "key"] {
        assert_eq!(fs::read(data.join("real").join(key)).unwrap(), fs::read(other.join("real").join(key)).unwrap());
    }
    let listed = says(&other, Exit::Done, &["state", "list", "-o", "json"]);
    assert!(listed.contains("lock-1") && listed.contains(&format!("\"serial\": {}", VERSIONS_KEPT + 3)), "{listed}");
    says(&other, Exit::Done, &["--real", "journal", "verify"]);
    // Damage is told without what is damaged.
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(SECRET.len()).position(|window| window == SECRET.as_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(world.file("b.tar"), bytes).unwrap();
    told += &says(data, Exit::Damaged, &["restore", "--check", text(&world.file("b.tar"))]);
    let key = Digest::from_bytes(fs::read(data.join("real").join(JOURNAL_KEY)).unwrap().try_into().unwrap());
    assert!(!told.contains(SECRET) && !told.contains(&key.hex()), "{told}");
}

#[test]
fn a_state_that_is_older_than_the_journal_says_is_no_backup_and_a_newer_one_is() {
    let world = World::new();
    world.lock();
    (1..=3).for_each(|serial| world.put(serial));
    let newest = world.folder().join("000003-3.tfstate");
    let bytes = fs::read(&newest).unwrap();
    let data = world.data.path();
    let refused = |name: &str| says(data, Exit::Damaged, &["backup", text(&world.file(name))]);
    fs::remove_file(&newest).unwrap();
    assert!(refused("a.tar").contains("serial 2, where serial 3 is written down"));
    fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    let told = refused("b.tar");
    assert!(told.contains("names the state of mission web-") && !told.contains(SECRET), "{told}");
    fs::write(&newest, state("a", 3, "other")).unwrap();
    assert!(refused("c.tar").contains("serial 3, where serial 3 is written down"));
    // The host was killed between the disk and the journal, or the copy is of a moment between the two.
    fs::write(&newest, bytes).unwrap();
    fs::write(world.folder().join("000004-4.tfstate"), state("a", 4, SECRET)).unwrap();
    says(data, Exit::Done, &["backup", text(&world.file("d.tar"))]);
    let other = world.file("other");
    let told = says(&other, Exit::Done, &["restore", text(&world.file("d.tar"))]);
    assert!(told.contains("its state is newer than the journal says"), "{told}");
    let shown = says(&other, Exit::Done, &["state", "show", ordered::mission().as_str()]);
    assert!(shown.contains("Serial:     4"), "{shown}");
    for name in ["a.tar", "b.tar", "c.tar"] {
        assert!(!world.file(name).exists());
    }
}

/// Each put is on disk before it is journaled, and takes the oldest version away.
#[test]
fn while_states_are_put_each_copy_has_what_its_journal_names() {
    let world = World::new();
    world.lock();
    world.put(1);
    let (folder, over) = (world.data.path().join("real"), AtomicBool::new(false));
    let (copies, newest) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut serial = 1;
            while !over.load(Ordering::SeqCst) {
                serial += 1;
                world.put(serial);
            }
            serial
        });
        let copies: Vec<Vec<u8>> = (0..COPIES)
            .map(|_| {
                let mut copy = Vec::new();
                let made = backup::pack(&folder, clock(), &mut copy, &mut |_| {});
                // Whoever panics here must not leave the writer behind.
                if let Err(error) = &made {
                    over.store(true, Ordering::SeqCst);
                    panic!("{error}");
                }
                copy
            })
            .collect();
        over.store(true, Ordering::SeqCst);
        (copies, writer.join().unwrap())
    });
    let mut serials = Vec::new();
    for copy in copies {
        let (_, proven) = backup::check(&mut &*copy, &mut |_| {}).unwrap();
        assert!(proven.states >= 1, "the newest one is there");
        serials.push(proven.ledger.missions[&ordered::mission()].state.as_ref().unwrap().serial);
    }
    assert!(serials.is_sorted() && serials[COPIES - 1] > serials[0] && newest > serials[0], "{serials:?} of {newest}");
}
