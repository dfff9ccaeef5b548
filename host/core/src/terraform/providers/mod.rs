//! Which API the docker provider speaks, and whether an engine still listens to it.
//!
//! Docker 29.0 raised the oldest API that its engine serves to 1.44, and the docker provider before 3.3.0 speaks 1.41
//! at most. Negotiation only ever lowers the version and the provider reads no `DOCKER_API_VERSION`, so nothing but
//! another provider or another engine helps; and the provider takes the refusal for "the network is gone", so Terraform
//! answers with an empty state instead of an error. Hence this verdict *before* every run.
//!
//! Not here: asking the engine, and reading the lock file from a folder.

mod constraint;
mod engine;
mod lock;
mod refusal;
mod version;

use serde::{Deserialize, Serialize};

pub use constraint::{Constraint, ConstraintError};
pub use engine::{ENGINE_VERSION_PATH, EngineAnswer, EngineAnswerError, EngineVersion};
pub use lock::{LOCK_BYTES_MAX, LockError, LockFile, LockedProvider};
pub use refusal::{Refusal, recognise_refusal};
pub use version::{ApiRange, ApiVersion, Version, VersionError};

use super::grants::{DOCKER_SOURCE, provider_source};
use crate::mission::ProviderNeed;

/// From `since` on, releases of the docker provider link a client library that speaks at most `api_max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderApi {
    /// The first release with this library.
    pub since: Version,
    /// The newest API version that this library offers.
    pub api_max: ApiVersion,
    /// The library, as the provider's `go.mod` names it at that tag.
    pub library: &'static str,
}

/// What each release of kreuzwerker/docker speaks, oldest first; read from its `go.mod` at each tag, and the API from
/// `api/common.go` (`DefaultVersion`) of the library named there. A row holds until the next one begins.
pub const DOCKER_PROVIDERS: [ProviderApi; 5] = [
    row(0, 0, 0, 41, "github.com/docker/docker v20.10.22 or older"),
    row(3, 1, 0, 41, "github.com/docker/docker v20.10.27"),
    row(3, 3, 0, 48, "github.com/docker/docker v28.0.4"),
    row(3, 6, 0, 49, "github.com/docker/docker v28.1.1"),
    row(3, 8, 0, 51, "github.com/docker/docker v28.5.1"),
];

/// The newest release whose library was read; of later ones (4.6 and on) we only know that they speak at least as much.
pub const DOCKER_PROVIDER_READ_UP_TO: Version = Version::new(4, 5, 0);

/// The first release that an engine of Docker 29 accepts: the cure that a finding names.
pub const DOCKER_PROVIDER_CURE: Version = Version::new(3, 3, 0);

const fn row(major: u32, minor: u32, patch: u32, api_minor: u32, library: &'static str) -> ProviderApi {
    ProviderApi {
        since: Version::new(major, minor, patch),
        api_max: ApiVersion { major: 1, minor: api_minor },
        library,
    }
}

/// Whether a plan's docker provider and an engine understand each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compatibility {
    /// They do.
    Works {
        /// The newest API version that both speak, where the table tells it.
        spoken: Option<ApiVersion>,
    },
    /// The provider's newest API is older than the engine's oldest: no Terraform run may start.
    TooOld {
        /// The newest API version of the provider.
        spoken: ApiVersion,
        /// The oldest API version that the engine serves.
        minimum: ApiVersion,
        /// What to do, as a sentence that names file and line.
        cure: String,
        /// The file to change.
        file: String,
        /// The line to change, from 1.
        line: u32,
    },
    /// We cannot tell, which is said rather than guessed.
    Unknown {
        /// Why we cannot.
        why: String,
    },
}

/// Judges whether the provider that `need` selects can talk to an engine with the API range `engine`.
///
/// A lock file decides. Without one `terraform init` takes the newest release in the constraint's range, so the judgment
/// is on that release.
pub fn verdict(need: &ProviderNeed, engine: ApiRange) -> Compatibility {
    if provider_source(&need.source).as_deref() != Some(DOCKER_SOURCE) {
        return Compatibility::Unknown { why: format!("{} is not in the table of docker providers", need.source) };
    }
    let speaks = match &need.locked {
        Some(locked) => locked.parse().map(api_of).map_err(|error: VersionError| error.to_string()),
        None => api_of_constraint(need.constraint.as_deref().unwrap_or_default()),
    };
    match speaks {
        Err(why) => Compatibility::Unknown { why },
        Ok(Speaks::Exactly(api)) if api < engine.min => {
            let minimum = engine.min;
            Compatibility::TooOld {
                spoken: api,
                minimum,
                cure: cure(need, api, minimum),
                file: need.file.clone(),
                line: need.line,
            }
        }
        Ok(Speaks::Exactly(api)) => Compatibility::Works { spoken: Some(api.min(engine.max)) },
        Ok(Speaks::AtLeast(api)) if api >= engine.min => Compatibility::Works { spoken: None },
        Ok(Speaks::AtLeast(api)) => Compatibility::Unknown {
            why: format!(
                "the engine serves no API older than {}; the provider is newer than the table (which ends at \
                 {DOCKER_PROVIDER_READ_UP_TO}, API {api}), so it may or may not speak that",
                engine.min
            ),
        },
    }
}

