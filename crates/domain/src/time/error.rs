//! Building the errors, and what to say about a word that is not understood.

use super::cursor::{Cursor, Word};
use super::{TimeError, day, duration, zone};
use crate::suggest::nearest;

const WORDS: &[&str] =
    &["at", "in", "midnight", "next", "noon", "now", "on", "today", "tomorrow", "tonight", "teatime", "utc"];

/// What to write, where nothing better is known.
pub(super) const EXAMPLES: &str = "write for example `in 2h`, `tomorrow 09:00` or `2026-12-24T18:00`";

impl TimeError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, span: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn span(mut self, span: (usize, usize)) -> Self {
        self.span = Some(span);
        self
    }
}

/// A piece of the expression as messages show it: at most 40 characters, without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::from("`");
    for c in text.chars().take(40) {
        if c.is_ascii_graphic() || c == ' ' {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
    }
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}

/// The error for a word that fits nowhere.
pub(super) fn not_understood(word: Word<'_>, at: Cursor<'_>) -> TimeError {
    let text = word.text.strip_suffix(',').unwrap_or(word.text);
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return number_not_understood(text, at).span(word.span());
    }
    if word.is("am") || word.is("pm") {
        let message = format!("{} must follow an hour from 1 to 12", quoted(text));
        return TimeError::new(message).hint("write for example `9am`").span(word.span());
    }
    if text.contains('/') {
        return zone::unknown(text).span(word.span());
    }
    let error = TimeError::new(format!("{} is not understood", quoted(text))).span(word.span());
    let known = WORDS.iter().chain(day::WORDS).copied();
    match nearest(text, known) {
        Some(known) => error.hint(format!("did you mean `{known}`?")),
        None => match zone::nearest_name(text) {
            Some(name) => error.hint(format!("did you mean the time zone `{name}`?")),
            None => error.hint(EXAMPLES),
        },
    }
}

fn number_not_understood(text: &str, mut at: Cursor<'_>) -> TimeError {
    if let Some(error) = day::numeric_date(text) {
        return error;
    }
    let shown = quoted(text);
    if text.chars().all(|c| c.is_ascii_digit()) {
        return TimeError::new(format!("{shown} alone says neither which hour nor which day"))
            .hint(bare_number_hint(text));
    }
    let start = at.position();
    if duration::parse(&mut at).is_ok() {
        let duration = at.text_from(start);
        return TimeError::new(format!("{} is a duration, not a time", quoted(duration)))
            .hint(format!("write `in {duration}`"));
    }
    TimeError::new(format!("{shown} is not understood")).hint(EXAMPLES)
}

fn bare_number_hint(digits: &str) -> String {
    let number = digits.parse::<u64>().unwrap_or(u64::MAX);
    match (digits.len(), number) {
        (1 | 2, 1..=12) => format!("write `{number:02}:00`, `{number}am` or `{number}pm`"),
        (1 | 2, 0..=23) => format!("write `{number:02}:00`"),
        (4, 0..=2359) if number % 100 < 60 => {
            format!("write `{:02}:{:02}` for a time of day", number / 100, number % 100)
        }
        (9..=11, _) => format!("write `@{digits}` for seconds since 1970"),
        (12..=14, _) => format!("write `@{digits}ms` for milliseconds since 1970"),
        (8, _) => "write a date as `2026-12-24` and a time as `18:00`".to_owned(),
        _ => EXAMPLES.to_owned(),
    }
}
