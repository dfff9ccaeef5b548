//! Secrets that their name gives away: assignments in environments, YAML, JSON at any depth of escapes, HCL, command
//! lines, markup, and the pairs of `name` and `value` that Kubernetes and Terraform write.
//!
//! One pattern finds the telling words; the rest is read by hand, forwards from the name, because where a value ends
//! depends on how it began. What names are telling is in `name.rs`, what values are secrets in `value.rs`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::found::Found;
use super::kinds::Kind;
use super::name;
use super::value::{self, Place, Tie};

static WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)pass|pwd|secret|token|key|credential|connection[ _-]?string|[_-]pw")
        .expect("a constant that the tests compile")
});

/// A closing quote or bracket of the name, then what ties the value to it.
static TIE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\A(?:\\*["'`])?\]?(?P<before>[ \t]{0,64})(?P<tie>[:+?]?=+>?|:)(?P<after>[ \t]*)"#)
        .expect("a constant that the tests compile")
});

/// What separates a flag from its value on a command line, in a JSON array and in a YAML list.
static FLAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\A(?:\\*["'],\s*|[ \t]*\r?\n[ \t]*-[ \t]+|[ \t]+)"#).expect("a constant that the tests compile")
});

/// `X_PASSWORD`, then the key `value` of the same object.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"\A\\*["']?(?:[\s,]|\\+[nrt]){0,64}\\*["']?(?P<key>value)\\*["']?[ \t]{0,64}(?P<tie>[:=])(?P<after>[ \t]*)"#,
    )
    .expect("a constant that the tests compile")
});

/// An old value in a diff, and the new one behind it.
static ARROW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\A\\*["']?[ \t]*->[ \t]*"#).expect("a constant that the tests compile"));

/// Adds every value whose name says that it is a secret.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut done = 0;
    for word in WORD.find_iter(text) {
        if word.start() < done {
            continue;
        }
        let name = with_word_before(text, name::around(text, word.range()));
        done = name.end;
        let raw = &text[name.clone()];
        let Some(kind) = name::kind(&raw.replace(' ', "_")) else { continue };
        let dashes = raw.len() - raw.trim_start_matches('-').len();
        let Some(place) = place(text, name.start, name.end, dashes > 0) else { continue };
        done = done.max(take(text, place, kind, found));
    }
}

/// `key` alone tells nothing; in prose the word that does stands before it (`API key: …`).
fn with_word_before(text: &str, name: Range<usize>) -> Range<usize> {
    if !text[name.clone()].eq_ignore_ascii_case("key") || !text[..name.start].ends_with(' ') {
        return name;
    }
    let before = &text.as_bytes()[..name.start - 1];
    let word = before.iter().rev().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    before.len() - word..name.end
}

/// Adds the value at the place, and the one behind an arrow; says where the last one ends.
fn take(text: &str, place: Place, kind: &'static Kind, found: &mut Vec<Found>) -> usize {
    let mut end = place.at;
    let after = match value::find(text, &place, kind) {
        Some(range) => {
            end = range.end;
            found.push(Found::plain(text, range, kind));
            end
        }
        // `(sensitive value) -> "…"` does not occur: Terraform masks both sides or none. `null -> "…"` does.
        None if text[place.at..].starts_with("null") => place.at + "null".len(),
        None => return end,
    };
    if let Some(arrow) = ARROW.find(&text[after..]) {
        let new = Place { at: after + arrow.end(), ..place };
        if let Some(range) = value::find(text, &new, kind) {
            end = range.end;
            found.push(Found::plain(text, range, kind));
        }
    }
    end
}

/// Where the value of the name is, if anything ties one to it.
fn place(text: &str, start: usize, end: usize, is_flag: bool) -> Option<Place> {
    let rest = &text[end..];
    let opened = value::quote_before(text, start);
    let closes = value::quote_at(text, end).is_some();
    if let Some(pair) = PAIR.captures(rest) {
        let key = pair.name("key")?;
        let leads = leads(text, end + key.start());
        let tie = tie(pair.name("tie")?.as_str(), true, !pair.name("after")?.is_empty());
        return Some(Place { at: end + pair.get(0)?.end(), tie, leads, around: None });
    }
    if rest.starts_with('>') && text[..start].ends_with('<') {
        return Some(Place { at: end + 1, tie: Tie::Markup, leads: false, around: None });
    }
    // `repository/app-token:1.2` is an image, `arn:aws:…:secret:web` and `token::Kind` are paths.
    let before = &text[..start];
    let is_path = (before.ends_with('/') && !before.ends_with("//")) || is_in_arn(before);
    if is_label(text, start, end) {
        return None;
    }
    if let Some(found) = TIE.captures(rest) {
        let whole = found.get(0)?;
        let tie = tie(found.name("tie")?.as_str(), !found.name("before")?.is_empty(), !found.name("after")?.is_empty());
        if (tie == Tie::Colon && is_path) || rest[whole.end()..].starts_with(':') {
            return None;
        }
        // A quote around the assignment as a whole ends its value; one around the name alone has ended already.
        let around = opened.filter(|_| !closes);
        let leads = around.is_none() && !is_flag && leads(text, start);
        return Some(Place { at: end + whole.end(), tie, leads, around });
    }
    let gap = FLAG.find(rest).filter(|_| is_flag || is_set(&text[..start]))?;
    let at = end + gap.end();
    // Another flag follows: this one had no value.
    let is_next = text[at..].trim_start_matches(['"', '\'', '\\']).starts_with("--");
    (!is_next).then_some(Place { at, tie: Tie::Flag, leads: false, around: None })
}

/// Whether a colon before a name is one of an Amazon Resource Name, which has six.
fn is_in_arn(before: &str) -> bool {
    const ARN_BYTES_MAX: usize = 256;
    let near = &before[before.ceil_char_boundary(before.len().saturating_sub(ARN_BYTES_MAX))..];
    let word = near.rsplit([' ', '"', '\n']).next().unwrap_or_default();
    word.ends_with(':') && word.trim_start_matches('\'').starts_with("arn:")
}

/// Whether a name is the label `secret` of a metric, whose value names an object.
fn is_label(text: &str, start: usize, end: usize) -> bool {
    &text[start..end] == "secret" && text[..start].ends_with(['{', ',']) && text[end..].starts_with("=\"")
}

/// Whether the words before a name set it to what follows a blank: Dockerfiles, csh, the command line of AWS.
fn is_set(before: &str) -> bool {
    ["ENV ", "setenv ", "configure set "].iter().any(|words| before.ends_with(words))
}

fn tie(symbol: &str, before: bool, after: bool) -> Tie {
    match (symbol == ":", before || after) {
        (true, _) if after => Tie::SpacedColon,
        (true, _) => Tie::Colon,
        (false, true) => Tie::SpacedEquals,
        (false, false) => Tie::Equals,
    }
}

/// Whether nothing but indent and the marks of lists, diffs and shells stands before the name on its line.
fn leads(text: &str, start: usize) -> bool {
    // Deeper indents than 64 bytes are not looked at: the line is then read word by word.
    let from = text.floor_char_boundary(start.saturating_sub(64));
    let before = &text[from..start];
    let line = match (before.rfind('\n'), before.rfind("\\n")) {
        (Some(real), escaped) => &before[(real + 1).max(escaped.map_or(0, |index| index + 2))..],
        (None, Some(escaped)) => &before[escaped + 2..],
        (None, None) if from == 0 => before,
        (None, None) => return false,
    };
    matches!(line.trim(), "" | "-" | "+" | "~" | "export" | "set" | "declare -x" | "ENV" | "ARG" | "- -" | "- +")
}
