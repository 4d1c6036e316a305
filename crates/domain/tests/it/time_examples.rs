//! What expressions mean: a table over the whole grammar, at one present and in one zone.

use oneoff_domain::Timestamp;
use oneoff_domain::time::{Disambiguation, ParseOptions, ResolvedTime, describe, parse};

/// Saturday 21 November 2026, 21:00 in Madrid.
const NOW: &str = "2026-11-21T20:00:00Z";

fn read(expression: &str, now: &str, timezone: &str) -> ResolvedTime {
    let options = ParseOptions {
        now: now.parse().unwrap(),
        timezone,
        disambiguation: Disambiguation::Reject,
        allow_past: false,
    };
    parse(expression, &options).unwrap_or_else(|error| panic!("{expression}: {error} ({:?})", error.hint))
}

fn check(expression: &str, expected: &str) {
    let instant = read(expression, NOW, "Europe/Madrid").instant;
    let expected: Timestamp = expected.parse().unwrap();
    assert_eq!(instant, expected, "{expression} is {}", describe(instant, "Europe/Madrid"));
}

#[test]
fn instants() {
    for (expression, expected) in [
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
        ("2026-12-01t09:00:00z", "2026-12-01T09:00:00Z"),
        ("2026-12-01 09:00:00Z", "2026-12-01T09:00:00Z"),
        ("2026-12-01T09:00Z", "2026-12-01T09:00:00Z"),
        ("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00Z"),
        ("2026-12-01T09:00:00-05:00", "2026-12-01T14:00:00Z"),
        ("2026-12-01 09:00 +0530", "2026-12-01T03:30:00Z"),
        ("2026-12-01T09:00:00-00:00", "2026-12-01T09:00:00Z"),
        ("2026-12-01T09:00:00.5Z", "2026-12-01T09:00:00.5Z"),
        ("2026-12-01T09:00:00.123456789Z", "2026-12-01T09:00:00.123456Z"),
        ("2026-12-01T08:00Z[Europe/Madrid]", "2026-12-01T08:00:00Z"),
        ("@1796119200", "2026-12-01T10:00:00Z"),
        ("@1796119200.25", "2026-12-01T10:00:00.25Z"),
        ("@1796119200250ms", "2026-12-01T10:00:00.25Z"),
        ("@1796119200s", "2026-12-01T10:00:00Z"),
        ("9999-12-30T22:00:00Z", "9999-12-30T22:00:00Z"),
    ] {
        check(expression, expected);
        assert_eq!(read(expression, NOW, "Asia/Tokyo").local, None, "{expression} is no wall time");
    }
}

#[test]
fn wall_times_with_a_date() {
    for (expression, expected) in [
        ("2026-12-01T09:00[Europe/Madrid]", "2026-12-01T08:00:00Z"),
        ("2026-12-01T09:00:00+01:00[Europe/Madrid]", "2026-12-01T08:00:00Z"),
        ("2026-12-01T09:00:00+01:00[!Europe/Madrid]", "2026-12-01T08:00:00Z"),
        ("2026-12-01T09:00", "2026-12-01T08:00:00Z"),
        ("2026-12-01 09:00", "2026-12-01T08:00:00Z"),
        ("  2026-12-01 \t 09:00:15  ", "2026-12-01T08:00:15Z"),
        ("2026-12-01 09:00:15.75", "2026-12-01T08:00:15.75Z"),
        ("2027-07-01 09:00", "2027-07-01T07:00:00Z"),
        ("2026-12-01 at 9am", "2026-12-01T08:00:00Z"),
        ("2026-12-01 noon", "2026-12-01T11:00:00Z"),
        ("9:30 pm on 2026-12-01", "2026-12-01T20:30:00Z"),
        ("2026-12-01 09:00 America/New_York", "2026-12-01T14:00:00Z"),
        ("2026-12-01 09:00 america/new_york", "2026-12-01T14:00:00Z"),
        ("2026-12-01 09:00 UTC", "2026-12-01T09:00:00Z"),
        ("2026-12-01 09:00 (Asia/Kolkata)", "2026-12-01T03:30:00Z"),
        ("2026-12-01 09:00 EST (America/New_York)", "2026-12-01T14:00:00Z"),
        ("24 Dec 2026 18:00", "2026-12-24T17:00:00Z"),
        ("24 December 2026 18:00", "2026-12-24T17:00:00Z"),
        ("24th december, 2026 at 6pm", "2026-12-24T17:00:00Z"),
        ("Dec 24, 2026 18:00", "2026-12-24T17:00:00Z"),
        ("Thu 24 Dec 2026 18:00", "2026-12-24T17:00:00Z"),
        ("Thu, 24 Dec 2026 18:00 CET (Europe/Madrid)", "2026-12-24T17:00:00Z"),
        ("18:00 24 Dec 2026", "2026-12-24T17:00:00Z"),
        ("24 Dec 18:00", "2026-12-24T17:00:00Z"),
        ("Dec 24 18:00", "2026-12-24T17:00:00Z"),
        ("Thu 24 Dec 18:00", "2026-12-24T17:00:00Z"),
        ("1 jan 00:00", "2026-12-31T23:00:00Z"),
        ("21 nov 20:59", "2027-11-21T19:59:00Z"),
        ("21 nov 21:00", "2027-11-21T20:00:00Z"),
        ("21 nov 21:01", "2026-11-21T20:01:00Z"),
        ("20 Nov 09:00", "2027-11-20T08:00:00Z"),
        ("29 feb 12:00", "2028-02-29T11:00:00Z"),
        ("sept 3rd 7am", "2027-09-03T05:00:00Z"),
    ] {
        check(expression, expected);
        assert!(read(expression, NOW, "Europe/Madrid").local.is_some(), "{expression} is a wall time");
    }
}

