//! Making a backup: the journal first, everything else after it, each member proven as it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use quarterdeck_core::ids::Timestamp;

use super::archive::{Member, Packer};
use super::prove::{self, Proven};
use super::table::{self, Kind};
use super::{BackupError, FORMAT, Header, JournalHead, VERSION, World, check, failed};
use crate::remember::journal::Snapshot;

/// A copy that something was taken away from meanwhile is begun anew so often at most: only people remove policies.
const TRIES_MAX: u32 = 3;
/// So many files are opened at once before the copy begins; a process may have 1,024 by default.
const PINNED_MAX: usize = 512;
/// Folders are looked into so deep; the deepest file of ours is `policies/<hex>/component.wasm`.
const DEPTH_MAX: usize = 3;

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What it is of.
    pub header: Header,
    /// What it holds.
    pub proven: Proven,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What is told while one is made or restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// So many members have passed by, with so many bytes in all.
    Passed(u64, u64),
    /// A file is not in it, and why.
    LeftOut(String, String),
}

/// Copies a world's folder into a stream, which is whole once its last member is written: only where this ends well.
///
/// # Errors
/// Where the folder holds no journal, something of it is damaged or was taken away meanwhile, or the stream ends.
pub fn pack(
    folder: &Path,
    at: Timestamp,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(Told),
) -> Result<Made, BackupError> {
    let journal = folder.join("journal");
    if !journal.is_dir() {
        return Err(BackupError::NothingBegun(folder.to_owned()));
    }
    let mut snapshot = Snapshot::take(&journal)?;
    let nonce = snapshot.ledger.nonce.ok_or_else(|| BackupError::NothingBegun(folder.to_owned()))?;
    let (records, hash) = (snapshot.head.records, snapshot.head.hash);
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        world: if snapshot.ledger.rehearsal { World::Rehearsal } else { World::Real },
        program: env!("CARGO_PKG_VERSION").to_owned(),
        at,
        when: at.utc(),
        journal: JournalHead { nonce, records, hash },
    };
    // After the journal: whatever it names is there by now.
    let planned = planned(folder, &snapshot, tell)?;
    let mut pinned = pinned(folder, &planned);
    let mut planned = planned.into_iter();
    let to_stream = || failed("write", "the backup");
    let mut packer = Packer::begin(out, &header).map_err(to_stream())?;
    let (mut members, mut bytes) = (0, 0);
    let mut next = || -> Result<Option<Member>, BackupError> {
        for (kind, name) in planned.by_ref() {
            let opened = pinned.remove(&name);
            let Some(member) = member(folder, &mut snapshot, (kind, name), opened, tell)? else { continue };
            packer.add(&member.name, &member.bytes).map_err(to_stream())?;
            (members, bytes) = (members + 1, bytes + member.bytes.len() as u64);
            tell(Told::Passed(members, bytes));
            return Ok(Some(member));
        }
        Ok(None)
    };
    let proven = prove::prove(&header, &mut next)?;
    let (_, bytes) = packer.end().map_err(to_stream())?;
    Ok(Made { header, proven, bytes })
}

/// The members of a backup, in their order.
fn planned(folder: &Path, snapshot: &Snapshot, tell: &mut dyn FnMut(Told)) -> Result<Vec<(Kind, String)>, BackupError> {
    let mut found = Vec::new();
    walk(folder, "", DEPTH_MAX, &mut found, tell)?;
    // A policy counts by its component, which is written last.
    let components: BTreeSet<String> =
        found.iter().filter_map(|(_, name)| name.strip_suffix("component.wasm").map(str::to_owned)).collect();
    found.retain(|(kind, name)| match kind {
        Kind::Base | Kind::Segment => false,
        Kind::Component | Kind::Report | Kind::Signatures => {
            name.rsplit_once('/').is_some_and(|(policy, _)| components.contains(&format!("{policy}/")))
        }
        Kind::JournalKey | Kind::Key | Kind::Version | Kind::Refused | Kind::Lock | Kind::Blob | Kind::World => true,
    });
    found.extend(snapshot.base().map(|_| (Kind::Base, "journal/base".to_owned())));
    let segments = snapshot.segments().into_iter();
    found.extend(segments.map(|number| (Kind::Segment, format!("journal/{number:06}.journal"))));
    found.sort_by(|(one, a), (other, b)| (one.rank(), a).cmp(&(other.rank(), b)));
    Ok(found)
}

/// What can go while the journal is copied, opened before: the newest version of each state, and the policies.
fn pinned(folder: &Path, planned: &[(Kind, String)]) -> BTreeMap<String, File> {
    let mission = |name: &str| name.rsplit_once('/').map(|(mission, _)| mission.to_owned());
    let versions = planned.iter().filter(|(kind, _)| *kind == Kind::Version);
    // They stand in the order of their numbers, so the newest one of a mission is the last.
    let newest: BTreeMap<_, _> = versions.map(|(_, name)| (mission(name), name)).collect();
    let policies = planned.iter().filter(|(kind, _)| kind.rank() == Kind::Component.rank()).map(|(_, name)| name);
    let opened = policies.chain(newest.into_values()).take(PINNED_MAX);
    opened.filter_map(|name| Some((name.clone(), File::open(folder.join(name)).ok()?))).collect()
}

