//! What the host gave: read once, bounded, and parsed. Nothing is started where any of it is odd.

use std::io;
use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::order::Order;
use quarterdeck_core::situation::Operation;
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::files::{FILES_MAX, PATH_BYTES_MAX, TOTAL_BYTES_MAX};

use crate::disk;
use crate::protocol::{RunConfig, RunFolder};

/// An order or a configuration has at most this many bytes; a real one has about 2 KiB.
const JSON_BYTES_MAX: usize = 256 << 10;
/// The packed files: their bytes, and a path and some lengths for each.
const FILES_BYTES_MAX: usize = TOTAL_BYTES_MAX + FILES_MAX * (PATH_BYTES_MAX + 16);

/// Everything that a worker works from.
pub(crate) struct Inputs {
    pub(crate) folder: RunFolder,
    pub(crate) order: Order,
    pub(crate) config: RunConfig,
}

/// Why the inputs are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("parse {}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("parse {}: {why}", path.display())]
    Files { path: PathBuf, why: String },
    #[error("the order {name} is about {ordered:?} and not {told:?}")]
    Other { name: String, ordered: Operation, told: Operation },
    #[error("the order {name} says to apply without saying what")]
    NoInput { name: String },
}

impl Inputs {
    /// Reads order and configuration.
    pub(crate) fn read(folder: &Path, told: Operation) -> Result<Inputs, InputError> {
        let folder = RunFolder::at(folder);
        let order: Order = json(&folder.order())?;
        let config: RunConfig = json(&folder.config())?;
        let name = order.name.to_string();
        if order.key.operation != told {
            return Err(InputError::Other { name, ordered: order.key.operation, told });
        }
        if told == Operation::Apply && order.apply.is_none() {
            return Err(InputError::NoInput { name });
        }
        Ok(Inputs { folder, order, config })
    }

    /// Reads the mission's files, which must be those of the order.
    pub(crate) fn files(&self) -> Result<FileSet, InputError> {
        let path = self.folder.files();
        let bytes = disk::read_bounded(&path, FILES_BYTES_MAX)
            .map_err(|source| InputError::Read { path: path.clone(), source })?;
        if Digest::of(&bytes) != self.order.plan {
            return Err(InputError::Files { path, why: "these are not the files of the order".to_owned() });
        }
        encoding::decode(&bytes).map_err(|error| InputError::Files { path, why: error.to_string() })
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, InputError> {
    let bytes = disk::read_bounded(path, JSON_BYTES_MAX)
        .map_err(|source| InputError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| InputError::Json { path: path.to_owned(), source })
}
