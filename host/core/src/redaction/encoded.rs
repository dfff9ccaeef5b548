//! Secrets behind base64: of one layer or two, standard or URL-safe, padded or not, wrapped over lines or glued to
//! other characters of the alphabet.
//!
//! A run of base64 is decoded at each of the four alignments, and every stretch of UTF-8 in the bytes goes through
//! the same rules as a plain text. Where a rule finds something the whole run goes: a run cut at the secret's edges
//! would leave bits of it. Digests, image ids and names decode to noise, in which no rule finds anything.

use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::Regex;

/// Shorter runs (in characters) hold at most 11 bytes, too little for a name and its secret.
const RUN_CHARS_MIN: usize = 16;

/// A stretch of UTF-8 (in bytes) shorter than this is chance: noise has such stretches, and no rule matches in them.
const STRETCH_BYTES_MIN: usize = 8;

/// Lines of wrapped base64 are at least this long (in characters): the tools wrap at 60, 64 or 76.
const WRAP_CHARS_MIN: usize = 40;

static RUN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{16,}={0,2}").expect("a constant that the tests compile"));

static WRAP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\A(?:\r?\n[ \t]*|\\+n)([A-Za-z0-9+/_-]{2,}={0,2})").expect("a constant that the tests compile")
});

/// Both alphabets are read by one engine, so that a mixed run is read too; the last symbol of a cut run may carry bits.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The runs of base64 in the text that hold a secret, as `is_secret` judges their decoded stretches.
pub(super) fn find(text: &str, is_secret: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut done = 0;
    let mut joined = 0;
    for run in RUN.find_iter(text) {
        if run.start() < done {
            continue;
        }
        let mut candidates = vec![run.range()];
        // The lines of a wrapped run are joined once, from its first one: joining from each would be quadratic.
        if run.start() >= joined {
            joined = wrapped_end(text, run.range());
            if joined > run.end() {
                candidates.insert(0, run.start()..joined);
            }
        }
        for range in candidates {
            if holds(&symbols(&text[range.clone()]), &is_secret) {
                done = range.end;
                found.push(range);
                break;
            }
        }
    }
    found
}

/// Where the run ends when the following lines continue it: all but the last are as long as the first. An escaped
/// break leaves its `n` outside, because the pattern of a run begins after it or is read at another alignment.
fn wrapped_end(text: &str, first: Range<usize>) -> usize {
    let mut end = first.end;
    if first.len() < WRAP_CHARS_MIN {
        return end;
    }
    while let Some(captures) = WRAP.captures(&text[end..]) {
        let line = captures.get(1).expect("the pattern has one group, which always takes part");
        if line.len() > first.len() {
            break;
        }
        end += line.end();
        if line.len() < first.len() {
            break;
        }
    }
    end
}

/// The run without padding, line breaks and their escapes, in the standard alphabet.
fn symbols(run: &str) -> Vec<u8> {
    let mut symbols = Vec::with_capacity(run.len());
    let mut escaped = false;
    for byte in run.bytes() {
        match byte {
            b'\\' => escaped = true,
            b'n' if escaped => escaped = false,
            b'-' => symbols.push(b'+'),
            b'_' => symbols.push(b'/'),
            b'=' | b'\r' | b'\n' | b' ' | b'\t' => {}
            other => symbols.push(other),
        }
    }
    symbols
}

fn holds(symbols: &[u8], is_secret: &impl Fn(&str) -> bool) -> bool {
    (0..4).any(|skipped| {
        let aligned = symbols.get(skipped..).unwrap_or_default();
        // One symbol over is no byte: it comes from a cut, or from what the run is glued to.
        let whole = if aligned.len() % 4 == 1 { aligned.len() - 1 } else { aligned.len() };
        if whole + skipped < RUN_CHARS_MIN {
            return false;
        }
        let Ok(bytes) = ENGINE.decode(&aligned[..whole]) else { return false };
        bytes
            .utf8_chunks()
            .map(|chunk| chunk.valid())
            .filter(|stretch| stretch.len() >= STRETCH_BYTES_MIN)
            .any(is_secret)
    })
}
