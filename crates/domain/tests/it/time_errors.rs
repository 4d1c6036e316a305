//! What expressions are refused with: message, hint, and the place that is to blame.

use oneoff_domain::time::{Disambiguation, ParseOptions, TimeError, parse};

/// Saturday 21 November 2026, 21:00 in Madrid.
fn refusal(expression: &str) -> TimeError {
    let options = ParseOptions {
        now: "2026-11-21T20:00:00Z".parse().unwrap(),
        timezone: "Europe/Madrid",
        disambiguation: Disambiguation::Reject,
        allow_past: false,
    };
    match parse(expression, &options) {
        Err(error) => error,
        Ok(resolved) => panic!("{expression:?} was read as {}", resolved.instant),
    }
}

/// Each with its message, its hint, and the place to blame; an empty place is not checked.
fn check(table: &[(&str, &str, &str, &str)]) {
    for (expression, message, hint, blamed) in table {
        let error = refusal(expression);
        assert_eq!(error.message, *message, "{expression:?}");
        assert_eq!(error.hint.as_deref().unwrap_or_default(), *hint, "{expression:?}");
        if !blamed.is_empty() {
            let (start, end) = error.span.unwrap_or_else(|| panic!("{expression:?} blames no place"));
            assert_eq!(&expression[start..end], *blamed, "{expression:?}");
        }
    }
}

const EXAMPLES: &str = "write for example `in 2h`, `tomorrow 09:00` or `2026-12-24T18:00`";

#[test]
fn words_that_are_not_understood() {
    check(&[
        ("", "a time is needed", EXAMPLES, ""),
        (" \t ", "a time is needed", EXAMPLES, ""),
        ("tomorow 9am", "`tomorow` is not understood", "did you mean `tomorrow`?", "tomorow"),
        ("nowish", "`nowish` is not understood", "did you mean `now`?", "nowish"),
        ("tomorrow 9am please", "`please` is not understood", EXAMPLES, "please"),
        ("9h30", "`9h30` is not understood", EXAMPLES, "9h30"),
        ("9amtomorrow", "`9amtomorrow` is not understood", "did you mean `tomorrow`?", "9amtomorrow"),
        ("明日 9am", "`明日` is not understood", EXAMPLES, "明日"),
        ("tomorrow ９am", "`９am` is not understood", EXAMPLES, "９am"),
        ("tomorrow 9am \u{202e}x", "`\\u{202e}x` is not understood", EXAMPLES, "\u{202e}x"),
        ("now\0", "a time expression cannot hold the character \\0", "", "\0"),
        (
            "tomorrow 9am 10am",
            "`10am` does not fit here",
            "give one day and one time of day, and the time zone last",
            "10am",
        ),
        (
            "mon tomorrow 9am",
            "`tomorrow` does not fit here",
            "give one day and one time of day, and the time zone last",
            "tomorrow",
        ),
        ("9 am pm", "`pm` must follow an hour from 1 to 12", "write for example `9am`", "pm"),
        ("tomorrow at", "`at` must be followed by a time of day", EXAMPLES, "at"),
        ("9am on", "`on` must be followed by a day", EXAMPLES, "on"),
    ]);
    let long = refusal(&"a".repeat(129));
    assert_eq!(long.message, "a time expression has at most 128 characters");
}

#[test]
fn days_without_a_time_and_numbers_alone() {
    check(&[
        ("tomorrow", "`tomorrow` needs a time of day", "write `tomorrow 09:00`", "tomorrow"),
        ("next  fri", "`next  fri` needs a time of day", "write `next  fri 09:00`", "next  fri"),
        ("2026-12-01", "`2026-12-01` needs a time of day", "write `2026-12-01T09:00`", "2026-12-01"),
        ("24 Dec UTC", "`24 Dec` needs a time of day", "write `24 Dec 09:00`", "24 Dec"),
        (
            "tomorrow 9",
            "`9` alone says neither which hour nor which day",
            "write `09:00`, `9am` or `9pm`",
            "9",
        ),
        (
            "2130",
            "`2130` alone says neither which hour nor which day",
            "write `21:30` for a time of day",
            "2130",
        ),
        (
            "1796119200",
            "`1796119200` alone says neither which hour nor which day",
            "write `@1796119200` for seconds since 1970",
            "1796119200",
        ),
        (
            "1796119200000",
            "`1796119200000` alone says neither which hour nor which day",
            "write `@1796119200000ms` for milliseconds since 1970",
            "",
        ),
        ("90 seconds", "`90 seconds` is a duration, not a time", "write `in 90 seconds`", "90 seconds"),
        ("PT90S", "`PT90S` is a duration, not a time", "write `in PT90S`", "PT90S"),
    ]);
}

