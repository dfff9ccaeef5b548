//! The journal's file: records in a chain, each fsynced before anything is acted on.
//!
//! A journal is a folder of segments, `000001.journal` and on. A segment begins with the line `quarterdeck-journal 1`;
//! then records follow: a head of 84 bytes (`docs/journal.md` has the table) and the entry in the canonical encoding.
//! The head holds its own check, so a changed length is told from a torn write.
//!
//! What a crash can leave is a record that is short at the very end, or whose end is zeros; that tail is cut off and
//! kept beside the journal. Anything else that does not fit is damage: opening refuses, and says where.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding::{self, DecodeError};
use quarterdeck_core::entry::{ENTRY_BYTES_MAX, Entry, chain};

const MAGIC: &[u8] = b"quarterdeck-journal 1\n";
/// Length, number, previous hash, own hash, check of the head.
const HEAD_BYTES: usize = 4 + 8 + 32 + 32 + 8;
/// Where a journal ends in a broken record and this many zeros, the record was torn; with fewer it was changed. An entry
/// of ours may well end in a zero or two, and a write is torn where a page of the disk begins.
const ZEROS_MIN: usize = 16;
/// A segment is closed at this size, so that one file is copied and looked through in reasonable time.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;

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
    /// An entry is larger than a record may be.
    #[error("an entry of {0} bytes is larger than the journal takes")]
    TooLarge(usize),
    /// An earlier write may or may not be on disk, so nothing more is written.
    #[error("an earlier write to the journal failed, so it is not known what is on disk; restart to look")]
    Poisoned,
}

/// One record, read and checked.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number, from 1 on.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
    /// What it holds.
    pub entry: Entry,
}

/// What reading a journal found.
#[derive(Clone, Debug)]
pub struct Head {
    /// How many records there are.
    pub records: u64,
    /// The hash of the last one.
    pub hash: Digest,
    /// The bytes of a torn write at the end, if there was one, and where it begins.
    pub torn: Option<(PathBuf, u64, u64)>,
}

/// A journal that is open for writing; there is one writer.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    segment: u32,
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
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { what, path, source }
        };
        let make = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        make.map_err(io("make the folder", folder))?;
        let lock_path = folder.join("lock");
        let lock = private(&lock_path, true).map_err(io("open", &lock_path))?;
        lock.try_lock().map_err(|_| JournalError::InUse(folder.to_owned()))?;
        let head = read(folder, &mut entry)?;
        let kept = match &head.torn {
            Some((path, offset, length)) => Some(cut_tail(path, *offset, *length).map_err(io("mend", path))?),
            None => None,
        };
        let segment = segments(folder).map_err(io("list", folder))?.last().map_or(1, |(number, _)| *number);
        let path = segment_path(folder, segment);
        let mut file = private(&path, false).map_err(io("open", &path))?;
        let mut length = file.seek(SeekFrom::End(0)).map_err(io("read", &path))?;
        if length == 0 {
            file.write_all(MAGIC).and_then(|()| file.sync_all()).map_err(io("write", &path))?;
            sync_folder(folder).map_err(io("sync", folder))?;
            length = MAGIC.len() as u64;
        }
        let journal = Journal {
            folder: folder.to_owned(),
            segment,
            file,
            length,
            records: head.records,
            hash: head.hash,
            poisoned: false,
            _lock: lock,
        };
        Ok((journal, kept))
    }

    /// How many records there are, and the hash of the last.
    pub fn head(&self) -> (u64, Digest) {
        (self.records, self.hash)
    }

    /// Appends entries in one write and, where asked, waits until they are on disk.
    ///
    /// # Errors
    /// Where the disk is full or fails. After a write that failed and was taken back the journal goes on; after a sync
    /// that failed it refuses everything until it is opened anew, since nobody knows what is on disk.
    pub fn append(&mut self, entries: &[Entry], sync: bool) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        if self.length >= SEGMENT_BYTES_MAX {
            self.next_segment()?;
        }
        let (mut bytes, mut records, mut hash) = (Vec::new(), self.records, self.hash);
        for entry in entries {
            let encoded = encoding::encode(entry);
            let length = u32::try_from(encoded.len()).ok().filter(|_| encoded.len() <= ENTRY_BYTES_MAX);
            let length = length.ok_or(JournalError::TooLarge(encoded.len()))?;
            records += 1;
            let next = chain(&hash, records, &encoded);
            bytes.extend(head_bytes(length, records, &hash, &next));
            bytes.extend(encoded);
            hash = next;
        }
        let path = segment_path(&self.folder, self.segment);
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
            let path = segment_path(&self.folder, self.segment);
            return Err(JournalError::Io { what: "sync the journal", path, source });
        }
        let path = segment_path(&self.folder, self.segment + 1);
        let make = || {
            let mut file = private(&path, false)?;
            file.set_len(0)?;
            file.write_all(MAGIC)?;
            file.sync_all()?;
            sync_folder(&self.folder)?;
            Ok(file)
        };
        self.file = make().map_err(|source| JournalError::Io { what: "begin the segment", path, source })?;
        self.segment += 1;
        self.length = MAGIC.len() as u64;
        Ok(())
    }
}

