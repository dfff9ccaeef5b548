//! Whatever stands around a secret and however it is encoded, no eight bytes of it in a row are left.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::example::{Example, examples};
use super::text::PARTS;
use super::{CORPUS, Numbers, none, redactor};
use crate::redaction::kinds::{self, Sureness};
use crate::redaction::{PLACEHOLDER, Redactor};

/// A form that a text may take before it gets into a log.
type Encode = fn(&str, &mut Numbers) -> String;

/// In each of these forms a secret is found, whatever its kind.
const FORMS: &[(&str, Encode)] = &[
    ("plain", |text, _| text.to_owned()),
    ("base64", |text, numbers| glued(&STANDARD.encode(shifted(text, numbers)), numbers)),
    ("base64 without padding", |text, numbers| glued(&STANDARD_NO_PAD.encode(shifted(text, numbers)), numbers)),
    ("base64 for addresses", |text, numbers| glued(&URL_SAFE.encode(shifted(text, numbers)), numbers)),
    ("base64 twice", |text, numbers| STANDARD.encode(URL_SAFE_NO_PAD.encode(shifted(text, numbers)))),
    ("wrapped base64", |text, numbers| wrapped(&STANDARD.encode(shifted(text, numbers)), 64 + numbers.below(13), "\n")),
    ("wrapped base64 in JSON", |text, numbers| json(&wrapped(&STANDARD.encode(text), 64 + numbers.below(13), "\n"))),
    ("indented base64", |text, numbers| wrapped(&STANDARD.encode(text), 40 + numbers.below(13), "\n    ")),
    ("percent", |text, _| percent(text, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))),
    ("percent everywhere", |text, _| percent(text, |_| false)),
    ("percent of base64", |text, _| percent(&STANDARD.encode(text), |byte| byte.is_ascii_alphanumeric())),
    ("JSON", |text, _| json(text)),
    ("JSON in JSON", |text, _| json(&json(text))),
    ("JSON with codes everywhere", |text, _| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
    ("base64 of JSON", |text, _| STANDARD.encode(json(text))),
    ("hex", |text, numbers| glued(&hex(text, false), numbers)),
    ("hex in capitals", |text, numbers| glued(&hex(text, true), numbers)),
    ("wrapped hex", |text, _| wrapped(&hex(text, false), 60, "\n")),
];

/// Some bytes before the text move it to another offset of base64.
fn shifted(text: &str, numbers: &mut Numbers) -> String {
    format!("{}{text}", &" \n"[..numbers.below(3)])
}

/// Other characters of the alphabet stand right before.
fn glued(text: &str, numbers: &mut Numbers) -> String {
    format!("{}{text}", &"abc"[..numbers.below(4)])
}

fn wrapped(text: &str, width: usize, with: &str) -> String {
    let lines: Vec<_> = text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
    lines.join(with)
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}

