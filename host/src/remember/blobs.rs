//! Content-addressed files: missions packed as one, saved plans, their JSON. Named by digest, mode 0600, checked when read.

use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use quarterdeck_core::digest::Digest;

/// A blob is at most this large: a plan's JSON of a mission with several hundred resources.
pub const BLOB_BYTES_MAX: usize = 32 << 20;

/// Why a blob can't be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The file system said no.
    #[error("{what} blob {digest}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Which blob.
        digest: Digest,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its bytes have another digest.
    #[error("blob {0} is not what was stored: its bytes have another digest")]
    Changed(Digest),
    /// It is larger than a blob may be.
    #[error("a blob of {0} bytes is larger than {BLOB_BYTES_MAX}")]
    TooLarge(usize),
}

/// A folder of blobs; no path leads out of it.
#[derive(Debug)]
pub struct Blobs {
    folder: Dir,
}

impl Blobs {
    /// Opens a folder, and makes it, for its owner alone, where there is none.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn open(folder: &Path) -> io::Result<Blobs> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Blobs { folder: Dir::open_ambient_dir(folder, ambient_authority())? })
    }

    /// Keeps bytes, durably, and names them. The same bytes twice are one blob.
    ///
    /// # Errors
    /// Where they are too large or the file system says no.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge(bytes.len()));
        }
        let digest = Digest::of(bytes);
        let name = digest.hex();
        if self.get(&digest).is_ok_and(|known| known.is_some()) {
            return Ok(digest);
        }
        let part = format!("{name}.part");
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = self.folder.open_with(&part, &options)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            self.folder.rename(&part, &self.folder, &name)?;
            self.folder.open(".")?.sync_all()
        };
        write().map_err(|source| BlobError::Io { what: "keep", digest, source })?;
        Ok(digest)
    }

    /// The bytes of that digest; none where there is no such blob.
    ///
    /// # Errors
    /// Where they were changed or can't be read.
    pub fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, BlobError> {
        match self.folder.read(digest.hex()) {
            Ok(bytes) if Digest::of(&bytes) == *digest => Ok(Some(bytes)),
            Ok(_) => Err(BlobError::Changed(*digest)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(BlobError::Io { what: "read", digest: *digest, source }),
        }
    }
}
