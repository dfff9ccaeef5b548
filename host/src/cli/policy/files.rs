//! Files of policies and their signatures: where they lie, and how they are read and written whole.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use quarterdeck_core::signature::SIGNATURE_BYTES_MAX;

/// Where the signatures of a component lie, unless they are named: beside it.
pub(super) fn beside(file: &Path) -> PathBuf {
    with(file, ".sig")
}

/// The path with something behind its name.
pub(super) fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The bytes of a file of signatures; hardly more than one may have, so that it is seen where there are more.
pub(super) fn read_signatures(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(SIGNATURE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts a whole file where none is, or in the place of another one, so that nobody ever reads half of it.
pub(super) fn replace(path: &Path, bytes: &[u8], over: bool) -> io::Result<()> {
    let part = with(path, &format!(".{}.part", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // A link is made only where nothing is.
        if over { std::fs::rename(&part, path) } else { std::fs::hard_link(&part, path) }
    };
    let written = write();
    if written.is_err() || !over {
        // It is a part of nothing any more; that it can't be removed is the lesser trouble.
        let _gone = std::fs::remove_file(&part);
    }
    written
}
