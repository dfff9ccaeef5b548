//! Checkpoints: what the holder of a key attests of a journal, and the base that a pruned journal stands on.
//!
//! A chain of hashes shows what was changed within it. It can't show that somebody wrote all of it anew, for anybody can
//! hash. A checkpoint says which record had which hash, and what followed from the journal then, and is signed (Ed25519)
//! with the key of the installation; who has the public key, or one checkpoint that was kept elsewhere, can tell.
//!
//! What is signed is text, one fact a line in a fixed order, so that a person can read it and any tool can check it. Its
//! first line says what it is, so that no signature over one thing can be taken for a signature over another.
//!
//! What is *not* here: signing and checking signatures. Both are the host's.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::encoding::{self, DecodeError};
use crate::entry::{Begun, Entry};
use crate::hex;
use crate::ids::Timestamp;
use crate::ledger::Ledger;

/// What stands before the 32 bytes in the DER of a public key: a sequence of the algorithm and a string of bits.
const DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";
/// The first line of a checkpoint's text.
const CHECKPOINT: &str = "quarterdeck checkpoint 1";
/// The first line of a base's text.
const BASE: &str = "quarterdeck base 1";

/// Who can have signed: an Ed25519 public key. Written as `ed25519:` and 64 lower-case hexadecimal digits, in the
/// canonical encoding as 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// An Ed25519 signature. Written as 128 lower-case hexadecimal digits, in the canonical encoding as 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// A text that is no public key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no public key: it must be \"ed25519:\" and 64 lower-case hexadecimal digits")]
pub struct PublicKeyError(String);

/// A text that is no checkpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "this is no checkpoint as `quarterdeck journal checkpoint` prints it: {0} is missing, changed or in another place"
)]
pub struct CheckpointError(&'static str);

/// What a journal was after one of its records, attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Which journal: the nonce that it began with.
    pub journal: Digest,
    /// The number of the record.
    pub record: u64,
    /// The hash of that record.
    pub hash: Digest,
    /// The digest of the ledger after it.
    pub ledger: Digest,
    /// The latest time that the journal had seen then.
    pub at: Timestamp,
    /// The key that it is signed with.
    pub key: PublicKey,
    /// The signature over [`Checkpoint::statement`].
    pub signature: Signature,
}

/// What a pruned journal stands on: all that is needed of the records that are gone, attested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Base {
    /// The first segment that is still there.
    pub segment: u32,
    /// Which journal: the nonce that it began with.
    pub journal: Digest,
    /// The number of the last record that is gone.
    pub record: u64,
    /// The hash of that record.
    pub hash: Digest,
    /// The latest time that the journal had seen then.
    pub at: Timestamp,
    /// The key that it is signed with.
    pub key: PublicKey,
    /// The signature over [`Base::statement`].
    pub signature: Signature,
    /// The last `begun` entry that is gone, encoded: on what sandbox the next turns stand. Their charter is the ledger's.
    pub begun: Vec<u8>,
    /// The ledger after the last record that is gone, encoded.
    pub ledger: Vec<u8>,
}

impl PublicKey {
    /// Takes 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> PublicKey {
        PublicKey(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as other tools take it: PEM of a SubjectPublicKeyInfo (RFC 8410).
    pub fn pem(&self) -> String {
        let der = STANDARD.encode([&DER[..], &self.0].concat());
        format!("{PEM_BEGIN}\n{der}\n{PEM_END}\n")
    }

    /// Reads `ed25519:` and 64 digits, the digits alone, or [`PublicKey::pem`]; blanks around them do not matter.
    ///
    /// # Errors
    /// Where it is none of these.
    pub fn read(text: &str) -> Result<PublicKey, PublicKeyError> {
        let text = text.trim();
        let pem = || {
            let inner = text.strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
            let der = STANDARD.decode(inner.trim()).ok()?;
            der.strip_prefix(&DER)?.try_into().ok().map(PublicKey)
        };
        hex::read(text).map(PublicKey).or_else(pem).map_or_else(|| text.parse(), Ok)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", hex::write(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<PublicKey, PublicKeyError> {
        let read = text.strip_prefix("ed25519:").and_then(hex::read).map(PublicKey);
        read.ok_or_else(|| PublicKeyError(text.chars().take(80).collect()))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(PublicKey)
        }
    }
}

