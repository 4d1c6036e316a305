//! Building the errors, and what to say about a word that is not understood.

use super::cursor::{Cursor, Word};
use super::{TimeError, clock_time, day, duration, zone};
use crate::suggest::nearest;

const WORDS: &[&str] =
    &["at", "in", "midnight", "next", "noon", "now", "on", "today", "tomorrow", "tonight", "teatime", "utc"];

/// What to write, where nothing better is known.
pub(super) const EXAMPLES: &str = "write for example `in 2h`, `tomorrow 09:00` or `2026-12-24T18:00`";

/// The latest time that can be written, [`crate::Timestamp::MAX`] without its fraction.
pub(super) const LATEST: &str = "9999-12-30T22:00:00Z";

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

/// The error for a word that fits nowhere; `at` stands before it.
pub(super) fn not_understood(word: Word<'_>, at: Cursor<'_>) -> TimeError {
    let text = word.text.strip_suffix(',').unwrap_or(word.text);
    let error = known_form(text, at).unwrap_or_else(|| unknown_word(text));
    TimeError { span: error.span.or(Some(word.span())), ..error }
}

/// What could be read if it stood elsewhere, or were written otherwise.
fn known_form(text: &str, at: Cursor<'_>) -> Option<TimeError> {
    let mut ahead = at;
    if matches!(clock_time::parse(&mut ahead), Ok(Some(_))) || matches!(day::parse(&mut ahead), Ok(Some(_))) {
        let message = format!("{} does not fit here", quoted(ahead.text_from(at.position())));
        let hint = "give one day and one time of day, and the time zone last";
        return Some(TimeError::new(message).hint(hint).span(ahead.span_from(at.position())));
    }
    if WORDS.iter().chain(day::WORDS).any(|known| known.eq_ignore_ascii_case(text)) {
        return Some(TimeError::new(format!("{} does not fit here", quoted(text))).hint(EXAMPLES));
    }
    let mut ahead = at;
    if duration::parse(&mut ahead).is_ok() {
        let duration = ahead.text_from(at.position());
        let error = TimeError::new(format!("{} is a duration, not a time", quoted(duration)));
        return Some(error.hint(format!("write `in {duration}`")).span(ahead.span_from(at.position())));
    }
    if text.chars().all(|c| c.is_ascii_digit()) {
        let message = format!("{} alone says neither which hour nor which day", quoted(text));
        return Some(TimeError::new(message).hint(bare_number_hint(text)));
    }
    if text.eq_ignore_ascii_case("am") || text.eq_ignore_ascii_case("pm") {
        let message = format!("{} must follow an hour from 1 to 12", quoted(text));
        return Some(TimeError::new(message).hint("write for example `9am`"));
    }
    let zone = text.contains('/') && text.starts_with(char::is_alphabetic);
    day::numeric_date(text).or_else(|| zone.then(|| zone::unknown(text)))
}

fn unknown_word(text: &str) -> TimeError {
    let error = TimeError::new(format!("{} is not understood", quoted(text)));
    if let Some(known) = nearest(text, WORDS.iter().chain(day::WORDS).copied()) {
        return error.hint(format!("did you mean `{known}`?"));
    }
    if let Some(name) = zone::nearest_name(text) {
        return error.hint(format!("did you mean the time zone `{name}`?"));
    }
    if matches!(text.len(), 2..=5) && text.chars().all(|c| c.is_ascii_uppercase()) {
        return error.hint("a time zone is written by its IANA name, such as `Europe/Madrid`");
    }
    error.hint(EXAMPLES)
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
