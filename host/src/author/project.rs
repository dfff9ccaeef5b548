//! A project: a name, a language, a folder.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

use super::AuthorError;
use crate::config::read_bounded;

/// The file that makes a folder a project.
pub(super) const MANIFEST: &str = "policy.yaml";
/// It has two lines; 4 KiB hold a page of comments.
const MANIFEST_BYTES_MAX: usize = 4 << 10;
/// A name is at most this many bytes: it is a file's name, and stands in columns.
const NAME_BYTES_MAX: usize = 40;
/// What the template in Rust depends on by these names, so that no project can have them.
const NAMES_TAKEN: [&str; 2] = ["quarterdeck-policy-sdk", "wit-bindgen"];

/// The languages that a policy can be begun in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// By cargo, for wasm32-unknown-unknown.
    Rust,
    /// By componentize-py: CPython, started while building.
    Python,
    /// By componentize-qjs: QuickJS, started while building.
    Javascript,
    /// By the ordinary Go compiler.
    Go,
    /// By clang, without a C library.
    C,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 5] = [Language::Rust, Language::Python, Language::Javascript, Language::Go, Language::C];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Python => "python",
            Language::Javascript => "javascript",
            Language::Go => "go",
            Language::C => "c",
        }
    }
}

/// What a policy is called: also the name of its file, and of a package in its language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// Parses a name.
    ///
    /// # Errors
    /// Where it is empty, too long, or holds other signs than a name may.
    pub fn parse(text: &str) -> Result<Name, AuthorError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let plain =
            text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-') && text.chars().all(fits);
        if !plain || text.len() > NAME_BYTES_MAX || NAMES_TAKEN.contains(&text) {
            return Err(AuthorError::Name(text.chars().take(NAME_BYTES_MAX * 2).collect()));
        }
        Ok(Name(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = AuthorError;

    fn try_from(text: String) -> Result<Name, AuthorError> {
        Name::parse(&text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What `policy.yaml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: Name,
    language: Language,
}

/// A policy that can be built.
#[derive(Debug)]
pub struct Project {
    /// Where it lies; absolute.
    pub folder: PathBuf,
    /// What it is called.
    pub name: Name,
    /// What it is written in.
    pub language: Language,
}

impl Project {
    /// Reads `policy.yaml` in a folder.
    ///
    /// # Errors
    /// Where there is none, or it is not understood.
    pub fn read(folder: &Path) -> Result<Project, AuthorError> {
        let absent = |source: io::Error| AuthorError::Project { folder: folder.to_owned(), source };
        let folder = folder.canonicalize().map_err(absent)?;
        let file = folder.join(MANIFEST);
        let text = read_bounded(&file, MANIFEST_BYTES_MAX)
            .map_err(|source| AuthorError::Project { folder: folder.clone(), source })?;
        let manifest: Manifest = serde_saphyr::from_str(&text)
            .map_err(|error| AuthorError::Manifest { file, problem: error.to_string() })?;
        Ok(Project { folder, name: manifest.name, language: manifest.language })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_and_a_package_in_every_language() {
        for good in ["a", "keeper", "web-2-keeper", "self", "policy"] {
            assert!(Name::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(41);
        for bad in ["", "Keeper", "-a", "a-", "2a", "a_b", "a.b", "../a", "a/b", "ä", "wit-bindgen", &long, "a\nb"] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
    }
}
