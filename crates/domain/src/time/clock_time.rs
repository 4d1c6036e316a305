//! Times of day: `09:00`, `17:30:15.5`, `9am`, `9:30 pm`, `noon`, `midnight`, `teatime`.

use super::TimeError;
use super::cursor::Cursor;
use super::error::quoted;
use jiff::civil::Time;

/// Reads a time of day if one comes next.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Time>, TimeError> {
    let Some(word) = cursor.peek_word() else { return Ok(None) };
    for (name, hour) in [("midnight", 0), ("noon", 12), ("teatime", 16)] {
        if cursor.take_if(name) {
            return Ok(Some(Time::constant(hour, 0, 0, 0)));
        }
    }
    let mut ahead = *cursor;
    ahead.skip_space();
    let start = ahead.position();
    let hour = ahead.digits();
    if hour.is_empty() || hour.len() > 2 {
        return Ok(None);
    }
    let time = if ahead.eat(':') {
        let (minute, second, nanosecond) = after_hour(&mut ahead, start)?;
        build(hour, half_of_day(&mut ahead), minute, second, nanosecond)
    } else {
        let Some(half) = half_of_day(&mut ahead) else { return Ok(None) };
        build(hour, Some(half), 0, 0, 0)
    };
    let time = time.map_err(|error| error.span(ahead.span_from(start)))?;
    if !ahead.at_boundary() && !ahead.rest().starts_with(['Z', 'z', '+', '-', '[', ',']) {
        let message = format!("{} is not a time of day", quoted(word.text));
        return Err(TimeError::new(message).hint("write `17:30`, `5:30pm` or `noon`").span(word.span()));
    }
    *cursor = ahead;
    cursor.eat(',');
    Ok(Some(time))
}

/// Whether a time of day follows the `T` behind a date.
pub(super) fn follows_t(cursor: &Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    ahead.eat('T') && ahead.peek().is_some_and(|c| c.is_ascii_digit())
}

fn after_hour(cursor: &mut Cursor<'_>, start: usize) -> Result<(i8, i8, i32), TimeError> {
    let minute = two_digits(cursor, "minutes", start)?;
    if !cursor.eat(':') {
        return Ok((minute, 0, 0));
    }
    let second = two_digits(cursor, "seconds", start)?;
    if !cursor.eat('.') {
        return Ok((minute, second, 0));
    }
    let digits = cursor.digits();
    if digits.is_empty() || digits.len() > 9 {
        return Err(TimeError::new("a fraction of a second has 1 to 9 digits").span(cursor.span_from(start)));
    }
    // Nothing here knows more than microseconds, and what is cut here is cut for instant and wall time alike.
    let micros = format!("{digits:0<6}").get(..6).and_then(|micros| micros.parse::<i32>().ok());
    Ok((minute, second, micros.unwrap_or(0) * 1000))
}

fn two_digits(cursor: &mut Cursor<'_>, what: &str, start: usize) -> Result<i8, TimeError> {
    let digits = cursor.digits();
    let number = digits.parse::<i8>().ok().filter(|_| digits.len() == 2);
    match number {
        Some(number @ 0..=59) => Ok(number),
        Some(60) if what == "seconds" => Err(TimeError::new("a leap second cannot be scheduled")
            .hint("write `:59`, or the minute that follows")
            .span(cursor.span_from(start))),
        _ => Err(TimeError::new(format!("{what} are two digits from 00 to 59"))
            .hint("write a time as `17:30` or `17:30:15`")
            .span(cursor.span_from(start))),
    }
}

/// Reads `am` or `pm`, behind a space or not; true is the second half of the day.
fn half_of_day(cursor: &mut Cursor<'_>) -> Option<bool> {
    let mut ahead = *cursor;
    ahead.skip_space();
    let word = ahead.take_while(|c| c.is_ascii_alphabetic() || c == '.');
    let half = match word.to_ascii_lowercase().as_str() {
        "am" | "a.m." => false,
        "pm" | "p.m." => true,
        _ => return None,
    };
    *cursor = ahead;
    Some(half)
}

fn build(hour: &str, half: Option<bool>, minute: i8, second: i8, nanosecond: i32) -> Result<Time, TimeError> {
    let hour = hour.parse::<i8>().unwrap_or(i8::MAX);
    let hour_of_day = match (half, hour) {
        (None, 24) => {
            return Err(
                TimeError::new("a day ends before 24:00").hint("write `00:00` of the day that follows")
            );
        }
        (None, _) => hour,
        (Some(after_noon), 1..=12) => hour % 12 + if after_noon { 12 } else { 0 },
        (Some(_), _) => {
            return Err(TimeError::new(format!("there is no hour {hour} with am or pm"))
                .hint("write 1 to 12 with am or pm, or 00:00 to 23:59 without"));
        }
    };
    Time::new(hour_of_day, minute, second, nanosecond)
        .map_err(|_range| TimeError::new(format!("there is no hour {hour}")).hint("hours go from 00 to 23"))
}
