//! Whether enough of those whom the operator trusts have signed a component.
//!
//! It is asked before anything of the component is parsed. What is checked is arithmetic alone: whether the holder of a key
//! that the operator wrote down signed exactly this. No certificate, no transparency log and no revocation list is looked
//! at, and no network is used; who lost a key is taken out of the charter.
//!
//! What is *not* here: who may take a policy in once it is signed. The charter and people rule on that.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::signature::{
    Manifest, SignatureDemands, SignatureFile, SignatureFileError, Signing, VerifyingKey,
};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};

/// Whose signatures a component has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// The keys that count and have signed, by name, in the operator's order, each once.
    pub signers: Vec<String>,
    /// Signatures that count for nothing, since no key of the operator's made them: a sentence each.
    pub unknown: Vec<String>,
    /// What they have signed, where it was more than the bytes. [`Manifest::difference`] compares it with what the
    /// module says of itself, once that has been asked.
    pub manifest: Option<Manifest>,
}

/// Why a component is not signed as it must be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureRefused {
    /// The file of signatures is none.
    #[error("read the file of signatures")]
    File(#[from] SignatureFileError),
    /// It is about something else.
    #[error("the signed manifest is about {signed}, {signed_bytes} bytes; this component is {digest}, {bytes} bytes")]
    OtherBytes {
        /// What was signed.
        signed: Digest,
        /// How many bytes that has.
        signed_bytes: u64,
        /// What is at hand.
        digest: Digest,
        /// How many bytes that has.
        bytes: u64,
    },
    /// Somebody changed it, or it is another key's.
    #[error("the signature in {0}'s name does not fit the manifest: one of them was changed")]
    Bad(String),
    /// Not enough have signed.
    #[error("{}", shortfall(*.needed, .signers, .unsigned, .unknown))]
    TooFew {
        /// So many must have.
        needed: u32,
        /// Who has.
        signers: Vec<String>,
        /// Who could.
        unsigned: Vec<String>,
        /// What does not count.
        unknown: Vec<String>,
    },
}

fn shortfall(needed: u32, signers: &[String], unsigned: &[String], unknown: &[String]) -> String {
    let missing = usize::try_from(needed).unwrap_or(usize::MAX).saturating_sub(signers.len());
    let signed = if signers.is_empty() {
        "nobody who counts has signed".to_owned()
    } else {
        format!("{} signed", signers.join(", "))
    };
    let words = match needed {
        1 => "1 signature is needed".to_owned(),
        _ => format!("{needed} signatures are needed"),
    };
    let unknown: String = unknown.iter().map(|what| format!("; {what}")).collect();
    format!("{words}: {signed}, {missing} missing of {}{unknown}", unsigned.join(", "))
}

/// Looks at the signatures of a component.
///
/// # Errors
/// Where the file is none, is about other bytes, holds a bad signature in the name of a key that counts, or where fewer
/// have signed than must have. What was not demanded is looked at all the same: a broken file is never passed over.
pub fn verify(component: &[u8], file: Option<&[u8]>, demands: &SignatureDemands) -> Result<Signed, SignatureRefused> {
    let file = file.map(SignatureFile::read).transpose()?;
    let (manifest, signings) = file.map_or((None, Vec::new()), |file| (file.manifest, file.signings));
    if let Some(manifest) = &manifest {
        is_about(manifest, component)?;
    }
    let text = manifest.as_ref().map(Manifest::text).unwrap_or_default();
    let (mut has_signed, mut unknown) = (vec![false; demands.keys.len()], Vec::new());
    for signing in &signings {
        let by = match signing {
            Signing::Manifest { key, signature } => {
                let known = demands.keys.iter().position(|known| known.pem.fingerprint() == *key);
                if let Some(known) = known.map(|index| &demands.keys[index])
                    && !fits(&known.pem, text.as_bytes(), signature)
                {
                    return Err(SignatureRefused::Bad(known.name.clone()));
                }
                known.ok_or_else(|| format!("{key} signed too, and is no key that counts"))
            }
            Signing::Bytes { signature } => demands
                .keys
                .iter()
                .position(|known| fits(&known.pem, component, signature))
                .ok_or_else(|| "a signature over the bytes is by no key that counts".to_owned()),
        };
        match by {
            Ok(index) => has_signed[index] = true,
            Err(stranger) => unknown.push(stranger),
        }
    }
    let named = |signed: bool| {
        let keys = demands.keys.iter().zip(&has_signed).filter(|(_, has_signed)| **has_signed == signed);
        keys.map(|(key, _)| key.name.clone()).collect::<Vec<String>>()
    };
    let (signers, needed) = (named(true), demands.needed);
    if signers.len() < usize::try_from(needed).unwrap_or(usize::MAX) {
        return Err(SignatureRefused::TooFew { needed, signers, unsigned: named(false), unknown });
    }
    Ok(Signed { signers, unknown, manifest })
}

fn is_about(manifest: &Manifest, component: &[u8]) -> Result<(), SignatureRefused> {
    let (digest, bytes) = (Digest::of(component), component.len() as u64);
    if (manifest.digest, manifest.bytes) == (digest, bytes) {
        return Ok(());
    }
    Err(SignatureRefused::OtherBytes { signed: manifest.digest, signed_bytes: manifest.bytes, digest, bytes })
}

/// Whether the holder of this key signed exactly this.
fn fits(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    match key {
        VerifyingKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(message, signature),
        VerifyingKey::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
    }
    .is_ok()
}
