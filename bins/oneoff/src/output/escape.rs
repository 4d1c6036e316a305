//! Text from elsewhere, made harmless for a terminal.

use std::borrow::Cow;

/// The text with control characters, and those that reorder text, written as escapes. Line ends too.
pub(crate) fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match is_harmful(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// A JSON text with the same characters as escapes of JSON. They only stand in strings there, but for line ends.
pub(crate) fn escape_in_json(text: &str) -> Cow<'_, str> {
    let is_to_escape = |c: char| is_harmful(c) && c != '\n';
    if !text.chars().any(is_to_escape) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match is_to_escape(c) {
        // All of them have four hexadecimal digits.
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// Whether a character does something to a terminal beside being shown.
pub(crate) fn is_harmful(c: char) -> bool {
    // The bidirectional controls of Unicode (UAX #9) can make a line look like another one.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{escape_controls, escape_in_json};

    #[test]
    fn escapes_are_visible_and_other_text_stays() {
        assert_eq!(escape_controls("a\u{1b}]0;x\u{7}b\n\u{202e}c"), "a\\u{1b}]0;x\\u{7}b\\n\\u{202e}c");
        assert_eq!(escape_controls("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(
            escape_in_json("{\n\"a\": \"\u{9b}\u{7f}\u{202e}\\n\"}"),
            "{\n\"a\": \"\\u009b\\u007f\\u202e\\n\"}"
        );
        assert_eq!(escape_controls("Käse 🧀 \"q\" \\"), "Käse 🧀 \"q\" \\");
    }
}
