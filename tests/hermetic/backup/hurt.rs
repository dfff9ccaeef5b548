//! Backups that somebody cut, changed or made up: each is refused, says why, and leaves nothing.

use std::fs;
use std::io::Write as _;
use std::sync::LazyLock;

use quarterdeck::backup::{self, BackupError};
use quarterdeck::cli::Exit;
use quarterdeck_tests::home::Home;
use quarterdeck_tests::program;
use tar::{Builder, EntryType, Header};

use super::{names, says, text};

const BLOCK: usize = 512;

/// A backup of a host at work.
pub(super) static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let home = Home::new();
    let _host = home.answering(&["web"], &[]);
    program::until("it is ready", || home.is("Ready"));
    let output = program::command(&home.data(), &["backup", "-"]).output().expect("it runs");
    assert!(output.status.success());
    output.stdout
});

fn check(bytes: &[u8]) -> Result<(), BackupError> {
    backup::check(&mut &*bytes, &mut |_| {}).map(|_| ())
}

/// Where each member's head begins.
fn heads() -> Vec<usize> {
    let (mut at, mut heads) = (0, Vec::new());
    while WHOLE[at] != 0 {
        heads.push(at);
        let head = Header::from_byte_slice(&WHOLE[at..at + BLOCK]);
        let length = usize::try_from(head.size().expect("a length")).expect("it fits");
        at += BLOCK + length.next_multiple_of(BLOCK);
    }
    heads
}