#[test]
fn the_next_time_of_day() {
    for (expression, expected) in [
        ("21:00", "2026-11-22T20:00:00Z"),
        ("21:00:00.000001", "2026-11-21T20:00:00.000001Z"),
        ("21:01", "2026-11-21T20:01:00Z"),
        ("9:05", "2026-11-22T08:05:00Z"),
        ("09:00", "2026-11-22T08:00:00Z"),
        ("9am", "2026-11-22T08:00:00Z"),
        ("9 AM", "2026-11-22T08:00:00Z"),
        ("9:30pm", "2026-11-21T20:30:00Z"),
        ("9:30 p.m.", "2026-11-21T20:30:00Z"),
        ("at 9:30pm", "2026-11-21T20:30:00Z"),
        ("12am", "2026-11-21T23:00:00Z"),
        ("12pm", "2026-11-22T11:00:00Z"),
        ("12:30am", "2026-11-21T23:30:00Z"),
        ("noon", "2026-11-22T11:00:00Z"),
        ("Midnight", "2026-11-21T23:00:00Z"),
        ("teatime", "2026-11-22T15:00:00Z"),
        ("17:30 UTC", "2026-11-22T17:30:00Z"),
        ("20:30 Z", "2026-11-21T20:30:00Z"),
        ("20:30Z", "2026-11-21T20:30:00Z"),
        ("17:30 America/New_York", "2026-11-21T22:30:00Z"),
        ("17:30[Asia/Tokyo]", "2026-11-22T08:30:00Z"),
    ] {
        check(expression, expected);
    }
}

#[test]
fn days_by_name() {
    for (expression, expected) in [
        ("today 22:00", "2026-11-21T21:00:00Z"),
        ("tonight at 9:30pm", "2026-11-21T20:30:00Z"),
        ("tonight 23:59:59", "2026-11-21T22:59:59Z"),
        ("tomorrow 9am", "2026-11-22T08:00:00Z"),
        ("9am tomorrow", "2026-11-22T08:00:00Z"),
        ("TOMORROW AT 09:00", "2026-11-22T08:00:00Z"),
        ("tomorrow, 09:00", "2026-11-22T08:00:00Z"),
        ("tomorrow midnight", "2026-11-21T23:00:00Z"),
        ("tomorrow 9am UTC", "2026-11-22T09:00:00Z"),
        ("tomorrow 9am Asia/Tokyo", "2026-11-23T00:00:00Z"),
        ("tomorrow 9am Pacific/Kiritimati", "2026-11-22T19:00:00Z"),
        ("mon 09:00", "2026-11-23T08:00:00Z"),
        ("monday at noon", "2026-11-23T11:00:00Z"),
        ("on tues 09:00", "2026-11-24T08:00:00Z"),
        ("09:00 on wed", "2026-11-25T08:00:00Z"),
        ("sat 22:00", "2026-11-21T21:00:00Z"),
        ("sat 21:00", "2026-11-28T20:00:00Z"),
        ("saturday 09:00", "2026-11-28T08:00:00Z"),
        ("next mon 09:00", "2026-11-23T08:00:00Z"),
        ("next monday at 9am", "2026-11-23T08:00:00Z"),
        ("next sat 22:00", "2026-11-28T21:00:00Z"),
        ("next sunday 09:00", "2026-11-29T08:00:00Z"),
        ("fri 5pm Europe/London", "2026-11-27T17:00:00Z"),
    ] {
        check(expression, expected);
    }
}

