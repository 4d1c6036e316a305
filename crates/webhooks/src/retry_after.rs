//! `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.

use oneoff_domain::Timestamp;
use std::time::Duration;

/// What the header asks for; `None` where it says nothing that can be understood.
pub(crate) fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    // Some receivers send parts of a second.
    if text.starts_with(|c: char| c.is_ascii_digit())
        && let Ok(seconds) = text.parse::<f64>()
    {
        return Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_jiff(date.timestamp()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_nothing_else() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        for (text, expected) in [
            ("120", Some(Duration::from_secs(120))),
            (" 0 ", Some(Duration::ZERO)),
            ("1.5", Some(Duration::from_millis(1500))),
            ("99999999999999999999999", Some(Duration::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Duration::from_secs(7))),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(Duration::ZERO)),
            ("", None),
            ("-1", None),
            ("soon", None),
            ("NaN", None),
            ("inf", None),
            ("é", None),
        ] {
            assert_eq!(parse(text, now), expected, "{text}");
        }
    }
}