#[test]
fn a_backup_that_is_cut_anywhere_is_no_backup() {
    check(&WHOLE).expect("it is whole");
    let heads = heads();
    let around = heads.iter().flat_map(|at| [*at, at + 1, at + BLOCK, at + BLOCK + 1]);
    let ends = (WHOLE.len() - 2 * BLOCK - 1..WHOLE.len()).step_by(31);
    let mut tried = 0;
    for length in around.chain(ends).chain((0..WHOLE.len()).step_by(97)).filter(|length| *length < WHOLE.len()) {
        let refused = check(&WHOLE[..length]).expect_err("it is cut");
        // Cut before anything can be told of it, it could be anything.
        assert!(matches!(refused, BackupError::Cut(_)), "{length}: {refused}");
        tried += 1;
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let mut bytes = WHOLE.clone();
    let heads = heads();
    // In the first heads and the last one, around each head, in the end, and in many other places.
    let whole_heads =
        [heads[0], heads[1], heads[heads.len() - 1]].into_iter().flat_map(|at| (at..at + BLOCK).step_by(11));
    let around = heads.iter().flat_map(|at| at.saturating_sub(1)..at + 2);
    let end = (WHOLE.len() - 2 * BLOCK..WHOLE.len()).step_by(31);
    let mut tried = 0;
    for at in whole_heads.chain(around).chain(end).chain((0..WHOLE.len()).step_by(53)) {
        let mask = [1, 0x20, 0x80][tried % 3];
        bytes[at] ^= mask;
        assert!(check(&bytes).is_err(), "byte {at} of {} was changed by {mask:#x}", bytes.len());
        bytes[at] ^= mask;
        tried += 1;
    }
    assert!(tried > 600, "{tried}");
    check(&bytes).expect("it is as it was");
}

/// A member as a tar has it, with a head that fits.
fn member(name: &[u8], kind: EntryType, length: u64, bytes: &[u8]) -> Vec<u8> {
    let mut head = Header::new_ustar();
    head.as_mut_bytes()[..name.len()].copy_from_slice(name);
    head.set_entry_type(kind);
    head.set_mode(0o600);
    head.set_uid(0);
    head.set_gid(0);
    head.set_mtime(0);
    head.set_size(length);
    head.set_cksum();
    let mut member = head.as_bytes().to_vec();
    member.extend(bytes);
    member.resize(member.len().next_multiple_of(BLOCK), 0);
    member
}

#[test]
fn what_is_made_up_is_refused_and_leaves_nothing() {
    let heads = heads();
    let inserted = |at: usize, member: &[u8]| [&WHOLE[..heads[at]], member, &WHOLE[heads[at]..]].concat();
    let key = WHOLE[heads[1]..heads[2]].to_vec();
    let first = |json: &str| {
        [member(b"quarterdeck-backup.json", EntryType::Regular, json.len() as u64, json.as_bytes()), vec![0; 2 * BLOCK]]
            .concat()
    };
    let mut foreign = Builder::new(Vec::new());
    let mut head = Header::new_gnu();
    head.set_size(5);
    foreign.append_data(&mut head, "hello.txt", &b"hello"[..]).expect("it is added");
    let foreign = foreign.into_inner().expect("a tar");
    let huge = 8_000_000_000;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "cut off before its first member"),
        ("another tar", foreign, "no backup of quarterdeck"),
        ("no tar", b"\x1f\x8b".repeat(4_000), "no backup of quarterdeck"),
        ("another format", first("{\"format\":\"x\",\"version\":1}"), "no backup of quarterdeck: its format is"),
        ("a later version", first("{\"format\":\"quarterdeck-backup\",\"version\":2}"), "version 2 of the format"),
        ("a path out", inserted(2, &member(b"../evil", EntryType::Regular, 4, b"evil")), "\"../evil\": no backup has"),
        (
            "a way through",
            inserted(2, &member(b"state/../../evil/lock.json", EntryType::Regular, 4, b"evil")),
            "no backup has",
        ),
        (
            "an absolute path",
            inserted(2, &member(b"/tmp/evil", EntryType::Regular, 4, b"evil")),
            "\"/tmp/evil\": no backup has",
        ),
        (
            "compiled code",
            inserted(
                2,
                &member(format!("policies/{}/compiled-00", "0".repeat(64)).as_bytes(), EntryType::Regular, 4, b"evil"),
            ),
            "no backup has",
        ),
        ("a link", inserted(2, &member(b"key", EntryType::Symlink, 0, b"")), "no regular file"),
        ("a hard link", inserted(2, &member(b"key", EntryType::Link, 0, b"")), "no regular file"),
        ("a folder", inserted(2, &member(b"state/", EntryType::Directory, 0, b"")), "no regular file"),
        ("a device", inserted(2, &member(b"key", EntryType::Char, 0, b"")), "no regular file"),
        ("a long name", inserted(2, &member(b"././@LongLink", EntryType::GNULongName, huge, b"")), "no regular file"),
        ("an extended head", inserted(2, &member(b"x", EntryType::XHeader, huge, b"")), "no regular file"),
        ("a member twice", inserted(2, &key), "it is there twice"),
        ("a member in another place", inserted(heads.len() - 1, &key), "not where a backup has it"),
        (
            "a huge member",
            inserted(heads.len() - 1, &member(b"world.json", EntryType::Regular, huge, b"")),
            "more than the 67108864",
        ),
        (
            "a huge first member",
            member(b"quarterdeck-backup.json", EntryType::Regular, huge, b""),
            "more than the 4096",
        ),
        (
            "a member that is not listed",
            inserted(heads.len() - 1, &member(b"blobs/00", EntryType::Regular, 0, b"")),
            "blobs/00",
        ),
        (
            "a huge list",
            inserted(heads.len() - 1, &member(b"manifest.json", EntryType::Regular, huge, b"")),
            "member \"manifest.json\": it has 8000000000 bytes by its head, more than",
        ),
        (
            "a list that is much longer than what came",
            inserted(heads.len() - 1, &member(b"manifest.json", EntryType::Regular, 100 << 10, &[b' '; 100 << 10])),
            "member \"manifest.json\": it has 102400 bytes by its head, more than",
        ),
        ("more behind it", [&WHOLE[..], b"x"].concat(), "behind its end"),
        ("two of them", WHOLE.repeat(2), "behind its end"),
        (
            "no list",
            [&WHOLE[..heads[heads.len() - 1]], &[0; 2 * BLOCK]].concat(),
            "its list, manifest.json, is missing",
        ),
    ];
    let home = Home::new();
    for (what, bytes, named) in cases {
        let file = home.path("evil.tar");
        fs::write(&file, &bytes).expect("it is written");
        let exit = if what == "a later version" { Exit::Usage } else { Exit::Damaged };
        for words in [&["restore", text(&file)][..], &["restore", "--check", text(&file)]] {
            let told = says(&home.data(), exit, words);
            assert!(told.contains(named) && told.contains("next:"), "{what}: {told}");
        }
        assert_eq!(names(&home.data()), [""; 0], "{what}");
        assert!(!home.path("evil").exists() && !home.data().join("evil").exists());
    }
}

