//! A signer's private key, as a file: made, read, and used to sign a manifest. It never leaves this file's type.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quarterdeck_core::checkpoint::PublicKey;
use quarterdeck_core::signature::{Manifest, Signing, VerifyingKey};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::super::print::note;
use super::files::with;
use crate::config::read_bounded;

/// What stands before the 32 bytes in PKCS#8 version 1 (RFC 8410). `openssl` reads no other version.
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
/// A private key's file has at most this many bytes (4 KiB); ours has 119.
const KEY_BYTES_MAX: usize = 4 << 10;
/// A file that others than its owner may read, or write.
const OTHERS: u32 = 0o077;

/// A signer's key. Nothing prints it.
pub(super) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key and writes it for its owner alone; a file that is there is never written over.
    ///
    /// # Errors
    /// Where no randomness is to be had, or a file can't be made.
    pub(super) fn make(path: &Path) -> anyhow::Result<(SigningKey, PathBuf)> {
        let public_path = with(path, ".pub");
        if public_path.exists() {
            anyhow::bail!("{} is there already: it is somebody's key", public_path.display());
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other).context("draw a key")?;
        let key = SigningKey::of(&seed)?;
        let pem = format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode([&PKCS8[..], &seed].concat()));
        create(path, pem.as_bytes(), 0o600)?;
        create(&public_path, key.public().pem().as_bytes(), 0o644)?;
        Ok((key, public_path))
    }

    /// Reads a key: PEM of PKCS#8, as `make` and `openssl genpkey -algorithm ed25519` write it.
    ///
    /// # Errors
    /// Where the file can't be read or holds something else; never with a word of what it holds.
    pub(super) fn read(path: &Path) -> anyhow::Result<SigningKey> {
        let named = || format!("read the private key {}", path.display());
        let text = read_bounded(path, KEY_BYTES_MAX).with_context(named)?;
        let mode = std::fs::metadata(path).with_context(named)?.permissions().mode();
        if mode & OTHERS != 0 {
            note(&format!("warning: others can get at {}: chmod 600 it", path.display()));
        }
        SigningKey::parse(&text).with_context(named)
    }

    fn parse(text: &str) -> anyhow::Result<SigningKey> {
        let text = text.trim();
        if text.contains("ENCRYPTED") {
            anyhow::bail!(
                "it is encrypted: `openssl pkey -in FILE` writes it in the clear, into a file that you remove again"
            );
        }
        let body = text.strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
        let body: String = body.context("it is no PEM of a private key")?.split_ascii_whitespace().collect();
        // The causes are left out: an error must not say what stands in this file.
        let der = STANDARD.decode(body).map_err(|_| anyhow::anyhow!("it is no PEM of a private key"))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        pair.map(SigningKey).map_err(|_| anyhow::anyhow!("it is no Ed25519 key in PKCS#8"))
    }

    fn of(seed: &[u8; 32]) -> anyhow::Result<SigningKey> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(SigningKey).map_err(|_| anyhow::anyhow!("make a key"))
    }

    /// The public half.
    pub(super) fn public(&self) -> VerifyingKey {
        let bytes = self.0.public_key().as_ref().try_into();
        VerifyingKey::Ed25519(PublicKey::from_bytes(bytes.expect("a public key of Ed25519 has 32 bytes")))
    }

    /// Signs a manifest.
    pub(super) fn sign(&self, manifest: &Manifest) -> Signing {
        let signature = self.0.sign(manifest.text().as_bytes()).as_ref().to_vec();
        Signing::Manifest { key: self.public().fingerprint(), signature }
    }
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("write {}", path.display()))
}
