//! Making foreign text safe to print.
//!
//! Names, error texts and values come from plan files, providers and engines. Printed raw they could move the cursor,
//! colour a forged line or reverse the reading order, and a person approves what they read. Everything that this
//! module tree renders for people goes through [`escape`].

use std::fmt::Write as _;

use crate::text::is_hidden;

/// Returns `text` with everything that could deceive a reader escaped, cut to at most `chars_max` characters.
///
/// Escaped are control characters (so ANSI sequences, new lines and tabs too), the marks that change the reading
/// direction, and characters without width. A cut is shown as `…`.
pub fn escape(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max));
    for (count, c) in text.chars().enumerate() {
        if count >= chars_max {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_hidden(c) => {
                let _infallible = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_could_deceive_is_shown_as_its_number() {
        let cases = [
            ("plain ünïcode", "plain ünïcode"),
            ("a\u{1b}[31mred", "a\\u{1b}[31mred"),
            ("two\nlines", "two\\nlines"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("z\u{200b}w", "z\\u{200b}w"),
        ];
        for (raw, safe) in cases {
            assert_eq!(escape(raw, 100), safe);
        }
    }

    #[test]
    fn a_cut_is_visible() {
        assert_eq!(escape("abcdef", 3), "abc…");
        assert_eq!(escape("abc", 3), "abc");
    }
}
