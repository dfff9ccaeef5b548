//! What is there already, or comes while a backup is unpacked, when a restore takes its place: a folder that a host lives in
//! stays where it is, and any other is set aside whole or not at all.

use std::fs::{self, File};
use std::path::Path;

use quarterdeck::backup::{self, BackupError, Restored, Target};
use quarterdeck::cli::Exit;
use quarterdeck::remember::JournalError;
use quarterdeck::remember::journal::Journal;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::observation::Person;
use quarterdeck_tests::home::Home;

use super::hurt::WHOLE;
use super::{names, says, text};

/// Monday.
const AT: Timestamp = Timestamp(1_790_000_000_000);

/// Restores, and does something once the first member was unpacked.
fn restored(data: &Path, set_aside: bool, amid: impl FnOnce()) -> Result<Restored, BackupError> {
    let target = Target { data, world: None, set_aside, bytes: None, at: AT, who: Person::Uid(0) };
    let mut amid = Some(amid);
    backup::restore(&mut WHOLE.as_slice(), &target, &mut |_| {
        if let Some(amid) = amid.take() {
            amid();
        }
    })
}

/// A folder as a host has it, with the lock that the host holds.
fn begins(folder: &Path) -> File {
    fs::create_dir_all(folder.join("journal")).expect("a folder");
    fs::write(folder.join("mine"), "mine").expect("a file");
    let lock = File::create(folder.join("journal/lock")).expect("a lock");
    lock.try_lock().expect("nobody has it");
    lock
}

/// The folder is the host's own, and nothing lies beside it.
fn is_untouched(data: &Path) {
    assert_eq!(names(data), ["rehearsal"]);
    assert_eq!(names(&data.join("rehearsal")), ["journal", "mine"]);
}

#[test]
fn a_folder_that_a_host_begins_while_a_backup_is_unpacked_is_left_as_it_is() {
    for set_aside in [false, true] {
        let home = Home::new();
        let (data, folder) = (home.data(), home.data().join("rehearsal"));
        let mut lock = None;
        let refused = restored(&data, set_aside, || lock = Some(begins(&folder))).expect_err("a host runs there");
        match set_aside {
            false => assert!(matches!(&refused, BackupError::Occupied(path) if *path == folder), "{refused}"),
            true => assert!(matches!(&refused, BackupError::Journal(JournalError::InUse(_))), "{refused}"),
        }
        is_untouched(&data);
    }
}

#[test]
fn a_folder_that_came_while_a_backup_was_unpacked_is_set_aside_by_that_word_alone() {
    let home = Home::new();
    let (data, folder) = (home.data(), home.data().join("rehearsal"));
    let refused = restored(&data, false, || drop(begins(&folder))).expect_err("it was not there before");
    assert!(matches!(&refused, BackupError::Occupied(path) if *path == folder), "{refused}");
    is_untouched(&data);

    fs::remove_dir_all(&data).expect("it goes");
    let made = restored(&data, true, || drop(begins(&folder))).expect("no host runs there any more");
    let aside = made.aside.expect("it was set aside");
    assert_eq!(names(&aside), ["journal", "mine"]);
    assert_eq!(names(&data).len(), 2);
    says(&data, Exit::Done, &["journal", "verify"]);

    // A host that is just starting has made other files before it holds its journal.
    fs::remove_dir_all(&data).expect("it goes");
    let begun = || {
        fs::create_dir(&folder).and_then(|()| fs::write(folder.join("key"), "mine")).expect("it is made");
    };
    let refused = restored(&data, true, begun).expect_err("a host may be starting");
    assert!(matches!(&refused, BackupError::Occupied(path) if *path == folder), "{refused}");
    assert_eq!((names(&data), names(&folder)), (vec!["rehearsal".to_owned()], vec!["key".to_owned()]));
}

#[test]
fn no_host_begins_in_a_folder_that_will_be_set_aside_and_the_lock_of_another_one_does_not_count() {
    // It has no journal yet.
    let home = Home::new();
    let (data, folder) = (home.data(), home.data().join("rehearsal"));
    fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("mine"), "mine")).expect("a folder");
    let mut begun = None;
    let made = restored(&data, true, || begun = Some(Journal::open(&folder.join("journal"), |_| {}).map(|_| ())));
    let aside = made.expect("it is restored").aside.expect("it was set aside");
    assert!(matches!(begun, Some(Err(JournalError::InUse(_)))), "{begun:?}");
    assert_eq!(names(&aside), ["journal", "mine"]);

    // Somebody moves it away meanwhile, and a host begins in a new one.
    fs::remove_dir_all(&data).expect("it goes");
    drop(begins(&folder));
    let mut lock = None;
    let refused = restored(&data, true, || {
        fs::rename(&folder, home.path("moved")).expect("it is moved");
        lock = Some(begins(&folder));
    });
    let refused = refused.expect_err("a host runs there");
    assert!(matches!(&refused, BackupError::Journal(JournalError::InUse(_))), "{refused}");
    is_untouched(&data);
}

#[test]
fn what_is_no_folder_is_not_set_aside() {
    let home = Home::new();
    fs::create_dir(home.data()).and_then(|()| fs::write(home.data().join("rehearsal"), "mine")).expect("a file");
    let refused = restored(&home.data(), true, || {}).expect_err("it is no folder");
    assert!(matches!(refused, BackupError::Occupied(_)), "{refused}");
    assert_eq!(fs::read(home.data().join("rehearsal")).expect("a file"), b"mine");
}

#[test]
fn a_backup_that_the_disk_has_no_room_for_is_refused_before_it_is_unpacked() {
    let home = Home::new();
    let file = home.path("large.tar");
    fs::write(&file, &*WHOLE).expect("it is written");
    let disk = rustix::fs::statvfs(&file).expect("a disk");
    // Beyond what a test that runs beside this one may free; nothing of it is on the disk.
    let length = disk.f_bavail.saturating_mul(disk.f_frsize).saturating_add(64 << 30);
    File::options().write(true).open(&file).and_then(|file| file.set_len(length)).expect("a file with a hole");
    let told = says(&home.data(), Exit::Failed, &["restore", text(&file)]);
    assert!(told.contains(&format!("the backup has {length} bytes")) && told.contains("has room for"), "{told}");
    assert!(told.contains("next: make room"), "{told}");
    assert_eq!(names(&home.data()), [""; 0]);
}
