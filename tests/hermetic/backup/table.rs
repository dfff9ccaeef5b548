//! The table of what is in a backup: the document has the same rows, and no data folder has a file that none of them knows.

use std::fs;
use std::path::Path;

use quarterdeck::backup::table::{TABLE, row};
use quarterdeck_tests::home::Home;
use quarterdeck_tests::program::{self, until};

use super::{quiet, text};

/// Every file of a folder that no row knows.
fn unknown(folder: &Path, below: &str, found: &mut Vec<String>, seen: &mut Vec<&'static str>) {
    for entry in fs::read_dir(folder.join(below)).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = if is_folder { format!("{name}/") } else { name };
        match row(&name) {
            Some(row) => seen.push(row.path),
            None if is_folder => unknown(folder, &name, found, seen),
            None => found.push(name),
        }
    }
}

#[test]
fn the_document_has_each_row_of_the_table_and_no_other() {
    let document = fs::read_to_string(program::root().join("docs/backup.md")).expect("the document");
    let (_, section) = document.split_once("\n## What is in it\n").expect("the section");
    let section = section.split("\n## ").next().expect("a split has a first part");
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let wanted: Vec<String> = TABLE
        .iter()
        .map(|row| format!("| `{}` | {} | {} |", row.path, if row.kept.is_some() { "yes" } else { "no" }, row.why))
        .collect();
    assert_eq!(rows, wanted);
}

#[test]
fn no_data_folder_has_a_file_that_the_table_does_not_know() {
    let home = Home::new();
    let policy = home.path("quiet.wasm");
    fs::write(&policy, quiet()).expect("it is written");
    let _host = home.answering(&["web"], &[]);
    home.says(&["policy", "push", text(&policy)]);
    until("it is ready", || home.is("Ready"));
    let (mut found, mut seen) = (Vec::new(), Vec::new());
    unknown(&home.data().join("rehearsal"), "", &mut found, &mut seen);
    assert_eq!(found, [""; 0]);
    for path in ["journal/lock", "world.json", "blobs/<hex>", "host.sock", "policies/<hex>/compiled-<hex>", "key"] {
        assert!(seen.contains(&path), "{path} is not there: {seen:?}");
    }
}

/// What only a real host makes, as its sources name it.
#[test]
fn every_name_that_a_real_host_gives_is_known() {
    let named = [
        ("host/src/app/adapters.rs", "worker.sock", "worker.sock"),
        ("host/src/apiserver/lease.rs", "lease-holder", "lease-holder"),
        ("host/src/remember/authority.rs", "workers-ca.key", "workers-ca.key"),
        ("host/src/remember/authority.rs", "workers-ca.crt", "workers-ca.crt"),
        ("host/src/act/process.rs", "work", "work/"),
        ("host/src/act/kubernetes.rs", "jobs", "jobs/"),
        ("host/src/remember/states/disk.rs", "lock.json", "state/web-1/lock.json"),
        ("host/src/remember/states/disk.rs", "next.part", "state/web-1/next.part"),
        (
            "host/src/remember/states/disk.rs",
            "refused-{label}-{}.tfstate",
            "state/web-1/refused-apply-web-1-0a.tfstate",
        ),
        ("host/src/remember/states/disk.rs", "{number:06}-{serial}.tfstate", "state/web-1/000001-7.tfstate"),
        ("host/src/remember/journal/base.rs", "base", "journal/base"),
        ("host/src/remember/journal/segment.rs", "torn-at-{offset}", "journal/000001.torn-at-22"),
    ];
    for (source, name, path) in named {
        let text = fs::read_to_string(program::root().join(source)).expect("a source");
        assert!(text.contains(&format!("\"{name}\"")), "{source} does not name {name} any more");
        assert!(row(path).is_some(), "{path} is unknown");
    }
    // Whoever puts another file into the folder of a world does it where that folder is joined.
    let joined = ["app/data.rs", "app/adapters.rs", "app.rs", "apiserver/lease.rs", "api/local/client.rs"];
    let pattern = regex::Regex::new(r#"(?:folder\.join|at)\("([a-z.-]+)"\)"#).expect("a valid pattern");
    let mut count = 0;
    for source in joined {
        let text = fs::read_to_string(program::root().join("host/src").join(source)).expect("a source");
        for name in pattern.captures_iter(&text).map(|found| found[1].to_owned()) {
            let known = ["journal", "blobs", "state", "policies"].contains(&name.as_str());
            assert!(known || row(&name).is_some(), "{source} names {name}, which the table does not know");
            count += 1;
        }
    }
    assert!(count > 6, "the pattern finds {count}");
}
