//! What the host gave: read once, bounded, and parsed. Nothing is started where any of it is odd.
//!
//! A pod is given its inputs in a folder of their own, which it can't write to: [`bring`] copies them first. What did not
//! come with them is fetched over TLS once the order is claimed ([`Inputs::fetch`]). Whether files are those of the order
//! is asked where they are used, wherever they came from: here for the mission's, in `terraform` for those of an apply.

use std::io;
use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::order::Order;
use quarterdeck_core::situation::Operation;
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::files::{FILES_MAX, PATH_BYTES_MAX, TOTAL_BYTES_MAX};

use crate::disk;
use crate::host::{Host, HostError};
use crate::protocol::{HostAddress, Input, RunConfig, RunFolder, inputs_digest};

/// An order or a configuration has at most this many bytes; a real one has about 2 KiB.
const JSON_BYTES_MAX: usize = 256 << 10;
/// The packed files: their bytes, and a path and some lengths for each.
const FILES_BYTES_MAX: usize = TOTAL_BYTES_MAX + FILES_MAX * (PATH_BYTES_MAX + 16);

/// Everything that a worker works from.
pub(crate) struct Inputs {
    pub(crate) folder: RunFolder,
    pub(crate) order: Order,
    pub(crate) config: RunConfig,
    /// The digest of order and configuration as they were given.
    pub(crate) digest: Digest,
}

/// Why the inputs are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("parse {}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("parse {}: {why}", path.display())]
    Files { path: PathBuf, why: String },
    #[error("the order {name} is about {ordered:?} and not {told:?}")]
    Other { name: String, ordered: Operation, told: Operation },
    #[error("the order {name} says to apply without saying what")]
    NoInput { name: String },
}

/// Why an input could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("fetch the input {input}")]
    Host { input: &'static str, source: HostError },
    #[error("write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Copies what a pod was given into the folder of its run, the order last; a folder that has an order keeps its own.
pub(crate) fn bring(given: &Path, folder: &Path) -> Result<(), InputError> {
    let (from, to) = (RunFolder::at(given), RunFolder::at(folder));
    if to.order().exists() {
        return Ok(());
    }
    let copy = |from: PathBuf, to: PathBuf, bytes_max| {
        let plain = std::fs::metadata(&from).and_then(|data| match data.is_file() {
            true => Ok(()),
            false => Err(io::Error::other("it is no plain file")),
        });
        let bytes = plain.and_then(|()| disk::read_bounded(&from, bytes_max));
        let bytes = bytes.map_err(|source| InputError::Read { path: from, source })?;
        disk::write_whole(&to, &bytes).map_err(|source| InputError::Write { path: to, source })
    };
    copy(from.config(), to.config(), JSON_BYTES_MAX)?;
    if from.files().exists() {
        copy(from.files(), to.files(), FILES_BYTES_MAX)?;
    }
    copy(from.order(), to.order(), JSON_BYTES_MAX)
}

impl Inputs {
    /// Reads order and configuration.
    pub(crate) fn read(folder: &Path, told: Operation) -> Result<Inputs, InputError> {
        let folder = RunFolder::at(folder);
        let (order_bytes, config_bytes) = (small(&folder.order())?, small(&folder.config())?);
        let digest = inputs_digest(&order_bytes, &config_bytes);
        let order: Order = json(&folder.order(), &order_bytes)?;
        let config: RunConfig = json(&folder.config(), &config_bytes)?;
        let name = order.name.to_string();
        if order.key.operation != told {
            return Err(InputError::Other { name, ordered: order.key.operation, told });
        }
        if told == Operation::Apply && order.apply.is_none() {
            return Err(InputError::NoInput { name });
        }
        Ok(Inputs { folder, order, config, digest })
    }

    /// Whether host and worker share no folder.
    pub(crate) fn is_far(&self) -> bool {
        match self.config.host {
            HostAddress::Socket(_) => false,
            HostAddress::Tls { .. } => true,
        }
    }

    /// Fetches what is missing of what the order names. One that the host does not have is missed where it is used.
    pub(crate) async fn fetch(&self, host: &Host, until: Timestamp) -> Result<(), FetchError> {
        for input in Input::ALL {
            let path = input.path(&self.folder);
            if input.of(&self.order).is_none() || path.exists() {
                continue;
            }
            let bytes = host.input(input, until).await;
            if let Some(bytes) = bytes.map_err(|source| FetchError::Host { input: input.name(), source })? {
                disk::write_whole(&path, &bytes).map_err(|source| FetchError::Write { path, source })?;
            }
        }
        Ok(())
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

fn small(path: &Path) -> Result<Vec<u8>, InputError> {
    disk::read_bounded(path, JSON_BYTES_MAX).map_err(|source| InputError::Read { path: path.to_owned(), source })
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, InputError> {
    serde_json::from_slice(bytes).map_err(|source| InputError::Json { path: path.to_owned(), source })
}
