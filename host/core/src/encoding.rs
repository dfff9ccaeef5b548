//! The one canonical encoding: what the journal holds, what is hashed, and what `decide` is given and gives back.
//!
//! One version byte (4), then [postcard](https://postcard.jamesmunns.com/wire-format): fields in the order of their
//! declaration, integers as varints, strings and lists with their length before them, variants by their index. Nouns
//! that are encoded hold no floats, and the ledger alone holds maps, which are sorted by their keys; so a value has one
//! encoding and the same bytes always mean the same value. `docs/journal.md` describes it for those who read a journal
//! without this crate.
//!
//! A field that is added, removed or moved changes the version byte; a reader keeps one decoder a version. That holds for
//! the ledger, too: checkpoints attest its digest, and the base of a pruned journal holds it whole.

use serde::{Serialize, de::DeserializeOwned};

use crate::digest::Digest;

/// The version of the encoding that this crate writes.
pub const VERSION: u8 = 5;

/// Bytes that are no canonical encoding of the wanted type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// There was not even a version byte.
    #[error("there are no bytes to decode")]
    Empty,
    /// Another version wrote this.
    #[error("the encoding is of version {0}; this program reads version {VERSION}")]
    Version(u8),
    /// The bytes end too early, run on, or hold what the type can't.
    #[error("the bytes are no value of this type")]
    Malformed(#[source] postcard::Error),
    /// The bytes decode, but another spelling of the same value is the canonical one.
    #[error("the bytes are not the canonical encoding of their value")]
    NotCanonical,
}

/// Encodes a value.
///
/// # Panics
/// Never for our nouns: postcard fails only for lists of unknown length, which serde derives none of.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION]).expect("our nouns have lists of known length only")
}

/// The digest of a value's encoding.
pub fn digest<T: Serialize>(value: &T) -> Digest {
    Digest::of(&encode(value))
}

/// Decodes a value and proves that the bytes are its one encoding.
///
/// # Errors
/// Where the bytes are of another version, malformed, too long, or not canonical.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let value = decode_ours(bytes)?;
    if encode(&value) != bytes { Err(DecodeError::NotCanonical) } else { Ok(value) }
}

/// Decodes bytes that this process encoded itself a moment ago, without proving again that they are canonical.
///
/// # Errors
/// Where the bytes are of another version, malformed or too long.
pub fn decode_ours<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (&version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let (value, rest) = postcard::take_from_bytes(body).map_err(DecodeError::Malformed)?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::NotCanonical) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let value = (7u32, "naïve".to_owned(), vec![Some(1u64), None]);
        assert_eq!(decode::<(u32, String, Vec<Option<u64>>)>(&encode(&value)), Ok(value));
    }

    #[test]
    fn other_spellings_of_a_value_are_refused() {
        // 7 as a varint of two bytes; a byte too many; another version; nothing.
        assert_eq!(decode::<u32>(&[VERSION, 0x87, 0x00]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<u32>(&[VERSION, 0x07, 0x00]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<u32>(&[9, 0x07]), Err(DecodeError::Version(9)));
        assert_eq!(decode::<u32>(&[]), Err(DecodeError::Empty));
        assert!(matches!(decode::<u32>(&[VERSION]), Err(DecodeError::Malformed(_))));
    }
}
