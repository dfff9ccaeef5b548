//! Where the value of a secret's name begins and ends, and whether it is a secret at all.
//!
//! In doubt a value is taken longer rather than shorter. It is left alone where it is no value: a reference to a
//! variable, a boolean, a mask, or, after a colon in a sentence, an ordinary word.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::FILLER;
use super::forms::SEPARATOR;
use super::kinds::{self, Kind};
use super::name::is_one_of;

/// A shorter value (in characters) is no secret worth the name, and common words are short.
const VALUE_CHARS_MIN: usize = 4;

/// A word of letters alone that follows a colon in a sentence is prose up to this length (in bytes).
const PROSE_BYTES_MAX: usize = 20;

/// What stands where a secret would, and is none.
const NO_SECRETS: &str = "\
    true false null none undefined empty unset default required optional sensitive pending unknown invalid valid \
    expired missing incorrect wrong failed failure rejected denied accepted changed updated rotated created \
    deleted revoked found must should cannot could will does policy string number bool boolean bytes text object \
    redacted masked hidden removed omitted encrypted unauthorized unauthenticated forbidden authentication \
    authorization access error unexpected unable flag option value field from file with when this that have been \
    only then than like into using permission connection timeout login and/or prompt is_none some";

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)\A(?:
            \$[A-Z_][A-Z0-9_]* | \$[a-z]+(?:_[a-z0-9]+)+ | \$env:[A-Za-z_]\w* | %[A-Z_]{3,}%
          | (?:\$\{\{?\s*[A-Za-z_][\w\s.\[\]"*/()]*\}?\}[-_./:@]?)+
          | \{\{-?\s*[.$A-Za-z_][\w\s.|$/]*-?\}\}
          | \$\([A-Za-z_][\w./-]*\)
          | (?:var|local|data|module|each|self|path|terraform|secrets|env|inputs|steps)\.[A-Za-z_][\w.\[\]*-]*
          | [a-z0-9]+_[a-z0-9_]+(?:\.[a-z][a-z0-9_-]*(?:\[[^\]]*\])?){2,5}
          | (?:file|templatefile|getenv|env|lookup|os\.getenv|os\.Getenv|os\.environ|System\.getenv|process\.env)[(\[.].*
          | \((?:sensitive|known)(?:\ .*)?\)?
          | <[A-Za-z][\w\ ./:-]*> | <set | \[?<?(?:REDACTED|redacted|MASKED|masked)>?\]?
          | [*•xX.?\#-]+ | sha(?:256|384|512):[0-9a-f]+
          | (?:/[a-z0-9._-]+){2,}/?
          | (?:[\^~=]|[<>]=?)?\ ?v?[0-9]{1,4}\.[0-9]{1,4}(?:\.[0-9]{1,4})?
        )\z"#,
    )
    .expect("a constant that the tests compile")
});

/// Functions of Terraform that pass their argument on: the value is inside.
static WRAPPER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\A(?:(?:sensitive|nonsensitive|base64encode|coalesce|try|trimspace|tostring)\([ \t]*)+")
        .expect("a constant that the tests compile")
});

/// What ends an unquoted value inside a line: the next assignment.
static NEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:[&;,]|\\+[nrt])[ \t]*(?:- )?\\*["']?[A-Za-z_][A-Za-z0-9_.-]{0,64}\\*["']?[ \t]{0,8}[:=]"#)
        .expect("a constant that the tests compile")
});

/// How a value is tied to its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// `name=value`
    Equals,
    /// `name = value`
    SpacedEquals,
    /// `name:value`
    Colon,
    /// `name: value`
    SpacedColon,
    /// `--name value`
    Flag,
    /// `<name>value`
    Markup,
}

/// A quotation mark, escaped or not.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    mark: u8,
    escapes: usize,
}

/// Where a value is looked for.
pub(super) struct Place {
    /// The first byte after name, tie and blanks.
    pub(super) at: usize,
    pub(super) tie: Tie,
    /// Whether the name is the first thing on its line, so that the value may have the rest of the line.
    pub(super) leads: bool,
    /// The quote that opened before the name and holds both.
    pub(super) around: Option<Quote>,
}

