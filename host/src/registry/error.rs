//! Why a policy was not pulled or published. Nothing here holds a name, password or token, nor an address with a query.

use std::time::Duration;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::text::escape;

use super::login::LoginError;

/// Of what is wrong with a manifest, which may be quoted, so many characters are shown.
const PROBLEM_CHARS_MAX: usize = 300;

/// Why a policy was not pulled or published.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A digest can't be chosen.
    #[error("publish under a tag: the digest follows from what is published")]
    NoTag,
    /// The program has not chosen how TLS is done.
    #[error("no TLS provider is installed in this process")]
    Tls,
    /// There is no HTTP client to be had.
    #[error("set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The login was not to be had.
    #[error("look for a login")]
    Login(#[from] LoginError),
    /// The registry is not reached.
    #[error("{what}")]
    Send {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: reqwest::Error,
    },
    /// It all took too long.
    #[error("the registry was not done within {0:?}")]
    Deadline(Duration),
    /// It wants to know who asks.
    #[error("{what}: the registry does not let {} do this", if *.known { "this login" } else { "anybody without a login" })]
    Unauthorized {
        /// What was tried.
        what: String,
        /// Whether a login was found.
        known: bool,
    },
    /// It is not there.
    #[error("{0}: the registry does not have it")]
    NotFound(String),
    /// It says no.
    #[error("{what}: the registry answers {status}: {said:?}")]
    Refused {
        /// What was tried.
        what: String,
        /// The status.
        status: u16,
        /// The beginning of what it says, escaped.
        said: String,
    },
    /// It names a place where nothing is sent: another machine in the clear, or nonsense.
    #[error(
        "{what}: the registry sends us to {to:?}, where we do not go: in the clear to another machine, or too often"
    )]
    Elsewhere {
        /// What was tried.
        what: String,
        /// The host, escaped.
        to: String,
    },
    /// More than may be.
    #[error("{what} has more than {bytes_max} bytes")]
    TooLarge {
        /// What was read.
        what: String,
        /// So many may be.
        bytes_max: usize,
    },
    /// Other bytes than were announced.
    #[error("{what} was to have {announced} bytes, and the registry sends {}", .has.map_or("more".to_owned(), |has| has.to_string()))]
    Length {
        /// What was read.
        what: String,
        /// By its manifest.
        announced: u64,
        /// What came; none where reading it was ended.
        has: Option<u64>,
    },
    /// Other bytes than were asked for.
    #[error("{what} was to be {wanted}, and the registry sends {has}")]
    Digest {
        /// What was read.
        what: String,
        /// What was to come.
        wanted: Digest,
        /// What came.
        has: Digest,
    },
    /// It is no policy.
    #[error("read the manifest: {}", escape(&.0.chars().take(PROBLEM_CHARS_MAX).collect::<String>()))]
    Manifest(String),
    /// An answer makes no sense.
    #[error("{what}: {problem}")]
    Unreadable {
        /// What was tried.
        what: String,
        /// What is wrong with the answer.
        problem: &'static str,
    },
}
