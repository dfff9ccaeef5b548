//! Other readings of a text: with its escapes, its percent signs, its base64, its hex or its line breaks undone.
//!
//! A reading is a text of its own, which the rules look at like at any other, and a list of where each part of it came
//! from. Escapes and percent signs are undone byte by byte, so that a secret behind them is replaced exactly. A run of
//! base64 or hex goes as a whole where a secret stands behind it: a run cut at the secret's edges would leave bits of
//! it. Digests, image ids and names decode to noise, in which no rule finds anything.
//!
//! What is not here: compression, encryption, quoted-printable, and other bases than 16 and 64.

use std::ops::Range;

use super::Secret;
use super::found::Found;
use super::kinds::{Sureness, has_digit, is_mixed};

mod runs;

pub(super) use runs::{from_base64, from_hex};

/// Stands on a line of its own between parts of a reading that were apart: no rule reads across it.
pub(super) const SEPARATOR: char = '\u{2}';

/// Escapes within escapes are undone this many times where a secret is named: JSON in JSON in JSON needs three.
const ESCAPES_MAX: usize = 4;

/// What is left of a secret on the far side of a line break is not worth a word of the next line below this (in bytes).
const REST_BYTES_MIN: usize = 8;

/// Which encoded parts of a text are read.
type Wanted<'a> = &'a dyn Fn(&Range<usize>) -> bool;

/// Tools wrap what they encode at lines at least this long (in characters): 60, 64 or 76.
const WRAP_CHARS_MIN: usize = 40;

/// Before the word that a line break has cut this many words are read with it: `Bearer` says what comes.
const WORDS_BEFORE: usize = 1;

/// A reading of a text.
pub(super) struct Reading {
    pub(super) text: String,
    parts: Vec<Part>,
    /// Whether a part can only be replaced as a whole.
    behind: bool,
}

/// Bytes of the reading, and where they came from: one to one if both are as long.
struct Part {
    at: Range<usize>,
    source: Range<usize>,
}

impl Reading {
    fn new(behind: bool) -> Reading {
        Reading { text: String::new(), parts: Vec::new(), behind }
    }

    /// Ends what was read so far: what follows stood elsewhere.
    fn separate(&mut self) {
        if !self.text.is_empty() {
            self.text.extend(['\n', SEPARATOR, '\n']);
        }
    }

    fn put(&mut self, decoded: &str, source: Range<usize>) {
        if !decoded.is_empty() {
            let start = self.text.len();
            self.text.push_str(decoded);
            self.parts.push(Part { at: start..self.text.len(), source });
        }
    }

    /// The parts that hold some of these bytes.
    fn touched(&self, range: &Range<usize>) -> &[Part] {
        let first = self.parts.partition_point(|part| part.at.end <= range.start);
        let rest = &self.parts[first..];
        &rest[..rest.partition_point(|part| part.at.start < range.end)]
    }

    /// Whether these bytes come from more than one place.
    pub(super) fn is_cut(&self, range: &Range<usize>) -> bool {
        self.touched(range).len() > 1
    }

    /// Where these bytes came from.
    fn source(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let parts = self.touched(range);
        let (first, last) = (parts.first()?, parts.last()?);
        let start = if first.at.len() == first.source.len() {
            first.source.start + range.start.saturating_sub(first.at.start)
        } else {
            first.source.start
        };
        let end = if last.at.len() == last.source.len() {
            last.source.end - last.at.end.saturating_sub(range.end)
        } else {
            last.source.end
        };
        Some(start..end)
    }

    /// What was found in the reading, as it stands in the text that was read.
    pub(super) fn back(&self, found: Found) -> Vec<Found> {
        let Found { range, kind, secret, behind } = found;
        if !self.behind {
            return self.source(&range).map(|range| Found { range, kind, secret, behind }).into_iter().collect();
        }
        let whole = |part: &Part| Found { range: part.source.clone(), kind, secret: secret.clone(), behind: true };
        let mut backs: Vec<Found> = self.touched(&range).iter().map(whole).collect();
        backs.dedup_by(|a, b| a.range == b.range);
        backs
    }
}

/// The lines that hold escapes, without them: those of JSON, of C and of shells, and a backslash before a line break.
pub(super) fn unescaped(text: &str) -> Option<Reading> {
    let mut reading = Reading::new(false);
    let mut is_changed = false;
    let mut at = 0;
    while let Some(backslash) = text[at..].find('\\').map(|found| at + found) {
        at += text[at..backslash].rfind('\n').map_or(0, |newline| newline + 1);
        reading.separate();
        while let Some(next) = text[at..].find(['\\', '\n']).map(|found| at + found) {
            reading.put(&text[at..next], at..next);
            at = next;
            if text[at..].starts_with('\n') {
                break;
            }
            let (bytes, decoded) = escape(&text[at..]);
            is_changed |= bytes > 1;
            let mut buffer = [0; 4];
            reading.put(decoded.map_or("", |decoded| decoded.encode_utf8(&mut buffer)), at..at + bytes);
            at += bytes;
        }
        let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
        reading.put(&text[at..end], at..end);
        at = end;
    }
    is_changed.then_some(reading)
}