/// Whether the text is a reference to a value rather than the value, a mask, or a path to it.
pub(super) fn is_reference(text: &str) -> bool {
    text.chars().all(|c| c == FILLER) || REFERENCE.is_match(text)
}

/// The secret at that place, or nothing if none is there.
pub(super) fn find(text: &str, place: &Place, kind: &Kind) -> Option<Range<usize>> {
    let rest = &text[place.at..];
    let at = place.at + WRAPPER.find(rest).map_or(0, |wrapper| wrapper.end());
    if let Some(block) = block(text, at, place.tie) {
        return Some(block);
    }
    // What is left is the head of a heredoc whose lines are covered.
    if place.tie == Tie::SpacedEquals && text[at..].starts_with("<<") {
        return None;
    }
    let (range, quoted) = match (quote_at(text, at), place.around) {
        (Some((quote, start)), _) => (start..quoted_end(text, start, quote), true),
        (None, Some(quote)) => (at..quoted_end(text, at, quote), true),
        (None, None) => (at..word_end(text, at), false),
    };
    let value = &text[range.clone()];
    if value.chars().count() < VALUE_CHARS_MIN || is_reference(value.trim()) || is_no_secret(value) {
        return None;
    }
    if quoted {
        return Some(range);
    }
    if matches!(place.tie, Tie::Colon | Tie::SpacedColon | Tie::SpacedEquals) && value.starts_with(['{', '[']) {
        return None;
    }
    // References may hold blanks, which end a word.
    if value.starts_with("${") || value.starts_with("{{") {
        let line = text[at..line_end(text, at)].trim_end_matches([',', ';', '"', '\'', '\r', ' ']);
        if is_reference(line) {
            return None;
        }
    }
    let has_line = place.leads && matches!(place.tie, Tie::Equals | Tie::SpacedEquals | Tie::SpacedColon);
    let line = if has_line { trimmed(text, at..next_name(text, at, line_end(text, at))) } else { range.clone() };
    let is_all = line.end == range.end;
    if *kind != kinds::PASSWORD && is_prose(value, place.tie, has_line && is_all) {
        return None;
    }
    Some(range.start..line.end.max(range.end))
}

/// The quotation mark at that place and where its content begins.
pub(super) fn quote_at(text: &str, at: usize) -> Option<(Quote, usize)> {
    let bytes = &text.as_bytes()[at..];
    let escapes = bytes.iter().take(16).take_while(|byte| **byte == b'\\').count();
    let mark = *bytes.get(escapes)?;
    matches!(mark, b'"' | b'\'' | b'`').then(|| (Quote { mark, escapes }, at + escapes + 1))
}

/// The quotation mark that ends right before that place.
pub(super) fn quote_before(text: &str, at: usize) -> Option<Quote> {
    let (mark, before) = text.as_bytes()[..at].split_last()?;
    let escapes = before.iter().rev().take(16).take_while(|byte| **byte == b'\\').count();
    matches!(mark, b'"' | b'\'' | b'`').then_some(Quote { mark: *mark, escapes })
}

/// Where the content of a quote ends: before its mark, or with the line if it was cut. A mark with more escapes than
/// the opening one is content.
fn quoted_end(text: &str, start: usize, quote: Quote) -> usize {
    let mut escapes = 0;
    let mut doubled = false;
    for (index, byte) in text.as_bytes().iter().enumerate().skip(start) {
        match *byte {
            b'\n' => return index,
            b'\\' => escapes += 1,
            mark if mark == quote.mark && doubled => doubled = false,
            mark if mark == quote.mark => {
                // Two marks in a row are one of the content in YAML and SQL, or part of three that open in Python.
                doubled = quote.escapes == 0 && escapes == 0 && text.as_bytes().get(index + 1) == Some(&quote.mark);
                if doubled {
                    continue;
                }
                if escapes <= quote.escapes {
                    return index - escapes;
                }
                if quote.escapes == 0 && escapes % 2 == 0 {
                    return index;
                }
                escapes = 0;
            }
            _ => escapes = 0,
        }
    }
    text.len()
}

