//! Durations on the command line: `90`, `90s`, `2h 30m`, `PT5M`.

use jiff::SignedDuration;
use std::time::Duration;

/// A duration in whole seconds. A bare number is seconds.
pub(crate) fn whole_seconds(text: &str) -> Result<i64, String> {
    let duration = parse(text)?;
    if duration.subsec_nanos() != 0 {
        return Err(format!("`{text}` is not a whole number of seconds"));
    }
    Ok(duration.as_secs())
}

/// A duration of any precision. A bare number is seconds.
pub(crate) fn any(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    Duration::try_from(duration)
        .map_err(|_out_of_range| format!("`{text}` is not a duration that can be waited for"))
}

fn parse(text: &str) -> Result<SignedDuration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(SignedDuration::from_secs(seconds.into()));
    }
    match text.parse::<SignedDuration>() {
        Ok(duration) if !duration.is_negative() => Ok(duration),
        Ok(_) => Err(format!("`{text}` is negative")),
        Err(_) => Err(format!("`{text}` is not a duration such as 90s, 5m or 2h30m")),
    }
}

#[cfg(test)]
mod tests {
    use super::{any, whole_seconds};
    use std::time::Duration;

    #[test]
    fn friendly_iso_and_bare_forms_are_read() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("2h 30m", 9_000), ("1h30m", 5_400), ("PT5M", 300), ("0", 0)]
        {
            assert_eq!(whole_seconds(text), Ok(seconds), "{text}");
        }
        assert_eq!(any("1500ms"), Ok(Duration::from_millis(1_500)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "x", "-5s", "5 parsecs", "1500ms", "99999999999999999999"] {
            assert!(whole_seconds(text).is_err(), "{text}");
        }
    }
}