/// How many bytes the escape at the start of the text takes and what it stands for. A backslash alone is itself.
fn escape(text: &str) -> (usize, Option<char>) {
    let bytes = text.as_bytes();
    let hex = |range: Range<usize>| u32::from_str_radix(text.get(range)?, 16).ok();
    match bytes.get(1) {
        Some(b'n') => (2, Some('\n')),
        Some(b'r') => (2, Some('\r')),
        Some(b't') => (2, Some('\t')),
        Some(mark @ (b'"' | b'\'' | b'`' | b'\\' | b'/')) => (2, Some(char::from(*mark))),
        Some(b'\n') => (2, None),
        Some(b'\r') if bytes.get(2) == Some(&b'\n') => (3, None),
        Some(b'x') => match hex(2..4).and_then(char::from_u32).filter(char::is_ascii) {
            Some(decoded) => (4, Some(decoded)),
            None => (1, Some('\\')),
        },
        Some(b'u') => match (hex(2..6), hex(8..12)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) if text[6..].starts_with("\\u") => {
                (12, char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)))
            }
            (Some(code), _) => match char::from_u32(code) {
                Some(decoded) => (6, Some(decoded)),
                None => (1, Some('\\')),
            },
            (None, _) => (1, Some('\\')),
        },
        Some(_) | None => (1, Some('\\')),
    }
}

/// The words that hold percent signs, without them, as in addresses and forms.
pub(super) fn unpercented(text: &str, is_wanted: Wanted<'_>) -> Option<Reading> {
    let mut reading = Reading::new(false);
    let mut done = 0;
    while let Some(percent) = text[done..].find('%').map(|found| done + found) {
        if percent_byte(text, percent).is_none() {
            done = percent + 1;
            continue;
        }
        let mut at = done + text[done..percent].rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        at = text.ceil_char_boundary(at);
        let end = text[percent..].find(char::is_whitespace).map_or(text.len(), |found| percent + found);
        done = end;
        if !is_wanted(&(at..end)) {
            continue;
        }
        reading.separate();
        while let Some(next) = text[at..end].find('%').map(|found| at + found) {
            reading.put(&text[at..next], at..next);
            at = next + put_percents(&mut reading, text, next);
        }
        reading.put(&text[at..end], at..end);
    }
    (!reading.parts.is_empty()).then_some(reading)
}

/// Adds the character that one or more percent signs stand for, or the sign itself; says how many bytes were read.
fn put_percents(reading: &mut Reading, text: &str, at: usize) -> usize {
    let mut bytes = Vec::new();
    while let Some(byte) = percent_byte(text, at + bytes.len() * 3).filter(|_| bytes.len() < 4) {
        bytes.push(byte);
        if let Ok(decoded) = std::str::from_utf8(&bytes) {
            reading.put(decoded, at..at + bytes.len() * 3);
            return bytes.len() * 3;
        }
    }
    reading.put("%", at..at + 1);
    1
}

fn percent_byte(text: &str, at: usize) -> Option<u8> {
    let code = text.get(at..at + 3)?.strip_prefix('%')?;
    u8::from_str_radix(code, 16).ok().filter(|_| !code.starts_with('+'))
}

/// How much of two lines is read as one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// The last words of a line and the first of the next, and lines of one word as a whole.
    Words,
    /// Everything.
    Lines,
}

/// What line breaks have cut, without the breaks, the indents behind them, and the backslashes before them. Nothing is
/// read across an empty line.
pub(super) fn unbroken(text: &str, join: Join) -> Option<Reading> {
    let mut reading = Reading::new(false);
    let mut is_open = false;
    let mut at = 0;
    for (newline, _) in text.match_indices('\n') {
        let line = without_return(text, at..newline);
        at = newline + 1;
        let next_end = text[at..].find('\n').map_or(text.len(), |found| at + found);
        let next = without_return(text, at..next_end);
        let words = text[next.clone()].trim_start_matches([' ', '\t']);
        let is_end = |text: &str| text.is_empty() || text.starts_with(SEPARATOR);
        if is_end(&text[line.clone()]) || is_end(words) {
            is_open = false;
            continue;
        }
        let cut = without_backslash(text, line.clone());
        if !is_open {
            reading.separate();
            let start = if join == Join::Words { last_words(text, cut.clone()) } else { cut.start };
            reading.put(&text[start..cut.end], start..cut.end);
        }
        // A shell takes away the break and leaves the indent, which ends the word.
        let start = if cut == line { next.end - words.len() } else { next.start };
        let first = words.find([' ', '\t']).filter(|_| join == Join::Words);
        let end = next.end - words.len() + first.unwrap_or(words.len());
        let head = without_backslash(text, start..end);
        reading.put(&text[head.clone()], head);
        is_open = first.is_none();
    }
    (!reading.parts.is_empty()).then_some(reading)
}

