//! Keys of signers: Ed25519, and P-256 for those whose key lies in a device or with cosign.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::checkpoint::PublicKey;
use crate::digest::Digest;

/// What stands before the 32 bytes of an Ed25519 key in its DER (RFC 8410).
const ED25519_DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before the 65 bytes of an uncompressed point of P-256 in its DER (RFC 5480).
const P256_DER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The first byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";
/// A public key's file has at most this many bytes (4 KiB); those that are taken have some 180.
const PEM_BYTES_MAX: usize = 4 << 10;

/// The public key of a signer. Written as the PEM of a SubjectPublicKeyInfo, everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum VerifyingKey {
    /// Ed25519.
    Ed25519(PublicKey),
    /// ECDSA on P-256, as an uncompressed point.
    P256([u8; 65]),
}

/// A text that is no key of a signer. It is not shown: it may be the wrong half of one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyingKeyError {
    /// The private half was given.
    #[error("this is a private key: give the public half, which `quarterdeck policy keygen` put beside it")]
    Private,
    /// It is no PEM of a public key.
    #[error("this is no public key in PEM: it must begin with {PEM_BEGIN} and end with {PEM_END}")]
    Pem,
    /// It is a key of another kind.
    #[error("this public key is neither Ed25519 nor an uncompressed one of P-256")]
    Kind,
}

impl VerifyingKey {
    /// Reads PEM; blanks around it and in its body do not matter.
    ///
    /// # Errors
    /// Where it is none, or a key of another kind.
    pub fn read(text: &str) -> Result<VerifyingKey, VerifyingKeyError> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(VerifyingKeyError::Private);
        }
        let body = text.strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
        let body: String = body
            .filter(|body| body.len() <= PEM_BYTES_MAX)
            .ok_or(VerifyingKeyError::Pem)?
            .split_ascii_whitespace()
            .collect();
        let der = STANDARD.decode(body).map_err(|_| VerifyingKeyError::Pem)?;
        let ed25519 =
            || Some(VerifyingKey::Ed25519(PublicKey::from_bytes(der.strip_prefix(&ED25519_DER)?.try_into().ok()?)));
        let p256 = || {
            let point: [u8; 65] = der.strip_prefix(&P256_DER)?.try_into().ok()?;
            (point[0] == UNCOMPRESSED).then_some(VerifyingKey::P256(point))
        };
        ed25519().or_else(p256).ok_or(VerifyingKeyError::Kind)
    }

    /// The key as PEM.
    pub fn pem(&self) -> String {
        let der = STANDARD.encode(self.der());
        let lines: Vec<&str> = der.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", lines.join("\n"))
    }

    /// The key's name everywhere: the SHA-256 of its DER.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der())
    }

    /// What kind of key it is, as people name it.
    pub fn kind(&self) -> &'static str {
        match self {
            VerifyingKey::Ed25519(_) => "ed25519",
            VerifyingKey::P256(_) => "ecdsa-p256",
        }
    }

    fn der(&self) -> Vec<u8> {
        match self {
            VerifyingKey::Ed25519(key) => [&ED25519_DER[..], key.as_bytes()].concat(),
            VerifyingKey::P256(point) => [&P256_DER[..], point].concat(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind(), self.fingerprint())
    }
}

impl Serialize for VerifyingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.pem().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for VerifyingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<VerifyingKey, D::Error> {
        VerifyingKey::read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
