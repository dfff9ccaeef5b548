//! The file that signatures stand in: ours, one of cosign's, or a bare signature in base64.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{MANIFEST, Manifest};
use crate::digest::Digest;
use crate::text::escape;

/// A file of signatures has at most this many bytes (64 KiB): sixty lines and a bundle with its certificates fit.
pub const SIGNATURE_BYTES_MAX: usize = 64 << 10;
/// So many signatures over the manifest: four times as many as there can be keys that count.
const SIGNATURES_MAX: usize = 64;
/// So many signatures over the bytes: each names no key, so all keys are tried, over all of the bytes.
const OVER_BYTES_MAX: usize = 4;
/// The longest signature of ECDSA on P-256 in DER has 72 bytes.
const SIGNATURE_MAX: usize = 72;
/// Of what is wrong with a bundle so many characters are shown.
const PROBLEM_CHARS_MAX: usize = 200;

/// A file of signatures, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFile {
    /// What was signed; none in a file of cosign's, whose signature is over the bytes alone.
    pub manifest: Option<Manifest>,
    /// The signatures.
    pub signings: Vec<Signing>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// Over the manifest.
    Manifest {
        /// The fingerprint of the key.
        key: Digest,
        /// 64 bytes of Ed25519, or ECDSA in DER.
        signature: Vec<u8>,
    },
    /// Over the component's bytes, as `cosign sign-blob` makes it. It does not say by which key.
    Bytes {
        /// 64 bytes of Ed25519, or ECDSA in DER.
        signature: Vec<u8>,
    },
}

/// Bytes that are no file of signatures.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureFileError {
    /// Too large.
    #[error("it has {0} bytes, of {SIGNATURE_BYTES_MAX} at most")]
    TooLarge(usize),
    /// Neither of ours nor of cosign's.
    #[error("it does not begin with {MANIFEST:?}, and is neither a bundle of cosign's nor one signature in base64")]
    Foreign,
    /// A bundle without a signature that we can check.
    #[error("it is JSON, but no bundle of cosign's over bytes: {0}")]
    Bundle(String),
    /// The manifest is not as it is written.
    #[error("{0} of its manifest is missing, changed or in another place")]
    Manifest(&'static str),
    /// A line is no signature.
    #[error("line {line}: {what}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// More than anybody has use for.
    #[error(
        "it has more than {SIGNATURES_MAX} signatures over the manifest, or more than {OVER_BYTES_MAX} over the bytes"
    )]
    TooMany,
}

/// The bundles that `cosign sign-blob --bundle` writes: up to version 2, and the newer one. Other fields are about logs and
/// certificates.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    base64_signature: Option<String>,
    message_signature: Option<MessageSignature>,
}

#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

impl SignatureFile {
    /// Reads a file of any of the three kinds.
    ///
    /// # Errors
    /// Where it is none of them, or larger than one may be.
    pub fn read(bytes: &[u8]) -> Result<SignatureFile, SignatureFileError> {
        if bytes.len() > SIGNATURE_BYTES_MAX {
            return Err(SignatureFileError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| SignatureFileError::Foreign)?;
        if text.trim_start().starts_with('{') {
            return bundle(text);
        }
        if text.split('\n').next() == Some(MANIFEST) {
            return text.parse();
        }
        let signature = base64(text.trim()).ok_or(SignatureFileError::Foreign)?;
        Ok(SignatureFile { manifest: None, signings: vec![Signing::Bytes { signature }] })
    }

    /// Our own form: the manifest, and a line for each signature.
    pub fn text(&self) -> String {
        let line = |signing: &Signing| match signing {
            Signing::Manifest { key, signature } => format!("signature {key} {}\n", STANDARD.encode(signature)),
            Signing::Bytes { signature } => format!("blob {}\n", STANDARD.encode(signature)),
        };
        let manifest = self.manifest.as_ref().map(Manifest::text).unwrap_or_default();
        manifest + &self.signings.iter().map(line).collect::<String>()
    }
}

/// Reads back [`SignatureFile::text`] with a manifest.
impl FromStr for SignatureFile {
    type Err = SignatureFileError;

    fn from_str(text: &str) -> Result<SignatureFile, SignatureFileError> {
        let mut lines = text.split('\n');
        if lines.next() != Some(MANIFEST) {
            return Err(SignatureFileError::Foreign);
        }
        let manifest = Manifest::read(&mut lines).map_err(SignatureFileError::Manifest)?;
        let first = manifest.text().lines().count() + 1;
        let mut signings = Vec::new();
        for (index, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            signings.push(signing(line).map_err(|what| SignatureFileError::Line { line: first + index, what })?);
            let over_bytes = signings.iter().filter(|signing| matches!(signing, Signing::Bytes { .. })).count();
            if over_bytes > OVER_BYTES_MAX || signings.len() - over_bytes > SIGNATURES_MAX {
                return Err(SignatureFileError::TooMany);
            }
        }
        Ok(SignatureFile { manifest: Some(manifest), signings })
    }
}

fn signing(line: &str) -> Result<Signing, &'static str> {
    let no_signature = "what stands there is no signature in base64";
    if let Some(signature) = line.strip_prefix("blob ") {
        return base64(signature).map(|signature| Signing::Bytes { signature }).ok_or(no_signature);
    }
    let rest = line.strip_prefix("signature ").ok_or("a line after the manifest begins with signature or blob")?;
    let (key, signature) = rest.split_once(' ').ok_or("a signature has the fingerprint of its key before it")?;
    let key = key.parse().map_err(|_| "the fingerprint of a key is sha256: and 64 lower-case hexadecimal digits")?;
    Ok(Signing::Manifest { key, signature: base64(signature).ok_or(no_signature)? })
}

fn bundle(text: &str) -> Result<SignatureFile, SignatureFileError> {
    let why = |what: String| SignatureFileError::Bundle(what);
    let bundle: Bundle = serde_json::from_str(text).map_err(|error| why(shown(&error)))?;
    let newer = || bundle.message_signature.map(|message| message.signature);
    let signature = bundle.base64_signature.or_else(newer);
    let signature = signature.ok_or_else(|| why("it has neither base64Signature nor messageSignature".to_owned()))?;
    let signature = base64(&signature).ok_or_else(|| why("its signature is no base64 of one".to_owned()))?;
    Ok(SignatureFile { manifest: None, signings: vec![Signing::Bytes { signature }] })
}

/// The beginning of what is wrong with a text, which may quote it.
fn shown(error: &serde_json::Error) -> String {
    escape(&error.to_string().chars().take(PROBLEM_CHARS_MAX).collect::<String>())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty() && bytes.len() <= SIGNATURE_MAX)
}
