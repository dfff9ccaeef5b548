//! What lies in a world's folder, and what of it is in a backup: one row for each name that a file can have.
//!
//! `docs/backup.md` has the same rows. A file that fits none of them is unknown: a backup leaves it out and says so, and
//! in an archive it is refused.

/// What a member of a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The key that attests the journal.
    JournalKey,
    /// What a pruned journal stands on.
    Base,
    /// A segment of the journal.
    Segment,
    /// The key of the placeholders.
    Key,
    /// A policy.
    Component,
    /// What its upload came to.
    Report,
    /// The signatures that it was uploaded with.
    Signatures,
    /// A version of a mission's state.
    Version,
    /// A state that was refused and set aside.
    Refused,
    /// The lock on a mission's state.
    Lock,
    /// A blob.
    Blob,
    /// The simulated world.
    World,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// The file's path in the world's folder, with the words that stand for others in angle brackets; a folder with all in
    /// it, where it ends with a slash.
    pub path: &'static str,
    /// What it is in a backup; none where it is in none.
    pub kept: Option<Kind>,
    /// Why it is or is not there.
    pub why: &'static str,
}

const fn kept(path: &'static str, kind: Kind, why: &'static str) -> Row {
    Row { path, kept: Some(kind), why }
}

const fn left(path: &'static str, why: &'static str) -> Row {
    Row { path, kept: None, why }
}

/// All of them, in the order in which a backup has them.
pub const TABLE: [Row; 28] = [
    kept("journal.key", Kind::JournalKey, "what is written after a restore is attested by the same key as before"),
    kept("journal/base", Kind::Base, "a pruned journal proves nothing without it"),
    kept(
        "journal/<number>.journal",
        Kind::Segment,
        "the journal: the charter, the approvals, the pauses and all else follow from it",
    ),
    kept("key", Kind::Key, "one secret keeps its placeholder, and a plan is known again by its changes"),
    kept(
        "policies/<hex>/component.wasm",
        Kind::Component,
        "the journal names it; without it another policy would decide",
    ),
    kept("policies/<hex>/report.json", Kind::Report, "what its upload was checked for"),
    kept("policies/<hex>/signatures", Kind::Signatures, "who answers for it"),
    kept(
        "state/<mission>/<number>-<number>.tfstate",
        Kind::Version,
        "every version that is kept: nothing else knows which objects are the missions'",
    ),
    kept(
        "state/<mission>/refused-<order>-<hex>.tfstate",
        Kind::Refused,
        "it may be the only word about objects that are there",
    ),
    kept("state/<mission>/lock.json", Kind::Lock, "it says whose worker was at work"),
    kept(
        "blobs/<hex>",
        Kind::Blob,
        "missions' files, saved plans and their JSON: what was approved is applied from them",
    ),
    kept("world.json", Kind::World, "the simulated world (rehearsal only): what a rehearsal made is in it"),
    left("journal/lock", "the lock of whoever writes; empty"),
    left("journal/<number>.torn-at-<number>", "the bytes of a write that a crash tore: no part of the chain"),
    left("journal/base.part", "a write that has not ended"),
    left("journal.key.part", "a write that has not ended"),
    left(
        "policies/<hex>/compiled-<hex>",
        "native code, which no host takes from outside: it is compiled anew at the first start",
    ),
    left("policies/<hex>/<any>.part", "a write that has not ended"),
    left("state/<mission>/next.part", "a write that has not ended"),
    left("blobs/<hex>.part", "a write that has not ended"),
    left("world.part", "a write that has not ended"),
    left(
        "work/",
        "workers' folders: where they run, what they hand over comes into the journal, the states and the blobs",
    ),
    left("jobs/", "the same of workers that are Jobs of a cluster"),
    left("host.sock", "a socket of the running host"),
    left("worker.sock", "a socket of the running host"),
    left(
        "lease-holder",
        "who held the Lease: with it a restored host would take the Lease from one that may still act",
    ),
    left(
        "workers-ca.<any>",
        "the authority that Jobs of this host believe, key and certificate; another one is made, and new Jobs are told",
    ),
    left("lost+found/", "the file system's own"),
];

