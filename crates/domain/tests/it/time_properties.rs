//! What holds for every expression: print and parse round-trip, order, the day that was asked for, no panic.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use oneoff_domain::Timestamp;
use oneoff_domain::time::{
    Disambiguation, ParseOptions, ResolvedTime, TimeError, describe, describe_distance, is_timezone, parse,
};
use proptest::prelude::*;

/// Zones with everything that can go wrong: half an hour of summer time, midnight gaps, a day that was left
/// out, odd offsets, summer time in winter, the far ends of the date line, none at all.
const ZONES: &[&str] = &[
    "UTC",
    "Europe/Madrid",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Antarctica/Troll",
    "Etc/GMT+12",
];

fn zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(ZONES)
}

/// Instants from 1971 to 2100, one in two near a change of the clocks.
fn instant(timezone: &'static str) -> impl Strategy<Value = Timestamp> {
    let micros = 31_536_000_000_000_i64..4_102_444_800_000_000;
    (micros, any::<bool>(), -7_200_000_000_i64..7_200_000_000).prop_map(move |(micros, near, away)| {
        let instant = Timestamp::from_micros(micros).unwrap();
        let rules = TimeZone::get(timezone).unwrap();
        match rules.following(instant.to_jiff()).next() {
            Some(change) if near => {
                Timestamp::from_micros(change.timestamp().as_microsecond() + away).unwrap()
            }
            _ => instant,
        }
    })
}

fn zone_and_instant() -> impl Strategy<Value = (&'static str, Timestamp)> {
    zone().prop_flat_map(|timezone| (Just(timezone), instant(timezone)))
}

fn wall(instant: Timestamp, timezone: &str) -> DateTime {
    TimeZone::get(timezone).unwrap().to_datetime(instant.to_jiff())
}

fn read(expression: &str, now: Timestamp, timezone: &str) -> Result<ResolvedTime, TimeError> {
    let disambiguation = Disambiguation::Reject;
    parse(expression, &ParseOptions { now, timezone, disambiguation, allow_past: true })
}

