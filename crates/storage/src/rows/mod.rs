//! Between rows and the domain: how each value is stored, and the error when a stored one makes no sense.

pub(crate) mod attempt;
pub(crate) mod chain;
pub(crate) mod chain_execution;
pub(crate) mod definition;
pub(crate) mod ended;
pub(crate) mod event;
pub(crate) mod first_due;
pub(crate) mod hold;
pub(crate) mod job;
pub(crate) mod pending;
pub(crate) mod running;

use crate::failure::RowError;
use oneoff_domain::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

/// Collects what cannot be read of a row, so that the rest of it can still be shown, ended and removed.
#[derive(Debug, Default)]
pub(crate) struct Faults(Option<RowError>);

impl Faults {
    /// The value, or `otherwise` where it cannot be read.
    pub(crate) fn or<T>(&mut self, read: Result<T, RowError>, otherwise: T) -> T {
        read.unwrap_or_else(|error| {
            self.0.get_or_insert(error);
            otherwise
        })
    }

    /// The first of them.
    pub(crate) fn into_first(self) -> Option<RowError> {
        self.0
    }
}

/// An instant from its microseconds.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros_clamped(micros)
}

/// A state, an id or another value that is stored as its text.
pub(crate) fn word<T>(place: &'static str, text: &str) -> Result<T, RowError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| RowError { place, detail: error.to_string() })
}

/// A number that is narrower in the domain than in the table.
pub(crate) fn number<T>(place: &'static str, value: i64) -> Result<T, RowError>
where
    T: TryFrom<i64>,
{
    T::try_from(value).map_err(|_out_of_range| RowError { place, detail: format!("{value} is out of range") })
}

/// A value that is stored as JSON.
pub(crate) fn from_json<T: DeserializeOwned>(place: &'static str, text: &str) -> Result<T, RowError> {
    serde_json::from_str(text).map_err(|error| RowError { place, detail: error.to_string() })
}

/// A value as JSON.
pub(crate) fn to_json<T: Serialize + ?Sized>(place: &'static str, value: &T) -> Result<String, RowError> {
    serde_json::to_string(value).map_err(|error| RowError { place, detail: error.to_string() })
}
