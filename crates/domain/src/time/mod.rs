//! Time expressions: one strict grammar for API, CLI and UI. Pure: the present is an argument.

mod clock_time;
mod cursor;
mod day;
mod describe;
mod duration;
mod error;
mod expression;
mod instant;
mod occurrence;
mod resolve;
mod suffix;
mod zone;

pub use describe::{describe, describe_distance, wall_time, with_offset};

use crate::Timestamp;
use crate::job::named;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

named! {
    /// Which instant a wall time means that occurs twice or not at all because the clocks are changed.
    Disambiguation {
        /// Neither: it is an error that offers the choices.
        Reject = "reject",
        /// The earlier of the two.
        Earlier = "earlier",
        /// The later of the two.
        Later = "later",
    }
}

/// Under which circumstances an expression is read.
#[derive(Debug, Clone, Copy)]
pub struct ParseOptions<'a> {
    /// The present.
    pub now: Timestamp,
    /// The IANA zone of every wall time that names none itself.
    pub timezone: &'a str,
    /// What a wall time in a gap or an overlap means.
    pub disambiguation: Disambiguation,
    /// Whether an instant in the past is accepted.
    pub allow_past: bool,
}

/// What an expression means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedTime {
    /// The instant.
    pub instant: Timestamp,
    /// The zone in which the time was meant: the one in the expression, or that of the options.
    pub timezone: String,
    /// The wall time in that zone, where the expression was a wall time: `2026-12-01T09:00:00`. It is the one
    /// that was asked for, also where that lies in a gap and the instant shows as another. `None` for
    /// instants, `now` and durations.
    pub local: Option<String>,
    /// Whether the expression is `now`.
    pub is_now: bool,
}

/// An expression that is not understood, or that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TimeError {
    /// What is wrong.
    pub message: String,
    /// What is possible instead.
    pub hint: Option<String>,
    /// Where in the expression it begins and ends, in bytes, where one place is to blame.
    pub span: Option<(usize, usize)>,
}

/// Reads an expression. The grammar is described for its users in `docs/time.md`.
///
/// # Errors
/// [`TimeError`], when it is not understood to its last character, is past, or lies in a gap or overlap.
pub fn parse(expression: &str, options: &ParseOptions<'_>) -> Result<ResolvedTime, TimeError> {
    resolve::resolve(expression::parse(expression)?, options)
}

/// Whether there is such an IANA zone. Upper and lower case are the same, as in the zone database.
#[must_use]
pub fn is_timezone(name: &str) -> bool {
    zone::Zone::find(name).is_some()
}
