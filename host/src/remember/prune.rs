//! Pruning: old segments go, and what remains can be proven and folded as before.
//!
//! Whole closed segments are removed, from the first on; never the one that is written to. In their place stands the
//! base: the number and the hash of the last record that goes, the ledger after it, and the host that had begun last,
//! signed with the installation's key. What is attested so was verified first, as `journal verify` does.
//!
//! A prune is a list of steps, each of which is on disk before the next. Writing the base is the one that counts: a prune
//! that is killed before it has changed nothing, one that is killed after it is finished at the next start. Copies for an
//! archive are made before, so that nothing goes that is not kept.
//!
//! What is *not* here: anything about blobs and states. What no entry refers to any more stays where it is.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use quarterdeck_core::checkpoint::{Base, Signature};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ids::Timestamp;

use super::journal::{Journal, JournalError, Reader, base, segment};
use super::seal::SealKey;
use super::verify::{Trust, VerifyError, verify_each};

/// Up to where it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// What was written before this time.
    Time(Timestamp),
    /// The turns before this one.
    Turn(u32),
}

/// Why nothing was pruned.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The journal is not what was written.
    #[error("verify the journal before anything of it goes")]
    Verify(#[from] VerifyError),
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no key to attest with.
    #[error("there is no key in {0} to attest with what goes")]
    NoKey(PathBuf),
    /// The archive holds another journal.
    #[error("{0} is there already and holds something else")]
    Archive(PathBuf),
    /// The archive is the journal.
    #[error("the archive must be another folder than the journal's, {0}")]
    SameFolder(PathBuf),
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file is copied into the archive.
    Archive(PathBuf, PathBuf),
    /// The base is written: from now on the segments before it are no part of the journal.
    Base,
    /// A segment is removed.
    Remove(PathBuf),
}

/// What is about to go. While it is there nobody else writes to the journal.
#[derive(Debug)]
pub struct Prune {
    folder: PathBuf,
    base: Option<Base>,
    /// The records that go: the first and the last.
    pub records: Option<(u64, u64)>,
    /// The last turn that goes.
    pub turn: u32,
    /// The segments that go, and how many bytes they have.
    pub segments: Vec<(PathBuf, u64)>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    _lock: std::fs::File,
}

/// Verifies the journal and works out what may go; changes nothing.
///
/// # Errors
/// Where a host writes to it, it is not what was written, or there is no key.
pub fn plan(folder: &Path, key: &Path, before: Before, archive: Option<&Path>) -> Result<Prune, PruneError> {
    let lock = Journal::lock(folder)?;
    let key = SealKey::read(key)?.ok_or_else(|| PruneError::NoKey(key.to_owned()))?;
    let reader = Reader::open(folder)?;
    let base = last_base(&reader, &key, before)?;
    let all = segment::list(folder)?;
    let goes = all.into_iter().filter(|(number, _)| base.as_ref().is_some_and(|base| *number < base.segment));
    let goes: Vec<PathBuf> = goes.map(|(_, path)| path).collect();
    let size = |path: &PathBuf| std::fs::metadata(path).map(|file| file.len()).map_err(segment::failed("read", path));
    let segments = goes.iter().map(|path| Ok((path.clone(), size(path)?))).collect::<Result<_, JournalError>>()?;
    let mut steps = Vec::new();
    if let (Some(archive), false) = (archive, goes.is_empty()) {
        steps = copies(folder, archive, &goes, reader.base())?;
    }
    if !goes.is_empty() {
        steps.push(Step::Base);
        steps.extend(goes.into_iter().map(Step::Remove));
    }
    let first = reader.base().map_or(1, |base| base.record + 1);
    let records = base.as_ref().map(|base| (first, base.record));
    let turn = match &base {
        Some(base) => base.ledger().map_or(0, |ledger| ledger.turn),
        None => 0,
    };
    Ok(Prune { folder: folder.to_owned(), base, records, turn, segments, steps, _lock: lock })
}

