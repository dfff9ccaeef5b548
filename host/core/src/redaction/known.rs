//! Secrets that the host was told: that very text, wherever it stands.
//!
//! Escapes, percent signs, base64 and hex are undone by other readings (`forms.rs`); here is what those can miss: a
//! short secret amid other bytes in base64, of which the symbols that depend on nothing else are looked for at each of
//! the three offsets, and a secret of several lines that were wrapped anew.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::{RegexSet, RegexSetBuilder};

use super::Secret;
use super::forms::{self, Join};
use super::found::Found;
use super::kinds;

/// Known values shorter than this (in bytes) are ignored: they would be found inside ordinary words.
pub const KNOWN_BYTES_MIN: usize = 6;

/// The search for all known texts takes at most this much memory (in bytes); beyond it each is looked for by itself,
/// which takes longer and finds the same.
const SET_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The known texts, and one pass that tells which of them stand in a text.
#[derive(Default)]
pub(super) struct Known {
    forms: Vec<Form>,
    any: Option<RegexSet>,
}

/// One form of a known text.
struct Form {
    text: Secret,
    secret: Secret,
    /// Whether its first and last symbol hold only a part of a byte, so that their neighbours hold the rest.
    is_base64: bool,
}

impl Known {
    pub(super) fn add<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        for value in values.into_iter().map(str::trim).filter(|value| value.len() >= KNOWN_BYTES_MIN) {
            let secret = forms::canonical(value);
            let mut add = |text: String, is_base64| {
                if !self.forms.iter().any(|form| form.text.expose() == text) {
                    self.forms.push(Form { text: Secret::new(text), secret: secret.clone(), is_base64 });
                }
            };
            add(value.to_owned(), false);
            if let Some(reading) = forms::unbroken(value, Join::Lines) {
                add(reading.text, false);
            }
            add(value.bytes().map(|byte| format!("{byte:02x}")).collect(), false);
            add(value.bytes().map(|byte| format!("{byte:02X}")).collect(), false);
            for offset in 0..3 {
                let padded = [&[0; 2][..offset], value.as_bytes()].concat();
                // Six bits a symbol: the first whole one after the offset, and the last whole one.
                let symbols = (offset * 8).div_ceil(6)..padded.len() * 8 / 6;
                add(STANDARD_NO_PAD.encode(&padded)[symbols.clone()].to_owned(), true);
                add(URL_SAFE_NO_PAD.encode(&padded)[symbols].to_owned(), true);
            }
        }
        let all = self.forms.iter().map(|form| regex::escape(form.text.expose()));
        self.any = RegexSetBuilder::new(all).size_limit(SET_BYTES_MAX).build().ok();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Adds every known text.
    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        match &self.any {
            Some(any) => any.matches(text).into_iter().for_each(|index| self.forms[index].find(text, found)),
            None => self.forms.iter().for_each(|form| form.find(text, found)),
        }
    }
}

impl Form {
    fn find(&self, text: &str, found: &mut Vec<Found>) {
        for (at, form) in text.match_indices(self.text.expose()) {
            let range = if self.is_base64 { widened(text, at..at + form.len()) } else { at..at + form.len() };
            found.push(Found { range, kind: &kinds::KNOWN, secret: self.secret.clone(), behind: false });
        }
    }
}

/// With the symbols of base64 beside it, which hold the rest of its first and last byte.
fn widened(text: &str, range: Range<usize>) -> Range<usize> {
    let is_symbol =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte));
    let bytes = text.as_bytes();
    let before = usize::from(range.start > 0 && is_symbol(bytes.get(range.start - 1)));
    let after = usize::from(is_symbol(bytes.get(range.end)));
    range.start - before..range.end + after
}