#[test]
fn dates_that_are_ambiguous_or_do_not_exist() {
    let not_a_date = |text: &str| format!("`{text}` is not a date as it is written here");
    for (expression, date, hint) in [
        ("12/24/2026", "12/24/2026", "`2026-12-24`"),
        ("24.12.2026 18:00", "24.12.2026", "`2026-12-24`"),
        ("9am 24-12-2026", "24-12-2026", "`2026-12-24`"),
        ("2026/12/24 9am", "2026/12/24", "`2026-12-24`"),
        ("2026-1-2 9am", "2026-1-2", "`2026-01-02`"),
        ("3/4/27", "3/4/27", "`2027-04-03` or `2027-03-04`"),
        ("12/24", "12/24", "`2026-12-24`"),
    ] {
        let hint = format!("write year, month and day: {hint}");
        check(&[(expression, &not_a_date(date), &hint, date)]);
    }
    check(&[
        ("2026-02-30 09:00", "2026-02-30 does not exist", "February 2026 has 28 days", "2026-02-30"),
        (
            "2026-13-01T09:00",
            "there is no month 13",
            "a date is year, month and day: `2026-12-24`",
            "2026-13-01",
        ),
        ("31 feb 09:00", "February never has a day 31", "February has at most 29 days", "31 feb"),
        ("Dec 2026 09:00", "after `Dec` a day of the month is needed", "write `24 Dec` and a time", "Dec"),
        (
            "Mon 24 Dec 2026 18:00",
            "2026-12-24 is a Thursday, not a Monday",
            "correct one of them, or leave the name of the day out",
            "",
        ),
        (
            "next week 9am",
            "`next` must be followed by the name of a day",
            "write `next monday 09:00`, or `in 1 week`",
            "week",
        ),
        ("12026-12-01T09:00Z", "`12026-12-01T09:00Z` is not understood", EXAMPLES, ""),
    ]);
}

#[test]
fn times_of_day_that_do_not_exist() {
    check(&[
        ("25:00", "there is no hour 25", "hours go from 00 to 23", "25:00"),
        ("24:00", "a day ends before 24:00", "write `00:00` of the day that follows", "24:00"),
        (
            "13pm",
            "there is no hour 13 with am or pm",
            "write 1 to 12 with am or pm, or 00:00 to 23:59 without",
            "13pm",
        ),
        ("9:60", "minutes are two digits from 00 to 59", "write a time as `17:30` or `17:30:15`", "9:60"),
        ("9:5", "minutes are two digits from 00 to 59", "write a time as `17:30` or `17:30:15`", "9:5"),
        (
            "09:00:60",
            "a leap second cannot be scheduled",
            "write `:59`, or the minute that follows",
            "09:00:60",
        ),
        ("09:00:00.1234567890", "a fraction of a second has 1 to 9 digits", "", "09:00:00.1234567890"),
        (
            "tonight 9am",
            "tonight begins at 17:00",
            "write `tonight 21:00`; for the hours after midnight `tomorrow 00:30`",
            "tonight 9am",
        ),
    ]);
}

#[test]
fn durations_that_mean_nothing() {
    const ORDER: &str = "the units of a duration go from the largest to the smallest, once each";
    const NEEDED: &str = "write for example `2h`, `1h 30m`, `90s`, `2 days` or `PT90S`";
    const OUTSIDE: &str = "that lies outside of the times that can be scheduled";
    const LATEST: &str = "the latest time is 9999-12-30T22:00:00Z";
    check(&[
        ("in", "a duration is needed here", NEEDED, ""),
        ("in two hours", "a duration is needed here, not `two`", NEEDED, "two"),
        ("in 2", "`2` has no unit", "write for example `10m` or `2h`", "2"),
        ("in 2 hurs", "`hurs` is not a unit of time", "did you mean `hours`?", "2 hurs"),
        ("in -2h", "a duration cannot be negative", "write `in 2h`", "-2h"),
        ("now - 10m", "a time before now is in the past", "write `now + 2h`", "now -"),
        ("in 1:30", "a duration is written with units, not with colons", "write `1h 30m` or `1m 30s`", "1:"),
        ("in 30m 1h", ORDER, "write for example `1 day 2h 30m`", "1h"),
        ("in 1h 1h", ORDER, "write for example `1 day 2h 30m`", "1h"),
        (
            "in 1.5 days",
            "a fraction of a day, week, month or year has no fixed length",
            "write it in hours: `36h`",
            "1.5 days",
        ),
        ("in 1.5h 10m", "only the last number of a duration may have a fraction", "", "10m"),
        ("in 1M", "`M` may be minutes or months", "write `m`, `min` or `months`", "1M"),
        ("in P1H", "this is not a duration of ISO 8601", "write for example `PT90S` or `P1DT2H`", "P1H"),
        ("in P1DT", "this is not a duration of ISO 8601", "write for example `PT90S` or `P1DT2H`", "P1DT"),
        (
            "in 99999999999999999999h",
            "`99999999999999999999` is too long a duration",
            LATEST,
            "99999999999999999999h",
        ),
        ("in 9223372036854775807s", "`9223372036854775807` is too long a duration", LATEST, ""),
        ("in 9999999 days", OUTSIDE, LATEST, ""),
        ("in 9223372036854775807 months", OUTSIDE, LATEST, ""),
        ("in 8000 years", OUTSIDE, LATEST, ""),
        ("in 999999999h", OUTSIDE, LATEST, ""),
    ]);
}