/// The base that the last closed segment that may go would leave; none where none may.
fn last_base(reader: &Reader, key: &SealKey, before: Before) -> Result<Option<Base>, PruneError> {
    let trust = Trust { keys: vec![key.public()], ..Trust::default() };
    // The record before, its segment, and whether everything up to it may go.
    let (mut previous, mut last) = (None, None);
    verify_each(reader, &trust, &mut |record, ledger| {
        if let Some((seq, segment, true)) = previous
            && segment != record.segment
        {
            last = Some((seq, record.segment));
        }
        let old = match before {
            Before::Time(time) => ledger.now < time,
            Before::Turn(turn) => ledger.turn < turn,
        };
        previous = Some((record.seq, record.segment, old));
    })?;
    let Some((last, segment)) = last else { return Ok(None) };
    let (mut ledger, mut begun, mut hash) = (reader.ledger(), reader.begun().cloned(), Digest::ZERO);
    reader.read(&mut |record| {
        if record.seq <= last {
            ledger.fold(&record.entry);
            hash = record.hash;
            if let Entry::Begun(entry) = record.entry {
                begun = Some(entry);
            }
        }
    })?;
    let Some((begun, journal)) = begun.zip(ledger.nonce) else { return Ok(None) };
    let (at, key_of, signature) = (ledger.now, key.public(), Signature::NONE);
    let (begun, ledger) = (encoding::encode(&Entry::Begun(begun)), encoding::encode(&ledger));
    let base = Base { segment, journal, record: last, hash, at, key: key_of, signature, begun, ledger };
    Ok(Some(key.seal_base(base)))
}

/// Copies of the segments that go, and of the base that they stand on, where the archive has none of what was before.
fn copies(folder: &Path, archive: &Path, goes: &[PathBuf], stands_on: Option<&Base>) -> Result<Vec<Step>, PruneError> {
    let real = |path: &Path| path.canonicalize().map_err(segment::failed("find", path));
    let there = archive.exists();
    if there && real(folder)? == real(archive)? {
        return Err(PruneError::SameFolder(folder.to_owned()));
    }
    let archived = if there { segment::list(archive)? } else { Vec::new() };
    let mut files = goes.to_vec();
    if let Some(base) = stands_on
        && !archived.iter().any(|(number, _)| *number < base.segment)
    {
        files.insert(0, base::path(folder));
    }
    let copy = |from: PathBuf| {
        let name = from.file_name().map_or_else(|| archive.to_owned(), |name| archive.join(name));
        Step::Archive(from, name)
    };
    Ok(files.into_iter().map(copy).collect())
}

impl Prune {
    /// Does one step; done twice it is done once.
    ///
    /// # Errors
    /// Where the file system says no, or the archive holds something else. Steps that were not done yet can be left out:
    /// the next start finishes what has to be finished.
    pub fn perform(&self, step: &Step) -> Result<(), PruneError> {
        match step {
            Step::Archive(from, to) => keep(from, to)?,
            Step::Base => {
                if let Some(base) = &self.base {
                    segment::put(&base::path(&self.folder), &encoding::encode(base))?;
                }
            }
            Step::Remove(path) => segment::remove(path)?,
        }
        Ok(())
    }
}

fn keep(from: &Path, to: &Path) -> Result<(), PruneError> {
    if let Some(archive) = to.parent() {
        let make = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(archive);
        make.map_err(segment::failed("make the folder", archive))?;
    }
    let bytes = std::fs::read(from).map_err(segment::failed("read", from))?;
    match std::fs::read(to) {
        Ok(there) if Digest::of(&there) == Digest::of(&bytes) => return Ok(()),
        Ok(_) => return Err(PruneError::Archive(to.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(segment::failed("read", to)(error).into()),
    }
    Ok(segment::put(to, &bytes)?)
}
