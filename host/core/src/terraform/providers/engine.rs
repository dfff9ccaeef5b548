//! What an engine says of itself: the answer to `GET /version`.
//!
//! Asked without a version in the path, because a request that names one is refused by an engine that no longer (or does
//! not yet) serve it, and that is the very thing to find out. Engines of Docker 20.10 to 29 answer alike.

use std::fmt;

use serde::Deserialize;

use super::version::{ApiRange, ApiVersion};
use crate::terraform::text::escape;

/// The path of the question.
pub const ENGINE_VERSION_PATH: &str = "/version";
/// An engine that names no minimum serves everything from here on (moby's own floor).
const API_FLOOR: ApiVersion = ApiVersion { major: 1, minor: 24 };
/// A version is shown up to this many characters; Debian's are the longest, such as `26.1.5+dfsg1`.
const VERSION_CHARS_MAX: usize = 60;

/// An engine and the versions of its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineVersion {
    /// The engine's version, such as `29.0.1`; safe to print.
    pub engine: String,
    /// The versions of the API that it serves.
    pub api: ApiRange,
}

/// The answer as it comes, with the fields that are read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EngineAnswer {
    version: String,
    api_version: String,
    #[serde(rename = "MinAPIVersion")]
    api_version_min: Option<String>,
}

/// Why an answer is none of an engine's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what each case and its fields are")]
pub enum EngineAnswerError {
    #[error("{text:?} is no version")]
    NoVersion { text: String },
    #[error("its oldest API {min} is newer than its newest {max}")]
    Reversed { min: ApiVersion, max: ApiVersion },
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Docker engine {}, API {} to {}", self.engine, self.api.min, self.api.max)
    }
}

impl TryFrom<EngineAnswer> for EngineVersion {
    type Error = EngineAnswerError;

    fn try_from(answer: EngineAnswer) -> Result<Self, EngineAnswerError> {
        let parse = |text: &str| {
            let wrong = |_| EngineAnswerError::NoVersion { text: escape(text, VERSION_CHARS_MAX) };
            text.parse::<ApiVersion>().map_err(wrong)
        };
        let max = parse(&answer.api_version)?;
        let named = answer.api_version_min.as_deref().filter(|text| !text.is_empty());
        let min = named.map_or(Ok(API_FLOOR.min(max)), parse)?;
        if min > max {
            return Err(EngineAnswerError::Reversed { min, max });
        }
        Ok(EngineVersion { engine: escape(&answer.version, VERSION_CHARS_MAX), api: ApiRange { min, max } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(max: &str, min: Option<&str>) -> Result<EngineVersion, EngineAnswerError> {
        let (api_version, api_version_min) = (max.to_owned(), min.map(str::to_owned));
        EngineAnswer { version: "29.0.1".to_owned(), api_version, api_version_min }.try_into()
    }

    #[test]
    fn an_engine_names_its_range_or_none() {
        let range = |max, min| parse(max, min).map(|version| (version.api.min.minor, version.api.max.minor));
        assert_eq!(range("1.52", Some("1.44")), Ok((44, 52)));
        assert_eq!(range("1.41", None), Ok((24, 41)));
        assert_eq!(range("1.18", Some("")), Ok((18, 18)));
        assert!(matches!(range("new", None), Err(EngineAnswerError::NoVersion { .. })));
        assert!(matches!(range("1.30", Some("1.44")), Err(EngineAnswerError::Reversed { .. })));
    }
}
