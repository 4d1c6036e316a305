//! Days: `today`, `tomorrow`, weekdays, `2026-12-24`, `24 Dec 2026`, `Dec 24`.

use super::TimeError;
use super::cursor::{Cursor, Word};
use super::error::quoted;
use jiff::civil::{Date, Weekday};

/// The words of this file, for "did you mean".
pub(super) const WORDS: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH_NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Which day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    Today,
    /// Today, from 17:00.
    Tonight,
    Tomorrow,
    /// The next day of this name on which the time is still ahead.
    Weekday(Weekday),
    /// The day of this name in the week that follows; weeks begin on Monday.
    NextWeekday(Weekday),
    /// With the day's name, where it was written too.
    Date(Date, Option<Weekday>),
    /// Month and day: in the next year in which it is still ahead.
    Yearless(i8, i8, Option<Weekday>),
}

/// Reads a day if one comes next.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Day>, TimeError> {
    for (name, day) in [("today", Day::Today), ("tonight", Day::Tonight), ("tomorrow", Day::Tomorrow)] {
        if cursor.take_if(name) {
            return Ok(Some(day));
        }
    }
    let Some(word) = cursor.peek_word() else { return Ok(None) };
    if word.lower() == "yesterday" {
        return Err(TimeError::new("`yesterday` is in the past")
            .hint("write `today` or `tomorrow`")
            .span(word.span()));
    }
    if cursor.take_if("next") {
        return next_weekday(cursor, word).map(Some);
    }
    if let Some(weekday) = weekday(&word.lower()) {
        cursor.take_word();
        return Ok(Some(date(cursor, Some(weekday))?.unwrap_or(Day::Weekday(weekday))));
    }
    date(cursor, None)
}