fn is_about_the_clocks(error: &TimeError) -> bool {
    error.message.contains("does not exist in") || error.message.contains("occurs twice in")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_instant_survives_printing((timezone, instant) in zone_and_instant()) {
        let rfc3339 = read(&instant.to_string(), Timestamp::EPOCH, timezone).unwrap();
        prop_assert_eq!(rfc3339.instant, instant);
        let zoned = instant.to_jiff().to_zoned(TimeZone::get(timezone).unwrap());
        let rfc9557 = read(&zoned.to_string(), Timestamp::EPOCH, "UTC").unwrap();
        prop_assert_eq!((rfc9557.instant, rfc9557.timezone.as_str()), (instant, timezone));
        let described = describe(instant, timezone);
        let echo = read(&described, Timestamp::EPOCH, "Asia/Tokyo");
        let echo = echo.map_err(|error| TestCaseError::fail(format!("{described}: {error}")))?;
        prop_assert_eq!((echo.instant, echo.timezone.as_str()), (instant, timezone));
        let micros = instant.as_micros();
        let epoch = format!("@{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        prop_assert_eq!(read(&epoch, Timestamp::EPOCH, timezone).unwrap().instant, instant);
    }

    #[test]
    fn a_wall_time_is_never_another_one((timezone, instant) in zone_and_instant(), other in 0..86_400_000_000_i64) {
        // The date of one instant with the time of another reaches into gaps, where no instant is.
        let asked = wall(instant, timezone);
        let other = jiff::Timestamp::from_microsecond(other).unwrap().to_zoned(TimeZone::UTC).time();
        let other = asked.date().to_datetime(other);
        for asked in [asked, other] {
            match read(&format!("{} {timezone}", asked.to_string().replace('T', " ")), Timestamp::EPOCH, "UTC") {
                Ok(resolved) => {
                    prop_assert_eq!(wall(resolved.instant, timezone), asked);
                    prop_assert_eq!(resolved.local, Some(asked.to_string()));
                }
                Err(error) => prop_assert!(is_about_the_clocks(&error), "{}: {}", asked, error),
            }
        }
    }

    #[test]
    fn a_named_day_is_that_day((timezone, now) in zone_and_instant(), hour in 0..24_i8, minute in 0..60_i8) {
        let today = wall(now, timezone).date();
        let days = [
            ("", None), ("today", Some(today)), ("tomorrow", Some(today.tomorrow().unwrap())), ("mon", None),
            ("thu", None), ("sunday", None),
        ];
        for (day, expected) in days {
            match read(&format!("{day} {hour:02}:{minute:02}"), now, timezone) {
                Ok(resolved) => {
                    let shown = wall(resolved.instant, timezone);
                    prop_assert_eq!((shown.hour(), shown.minute(), shown.second()), (hour, minute, 0));
                    check_day(day, shown.date(), expected, today)?;
                    prop_assert!(expected.is_some() || resolved.instant > now, "{day} is still ahead");
                }
                Err(error) => prop_assert!(is_about_the_clocks(&error), "{day} {hour}:{minute}: {}", error),
            }
        }
    }

    #[test]
    fn a_later_wall_time_is_not_an_earlier_instant(
        (timezone, day) in zone_and_instant(), times in prop::array::uniform2(0..86_400_i32),
    ) {
        let date = wall(day, timezone).date();
        let at = |second: i32| {
            let text = format!("{date}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
            read(&text, Timestamp::EPOCH, timezone)
        };
        let (first, second) = (times[0].min(times[1]), times[0].max(times[1]));
        if let (Ok(first), Ok(second)) = (at(first), at(second)) {
            prop_assert!(first.instant <= second.instant);
        }
    }

    #[test]
    fn a_longer_duration_is_not_an_earlier_instant(
        (timezone, now) in zone_and_instant(), counts in prop::array::uniform2(0..100_000_u32),
        unit in prop::sample::select(&["s", "m", "h", "ms", " days", " weeks"][..]),
    ) {
        let (less, more) = (counts[0].min(counts[1]), counts[0].max(counts[1]));
        let after = |count: u32| read(&format!("in {count}{unit}"), now, timezone).map(|resolved| resolved.instant);
        if let (Ok(less), Ok(more)) = (after(less), after(more)) {
            prop_assert!(now <= less && less <= more);
        }
        let seconds = format!("in {less}s");
        let exact = now.saturating_add(std::time::Duration::from_secs(less.into()));
        prop_assert_eq!(read(&seconds, now, timezone).unwrap().instant, exact);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,140}", words in prop::collection::vec(piece(), 0..9)) {
        for text in [text, words.concat(), words.join(" ")] {
            for disambiguation in Disambiguation::ALL {
                let now = Timestamp::from_micros(1_795_291_200_000_000).unwrap();
                let options =
                    ParseOptions { now, timezone: "Europe/Madrid", disambiguation: *disambiguation, allow_past: false };
                match parse(&text, &options) {
                    Ok(resolved) => {
                        prop_assert!(resolved.instant >= now || *disambiguation != Disambiguation::Reject);
                        prop_assert!(is_timezone(&resolved.timezone));
                    }
                    Err(error) => {
                        prop_assert!(!error.message.is_empty() && !error.message.contains('\0'));
                        prop_assert!(error.span.is_none_or(|(start, end)| text.get(start..end).is_some()));
                    }
                }
            }
        }
    }

    #[test]
    fn any_present_and_any_instant_can_be_described(
        from in Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros(),
        to in Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros(), timezone in zone(),
    ) {
        let (from, to) = (Timestamp::from_micros(from).unwrap(), Timestamp::from_micros(to).unwrap());
        let told = describe_distance(from, to);
        prop_assert!(told == "now" || told.starts_with("in ") == (to > from), "{told}");
        prop_assert!(!describe(to, timezone).is_empty());
        for text in ["in 1 day", "tomorrow 09:00", "next mon 09:00", "29 feb 09:00", "09:00", "in 3 months"] {
            let _may_fail = read(text, to, timezone);
        }
    }
}

fn check_day(day: &str, shown: Date, expected: Option<Date>, today: Date) -> Result<(), TestCaseError> {
    match expected {
        Some(expected) => prop_assert_eq!(shown, expected, "{}", day),
        None if day.is_empty() => {
            let days = shown.since(today).unwrap().get_days();
            prop_assert!((0..=1).contains(&days), "{days} days away");
        }
        None => prop_assert_eq!(shown.strftime("%a").to_string().to_lowercase(), day.get(..3).unwrap()),
    }
    Ok(())
}

/// What expressions are made of, and what they are not.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(
        &[
            "now",
            "in",
            "at",
            "on",
            "+",
            "-",
            "@",
            "next",
            "today",
            "tonight",
            "tomorrow",
            "mon",
            "sunday",
            "24",
            "Dec",
            "feb",
            "2026",
            "2027-03-28",
            "2027-10-31",
            "T",
            "02:30",
            "9am",
            "9:30",
            "pm",
            ":",
            "00",
            "Z",
            "+01:00",
            "UTC",
            "[Europe/Madrid]",
            "(Asia/Tokyo)",
            "CET",
            "1.5",
            "h",
            "30m",
            "days",
            "P",
            "PT90S",
            "1M",
            "ms",
            ",",
            ".",
            "and",
            "99999999999999999999",
            "9223372036854775807",
            "é",
            "\u{feff}",
            "\u{a0}",
            "[",
            "]",
            "(",
            "[!",
            "🕑",
            "K",
            "ſ",
        ][..],
    );
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => "[0-9]{1,20}", 1 => "\\PC{0,3}"]
}
