//! The base of a pruned journal: one file, `base`, written whole before any segment goes.

use std::io;
use std::path::{Path, PathBuf};

use quarterdeck_core::checkpoint::Base;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::Begun;
use quarterdeck_core::ledger::Ledger;

use super::{JournalError, segment};
use crate::remember::seal;

/// Where the base of a journal lies.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("base")
}

/// The base of a journal, if it has one, with a signature that fits. Whose key that is, is for others to ask.
pub(crate) fn read(folder: &Path) -> Result<Option<Base>, JournalError> {
    let path = path(folder);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(segment::failed("read", &path)(error)),
    };
    parse(folder, &bytes).map(Some)
}

/// The base that these bytes are, with a signature that fits.
pub(super) fn parse(folder: &Path, bytes: &[u8]) -> Result<Base, JournalError> {
    let base: Base = encoding::decode(bytes).map_err(|source| refused(folder, &source.to_string()))?;
    if !seal::fits(&base.key, &base.statement(), &base.signature) {
        return Err(refused(folder, "its signature does not fit what it says"));
    }
    Ok(base)
}

/// What a base holds.
pub(super) fn contents(folder: &Path, base: &Base) -> Result<(Ledger, Option<Begun>), JournalError> {
    let ledger = base.ledger().map_err(|source| refused(folder, &format!("its ledger can't be read: {source}")))?;
    let begun = base.begun().map_err(|source| refused(folder, &format!("its entry can't be read: {source}")))?;
    if ledger.entries != base.record || ledger.nonce != Some(base.journal) {
        return Err(refused(folder, "its ledger is not that of its record"));
    }
    Ok((ledger, begun))
}

/// The base is not what it should be.
pub(crate) fn refused(folder: &Path, problem: &str) -> JournalError {
    JournalError::Base { path: path(folder), problem: problem.to_owned() }
}
