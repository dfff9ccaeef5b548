//! A journal as it stood at one moment, taken without a lock while a host may write to it.
//!
//! A journal only grows, so its first bytes are a journal as well. What takes something away is a prune, which writes
//! the base before it removes any segment. So every segment is opened between two looks at the base: where both see the
//! same, the files that are open are one journal, and a prune that comes later takes away their names alone. Where they
//! differ, it is begun anew. Of the last segment the whole records count: what stands behind them is being written, or was torn.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use quarterdeck_core::ledger::Ledger;

use super::{Head, JournalError, Reader, base, segment};

/// It is begun anew so often at most. A prune takes a person and a host that has ended, so one is rare and two are none.
const TRIES_MAX: usize = 5;

/// A journal at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it ends.
    pub head: Head,
    /// What follows from it.
    pub ledger: Ledger,
    base: Option<Vec<u8>>,
    segments: Vec<Part>,
}

/// A segment, and how many bytes of it count.
#[derive(Debug)]
struct Part {
    number: u32,
    path: PathBuf,
    file: File,
    length: u64,
}

impl Snapshot {
    /// Takes it, and checks every record.
    ///
    /// # Errors
    /// Where a record is damaged, the file system says no, or the journal was pruned again and again meanwhile.
    pub fn take(folder: &Path) -> Result<Snapshot, JournalError> {
        let (base, mut segments) = open(folder)?;
        let reader = Reader::of_segments(folder, base.as_deref())?;
        // Those before the base are what a prune that was killed has left.
        segments.retain(|part| part.number >= reader.first());
        let (mut head, mut ledger) = (reader.head(), reader.ledger());
        let last = segments.len().saturating_sub(1);
        for (index, (part, expected)) in segments.iter_mut().zip(reader.first()..).enumerate() {
            if part.number != expected {
                let problem = "a segment before this one is missing".to_owned();
                let (path, seq) = (part.path.clone(), head.records.saturating_add(1));
                return Err(JournalError::Damaged { path, offset: 0, seq, problem });
            }
            let bytes = part.bytes()?;
            reader.segment(part.number, &bytes, index == last, &mut head, &mut |record| ledger.fold(&record.entry))?;
            if let Some((_, offset, _)) = head.torn.take() {
                part.length = offset;
            }
        }
        // One that was just begun holds nothing yet.
        segments.retain(|part| part.length > 0);
        Ok(Snapshot { head, ledger, base, segments })
    }

    /// The base that it stands on, if it was pruned.
    pub fn base(&self) -> Option<&[u8]> {
        self.base.as_deref()
    }

    /// The numbers of its segments.
    pub fn segments(&self) -> Vec<u32> {
        self.segments.iter().map(|part| part.number).collect()
    }

    /// The whole records of a segment, with its first line; none where it has no such segment.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn segment(&mut self, number: u32) -> Result<Option<Vec<u8>>, JournalError> {
        self.segments.iter_mut().find(|part| part.number == number).map(Part::bytes).transpose()
    }
}

impl Part {
    fn bytes(&mut self) -> Result<Vec<u8>, JournalError> {
        let mut read = || {
            self.file.seek(SeekFrom::Start(0))?;
            let mut bytes = Vec::new();
            (&mut self.file).take(self.length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(segment::failed("read", &self.path))
    }
}

/// Opens what one journal is made of.
fn open(folder: &Path) -> Result<(Option<Vec<u8>>, Vec<Part>), JournalError> {
    for _ in 0..TRIES_MAX {
        let before = base_bytes(folder)?;
        let parts = segment::list(folder)?.into_iter().map(|(number, path)| {
            let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            opened
                .map(|(length, file)| Part { number, path: path.clone(), file, length })
                .map_err(|error| (path, error))
        });
        match parts.collect::<Result<Vec<Part>, _>>() {
            Ok(parts) if base_bytes(folder)? == before => return Ok((before, parts)),
            // Pruned meanwhile.
            Ok(_) => {}
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err((path, error)) => return Err(segment::failed("open", &path)(error)),
        }
    }
    let why = io::Error::other("it was pruned again and again meanwhile");
    Err(segment::failed("copy the journal in", folder)(why))
}

fn base_bytes(folder: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    let path = base::path(folder);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(segment::failed("read", &path)(error)),
    }
}
