//! What was found and where: secrets of a text, each with its kind and with what its placeholder is made of.
//!
//! Rules look at a text independently and at several readings of it, so what they find overlaps. Overlapping findings
//! become one that covers them all: of two readings of a secret the wider one is replaced, because a rest left over is a
//! leak and a word too many is not. What the placeholder is made of is the secret as the surest of them saw it, so that
//! it is the same wherever the secret stands and however much around it goes with it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Secret;
use super::forms;
use super::kinds::Kind;

/// A secret in a text.
pub(super) struct Found {
    /// The bytes that are replaced.
    pub(super) range: Range<usize>,
    pub(super) kind: &'static Kind,
    /// The secret itself, without escapes and line breaks.
    pub(super) secret: Secret,
    /// Whether it stands behind an encoding of which only the whole can be replaced.
    pub(super) behind: bool,
}

/// Bytes of a text that go, and the secrets that they hold.
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) kind: &'static Kind,
    pub(super) secrets: Vec<Secret>,
}

impl Found {
    pub(super) fn plain(text: &str, range: Range<usize>, kind: &'static Kind) -> Found {
        Found { secret: forms::canonical(&text[range.clone()]), range, kind, behind: false }
    }
}

/// What goes, in order, overlapping findings made one. Those that only touch stay two: they are two secrets.
pub(super) fn merge(mut found: Vec<Found>) -> Vec<Span> {
    found.sort_by(|a, b| a.range.start.cmp(&b.range.start).then(b.range.end.cmp(&a.range.end)));
    let mut spans = Vec::new();
    let mut rest = found.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut range = first.range.clone();
        let mut group = vec![first];
        while let Some(next) = rest.next_if(|next| next.range.start < range.end) {
            range.end = range.end.max(next.range.end);
            group.push(next);
        }
        spans.push(joined(range, group));
    }
    spans
}

/// One span of findings that overlap: its kind is the surest one's, and of equals the first in the table of kinds.
fn joined(range: Range<usize>, mut group: Vec<Found>) -> Span {
    group.sort_by_key(|found| found.kind.sureness);
    let kind = group[0].kind;
    let surest = group.partition_point(|found| found.kind.sureness == kind.sureness);
    group.truncate(surest);
    let (mut secrets, mut known) = (Vec::new(), BTreeSet::new());
    let mut done = 0..0;
    // In order of their start and the wider ones first, as they were sorted: what lies inside of another is a part of it.
    for Found { range, secret, .. } in group {
        let is_part = range != done && done.start <= range.start && range.end <= done.end;
        if is_part || !known.insert(secret.expose().to_owned()) {
            continue;
        }
        done = range;
        secrets.push(secret);
    }
    Span { range, kind, secrets }
}
