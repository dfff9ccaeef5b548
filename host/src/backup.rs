//! Backup: everything durable that a world of a host has, copied while the host runs, into one file; and back.
//!
//! **What.** `table` has a row for each file that can lie in a world's folder, and says whether it is copied and why.
//!
//! **In which order.** The journal is the only truth, and whatever it names is on disk before the journal says so: a blob,
//! a version of a state, a policy. So the journal is taken first, as it stands at one moment, and everything else after it:
//! then what the copied journal names is in the copy. The other way round it could name what came after the look. What was
//! kept while the copy was made is in the copy as well and the journal does not name it, which is what a host finds that was
//! killed between the disk and the journal: a state that is newer than the journal says counts, a blob is not asked for, a
//! policy is swept.
//!
//! **What goes meanwhile.** A journal can be pruned where no host runs: `Snapshot` opens all segments between two looks at
//! the base, and a file that is open stays whole. Of a mission's state the oldest versions go, and a policy can be removed by
//! a person: the newest versions and the policies are opened as soon as the journal is. What goes in between is missed by the
//! proof; then the copy is begun anew or, on stdout, ends with an error and without its last member. Blobs are never removed.
//! No lock is held, since a
//! host must be able to start at any time.
//!
//! **Whole or not there.** What is copied passes [`prove`](self) as it is written. A file is read again and proven again
//! before it gets its name, which it gets by one step once it is on disk. A stream ends with a list of everything and its digests, so
//! one that was cut has no end. A restore proves everything before the folder gets its name.
//!
//! **Nothing acts on an old picture.** A restored journal ends with a pause of everything, in the name of whoever restored
//! it. A person lifts it with `quarterdeck resume`.
//!
//! - `table` is what there is, `archive` the tar, `prove` the proof; `copy` makes one, `restore` makes a folder of one,
//!   which `begun` gives its place.
//!
//! What is *not* here: encryption. A backup holds keys and states in clear; whoever makes one pipes it through a tool for that.

mod archive;
mod begun;
mod copy;
mod prove;
mod restore;
pub mod table;

use std::io;
use std::path::PathBuf;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::Timestamp;
use serde::{Deserialize, Serialize};

use crate::remember::JournalError;
use crate::remember::verify::VerifyError;

pub use copy::{Made, Told, pack, to_file};
pub use prove::Proven;
pub use restore::{Restored, Target, check, restore};

/// What the first member says that it is.
pub const FORMAT: &str = "quarterdeck-backup";
/// The version of the format that this program writes and reads.
pub const VERSION: u32 = 1;

/// The first member: what it is a backup of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The name of the world's folder: `real` or `rehearsal`.
    pub world: World,
    /// The version of the program that made it.
    pub program: String,
    /// When it was begun.
    #[serde(rename = "atMs")]
    pub at: Timestamp,
    /// The same for people.
    pub when: String,
    /// Which journal.
    pub journal: JournalHead,
}

/// A world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum World {
    /// The one with real workers.
    Real,
    /// The simulated one.
    Rehearsal,
}

/// Which journal it is, and up to where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JournalHead {
    /// The nonce that it began with.
    pub nonce: Digest,
    /// The number of its last record.
    pub records: u64,
    /// The hash of that.
    pub hash: Digest,
}

impl Header {
    /// Whether it is of the simulated world.
    pub fn rehearsal(&self) -> bool {
        self.world == World::Rehearsal
    }
}

impl World {
    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            World::Real => "real",
            World::Rehearsal => "rehearsal",
        }
    }
}

/// Why there is no backup, or none that can be restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
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
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal is not what was written.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// There is nothing to copy.
    #[error("no host has begun in {0} yet")]
    NothingBegun(PathBuf),
    /// What the journal names is not there.
    #[error("the journal names {what} {name}, and it is {problem}")]
    Named {
        /// What it names.
        what: &'static str,
        /// Which.
        name: String,
        /// What is there.
        problem: String,
    },
    /// The backup's own name is taken.
    #[error("{0} is there already, and is left as it is")]
    Exists(PathBuf),
    /// It is something else.
    #[error("this is no backup of quarterdeck: {0}")]
    Foreign(String),
    /// It is of another version.
    #[error("this backup has version {0} of the format, and this program reads version {VERSION}")]
    Version(u32),
    /// It ends too early.
    #[error("the backup was cut off {0}")]
    Cut(String),
    /// A member is not what it may be.
    #[error("the backup is damaged: member {name:?}: {problem}")]
    Member {
        /// Which.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Its members do not fit together.
    #[error("the backup is not whole: {0}")]
    NotWhole(String),
    /// There is a data folder already.
    #[error("{0} is there already and is not empty; nothing was changed")]
    Occupied(PathBuf),
    /// The last step failed when the folder that was there had another name already.
    #[error("{what} {path}; what was there before is whole, and is now {aside}")]
    LeftAside {
        /// What was tried.
        what: &'static str,
        /// With which folder.
        path: PathBuf,
        /// Where what was there is.
        aside: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The disk is too small.
    #[error("the backup has {bytes} bytes, and the disk of {path} has room for {free}; nothing was restored")]
    NoRoom {
        /// So many it has.
        bytes: u64,
        /// Where it should go.
        path: PathBuf,
        /// So many are free there.
        free: u64,
    },
    /// It is of the world that was not asked for.
    #[error("this is a backup of the folder {0:?}, and another one was asked for")]
    OtherWorld(&'static str),
}

/// Says what was tried with which file.
fn failed(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.into();
    move |source| BackupError::Io { what, path, source }
}
