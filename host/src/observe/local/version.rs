//! Which engine it is, and which versions of its API it serves: the answer to an unversioned `GET /version`.
//!
//! Unversioned, because a request that names a version is refused by an engine that no longer (or does not yet) serve it,
//! and that is the very thing to find out. Engines of Docker 20.10 to 29 answer it alike.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use quarterdeck_core::terraform::providers::{ApiRange, ApiVersion};
use quarterdeck_core::terraform::text::escape;
use serde::Deserialize;

use super::socket::{ProbeError, Socket};

/// The question.
pub(super) const ASKED: &str = "/version";
/// The version of the API that we speak where the engine serves it: the oldest that Docker 29 serves, and all since 25.
const API_SPOKEN: ApiVersion = ApiVersion { major: 1, minor: 44 };
/// An engine that names no minimum serves everything from here on (moby's own floor).
const API_FLOOR: ApiVersion = ApiVersion { major: 1, minor: 24 };
/// A version is shown up to this many characters; Debian's are the longest, such as `26.1.5+dfsg1`.
const VERSION_CHARS_MAX: usize = 60;

/// An engine and the versions of its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The engine's version, such as `29.0.1`.
    pub engine: String,
    /// The versions of the API that it serves.
    pub api: ApiRange,
}

impl Version {
    /// The version of the API to ask this engine with: the one that we know best, or the nearest that it serves.
    pub fn spoken(&self) -> ApiVersion {
        API_SPOKEN.min(self.api.max).max(self.api.min)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Docker engine {}, API {} to {}", self.engine, self.api.min, self.api.max)
    }
}

/// Asks the engine behind a socket once, for the table at the start and for `doctor`.
///
/// # Errors
/// Where nobody answers in time, or what answers is no engine.
pub async fn probe(socket: &Path, timeout: Duration) -> Result<Version, ProbeError> {
    ask(&Socket::new(socket, timeout)?).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    version: String,
    api_version: String,
    #[serde(rename = "MinAPIVersion")]
    api_version_min: Option<String>,
}

/// Asks the engine.
pub(super) async fn ask(socket: &Socket) -> Result<Version, ProbeError> {
    let answer: Answer = socket.get(ASKED).await?;
    let parse = |text: &str| {
        let wrong = |why| ProbeError::Unreadable { asked: ASKED.to_owned(), why };
        text.parse::<ApiVersion>().map_err(|_| wrong(format!("{:?} is no version", escape(text, VERSION_CHARS_MAX))))
    };
    let max = parse(&answer.api_version)?;
    let min =
        answer.api_version_min.as_deref().filter(|text| !text.is_empty()).map_or(Ok(API_FLOOR.min(max)), parse)?;
    if min > max {
        let why = format!("its oldest API {min} is newer than its newest {max}");
        return Err(ProbeError::Unreadable { asked: ASKED.to_owned(), why });
    }
    Ok(Version { engine: escape(&answer.version, VERSION_CHARS_MAX), api: ApiRange { min, max } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(min: u32, max: u32) -> Version {
        let api = |minor| ApiVersion { major: 1, minor };
        Version { engine: "1".into(), api: ApiRange { min: api(min), max: api(max) } }
    }

    #[test]
    fn an_engine_is_asked_with_a_version_that_it_serves() {
        for (min, max, spoken) in [(12, 41, 41), (24, 45, 44), (44, 52, 44), (40, 53, 44), (50, 60, 50)] {
            assert_eq!(engine(min, max).spoken().minor, spoken, "{min} to {max}");
        }
    }
}
