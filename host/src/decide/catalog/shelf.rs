//! The folder of the catalog: one folder a component, named by its digest.
//!
//! ```text
//! policies/<hex>/component.wasm   the component; what makes the folder count, so it is written last
//! policies/<hex>/report.json      what the upload came to
//! policies/<hex>/signatures       the signatures that it was uploaded with, where it was
//! policies/<hex>/compiled-<id>    compiled for one engine and its limits; made again where it is gone
//! ```
//!
//! Every file is written aside, fsynced and renamed, so a crash leaves the old one, the new one, or a `.part` that nobody
//! reads. No path leads out of the folder.

use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, OpenOptions, OpenOptionsExt};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::upload::{REPORT_BYTES_MAX, Report};

use super::super::artifact::{ARTIFACT_BYTES_MAX, Artifact};
use super::super::limits;
use super::super::structure::COMPONENT_BYTES_MAX;

const COMPONENT: &str = "component.wasm";
const REPORT: &str = "report.json";
const SIGNATURES: &str = "signatures";

/// Why a component can't be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The file system said no.
    #[error("{what} the catalog")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its bytes have another digest.
    #[error("policy {} is not what was stored: its bytes have another digest", .0.short(12))]
    Changed(Digest),
    /// Its report is none.
    #[error("the report of policy {} can't be read: {problem}", .policy.short(12))]
    Report {
        /// Which.
        policy: Digest,
        /// What is wrong with it.
        problem: String,
    },
}

/// What is kept of one component.
pub struct Stored<'a> {
    /// Its bytes.
    pub component: &'a [u8],
    /// What the upload came to.
    pub report: &'a Report,
    /// The signatures that came with it.
    pub signatures: Option<&'a [u8]>,
    /// It, compiled for this engine.
    pub artifact: Option<&'a Artifact>,
}

/// The folder.
pub(super) struct Shelf {
    folder: Dir,
}

fn io(what: &'static str) -> impl Fn(io::Error) -> ShelfError {
    move |source| ShelfError::Io { what, source }
}

