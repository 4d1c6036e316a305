//! Zones that would be guessed, words that stand twice, tags that must be heeded, and the ends of time.

use oneoff_domain::time::{Disambiguation, ParseOptions, ResolvedTime, TimeError, describe, parse};

fn options(timezone: &str) -> ParseOptions<'_> {
    ParseOptions {
        now: "2026-11-21T20:00:00Z".parse().unwrap(),
        timezone,
        disambiguation: Disambiguation::Reject,
        allow_past: true,
    }
}

fn read(expression: &str) -> Result<ResolvedTime, TimeError> {
    parse(expression, &options("Europe/Madrid"))
}

fn refusal(expression: &str) -> TimeError {
    match read(expression) {
        Err(error) => error,
        Ok(resolved) => panic!("{expression:?} was read as {}", resolved.instant),
    }
}

#[test]
fn abbreviations_and_old_names_are_not_taken_for_zones() {
    for name in [
        "CET", "cet", "MET", "EET", "WET", "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT",
        "GB", "NZ", "PRC", "ROK", "W-SU", "GMT0", "GMT+0", "Zulu", "UCT", "Japan", "Cuba",
    ] {
        for expression in [
            format!("2027-07-01 09:00 {name}"),
            format!("9am [{name}]"),
            format!("9am ({name})"),
            format!("now {name}"),
        ] {
            let error = refusal(&expression);
            assert!(
                error.message.contains(&format!("`{name}` is an abbreviation or an old name")),
                "{error}"
            );
            let (start, end) = error.span.unwrap();
            assert!(expression[start..end].contains(name), "{expression}");
        }
    }
    let hint = refusal("2027-07-01 09:00 CET").hint.unwrap();
    assert!(hint.contains("`Europe/Madrid`") && hint.contains("`+01:00`"), "{hint}");
    assert_eq!(refusal("9am Singapore").hint.unwrap(), "did you mean the time zone `Asia/Singapore`?");
    for exact in ["9am UTC", "9am gmt", "9am Z", "9am Etc/GMT-1", "9am US/Eastern"] {
        assert!(read(exact).is_ok(), "{exact}");
    }
}

#[test]
fn the_form_of_an_answer_in_such_a_zone_is_read_back() {
    for (instant, zone) in [
        ("2027-07-01T07:00:00Z", "CET"),
        ("2027-01-01T07:00:00Z", "CET"),
        ("2027-07-01T07:00:00Z", "EST"),
        ("2027-07-01T07:00:00Z", "PST8PDT"),
        ("2027-07-01T07:00:00Z", "GMT"),
        ("2027-07-01T07:00:00Z", "Japan"),
    ] {
        let instant = instant.parse().unwrap();
        let shown = describe(instant, zone);
        let resolved = read(&shown).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!((resolved.instant, resolved.timezone.as_str()), (instant, zone), "{shown}");
    }
    assert!(refusal("2027-07-01 09:00 CET (CET)").message.contains("contradict"));
    assert_eq!(parse("9am", &options("CET")).unwrap().timezone, "CET", "a zone that a system has is its own");
}

#[test]
fn a_word_is_never_proposed_for_itself() {
    const DURATION: &str = "a duration takes no day and no time of day";
    for (expression, message, blamed) in [
        ("in 1 day at 9am", DURATION, "at"),
        ("in 1 day 9am", DURATION, "9am"),
        ("in 2h tomorrow", DURATION, "tomorrow"),
        ("in 2h in 3h", "only one duration can be given", "in"),
        ("+2h +3h", "only one duration can be given", "+3h"),
        ("in 1 day 09:00", DURATION, "09:00"),
        ("at at noon", "`at` does not fit here", "at"),
        ("tomorrow 9am at", "`at` does not fit here", "at"),
        ("9am on on monday", "`on` does not fit here", "on"),
        ("now now", "`now` does not fit here", "now"),
    ] {
        let error = refusal(expression);
        assert_eq!(error.message, message, "{expression}");
        let (start, end) = error.span.unwrap();
        assert_eq!(&expression[start..end], blamed, "{expression}");
        assert!(!error.hint.unwrap().contains("did you mean"), "{expression}");
    }
}