/// Where an unquoted value inside a line ends.
fn word_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let end = rest
        .find(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '>') || (c == '<' && !rest.starts_with('<'))
        })
        .map_or(text.len(), |end| at + end);
    // `<password>` as a whole is a mask.
    let end = if rest.starts_with('<') && text[end..].starts_with('>') { end + 1 } else { end };
    trimmed(text, at..next_name(text, at, end)).end
}

/// The end, or the start of the next assignment if that comes first.
fn next_name(text: &str, at: usize, end: usize) -> usize {
    NEXT.find(&text[at..end]).map_or(end, |next| at + next.start())
}

/// Without the punctuation, escapes and blanks that end a value in a line.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let value = text[range.clone()].trim_end();
    let value = ["\\n", "\\r", "\\t"].iter().fold(value, |value, escape| value.trim_end_matches(escape));
    // A bracket belongs to something that began before the value, unless it closes one of the value's own.
    let is_tail = |c: char| match c {
        ')' => !value.contains('('),
        ']' => !value.contains('['),
        '}' => !value.contains('{'),
        other => matches!(other, ',' | ';' | '\\' | '"' | '\'' | ' '),
    };
    let value = value.trim_end_matches(is_tail);
    range.start..range.start + value.len()
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

fn is_no_secret(value: &str) -> bool {
    let word = value.trim().trim_end_matches(['.', ',', ';', ':', '!', '?', ')']).to_ascii_lowercase();
    is_one_of(NO_SECRETS, &word)
}

/// Whether an unquoted value after a colon is a word of a sentence, the name of an object, a port, a version. A value
/// alone on a line of its own is YAML and no sentence.
fn is_prose(value: &str, tie: Tie, alone: bool) -> bool {
    let is_colon = matches!(tie, Tie::Colon | Tie::SpacedColon);
    if value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    if !is_colon || alone {
        return false;
    }
    let is_version = value.contains('.') && value.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    let is_words = value.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'/' | b'.' | b':'))
        && value.bytes().skip(1).all(|byte| !byte.is_ascii_uppercase());
    (tie == Tie::Colon && is_version) || (is_words && value.len() < PROSE_BYTES_MAX)
}

/// A block scalar of YAML or a heredoc of HCL: the lines below.
fn block(text: &str, at: usize, tie: Tie) -> Option<Range<usize>> {
    if !text[at..].starts_with(['|', '>', '<']) {
        return None;
    }
    let first_end = line_end(text, at);
    let head = text[at..first_end].trim_end();
    let body = text.get(first_end + 1..)?;
    let is_scalar = tie == Tie::SpacedColon && matches!(head, "|" | "|-" | "|+" | ">" | ">-" | ">+");
    let marker = head.strip_prefix("<<-").or_else(|| head.strip_prefix("<<"));
    let marker = marker.filter(|marker| !marker.is_empty() && tie == Tie::SpacedEquals);
    let key_line = text[..at].rfind('\n').map_or(0, |index| index + 1);
    let indent = indent_of(&text[key_line..]);
    let mut end = None;
    let mut next = first_end + 1;
    for line in body.split_inclusive('\n') {
        let is_in = match marker {
            Some(marker) => line.trim() != marker && !line.starts_with(SEPARATOR),
            None => is_scalar && (line.trim().is_empty() || indent_of(line) > indent),
        };
        if !is_in {
            break;
        }
        next += line.len();
        if !line.trim().is_empty() {
            end = Some(next - (line.len() - line.trim_end().len()));
        }
    }
    let start = first_end + 1 + (body.len() - body.trim_start().len());
    let end = end.filter(|end| *end > start)?;
    let value = &text[start..end];
    (value.len() >= VALUE_CHARS_MIN && !is_reference(value)).then_some(start..end)
}

fn indent_of(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}
