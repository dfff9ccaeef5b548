//! The files of the states: `<mission>/NNNNNN-<serial>.tfstate` and `<mission>/lock.json`, mode 0600, folders 0700.
//!
//! A file comes into being by renaming one that is whole and on disk, so none is ever torn; then its folder is synced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::MissionId;
use quarterdeck_core::order::StateRef;
use quarterdeck_core::terraform::state_json::{STATE_BYTES_MAX, parse_state};

use super::{HeldLock, StateFault};

/// A lock is at most this large; Terraform's has about 300 bytes.
const LOCK_BYTES_MAX: u64 = 64 << 10;

/// The folder of all states.
pub(super) struct Disk {
    root: PathBuf,
}

/// A version's file.
pub(super) struct VersionFile {
    pub(super) number: u32,
    pub(super) serial: u64,
    pub(super) path: PathBuf,
}

/// A version that was read.
pub(super) struct Version {
    pub(super) state: StateRef,
    pub(super) bytes: Vec<u8>,
}

impl Disk {
    pub(super) fn open(root: &Path) -> io::Result<Disk> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        Ok(Disk { root: root.to_owned() })
    }

    /// Where a mission's states are.
    pub(super) fn path(&self, mission: &MissionId) -> PathBuf {
        self.root.join(mission.as_str())
    }

    /// The versions of a mission, the oldest first.
    pub(super) fn versions(&self, mission: &MissionId) -> Result<Vec<VersionFile>, StateFault> {
        let folder = self.folder(mission)?;
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_fault("list", &folder))?,
        };
        let mut versions = Vec::new();
        for entry in entries {
            let path = entry.map_err(io_fault("list", &folder))?.path();
            if let Some((number, serial)) = path.file_name().and_then(|name| version_name(name.to_str()?)) {
                versions.push(VersionFile { number, serial, path });
            }
        }
        versions.sort_by_key(|version| version.number);
        Ok(versions)
    }

    /// The newest version.
    pub(super) fn newest(&self, mission: &MissionId) -> Result<Option<Version>, StateFault> {
        self.versions(mission)?.last().map(|version| self.read(mission, version)).transpose()
    }

    /// Reads a version.
    pub(super) fn read(&self, mission: &MissionId, version: &VersionFile) -> Result<Version, StateFault> {
        let bytes = read_bounded(&version.path, STATE_BYTES_MAX as u64).map_err(io_fault("read", &version.path))?;
        let damaged = |_| StateFault::Damaged { folder: self.path(mission), serial: version.serial };
        let facts = parse_state(&bytes).map_err(damaged)?;
        let state = StateRef { lineage: facts.lineage, serial: facts.serial, digest: Digest::of(&bytes) };
        Ok(Version { state, bytes })
    }

    /// Whether exactly this version is kept.
    pub(super) fn has(&self, mission: &MissionId, state: &StateRef) -> Result<bool, StateFault> {
        let versions = self.versions(mission)?;
        let same = versions.iter().filter(|version| version.serial == state.serial);
        Ok(same.map(|version| self.read(mission, version)).any(|read| read.is_ok_and(|read| read.state == *state)))
    }

    /// Writes the next version: it is on disk under its name when this returns.
    pub(super) fn write(&self, mission: &MissionId, serial: u64, bytes: &[u8]) -> Result<PathBuf, StateFault> {
        let number = self.versions(mission)?.last().map_or(1, |version| version.number.saturating_add(1));
        let path = self.folder(mission)?.join(format!("{number:06}-{serial}.tfstate"));
        self.write_whole(mission, &path, bytes)?;
        Ok(path)
    }

    /// Keeps a state that is no version, beside them, and says where. The same bytes are kept once.
    pub(super) fn set_aside(&self, mission: &MissionId, label: &str, bytes: &[u8]) -> Result<PathBuf, StateFault> {
        let name = format!("refused-{label}-{}.tfstate", Digest::of(bytes).short(12));
        let path = self.folder(mission)?.join(name);
        if !path.exists() {
            self.write_whole(mission, &path, bytes)?;
        }
        Ok(path)
    }

    /// Removes the oldest versions above a number.
    pub(super) fn prune(&self, mission: &MissionId, keep: usize) -> Result<(), StateFault> {
        let versions = self.versions(mission)?;
        let surplus = versions.len().saturating_sub(keep);
        versions.iter().take(surplus).try_for_each(|version| remove(&version.path))
    }

    /// The missions that have a folder.
    pub(super) fn missions(&self) -> Result<Vec<MissionId>, StateFault> {
        let entries = fs::read_dir(&self.root).map_err(io_fault("list", &self.root))?;
        let mut missions: Vec<_> =
            entries.flatten().filter_map(|entry| MissionId::parse(entry.file_name().to_str()?).ok()).collect();
        missions.sort();
        Ok(missions)
    }

    /// The lock on a mission's state.
    pub(super) fn lock(&self, mission: &MissionId) -> Result<Option<HeldLock>, StateFault> {
        let path = self.lock_path(mission)?;
        match read_bounded(&path, LOCK_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateFault::Io { what: "read", path, source }),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| StateFault::LockFile(path)),
        }
    }

    /// Writes the lock, durably.
    pub(super) fn set_lock(&self, mission: &MissionId, held: &HeldLock) -> Result<(), StateFault> {
        let bytes = serde_json::to_vec(held).expect("a lock is plain JSON");
        self.write_whole(mission, &self.lock_path(mission)?, &bytes)
    }

    /// Removes the lock, durably.
    pub(super) fn clear_lock(&self, mission: &MissionId) -> Result<(), StateFault> {
        remove(&self.lock_path(mission)?)
    }

    fn lock_path(&self, mission: &MissionId) -> Result<PathBuf, StateFault> {
        Ok(self.folder(mission)?.join("lock.json"))
    }

    fn folder(&self, mission: &MissionId) -> Result<PathBuf, StateFault> {
        // An id may hold more than the name of a folder may.
        if mission.as_str().contains('/') || mission.as_str().starts_with('.') {
            return Err(StateFault::Name(mission.clone()));
        }
        Ok(self.path(mission))
    }

    fn write_whole(&self, mission: &MissionId, path: &Path, bytes: &[u8]) -> Result<(), StateFault> {
        let folder = self.folder(mission)?;
        if !folder.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(io_fault("make", &folder))?;
            sync(&self.root).map_err(io_fault("sync", &self.root))?;
        }
        let part = folder.join("next.part");
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&part, path)?;
            sync(&folder)
        };
        write().map_err(io_fault("write", path))
    }
}

/// Removes a file, durably. One that is not there is removed.
pub(super) fn remove(path: &Path) -> Result<(), StateFault> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed,
    };
    removed.and_then(|()| path.parent().map_or(Ok(()), sync)).map_err(io_fault("remove", path))
}

/// When a file was written last, by the file system's word.
pub(super) fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn version_name(name: &str) -> Option<(u32, u64)> {
    let (number, serial) = name.strip_suffix(".tfstate")?.split_once('-')?;
    Some((number.parse().ok()?, serial.parse().ok()?))
}

fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn io_fault(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateFault + use<> {
    let path = path.to_owned();
    move |source| StateFault::Io { what, path, source }
}