#[test]
fn the_ends_of_time_are_named() {
    for late in ["9999-12-31T00:00:00Z", "9999-12-30T22:00:01Z", "9999-12-31 09:00"] {
        assert_eq!(refusal(late).hint.unwrap(), "the latest time is 9999-12-30T22:00:00Z", "{late}");
    }
    assert!(read("9999-12-30T22:00:00Z").is_ok());
    for early in [
        "@-99999999999",
        "@-1",
        "@-0.000001",
        "1969-12-31T23:59:59Z",
        "1970-01-01 00:30",
        "0001-01-01T00:00:00Z",
    ] {
        assert_eq!(
            refusal(early).message,
            "times before 1970-01-01T00:00:00Z cannot be scheduled",
            "{early}"
        );
    }
    assert_eq!(read("@0").unwrap().instant.to_string(), "1970-01-01T00:00:00Z");
}

#[test]
fn brackets_are_read_one_by_one() {
    for (expression, instant, zone) in [
        ("2026-12-01T09:00[Europe/Madrid][u-ca=japanese]", "2026-12-01T08:00:00Z", "Europe/Madrid"),
        ("2026-12-01T09:00[Asia/Tokyo][u-ca=hebrew][x-y=1]", "2026-12-01T00:00:00Z", "Asia/Tokyo"),
        ("2026-12-01T09:00+09:00[!Asia/Tokyo][!u-ca=gregory]", "2026-12-01T00:00:00Z", "Asia/Tokyo"),
        ("2026-12-01T09:00[u-ca=gregory]", "2026-12-01T08:00:00Z", "Europe/Madrid"),
        ("2026-12-01T09:00[+09:00]", "2026-12-01T00:00:00Z", "Europe/Madrid"),
        ("2026-12-01T09:00+09:00[+09:00]", "2026-12-01T00:00:00Z", "Europe/Madrid"),
        ("2026-12-01T09:00Z[-03:00]", "2026-12-01T09:00:00Z", "Europe/Madrid"),
    ] {
        let resolved = read(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(
            (resolved.instant.to_string().as_str(), resolved.timezone.as_str()),
            (instant, zone),
            "{expression}"
        );
    }
    for (expression, message, blamed) in [
        (
            "2026-12-01T09:00[Europe/Madrid][!u-ca=japanese]",
            "the tag `!u-ca=japanese` must be heeded, and it is not known here",
            "[!u-ca=japanese]",
        ),
        ("2026-12-01T09:00[!x=1]", "the tag `!x=1` must be heeded, and it is not known here", "[!x=1]"),
        ("2026-12-01T09:00[u-ca=x][Asia/Tokyo]", "`Asia/Tokyo` stands behind other brackets", "[Asia/Tokyo]"),
        ("2026-12-01T09:00+09:00[+01:00]", "the two offsets contradict each other", "[+01:00]"),
        ("2026-12-01T09:00[+25:00]", "this is not an offset from UTC", "[+25:00]"),
        ("9am [+01:00]", "an offset can only follow a full date", "9am"),
        ("now [+01:00]", "`+01:00` is an offset, not a time zone", "[+01:00]"),
        ("9am [Europe/Madrid]x", "`[Europe/Madrid]x` is not a time zone in brackets", "[Europe/Madrid]x"),
        ("9am []", "`[]` is not a time zone in brackets", "[]"),
        ("9am [!]", "`[!]` is not a time zone in brackets", "[!]"),
        ("9am [Europe/Madrid]]", "`[Europe/Madrid]]` is not a time zone in brackets", "[Europe/Madrid]]"),
    ] {
        let error = refusal(expression);
        assert_eq!(error.message, message, "{expression}");
        let (start, end) = error.span.unwrap();
        assert_eq!(&expression[start..end], blamed, "{expression}");
    }
}
