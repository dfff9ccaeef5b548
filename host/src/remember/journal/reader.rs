//! Reading a journal: without a lock, without writing, record by record, each of them checked.
//!
//! A journal begins at its first record, or, where older segments were pruned, at its [`Base`], which then holds what
//! followed from the records that are gone. With the archive of those segments it is read from its first record again.

use std::path::{Path, PathBuf};

use quarterdeck_core::checkpoint::Base;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Begun, Entry};
use quarterdeck_core::ledger::Ledger;

use super::record::{self, Broken, HEAD_BYTES};
use super::segment::{self, MAGIC};
use super::{JournalError, base};

/// One record, read and checked.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number, from 1 on.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
    /// The segment that it stands in.
    pub segment: u32,
    /// What it holds.
    pub entry: Entry,
}

/// What reading a journal found.
#[derive(Clone, Debug)]
pub struct Head {
    /// The number of the last record; as many are there, or were.
    pub records: u64,
    /// The hash of the last one.
    pub hash: Digest,
    /// The bytes of a torn write at the end, if there was one, and where it begins.
    pub torn: Option<(PathBuf, u64, u64)>,
}

/// A journal that is about to be read.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    base: Option<Base>,
    /// The base of the rest, where this begins in an archive.
    between: Option<Base>,
    first: u32,
    ledger: Ledger,
    begun: Option<Begun>,
    segments: Vec<(u32, PathBuf)>,
}

impl Reader {
    /// Looks at what is in a folder, and checks the base that it stands on, if it was pruned.
    ///
    /// # Errors
    /// Where the base does not fit its signature, or the file system says no.
    pub fn open(folder: &Path) -> Result<Reader, JournalError> {
        // The segments first: a prune at this moment writes the base before it removes any of them.
        let segments = segment::list(folder)?;
        let reader = Reader::on(folder, base::read(folder)?)?;
        // Those before the base are what a prune that was killed has left; the next start removes them.
        let segments = segments.into_iter().filter(|(number, _)| *number >= reader.first).collect();
        Ok(Reader { segments, ..reader })
    }

    /// A journal whose segments do not lie in a folder: they are handed to [`Reader::segment`] one after another. `folder`
    /// is how it is called in what is said of it.
    ///
    /// # Errors
    /// Where the base does not fit its signature.
    pub fn of_segments(folder: &Path, base: Option<&[u8]>) -> Result<Reader, JournalError> {
        Reader::on(folder, base.map(|bytes| base::parse(folder, bytes)).transpose()?)
    }

    /// What stands on this base, without a segment yet.
    fn on(folder: &Path, base: Option<Base>) -> Result<Reader, JournalError> {
        let first = base.as_ref().map_or(1, |base| base.segment);
        let (ledger, begun) = match &base {
            Some(base) => base::contents(folder, base)?,
            None => (Ledger::default(), None),
        };
        let segments = Vec::new();
        Ok(Reader { folder: folder.to_owned(), base, between: None, first, ledger, begun, segments })
    }

    /// The number of the first segment.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// What is known before the first record that is there.
    pub fn head(&self) -> Head {
        let (records, hash) = self.base.as_ref().map_or((0, Digest::ZERO), |base| (base.record, base.hash));
        Head { records, hash, torn: None }
    }

    /// Checks a segment that follows what the head knows, and hands each of its entries on. Only the last one may end in a
    /// torn write.
    ///
    /// # Errors
    /// Where a record is damaged.
    pub fn segment(
        &self,
        number: u32,
        bytes: &[u8],
        last: bool,
        head: &mut Head,
        entry: &mut impl FnMut(Record),
    ) -> Result<(), JournalError> {
        read_segment((number, &segment::path(&self.folder, number)), bytes, last, head, entry)
    }

    /// The same journal together with the segments that were pruned into an archive.
    ///
    /// # Errors
    /// As [`Reader::open`], of either folder.
    pub fn with_archive(folder: &Path, archive: &Path) -> Result<Reader, JournalError> {
        let (rest, older) = (Reader::open(folder)?, Reader::open(archive)?);
        let older_segments = older.segments.into_iter().filter(|(number, _)| *number < rest.first);
        let segments = older_segments.chain(rest.segments).collect();
        Ok(Reader { segments, between: rest.base, ..older })
    }

    /// What the journal stands on; none where it is there from its first record.
    pub fn base(&self) -> Option<&Base> {
        self.base.as_ref()
    }

    /// What the rest of the journal stands on, where this one begins in an archive.
    pub fn between(&self) -> Option<&Base> {
        self.between.as_ref()
    }

    /// The ledger before the first record that is there.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// The host that had begun last before the first record that is there.
    pub fn begun(&self) -> Option<&Begun> {
        self.begun.as_ref()
    }

    /// Checks every record, and hands each entry on in its order. A torn tail is reported and left alone.
    ///
    /// # Errors
    /// Where a record is damaged or the file system says no.
    pub fn read(&self, entry: &mut impl FnMut(Record)) -> Result<Head, JournalError> {
        let mut head = self.head();
        let last = self.segments.len().saturating_sub(1);
        if self.segments.is_empty() && self.base.is_some() {
            let path = segment::path(&self.folder, self.first);
            return Err(damage(&path, 0, &head, "the segment after the base is missing"));
        }
        for (index, ((number, path), expected)) in self.segments.iter().zip(self.first..).enumerate() {
            let bytes = segment::bytes(path)?;
            if *number != expected {
                return Err(damage(path, 0, &head, "a segment before this one is missing"));
            }
            read_segment((*number, path), &bytes, index == last, &mut head, entry)?;
        }
        Ok(head)
    }
}

fn read_segment(
    (number, path): (u32, &Path),
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
        match record::check(&bytes[offset..], head) {
            Ok((length, hash)) => {
                let encoded = &bytes[offset + HEAD_BYTES..offset + length];
                let seq = head.records + 1;
                let read = encoding::decode(encoded).map_err(|source| JournalError::Entry { seq, source })?;
                entry(Record { seq, hash, segment: number, entry: read });
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
        seq: head.records.saturating_add(1),
        problem: problem.to_owned(),
    }
}
