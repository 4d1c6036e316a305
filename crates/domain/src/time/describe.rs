//! Writing instants and distances for people.

use super::zone::Zone;
use crate::Timestamp;
use jiff::civil::DateTime;

/// Writes an instant for people in a zone: `Tue 24 Nov 2026 09:00 CET (Europe/Madrid)`. Seconds are shown only
/// if they are not zero. [`super::parse`] reads the same instant from it. An unknown zone is taken for UTC.
#[must_use]
pub fn describe(instant: Timestamp, timezone: &str) -> String {
    in_zone(instant, &Zone::find(timezone).unwrap_or_else(Zone::utc))
}

/// Writes an instant for people in a zone that is known.
pub(super) fn in_zone(instant: Timestamp, zone: &Zone) -> String {
    let shown = without_name(instant, zone);
    if zone.is_exact() && shown.ends_with(&format!(" {}", zone.name)) {
        shown
    } else {
        format!("{shown} ({})", zone.name)
    }
}

/// The same without the zone's name: `Tue 24 Nov 2026 09:00 CET`.
pub(super) fn without_name(instant: Timestamp, zone: &Zone) -> String {
    let info = zone.rules.to_offset_info(instant.to_jiff());
    let shown = wall(info.offset().to_datetime(instant.to_jiff()));
    format!("{shown} {}", info.abbreviation())
}

/// The wall time in a zone, as RFC 3339 writes it without an offset: `2026-11-24T09:00:00`. An unknown zone is taken
/// for UTC.
#[must_use]
pub fn wall_time(instant: Timestamp, timezone: &str) -> String {
    let zone = Zone::find(timezone).unwrap_or_else(Zone::utc);
    zone.rules.to_datetime(instant.to_jiff()).to_string()
}

/// The instant as RFC 3339 with the offset that a zone has then; UTC, or an unknown zone, is `Z`.
#[must_use]
pub fn with_offset(instant: Timestamp, timezone: &str) -> String {
    match Zone::find(timezone) {
        Some(zone) if zone.name != "UTC" => {
            let offset = zone.rules.to_offset(instant.to_jiff());
            instant.to_jiff().display_with_offset(offset).to_string()
        }
        _ => instant.to_string(),
    }
}

/// Writes a wall time for people: `Tue 24 Nov 2026 09:00`.
pub(super) fn wall(wall: DateTime) -> String {
    let micros = wall.subsec_nanosecond() / 1000;
    let seconds = match (wall.second(), micros) {
        (0, 0) => String::new(),
        (second, 0) => format!(":{second:02}"),
        (second, micros) => format!(":{second:02}.{micros:06}").trim_end_matches('0').to_owned(),
    };
    format!("{}{seconds}", wall.strftime("%a %-d %b %Y %H:%M"))
}

/// Writes how far `to` is from `from`, in its two largest units: `in 2 d 12 h`, `3 min ago`; less than a
/// second is `now`.
#[must_use]
pub fn describe_distance(from: Timestamp, to: Timestamp) -> String {
    let micros = to.micros_since(from);
    let seconds = micros.unsigned_abs() / 1_000_000;
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let Some(largest) = units.iter().position(|(length, _)| seconds >= *length) else {
        return "now".to_owned();
    };
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, name) in units.into_iter().skip(largest).take(2) {
        if rest / length > 0 {
            parts.push(format!("{} {name}", rest / length));
        }
        rest %= length;
    }
    let distance = parts.join(" ");
    if micros > 0 { format!("in {distance}") } else { format!("{distance} ago") }
}
