//! How times and colours look, which depends on where they are read.

use jiff::tz::TimeZone;
use oneoff_domain::Timestamp;
use oneoff_domain::time::{describe, describe_distance, wall_time, with_offset};

/// How times are written in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// `in 2 h 5 min`: for a terminal.
    Relative,
    /// In a zone that was asked for.
    InZone,
    /// RFC 3339: for programs.
    Rfc3339,
    /// RFC 3339 with the offset of a zone that was asked for.
    Rfc3339InZone,
}

/// How things look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// The present.
    pub(crate) now: Timestamp,
    /// The zone in which times are shown.
    pub(crate) zone: String,
    /// How they are written.
    pub(crate) times: Times,
    /// Whether there are colours.
    pub(crate) has_color: bool,
    /// Whether long names are cut, which is for terminals only.
    pub(crate) cuts_names: bool,
}

impl Look {
    /// A time of the API, for a cell of a table.
    pub(crate) fn time(&self, rfc3339: &str) -> String {
        let Ok(instant) = rfc3339.parse::<Timestamp>() else { return rfc3339.to_owned() };
        match self.times {
            Times::Relative => describe_distance(self.now, instant),
            Times::InZone => describe(whole_seconds(instant), &self.zone),
            Times::Rfc3339 => rfc3339.to_owned(),
            Times::Rfc3339InZone => with_offset(instant, &self.zone),
        }
    }

    /// A time of the API, for a line of its own.
    pub(crate) fn full_time(&self, rfc3339: &str) -> String {
        match (self.times, rfc3339.parse::<Timestamp>()) {
            (Times::Rfc3339 | Times::Rfc3339InZone, _) | (_, Err(_)) => self.time(rfc3339),
            (_, Ok(instant)) => {
                let away = describe_distance(self.now, instant);
                format!("{} ({away})", describe(whole_seconds(instant), &self.zone))
            }
        }
    }
}

/// The time of a job in all words, as it is seen from `now`: `Tue 24 Nov 2026 09:00 CET (Europe/Madrid) · 08:00 UTC · in 2 d 12 h`.
pub(crate) fn echo(instant: Timestamp, zone: &str, now: Timestamp) -> String {
    let away = describe_distance(now, instant);
    let instant = whole_seconds(instant);
    if zone == "UTC" {
        return format!("{} · {away}", describe(instant, zone));
    }
    let date = |zone| wall_time(instant, zone).chars().take_while(|c| *c != 'T').collect::<String>();
    let pattern = if date(zone) == date("UTC") { "%H:%M UTC" } else { "%a %-d %b %H:%M UTC" };
    let utc = instant.to_jiff().to_zoned(TimeZone::UTC).strftime(pattern);
    format!("{} · {utc} · {away}", describe(instant, zone))
}

/// The instant without its fraction of a second.
fn whole_seconds(instant: Timestamp) -> Timestamp {
    let micros = instant.as_micros();
    Timestamp::from_micros_clamped(micros - micros.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::{Look, Times, echo};
    use oneoff_domain::Timestamp;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_echo_has_the_local_time_utc_and_the_distance() {
        let now = at("2026-11-21T20:00:00Z");
        assert_eq!(
            echo(at("2026-11-24T08:00:00Z"), "Europe/Madrid", now),
            "Tue 24 Nov 2026 09:00 CET (Europe/Madrid) · 08:00 UTC · in 2 d 12 h"
        );
        let next_day = echo(at("2026-11-24T23:30:00Z"), "Europe/Madrid", now);
        assert!(next_day.starts_with("Wed 25 Nov 2026 00:30 CET"), "{next_day}");
        assert!(next_day.contains("· Tue 24 Nov 23:30 UTC ·"), "{next_day}");
        assert_eq!(echo(now, "UTC", now).matches("UTC").count(), 1);
    }

    #[test]
    fn piped_times_stay_as_the_server_wrote_them() {
        let look = Look {
            now: at("2026-11-21T20:00:00Z"),
            zone: "Europe/Madrid".into(),
            times: Times::Rfc3339,
            has_color: false,
            cuts_names: false,
        };
        assert_eq!(look.time("2026-11-24T08:00:00Z"), "2026-11-24T08:00:00Z");
        let relative = Look { times: Times::Relative, ..look.clone() };
        assert_eq!(relative.time("2026-11-24T08:00:00Z"), "in 2 d 12 h");
        let piped = |zone: &str| Look { times: Times::Rfc3339InZone, zone: zone.into(), ..look.clone() };
        for (zone, shown) in
            [("Europe/Madrid", "2026-11-24T09:00:00.5+01:00"), ("UTC", "2026-11-24T08:00:00.5Z")]
        {
            assert_eq!(piped(zone).time("2026-11-24T08:00:00.5Z"), shown);
            assert_eq!(piped(zone).full_time("2026-11-24T08:00:00.5Z"), shown);
            assert_eq!(piped(zone).full_time("not a time"), "not a time");
        }
        let in_zone = Look { times: Times::InZone, ..look };
        assert!(in_zone.time("2026-11-24T08:00:00Z").contains("09:00 CET"));
        assert_eq!(in_zone.time("not a time"), "not a time");
    }
}
