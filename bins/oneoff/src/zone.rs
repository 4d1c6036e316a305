//! The person's own IANA zone, which goes with every time expression.

use crate::failure::Failure;
use oneoff_domain::time::is_timezone;

/// The zone: the one that was asked for, that of `TZ`, that of the system, or UTC.
pub(crate) fn own_zone(asked_for: Option<&str>, tz_variable: Option<&str>) -> Result<String, Failure> {
    if let Some(zone) = asked_for {
        return match is_timezone(zone) {
            true => Ok(zone.to_owned()),
            false => Err(Failure::usage(format!("--tz: there is no time zone `{zone}`"))
                .with_hint("give an IANA name, such as Europe/Madrid or UTC")),
        };
    }
    let system = || iana_time_zone::get_timezone().ok().filter(|zone| is_timezone(zone));
    let own = tz_variable.and_then(named_zone).or_else(system).unwrap_or_else(|| "UTC".to_owned());
    // What most servers are set to is the same zone under a longer name.
    Ok(if own == "Etc/UTC" { "UTC".to_owned() } else { own })
}

/// The zone that a `TZ` variable names. POSIX rules such as `EST5EDT,M3.2.0` and file names name none.
fn named_zone(tz_variable: &str) -> Option<String> {
    let name = tz_variable.strip_prefix(':').unwrap_or(tz_variable);
    (!name.is_empty() && is_timezone(name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{named_zone, own_zone};

    #[test]
    fn the_zone_that_was_asked_for_wins_and_must_exist() {
        assert_eq!(own_zone(Some("Asia/Tokyo"), Some("Europe/Madrid")).unwrap(), "Asia/Tokyo");
        assert_eq!(own_zone(None, Some(":Europe/Madrid")).unwrap(), "Europe/Madrid");
        assert!(own_zone(Some("Europe/Madird"), None).is_err());
    }

    #[test]
    fn a_posix_rule_or_a_file_names_no_zone() {
        for text in ["", ":", "EST5EDT,M3.2.0,M11.1.0", "/usr/share/zoneinfo/Europe/Madrid", "CET-1CEST"] {
            assert_eq!(named_zone(text), None, "{text}");
        }
    }
}
