//! The person's own IANA zone, which goes with every time expression.

use crate::failure::Failure;
use oneoff_domain::time::is_timezone;

/// The zone: the one that was asked for, that of `TZ`, that of the system, or UTC.
///
/// # Errors
/// When the zone that was asked for, or a `TZ` that is set, is none. Another zone in its place would be a guess.
pub(crate) fn own_zone(asked_for: Option<&str>, tz_variable: Option<&str>) -> Result<String, Failure> {
    if let Some(zone) = asked_for {
        return match is_timezone(zone) {
            true => Ok(zone.to_owned()),
            false => Err(Failure::usage(format!("--tz: there is no time zone `{zone}`"))
                .with_hint("give an IANA name, such as Europe/Madrid or UTC")),
        };
    }
    let own = match tz_variable.map(|text| text.strip_prefix(':').unwrap_or(text)) {
        None | Some("" | "/etc/localtime") => system_zone(),
        Some(text) => named_zone(text).ok_or_else(|| not_a_zone(text))?,
    };
    // What most servers are set to is the same zone under a longer name.
    Ok(if own == "Etc/UTC" { "UTC".to_owned() } else { own })
}

fn system_zone() -> String {
    let system = iana_time_zone::get_timezone().ok().filter(|zone| is_timezone(zone));
    system.unwrap_or_else(|| "UTC".to_owned())
}

/// The zone that a `TZ` variable names, by name or by the zone's file. POSIX rules such as
/// `EST5EDT,M3.2.0` name none.
fn named_zone(text: &str) -> Option<String> {
    let name = match text.split_once("/zoneinfo/") {
        Some((directory, name)) if directory.starts_with('/') => name,
        _ => text,
    };
    let name = if name == "UTC0" { "UTC" } else { name };
    is_timezone(name).then(|| name.to_owned())
}

fn not_a_zone(text: &str) -> Failure {
    Failure::usage(format!("the variable TZ is `{text}`, which is no time zone of the IANA database"))
        .with_hint("set TZ to an IANA name such as Europe/Madrid, or give one with --tz")
}

#[cfg(test)]
mod tests {
    use super::own_zone;

    #[test]
    fn the_zone_that_was_asked_for_wins_and_must_exist() {
        assert_eq!(own_zone(Some("Asia/Tokyo"), Some("Europe/Madrid")).unwrap(), "Asia/Tokyo");
        assert_eq!(own_zone(Some("UTC"), Some("CET-1CEST")).unwrap(), "UTC", "then TZ does not matter");
        assert!(own_zone(Some("Europe/Madird"), None).is_err());
    }

    #[test]
    fn the_variable_names_a_zone_or_its_file() {
        for (text, zone) in [
            (":Europe/Madrid", "Europe/Madrid"),
            ("CET", "CET"),
            ("UTC0", "UTC"),
            ("Etc/UTC", "UTC"),
            ("/usr/share/zoneinfo/Europe/Madrid", "Europe/Madrid"),
        ] {
            assert_eq!(own_zone(None, Some(text)).unwrap(), zone, "{text}");
        }
        for text in ["", ":", ":/etc/localtime"] {
            assert_eq!(own_zone(None, Some(text)).unwrap(), own_zone(None, None).unwrap(), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_no_zone_is_an_error_and_not_another_zone() {
        for text in ["CET-1CEST", ":Foo/Bar", "EST5EDT,M3.2.0,M11.1.0", "Europe/Madird", "/tmp/zone", " "] {
            let failure = own_zone(None, Some(text)).unwrap_err();
            assert_eq!(failure.exit.code(), 2, "{text}");
            assert!(failure.message.contains("TZ") && failure.hint.unwrap().contains("--tz"), "{text}");
        }
    }
}
