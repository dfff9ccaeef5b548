//! Looks for eight bytes in a row of any canary, plain or encoded, in whatever bytes it is given.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// So many bytes of a secret in a row are too many.
const BYTES: usize = 8;
/// Eight bytes in base64, less the digits at both ends that their neighbours have a part in.
const BASE64_DIGITS: usize = 9;

/// What is looked for: by its first eight bytes, the whole of it, and whose it is.
pub(super) struct Search {
    needles: HashMap<[u8; BYTES], Vec<Needle>>,
    /// Which two bytes a needle begins with: most places are passed over by this alone.
    begins: Vec<bool>,
}

struct Needle {
    text: Vec<u8>,
    whose: String,
}

impl Search {
    /// A search for these secrets, each with its name.
    pub(super) fn new<'a>(canaries: impl Iterator<Item = (&'a str, &'a str)>) -> Search {
        let mut search = Search { needles: HashMap::new(), begins: vec![false; 1 << 16] };
        for (name, secret) in canaries {
            for (form, text, length) in forms(secret.as_bytes()) {
                text.windows(length).for_each(|window| search.add(window, &format!("{name}, {form}")));
            }
        }
        search
    }

    fn add(&mut self, text: &[u8], whose: &str) {
        self.begins[pair(text)] = true;
        let first = text[..BYTES].try_into().expect("no needle is shorter");
        self.needles.entry(first).or_default().push(Needle { text: text.to_vec(), whose: whose.to_owned() });
    }

    /// Which canaries are in these bytes, and in which form, each once.
    pub(super) fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for at in 0..bytes.len().saturating_sub(BYTES - 1) {
            let rest = &bytes[at..];
            if !self.begins[pair(rest)] {
                continue;
            }
            let first: [u8; BYTES] = rest[..BYTES].try_into().expect("the loop ends before");
            let needles = self.needles.get(&first).into_iter().flatten();
            found.extend(needles.filter(|needle| rest.starts_with(&needle.text)).map(|needle| needle.whose.as_str()));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn pair(text: &[u8]) -> usize {
    usize::from(text[0]) << 8 | usize::from(text[1])
}

/// A secret in each form that it could get out in, and how much of the form is eight bytes of the secret.
pub(super) fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>, usize)> {
    let each = |one: fn(u8) -> String| secret.iter().map(|byte| one(*byte)).collect::<String>().into_bytes();
    let mut forms = vec![
        ("plain", secret.to_vec(), BYTES),
        ("hex", each(|byte| format!("{byte:02x}")), 2 * BYTES),
        ("hex in capitals", each(|byte| format!("{byte:02X}")), 2 * BYTES),
        ("percent", each(|byte| format!("%{byte:02X}")), 3 * BYTES),
        ("percent in small letters", each(|byte| format!("%{byte:02x}")), 3 * BYTES),
        ("JSON codes", each(|byte| format!("\\u00{byte:02x}")), 6 * BYTES),
    ];
    for (form, engine) in [("base64", STANDARD_NO_PAD), ("base64 for addresses", URL_SAFE_NO_PAD)] {
        for (shift, mixed) in [(0, 0), (1, 2), (2, 3)] {
            let digits = engine.encode([&[0; 2][..shift], secret].concat());
            // The last digit may hold bits of what follows.
            forms.push((form, digits.as_bytes()[mixed..digits.len() - 1].to_vec(), BASE64_DIGITS));
        }
    }
    forms
}

#[test]
fn the_search_finds_eight_bytes_in_every_form_and_not_seven() {
    let secret = "Zq8vT3kLw9Rb2xNf7c";
    let search = Search::new([("one", secret)].into_iter());
    for (form, text, _) in forms(secret.as_bytes()) {
        let around = [b"around it ".as_slice(), &text, b" and on"].concat();
        assert!(!search.found(&around).is_empty(), "{form}");
    }
    for shift in 0..3 {
        let eight = STANDARD_NO_PAD.encode(format!("{}{}", &"  "[..shift], &secret[5..13]));
        assert!(!search.found(eight.as_bytes()).is_empty(), "{shift}: {eight}");
    }
    assert!(!search.found(&secret.as_bytes()[3..11]).is_empty());
    assert!(search.found(&secret.as_bytes()[3..10]).is_empty());
    assert!(search.found(b"nothing at all").is_empty());
}