impl Signature {
    /// What stands in the place of a signature until there is one; it is valid for nothing.
    pub const NONE: Signature = Signature([0; 64]);

    /// Takes 64 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 64]) -> Signature {
        Signature(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::write(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", hex::write(&self.0[..6]))
    }
}

/// Serde knows arrays of up to 32: two halves, one behind the other, are the same 64 bytes.
impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let (mut front, mut back) = ([0; 32], [0; 32]);
        front.copy_from_slice(&self.0[..32]);
        back.copy_from_slice(&self.0[32..]);
        (front, back).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            let read = hex::read(&text).map(Signature);
            return read.ok_or_else(|| serde::de::Error::custom("a signature has 128 hexadecimal digits"));
        }
        let (front, back) = <([u8; 32], [u8; 32])>::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&front);
        bytes[32..].copy_from_slice(&back);
        Ok(Signature(bytes))
    }
}

impl Checkpoint {
    /// What is signed.
    pub fn statement(&self) -> String {
        let Checkpoint { journal, record, hash, ledger, at, key, signature: _ } = self;
        let Timestamp(at) = at;
        format!("{CHECKPOINT}\njournal {journal}\nrecord {record}\nhash {hash}\nledger {ledger}\nat {at}\nkey {key}\n")
    }

    /// The statement and the signature: a small file that a person keeps elsewhere.
    pub fn text(&self) -> String {
        format!("{}signature {}\n", self.statement(), self.signature)
    }
}

/// Reads back [`Checkpoint::text`], and nothing else: other spellings of the same facts are refused.
impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Checkpoint, CheckpointError> {
        fn fact<T: FromStr>(line: Option<&str>, name: &'static str) -> Result<T, CheckpointError> {
            let value = line.and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.and_then(|value| value.parse().ok()).ok_or(CheckpointError(name))
        }
        let mut lines = text.lines();
        if lines.next() != Some(CHECKPOINT) {
            return Err(CheckpointError(CHECKPOINT));
        }
        let checkpoint = Checkpoint {
            journal: fact(lines.next(), "journal")?,
            record: fact(lines.next(), "record")?,
            hash: fact(lines.next(), "hash")?,
            ledger: fact(lines.next(), "ledger")?,
            at: Timestamp(fact(lines.next(), "at")?),
            key: fact(lines.next(), "key")?,
            signature: Signature(
                hex::read(&fact::<String>(lines.next(), "signature")?).ok_or(CheckpointError("signature"))?,
            ),
        };
        if checkpoint.text() == text { Ok(checkpoint) } else { Err(CheckpointError("the end")) }
    }
}

impl Base {
    /// What is signed: with the digests of what the base holds.
    pub fn statement(&self) -> String {
        let Base { segment, journal, record, hash, at: Timestamp(at), key, signature: _, begun, ledger } = self;
        let (begun, ledger) = (Digest::of(begun), Digest::of(ledger));
        format!(
            "{BASE}\nsegment {segment}\njournal {journal}\nrecord {record}\nhash {hash}\nledger {ledger}\nbegun {begun}\nat {at}\nkey {key}\n"
        )
    }

    /// The ledger that a journal goes on from.
    ///
    /// # Errors
    /// Where the bytes are no ledger of this version.
    pub fn ledger(&self) -> Result<Ledger, DecodeError> {
        encoding::decode(&self.ledger)
    }