fn next_weekday(cursor: &mut Cursor<'_>, next: Word<'_>) -> Result<Day, TimeError> {
    let named = cursor.peek_word();
    match named.and_then(|word| weekday(&word.lower())) {
        Some(weekday) => {
            cursor.take_word();
            Ok(Day::NextWeekday(weekday))
        }
        None => Err(TimeError::new("`next` must be followed by the name of a day")
            .hint("write `next monday 09:00`, or `in 1 week`")
            .span(named.map_or(next.span(), |word| word.span()))),
    }
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tues" | "tuesday" => Weekday::Tuesday,
        "wed" | "weds" | "wednesday" => Weekday::Wednesday,
        "thu" | "thur" | "thurs" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

fn month(word: &str) -> Option<i8> {
    let named = |(index, short): (usize, &&str)| {
        let long = MONTH_NAMES.get(index).is_some_and(|long| long.eq_ignore_ascii_case(word));
        (word == *short || long || (word == "sept" && *short == "sep")).then_some(index + 1)
    };
    MONTHS.iter().enumerate().find_map(named).and_then(|number| i8::try_from(number).ok())
}

fn date(cursor: &mut Cursor<'_>, named: Option<Weekday>) -> Result<Option<Day>, TimeError> {
    let mut ahead = *cursor;
    let Some(word) = ahead.take_word() else { return Ok(None) };
    let start = word.span().0;
    if let Some(month) = month(&word.lower()) {
        let day = ahead.peek_word().and_then(|word| day_of_month(&word.lower())).ok_or_else(|| {
            TimeError::new(format!("after {} a day of the month is needed", quoted(word.text)))
                .hint(format!("write `24 {}` and a time", word.text))
                .span(word.span())
        })?;
        ahead.take_word();
        *cursor = ahead;
        return with_year(cursor, start, month, day, named).map(Some);
    }
    if let Some(day) = day_of_month(&word.lower()) {
        let Some(month) = ahead.take_word().and_then(|word| month(&word.lower())) else { return Ok(None) };
        *cursor = ahead;
        return with_year(cursor, start, month, day, named).map(Some);
    }
    let mut iso = *cursor;
    iso.skip_space();
    let Some((year, month, day)) = iso_date(&mut iso) else { return Ok(None) };
    *cursor = iso;
    let date = checked_date(year, month, day).map_err(|error| error.span(cursor.span_from(start)))?;
    cursor.eat(',');
    Ok(Some(Day::Date(date, named)))
}

fn day_of_month(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = word.get(digits.len()..)?;
    let known = matches!(suffix, "" | "st" | "nd" | "rd" | "th");
    let plain = known && matches!(digits.len(), 1 | 2) && digits.chars().all(|c| c.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// `YYYY-MM-DD`, and behind it a space, a `T` with a time, or the end.
fn iso_date(cursor: &mut Cursor<'_>) -> Option<(i16, i8, i8)> {
    let year = cursor.digits();
    let first = cursor.eat('-');
    let month = cursor.digits();
    let second = cursor.eat('-');
    let day = cursor.digits();
    let ends = cursor.at_boundary() || cursor.peek() == Some(',') || super::clock_time::follows_t(cursor);
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || !first || !second || !ends {
        return None;
    }
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

fn with_year(
    cursor: &mut Cursor<'_>,
    start: usize,
    month: i8,
    day: i8,
    named: Option<Weekday>,
) -> Result<Day, TimeError> {
    let mut ahead = *cursor;
    let year = ahead.take_word().map(|word| word.lower());
    let is_year = |word: &String| word.len() == 4 && word.chars().all(|c| c.is_ascii_digit());
    if let Some(year) = year.filter(is_year).and_then(|year| year.parse::<i16>().ok()) {
        *cursor = ahead;
        let date = checked_date(year, month, day).map_err(|error| error.span(cursor.span_from(start)))?;
        return Ok(Day::Date(date, named));
    }
    // 2024 has a 29 February: what does not exist there never does.
    checked_date(2024, month, day).map_err(|error| {
        let hint = error.hint.map(|hint| hint.replace("2024 has", "has at most"));
        let message = format!("{} never has a day {day}", name_of_month(month));
        TimeError { message, hint, ..error }.span(cursor.span_from(start))
    })?;
    Ok(Day::Yearless(month, day, named))
}

fn name_of_month(month: i8) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|index| MONTH_NAMES.get(index)).copied().unwrap_or("that month")
}

fn checked_date(year: i16, month: i8, day: i8) -> Result<Date, TimeError> {
    Date::new(year, month, day).map_err(|_range| match Date::new(year, month, 1) {
        Ok(first) => TimeError::new(format!("{year:04}-{month:02}-{day:02} does not exist")).hint(format!(
            "{} {year} has {} days",
            name_of_month(month),
            first.days_in_month()
        )),
        Err(_) => TimeError::new(format!("there is no month {month}"))
            .hint("a date is year, month and day: `2026-12-24`"),
    })
}

/// The error for `12/24/2026`, `24.12.2026`, `24-12-2026` or `2026/12/24`, with the ISO form that was
/// probably meant; both of them where day and month may be swapped.
pub(super) fn numeric_date(text: &str) -> Option<TimeError> {
    let parts: Vec<&str> = text.split(['/', '.', '-']).collect();
    let numbers: Vec<i16> = parts.iter().map(|part| part.parse()).collect::<Result<_, _>>().ok()?;
    let iso = |year: i16, month: i16, day: i16| {
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        Some(format!("`{date}`"))
    };
    let choices = match (parts.as_slice(), numbers.as_slice()) {
        ([long, ..], &[year, month, day]) if long.len() == 4 => vec![iso(year, month, day)],
        (_, &[first, second, year]) => {
            let year = if year < 100 { 2000 + year } else { year };
            vec![iso(year, second, first), iso(year, first, second)]
        }
        (_, &[_, _]) if text.contains('/') => Vec::new(),
        _ => return None,
    };
    let mut choices: Vec<String> = choices.into_iter().flatten().collect();
    choices.dedup();
    let hint = if choices.is_empty() { "`2026-12-24`".to_owned() } else { choices.join(" or ") };
    Some(
        TimeError::new(format!("{} is not a date as it is written here", quoted(text)))
            .hint(format!("write year, month and day: {hint}")),
    )
}
