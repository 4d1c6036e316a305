//! An instant: microseconds since the Unix epoch, UTC, printed and parsed as RFC 3339.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An instant in UTC with microsecond resolution, between the years -9999 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Text or a number that is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instant as RFC 3339 writes it, such as 2026-12-01T09:00:00Z")]
pub struct InvalidTimestamp(pub String);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// The earliest instant, in the year -9999.
    pub const MIN: Timestamp = Timestamp(-377_705_023_201_000_000);
    /// The latest instant, 9999-12-30T22:00:00.999999Z: that of the time library, which ends where some zone would come
    /// to the year 10000.
    pub const MAX: Timestamp = Timestamp(253_402_207_200_999_999);

    /// The instant so many microseconds after the epoch; `None` outside of [`Self::MIN`]..=[`Self::MAX`].
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&micros).then_some(Self(micros))
    }

    /// The instant so many microseconds after the epoch, moved into the range where it lies outside.
    #[must_use]
    pub fn from_micros_clamped(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// This instant and `duration`, or the latest instant there is.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros_clamped(self.0.saturating_add(micros))
    }

    /// This instant less `duration`, or the earliest instant there is.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros_clamped(self.0.saturating_sub(micros))
    }

    /// Microseconds from `earlier` to this instant; negative if it is later.
    #[must_use]
    pub fn micros_since(self, earlier: Timestamp) -> i64 {
        self.0 - earlier.0
    }

    /// The time from `earlier` to this instant; zero if it is later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.micros_since(earlier)).unwrap_or(0))
    }

    /// The instant for the time library, which has nanoseconds.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        // `jiff::Timestamp::from_microsecond` refuses the last second of its own range.
        let nanos = i32::try_from(self.0.rem_euclid(1_000_000) * 1000).unwrap_or(0);
        jiff::Timestamp::new(self.0.div_euclid(1_000_000), nanos).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// The instant of the time library, cut to microseconds.
    #[must_use]
    pub fn from_jiff(timestamp: jiff::Timestamp) -> Self {
        Self::from_micros_clamped(timestamp.as_microsecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let invalid = || InvalidTimestamp(text.chars().take(64).collect());
        text.parse::<jiff::Timestamp>().map(Self::from_jiff).map_err(|_invalid| invalid())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
