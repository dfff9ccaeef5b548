//! The versions of the state that Terraform writes, each on disk before it is answered for.
//!
//! A version is a file named by its number. Which of them the host has is a number in a file beside them, so that
//! whoever comes after a killed worker hands over exactly what is missing.

use std::fs;
use std::io;
use std::path::PathBuf;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::order::StateRef;
use quarterdeck_core::terraform::state_json::{STATE_BYTES_MAX, StateError, parse_state};

use crate::disk;
use crate::protocol::{LockInfo, RunFolder};

/// A run writes at most this many versions: one every 20 seconds of an apply, and we end after 20 minutes.
const VERSIONS_MAX: u32 = 10_000;

/// One version.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) number: u32,
    pub(crate) state: StateRef,
}

/// Why a version could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateFault {
    #[error("this is no state")]
    Odd(#[from] StateError),
    #[error("write a version of the state")]
    Disk(#[from] io::Error),
    #[error("there are more than {VERSIONS_MAX} versions")]
    TooMany,
}

/// The versions in a run's folder.
pub(crate) struct States {
    folder: RunFolder,
    newest: Option<Version>,
}

impl States {
    /// Opens what is there, also from a worker before.
    pub(crate) fn open(folder: &RunFolder) -> Result<States, StateFault> {
        fs::create_dir_all(folder.states())?;
        let mut states = States { folder: folder.clone(), newest: None };
        if let Some(number) = states.numbers()?.into_iter().max() {
            let state = reference(&states.bytes(number)?)?;
            states.newest = Some(Version { number, state });
        }
        Ok(states)
    }

    /// The newest version.
    pub(crate) fn newest(&self) -> Option<&Version> {
        self.newest.as_ref()
    }

    /// The bytes of a version.
    pub(crate) fn bytes(&self, number: u32) -> io::Result<Vec<u8>> {
        disk::read_bounded(&self.path(number), STATE_BYTES_MAX)
    }

    /// Keeps a version: it is on disk when this returns. `None` where it is the newest one already.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Result<Option<Version>, StateFault> {
        let state = reference(bytes)?;
        if self.newest.as_ref().is_some_and(|newest| newest.state == state) {
            return Ok(None);
        }
        let number = self.newest.as_ref().map_or(1, |newest| newest.number + 1);
        if number > VERSIONS_MAX {
            return Err(StateFault::TooMany);
        }
        disk::write_whole(&self.path(number), bytes)?;
        let version = Version { number, state };
        self.newest = Some(version.clone());
        Ok(Some(version))
    }

    /// The numbers that the host does not have yet, in order.
    pub(crate) fn undelivered(&self) -> io::Result<Vec<u32>> {
        let delivered =
            fs::read_to_string(self.delivered()).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let mut numbers: Vec<u32> = self.numbers()?.into_iter().filter(|number| *number > delivered).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Notes that the host has this version and all before it.
    pub(crate) fn note_delivered(&self, number: u32) -> io::Result<()> {
        disk::write_whole(&self.delivered(), number.to_string().as_bytes())
    }

    /// Notes Terraform's lock, without which the host takes no version from whoever comes after us.
    pub(crate) fn note_lock(&self, info: &LockInfo) -> io::Result<()> {
        disk::write_whole(&self.lock(), &serde_json::to_vec(info).expect("a lock is plain JSON"))
    }

    /// Terraform's lock, where one was taken and not given back.
    pub(crate) fn noted_lock(&self) -> Option<LockInfo> {
        serde_json::from_slice(&disk::read_bounded(&self.lock(), 64 << 10).ok()?).ok()
    }

    /// Notes that the lock was given back.
    pub(crate) fn forget_lock(&self) -> io::Result<()> {
        match fs::remove_file(self.lock()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => disk::sync_folder(self.folder.root()),
        }
    }

    /// Whether this `errored.tfstate` has become a version already.
    pub(crate) fn has_errored(&self, bytes: &[u8]) -> bool {
        fs::read_to_string(self.errored()).is_ok_and(|text| text.trim() == Digest::of(bytes).to_string())
    }

    /// Notes that this `errored.tfstate` has become a version, so that it does not become another one.
    pub(crate) fn note_errored(&self, bytes: &[u8]) -> io::Result<()> {
        disk::write_whole(&self.errored(), Digest::of(bytes).to_string().as_bytes())
    }

    fn numbers(&self) -> io::Result<Vec<u32>> {
        let names = fs::read_dir(self.folder.states())?;
        Ok(names.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.states().join(format!("{number:06}"))
    }

    fn delivered(&self) -> PathBuf {
        self.folder.root().join("delivered")
    }

    fn errored(&self) -> PathBuf {
        self.folder.root().join("errored")
    }

    fn lock(&self) -> PathBuf {
        self.folder.root().join("lock.json")
    }
}

/// What names a version.
pub(crate) fn reference(bytes: &[u8]) -> Result<StateRef, StateError> {
    let facts = parse_state(bytes)?;
    Ok(StateRef { lineage: facts.lineage, serial: facts.serial, digest: Digest::of(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(serial: u64) -> Vec<u8> {
        format!(r#"{{"version":4,"lineage":"l","serial":{serial},"resources":[]}}"#).into_bytes()
    }

    #[test]
    fn versions_outlive_the_worker_that_wrote_them() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path());
        let mut states = States::open(&run).unwrap();
        assert_eq!(states.keep(&state(1)).unwrap().unwrap().number, 1);
        assert!(states.keep(&state(1)).unwrap().is_none());
        states.note_delivered(1).unwrap();
        states.keep(&state(2)).unwrap();
        states.keep(&state(3)).unwrap();
        let again = States::open(&run).unwrap();
        assert_eq!(again.undelivered().unwrap(), [2, 3]);
        assert_eq!(again.newest().unwrap().state.serial, 3);
        assert_eq!(again.bytes(2).unwrap(), state(2));
    }

    #[test]
    fn what_is_no_state_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut states = States::open(&RunFolder::at(folder.path())).unwrap();
        assert!(states.keep(b"<html>").is_err());
        assert!(states.newest().is_none());
    }
}
