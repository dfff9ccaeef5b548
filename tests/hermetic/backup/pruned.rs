//! A prune while a backup is made: what was opened stays whole, and what was pruned before is copied with its base.

use std::fs;

use quarterdeck::app::JOURNAL_KEY;
use quarterdeck::backup::{self, Told};
use quarterdeck::remember::journal::Reader;
use quarterdeck::remember::prune::{Before, plan};
use quarterdeck_core::charter::Charter;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_tests::harness::{Harness, START};

use crate::scenarios::{MAIN_TF, mission};

/// Small enough that a story of some hundred records fills several.
const SEGMENT: u64 = 32 << 10;

/// A data folder whose journal has several segments.
fn data() -> tempfile::TempDir {
    let yaml = mission("shop", "  autonomy: auto\n");
    let files: [(&str, &str); 2] = [("mission.yaml", &yaml), ("main.tf", MAIN_TF)];
    let host = Harness::segmented(&[("shop", &files)], Charter::default(), Default::default(), SEGMENT);
    let mut host = host.expect("a host");
    host.turns(150_000, 1_000).expect("it turns");
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path();
    for name in ["journal", "blobs"] {
        fs::create_dir(folder.join(name)).expect("a folder");
        let from = host.journal().with_file_name(name);
        for file in fs::read_dir(from).expect("files").map(|file| file.expect("a file").path()) {
            fs::copy(&file, folder.join(name).join(file.file_name().expect("a name"))).expect("it is copied");
        }
    }
    fs::copy(host.journal().with_file_name(JOURNAL_KEY), folder.join(JOURNAL_KEY)).expect("a key");
    fs::write(folder.join("key"), [7; 32]).expect("a key");
    data
}

#[test]
fn a_prune_while_a_backup_is_made_takes_nothing_from_it() {
    let data = data();
    let folder = data.path();
    let segments = || Reader::open(&folder.join("journal")).expect("a journal").first();

    // Once amid the journal: the names of segments that are not copied yet go.
    for turn in [40, 80] {
        let (before, mut archive, mut pruned) = (segments(), Vec::new(), false);
        let made = backup::pack(folder, Timestamp(START.0), &mut archive, &mut |told| {
            if !pruned && matches!(told, Told::Passed(2.., _)) {
                pruned = true;
                let journal = folder.join("journal");
                let prune = plan(&journal, &folder.join(JOURNAL_KEY), Before::Turn(turn), None).expect("a prune");
                assert!(!prune.segments.is_empty());
                prune.steps.iter().for_each(|step| prune.perform(step).expect("it is done"));
            }
        });
        let made = made.expect("it is whole");
        assert!(segments() > before, "something was pruned");
        let (header, proven) = backup::check(&mut &*archive, &mut |_| {}).expect("it is whole");
        assert_eq!((header, proven.ledger), (made.header, made.proven.ledger));
        let listed = String::from_utf8_lossy(&archive).contains("journal/base");
        assert_eq!(listed, before > 1, "what was pruned before stands on its base");
    }
}

/// A person removes policies that nothing names, between the look at the folder and the look into theirs.
#[test]
fn a_folder_that_goes_while_a_backup_is_made_is_no_fault_of_it() {
    let data = data();
    let policies = data.path().join("policies");
    // The order in which a folder is listed is the file system's own: of so many names, the first policy is no last one.
    for number in 0..24 {
        fs::create_dir_all(policies.join(format!("{number:064x}"))).expect("a folder");
        fs::write(policies.join(format!("strange-{number}")), "?").expect("a file");
    }
    let mut archive = Vec::new();
    let mut removed = 0;
    let made = backup::pack(data.path(), Timestamp(START.0), &mut archive, &mut |told| {
        if removed == 0 && matches!(&told, Told::LeftOut(name, _) if name.starts_with("policies/strange-")) {
            for number in 0..24 {
                fs::remove_dir(policies.join(format!("{number:064x}"))).expect("it goes");
                removed += 1;
            }
        }
    });
    made.expect("it is whole");
    assert_eq!(removed, 24);
    backup::check(&mut &*archive, &mut |_| {}).expect("it is whole");
}
