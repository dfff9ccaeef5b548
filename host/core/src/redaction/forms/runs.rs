//! What stands behind base64 and hex: at every alignment, standard or URL-safe, padded or not, glued to other
//! characters of the alphabet.
//!
//! Decoded bytes are mostly noise. Only the stretches of text in them are read, all of a text together, because
//! starting to look costs more than looking.

use std::ops::Range;

use super::{Reading, Wanted};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shorter runs (in characters) hold at most 11 bytes of base64 or 7 of hex, too little for a name and its secret.
const RUN_CHARS_MIN: usize = 16;

/// A stretch of text (in bytes) shorter than this is chance: noise has such stretches, and no rule matches in them.
const STRETCH_BYTES_MIN: usize = 8;

/// The last symbol of a cut run may carry bits.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands behind the runs of base64.
pub(in super::super) fn from_base64(text: &str, is_wanted: Wanted<'_>) -> Option<Reading> {
    let mut reading = Reading::new(true);
    let (mut symbols, mut decoded) = (Vec::new(), Vec::new());
    for range in runs(text, is_symbol) {
        let run = &text.as_bytes()[range.clone()];
        if !is_encoded(run) || !is_wanted(&range) {
            continue;
        }
        // Both alphabets are read as one, so that a mixed run is read too.
        symbols.clear();
        symbols.extend(run.iter().map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        }));
        let padding = text[range.end..].bytes().take(2).take_while(|byte| *byte == b'=').count();
        for skipped in 0..4 {
            let aligned = &symbols[skipped..];
            // One symbol over is no byte: it comes from a cut, or from what the run is glued to.
            let whole = if aligned.len() % 4 == 1 { aligned.len() - 1 } else { aligned.len() };
            decoded.clear();
            if ENGINE.decode_vec(&aligned[..whole], &mut decoded).is_ok() {
                put_stretches(&mut reading, &decoded, range.start..range.end + padding);
            }
        }
    }
    (!reading.parts.is_empty()).then_some(reading)
}

/// What stands behind the runs of hex.
pub(in super::super) fn from_hex(text: &str, is_wanted: Wanted<'_>) -> Option<Reading> {
    let mut reading = Reading::new(true);
    let mut decoded = Vec::new();
    for range in runs(text, |byte| byte.is_ascii_hexdigit()).filter(|range| is_wanted(range)) {
        let digits = &text.as_bytes()[range.clone()];
        for skipped in 0..2 {
            decoded.clear();
            decoded
                .extend(digits[skipped..].as_chunks::<2>().0.iter().map(|[high, low]| value(*high) << 4 | value(*low)));
            put_stretches(&mut reading, &decoded, range.clone());
        }
    }
    (!reading.parts.is_empty()).then_some(reading)
}

/// The runs of these bytes that are long enough to hold something.
fn runs(text: &str, is_in: fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    let ends = text.bytes().chain([0]).enumerate().filter(move |(_, byte)| !is_in(*byte));
    ends.filter_map(move |(end, _)| {
        let run = start..end;
        start = end + 1;
        (run.len() >= RUN_CHARS_MIN).then_some(run)
    })
}

fn is_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Text in base64 has letters of both cases, so what has no capital, as paths, names and digests have none, is not read;
/// that 16 symbols of it have none is one chance in thousands, and far less for longer ones. Nor is a digest in capitals.
fn is_encoded(run: &[u8]) -> bool {
    run.iter().any(u8::is_ascii_uppercase) && !run.iter().all(u8::is_ascii_hexdigit)
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        other => (other | 0x20) - b'a' + 10,
    }
}

/// Adds the stretches of text in decoded bytes.
fn put_stretches(reading: &mut Reading, decoded: &[u8], source: Range<usize>) {
    let is_noise = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    for chunk in decoded.utf8_chunks() {
        for stretch in chunk.valid().split(is_noise).filter(|stretch| stretch.len() >= STRETCH_BYTES_MIN) {
            reading.separate();
            reading.put(stretch, source.clone());
        }
    }
}
