//! `policy publish`: a policy and its signatures into a registry.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::signature::SignatureFile;
use wasmparser::Parser;

use super::super::exit::{Exit, Failure};
use super::super::print::note;
use super::{files, inspect};
use crate::config;
use crate::registry::{self, Patience, PolicyReference};

/// Publishes; gives back the reference by digest, for stdout.
pub(super) async fn publish(
    file: &Path,
    reference: &PolicyReference,
    signature: Option<&Path>,
) -> Result<String, Failure> {
    let usage =
        |error: anyhow::Error| Failure::of(Exit::Usage, error, Some("quarterdeck policy publish --help".to_owned()));
    let bytes = inspect::read(file).map_err(usage)?;
    // What no host would take in is not worth storing.
    if !Parser::is_component(&bytes) {
        return Err(usage(anyhow::anyhow!("{} is no WebAssembly component", file.display())));
    }
    let signatures = signatures(file, signature, &bytes).map_err(usage)?;
    let (docker_config, patience) = (config::docker_config(), Patience::default());
    let digest =
        registry::publish(&bytes, signatures.as_deref(), reference, docker_config.as_deref(), &patience).await?;
    let signed = if signatures.is_some() { "with its signatures" } else { "without signatures" };
    note(&format!("published {} as {reference}, {signed}", file.display()));
    Ok(format!("{}\n", reference.by_digest(&digest)))
}

/// The file of signatures, which must be one and about these bytes; none where there is none.
fn signatures(file: &Path, named: Option<&Path>, component: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let path = named.map_or_else(|| files::beside(file), Path::to_path_buf);
    let bytes = match files::read_signatures(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let read = SignatureFile::read(&bytes).with_context(|| format!("read {}", path.display()))?;
    let digest = Digest::of(component);
    if let Some(other) = read.manifest.map(|manifest| manifest.digest).filter(|other| *other != digest) {
        anyhow::bail!("{} is about {other}; {} is {digest}", path.display(), file.display());
    }
    Ok(Some(bytes))
}
