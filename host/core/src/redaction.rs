//! Redaction: no secret that looks like one goes further than the edge where a text comes in.
//!
//! Logs, events, plans and messages hold secrets that nobody meant to show. Whatever is observed passes here once,
//! when it is parsed, so that policy, journal, memory and Gemini see the same text. A secret becomes
//! `[redacted:<kind>:<12 hex>]`. The first eight digits are a keyed hash of the secret: it has the same ones over all
//! turns, wherever and however encoded it stands, so that a change of it is seen, and nobody without the key can test a
//! guess against it. The last four prove, keyed too, that the placeholder is ours: what only looks like one is replaced
//! like a secret, so that no text can bring its own (but for one guess in 65 536).
//!
//! Three kinds of rule find secrets: their own shape or place (`kinds.rs`, `shape.rs`, `pem.rs`), the name they are
//! assigned to (`assignment.rs`, `name.rs`, `value.rs`), and values that the host knows to be secret (`known.rs`). All
//! look behind escapes, percent signs, base64, hex and line breaks too (`forms.rs`). In doubt more is taken than needed,
//! for a word too many is no harm; what an operator reads for (digests, ids, names, ports, images) is never taken.
//!
//! Time is linear in the text and memory bounded by it: patterns are matched by automata, which never go back; what is
//! read by hand is read forwards; a text has a fixed number of readings, none much longer than it, and a fixed number of
//! passes.
//!
//! What is not here: secrets without shape, name or knowledge of them; other encodings (compression, other bases); a
//! value broken over lines that only its name tells; the choice of what is redacted, which is the parsers'. Redaction is
//! a net under the rule that secrets are not collected at all, and not a licence to collect them.

mod assignment;
mod forms;
mod found;
mod kinds;
mod known;
mod name;
mod pem;
mod shape;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use hmac::{Hmac, Mac};
use regex::{Captures, Regex};
use sha2::Sha256;

use forms::{Join, Reading};
use found::{Found, Span};
pub use known::KNOWN_BYTES_MIN;
use known::Known;

use crate::digest::Digest;
use crate::situation::cut;
use crate::terraform::text::escape;

/// The name or id of an object is kept up to this many bytes; an engine's are 64 hex digits, or a name of up to 255.
pub const NAME_BYTES_MAX: usize = 512;

/// How many bytes beyond those that may be shown [`Redactor::redact_bounded`] looks at, so that a secret that begins
/// in what is shown is seen whole. It is the longest private key that counts as whole (32 KiB).
pub const LOOK_AHEAD_BYTES: usize = pem::PEM_BYTES_MAX;

/// Encodings are looked behind this many times: a Kubernetes Secret in a JSON string that holds a Docker configuration
/// needs three.
const LAYERS_MAX: usize = 3;

/// Replacing changes what stands beside what, so a text is looked at again until nothing is found, at most this many
/// times. Two are usual; a text that needs more was made to.
const PASSES_MAX: usize = 8;

/// What placeholders are covered with while rules look: one byte, in no alphabet, no blank and no punctuation.
const FILLER: char = '\u{1}';

/// What ends a text that was cut.
const ELLIPSIS: &str = "…";

/// What looks like a placeholder, ours or not.
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\[redacted:([a-z0-9-]{1,40}):([0-9a-f]{1,64})\]").expect("a constant that the tests compile")
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
    known: Known,
}

impl Redactor {
    /// A redactor whose placeholders are keyed with `key`. Keep the key: with another one every placeholder changes.
    pub fn new(key: [u8; 32]) -> Redactor {
        let keyed = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length");
        Redactor { keyed, known: Known::default() }
    }

    /// Adds values known to be secret: from now on every occurrence is replaced, plain, escaped as in JSON or in an
    /// address, in base64 at any offset, in hex, or broken over lines. Blanks around a value do not count; values under
    /// [`KNOWN_BYTES_MIN`] bytes are ignored.
    pub fn with_known<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        self.known.add(values);
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
        Cow::Owned(self.placeholder(kinds::TEXT.name, &[Secret::new(text.to_owned())]))
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

    /// The digest of what may be guessed, keyed, so that who reads it can't try guesses without the key.
    pub fn keyed(&self, digest: &Digest) -> Digest {
        let mut keyed = self.keyed.clone();
        keyed.update(b"digest");
        keyed.update(digest.as_bytes());
        Digest::from_bytes(keyed.finalize().into_bytes().into())
    }

    /// The secrets of a text, in order, none overlapping another, none of them a placeholder of ours.
    fn spans(&self, text: &str) -> Vec<Span> {
        let mut found = Vec::new();
        let masked = mask(text, |found| self.is_ours(found));
        self.find(&masked, LAYERS_MAX, &mut found);
        for foreign in PLACEHOLDER.captures_iter(text).filter(|found| !self.is_ours(found)) {
            let range = foreign.get(0).map(|whole| whole.range()).unwrap_or_default();
            found.push(Found::plain(text, range, &kinds::FOREIGN));
        }
        for Found { range, .. } in &mut found {
            *range = text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
        }
        let mut spans = found::merge(found);
        spans.retain(|span| masked[span.range.clone()].chars().any(|c| c != FILLER && !c.is_whitespace()));
        spans
    }

