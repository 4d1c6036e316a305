//! From what was said to what it means at present.

use super::day::Day;
use super::duration::Duration;
use super::expression::{Expression, Meaning, WallTime};
use super::instant::OffsetClaim;
use super::occurrence::{self, instant_at, too_late};
use super::zone::{self, Zone};
use super::{ParseOptions, ResolvedTime, TimeError, describe};
use crate::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::{Span, ToSpan};

/// The hour from which a time of day is `tonight`.
const EVENING_HOUR: i8 = 17;

/// The present, and where it is.
struct Present<'a> {
    options: &'a ParseOptions<'a>,
    zone: Zone,
    today: Date,
}

/// The instant of an expression.
pub(super) fn resolve(expression: Expression, options: &ParseOptions<'_>) -> Result<ResolvedTime, TimeError> {
    let own = Zone::find(options.timezone).ok_or_else(|| zone::unknown(options.timezone));
    let zulu_zone = || matches!(&expression.meaning, Meaning::Wall(wall) if wall.means_utc()).then(Zone::utc);
    let zone = match expression.zone.clone().or_else(zulu_zone) {
        Some(zone) => zone,
        None => own?,
    };
    let today = zone.rules.to_datetime(options.now.to_jiff()).date();
    let has_zone = expression.zone.is_some();
    let present = Present { options, zone, today };
    match expression.meaning {
        Meaning::Now => Ok(ResolvedTime { is_now: true, ..present.resolved(options.now, None) }),
        Meaning::After(duration) => Ok(present.resolved(present.after(duration)?, None)),
        Meaning::Instant(instant) => {
            present.not_past(instant, None)?;
            Ok(present.resolved(instant, None))
        }
        Meaning::Wall(wall) => present
            .wall(&wall, has_zone)
            .map_err(|error| TimeError { span: error.span.or(Some(wall.span)), ..error }),
    }
}

impl WallTime {
    /// Whether `Z` stands for the zone, as it follows no full date: `9am Z`.
    fn means_utc(&self) -> bool {
        self.claim == Some(OffsetClaim::Zulu) && !matches!(self.day, Some(Day::Date(..)))
    }
}

