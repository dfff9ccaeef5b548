//! Cases: situations with what a policy is expected to decide in each, as `policy test` and `policy bench` read them.
//!
//! A folder of files, each of which is one case and is called by its name without the ending. What is *not* here is what
//! stands in a file (`written`), and whether a policy meets it.

mod written;

use std::path::{Path, PathBuf};

use anyhow::Context;
use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_core::situation::SITUATION_BYTES_MAX;

use crate::cli::exit::{Exit, Failure};
use crate::config;
use crate::decide::GuestFailure;

pub(super) use written::{Bytes, parse};

/// A case's file is at most this large: a situation of 256 KiB as JSON over several lines, a memo in numbers, and room.
const CASE_BYTES_MAX: usize = 4 << 20;
/// A folder holds at most this many cases: each is asked about twice, and people read what came of it.
const CASES_MAX: usize = 1_000;

/// One case.
pub(super) struct Case {
    /// Its file's name without the ending.
    pub(super) name: String,
    /// Its file.
    pub(super) path: PathBuf,
    /// What stands in the file.
    pub(super) text: String,
    /// What is shown, in the encoding that a journal has.
    pub(super) situation: Vec<u8>,
    /// What is expected; nothing where that has yet to be written.
    pub(super) expected: Option<Expected>,
}

/// What is expected of a policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expected {
    /// This decision.
    Decision(Decision),
    /// That it fails like this.
    Failure(GuestFailure),
}

/// The cases of a folder in the order of their names: all, or those that are named.
pub(super) fn read(folder: &Path, named: &[String]) -> Result<Vec<Case>, Failure> {
    let files = files(folder).map_err(|error| {
        usage(
            error,
            "name a folder with one file NAME.yaml or NAME.json for each case; docs/policies.md has an example",
        )
    })?;
    if let Some(unknown) = named.iter().find(|name| !files.iter().any(|(known, _)| known == *name)) {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let error = anyhow::anyhow!("{} has no case {unknown:?}", folder.display());
        return Err(usage(error, &format!("name one of these: {}", names.join(", "))));
    }
    let wanted = files.into_iter().filter(|(name, _)| named.is_empty() || named.contains(name));
    wanted
        .map(|(name, path)| {
            let next =
                "correct the case; quarterdeck policy test --help has one, journal show TURN --situation another";
            case(name, &path).with_context(|| format!("read the case {}", path.display())).map_err(|e| usage(e, next))
        })
        .collect()
}

fn usage(error: anyhow::Error, next: &str) -> Failure {
    Failure::of(Exit::Usage, error, Some(next.to_owned()))
}

/// The files of a folder that are cases, by their names.
fn files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let reading = || format!("read the cases in {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !matches!(ending, Some("yaml" | "yml" | "json")) || !path.is_file() {
            continue;
        }
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("{} has a name that is no text", path.display()))?;
        files.push((name.to_owned(), path));
    }
    files.sort();
    if files.is_empty() {
        anyhow::bail!("{} holds no case", folder.display());
    }
    if files.len() > CASES_MAX {
        anyhow::bail!("{} holds {} cases, of {CASES_MAX} at most", folder.display(), files.len());
    }
    if let Some([(name, _), _]) = files.array_windows().find(|[(one, _), (other, _)]| one == other) {
        anyhow::bail!("{} holds two cases that are called {name}", folder.display());
    }
    Ok(files)
}

fn case(name: String, path: &Path) -> anyhow::Result<Case> {
    let text = config::read_bounded(path, CASE_BYTES_MAX)?;
    let (situation, expected) = parse(&text)?;
    let situation = encoding::encode(&situation);
    if situation.len() > SITUATION_BYTES_MAX {
        anyhow::bail!("its situation has {} bytes, of {SITUATION_BYTES_MAX} at most", situation.len());
    }
    Ok(Case { name, path: path.to_owned(), text, situation, expected })
}
