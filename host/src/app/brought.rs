//! The policy that the command line names: read, and checked as any other upload before anything begins.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::Uploaded;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::Person;
use quarterdeck_core::signature::SIGNATURE_BYTES_MAX;

use super::{PolicyRefused, StartError};
use crate::decide::Catalog;
use crate::decide::catalog::Stored;
use crate::decide::structure::COMPONENT_BYTES_MAX;
use crate::remember::journal::Reader;
use crate::uploads::{Checked, Uploads};

/// The policy that a person brings with the command line.
pub(super) enum Brought {
    /// The one that is built in, by a file of its own.
    Fallback,
    /// Another one, which has passed every check.
    File(Box<File>),
}

/// A policy's file.
pub(super) struct File {
    name: String,
    component: Vec<u8>,
    /// The signatures that lie beside it.
    signatures: Option<Vec<u8>>,
    checked: Checked,
}

impl Brought {
    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Brought::Fallback => "that is built in".to_owned(),
            Brought::File(file) => file.name.clone(),
        }
    }

    /// Reads and checks it. One that is on the shelf was checked already.
    pub(super) fn read(path: &Path, uploads: &Uploads) -> Result<Brought, StartError> {
        let (name, read) = (path.display().to_string(), |path: &Path| {
            let path = path.to_owned();
            move |source| StartError::ReadPolicy { path, source }
        });
        let component = bounded(path, COMPONENT_BYTES_MAX).map_err(read(path))?;
        if Digest::of(&component) == uploads.catalog.fallback().digest() {
            return Ok(Brought::Fallback);
        }
        let beside = PathBuf::from([path.as_os_str(), OsStr::new(".sig")].join(OsStr::new("")));
        let signatures = match bounded(&beside, SIGNATURE_BYTES_MAX) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            read_it => Some(read_it.map_err(read(&beside))?),
        };
        let refused = |why: String| StartError::Policy { name: name.clone(), source: PolicyRefused(why) };
        let ledger = past(uploads)?;
        let policy = Digest::of(&component);
        let known = if ledger.policies.shelf.contains_key(&policy) { uploads.catalog.report(policy)? } else { None };
        let checked = match known {
            Some(report) => Checked { report, artifact: None },
            None => uploads.examine(&ledger, &component, signatures.as_deref()).map_err(refused)?,
        };
        if let Some(check) = checked.report.refusal() {
            return Err(refused(format!("{}: {}", check.step.name(), check.detail)));
        }
        Ok(Brought::File(Box::new(File { name, component, signatures, checked })))
    }
}

impl File {
    /// Keeps it in the catalog; says what is written down of it.
    pub(super) fn kept(&self, catalog: &Catalog, who: &Person) -> Result<Uploaded, StartError> {
        let File { name, component, signatures, checked: Checked { report, artifact } } = self;
        // Without an artifact it was there before.
        if let Some(artifact) = artifact {
            let signatures = signatures.as_deref();
            catalog.keep(&Stored { component, report, signatures, artifact: Some(artifact) })?;
        }
        let none = || PolicyRefused("it does not say what it is".to_owned());
        let refused = |source| StartError::Policy { name: name.clone(), source };
        Uploaded::of(report, who, name, Timestamp(0)).ok_or_else(|| refused(none()))
    }
}

/// What follows from the journal so far: the charter in force demands signatures. Nothing where no host has begun.
fn past(uploads: &Uploads) -> Result<Ledger, StartError> {
    if !uploads.journal.exists() {
        return Ok(Ledger::default());
    }
    let reader = Reader::open(&uploads.journal)?;
    let mut ledger = reader.ledger();
    reader.read(&mut |record| ledger.fold(&record.entry))?;
    Ok(ledger)
}

/// A file, and one byte more than it may have where it is larger, so that whoever checks it says so.
fn bounded(path: &Path, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