#[test]
fn next_is_the_week_that_follows() {
    // Wednesday 18 November 2026, 10:00 in Madrid.
    for (expression, expected) in [
        ("fri 09:00", "2026-11-20T08:00:00Z"),
        ("next fri 09:00", "2026-11-27T08:00:00Z"),
        ("next mon 09:00", "2026-11-23T08:00:00Z"),
        ("next wed 09:00", "2026-11-25T08:00:00Z"),
        ("wed 10:00", "2026-11-25T09:00:00Z"),
        ("next sun 09:00", "2026-11-29T08:00:00Z"),
    ] {
        let actual = read(expression, "2026-11-18T09:00:00Z", "Europe/Madrid").instant;
        assert_eq!(actual, expected.parse().unwrap(), "{expression}");
    }
}

#[test]
fn durations() {
    for (expression, expected) in [
        ("now", "2026-11-21T20:00:00Z"),
        ("NOW", "2026-11-21T20:00:00Z"),
        ("in 2h", "2026-11-21T22:00:00Z"),
        ("in 0s", "2026-11-21T20:00:00Z"),
        ("+90s", "2026-11-21T20:01:30Z"),
        ("+ 90 seconds", "2026-11-21T20:01:30Z"),
        ("now + 10m", "2026-11-21T20:10:00Z"),
        ("now+90s", "2026-11-21T20:01:30Z"),
        ("now +1h30m", "2026-11-21T21:30:00Z"),
        ("in 1h 30m", "2026-11-21T21:30:00Z"),
        ("in 1 hour and 30 minutes", "2026-11-21T21:30:00Z"),
        ("in 1 hour, 30 minutes", "2026-11-21T21:30:00Z"),
        ("in 1.5h", "2026-11-21T21:30:00Z"),
        ("in 0.25s", "2026-11-21T20:00:00.25Z"),
        ("in 1500ms", "2026-11-21T20:00:01.5Z"),
        ("in 10 µs", "2026-11-21T20:00:00.00001Z"),
        ("in 2 days", "2026-11-23T20:00:00Z"),
        ("in 1 week", "2026-11-28T20:00:00Z"),
        ("in 1w 2d 3h", "2026-11-30T23:00:00Z"),
        ("in 6 months", "2027-05-21T19:00:00Z"),
        ("in 1 year", "2027-11-21T20:00:00Z"),
        ("in PT90S", "2026-11-21T20:01:30Z"),
        ("in P1DT2H", "2026-11-22T22:00:00Z"),
        ("+pt1.5h", "2026-11-21T21:30:00Z"),
        ("in P2W", "2026-12-05T20:00:00Z"),
        ("in P1Y2M", "2028-01-21T20:00:00Z"),
        ("in 1 day Asia/Tokyo", "2026-11-22T20:00:00Z"),
    ] {
        check(expression, expected);
        let resolved = read(expression, NOW, "Europe/Madrid");
        assert_eq!(resolved.is_now, expression.eq_ignore_ascii_case("now"), "{expression}");
        assert_eq!(resolved.local, None, "{expression}");
    }
}

#[test]
fn days_are_steps_in_the_calendar_and_hours_are_exact() {
    // The clocks in Madrid go forward on 28 March 2027; this is the noon before.
    let now = "2027-03-27T11:00:00Z";
    let instant = |expression| read(expression, now, "Europe/Madrid").instant.to_string();
    assert_eq!(instant("in 1 day"), "2027-03-28T10:00:00Z");
    assert_eq!(instant("in 24h"), "2027-03-28T11:00:00Z");
    assert_eq!(instant("in 1 day UTC"), "2027-03-28T11:00:00Z");
}

