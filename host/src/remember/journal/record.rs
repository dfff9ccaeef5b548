//! One record of a segment: a head of 84 bytes and the entry. `docs/journal.md` has the table.
//!
//! The head holds its own check, so that a changed length (damage) is told from a record that simply is not all there.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{ENTRY_BYTES_MAX, Entry, chain};

use super::{Head, JournalError};

/// Length, number, previous hash, own hash, check of the head.
pub(super) const HEAD_BYTES: usize = 4 + 8 + 32 + 32 + 8;
/// Where a journal ends in a broken record and this many zeros, the record was torn; with fewer it was changed. An entry
/// of ours may well end in a zero or two, and a write is torn where a page of the disk begins.
const ZEROS_MIN: usize = 16;

/// Why there is no record here.
pub(super) enum Broken {
    /// A write that did not end.
    Torn,
    /// Anything else.
    Damaged(&'static str),
}

/// The record of an entry that follows record `before`, whose hash is `previous`; and its own hash.
pub(super) fn bytes(entry: &Entry, before: u64, previous: &Digest) -> Result<(Vec<u8>, Digest), JournalError> {
    let encoded = encoding::encode(entry);
    let length = u32::try_from(encoded.len()).ok().filter(|_| encoded.len() <= ENTRY_BYTES_MAX);
    let length = length.ok_or(JournalError::TooLarge(encoded.len()))?;
    let hash = chain(previous, before + 1, &encoded);
    let mut bytes = head(length, before + 1, previous, &hash).to_vec();
    bytes.extend(encoded);
    Ok((bytes, hash))
}

/// Checks the record that begins here; its whole length and its hash.
pub(super) fn check(bytes: &[u8], before: &Head) -> Result<(usize, Digest), Broken> {
    let Some(fixed) = bytes.get(..HEAD_BYTES) else { return Err(Broken::Torn) };
    let length = u32::from_be_bytes(fixed[..4].try_into().expect("four bytes"));
    let seq = u64::from_be_bytes(fixed[4..12].try_into().expect("eight bytes"));
    let previous = Digest::from_bytes(fixed[12..44].try_into().expect("32 bytes"));
    let hash = Digest::from_bytes(fixed[44..76].try_into().expect("32 bytes"));
    if head(length, seq, &previous, &hash) != fixed {
        // A write that stopped in the head has left nothing behind it, or zeros where the file's size grew before.
        let torn = bytes[HEAD_BYTES..].iter().all(|byte| *byte == 0);
        return Err(if torn { Broken::Torn } else { Broken::Damaged("the head of the record was changed") });
    }
    if Some(seq) != before.records.checked_add(1) || previous != before.hash {
        return Err(Broken::Damaged("the record does not follow the one before it"));
    }
    let end = HEAD_BYTES + length as usize;
    let Some(whole) = bytes.get(..end) else { return Err(Broken::Torn) };
    if chain(&previous, seq, &whole[HEAD_BYTES..]) != hash {
        // A write that stopped in the entry has left zeros from there to the very end.
        let run = bytes[HEAD_BYTES..].iter().rev().take_while(|byte| **byte == 0).count();
        let torn = run >= ZEROS_MIN && run > bytes.len() - end;
        return Err(if torn { Broken::Torn } else { Broken::Damaged("the record was changed") });
    }
    Ok((end, hash))
}

fn head(length: u32, seq: u64, previous: &Digest, hash: &Digest) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4..12].copy_from_slice(&seq.to_be_bytes());
    head[12..44].copy_from_slice(previous.as_bytes());
    head[44..76].copy_from_slice(hash.as_bytes());
    let check = Digest::of(&head[..76]);
    head[76..].copy_from_slice(&check.as_bytes()[..8]);
    head
}
