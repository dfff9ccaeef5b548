//! The files of a journal's folder: segments, `000001.journal` and on, and what is done with files alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::JournalError;

/// The first line of every segment.
pub(super) const MAGIC: &[u8] = b"quarterdeck-journal 1\n";
/// A segment is closed at this size, so that one file is copied and looked through in reasonable time.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// The file of that segment.
pub(crate) fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.journal"))
}

/// The segments that are there, in their order.
pub(crate) fn list(folder: &Path) -> Result<Vec<(u32, PathBuf)>, JournalError> {
    let list = || -> io::Result<Vec<(u32, PathBuf)>> {
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
    };
    list().map_err(failed("list", folder))
}

/// All bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, JournalError> {
    std::fs::read(path).map_err(failed("read", path))
}

/// Begins a segment; one that was begun and holds nothing is begun anew.
pub(super) fn begin(folder: &Path, number: u32) -> Result<File, JournalError> {
    let path = path(folder, number);
    let make = || {
        let mut file = private(&path, false)?;
        file.set_len(0)?;
        file.write_all(MAGIC)?;
        file.sync_all()?;
        sync_folder(folder)?;
        Ok(file)
    };
    make().map_err(failed("begin the segment", &path))
}

/// Moves a torn tail into a file of its own, so that nothing is lost, and cuts it off.
pub(super) fn cut_tail(path: &Path, offset: u64, length: u64) -> Result<PathBuf, JournalError> {
    let cut = || -> io::Result<PathBuf> {
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
    };
    cut().map_err(failed("mend", path))
}

/// Writes a file whole or not at all, on disk before it has its name.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let part = path.with_added_extension("part");
    let put = || {
        let mut file = private(&part, true)?;
        file.set_len(0)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)?;
        path.parent().map_or(Ok(()), sync_folder)
    };
    put().map_err(failed("write", path))
}

/// Removes a file that may have gone already, for good.
pub(crate) fn remove(path: &Path) -> Result<(), JournalError> {
    let removed = match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    removed.and_then(|()| path.parent().map_or(Ok(()), sync_folder)).map_err(failed("remove", path))
}

pub(super) fn private(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(!write).write(write).truncate(false).mode(0o600).open(path)
}

/// Says what was tried with which file.
pub(crate) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { what, path, source }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