/// The newest API of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Exactly(ApiVersion),
    AtLeast(ApiVersion),
}

fn api_of(version: Version) -> Speaks {
    let known = DOCKER_PROVIDERS.iter().rev().find(|row| row.since <= version).unwrap_or(&DOCKER_PROVIDERS[0]);
    if version > DOCKER_PROVIDER_READ_UP_TO { Speaks::AtLeast(known.api_max) } else { Speaks::Exactly(known.api_max) }
}

/// What the newest release in the range speaks. Releases are not listed here, so the range is tested against a grid
/// around the rows of the table: it is enough to know into which row its upper end falls.
fn api_of_constraint(text: &str) -> Result<Speaks, String> {
    let constraint = Constraint::parse(text).map_err(|error| error.to_string())?;
    match constraint.newest_possible() {
        Some(newest) => Ok(api_of(newest)),
        None => Err(format!("no version can satisfy the constraint {text:?}")),
    }
}

fn cure(need: &ProviderNeed, spoken: ApiVersion, minimum: ApiVersion) -> String {
    let needed = DOCKER_PROVIDERS.iter().find(|row| row.api_max >= minimum);
    let place = format!("line {} of {}", need.line, need.file);
    let Some(needed) = needed else {
        return format!(
            "the provider speaks API {spoken} and the engine serves none older than {minimum}; no release up to \
             {DOCKER_PROVIDER_READ_UP_TO} speaks that: take a newer one in {place}, or lower the engine's min-api-version"
        );
    };
    let lock = if need.locked.is_some() { " and remove the provider from .terraform.lock.hcl" } else { "" };
    format!(
        "the provider speaks API {spoken} at most and the engine serves none older than {minimum}: change the version \
         in {place} to \">= {}\"{lock}",
        needed.since
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(constraint: &str, locked: Option<&str>) -> ProviderNeed {
        let constraint = (!constraint.is_empty()).then(|| constraint.to_owned());
        let (source, file) = (DOCKER_SOURCE.to_owned(), "main.tf".to_owned());
        ProviderNeed { source, constraint, locked: locked.map(str::to_owned), file, line: 5 }
    }

    fn engine(min: u32, max: u32) -> ApiRange {
        ApiRange { min: ApiVersion { major: 1, minor: min }, max: ApiVersion { major: 1, minor: max } }
    }

    #[test]
    fn the_table_against_engines() {
        let too_old =
            ["~> 3.0.2", "= 3.0.2", "3.2.0", "< 3.3.0", ">= 2.0, < 3.1", "~> 2.15", "<= 3.2.9", "3.0.2, >= 3.0"];
        for text in too_old {
            let said = verdict(&need(text, None), engine(44, 52));
            assert!(
                matches!(&said, Compatibility::TooOld { cure, line: 5, .. } if cure.contains("\">= 3.3.0\"")),
                "{text}: {said:?}"
            );
            assert!(matches!(verdict(&need(text, None), engine(40, 53)), Compatibility::Works { .. }), "{text}");
            assert!(matches!(verdict(&need(text, None), engine(24, 45)), Compatibility::Works { .. }), "{text}");
        }
        for text in [
            "",
            ">= 3.3.0",
            "~> 3.0",
            "~> 3.3.0",
            "= 4.5.0",
            "4.5.0",
            ">= 3.3.0, < 4",
            "!= 3.9.0",
            "~> 4",
            "> 3.2.0",
            ">= 4.6",
        ] {
            let said = verdict(&need(text, None), engine(44, 52));
            assert!(matches!(said, Compatibility::Works { .. }), "{text}: {said:?}");
        }
    }

    #[test]
    fn a_lock_decides_over_the_constraint() {
        let said = verdict(&need(">= 3.0", Some("3.0.2")), engine(44, 52));
        assert!(matches!(said, Compatibility::TooOld { cure, .. } if cure.contains(".terraform.lock.hcl")));
        let said = verdict(&need(">= 3.0", Some("3.3.0")), engine(44, 47));
        assert_eq!(said, Compatibility::Works { spoken: Some(ApiVersion { major: 1, minor: 47 }) });
    }

    #[test]
    fn a_lock_that_is_no_version_is_unknown() {
        let said = verdict(&need("", Some("latest")), engine(44, 52));
        assert!(matches!(said, Compatibility::Unknown { why } if why.contains("latest")));
    }

    #[test]
    fn what_is_unknown_is_said_to_be_unknown() {
        assert!(matches!(verdict(&need("rubbish", None), engine(44, 52)), Compatibility::Unknown { .. }));
        assert!(matches!(verdict(&need("> 3, < 3", None), engine(44, 52)), Compatibility::Unknown { .. }));
        let newer = verdict(&need("4.6.0", None), engine(52, 60));
        assert!(matches!(newer, Compatibility::Unknown { why } if why.contains("newer than the table")));
        let mut other = need("", None);
        other.source = "hashicorp/docker".into();
        assert!(matches!(verdict(&other, engine(24, 45)), Compatibility::Unknown { .. }));
        let beyond = verdict(&need("4.5.0", None), engine(55, 60));
        assert!(matches!(beyond, Compatibility::TooOld { cure, .. } if cure.contains("no release up to 4.5.0")));
    }
}