    /// The host that had begun last.
    ///
    /// # Errors
    /// Where the bytes are no entry of this version. None where they are another entry.
    pub fn begun(&self) -> Result<Option<Begun>, DecodeError> {
        Ok(if let Entry::Begun(begun) = encoding::decode(&self.begun)? { Some(begun) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            journal: Digest::of(b"nonce"),
            record: 812,
            hash: Digest::of(b"record"),
            ledger: Digest::of(b"ledger"),
            at: Timestamp(1_795_415_118_708),
            key: PublicKey([7; 32]),
            signature: Signature([0xa5; 64]),
        }
    }

    #[test]
    fn a_checkpoint_reads_back_what_it_writes_in_text_json_and_bytes() {
        let checkpoint = checkpoint();
        assert_eq!(checkpoint.text().parse(), Ok(checkpoint));
        assert_eq!(encoding::decode(&encoding::encode(&checkpoint)), Ok(checkpoint));
        let json = serde_json::to_string(&checkpoint).unwrap();
        assert_eq!(serde_json::from_str::<Checkpoint>(&json).unwrap(), checkpoint);
    }

    /// The PEM is what `openssl pkey -pubin` prints for these bytes.
    #[test]
    fn a_public_key_reads_back_each_way_in_which_it_is_written() {
        let key = PublicKey([7; 32]);
        let pem = key.pem();
        assert!(pem.contains("\nMCowBQYDK2VwAyEABwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"), "{pem}");
        for text in [pem.clone(), key.to_string(), hex::write(&key.0), format!("\n{pem}\n")] {
            assert_eq!(PublicKey::read(&text), Ok(key), "{text}");
        }
        for text in ["", "07", "ed25519:07", &pem.replace("MCow", "MCox"), &pem.replace("END", "FIN")] {
            assert!(PublicKey::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_spellings_of_a_checkpoint_are_refused() {
        let text = checkpoint().text();
        assert!(text.parse::<Checkpoint>().is_ok());
        for other in [
            text.replace("record 812", "record 0812"),
            text.replace("record 812", "record +812"),
            text.replace('\n', "\r\n"),
            text.replace(CHECKPOINT, BASE),
            text.replace("\nat ", "\nkey "),
            format!("{text}more\n"),
            format!(" {text}"),
            text.trim_end().to_owned(),
            String::new(),
        ] {
            assert!(other.parse::<Checkpoint>().is_err(), "{other}");
        }
    }

    #[test]
    fn every_fact_of_a_checkpoint_is_signed() {
        let whole = checkpoint();
        let other = Digest::of(b"another");
        let changed = [
            Checkpoint { journal: other, ..whole },
            Checkpoint { record: 813, ..whole },
            Checkpoint { hash: other, ..whole },
            Checkpoint { ledger: other, ..whole },
            Checkpoint { at: Timestamp(1), ..whole },
            Checkpoint { key: PublicKey([8; 32]), ..whole },
        ];
        for changed in changed {
            assert_ne!(changed.statement(), whole.statement());
        }
    }

    #[test]
    fn every_fact_of_a_base_is_signed() {
        let whole = Base {
            segment: 3,
            journal: Digest::of(b"nonce"),
            record: 812,
            hash: Digest::of(b"record"),
            at: Timestamp(5),
            key: PublicKey([7; 32]),
            signature: Signature::NONE,
            begun: vec![1],
            ledger: encoding::encode(&Ledger::default()),
        };
        assert_eq!(whole.ledger(), Ok(Ledger::default()));
        let other = Digest::of(b"another");
        let changed = [
            Base { segment: 4, ..whole.clone() },
            Base { journal: other, ..whole.clone() },
            Base { record: 813, ..whole.clone() },
            Base { hash: other, ..whole.clone() },
            Base { at: Timestamp(6), ..whole.clone() },
            Base { key: PublicKey([8; 32]), ..whole.clone() },
            Base { begun: vec![2], ..whole.clone() },
            Base { ledger: vec![2], ..whole.clone() },
        ];
        for changed in changed {
            assert_ne!(changed.statement(), whole.statement());
        }
    }
}
