//! Redaction: no secret that looks like one goes further than the edge where a text comes in.
//!
//! Logs, events, plans and messages hold secrets that nobody meant to show. Whatever is observed passes here once,
//! when it is parsed, so that policy, journal, memory and Gemini see the same text. A secret becomes
//! `[redacted:<kind>:<8 hex>]`, the hex being a keyed hash of it: the same secret has the same placeholder over all
//! turns, so that a change of it is seen, and nobody without the key can test a guess against it.
//!
//! Three kinds of rule find secrets: their own shape (`pattern.rs`, `pem.rs`), the name they are assigned to
//! (`assignment.rs`, `name.rs`, `value.rs`), and values that the host knows to be secret. All three look behind base64
//! too (`encoded.rs`). In doubt more is taken than needed, for a word too many is no harm; what an operator reads for
//! (digests, ids, names, ports, images) is never taken.
//!
//! What is not here: secrets without shape, name or knowledge of them; other encodings (hex, percent, compression);
//! the choice of what is redacted, which is the parsers'. Redaction is a net under the rule that secrets are not
//! collected at all, and not a licence to collect them.

mod assignment;
mod encoded;
mod name;
mod pattern;
mod pem;
mod span;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use regex::Regex;
use sha2::Sha256;

use span::{Kind, Span};

use crate::situation::cut;
use crate::terraform::text::escape;

/// Known values shorter than this (in bytes) are ignored: they would be found inside ordinary words.
pub const KNOWN_BYTES_MIN: usize = 6;

/// The name or id of an object is kept up to this many bytes; an engine's are 64 hex digits, or a name of up to 255.
pub const NAME_BYTES_MAX: usize = 512;

/// How many bytes beyond those that may be shown [`Redactor::redact_bounded`] looks at, so that a secret that begins
/// in what is shown is seen whole. It is the longest private key that counts as whole (32 KiB).
pub const LOOK_AHEAD_BYTES: usize = pem::PEM_BYTES_MAX;

/// Base64 is looked behind this many times: a Kubernetes Secret that holds a Docker configuration needs two.
const LAYERS_MAX: usize = 2;

/// Replacing changes what stands beside what, so a text is looked at again until nothing is found, at most this many
/// times. Two are usual; a text that needs more was made to.
const PASSES_MAX: usize = 8;

/// What placeholders are covered with while rules look: one byte, in no alphabet, no blank and no punctuation.
const FILLER: char = '\u{1}';

/// What ends a text that was cut.
const ELLIPSIS: &str = "…";

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    Regex::new(&format!(r"\[redacted:(?:{}):[0-9a-f]{{8}}\]", kinds.join("|"))).expect("the kinds are plain words")
});

/// A value that must not be shown. It has no `Debug`, no `Display` and no `Serialize`, so that it cannot get into a
/// log, an error or the journal by accident; whoever needs it says so with [`Secret::expose`].
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a value that is secret from here on.
    pub fn new(value: String) -> Secret {
        Secret(value)
    }

    /// The value itself. Each caller is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Finds secrets in texts and replaces them by keyed placeholders. It holds a key and known secrets: no `Debug`.
pub struct Redactor {
    keyed: Hmac<Sha256>,
    known: Vec<Secret>,
}

impl Redactor {
    /// A redactor whose placeholders are keyed with `key`. Keep the key: with another one every placeholder changes.
    pub fn new(key: [u8; 32]) -> Redactor {
        let keyed = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length");
        Redactor { keyed, known: Vec::new() }
    }

