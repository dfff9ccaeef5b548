//! Secrets that their shape or place tells, by the table in `kinds.rs`.
//!
//! One pass looks for the anchors of all shapes at once; only a shape whose anchor is there looks at the text itself.
//! Prefixes that no ordinary word has are looked for without a word boundary before them, because in escaped text the
//! letter before a token may be the `n` of `\n`. Lengths are lower bounds well under the real ones: a token that a log
//! has cut short is still most of a token.
//!
//! What is not here: secrets that only their name gives away (`assignment.rs`).

use std::sync::{LazyLock, OnceLock};

use regex::{Regex, RegexSet, RegexSetBuilder};

use super::found::Found;
use super::kinds::{self, Kind, Shape};

/// A shape, compiled when its anchor is first seen: a run of the program meets few of them.
struct Row {
    kind: &'static Kind,
    shape: &'static Shape,
    regex: OnceLock<Regex>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = kinds::all().flat_map(|kind| kind.shapes.iter().map(move |shape| (kind, shape)));
    rows.map(|(kind, shape)| Row { kind, shape, regex: OnceLock::new() }).collect()
});

/// What the search for anchors may remember (in bytes). What does not fit is worked out anew, which is slow; anchors are
/// short and count to eight at most, so that it fits.
const ANCHORS_BYTES_MAX: usize = 8 * 1024 * 1024;

static ANCHORS: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSetBuilder::new(ROWS.iter().map(|row| format!("(?-u){}", row.shape.anchor)))
        .dfa_size_limit(ANCHORS_BYTES_MAX)
        .build()
        .expect("the anchors are constants that a test compiles")
});

/// Adds every secret that its shape or place tells.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for index in ANCHORS.matches(text) {
        let Row { kind, shape, regex } = &ROWS[index];
        let regex =
            regex.get_or_init(|| Regex::new(shape.regex).expect("the shapes are constants that a test compiles"));
        for captures in regex.captures_iter(text) {
            let Some(secret) = captures.iter().flatten().last() else { continue };
            if (shape.accept)(secret.as_str()) {
                found.push(Found::plain(text, secret.range(), kind));
            }
        }
    }
}
