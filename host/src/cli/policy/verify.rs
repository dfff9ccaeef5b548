//! `policy verify`: whether enough of those who count have signed a component, as a host would ask.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::signature::{KEYS_MAX, KnownKey, SignatureDemands, VerifyingKey};
use serde_json::json;

use super::super::args::VerifyPolicyArgs;
use super::super::exit::{Exit, Failure};
use super::super::print::{self, Output, note, table};
use super::{files, inspect, sign};
use crate::config;
use crate::decide::signature::{Signed, verify as check};

/// A public key's file has at most this many bytes (8 KiB).
const PEM_BYTES_MAX: usize = 8 << 10;

/// Verifies; the text for stdout says who signed.
pub(super) fn verify(args: &VerifyPolicyArgs) -> Result<String, Failure> {
    let VerifyPolicyArgs { file, signature, output, .. } = args;
    let usage =
        |error: anyhow::Error| Failure::of(Exit::Usage, error, Some("quarterdeck policy verify --help".to_owned()));
    let demands = demands(args).map_err(usage)?;
    let bytes = inspect::read(file).map_err(usage)?;
    let path = signature.clone().unwrap_or_else(|| files::beside(file));
    let signatures = match files::read_signatures(&path) {
        Ok(bytes) => Some(bytes),
        // A file that was named has to be there.
        Err(error) if error.kind() == io::ErrorKind::NotFound && signature.is_none() => None,
        Err(error) => return Err(usage(anyhow::Error::new(error).context(format!("read {}", path.display())))),
    };
    let refused = |error: anyhow::Error| {
        let next = format!("quarterdeck policy sign {} --key FILE adds a signature", file.display());
        Failure::of(Exit::Failed, error.context(format!("verify {}", file.display())), Some(next))
    };
    let signed = check(&bytes, signatures.as_deref(), &demands).map_err(|error| refused(error.into()))?;
    if let Some(manifest) = &signed.manifest {
        let description = sign::described(file, &bytes)?;
        if let Some(difference) = manifest.difference(&description) {
            return Err(refused(anyhow::anyhow!("{difference}")));
        }
    }
    signed.unknown.iter().for_each(|stranger| note(&format!("note: {stranger}")));
    Ok(shown(&signed, &demands, Digest::of(&bytes), *output))
}

fn shown(signed: &Signed, demands: &SignatureDemands, digest: Digest, output: Output) -> String {
    if output == Output::Json {
        let object = json!({
            "digest": digest, "needed": demands.needed, "signers": signed.signers, "unknown": signed.unknown,
            "manifest": signed.manifest.as_ref().map(|manifest| manifest.text()),
        });
        return print::pretty(&print::object("PolicySignatures", false, &object));
    }
    let row = |key: &KnownKey| {
        let has_signed = if signed.signers.contains(&key.name) { "yes" } else { "no" };
        vec![key.name.clone(), has_signed.to_owned(), key.pem.kind().to_owned(), key.pem.fingerprint().to_string()]
    };
    note(&format!("{digest}: {} signed, {} needed", signed.signers.len(), demands.needed));
    table(&["key", "signed", "kind", "fingerprint"], demands.keys.iter().map(row))
}

/// What is demanded: by the operator's numbers, or of the keys that were named, of all of them unless fewer are said.
fn demands(args: &VerifyPolicyArgs) -> anyhow::Result<SignatureDemands> {
    if let Some(path) = &args.config {
        let demands = config::settings(path)?.signatures;
        anyhow::ensure!(demands.needed > 0, "{} demands no signature", path.display());
        return Ok(demands);
    }
    anyhow::ensure!(args.key.len() <= KEYS_MAX, "{} keys are named, of {KEYS_MAX} at most", args.key.len());
    let keys = args.key.iter().map(|path| known(path)).collect::<anyhow::Result<Vec<KnownKey>>>()?;
    let needed = args.needed.map_or_else(|| u32::try_from(keys.len()), Ok)?;
    let demands = SignatureDemands { needed, keys };
    demands.check()?;
    Ok(demands)
}

/// A key that is named by its file, and called after it.
fn known(path: &Path) -> anyhow::Result<KnownKey> {
    let named = || format!("read the public key {}", path.display());
    let text = config::read_bounded(path, PEM_BYTES_MAX).with_context(named)?;
    let pem = VerifyingKey::read(&text).with_context(named)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    Ok(KnownKey { name: stem.to_owned(), pem })
}