/// Nothing where the file or folder is not there.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Shelf {
    pub(super) fn open(folder: &Path) -> Result<Shelf, ShelfError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io("make"))?;
        let folder = Dir::open_ambient_dir(folder, ambient_authority()).map_err(io("open"))?;
        Ok(Shelf { folder })
    }

    pub(super) fn keep(&self, stored: &Stored<'_>) -> Result<(), ShelfError> {
        let policy = Digest::of(stored.component);
        let known = self.folder.exists(format!("{}/{COMPONENT}", policy.hex()));
        let kept = self.write_all(policy, stored);
        if kept.is_err() && !known {
            // What was there before stays: it may be the policy that decides. Of another one half is nothing; where not even
            // this can be done, the next start sweeps.
            let _swept_later = self.folder.remove_dir_all(policy.hex());
        }
        kept.map_err(io("write into"))
    }

    fn write_all(&self, policy: Digest, stored: &Stored<'_>) -> io::Result<()> {
        let mut private = DirBuilder::new();
        private.mode(0o700);
        match self.folder.create_dir_with(policy.hex(), &private) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let folder = self.folder.open_dir(policy.hex())?;
        let report = serde_json::to_vec_pretty(stored.report)?;
        write(&folder, REPORT, &report)?;
        if let Some(signatures) = stored.signatures {
            write(&folder, SIGNATURES, signatures)?;
        }
        if let Some(artifact) = stored.artifact {
            write(&folder, &compiled(), &artifact.encode())?;
        }
        write(&folder, COMPONENT, stored.component)?;
        self.folder.open(".")?.sync_all()
    }

    /// Writes a compiled artifact beside a component that is here.
    pub(super) fn keep_artifact(&self, policy: Digest, artifact: &Artifact) -> Result<(), ShelfError> {
        let folder = self.folder.open_dir(policy.hex()).map_err(io("open"))?;
        write(&folder, &compiled(), &artifact.encode()).map_err(io("write into"))
    }

    /// The component, compiled for this engine and these limits; none where it is not there, or not as it was written.
    pub(super) fn artifact(&self, policy: Digest) -> Option<Artifact> {
        let folder = self.folder.open_dir(policy.hex()).ok()?;
        let fits = folder.metadata(compiled()).is_ok_and(|file| file.len() <= ARTIFACT_BYTES_MAX as u64);
        if !fits {
            return None;
        }
        Artifact::decode(&folder.read(compiled()).ok()?).ok()
    }

    pub(super) fn component(&self, policy: Digest) -> Result<Option<Vec<u8>>, ShelfError> {
        let read = there(self.folder.metadata(format!("{}/{COMPONENT}", policy.hex()))).map_err(io("read"))?;
        let Some(file) = read else { return Ok(None) };
        if file.len() > COMPONENT_BYTES_MAX as u64 {
            return Err(ShelfError::Changed(policy));
        }
        let bytes = self.folder.read(format!("{}/{COMPONENT}", policy.hex())).map_err(io("read"))?;
        if Digest::of(&bytes) == policy { Ok(Some(bytes)) } else { Err(ShelfError::Changed(policy)) }
    }

    pub(super) fn report(&self, policy: Digest) -> Result<Option<Report>, ShelfError> {
        let path = format!("{}/{REPORT}", policy.hex());
        let Some(file) = there(self.folder.metadata(&path)).map_err(io("read"))? else { return Ok(None) };
        let refused = |problem: String| ShelfError::Report { policy, problem };
        // Indented, it is larger than it may be at most.
        if file.len() > 4 * REPORT_BYTES_MAX as u64 {
            return Err(refused(format!("it has {} bytes", file.len())));
        }
        let bytes = self.folder.read(&path).map_err(io("read"))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| refused(error.to_string()))
    }

    pub(super) fn remove(&self, policy: Digest) -> Result<(), ShelfError> {
        there(self.folder.remove_dir_all(policy.hex())).map_err(io("remove from"))?;
        self.folder.open(".").and_then(|folder| folder.sync_all()).map_err(io("write into"))
    }

    /// Removes what is named by nobody; returns how many folders that were.
    pub(super) fn sweep(&self, named: impl Fn(&Digest) -> bool) -> Result<usize, ShelfError> {
        let mut swept = 0;
        for entry in self.folder.entries().map_err(io("list"))? {
            let name = entry.map_err(io("list"))?.file_name();
            let digest = name.to_str().and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok());
            if digest.as_ref().is_some_and(&named) {
                continue;
            }
            let removed = match self.folder.symlink_metadata(&name).map_err(io("list"))?.is_dir() {
                true => self.folder.remove_dir_all(&name),
                false => self.folder.remove_file(&name),
            };
            removed.map_err(io("sweep"))?;
            swept += 1;
        }
        Ok(swept)
    }
}

/// The name of what is compiled for this engine and these limits.
fn compiled() -> String {
    format!("compiled-{}", encoding::digest(&limits::identity()).short(16))
}

/// Writes a file whole or not at all.
fn write(folder: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = format!("{name}.part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = folder.open_with(&part, &options)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    folder.rename(&part, folder, name)?;
    folder.open(".")?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_upload_that_fails_leaves_the_component_that_is_there() {
        let folder = std::env::temp_dir().join(format!("quarterdeck-shelf-{}", std::process::id()));
        let shelf = Shelf::open(&folder).unwrap();
        let component = b"a component".as_slice();
        let policy = Digest::of(component);
        let report = Report {
            policy,
            bytes: 11,
            sandbox: limits::identity(),
            profile: None,
            imports: vec![],
            exports: vec![],
            producers: vec![],
            description: None,
            signers: vec![],
            checks: vec![],
            samples: vec![],
            replay: None,
        };
        let stored = Stored { component, report: &report, signatures: None, artifact: None };
        shelf.keep(&stored).unwrap();
        let path = folder.join(policy.hex()).join(REPORT);
        std::fs::remove_file(&path).and_then(|()| std::fs::create_dir(&path)).unwrap();
        assert!(shelf.keep(&stored).is_err(), "a folder stands in the report's place");
        assert_eq!(shelf.component(policy).unwrap().as_deref(), Some(component));
        shelf.remove(policy).unwrap();
        assert_eq!(shelf.component(policy).unwrap(), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
