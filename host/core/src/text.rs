//! Text from outside, made safe to show.
//!
//! A policy, a worker, Gemini and a cluster all say things that end in a log, a terminal or a dashboard. A control
//! character there can clear the screen, hide what was said or forge a line; a bidirectional mark can make one name
//! look like another. So such a text is escaped once, where it is parsed, and whoever prints it afterwards need not
//! think of it. What is *not* here is redaction: an escaped text may still hold a secret.

/// The text with every character that is not plainly visible written as its escape: `\n`, `\t`, `\u{1b}`.
///
/// A newline is escaped too, so a text is always one line and can forge no other.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_hidden(c) {
            shown.push(c);
        } else if matches!(c, '\n' | '\r' | '\t') {
            shown.extend(c.escape_default());
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    shown
}

/// Whether a character controls how others are shown instead of being shown itself.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'   // zero width, and marks of direction
            | '\u{2028}'..='\u{202e}'   // line ends, embeddings and overrides of direction
            | '\u{2060}'..='\u{206f}'   // invisible operators, isolates of direction
            | '\u{fff9}'..='\u{fffb}'   // interlinear annotation
            | '\u{e0000}'..='\u{e0fff}' // tags: invisible text that a model may read
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_visible_stays_and_what_controls_is_shown() {
        assert_eq!(escape("naïve 端末 🚢 \\n"), "naïve 端末 🚢 \\n");
        assert_eq!(escape("\u{1b}[2J\nINFO ok\r\u{202e}txt\u{e0041}"), "\\u{1b}[2J\\nINFO ok\\r\\u{202e}txt\\u{e0041}");
    }
}