fn without_return(text: &str, line: Range<usize>) -> Range<usize> {
    line.start..line.end - usize::from(text[line].ends_with('\r'))
}

fn without_backslash(text: &str, line: Range<usize>) -> Range<usize> {
    line.start..line.end - usize::from(text[line].ends_with('\\'))
}

/// Where the last words of a line begin.
fn last_words(text: &str, line: Range<usize>) -> usize {
    text[line.clone()].rmatch_indices([' ', '\t']).nth(WORDS_BEFORE).map_or(line.start, |(at, _)| line.start + at + 1)
}

/// What was found in a text without its line breaks, if it goes over one; what does not was found before. A word that
/// only begins the next line is left to it.
pub(super) fn across(reading: &Reading, text: &str, mut found: Found) -> Option<Found> {
    let Range { mut start, mut end } = found.range;
    let mut is_whole = found.kind.sureness == Sureness::Known;
    if !is_whole && !found.behind {
        let secret = &reading.text[start..end];
        end = start + secret.find(char::is_whitespace).unwrap_or(secret.len());
        if let Some(whole) = found.kind.whole_of(&reading.text[start..end]).filter(|whole| *whole <= end - start) {
            end = start + whole;
            is_whole = true;
        }
    }
    let parts = reading.touched(&(start..end));
    let (mut first, mut last) = (0, parts.len().checked_sub(1)?);
    while found.behind && first < last && is_loose(&reading.text[start..parts[first].at.end]) {
        first += 1;
        start = parts[first].at.start;
    }
    while !is_whole && first < last && !goes_on(reading, text, &parts[..=last], start..end, found.behind) {
        last -= 1;
        end = parts[last].at.end;
    }
    if first == last {
        return None;
    }
    if !found.behind {
        found.secret = canonical(&reading.text[start..end]);
    }
    Some(Found { range: reading.source(&(start..end))?, ..found })
}

/// Whether the last of these parts goes on with the secret that the others began.
fn goes_on(reading: &Reading, text: &str, parts: &[Part], range: Range<usize>, behind: bool) -> bool {
    let [.., before, part] = parts else { return false };
    if text[before.source.end..part.source.start].starts_with('\\') {
        return true;
    }
    let piece = &reading.text[part.at.start..range.end];
    let rest = &text[part.source.start + piece.len()..];
    let rest = rest.lines().next().unwrap_or_default();
    let is_last_word = rest.trim_matches(['"', '\'', ',', ';', ')', '}', ']', '=', '\\', ' ', '\t']).is_empty();
    if !is_last_word {
        return piece.len() >= REST_BYTES_MIN && is_mixed(piece);
    }
    // The last line of wrapped base64 may be any letters, of wrapped hex any digits.
    let line = before.at.end - before.at.start.max(range.start);
    !is_word(piece) || (behind && line >= piece.len().max(WRAP_CHARS_MIN))
}

/// A word that ended the line before an encoded run.
fn is_loose(piece: &str) -> bool {
    piece.len() < WRAP_CHARS_MIN && is_word(piece)
}

/// A word, a number or a date rather than a piece of something generated.
fn is_word(piece: &str) -> bool {
    let is_mark = |byte: u8| matches!(byte, b'-' | b'.' | b':' | b'/' | b'_');
    let letters = piece.as_bytes();
    let tail = letters.get(1..).unwrap_or_default();
    let is_date =
        piece.len() >= 8 && letters[..4].iter().all(u8::is_ascii_digit) && letters[4] == b'-' && letters[7] == b'-';
    is_date
        || letters.iter().all(|byte| byte.is_ascii_digit() || is_mark(*byte))
        || letters.iter().all(|byte| byte.is_ascii_uppercase() || is_mark(*byte))
        || (!has_digit(piece) && tail.iter().all(|byte| byte.is_ascii_lowercase() || is_mark(*byte)))
}

/// A secret as its placeholder is made of it: without blanks, line breaks, escapes and percent signs, so that it is the
/// same wherever it stood.
pub(super) fn canonical(secret: &str) -> Secret {
    let without_blanks = |text: &str| text.replace("\\\n", "").replace(char::is_whitespace, "");
    let mut plain = without_blanks(secret);
    for _ in 0..ESCAPES_MAX {
        let Some(reading) = unescaped(&plain).or_else(|| unpercented(&plain, &|_| true)) else { break };
        plain = without_blanks(&reading.text);
    }
    Secret::new(plain.trim_matches(['"', '\'', '`', '\\', ',', ';']).to_owned())
}
