//! What a worker elsewhere hands over: a folder for each order, in the form of a worker's own.
//!
//! The adapter makes the folder and writes what the worker is given into it (`order.json`, `config.json`) before there is
//! a worker. What comes back is on disk, whole, before its worker hears so. The result comes last: after it nothing is
//! taken in but the same again, so what is read once it is there does not change any more.

use std::fs::DirBuilder;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::OrderName;
use quarterdeck_worker::protocol::{LeftFile, RunFolder, inputs_digest};

use super::journal::segment;

/// What a worker is given is at most this large; a real order has about 2 KiB.
const GIVEN_BYTES_MAX: usize = 256 << 10;

/// The folders of orders that are done elsewhere. Every method blocks for the disk.
pub struct LeftFolders {
    root: PathBuf,
    /// One writes at a time, so that nothing is written beside a result that is being written.
    turn: Mutex<()>,
}

/// Why nothing was taken in, or why it is not known what was given.
#[derive(Debug, thiserror::Error)]
pub enum LeftError {
    /// The order is not done elsewhere, or it is over and its folder is gone.
    #[error("there is no folder for what order {0} leaves")]
    NoFolder(OrderName),
    /// It has more bytes than it may have.
    #[error("{name} has {length} bytes, more than the {bytes_max} that it may have")]
    TooLarge {
        /// What it is.
        name: &'static str,
        /// How many it has.
        length: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// It comes after the result.
    #[error("order {0} has left its result, and nothing else is taken in after that")]
    Late(OrderName),
    /// The file system said no.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl LeftFolders {
    /// The folders in this one; nothing is made.
    pub fn at(root: &Path) -> LeftFolders {
        LeftFolders { root: root.to_owned(), turn: Mutex::new(()) }
    }

    /// The digest of what the order's worker was given.
    ///
    /// # Errors
    /// Where the order has no folder, or what stands in it can't be read.
    pub fn given(&self, order: &OrderName) -> Result<Digest, LeftError> {
        let folder = self.folder(order)?;
        let read = |path: PathBuf| {
            let bytes = read(&path, GIVEN_BYTES_MAX);
            bytes.map_err(|source| LeftError::Io { what: "read what was given", path, source })
        };
        Ok(inputs_digest(&read(folder.order())?, &read(folder.config())?))
    }

    /// Takes a file in: it is on disk when this returns. The same file twice is once.
    ///
    /// # Errors
    /// Where it is too large, the order has no folder, its result is there already, or the disk fails.
    pub fn take(&self, order: &OrderName, file: LeftFile, bytes: &[u8]) -> Result<(), LeftError> {
        let (name, length, bytes_max) = (file.name(), bytes.len(), file.bytes_max());
        if length > bytes_max {
            return Err(LeftError::TooLarge { name, length, bytes_max });
        }
        let folder = self.folder(order)?;
        // The lock guards nothing in memory, and what is on disk is whole at any time.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let path = file.path(&folder);
        if read(&path, bytes_max).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if folder.result().exists() {
            return Err(LeftError::Late(order.clone()));
        }
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |source| LeftError::Io { what, path, source }
        };
        let parent = path.parent().unwrap_or(folder.root());
        let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(io("make the folder", parent))?;
        segment::put(&path, bytes).map_err(|error| io("keep", &path)(io::Error::other(error)))
    }

    fn folder(&self, order: &OrderName) -> Result<RunFolder, LeftError> {
        let name = Some(order.as_str()).filter(|name| !name.contains('/') && !name.starts_with('.'));
        let path = name.map(|name| self.root.join(name));
        let there = path.filter(|path| std::fs::symlink_metadata(path).is_ok_and(|data| data.is_dir()));
        there.map(|path| RunFolder::at(&path)).ok_or_else(|| LeftError::NoFolder(order.clone()))
    }
}

fn read(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}