/// The row of a file or, with a slash at its end, of a folder; none where it is unknown.
pub fn row(path: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| fits(row.path, path))
}

/// What a member of that name is; none where a backup has no such member.
pub fn kind(path: &str) -> Option<Kind> {
    row(path)?.kept
}

impl Kind {
    /// Where it stands in a backup: whatever is proven by the journal comes after it.
    pub fn rank(self) -> u8 {
        match self {
            Kind::JournalKey => 0,
            Kind::Base => 1,
            Kind::Segment => 2,
            Kind::Key => 3,
            Kind::Component | Kind::Report | Kind::Signatures => 4,
            Kind::Version | Kind::Refused | Kind::Lock => 5,
            Kind::Blob => 6,
            Kind::World => 7,
        }
    }

    /// It has at most so many bytes.
    pub fn bytes_max(self) -> u64 {
        match self {
            Kind::JournalKey | Kind::Key => 32,
            // A ledger of thousands of missions.
            Kind::Base | Kind::World => 64 << 20,
            // A segment is closed at 64 MiB, after the write that reached it.
            Kind::Segment => 128 << 20,
            Kind::Component | Kind::Blob => 32 << 20,
            // Indented, a report is larger than it may be at most.
            Kind::Report => 2 << 20,
            Kind::Signatures | Kind::Lock => 64 << 10,
            Kind::Version => 16 << 20,
            // What was refused may have been refused for its size.
            Kind::Refused => 64 << 20,
        }
    }
}

/// Whether a path is one of those that a pattern stands for.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('<') else { return pattern == path };
    let Some((word, after)) = rest.split_once('>') else { return false };
    let Some(path) = path.strip_prefix(before) else { return false };
    let good = |byte: u8| match word {
        "number" => byte.is_ascii_digit(),
        "hex" => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        _ => byte.is_ascii_alphanumeric() || b"._:-".contains(&byte),
    };
    let longest = path.bytes().take_while(|byte| good(*byte)).count();
    // Only an order or the rest of a name is followed by what it could hold itself.
    !path.starts_with('.') && (1..=longest).any(|length| fits(after, &path[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_its_row_says_and_nothing_else_is_known() {
        let hex = "0123456789abcdef".repeat(4);
        for (path, kind) in [
            ("journal/000012.journal".to_owned(), Kind::Segment),
            (format!("policies/{hex}/component.wasm"), Kind::Component),
            ("state/web-1f2e3d4c/000003-17.tfstate".to_owned(), Kind::Version),
            (format!("state/web-1f2e3d4c/refused-apply-web-{}-{}.tfstate", &hex[..12], &hex[..12]), Kind::Refused),
            ("state/web-1f2e3d4c/lock.json".to_owned(), Kind::Lock),
            (format!("blobs/{hex}"), Kind::Blob),
        ] {
            assert_eq!(super::kind(&path), Some(kind), "{path}");
        }
        for out in ["work/", "jobs/", "host.sock", "journal/000001.torn-at-22", "workers-ca.key", "lost+found/"] {
            assert!(row(out).is_some_and(|row| row.kept.is_none()), "{out}");
        }
        for unknown in [
            "",
            "/etc/passwd",
            "../key",
            "journal/../key",
            "state/../key",
            "state/../lock.json",
            "state/.x/lock.json",
            "state//lock.json",
            "state/a/b/lock.json",
            "blobs/",
            "blobs/XYZ",
            "journal/x.journal",
            "journal/000001.journal\n",
            "key/",
            "work",
            "policies/../component.wasm",
        ] {
            assert!(row(unknown).is_none(), "{unknown:?}");
        }
    }

    #[test]
    fn each_row_is_reached_and_the_kept_ones_stand_first_in_their_order() {
        for row in &TABLE {
            let path = row.path.replace("<number>", "000001").replace("<hex>", "0abc").replace("<any>", "key");
            let path = path.replace("<mission>", "web-0abc").replace("<order>", "apply-web-1");
            assert_eq!(super::row(&path).map(|found| found.path), Some(row.path), "{path}");
        }
        assert!(TABLE.is_sorted_by_key(|row| row.kept.map_or(u8::MAX, Kind::rank)));
    }
}