#[test]
fn the_zone_is_the_one_in_the_expression_in_its_own_spelling() {
    let zone = |expression| read(expression, NOW, "europe/madrid").timezone;
    assert_eq!(zone("tomorrow 9am"), "Europe/Madrid");
    assert_eq!(zone("tomorrow 9am asia/tokyo"), "Asia/Tokyo");
    assert_eq!(zone("tomorrow 9am utc"), "UTC");
    assert_eq!(zone("tomorrow 9am Z"), "UTC");
    assert_eq!(zone("2026-12-01T09:00:00Z"), "Europe/Madrid");
    assert_eq!(zone("2026-12-01T09:00:00Z[Asia/Tokyo]"), "Asia/Tokyo");
    assert_eq!(zone("now US/Eastern"), "US/Eastern", "an old name that some systems leave out");
}

#[test]
fn the_wall_time_is_kept_as_it_was_given() {
    let local = |expression| read(expression, NOW, "Europe/Madrid").local.unwrap();
    assert_eq!(local("tomorrow 9am"), "2026-11-22T09:00:00");
    assert_eq!(local("2026-12-01 09:00:01.5"), "2026-12-01T09:00:01.5");
    assert_eq!(local("2026-12-01T09:00+01:00[Europe/Madrid]"), "2026-12-01T09:00:00");
    assert_eq!(local("tomorrow 9am Asia/Tokyo"), "2026-11-23T09:00:00");
}

#[test]
fn a_choice_settles_gap_and_overlap() {
    let read = |expression: &str, disambiguation| {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let options = ParseOptions { now, timezone: "Europe/Madrid", disambiguation, allow_past: false };
        parse(expression, &options).unwrap()
    };
    for (expression, earlier, later) in [
        ("2027-03-28 02:30", "2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("2026-10-25 02:30 Australia/Lord_Howe", "2026-10-24T15:30:00Z", "2026-10-24T15:30:00Z"),
        ("2026-10-04 02:15 Australia/Lord_Howe", "2026-10-03T15:15:00Z", "2026-10-03T15:45:00Z"),
    ] {
        assert_eq!(
            read(expression, Disambiguation::Earlier).instant,
            earlier.parse().unwrap(),
            "{expression}"
        );
        assert_eq!(read(expression, Disambiguation::Later).instant, later.parse().unwrap(), "{expression}");
    }
    assert_eq!(read("2027-03-28 02:30", Disambiguation::Later).local.unwrap(), "2027-03-28T02:30:00");
    for (expression, expected) in [
        ("2026-10-25T02:30+02:00[Europe/Madrid]", "2026-10-25T00:30:00Z"),
        ("2026-10-25T02:30+01:00[Europe/Madrid]", "2026-10-25T01:30:00Z"),
        ("25 Oct 2026 02:30 CEST (Europe/Madrid)", "2026-10-25T00:30:00Z"),
        ("25 Oct 2026 02:30 CET (Europe/Madrid)", "2026-10-25T01:30:00Z"),
    ] {
        assert_eq!(
            read(expression, Disambiguation::Reject).instant,
            expected.parse().unwrap(),
            "{expression}"
        );
    }
}

#[test]
fn the_second_pass_of_an_hour_that_is_under_way_is_the_next_one() {
    // 02:40 in Madrid for the first time on 25 October 2026.
    let now: Timestamp = "2026-10-25T00:40:00Z".parse().unwrap();
    let read = |disambiguation| {
        let options = ParseOptions { now, timezone: "Europe/Madrid", disambiguation, allow_past: false };
        parse("02:30", &options)
    };
    assert!(read(Disambiguation::Reject).is_err());
    assert_eq!(read(Disambiguation::Earlier).unwrap().instant, "2026-10-26T01:30:00Z".parse().unwrap());
    assert_eq!(read(Disambiguation::Later).unwrap().instant, "2026-10-25T01:30:00Z".parse().unwrap());
}

#[test]
fn the_past_is_accepted_where_it_is_allowed() {
    let options = ParseOptions {
        now: NOW.parse().unwrap(),
        timezone: "Europe/Madrid",
        disambiguation: Disambiguation::Reject,
        allow_past: true,
    };
    for (expression, expected) in [
        ("today 09:00", "2026-11-21T08:00:00Z"),
        ("2020-02-29 12:00", "2020-02-29T11:00:00Z"),
        ("@0", "1970-01-01T00:00:00Z"),
        ("1970-01-01 01:00", "1970-01-01T00:00:00Z"),
        ("9am", "2026-11-22T08:00:00Z"),
    ] {
        assert_eq!(parse(expression, &options).unwrap().instant, expected.parse().unwrap(), "{expression}");
    }
}
