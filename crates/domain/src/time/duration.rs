//! Durations: `2h`, `1h 30m`, `2 days`, `1 week and 2 days`, `1.5h`, `PT90S`.
//!
//! Weeks, days, months and years are steps in the calendar of the zone: the time of day stays. Hours and
//! everything below are exact.

use super::cursor::Cursor;
use super::error::{LATEST, quoted};
use super::{TimeError, clock_time};

const SECOND_MICROS: i64 = 1_000_000;

/// A duration, in the calendar's units and in exact ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Duration {
    /// Months; a year is twelve.
    pub(super) months: i64,
    /// Days; a week is seven.
    pub(super) days: i64,
    /// What is exact.
    pub(super) micros: i64,
}

/// The units from the largest to the smallest, each with the names it goes by and the letter of ISO 8601.
const UNITS: &[(Unit, &[&str])] = &[
    (Unit::Years, &["y", "yr", "yrs", "year", "years"]),
    (Unit::Months, &["mo", "mos", "month", "months"]),
    (Unit::Weeks, &["w", "wk", "wks", "week", "weeks"]),
    (Unit::Days, &["d", "day", "days"]),
    (Unit::Exact(3600 * SECOND_MICROS), &["h", "hr", "hrs", "hour", "hours"]),
    (Unit::Exact(60 * SECOND_MICROS), &["m", "min", "mins", "minute", "minutes"]),
    (Unit::Exact(SECOND_MICROS), &["s", "sec", "secs", "second", "seconds"]),
    (Unit::Exact(1000), &["ms", "msec", "millisecond", "milliseconds"]),
    (Unit::Exact(1), &["us", "µs", "μs", "microsecond", "microseconds"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Years,
    Months,
    Weeks,
    Days,
    /// So many microseconds.
    Exact(i64),
}

/// What was read so far.
struct Sum {
    duration: Duration,
    /// The place in [`UNITS`] of the last unit; a smaller one must follow.
    last: Option<usize>,
    had_fraction: bool,
}

/// Reads a duration to its end.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Duration, TimeError> {
    cursor.skip_space();
    let start = cursor.position();
    if cursor.peek() == Some('-') {
        let span = cursor.peek_word().map_or((start, start), |word| word.span());
        return Err(TimeError::new("a duration cannot be negative").hint("write `in 2h`").span(span));
    }
    let mut sum = Sum { duration: Duration::default(), last: None, had_fraction: false };
    let iso = cursor.peek().is_some_and(|c| c.eq_ignore_ascii_case(&'p'));
    if iso {
        iso_units(cursor, &mut sum, start)?
    } else {
        friendly_units(cursor, &mut sum)?
    }
    if sum.last.is_none() {
        let word = cursor.peek_word();
        let shown = word.map_or_else(String::new, |word| format!(", not {}", quoted(word.text)));
        return Err(TimeError::new(format!("a duration is needed here{shown}"))
            .hint("write for example `2h`, `1h 30m`, `90s`, `2 days` or `PT90S`")
            .span(word.map_or((start, start), |word| word.span())));
    }
    Ok(sum.duration)
}

fn friendly_units(cursor: &mut Cursor<'_>, sum: &mut Sum) -> Result<(), TimeError> {
    loop {
        let mut ahead = *cursor;
        if sum.last.is_some() {
            ahead.eat(',');
            ahead.take_if("and");
        }
        ahead.skip_space();
        let start = ahead.position();
        let mut time = ahead;
        if sum.last.is_some() && matches!(clock_time::parse(&mut time), Ok(Some(_))) {
            return Ok(());
        }
        let Some((whole, fraction)) = number(&mut ahead) else { return Ok(()) };
        if ahead.peek() == Some(':') {
            return Err(TimeError::new("a duration is written with units, not with colons")
                .hint("write `1h 30m` or `1m 30s`")
                .span(ahead.peek_word().map_or((start, start), |_| (start, ahead.position() + 1))));
        }
        ahead.skip_space();
        let name = ahead.letters();
        if name == "M" {
            return Err(TimeError::new("`M` may be minutes or months")
                .hint("write `m`, `min` or `months`")
                .span(ahead.span_from(start)));
        }
        let index = unit_named(name, whole).map_err(|error| error.span(ahead.span_from(start)))?;
        sum.add(index, whole, fraction).map_err(|error| error.span(ahead.span_from(start)))?;
        *cursor = ahead;
    }
}

fn unit_named(name: &str, number: &str) -> Result<usize, TimeError> {
    let lower = name.to_lowercase();
    if let Some(index) = UNITS.iter().position(|(_, names)| names.contains(&lower.as_str())) {
        return Ok(index);
    }
    if name.is_empty() {
        let number = quoted(number);
        return Err(TimeError::new(format!("{number} has no unit")).hint("write for example `10m` or `2h`"));
    }
    let known = UNITS.iter().flat_map(|(_, names)| names.iter().copied());
    let error = TimeError::new(format!("{} is not a unit of time", quoted(name)));
    Err(match crate::suggest::nearest(name, known.filter(|name| name.len() > 2)) {
        Some(known) => error.hint(format!("did you mean `{known}`?")),
        None => error.hint("the units are s, m, h, d, w, months and years"),
    })
}

/// ISO 8601: `P1DT2H30M`, `PT90S`, `P2W`.
fn iso_units(cursor: &mut Cursor<'_>, sum: &mut Sum, start: usize) -> Result<(), TimeError> {
    let span = cursor.peek_word().map_or((start, start), |word| word.span());
    let malformed = || {
        TimeError::new("this is not a duration of ISO 8601")
            .hint("write for example `PT90S` or `P1DT2H`")
            .span(span)
    };
    cursor.eat('p');
    let mut exact = cursor.eat('t');
    while !cursor.at_boundary() {
        let (whole, fraction) = number(cursor).ok_or_else(malformed)?;
        let letter = cursor.letters();
        // `letters` reads `DT` in one go, as nothing separates them.
        let (letter, then_exact) = match letter.strip_suffix(['T', 't']) {
            Some(letter) if !exact => (letter, true),
            _ => (letter, exact),
        };
        let index = match (exact, letter.to_ascii_lowercase().as_str()) {
            (false, "y") => 0,
            (false, "m") => 1,
            (false, "w") => 2,
            (false, "d") => 3,
            (true, "h") => 4,
            (true, "m") => 5,
            (true, "s") => 6,
            _ => return Err(malformed()),
        };
        sum.add(index, whole, fraction).map_err(|error| error.span(span))?;
        if then_exact && !exact && cursor.at_boundary() {
            return Err(malformed());
        }
        exact = then_exact;
    }
    if sum.last.is_none() { Err(malformed()) } else { Ok(()) }
}

/// A number and the digits behind its point.
fn number<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, &'a str)> {
    let whole = cursor.digits();
    if whole.is_empty() {
        return None;
    }
    let mut ahead = *cursor;
    if ahead.eat('.') {
        let fraction = ahead.digits();
        if !fraction.is_empty() {
            *cursor = ahead;
            return Some((whole, fraction));
        }
    }
    Some((whole, ""))
}

