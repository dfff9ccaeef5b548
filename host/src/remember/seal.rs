//! The seal: the key of the installation, with which its checkpoints are signed, and the check of a signature.
//!
//! The key is 32 random bytes in a file of its own, for the host's user alone; whoever has it can attest whatever they
//! like in this installation's name. The public half is carried to the machine that verifies.

use std::io;
use std::path::Path;

use quarterdeck_core::checkpoint::{Base, Checkpoint, PublicKey, Signature};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::journal::{JournalError, segment};

/// The installation's key. Nothing prints it.
pub struct SealKey(Ed25519KeyPair);

impl SealKey {
    /// Reads the key, and makes it, on disk before it is used, where there is none. Two that make it at once would have
    /// two: whoever calls this holds the journal's lock.
    ///
    /// # Errors
    /// Where its file can't be read or made, or holds something else.
    pub(super) fn open(path: &Path) -> Result<SealKey, JournalError> {
        if let Some(key) = SealKey::read(path)? {
            return Ok(key);
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| segment::failed("draw a key for", path)(io::Error::other(error)))?;
        segment::put(path, &seed)?;
        SealKey::of(&seed).map_err(segment::failed("make a key of", path))
    }

    /// Reads the key; none where there is none yet.
    ///
    /// # Errors
    /// Where its file can't be read, or holds something else.
    pub fn read(path: &Path) -> Result<Option<SealKey>, JournalError> {
        let read = match std::fs::read(path) {
            Ok(seed) => SealKey::of(&seed).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(segment::failed("read the key", path))
    }

    /// The key that these 32 bytes are.
    ///
    /// # Errors
    /// Where they are not 32.
    pub fn of(seed: &[u8]) -> io::Result<SealKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        pair.map(SealKey).map_err(|_| io::Error::other("it does not hold 32 bytes"))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref().try_into();
        PublicKey::from_bytes(bytes.expect("a public key of Ed25519 has 32 bytes"))
    }

    /// Signs a checkpoint, whose key becomes this one.
    pub fn seal(&self, checkpoint: Checkpoint) -> Checkpoint {
        let checkpoint = Checkpoint { key: self.public(), ..checkpoint };
        Checkpoint { signature: self.sign(&checkpoint.statement()), ..checkpoint }
    }

    /// Signs a base, whose key becomes this one.
    pub fn seal_base(&self, base: Base) -> Base {
        let base = Base { key: self.public(), ..base };
        Base { signature: self.sign(&base.statement()), ..base }
    }

    fn sign(&self, statement: &str) -> Signature {
        let signature = self.0.sign(statement.as_bytes());
        Signature::from_bytes(signature.as_ref().try_into().expect("a signature of Ed25519 has 64 bytes"))
    }
}

/// Whether the holder of that key signed exactly this.
pub fn fits(key: &PublicKey, statement: &str, signature: &Signature) -> bool {
    UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(statement.as_bytes(), signature.as_bytes()).is_ok()
}