#[test]
fn a_month_without_that_day_is_not_guessed() {
    let options = ParseOptions {
        now: "2027-01-31T09:00:00Z".parse().unwrap(),
        timezone: "UTC",
        disambiguation: Disambiguation::Reject,
        allow_past: false,
    };
    let error = parse("in 1 month", &options).unwrap_err();
    assert_eq!(error.message, "February 2027 has no day 31");
    assert_eq!(error.hint.unwrap(), "write the date: `2027-02-28` or `2027-03-01`, and a time");
}

#[test]
fn numbers_of_seconds_since_1970() {
    const FORM: &str = "`@` must be followed by seconds or milliseconds since 1970";
    const HINT: &str = "write `@1789000000` or `@1789000000000ms`";
    check(&[
        ("@", FORM, HINT, "@"),
        ("@abc", FORM, HINT, "@abc"),
        ("@1.", FORM, HINT, "@1."),
        ("@1e9", FORM, HINT, "@1e9"),
        ("@1796119200us", FORM, HINT, ""),
        (
            "@1796119200000",
            "`1796119200000` lies behind the latest time, 9999-12-30T22:00:00Z",
            "milliseconds are written `@1796119200000ms`",
            "@1796119200000",
        ),
        (
            "@99999999999999999999",
            "`99999999999999999999` lies behind the latest time, 9999-12-30T22:00:00Z",
            "write seconds since 1970, such as `@1789000000`",
            "",
        ),
    ]);
}

#[test]
fn the_past() {
    const NOW: &str = "it is Sat 21 Nov 2026 21:00 CET (Europe/Madrid); `now` starts at once";
    check(&[
        (
            "today 09:00",
            "Sat 21 Nov 2026 09:00 CET (Europe/Madrid) is in the past (12 h ago)",
            "`tomorrow` would be Sun 22 Nov 2026 09:00 CET (Europe/Madrid)",
            "today 09:00",
        ),
        (
            "2026-11-21 20:59:59",
            "Sat 21 Nov 2026 20:59:59 CET (Europe/Madrid) is in the past (1 s ago)",
            NOW,
            "2026-11-21 20:59:59",
        ),
        (
            "2026-11-21T19:59:59.9Z",
            "Sat 21 Nov 2026 20:59:59.9 CET (Europe/Madrid) is in the past (less than 1 s ago)",
            NOW,
            "",
        ),
        ("@0", "Thu 1 Jan 1970 01:00 CET (Europe/Madrid) is in the past (20778 d 20 h ago)", NOW, ""),
        ("yesterday 9am", "`yesterday` is in the past", "write `today` or `tomorrow`", "yesterday"),
    ]);
}

#[test]
fn gaps_and_overlaps_name_both_choices() {
    check(&[
        (
            "2027-03-28 02:30",
            "Sun 28 Mar 2027 02:30 does not exist in Europe/Madrid, as the clocks are changed then",
            "choose `earlier`, Sun 28 Mar 2027 01:30 CET (2027-03-28T00:30:00Z), or `later`, \
             Sun 28 Mar 2027 03:30 CEST (2027-03-28T01:30:00Z)",
            "2027-03-28 02:30",
        ),
        (
            "31 Oct 2027 02:30",
            "Sun 31 Oct 2027 02:30 occurs twice in Europe/Madrid, as the clocks are changed then",
            "choose `earlier`, Sun 31 Oct 2027 02:30 CEST (2027-10-31T00:30:00Z), or `later`, \
             Sun 31 Oct 2027 02:30 CET (2027-10-31T01:30:00Z)",
            "31 Oct 2027 02:30",
        ),
        (
            "2027-10-03 02:15 Australia/Lord_Howe",
            "Sun 3 Oct 2027 02:15 does not exist in Australia/Lord_Howe, as the clocks are changed then",
            "choose `earlier`, Sun 3 Oct 2027 01:45 +1030 (2027-10-02T15:15:00Z), or `later`, \
             Sun 3 Oct 2027 02:45 +11 (2027-10-02T15:45:00Z)",
            "2027-10-03 02:15",
        ),
    ]);
}