impl Present<'_> {
    fn resolved(&self, instant: Timestamp, local: Option<DateTime>) -> ResolvedTime {
        let local = local.map(|wall| wall.to_string());
        ResolvedTime { instant, timezone: self.zone.name.clone(), local, is_now: false }
    }

    fn wall(&self, wall: &WallTime, has_zone: bool) -> Result<ResolvedTime, TimeError> {
        match (wall.day, &wall.claim) {
            (Some(Day::Date(date, named)), claim) => {
                check_name(date, named)?;
                self.dated(date.to_datetime(wall.time), claim.as_ref(), has_zone)
            }
            (_, Some(OffsetClaim::Zulu)) if has_zone => {
                Err(TimeError::new("both `Z` and a time zone are given").hint("write one of them"))
            }
            (_, Some(OffsetClaim::Offset(_) | OffsetClaim::Abbreviation(_))) => {
                Err(TimeError::new("an offset can only follow a full date")
                    .hint("write a time zone such as `Europe/Madrid`, or a date such as `2026-12-24`"))
            }
            (day, _) => self.undated(day, wall),
        }
    }

    /// A wall time on a date that is written in full.
    fn dated(
        &self,
        wall: DateTime,
        claim: Option<&OffsetClaim>,
        has_zone: bool,
    ) -> Result<ResolvedTime, TimeError> {
        let (instant, local) = match claim {
            Some(OffsetClaim::Zulu) => (instant_at(wall, jiff::tz::Offset::UTC)?, None),
            Some(OffsetClaim::Offset(offset)) if !has_zone => (instant_at(wall, *offset)?, None),
            Some(claim) => (self.claimed(wall, claim)?, Some(wall)),
            None => (self.at(wall)?, Some(wall)),
        };
        self.not_past(instant, None)?;
        Ok(self.resolved(instant, local))
    }

    /// The one instant of a wall time at which the zone has the offset that was written beside it.
    fn claimed(&self, wall: DateTime, claim: &OffsetClaim) -> Result<Timestamp, TimeError> {
        let occurrence = occurrence::of(wall, &self.zone)?;
        let real = occurrence.real();
        if real.is_empty() {
            return Err(occurrence.unclear(wall, &self.zone));
        }
        let matches = |instant: &Timestamp| {
            let info = self.zone.rules.to_offset_info(instant.to_jiff());
            match claim {
                OffsetClaim::Zulu => info.offset().seconds() == 0,
                // An offset is written in minutes, and before 1972 some zones had seconds.
                OffsetClaim::Offset(offset) => (offset.seconds() - info.offset().seconds()).abs() <= 30,
                OffsetClaim::Abbreviation(given) => info.abbreviation().eq_ignore_ascii_case(given),
            }
        };
        let mut matching = real.iter().copied().filter(matches);
        match (matching.next(), matching.next()) {
            (Some(instant), None) => Ok(instant),
            (Some(_), Some(_)) => Err(occurrence.unclear(wall, &self.zone)),
            (None, _) => {
                let shown: Vec<String> =
                    real.iter().map(|instant| describe::in_zone(*instant, &self.zone)).collect();
                let message =
                    format!("offset and time zone contradict each other: {} differs", self.zone.name);
                Err(TimeError::new(message).hint(format!("there it is {}", shown.join(" or "))))
            }
        }
    }

    fn undated(&self, day: Option<Day>, wall: &WallTime) -> Result<ResolvedTime, TimeError> {
        let tomorrow = || self.days_on(self.today, 1);
        match day {
            None => self.next_of((0..4).map_while(|days| self.days_on(self.today, days).ok()), wall),
            Some(Day::Today) => self.today(wall),
            Some(Day::Tonight) if wall.time.hour() < EVENING_HOUR => {
                Err(TimeError::new(format!("tonight begins at {EVENING_HOUR}:00"))
                    .hint("write `tonight 21:00`; for the hours after midnight `tomorrow 00:30`"))
            }
            Some(Day::Tonight) => self.today(wall),
            Some(Day::Tomorrow) => self.on(tomorrow()?, wall),
            Some(Day::Weekday(weekday)) => {
                let first = days_until(self.today.weekday(), weekday);
                let days = (0..4).map(|weeks| first + 7 * weeks);
                self.next_of(days.map_while(|days| self.days_on(self.today, days).ok()), wall)
            }
            Some(Day::NextWeekday(weekday)) => {
                let monday = 7 - i64::from(self.today.weekday().to_monday_zero_offset());
                let days = monday + i64::from(weekday.to_monday_zero_offset());
                self.on(self.days_on(self.today, days)?, wall)
            }
            Some(Day::Yearless(month, day, named)) => {
                let years = self.today.year()..=self.today.year().saturating_add(12);
                let dates = years.filter_map(|year| Date::new(year, month, day).ok());
                let resolved = self.next_of(dates, wall)?;
                let date = resolved.local.as_deref().and_then(|local| local.parse::<DateTime>().ok());
                date.map_or(Ok(()), |wall| check_name(wall.date(), named))?;
                Ok(resolved)
            }
            Some(Day::Date(date, _)) => self.on(date, wall),
        }
    }

    fn today(&self, wall: &WallTime) -> Result<ResolvedTime, TimeError> {
        let at = wall.time;
        let tomorrow = self.days_on(self.today, 1).and_then(|date| self.at(date.to_datetime(at))).ok();
        let instant = self.at(self.today.to_datetime(at))?;
        self.not_past(instant, tomorrow)?;
        Ok(self.resolved(instant, Some(self.today.to_datetime(at))))
    }

    fn on(&self, date: Date, wall: &WallTime) -> Result<ResolvedTime, TimeError> {
        let wall = date.to_datetime(wall.time);
        let instant = self.at(wall)?;
        self.not_past(instant, None)?;
        Ok(self.resolved(instant, Some(wall)))
    }

    /// The first of these days on which the time is still ahead. A day on which the time is in a gap or an
    /// overlap is not passed over in silence.
    fn next_of(&self, dates: impl Iterator<Item = Date>, wall: &WallTime) -> Result<ResolvedTime, TimeError> {
        for date in dates {
            let wall = date.to_datetime(wall.time);
            let occurrence = occurrence::of(wall, &self.zone)?;
            match occurrence.choose(self.options.disambiguation) {
                Some(instant) if instant > self.options.now => return Ok(self.resolved(instant, Some(wall))),
                None if occurrence.latest() > self.options.now => {
                    return Err(occurrence.unclear(wall, &self.zone));
                }
                _ => {}
            }
        }
        Err(too_late())
    }

    fn at(&self, wall: DateTime) -> Result<Timestamp, TimeError> {
        let occurrence = occurrence::of(wall, &self.zone)?;
        occurrence.choose(self.options.disambiguation).ok_or_else(|| occurrence.unclear(wall, &self.zone))
    }

    fn days_on(&self, date: Date, days: i64) -> Result<Date, TimeError> {
        let span = Span::new().try_days(days).map_err(|_range| too_late())?;
        date.checked_add(span).map_err(|_range| too_late())
    }

    fn after(&self, duration: Duration) -> Result<Timestamp, TimeError> {
        let mut instant = self.options.now;
        if duration.months != 0 || duration.days != 0 {
            let wall = self.zone.rules.to_datetime(instant.to_jiff());
            let date = self.days_on(months_on(wall.date(), duration.months)?, duration.days)?;
            let wall = date.to_datetime(wall.time());
            let occurrence = occurrence::of(wall, &self.zone)?;
            instant = occurrence.choose(self.options.disambiguation).ok_or_else(|| {
                let error = occurrence.unclear(wall, &self.zone);
                let hint = error.hint.clone().unwrap_or_default();
                error.hint(format!("{hint}; or write the duration in hours, which are exact"))
            })?;
        }
        let micros = instant.as_micros().checked_add(duration.micros);
        micros.and_then(Timestamp::from_micros).ok_or_else(too_late)
    }

    /// Refuses an instant before the present, and one before 1970 even where the past is allowed. `tomorrow` is what the same time of day would be then.
    fn not_past(&self, instant: Timestamp, tomorrow: Option<Timestamp>) -> Result<(), TimeError> {
        if instant < Timestamp::EPOCH {
            return Err(TimeError::new(format!("times before {} cannot be scheduled", Timestamp::EPOCH))
                .hint("write `now` for at once"));
        }
        let now = self.options.now;
        if instant >= now || self.options.allow_past {
            return Ok(());
        }
        let shown = describe::in_zone(instant, &self.zone);
        let ago = describe::describe_distance(now, instant);
        let ago = if ago == "now" { "less than 1 s ago".to_owned() } else { ago };
        let hint = match tomorrow {
            Some(tomorrow) => format!("`tomorrow` would be {}", describe::in_zone(tomorrow, &self.zone)),
            None => format!("it is {}; `now` starts at once", describe::in_zone(now, &self.zone)),
        };
        Err(TimeError::new(format!("{shown} is in the past ({ago})")).hint(hint))
    }
}

