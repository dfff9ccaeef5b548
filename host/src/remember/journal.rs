//! The journal's file: records in a chain, each fsynced before anything is acted on.
//!
//! A journal is a folder of segments, `000001.journal` and on. A segment begins with the line `quarterdeck-journal 1`;
//! then records follow: a head of 84 bytes and the entry in the canonical encoding. `docs/journal.md` has it byte by byte.
//!
//! What a crash can leave is a record that is short at the very end, or whose end is zeros; that tail is cut off and
//! kept beside the journal. Anything else that does not fit is damage: opening refuses, and says where.
//!
//! - `record` is one record, `segment` the files, `reader` the way through them; here is the one writer.
//! - `snapshot` is a journal as it stood at one moment, while it is written to.
//! - `base` is what a journal stands on whose older segments were pruned.

pub(super) mod base;
mod reader;
mod record;
pub(super) mod segment;
mod snapshot;

use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding::DecodeError;
use quarterdeck_core::entry::Entry;

pub use reader::{Head, Reader, Record};
pub use segment::SEGMENT_BYTES_MAX;
pub use snapshot::Snapshot;

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process writes here.
    #[error("another quarterdeck writes to {0}; end it, or choose another folder with --data")]
    InUse(PathBuf),
    /// A record is not what was written.
    #[error(
        "the journal is damaged: {path} at byte {offset}, record {seq}: {problem}; nothing was changed. Restore the file from a copy, or move the folder away to begin anew"
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// Which record should stand there.
        seq: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A record is intact and its entry can't be read by this program.
    #[error("record {seq} of the journal can't be read by this version")]
    Entry {
        /// Which record.
        seq: u64,
        /// Why not.
        #[source]
        source: DecodeError,
    },
    /// What a pruned journal stands on is not what was written.
    #[error("the base that the journal stands on is not to be trusted: {path}: {problem}; nothing was changed")]
    Base {
        /// The base's file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An entry is larger than a record may be.
    #[error("an entry of {0} bytes is larger than the journal takes")]
    TooLarge(usize),
    /// An earlier write may or may not be on disk, so nothing more is written.
    #[error("an earlier write to the journal failed, so it is not known what is on disk; restart to look")]
    Poisoned,
}

/// The lock of a journal is tried so often, this far apart, before another writer is told of: a fifth of a second.
const LOCK_TRIES: u32 = 10;
const LOCK_AGAIN: Duration = Duration::from_millis(20);

/// A journal that is open for writing; there is one writer.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    segment: u32,
    segment_bytes_max: u64,
    file: File,
    length: u64,
    records: u64,
    hash: Digest,
    poisoned: bool,
    _lock: File,
}

impl Journal {
    /// Opens the journal in a folder, makes it where there is none, and hands each entry on in its order.
    ///
    /// # Errors
    /// Where another process writes there, a record is damaged, or the file system says no.
    pub fn open(folder: &Path, mut entry: impl FnMut(Record)) -> Result<(Journal, Option<PathBuf>), JournalError> {
        let lock = Journal::lock(folder)?;
        Journal::read(folder, lock, SEGMENT_BYTES_MAX, |reader| reader.read(&mut entry))
    }

    /// Takes the journal for this process alone, and makes its folder where there is none.
    pub(crate) fn lock(folder: &Path) -> Result<File, JournalError> {
        let make = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        make.map_err(segment::failed("make the folder", folder))?;
        let path = folder.join("lock");
        let lock = segment::private(&path, true).map_err(segment::failed("open", &path))?;
        // A process that was forked from a writer that has just ended holds the lock until it becomes its own program.
        for _ in 0..LOCK_TRIES {
            if lock.try_lock().is_ok() {
                // While it was waited for another folder may have come to stand here, whose lock is another one.
                let ours = Journal::is_locked_by(folder, &lock);
                return if ours { Ok(lock) } else { Err(JournalError::InUse(folder.to_owned())) };
            }
            std::thread::sleep(LOCK_AGAIN);
        }
        Err(JournalError::InUse(folder.to_owned()))
    }

    /// Whether this is the lock of the folder that stands there now.
    pub(crate) fn is_locked_by(folder: &Path, lock: &File) -> bool {
        let place = |file: std::io::Result<Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
        let ours = place(lock.metadata());
        ours.is_some() && ours == place(std::fs::metadata(folder.join("lock")))
    }

