//! Private keys in PEM, also escaped, behind log prefixes, or cut short.
//!
//! A block is everything from BEGIN to the next END. Without an END in reach (a log line or an event cut the text) the
//! block goes on for as long as the lines look like a key's body; what follows it is ordinary text and stays.
//!
//! Without a BEGIN (the kept tail of a longer text) it begins where the lines before the END begin to look like one.
//!
//! What is not here: certificates and public keys, which are no secrets, and bodies without BEGIN (`kinds.rs`).

use std::sync::LazyLock;

use regex::Regex;

use super::forms::SEPARATOR;
use super::found::Found;
use super::kinds;

/// A block without its END within this many bytes counts as cut short. An RSA key of 16384 bits takes 13 KB; escapes
/// and a log prefix on each line may double that.
pub(super) const PEM_BYTES_MAX: usize = 32 * 1024;

/// A line with a run of base64 this long (in characters) belongs to the body, whatever a logger put before it. Shorter
/// runs occur in words, paths and names; a PEM line is 64 or 76 long.
const RUN_CHARS_MIN: usize = 32;

static BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----").expect("a constant that the tests compile")
});

static END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----").expect("a constant that the tests compile")
});

/// A line break, real or escaped any number of times.
static BREAK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\r?\n|(?:\\+r)?\\+n").expect("a constant that the tests compile"));

/// Adds every private key in PEM.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut ends = None;
    let mut done = 0;
    for begin in BEGIN.find_iter(text) {
        if begin.start() < done {
            continue;
        }
        // Collected once: looking for the END of each of many BEGINs would be quadratic.
        let ends = ends.get_or_insert_with(|| END.find_iter(text).map(|end| end.end()).collect::<Vec<_>>());
        let next = ends.partition_point(|end| *end <= begin.end());
        done = match ends.get(next) {
            Some(end) if end - begin.start() <= PEM_BYTES_MAX && !text[begin.start()..*end].contains(SEPARATOR) => *end,
            Some(_) | None => begin.end() + body_bytes(until_mark(&text[begin.end()..])),
        };
        found.push(Found::plain(text, begin.start()..done, &kinds::PRIVATE_KEY));
    }
    headless(text, found);
}

/// Adds what ends in a text that begins too late to hold its BEGIN.
fn headless(text: &str, found: &mut Vec<Found>) {
    let Some(end) = END.find(text).filter(|end| !BEGIN.is_match(&text[..end.start()])) else { return };
    let from = text.floor_char_boundary(end.start().saturating_sub(PEM_BYTES_MAX));
    let breaks = BREAK.find_iter(&text[from..end.start()]).map(|at| (from + at.start(), from + at.end()));
    let breaks: Vec<(usize, usize)> = std::iter::once((from, from)).chain(breaks).collect();
    let mut lines = breaks.into_iter().rev();
    // What stands before the END in its own line is what a logger put there.
    let Some((mut next, _)) = lines.next() else { return };
    let (mut begin, mut is_last) = (end.start(), true);
    for (before, line_start) in lines {
        let line = &text[line_start..next];
        match line_body(line) {
            Line::Blank => {}
            Line::Body(_) => (begin, is_last) = (line_start, false),
            // The last line of a body may be short, whatever a logger put before it.
            Line::Last(_) | Line::Other if is_last && ends_in_a_body(line) => (begin, is_last) = (line_start, false),
            Line::Last(_) | Line::Other => break,
        }
        next = before;
    }
    if begin < end.start() && !text[begin..end.end()].contains(SEPARATOR) {
        found.push(Found::plain(text, begin..end.end(), &kinds::PRIVATE_KEY));
    }
}

/// The text before the next mark of a block: a body holds none, and many BEGINs are then no quadratic work.
fn until_mark(text: &str) -> &str {
    text.find("-----").map_or(text, |mark| &text[..mark])
}

/// How much of what follows a BEGIN looks like the body of a key.
fn body_bytes(text: &str) -> usize {
    let mut end = 0;
    let mut at = 0;
    while at < text.len() {
        let (line_end, next) = match BREAK.find_at(text, at) {
            Some(found) => (found.start(), found.end()),
            None => (text.len(), text.len()),
        };
        let line = &text[at..line_end];
        match line_body(line) {
            Line::Blank => {}
            Line::Body(bytes) => end = at + bytes,
            Line::Last(bytes) => return at + bytes,
            Line::Other => return end,
        }
        at = next;
    }
    end
}

/// What a line after BEGIN is; the number is where its part of the key ends.
enum Line {
    Blank,
    Body(usize),
    Last(usize),
    Other,
}

fn line_body(line: &str) -> Line {
    let trimmed = line.trim_start_matches([' ', '\t', '|', '>', '"', '\'', ',', '+', '\\']);
    if trimmed.is_empty() {
        return Line::Blank;
    }
    if ["Proc-Type:", "DEK-Info:", "Version:", "Comment:"].iter().any(|header| trimmed.starts_with(header)) {
        return Line::Body(line.len());
    }
    if let Some(end) = long_run_end(line) {
        return Line::Body(end);
    }
    // The last line may be short; alone on its line it is the key's, followed by a space it is a word.
    let start = line.len() - trimmed.len();
    let run = trimmed.bytes().take_while(|byte| is_base64(*byte)).count();
    match trimmed[run..].chars().next() {
        _ if run == 0 => Line::Other,
        None | Some('"' | '\'' | '\\' | '.' | '…' | ',' | '\r') => Line::Last(start + run),
        Some(_) => Line::Other,
    }
}

fn ends_in_a_body(line: &str) -> bool {
    let word = line.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
    !word.is_empty() && word.bytes().all(is_base64)
}

/// Where the last long run of base64 in the line ends.
fn long_run_end(line: &str) -> Option<usize> {
    let mut run = 0;
    let mut end = None;
    for (index, byte) in line.bytes().enumerate() {
        run = if is_base64(byte) { run + 1 } else { 0 };
        if run >= RUN_CHARS_MIN {
            end = Some(index + 1);
        }
    }
    end
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
