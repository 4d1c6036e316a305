//! Time expressions on the wire.

use serde::{Deserialize, Serialize};

/// `POST /api/time/parse`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ParseTime {
    /// The expression.
    pub expression: String,
    /// The IANA zone of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// `reject`, `earlier` or `later`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disambiguation: Option<String>,
    /// Whether a past time is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_past: Option<bool>,
}

/// What an expression means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParsedTime {
    /// The instant, UTC.
    pub instant: String,
    /// The zone in which it was meant.
    pub timezone: String,
    /// The wall time in that zone.
    pub local: String,
    /// For people: `Tue 24 Nov 2026 09:00 CET (Europe/Madrid)`.
    pub description: String,
    /// From now until then in milliseconds.
    pub in_ms: i64,
}