    /// Adds what every rule finds in a text and, down to so many layers, behind its encodings.
    fn find(&self, text: &str, layers: usize, found: &mut Vec<Found>) {
        self.known.find(text, found);
        shape::find(text, found);
        pem::find(text, found);
        assignment::find(text, found);
        if let Some(layers) = layers.checked_sub(1) {
            self.find_behind(forms::unescaped(text), layers, found);
            self.find_behind(forms::unpercented(text, &|_| true), layers, found);
            self.find_behind(forms::from_base64(text, &|_| true), layers, found);
            self.find_behind(forms::from_hex(text, &|_| true), layers, found);
        }
        let mut cut = Vec::new();
        if let Some(reading) = forms::unbroken(text, Join::Words) {
            self.find_cut(&reading, layers, &mut cut);
            found.extend(cut.drain(..).filter_map(|cut| forms::across(&reading, text, cut)));
        }
        if let Some(reading) = forms::unbroken(text, Join::Lines).filter(|_| !self.known.is_empty()) {
            self.known.find(&reading.text, &mut cut);
            found.extend(cut.into_iter().filter_map(|cut| forms::across(&reading, text, cut)));
        }
    }

    /// Looks at what was read behind an encoding, with the same rules.
    fn find_behind(&self, reading: Option<Reading>, layers: usize, found: &mut Vec<Found>) {
        let Some(reading) = reading else { return };
        let mut inner = Vec::new();
        self.find(&mask(&reading.text, |_| true), layers, &mut inner);
        found.extend(inner.into_iter().flat_map(|inner| reading.back(inner)));
    }

    /// Looks for what line breaks have cut in pieces. Names are not read: where their value ends only the line tells.
    fn find_cut(&self, unbroken: &Reading, layers: usize, found: &mut Vec<Found>) {
        let text = &unbroken.text;
        shape::find(text, found);
        if let Some(layers) = layers.checked_sub(1) {
            let is_cut = |range: &Range<usize>| unbroken.is_cut(range);
            self.find_behind(forms::unpercented(text, &is_cut), layers, found);
            self.find_behind(forms::from_base64(text, &is_cut), layers, found);
            self.find_behind(forms::from_hex(text, &is_cut), layers, found);
        }
    }

    /// The text up to `until` with the spans replaced; a span across `until` is replaced whole.
    fn render(&self, text: &str, spans: &[Span], until: usize) -> String {
        let mut rendered = String::with_capacity(until);
        let mut done = 0;
        for span in spans.iter().take_while(|span| span.range.start < until) {
            rendered.push_str(&text[done..span.range.start]);
            rendered.push_str(&self.placeholder(span.kind.name, &span.secrets));
            done = span.range.end;
        }
        if done < until {
            rendered.push_str(&text[done..until]);
        }
        rendered
    }

    fn placeholder(&self, kind: &str, secrets: &[Secret]) -> String {
        let secrets: Vec<_> = secrets.iter().map(Secret::expose).collect();
        let secret = self.hash("secret", &secrets.join("\0"), 4);
        let proof = self.hash("placeholder", &format!("{kind}:{secret}"), 2);
        format!("[redacted:{kind}:{secret}{proof}]")
    }

    /// Whether a placeholder was made with this key.
    fn is_ours(&self, placeholder: &Captures<'_>) -> bool {
        let (kind, hash) = (&placeholder[1], &placeholder[2]);
        let Some((secret, proof)) = hash.split_at_checked(8) else { return false };
        proof == self.hash("placeholder", &format!("{kind}:{secret}"), 2)
    }

    /// The first bytes of the keyed hash, in hex. What it is of stands before it, so that no secret yields a proof.
    fn hash(&self, of: &str, text: &str, bytes: usize) -> String {
        let mut keyed = self.keyed.clone();
        keyed.update(of.as_bytes());
        keyed.update(b"\0");
        keyed.update(text.as_bytes());
        keyed.finalize().into_bytes().iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The kinds of secret that are looked for: as placeholders name them, and where each is documented.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    kinds::all().map(|kind| (kind.name, kind.source))
}

/// The text with these placeholders covered, byte for byte as long: no rule may read a name or a value in one.
fn mask(text: &str, is_covered: impl Fn(&Captures<'_>) -> bool) -> Cow<'_, str> {
    PLACEHOLDER.replace_all(text, |found: &Captures<'_>| {
        if is_covered(found) { FILLER.to_string().repeat(found[0].len()) } else { found[0].to_owned() }
    })
}
