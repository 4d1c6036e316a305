//! Instants by number (`@1789000000`), and what ties a wall time to one: `Z`, `+01:00`, `CET`.

use super::TimeError;
use super::cursor::Cursor;
use super::error::{LATEST, quoted};
use crate::Timestamp;
use jiff::tz::Offset;

/// What is said about the offset of a wall time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OffsetClaim {
    /// `Z`: it is UTC; a zone beside it says only where people see it.
    Zulu,
    /// `+01:00`.
    Offset(Offset),
    /// `CET`, before a zone in parentheses.
    Abbreviation(String),
}

/// Reads `@1789000000`, `@1789000000.25` or `@1789000000000ms`.
pub(super) fn epoch(cursor: &mut Cursor<'_>) -> Result<Timestamp, TimeError> {
    cursor.skip_space();
    let start = cursor.position();
    let word = cursor.peek_word().map_or((start, start), |word| word.span());
    let malformed = || {
        TimeError::new("`@` must be followed by seconds or milliseconds since 1970")
            .hint("write `@1789000000` or `@1789000000000ms`")
            .span(word)
    };
    cursor.eat('@');
    let negative = cursor.eat('-');
    let whole = cursor.digits();
    let fraction = if cursor.eat('.') { Some(cursor.digits()) } else { None };
    let unit_micros = match cursor.letters().to_ascii_lowercase().as_str() {
        "" | "s" => 1_000_000,
        "ms" => 1000,
        _ => return Err(malformed()),
    };
    if whole.is_empty()
        || fraction == Some("")
        || fraction.is_some_and(|f| f.len() > 9)
        || !cursor.at_boundary()
    {
        return Err(malformed());
    }
    let micros = micros(whole, fraction.unwrap_or_default(), unit_micros);
    let signed = micros.map(|micros| if negative { -micros } else { micros });
    signed.and_then(Timestamp::from_micros).ok_or_else(|| out_of_range(whole, unit_micros).span(word))
}

fn micros(whole: &str, fraction: &str, unit_micros: i64) -> Option<i64> {
    let whole = whole.parse::<i64>().ok()?.checked_mul(unit_micros)?;
    let nanos = format!("{fraction:0<9}").parse::<i64>().ok()?;
    whole.checked_add(nanos.checked_mul(unit_micros)? / 1_000_000_000)
}

fn out_of_range(digits: &str, unit_micros: i64) -> TimeError {
    let error = TimeError::new(format!("{} lies behind the latest time, {LATEST}", quoted(digits)));
    match digits.len() {
        12..=15 if unit_micros == 1_000_000 => error.hint(format!("milliseconds are written `@{digits}ms`")),
        _ => error.hint("write seconds since 1970, such as `@1789000000`"),
    }
}

/// Reads what is said about the offset, if anything: `Z`, `+01:00`, or `CET` before a zone in parentheses.
pub(super) fn claim(cursor: &mut Cursor<'_>) -> Result<Option<OffsetClaim>, TimeError> {
    if let Some(claim) = offset(cursor)? {
        return Ok(Some(claim));
    }
    let mut ahead = *cursor;
    let Some(word) = ahead.take_word() else { return Ok(None) };
    let in_parentheses = ahead.peek_word().is_some_and(|word| word.text.starts_with('('));
    if !in_parentheses || !word.text.chars().all(|c| c.is_ascii_alphabetic()) {
        return Ok(None);
    }
    *cursor = ahead;
    Ok(Some(OffsetClaim::Abbreviation(word.text.to_owned())))
}

/// Reads `Z`, `+01:00`, `+0100` or `-03` if one comes next.
pub(super) fn offset(cursor: &mut Cursor<'_>) -> Result<Option<OffsetClaim>, TimeError> {
    let mut ahead = *cursor;
    ahead.skip_space();
    let start = ahead.position();
    if ahead.eat('Z') {
        if !ends(&ahead) {
            return Ok(None);
        }
        *cursor = ahead;
        return Ok(Some(OffsetClaim::Zulu));
    }
    let negative = ahead.peek() == Some('-');
    if !negative && ahead.peek() != Some('+') {
        return Ok(None);
    }
    let word = ahead.peek_word().map_or((start, start), |word| word.span());
    ahead.eat(if negative { '-' } else { '+' });
    let seconds = offset_seconds(&mut ahead).filter(|_| ends(&ahead));
    let offset = seconds.and_then(|s| Offset::from_seconds(if negative { -s } else { s }).ok());
    let Some(offset) = offset else {
        return Err(TimeError::new("this is not an offset from UTC")
            .hint("write `+01:00`, `-05:00` or `Z`; to add to the present, write `in 2h` or `now + 2h`")
            .span(word));
    };
    *cursor = ahead;
    Ok(Some(OffsetClaim::Offset(offset)))
}

fn offset_seconds(cursor: &mut Cursor<'_>) -> Option<i32> {
    let digits = cursor.digits();
    let minutes = match digits.len() {
        2 if cursor.eat(':') => cursor.digits(),
        2 => "00",
        4 => digits.get(2..)?,
        _ => return None,
    };
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let well_formed = minutes.len() == 2 && hours < 24;
    let minutes: i32 = minutes.parse().ok().filter(|minutes| well_formed && *minutes < 60)?;
    Some(hours * 3600 + minutes * 60)
}

fn ends(cursor: &Cursor<'_>) -> bool {
    cursor.at_boundary() || cursor.rest().starts_with(['[', '('])
}
