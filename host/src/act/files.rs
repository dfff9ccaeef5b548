//! Files in a worker's folder. What a worker wrote is read up to a limit, and only where it is a plain file: Terraform's
//! providers write there too, and a link or a pipe would lead us elsewhere or hold us.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Writes a file, mode 0600: on disk under its name when this returns, or not there.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Opens a plain file for reading.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    // The flags' numbers are positive and small.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
}

/// Reads a plain file of at most `bytes_max` bytes.
pub(super) fn read(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_plain(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// As [`read`]; none where there is no such file.
pub(super) fn read_if_there(path: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    match read(path, bytes_max) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// The last whole line of a file that may still be growing; none where there is none, or it is longer than `bytes_max`.
pub(super) fn last_line(path: &Path, bytes_max: u64) -> Option<String> {
    let mut file = open_plain(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes_max))).ok()?;
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).ok()?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n')?;
    let line = bytes[..end].rsplit(|byte| *byte == b'\n').next()?;
    let cut = line.len() == end && length > bytes_max;
    (!cut && !line.is_empty()).then(|| String::from_utf8_lossy(line).into_owned())
}