/// With every head, digest and list right, what does not follow from the journal is refused all the same.
#[test]
fn a_backup_whose_list_fits_and_whose_members_do_not_is_refused() {
    let heads = heads();
    let mut members: Vec<(String, Vec<u8>)> = Vec::new();
    for at in &heads[..heads.len() - 1] {
        let head = Header::from_byte_slice(&WHOLE[*at..at + BLOCK]);
        let length = usize::try_from(head.size().expect("a length")).expect("it fits");
        let name = String::from_utf8_lossy(&head.path_bytes()).into_owned();
        members.push((name, WHOLE[at + BLOCK..at + BLOCK + length].to_vec()));
    }
    let packed = |members: &[(String, Vec<u8>)]| {
        let mut archive = Vec::new();
        let mut listed = Vec::new();
        for (name, bytes) in members {
            archive.extend(member(name.as_bytes(), EntryType::Regular, bytes.len() as u64, bytes));
            let digest = quarterdeck_core::digest::Digest::of(bytes);
            listed.push(format!("{{\"path\":\"{name}\",\"bytes\":{},\"digest\":\"{digest}\"}}", bytes.len()));
        }
        let list = format!("{{\"members\":[{}]}}", listed.join(","));
        archive.extend(member(b"manifest.json", EntryType::Regular, list.len() as u64, list.as_bytes()));
        archive.extend([0; 2 * BLOCK]);
        archive
    };
    check(&packed(&members)).expect("what is packed as we do is whole");
    let place = |start: &str| members.iter().position(|(name, _)| name.starts_with(start)).expect("a member");
    let without = |start: &str| {
        let mut fewer = members.clone();
        fewer.remove(place(start));
        check(&packed(&fewer)).expect_err("something is missing").to_string()
    };
    assert!(without("journal.key").contains("journal.key is missing"));
    assert!(without("journal/000001").contains("journal/000001.journal is missing"));
    assert!(without("key").contains("key is missing"));
    // A rehearsal of one mission has four blobs: its files, the plan, its JSON and its text.
    assert!(without("blobs/").contains("names the blob"));
    let changed = |start: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut other = members.clone();
        change(&mut other[place(start)].1);
        check(&packed(&other)).expect_err("something is changed").to_string()
    };
    assert!(changed("journal.key", &|key| key.truncate(31)).contains("32 bytes"));
    assert!(changed("journal/000001", &|segment| segment[400] ^= 1).contains("the journal is damaged"));
    let half = |segment: &mut Vec<u8>| segment.truncate(segment.len() / 2);
    assert!(changed("journal/000001", &half).contains("the segment ends inside a record"));
    assert!(changed("blobs/", &|blob| blob.push(0)).contains("another digest"));
    let later = |first: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(first).replace("\"rehearsal\"", "\"real\"");
        *first = text.into_bytes();
    };
    assert!(changed("quarterdeck-backup.json", &later).contains("not the one that its first member names"));
}

#[test]
fn a_stream_that_was_cut_says_so_on_both_ends() {
    let home = Home::new();
    let host = home.answering(&["web"], &["--paused"]);
    let cut = "\"$0\" --data \"$1\" backup - | head -c 3000 > \"$2\"; exit ${PIPESTATUS[0]}";
    let mut shell = std::process::Command::new("/bin/bash");
    let file = home.path("cut.tar");
    shell.args(["-c", cut]).arg(program::program()).arg(home.data()).arg(&file);
    let output = shell.output().expect("a shell");
    assert!(!output.status.success() || fs::metadata(&file).expect("a file").len() == 3_000);
    let told = says(&home.data(), Exit::Damaged, &["restore", "--check", text(&file)]);
    assert!(told.contains("the backup was cut off"), "{told}");
    drop(host);
    // Through a pipe as well, and into an empty place.
    let mut restore = program::command(&home.path("other"), &["restore", "-"]);
    let mut child = restore.stdin(std::process::Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(&WHOLE[..WHOLE.len() - 1]).expect("it is written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&home.path("other")), [""; 0]);
}