/// Finds the files that are copied, below a folder whose path in the world's folder this is.
fn walk(
    folder: &Path,
    below: &str,
    depth: usize,
    found: &mut Vec<(Kind, String)>,
    tell: &mut dyn FnMut(Told),
) -> Result<(), BackupError> {
    let path = folder.join(below);
    let entries = match std::fs::read_dir(&path) {
        // It was removed since its name was read. Where the journal names what was in it, the proof misses that.
        Err(error) if !below.is_empty() && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed.map_err(failed("list", &path))?,
    };
    for entry in entries {
        let entry = entry.map_err(failed("list", &path))?;
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            // A file that is being written is gone when it is.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("look at", entry.path())(error)),
        };
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if kind.is_dir() {
            let name = format!("{name}/");
            if table::row(&name).is_some() {
                continue;
            }
            if depth > 1 {
                walk(folder, &name, depth - 1, found, tell)?;
            } else {
                tell(Told::LeftOut(name, "it is unknown".to_owned()));
            }
            continue;
        }
        match table::row(&name).map(|row| row.kept) {
            Some(Some(kept)) if kind.is_file() => found.push((kept, name)),
            Some(None) => {}
            Some(Some(_)) => tell(Told::LeftOut(name, "it is no regular file".to_owned())),
            None => tell(Told::LeftOut(name, "it is unknown".to_owned())),
        }
    }
    Ok(())
}

/// Reads a member; none where it went meanwhile, or is not what its name says and so can't be used by anybody. Where the
/// journal names it, the proof misses it.
fn member(
    folder: &Path,
    snapshot: &mut Snapshot,
    (kind, name): (Kind, String),
    opened: Option<File>,
    tell: &mut dyn FnMut(Told),
) -> Result<Option<Member>, BackupError> {
    let of_journal = match kind {
        Kind::Base => snapshot.base().map(<[u8]>::to_vec),
        Kind::Segment => {
            let number = name.trim_start_matches("journal/").trim_end_matches(".journal").parse();
            number.map_or(Ok(None), |number| snapshot.segment(number))?
        }
        Kind::JournalKey
        | Kind::Key
        | Kind::Component
        | Kind::Report
        | Kind::Signatures
        | Kind::Version
        | Kind::Refused
        | Kind::Lock
        | Kind::Blob
        | Kind::World => None,
    };
    if let Some(bytes) = of_journal {
        return Ok(Some(Member { kind, name, bytes }));
    }
    let path = folder.join(&name);
    let mut bytes = Vec::new();
    let opened = opened.map_or_else(|| File::open(&path), Ok);
    let read = opened.and_then(|file| file.take(kind.bytes_max() + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
        Ok(length) if length as u64 > kind.bytes_max() => {
            tell(Told::LeftOut(name, format!("it is larger than {} bytes", kind.bytes_max())));
            return Ok(None);
        }
        Ok(_) => {}
    }
    let member = Member { kind, name, bytes };
    if prove::is_whole(&member) {
        return Ok(Some(member));
    }
    tell(Told::LeftOut(member.name, "its bytes have another digest than its name".to_owned()));
    Ok(None)
}

/// Copies a world's folder into a file, which has its name once it is whole, on disk and was proven again.
///
/// # Errors
/// As [`pack`], and where the file is there already and is not to be replaced. Then nothing is left.
pub fn to_file(
    folder: &Path,
    at: Timestamp,
    file: &Path,
    force: bool,
    tell: &mut dyn FnMut(Told),
) -> Result<Made, BackupError> {
    if !force && file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let mut tries = 1;
    loop {
        match try_file(folder, at, file, force, tell) {
            // Something that the journal names went meanwhile, or is not there at all.
            Err(BackupError::Named { .. }) if tries < TRIES_MAX => tries += 1,
            done => return done,
        }
    }
}

fn try_file(
    folder: &Path,
    at: Timestamp,
    file: &Path,
    force: bool,
    tell: &mut dyn FnMut(Told),
) -> Result<Made, BackupError> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| failed("draw a name beside", file)(io::Error::other(error)))?;
    let part = Part(file.with_added_extension(format!("{:08x}.part", u32::from_be_bytes(random))));
    let begun = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part.0);
    let mut out = BufWriter::new(begun.map_err(failed("write", &part.0))?);
    let made = pack(folder, at, &mut out, tell)?;
    let synced = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|written| written.sync_all());
    synced.map_err(failed("write", &part.0))?;
    let written = File::open(&part.0).map_err(failed("read", &part.0))?;
    check(&mut BufReader::new(written), &mut |_| {})?;
    let named = match force {
        true => std::fs::rename(&part.0, file),
        false => std::fs::hard_link(&part.0, file),
    };
    // Not every file system has a second name for a file; there the first look has to do.
    let named = named.or_else(|error| match file.symlink_metadata() {
        Ok(_) => Err(error),
        Err(_) => std::fs::rename(&part.0, file),
    });
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists(file.to_owned())),
        Err(error) => Err(failed("give the backup its name,", file)(error)),
        Ok(()) => {
            let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            drop(part);
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed("sync", parent))?;
            Ok(made)
        }
    }
}

/// A file that goes with whoever makes it.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there any more where it was renamed.
        let _gone = std::fs::remove_file(&self.0);
    }
}
