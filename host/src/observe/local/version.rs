//! Which engine it is, and the version of its API that it is asked in.

use std::path::Path;
use std::time::Duration;

use quarterdeck_core::terraform::providers::{ApiRange, ApiVersion, ENGINE_VERSION_PATH, EngineAnswer, EngineVersion};

use super::socket::{ProbeError, Socket};

/// The version of the API that we speak where the engine serves it: the oldest that Docker 29 serves, and all since 25.
const API_SPOKEN: ApiVersion = ApiVersion { major: 1, minor: 44 };

/// Asks the engine behind a socket once, for the table at the start and for `doctor`.
///
/// # Errors
/// Where nobody answers in time, or what answers is no engine.
pub async fn probe(socket: &Path, timeout: Duration) -> Result<EngineVersion, ProbeError> {
    ask(&Socket::new(socket, timeout)?).await
}

/// Asks the engine.
pub(super) async fn ask(socket: &Socket) -> Result<EngineVersion, ProbeError> {
    let answer: EngineAnswer = socket.get(ENGINE_VERSION_PATH).await?;
    let unreadable = |why: String| ProbeError::Unreadable { asked: ENGINE_VERSION_PATH.to_owned(), why };
    EngineVersion::try_from(answer).map_err(|error| unreadable(error.to_string()))
}

/// The version of the API to ask an engine in: the one that we know best, or the nearest that it serves.
pub(super) fn spoken(api: ApiRange) -> ApiVersion {
    API_SPOKEN.min(api.max).max(api.min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_asked_with_a_version_that_it_serves() {
        let api = |minor| ApiVersion { major: 1, minor };
        for (min, max, minor) in [(12, 41, 41), (24, 45, 44), (44, 52, 44), (40, 53, 44), (50, 60, 50)] {
            assert_eq!(spoken(ApiRange { min: api(min), max: api(max) }).minor, minor, "{min} to {max}");
        }
    }
}
