//! `policy pull`: a policy out of a registry, as a file and its signatures beside it.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use quarterdeck_core::digest::Digest;

use super::super::exit::{Exit, Failure};
use super::super::print::note;
use super::files::{beside, replace};
use crate::config;
use crate::registry::{self, Patience, PolicyReference};

/// Pulls; gives back the reference by digest, for stdout.
pub(super) async fn pull(reference: &PolicyReference, file: &Path, force: bool) -> Result<String, Failure> {
    let signatures = beside(file);
    // Asked before anything is fetched, and again when it is written.
    if let Some(there) = [file, &signatures].into_iter().find(|path| !force && path.exists()) {
        let error = anyhow::anyhow!("{} is there already", there.display());
        return Err(Failure::of(Exit::Usage, error, Some("name another file, or say --force".to_owned())));
    }
    let pulled = registry::pull(reference, config::docker_config().as_deref(), &Patience::default()).await?;
    let written = || -> anyhow::Result<()> {
        match &pulled.signature {
            Some(bytes) => {
                replace(&signatures, bytes, force).with_context(|| format!("write {}", signatures.display()))?
            }
            // What is there would be about another policy.
            None if force => gone(&signatures).with_context(|| format!("remove {}", signatures.display()))?,
            None => {}
        }
        replace(file, &pulled.bytes, force).with_context(|| format!("write {}", file.display()))
    };
    written()
        .map_err(|error| Failure::of(Exit::Failed, error, Some("look at the folder, and pull again".to_owned())))?;
    note(&format!("{} is {}, {} bytes", file.display(), Digest::of(&pulled.bytes), pulled.bytes.len()));
    match &pulled.signature {
        Some(_) => {
            note(&format!("{} was published with it; quarterdeck policy verify says who signed", signatures.display()))
        }
        None => note("no signatures were published with it"),
    }
    Ok(format!("{}\n", pulled.reference))
}

fn gone(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
