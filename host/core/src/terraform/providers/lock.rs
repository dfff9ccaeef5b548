//! `.terraform.lock.hcl`: which release of each provider was chosen, and the hashes of its packages.
//!
//! The file is pinned with a plan's approval, so here it is only read: the release for the verdict about the engine, the
//! hashes to tell whether packages are pinned at all.

use std::str::FromStr as _;

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

use super::super::grants::provider_source;
use super::version::Version;

/// A lock file has at most this many bytes (256 KiB): a provider with hashes for all platforms has about 2 KiB.
pub const LOCK_BYTES_MAX: usize = 256 * 1024;

/// The content of a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockFile {
    /// One entry a provider, in the order of the file.
    pub providers: Vec<LockedProvider>,
}

/// One provider's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedProvider {
    /// The full address as Terraform writes it, with the registry's host.
    pub address: String,
    /// The source in short form, where it is at the public registry.
    pub source: Option<String>,
    /// The chosen release.
    pub version: Version,
    /// The constraints that it was chosen for, as written.
    pub constraints: String,
    /// The accepted packages, `h1:…` and `zh:…`.
    pub hashes: Vec<String>,
}

/// Why a text is no lock file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what each case and its fields are")]
pub enum LockError {
    #[error("the lock file has {bytes} bytes, more than {LOCK_BYTES_MAX}")]
    TooLarge { bytes: usize },
    #[error("the lock file is no HCL at line {line}, column {column}: {message}; remove it, init writes a new one")]
    Syntax { line: usize, column: usize, message: String },
    #[error("the lock file's entry for {address:?} has no version that is one")]
    NoVersion { address: String },
}

impl LockFile {
    /// Parses the text of a lock file; what is no `provider` block is passed over, as Terraform does.
    ///
    /// # Errors
    /// Where it is too large, no HCL, or an entry names no release.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        if text.len() > LOCK_BYTES_MAX {
            return Err(LockError::TooLarge { bytes: text.len() });
        }
        let body = Body::from_str(text).map_err(|error| LockError::Syntax {
            line: error.location().line(),
            column: error.location().column(),
            message: error.message().to_owned(),
        })?;
        let blocks = body.blocks().filter(|block| block.has_ident("provider"));
        Ok(Self { providers: blocks.map(locked).collect::<Result<_, _>>()? })
    }

    /// The locked release of a provider, by its short source.
    pub fn version_of(&self, source: &str) -> Option<Version> {
        self.providers.iter().find(|entry| entry.source.as_deref() == Some(source)).map(|entry| entry.version)
    }
}

fn locked(block: &Block) -> Result<LockedProvider, LockError> {
    let address = block.labels.first().map(|label| label.as_str().to_owned()).unwrap_or_default();
    let text = |key| block.body.get_attribute(key).and_then(|attribute| attribute.value.as_str()).unwrap_or_default();
    let version = text("version").parse().map_err(|_| LockError::NoVersion { address: address.clone() })?;
    let hashes = block.body.get_attribute("hashes").and_then(|attribute| attribute.value.as_array());
    let hashes = hashes.map(|array| array.iter().filter_map(Expression::as_str).map(str::to_owned).collect());
    Ok(LockedProvider {
        source: provider_source(&address),
        version,
        constraints: text("constraints").to_owned(),
        hashes: hashes.unwrap_or_default(),
        address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
# This file is maintained automatically by "terraform init".
provider "registry.terraform.io/kreuzwerker/docker" {
  version     = "3.0.2"
  constraints = "~> 3.0.2"
  hashes = [
    "h1:DcRxJArfX6EiATluWeCBW7HoD6usz9fMoTK2U3dmyPk=",
    "zh:15b0a2b2b563d8d40f62f83057d91acb02cd0096f207488d8b4298a59203d64f",
  ]
}
"#;

    #[test]
    fn the_locked_release_is_read() {
        let lock = LockFile::parse(LOCK).expect("valid");
        assert_eq!(lock.version_of("kreuzwerker/docker"), Some(Version::new(3, 0, 2)));
        assert_eq!(lock.version_of("hashicorp/random"), None);
        assert_eq!(lock.providers[0].constraints, "~> 3.0.2");
        assert_eq!(lock.providers[0].hashes.len(), 2);
    }

    #[test]
    fn what_is_no_lock_file_is_refused() {
        assert!(matches!(LockFile::parse("provider {"), Err(LockError::Syntax { .. })));
        assert!(matches!(LockFile::parse("provider \"a\" {\n}"), Err(LockError::NoVersion { .. })));
        assert!(matches!(LockFile::parse(&" ".repeat(LOCK_BYTES_MAX + 1)), Err(LockError::TooLarge { .. })));
        assert_eq!(LockFile::parse(""), Ok(LockFile::default()));
    }
}
