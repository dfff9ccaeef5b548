//! What an author of policies has before there is a component: a project, begun from a template and built with the
//! compiler at hand.
//!
//! A project is a folder with `policy.yaml` (a name and a language) and its sources. [`new`] writes one from what the
//! program carries: the examples of this repository with another name, so that there is one source of both. [`build`]
//! finds the compiler, has it make a core module, and wraps that into a component of the contract.
//!
//! What is not here: any check of what was built. That is the upload's, and `policy check` asks it without a host.

mod component;
mod languages;
mod project;
mod templates;
mod tools;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

pub use languages::{Built, build};
pub use project::{Language, Name, Project};
pub use templates::new;

/// Why there is no project, or no component of it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// No name of a policy.
    #[error("{0:?} is no name for a policy: 1 to 40 of a-z 0-9 -, beginning with a letter and ending with none of -")]
    Name(String),
    /// The folder is there, and not empty.
    #[error("{} is there already and not empty: nothing is overwritten", .0.display())]
    Exists(PathBuf),
    /// The folder is no project.
    #[error("read policy.yaml in {}", folder.display())]
    Project {
        /// Which.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its `policy.yaml` is not understood.
    #[error("{}: {problem}", file.display())]
    Manifest {
        /// Which.
        file: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A tool is not on this machine.
    #[error("there is no {tool} here")]
    NoTool {
        /// Which.
        tool: &'static str,
        /// How to get it.
        get: String,
    },
    /// A tool could not be started.
    #[error("start {tool}")]
    Start {
        /// Which.
        tool: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A tool said no; what it said stands on stderr.
    #[error("{tool} ended with {status}")]
    Failed {
        /// Which.
        tool: String,
        /// How.
        status: ExitStatus,
    },
    /// A file could not be read or written.
    #[error("{doing} {}", path.display())]
    File {
        /// Reading, writing …
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What the compiler made is no component of the contract.
    #[error("make a component of what {tool} made: {problem}")]
    Wrap {
        /// Who made it.
        tool: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// It is larger than a component may be.
    #[error("the component has {bytes} bytes, of {max} at most")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
}

/// A file that can't be read, written or made.
fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> AuthorError {
    let path = path.into();
    move |source| AuthorError::File { doing, path, source }
}