    /// Adds values known to be secret: from now on every occurrence is replaced, plain, escaped as in JSON, or in
    /// base64. Blanks around a value do not count; values under [`KNOWN_BYTES_MIN`] bytes are ignored.
    pub fn with_known<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        for value in values {
            let value = value.trim();
            if value.len() < KNOWN_BYTES_MIN {
                continue;
            }
            let quoted = serde_json::to_string(value).expect("a string is always JSON");
            // The last symbol of unpadded base64 holds bits of what follows it, so a longer text shows another one.
            let whole = value.len() / 3 * 4;
            let mut forms = vec![
                value.to_owned(),
                quoted[1..quoted.len() - 1].to_owned(),
                STANDARD_NO_PAD.encode(value),
                URL_SAFE_NO_PAD.encode(value),
                STANDARD_NO_PAD.encode(value)[..whole].to_owned(),
                URL_SAFE_NO_PAD.encode(value)[..whole].to_owned(),
            ];
            forms.sort();
            forms.dedup();
            self.known.extend(forms.into_iter().map(Secret));
        }
    }

    /// The text with every secret replaced. Redacting again changes nothing. Time is linear in the text; whoever takes
    /// texts of any length uses [`Redactor::redact_bounded`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans = self.spans(text);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut redacted = self.render(text, &spans, text.len());
        for _ in 1..PASSES_MAX {
            let spans = self.spans(&redacted);
            if spans.is_empty() {
                return Cow::Owned(redacted);
            }
            redacted = self.render(&redacted, &spans, redacted.len());
        }
        // A text made to outlast the passes is not worth showing.
        Cow::Owned(self.placeholder(Kind::Text, text))
    }

    /// At most `bytes_max` bytes of the redacted text, ending in `…` where something was left out. It is redacted first
    /// and cut then, before a placeholder rather than in it. Of the text only the first `bytes_max` bytes are shown,
    /// and only [`LOOK_AHEAD_BYTES`] more are looked at: a secret across that border is replaced whole.
    pub fn redact_bounded(&self, text: &str, bytes_max: usize) -> String {
        let looked = &text[..text.floor_char_boundary(bytes_max.saturating_add(LOOK_AHEAD_BYTES))];
        if looked.len() == text.len() {
            let redacted = self.redact(text);
            if redacted.len() <= bytes_max {
                return redacted.into_owned();
            }
        }
        if bytes_max < ELLIPSIS.len() {
            return String::new();
        }
        let shown = self.render(looked, &self.spans(looked), looked.floor_char_boundary(bytes_max));
        let redacted = self.redact(&shown);
        let mut cut = redacted.floor_char_boundary(bytes_max - ELLIPSIS.len());
        if let Some(split) = PLACEHOLDER.find_iter(&redacted).find(|found| found.start() < cut && cut < found.end()) {
            cut = split.start();
        }
        format!("{}{ELLIPSIS}", &redacted[..cut])
    }

    /// What of a foreign text may be kept and shown: redacted, escaped, and of at most `bytes_max` bytes.
    pub fn safe(&self, text: &str, bytes_max: usize) -> String {
        cut(&escape(&self.redact_bounded(text, bytes_max), bytes_max), bytes_max)
    }

    /// The name or id of an object, fit to be kept, shown and compared. What the engine says of an object and what a
    /// state says of it are told apart by these texts, so both pass here and nowhere else.
    pub fn name(&self, text: &str) -> String {
        self.safe(text, NAME_BYTES_MAX)
    }

    /// The secrets of a text, in order, none overlapping another, none of them a placeholder.
    fn spans(&self, text: &str) -> Vec<Span> {
        let masked = mask(text);
        let mut spans = Vec::new();
        self.find(&masked, LAYERS_MAX, &mut spans);
        for span in &mut spans {
            span.range = text.floor_char_boundary(span.range.start)..text.ceil_char_boundary(span.range.end);
        }
        let mut spans = span::merge(spans);
        spans.retain(|span| masked[span.range.clone()].chars().any(|c| c != FILLER && !c.is_whitespace()));
        spans
    }

    fn find(&self, text: &str, layers: usize, spans: &mut Vec<Span>) {
        for known in &self.known {
            let found = text.match_indices(known.expose());
            spans.extend(found.map(|(at, value)| Span { range: at..at + value.len(), kind: Kind::Known }));
        }
        pattern::find(text, spans);
        pem::find(text, spans);
        assignment::find(text, spans);
        if layers == 0 {
            return;
        }
        let runs = encoded::find(text, |decoded| {
            let mut inner = Vec::new();
            self.find(&mask(decoded), layers - 1, &mut inner);
            !inner.is_empty()
        });
        spans.extend(runs.into_iter().map(|range| Span { range, kind: Kind::Encoded }));
    }

    /// The text up to `until` with the spans replaced; a span across `until` is replaced whole.
    fn render(&self, text: &str, spans: &[Span], until: usize) -> String {
        let mut rendered = String::with_capacity(until);
        let mut done = 0;
        for span in spans.iter().take_while(|span| span.range.start < until) {
            rendered.push_str(&text[done..span.range.start]);
            rendered.push_str(&self.placeholder(span.kind, &text[span.range.clone()]));
            done = span.range.end;
        }
        if done < until {
            rendered.push_str(&text[done..until]);
        }
        rendered
    }

    fn placeholder(&self, kind: Kind, secret: &str) -> String {
        let mut keyed = self.keyed.clone();
        keyed.update(secret.as_bytes());
        let hash = keyed.finalize().into_bytes();
        let [a, b, c, d, ..] = hash.as_slice() else { unreachable!("SHA-256 has 32 bytes") };
        format!("[redacted:{}:{a:02x}{b:02x}{c:02x}{d:02x}]", kind.as_str())
    }
}

/// The text with its placeholders covered, byte for byte as long: no rule may read a name or a value in one.
fn mask(text: &str) -> Cow<'_, str> {
    PLACEHOLDER.replace_all(text, |found: &regex::Captures<'_>| FILLER.to_string().repeat(found[0].len()))
}