    /// Opens a journal that is ours, whose segments end at this size; it is read by `read`.
    pub(super) fn read(
        folder: &Path,
        lock: File,
        segment_bytes_max: u64,
        read: impl FnOnce(&Reader) -> Result<Head, JournalError>,
    ) -> Result<(Journal, Option<PathBuf>), JournalError> {
        let reader = Reader::open(folder)?;
        let head = read(&reader)?;
        if let Some(base) = reader.base() {
            // A prune that was killed has written the base and not removed all that stands before it.
            for (_, path) in segment::list(folder)?.iter().filter(|(number, _)| *number < base.segment) {
                segment::remove(path)?;
            }
        }
        let kept = match &head.torn {
            Some((path, offset, length)) => Some(segment::cut_tail(path, *offset, *length)?),
            None => None,
        };
        let segment = segment::list(folder)?.last().map_or(1, |(number, _)| *number);
        let path = segment::path(folder, segment);
        let io = |what| segment::failed(what, &path);
        let mut file = segment::private(&path, false).map_err(io("open"))?;
        let mut length = file.seek(SeekFrom::End(0)).map_err(io("read"))?;
        if length == 0 {
            file = segment::begin(folder, segment)?;
            length = segment::MAGIC.len() as u64;
        }
        let journal = Journal {
            folder: folder.to_owned(),
            segment,
            segment_bytes_max,
            file,
            length,
            records: head.records,
            hash: head.hash,
            poisoned: false,
            _lock: lock,
        };
        Ok((journal, kept))
    }

    /// How many records there are or were, and the hash of the last.
    pub fn head(&self) -> (u64, Digest) {
        (self.records, self.hash)
    }

    /// Whether the next entry begins another segment.
    pub(super) fn is_full(&self) -> bool {
        self.length >= self.segment_bytes_max
    }

    /// Appends entries in one write and, where asked, waits until they are on disk.
    ///
    /// # Errors
    /// Where the disk is full or fails. After a write that failed and was taken back the journal goes on; after a sync
    /// that failed it refuses everything until it is opened anew, since nobody knows what is on disk.
    pub fn append(&mut self, entries: &[Entry], sync: bool) -> Result<(), JournalError> {
        if self.is_full() && !self.poisoned {
            self.next_segment()?;
        }
        self.append_here(entries, sync)
    }

    /// Appends entries to the segment at hand, however large it is by now.
    pub(super) fn append_here(&mut self, entries: &[Entry], sync: bool) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        let (mut bytes, mut records, mut hash) = (Vec::new(), self.records, self.hash);
        for entry in entries {
            let (record, next) = record::bytes(entry, records, &hash)?;
            bytes.extend(record);
            (records, hash) = (records + 1, next);
        }
        let path = segment::path(&self.folder, self.segment);
        if let Err(source) = self.file.write_all(&bytes) {
            let back = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::End(0)));
            self.poisoned = back.is_err();
            return Err(JournalError::Io { what: "write to the journal", path, source });
        }
        if sync && let Err(source) = self.file.sync_data() {
            self.poisoned = true;
            return Err(JournalError::Io { what: "sync the journal", path, source });
        }
        self.length += bytes.len() as u64;
        (self.records, self.hash) = (records, hash);
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), JournalError> {
        if let Err(source) = self.file.sync_data() {
            self.poisoned = true;
            let path = segment::path(&self.folder, self.segment);
            return Err(JournalError::Io { what: "sync the journal", path, source });
        }
        self.file = segment::begin(&self.folder, self.segment + 1)?;
        self.segment += 1;
        self.length = segment::MAGIC.len() as u64;
        Ok(())
    }
}

/// Reads a journal without writing to it, checks every record, and hands each entry on in its order. A torn tail is
/// reported and left alone. Who folds the entries begins with [`Reader::ledger`].
///
/// # Errors
/// Where a record is damaged or the file system says no.
pub fn read(folder: &Path, entry: &mut impl FnMut(Record)) -> Result<Head, JournalError> {
    Reader::open(folder)?.read(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_that_of_the_folder_that_stands_there_now() {
        let place = tempfile::tempdir().unwrap();
        let (folder, aside) = (place.path().join("journal"), place.path().join("aside"));
        let lock = Journal::lock(&folder).unwrap();
        assert!(Journal::is_locked_by(&folder, &lock));
        assert!(matches!(Journal::lock(&folder), Err(JournalError::InUse(_))));
        std::fs::rename(&folder, &aside).unwrap();
        assert!(!Journal::is_locked_by(&folder, &lock), "nothing stands there");
        let other = Journal::lock(&folder).unwrap();
        assert!(!Journal::is_locked_by(&folder, &lock) && Journal::is_locked_by(&aside, &lock));
        assert!(Journal::is_locked_by(&folder, &other));
    }
}
