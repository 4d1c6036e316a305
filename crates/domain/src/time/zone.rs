//! IANA time zones by name, and what to say when there is none of that name.

use super::TimeError;
use super::error::quoted;
use jiff::tz::{TimeZone, TimeZoneDatabase, db};

/// The longest name that is looked up; the longest there is has 32.
const NAME_MAX_BYTES: usize = 64;
/// Longer names are no abbreviations, such as `Singapore`.
const ABBREVIATION_MAX_BYTES: usize = 5;
/// Names that the files on some systems offer, and that mean another zone on each, or none.
const NOT_ZONES: &[&str] = &["Etc/Unknown", "Factory", "localtime", "posixrules"];

/// A time zone and its name as the database spells it.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) rules: TimeZone,
}

impl Zone {
    pub(super) fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The zone of this name, in upper or lower case. The system's database comes first, as it is the newer
    /// one; the one in the binary knows the old names that some systems leave out.
    pub(super) fn find(name: &str) -> Option<Self> {
        let plausible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
        if name.len() > NAME_MAX_BYTES || !name.chars().all(plausible) {
            return None;
        }
        if NOT_ZONES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return None;
        }
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::utc());
        }
        let rules = db().get(name).or_else(|_unknown| TimeZoneDatabase::bundled().get(name)).ok()?;
        let name = rules.iana_name()?.to_owned();
        Some(Self { name, rules })
    }
}

impl Zone {
    /// Whether the name says one zone to everybody: names of cities do, and UTC and GMT. `CET` or `EST` are
    /// abbreviations first, and other single words old names.
    pub(super) fn is_exact(&self) -> bool {
        self.name.contains('/') || matches!(self.name.as_str(), "UTC" | "GMT")
    }
}

/// The error for a zone whose name is an abbreviation or an old one.
pub(super) fn inexact(name: &str) -> TimeError {
    let error = TimeError::new(format!("{} is an abbreviation or an old name, no exact zone", quoted(name)));
    match nearest_name(name).filter(|_| name.len() > ABBREVIATION_MAX_BYTES) {
        Some(nearest) => error.hint(format!("did you mean the time zone `{nearest}`?")),
        None => error.hint("name a city's zone such as `Europe/Madrid`, or an offset such as `+01:00`"),
    }
}

/// The error for a name that is no zone.
pub(super) fn unknown(name: &str) -> TimeError {
    let error = TimeError::new(format!("there is no time zone {}", quoted(name)));
    match nearest_name(name) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error.hint("write an IANA name such as `Europe/Madrid`, or `UTC`"),
    }
}

/// The name of a zone that `name` was probably meant to be: by the whole name or by its city.
pub(super) fn nearest_name(name: &str) -> Option<String> {
    if !name.starts_with(|c: char| c.is_alphabetic()) || name.len() > NAME_MAX_BYTES {
        return None;
    }
    let wanted = name.to_lowercase().replace(' ', "_");
    let similarity = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or_default();
        let whole = strsim::normalized_damerau_levenshtein(&wanted, &known);
        whole.max(strsim::normalized_damerau_levenshtein(&wanted, city))
    };
    TimeZoneDatabase::bundled()
        .available()
        .map(|known| (similarity(known.as_str()), known.as_str().to_owned()))
        .filter(|(similarity, known)| *similarity >= 0.75 && known.contains('/'))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)))
        .map(|(_, known)| known)
}
