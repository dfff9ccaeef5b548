//! Version numbers: of a provider (`3.0.2`) and of the engine's API (`1.44`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release of a provider. Pre-releases are not modelled: Terraform takes one only where it is named exactly, and the
/// docker provider has published none since 2.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Rises with breaking changes.
    pub major: u32,
    /// Rises with features.
    pub minor: u32,
    /// Rises with fixes.
    pub patch: u32,
}

/// A version of the engine's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApiVersion {
    /// 1 ever since.
    pub major: u32,
    /// Rises with each engine that changes the API.
    pub minor: u32,
}

/// The API versions that an engine serves, from its unversioned `/version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRange {
    /// The oldest (`MinAPIVersion`).
    pub min: ApiVersion,
    /// The newest (`ApiVersion`).
    pub max: ApiVersion,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no version; expected {expected}")]
pub struct VersionError {
    /// What was given.
    pub text: String,
    /// The form that was expected.
    pub expected: &'static str,
}

impl Version {
    /// The release `major.minor.patch`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Up to three numbers with dots between them; at most 6 digits each, which no real version reaches.
pub(super) fn numbers(text: &str) -> Option<Vec<u32>> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() > 3 {
        return None;
    }
    let plain = |part: &&str| !part.is_empty() && part.len() <= 6 && part.bytes().all(|b| b.is_ascii_digit());
    parts.iter().map(|part| Some(part).filter(|part| plain(part))?.parse().ok()).collect()
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        match numbers(text.trim()).as_deref() {
            Some([major, minor, patch]) => Ok(Self::new(*major, *minor, *patch)),
            Some([major, minor]) => Ok(Self::new(*major, *minor, 0)),
            Some([major]) => Ok(Self::new(*major, 0, 0)),
            Some(_) | None => Err(VersionError { text: text.to_owned(), expected: "numbers like 3.0.2" }),
        }
    }
}

impl FromStr for ApiVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        match numbers(text.trim()).as_deref() {
            Some([major, minor]) => Ok(Self { major: *major, minor: *minor }),
            Some(_) | None => Err(VersionError { text: text.to_owned(), expected: "two numbers like 1.44" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_compare_as_such() {
        assert_eq!("1.44".parse(), Ok(ApiVersion { major: 1, minor: 44 }));
        assert!("1.9".parse::<ApiVersion>().expect("valid") < "1.44".parse().expect("valid"));
        assert_eq!("3.0.2".parse(), Ok(Version::new(3, 0, 2)));
        for text in ["", "1", "1.", "1.x", "v1.44", "1.44.0", "-1.4", "1.4294967296"] {
            assert!(text.parse::<ApiVersion>().is_err(), "{text:?}");
        }
        for text in ["", "3..2", "3.0.2-rc1", "3.0.2.1", "three"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}