/// Reads a journal without writing to it, checks every record, and hands each entry on in its order. A torn tail is
/// reported and left alone.
///
/// # Errors
/// Where a record is damaged or the file system says no.
pub fn read(folder: &Path, entry: &mut impl FnMut(Record)) -> Result<Head, JournalError> {
    let segments =
        segments(folder).map_err(|source| JournalError::Io { what: "list", path: folder.to_owned(), source })?;
    let mut head = Head { records: 0, hash: Digest::ZERO, torn: None };
    let last = segments.len().saturating_sub(1);
    for (index, (number, path)) in segments.into_iter().enumerate() {
        let mut bytes = Vec::new();
        File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|source| JournalError::Io {
            what: "read",
            path: path.clone(),
            source,
        })?;
        let damaged = |offset: usize, problem: &str| JournalError::Damaged {
            path: path.clone(),
            offset: offset as u64,
            seq: head.records + 1,
            problem: problem.to_owned(),
        };
        if usize::try_from(number).ok() != Some(index + 1) {
            return Err(damaged(0, "a segment before this one is missing"));
        }
        read_segment(&path, &bytes, index == last, &mut head, entry)?;
    }
    Ok(head)
}

fn read_segment(
    path: &Path,
    bytes: &[u8],
    last: bool,
    head: &mut Head,
    entry: &mut impl FnMut(Record),
) -> Result<(), JournalError> {
    let mut offset = if bytes.starts_with(MAGIC) { MAGIC.len() } else { 0 };
    if offset == 0 {
        let torn = last && MAGIC.starts_with(bytes);
        head.torn = torn.then(|| (path.to_owned(), 0, bytes.len() as u64)).filter(|(_, _, length)| *length > 0);
        return if torn { Ok(()) } else { Err(damage(path, 0, head, "this is no journal of this version")) };
    }
    while offset < bytes.len() {
        match record(&bytes[offset..], head) {
            Ok((length, hash)) => {
                let encoded = &bytes[offset + HEAD_BYTES..offset + length];
                let seq = head.records + 1;
                let read = encoding::decode(encoded).map_err(|source| JournalError::Entry { seq, source })?;
                entry(Record { seq, hash, entry: read });
                (head.records, head.hash) = (seq, hash);
                offset += length;
            }
            Err(Broken::Torn) if last => {
                head.torn = Some((path.to_owned(), offset as u64, (bytes.len() - offset) as u64));
                return Ok(());
            }
            Err(Broken::Torn) => return Err(damage(path, offset, head, "the segment ends inside a record")),
            Err(Broken::Damaged(problem)) => return Err(damage(path, offset, head, problem)),
        }
    }
    Ok(())
}

fn damage(path: &Path, offset: usize, head: &Head, problem: &str) -> JournalError {
    JournalError::Damaged {
        path: path.to_owned(),
        offset: offset as u64,
        seq: head.records + 1,
        problem: problem.to_owned(),
    }
}

enum Broken {
    Torn,
    Damaged(&'static str),
}

/// Checks the record that begins here; its whole length and its hash.
fn record(bytes: &[u8], head: &Head) -> Result<(usize, Digest), Broken> {
    let Some(fixed) = bytes.get(..HEAD_BYTES) else { return Err(Broken::Torn) };
    let length = u32::from_be_bytes(fixed[..4].try_into().expect("four bytes"));
    let seq = u64::from_be_bytes(fixed[4..12].try_into().expect("eight bytes"));
    let previous = Digest::from_bytes(fixed[12..44].try_into().expect("32 bytes"));
    let hash = Digest::from_bytes(fixed[44..76].try_into().expect("32 bytes"));
    if head_bytes(length, seq, &previous, &hash) != fixed {
        // A write that stopped in the head has left nothing behind it, or zeros where the file's size grew before.
        let torn = bytes[HEAD_BYTES..].iter().all(|byte| *byte == 0);
        return Err(if torn { Broken::Torn } else { Broken::Damaged("the head of the record was changed") });
    }
    if seq != head.records + 1 || previous != head.hash {
        return Err(Broken::Damaged("the record does not follow the one before it"));
    }
    let end = HEAD_BYTES + length as usize;
    let Some(whole) = bytes.get(..end) else { return Err(Broken::Torn) };
    if chain(&previous, seq, &whole[HEAD_BYTES..]) != hash {
        // A write that stopped in the entry has left zeros from there to the very end.
        let run = bytes[HEAD_BYTES..].iter().rev().take_while(|byte| **byte == 0).count();
        let torn = run >= ZEROS_MIN && run > bytes.len() - end;
        return Err(if torn { Broken::Torn } else { Broken::Damaged("the record was changed") });
    }
    Ok((end, hash))
}

fn head_bytes(length: u32, seq: u64, previous: &Digest, hash: &Digest) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4..12].copy_from_slice(&seq.to_be_bytes());
    head[12..44].copy_from_slice(previous.as_bytes());
    head[44..76].copy_from_slice(hash.as_bytes());
    let check = Digest::of(&head[..76]);
    head[76..].copy_from_slice(&check.as_bytes()[..8]);
    head
}

fn segment_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.journal"))
}

fn segments(folder: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let number =
            path.extension().filter(|end| *end == "journal").and(path.file_stem()).and_then(|stem| stem.to_str());
        if let Some(number) = number.and_then(|stem| stem.parse().ok()) {
            segments.push((number, path));
        }
    }
    segments.sort();
    Ok(segments)
}

/// Moves a torn tail into a file of its own, so that nothing is lost, and cuts it off.
fn cut_tail(path: &Path, offset: u64, length: u64) -> io::Result<PathBuf> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut tail = Vec::new();
    (&mut file).take(length).read_to_end(&mut tail)?;
    let kept = path.with_extension(format!("torn-at-{offset}"));
    let mut copy = private(&kept, true)?;
    copy.set_len(0)?;
    copy.write_all(&tail)?;
    copy.sync_all()?;
    file.set_len(offset)?;
    file.sync_all()?;
    Ok(kept)
}

fn private(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(!write).write(write).truncate(false).mode(0o600).open(path)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