#[test]
fn a_whole_day_that_does_not_exist() {
    let at = |now: &str, timezone, expression| {
        let now = now.parse().unwrap();
        let options =
            ParseOptions { now, timezone, disambiguation: Disambiguation::Reject, allow_past: false };
        parse(expression, &options).unwrap_err().message
    };
    // Apia went over the date line and left 30 December 2011 out.
    assert!(at("2011-12-29T20:00:00Z", "Pacific/Apia", "tomorrow 09:00").contains("does not exist"));
    // Sao Paulo's clocks went forward at midnight.
    assert!(at("2018-11-03T12:00:00Z", "America/Sao_Paulo", "midnight").contains("does not exist"));
    assert!(at("2027-03-27T01:30:00Z", "Europe/Madrid", "in 1 day").contains("does not exist"));
}

#[test]
fn zones_and_offsets() {
    const NOT_AN_OFFSET: &str = "this is not an offset from UTC";
    const OFFSET: &str =
        "write `+01:00`, `-05:00` or `Z`; to add to the present, write `in 2h` or `now + 2h`";
    const IANA: &str = "write an IANA name such as `Europe/Madrid`, or `UTC`";
    check(&[
        (
            "tomorrow 9am Europe/Madird",
            "there is no time zone `Europe/Madird`",
            "did you mean `Europe/Madrid`?",
            "Europe/Madird",
        ),
        (
            "tomorrow 9am Berlin",
            "`Berlin` is not understood",
            "did you mean the time zone `Europe/Berlin`?",
            "Berlin",
        ),
        (
            "tomorrow 9am PST",
            "`PST` is not understood",
            "a time zone is written by its IANA name, such as `Europe/Madrid`",
            "PST",
        ),
        ("9am [Mars/Base]", "there is no time zone `Mars/Base`", IANA, "[Mars/Base]"),
        ("9am ../../etc/passwd", "there is no time zone `../../etc/passwd`", IANA, "../../etc/passwd"),
        ("9am Etc/Unknown", "there is no time zone `Etc/Unknown`", IANA, "Etc/Unknown"),
        (
            "2026-12-01T09:00[Europe/Madrid",
            "`[Europe/Madrid` is not a time zone in brackets",
            "write `[Europe/Madrid]`",
            "[Europe/Madrid",
        ),
        (
            "9am Europe/Madrid tomorrow",
            "`tomorrow` stands behind the time zone",
            "the time zone comes last",
            "tomorrow",
        ),
        (
            "2026-12-01T09:00+02:00[Europe/Madrid]",
            "offset and time zone contradict each other: Europe/Madrid differs",
            "there it is Tue 1 Dec 2026 09:00 CET (Europe/Madrid)",
            "",
        ),
        (
            "2026-12-01 09:00 CEST (Europe/Madrid)",
            "offset and time zone contradict each other: Europe/Madrid differs",
            "there it is Tue 1 Dec 2026 09:00 CET (Europe/Madrid)",
            "",
        ),
        (
            "tomorrow 9am +02:00",
            "an offset can only follow a full date",
            "write a time zone such as `Europe/Madrid`, or a date such as `2026-12-24`",
            "",
        ),
        ("9am Z Asia/Tokyo", "both `Z` and a time zone are given", "write one of them", ""),
        ("2026-12-01T09:00+25:00", NOT_AN_OFFSET, OFFSET, "+25:00"),
        ("2026-12-01T09:00+1", NOT_AN_OFFSET, OFFSET, "+1"),
        ("tomorrow 9am + 2h", NOT_AN_OFFSET, OFFSET, "+"),
    ]);
    let options = ParseOptions {
        now: "2026-11-21T20:00:00Z".parse().unwrap(),
        timezone: "Europe/Lisboa",
        disambiguation: Disambiguation::Reject,
        allow_past: false,
    };
    let error = parse("9am", &options).unwrap_err();
    assert_eq!(error.message, "there is no time zone `Europe/Lisboa`");
    assert_eq!(error.hint.unwrap(), "did you mean `Europe/Lisbon`?");
    assert!(parse("9am UTC", &options).is_ok(), "a zone in the expression is enough");
}
