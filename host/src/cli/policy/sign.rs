//! `policy sign`: says what a component is and may do, and puts a signature under it, beside those that are there.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::signature::{Manifest, SignatureFile};
use quarterdeck_core::text::escape;
use serde_json::json;

use super::super::exit::{Exit, Failure};
use super::super::print::{self, Output, note};
use super::files::{beside, read_signatures, replace};
use super::inspect;
use super::key::SigningKey;
use crate::decide::Sandbox;

/// Signs; gives back the manifest that was signed, for stdout.
pub(super) fn sign(file: &Path, key: &Path, signature: Option<&Path>, output: Output) -> Result<String, Failure> {
    let usage = |next: &'static str| move |error: anyhow::Error| Failure::of(Exit::Usage, error, Some(next.to_owned()));
    let key = SigningKey::read(key).map_err(usage("make one: quarterdeck policy keygen FILE"))?;
    let bytes = inspect::read(file).map_err(usage("name a policy, a WebAssembly component"))?;
    let description = described(file, &bytes)?;
    let manifest = Manifest::of(Digest::of(&bytes), bytes.len() as u64, &description);
    let path = signature.map_or_else(|| beside(file), Path::to_path_buf);
    let other = "name another file with --signature, or remove that one";
    let mut signatures = existing(&path, &manifest).map_err(usage(other))?;
    let signing = key.sign(&manifest);
    let fingerprint = key.public().fingerprint();
    if signatures.signings.contains(&signing) {
        note(&format!("{fingerprint} has signed it before: nothing changes"));
    } else {
        signatures.signings.push(signing);
        let writing = || format!("write {}", path.display());
        let text = signatures.text();
        // What can't be read back must not be written.
        SignatureFile::read(text.as_bytes()).with_context(writing).map_err(usage(other))?;
        replace(&path, text.as_bytes(), true)
            .with_context(writing)
            .map_err(|error| Failure::of(Exit::Failed, error, None))?;
        note(&format!("{fingerprint} signed it; {} holds {} of them", path.display(), signatures.signings.len()));
    }
    Ok(match output {
        Output::Table | Output::Wide => manifest.text(),
        Output::Json => {
            let object = json!({
                "file": file, "signatureFile": path, "fingerprint": fingerprint, "manifest": manifest.text(),
                "signatures": signatures.signings.len(),
            });
            print::pretty(&print::object("PolicySignature", false, &object))
        }
    })
}

/// What a component says of itself.
pub(super) fn described(file: &Path, bytes: &[u8]) -> Result<Description, Failure> {
    let sandbox = Sandbox::new().map_err(|error| Failure::of(Exit::Failed, error, None))?;
    let loaded = sandbox.load(bytes).map(|policy| policy.description().clone());
    loaded.map_err(|error| {
        let error = anyhow::anyhow!("{}", escape(&crate::driver::chain(&error)));
        let next = format!("quarterdeck policy inspect {} says what it is", file.display());
        Failure::of(Exit::Usage, error.context(format!("ask {} what it is", file.display())), Some(next))
    })
}

/// The signatures that are there, which must be about the same; none where there is no file.
fn existing(path: &Path, manifest: &Manifest) -> anyhow::Result<SignatureFile> {
    let named = || format!("add a signature to {}", path.display());
    let bytes = match read_signatures(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(SignatureFile { manifest: Some(manifest.clone()), signings: Vec::new() });
        }
        Err(error) => return Err(error).with_context(named),
    };
    let file = SignatureFile::read(&bytes).with_context(named)?;
    match &file.manifest {
        Some(signed) if signed == manifest => Ok(file),
        Some(_) => Err(anyhow::anyhow!("its manifest is about another component, or says otherwise of this one")),
        // A signature of cosign's keeps its place under a manifest that did not exist for its signer.
        None => Ok(SignatureFile { manifest: Some(manifest.clone()), ..file }),
    }
    .with_context(named)
}