fn percent(text: &str, stays: fn(u8) -> bool) -> String {
    text.bytes().map(|byte| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn hex(text: &str, capitals: bool) -> String {
    text.bytes().map(|byte| if capitals { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
}

/// A text broken at some place, where neither side is too short to be worth anything.
fn broken(text: &str, with: &str, numbers: &mut Numbers) -> String {
    let (from, to) = (8.min(text.len() / 2), text.len().saturating_sub(8).max(text.len() / 2));
    let mut at = from + numbers.below(to - from + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    format!("{}{with}{}", &text[..at], &text[at..])
}

/// What is left of the secret in a text: eight bytes in a row, plain or encoded.
fn left(secret: &str, redacted: &str) -> Option<String> {
    // A placeholder names the kind, as many a token does itself.
    let redacted = PLACEHOLDER.replace_all(redacted, "#");
    let secret = secret.as_bytes();
    let windows = secret.windows(8.min(secret.len()));
    windows.map(String::from_utf8_lossy).filter(|window| !window.contains('\u{fffd}')).find_map(|window| {
        let mut forms = vec![window.to_string(), hex(&window, false), hex(&window, true), percent(&window, |_| false)];
        for offset in 0..3 {
            let padded = [&[0; 2][..offset], window.as_bytes()].concat();
            let symbols = (offset * 8).div_ceil(6)..padded.len() * 8 / 6;
            forms.push(STANDARD_NO_PAD.encode(&padded)[symbols.clone()].to_owned());
            forms.push(URL_SAFE_NO_PAD.encode(&padded)[symbols].to_owned());
        }
        forms.into_iter().find(|form| redacted.contains(form.as_str()))
    })
}

/// Any text: pieces that mean something to some rule, lines of logs, and letters of many scripts.
fn noise(numbers: &mut Numbers) -> String {
    let lines: Vec<_> = CORPUS.lines().collect();
    let mut noise = String::new();
    for _ in 0..numbers.below(8) {
        match numbers.below(4) {
            0 => noise.push_str(lines[numbers.below(lines.len())]),
            1 => {
                noise.extend((0..numbers.below(12)).map(|_| ['ä', '€', '日', '\u{1f680}', 'x', '9'][numbers.below(6)]))
            }
            _ => noise.push_str(PARTS[numbers.below(PARTS.len())]),
        }
        if numbers.below(3) == 0 {
            noise.push('\n');
        }
    }
    noise
}

/// What is wrong with the redaction of a text that holds the secret.
fn wrong(redactor: &Redactor, secret: &str, text: &str, numbers: &mut Numbers) -> Option<String> {
    let redacted = redactor.redact(text);
    if let Some(left) = left(secret, &redacted) {
        return Some(format!("{left:?} of {secret:?} is left\n  {text:?}\n  {redacted:?}"));
    }
    if redactor.redact(&redacted) != redacted {
        return Some(format!("not idempotent\n  {text:?}\n  {redacted:?}\n  {:?}", redactor.redact(&redacted)));
    }
    let bytes_max = numbers.below(text.len() + 20);
    let bounded = redactor.redact_bounded(text, bytes_max);
    left(secret, &bounded).map(|left| format!("{left:?} is left of {text:?} in {bytes_max}: {bounded:?}"))
}

/// A line that holds the text, amid noise.
fn amid(text: &str, numbers: &mut Numbers) -> String {
    format!("{}\n{text}\n{}", noise(numbers), noise(numbers))
}

#[test]
fn no_eight_bytes_of_a_secret_are_left_in_any_form() {
    let (redactor, mut numbers) = (redactor(), Numbers(0xc0ffee));
    let mut all = Vec::new();
    for example in examples(&mut numbers) {
        for (form, encode) in FORMS {
            let text = amid(&encode(&example.text(), &mut numbers), &mut numbers);
            let wrong = wrong(&redactor, &example.secret, &text, &mut numbers);
            all.extend(wrong.map(|wrong| format!("{} as {form}: {wrong}", example.kind)));
        }
    }
    none(all);
}

#[test]
fn no_eight_bytes_of_a_broken_secret_are_left() {
    let (redactor, mut numbers) = (redactor(), Numbers(0xdecade));
    let mut all = Vec::new();
    // Keys are of several lines anyway; what begins with `s.` begins a word and is not looked for within one.
    let is_one = |example: &Example| !example.text().contains('\n') && !example.secret.starts_with("s.");
    for example in examples(&mut numbers).into_iter().filter(is_one) {
        let kind = kinds::all().find(|kind| kind.name == example.kind).expect("a test holds them to the table");
        let breaks = ["\\\n", "\n", "\r\n", "\n    "];
        // A value that only its name or its place tells ends with its line, unless a shell goes on.
        let can = if kind.sureness == Sureness::Form { breaks.len() } else { 1 };
        for with in breaks.iter().take(can) {
            let Example { before, secret, after, .. } = &example;
            let text = amid(&format!("{before}{}{after}", broken(secret, with, &mut numbers)), &mut numbers);
            let wrong = wrong(&redactor, secret, &text, &mut numbers);
            all.extend(wrong.map(|wrong| format!("{} at {with:?}: {wrong}", example.kind)));
        }
    }
    none(all);
}

#[test]
fn no_eight_bytes_of_a_known_text_are_left_in_any_form() {
    let mut numbers = Numbers(0xfacade);
    let mut all = Vec::new();
    let symbols: Vec<char> = "abcXYZ0189 -_/+=:.,;\"'\\{}[]<>&%$#@!?*|~`äß€日\u{1f600}\n\t".chars().collect();
    for _ in 0..24 {
        let secret: String = (0..8 + numbers.below(40)).map(|_| symbols[numbers.below(symbols.len())]).collect();
        let secret = secret.trim();
        if secret.len() < 8 {
            continue;
        }
        let mut redactor = redactor();
        redactor.with_known([secret]);
        for (form, encode) in FORMS {
            let around = format!("{}{secret}{}", &"name"[..numbers.below(5)], &"; x"[..numbers.below(4)]);
            let text = amid(&encode(&around, &mut numbers), &mut numbers);
            let wrong = wrong(&redactor, secret, &text, &mut numbers);
            all.extend(wrong.map(|wrong| format!("as {form}: {wrong}")));
        }
        for with in ["\\\n", "\n", "\n    "].iter().filter(|_| !secret.contains(['\n', '\t', '\\', ' '])) {
            let text = amid(&broken(secret, with, &mut numbers), &mut numbers);
            all.extend(wrong(&redactor, secret, &text, &mut numbers).map(|wrong| format!("at {with:?}: {wrong}")));
        }
    }
    none(all);
}

#[test]
fn a_secret_has_one_placeholder_in_every_form() {
    let (redactor, mut numbers) = (redactor(), Numbers(0xbead));
    let mut all = Vec::new();
    for example in examples(&mut numbers) {
        let plain = redactor.redact(&example.text()).into_owned();
        let placeholder = PLACEHOLDER.find(&plain).map_or("none at all", |found| found.as_str());
        for (form, encode) in FORMS {
            let redacted = redactor.redact(&encode(&example.text(), &mut numbers)).into_owned();
            if !redacted.contains(placeholder) {
                all.push(format!("{} as {form}: {redacted} and not {placeholder} of {}", example.kind, example.text()));
            }
        }
    }
    none(all);
}