impl Sum {
    fn add(&mut self, index: usize, whole: &str, fraction: &str) -> Result<(), TimeError> {
        if self.last.is_some_and(|last| last >= index) {
            return Err(TimeError::new(
                "the units of a duration go from the largest to the smallest, once each",
            )
            .hint("write for example `1 day 2h 30m`"));
        }
        if self.had_fraction {
            return Err(TimeError::new("only the last number of a duration may have a fraction"));
        }
        let unit = UNITS.get(index).map_or(Unit::Exact(0), |(unit, _)| *unit);
        if !fraction.is_empty() && !matches!(unit, Unit::Exact(_)) {
            return Err(TimeError::new("a fraction of a day, week, month or year has no fixed length")
                .hint("write it in hours: `36h`"));
        }
        self.last = Some(index);
        self.had_fraction = !fraction.is_empty();
        let added = whole.parse().ok().and_then(|number| self.duration.plus(unit, number, fraction));
        self.duration = added.ok_or_else(|| too_long(whole))?;
        Ok(())
    }
}

fn too_long(number: &str) -> TimeError {
    TimeError::new(format!("{} is too long a duration", quoted(number)))
        .hint(format!("the latest time is {LATEST}"))
}

impl Duration {
    fn plus(mut self, unit: Unit, number: i64, fraction: &str) -> Option<Self> {
        match unit {
            Unit::Years => self.months = self.months.checked_add(number.checked_mul(12)?)?,
            Unit::Months => self.months = self.months.checked_add(number)?,
            Unit::Weeks => self.days = self.days.checked_add(number.checked_mul(7)?)?,
            Unit::Days => self.days = self.days.checked_add(number)?,
            Unit::Exact(micros) => {
                let part = fraction_micros(fraction, micros)?;
                let added = number.checked_mul(micros)?.checked_add(part)?;
                self.micros = self.micros.checked_add(added)?;
            }
        }
        Some(self)
    }
}

/// The microseconds of a decimal fraction of a unit; what is below one is cut.
fn fraction_micros(digits: &str, unit_micros: i64) -> Option<i64> {
    let digits = digits.get(..digits.len().min(12))?;
    if digits.is_empty() {
        return Some(0);
    }
    let numerator = digits.parse::<i128>().ok()? * i128::from(unit_micros);
    i64::try_from(numerator / 10_i128.checked_pow(u32::try_from(digits.len()).ok()?)?).ok()
}