fn days_until(from: Weekday, to: Weekday) -> i64 {
    i64::from((to.to_monday_zero_offset() - from.to_monday_zero_offset()).rem_euclid(7))
}

fn check_name(date: Date, named: Option<Weekday>) -> Result<(), TimeError> {
    match named {
        Some(named) if named != date.weekday() => {
            let actual = date.strftime("%A");
            Err(TimeError::new(format!("{date} is a {actual}, not a {named:?}"))
                .hint("correct one of them, or leave the name of the day out"))
        }
        _ => Ok(()),
    }
}

/// The same day, months later. A day that the month does not have is an error, as any other would be a guess.
fn months_on(date: Date, months: i64) -> Result<Date, TimeError> {
    let total = (i64::from(date.year()) * 12 + i64::from(date.month()) - 1).checked_add(months);
    let total = total.ok_or_else(too_late)?;
    let year = i16::try_from(total.div_euclid(12)).map_err(|_range| too_late())?;
    let month = i8::try_from(total.rem_euclid(12) + 1).map_err(|_range| too_late())?;
    let first = Date::new(year, month, 1).map_err(|_range| too_late())?;
    Date::new(year, month, date.day()).map_err(|_range| {
        let last = first.last_of_month();
        let next = last.checked_add(1.day()).unwrap_or(last);
        TimeError::new(format!("{} has no day {}", first.strftime("%B %Y"), date.day()))
            .hint(format!("write the date: `{last}` or `{next}`, and a time"))
    })
}
