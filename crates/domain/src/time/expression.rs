//! The grammar: from the text to what was said, without asking what it means at present.

use super::cursor::{Cursor, Word};
use super::day::{self, Day};
use super::duration::{self, Duration};
use super::error::{EXAMPLES, not_understood, quoted};
use super::instant::{self, OffsetClaim};
use super::suffix;
use super::zone::Zone;
use super::{TimeError, clock_time};
use crate::Timestamp;
use crate::limits::TIME_EXPRESSION_MAX_CHARS;
use jiff::civil::Time;

/// What was said.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) meaning: Meaning,
    /// The zone at the end.
    pub(super) zone: Option<Zone>,
}

#[derive(Debug, Clone)]
pub(super) enum Meaning {
    Now,
    /// So long after the present.
    After(Duration),
    Instant(Timestamp),
    Wall(WallTime),
}

/// A time of day on some day.
#[derive(Debug, Clone)]
pub(super) struct WallTime {
    /// None is the next day on which the time is still ahead.
    pub(super) day: Option<Day>,
    pub(super) time: Time,
    pub(super) claim: Option<OffsetClaim>,
    /// Where day and time stand.
    pub(super) span: (usize, usize),
}

/// Reads the whole text.
pub(super) fn parse(text: &str) -> Result<Expression, TimeError> {
    if text.chars().nth(TIME_EXPRESSION_MAX_CHARS).is_some() {
        return Err(TimeError::new(format!(
            "a time expression has at most {TIME_EXPRESSION_MAX_CHARS} characters"
        )));
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control() && !c.is_whitespace()) {
        return Err(TimeError::new(format!(
            "a time expression cannot hold the character {}",
            c.escape_debug()
        ))
        .span((at, at + c.len_utf8())));
    }
    let mut cursor = Cursor::new(text);
    let Some(first) = cursor.peek_word() else {
        return Err(TimeError::new("a time is needed").hint(EXAMPLES));
    };
    let mut meaning = match relative(&mut cursor, first)? {
        Some(meaning) => meaning,
        None if first.text.starts_with('@') => Meaning::Instant(instant::epoch(&mut cursor)?),
        None => Meaning::Wall(wall_time(&mut cursor)?),
    };
    let zone = suffix::parse(&mut cursor, &mut meaning)?;
    match cursor.peek_word() {
        None => Ok(Expression { meaning, zone }),
        Some(word) if zone.is_some() => {
            let message = format!("{} stands behind the time zone", quoted(word.text));
            Err(TimeError::new(message).hint("the time zone comes last").span(word.span()))
        }
        Some(word) if matches!(meaning, Meaning::After(_)) => Err(after_duration(word, after_space(cursor))),
        Some(word) => Err(not_understood(word, after_space(cursor))),
    }
}

/// `now`, `now + 2h`, `in 2h`, `+2h`.
fn relative(cursor: &mut Cursor<'_>, first: Word<'_>) -> Result<Option<Meaning>, TimeError> {
    let mut ahead = *cursor;
    ahead.skip_space();
    if ahead.eat('+') || ahead.take_if("in") {
        *cursor = ahead;
        return duration::parse(cursor).map(|duration| Some(Meaning::After(duration)));
    }
    if !ahead.letters().eq_ignore_ascii_case("now") {
        return Ok(None);
    }
    let mut next = ahead;
    next.skip_space();
    if next.peek() == Some('-') {
        let span = (first.span().0, next.position() + 1);
        return Err(TimeError::new("a time before now is in the past").hint("write `now + 2h`").span(span));
    }
    if next.eat('+') {
        *cursor = next;
        return duration::parse(cursor).map(|duration| Some(Meaning::After(duration)));
    }
    if !ahead.at_boundary() {
        return Ok(None);
    }
    *cursor = ahead;
    Ok(Some(Meaning::Now))
}

/// A day and a time of day in either order.
fn wall_time(cursor: &mut Cursor<'_>) -> Result<WallTime, TimeError> {
    let mut day = None;
    let mut time = None;
    cursor.skip_space();
    let start = cursor.position();
    loop {
        let before = *cursor;
        if day.is_some() && time.is_none() && clock_time::follows_t(cursor) {
            cursor.eat('T');
        }
        let said_at = time.is_none() && cursor.take_if("at");
        if time.is_none() {
            time = clock_time::parse(cursor)?;
            if time.is_some() {
                continue;
            }
        }
        let said_on = day.is_none() && !said_at && cursor.take_if("on");
        if day.is_none() && !said_at {
            day = day::parse(cursor)?;
            if day.is_some() {
                continue;
            }
        }
        if said_at || said_on {
            return Err(missing_after(before, cursor, if said_at { "a time of day" } else { "a day" }));
        }
        break;
    }
    match time {
        Some(time) => {
            let span = (start, start + cursor.text_from(start).len());
            Ok(WallTime { day, time, claim: instant::claim(cursor)?, span })
        }
        None => Err(without_time(cursor, start, day)),
    }
}

/// After `at` or `on`, nothing that could follow.
fn missing_after(before: Cursor<'_>, cursor: &Cursor<'_>, what: &str) -> TimeError {
    if let Some(word) = cursor.peek_word() {
        return not_understood(word, after_space(*cursor));
    }
    let word = before.peek_word();
    let shown = word.map_or_else(String::new, |word| quoted(word.text));
    TimeError::new(format!("{shown} must be followed by {what}"))
        .hint(EXAMPLES)
        .span(word.map_or((0, 0), |word| word.span()))
}

fn without_time(cursor: &Cursor<'_>, start: usize, day: Option<Day>) -> TimeError {
    let word = cursor.peek_word();
    let is_zone = word.is_some_and(|word| Zone::find(word.text).is_some());
    match (word, day) {
        (Some(word), None) => not_understood(word, after_space(*cursor)),
        (Some(word), Some(_)) if !is_zone => not_understood(word, after_space(*cursor)),
        _ => {
            let day = cursor.text_from(start);
            let example = if day.parse::<jiff::civil::Date>().is_ok() {
                format!("write `{day}T09:00`")
            } else {
                format!("write `{day} 09:00`")
            };
            TimeError::new(format!("{} needs a time of day", quoted(day)))
                .hint(example)
                .span((start, start + day.len()))
        }
    }
}

/// What does not fit behind a duration.
fn after_duration(word: Word<'_>, at: Cursor<'_>) -> TimeError {
    let lower = word.lower();
    let error = match lower.as_str() {
        _ if lower.starts_with('+') => only_one(word),
        "in" | "now" => only_one(word),
        "at" | "on" => not_behind_duration(word),
        _ if is_day_or_time(at) => not_behind_duration(word),
        _ => not_understood(word, at),
    };
    TimeError { span: error.span.or(Some(word.span())), ..error }
}

fn only_one(word: Word<'_>) -> TimeError {
    TimeError::new("only one duration can be given").hint("add them up, as in `in 1h 30m`").span(word.span())
}

fn not_behind_duration(word: Word<'_>) -> TimeError {
    TimeError::new("a duration takes no day and no time of day")
        .hint("write a day and a time such as `tomorrow 9am`, or only a duration such as `in 26h`")
        .span(word.span())
}

fn is_day_or_time(at: Cursor<'_>) -> bool {
    let (mut day, mut time) = (at, at);
    matches!(clock_time::parse(&mut time), Ok(Some(_))) || matches!(day::parse(&mut day), Ok(Some(_)))
}

fn after_space(mut cursor: Cursor<'_>) -> Cursor<'_> {
    cursor.skip_space();
    cursor
}
