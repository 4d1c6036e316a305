//! Rows of `webhook_deliveries`.

use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::{RowError, WriteError};
use crate::rows::{from_json, instant, number, word};
use crate::schema::webhook_deliveries as deliveries;
use diesel::prelude::*;
use oneoff_domain::job::UnknownName;
use oneoff_domain::{DeliveryId, Timestamp};
use std::fmt;
use std::str::FromStr;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryStatus {
    /// To be sent, for the first time or again.
    Pending,
    /// The receiver has it.
    Success,
    /// Given up: a dead letter, until somebody has it made again.
    Failed,
}

impl DeliveryStatus {
    /// The word that stands for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeliveryStatus {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "pending" => Ok(Self::Pending),
            "success" => Ok(Self::Success),
            "failed" => Ok(Self::Failed),
            _ => Err(UnknownName {
                given: text.chars().take(64).collect(),
                allowed: "pending, success, failed".to_owned(),
            }),
        }
    }
}

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// Its outer name, which receivers see.
    pub id: DeliveryId,
    /// For which webhook.
    pub webhook_key: i64,
    /// Of which event.
    pub event_sequence: i64,
    /// The name of the event.
    pub event: String,
    /// Within this, deliveries go one after another.
    pub lane: String,
    /// The project of the event.
    pub project_id: String,
    /// The body, exactly as it is sent.
    pub payload: String,
    /// Why it is not sent: it is a dead letter from the beginning.
    pub dead: Option<String>,
}

/// A delivery as the store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// The store's key.
    pub key: i64,
    /// Its outer name.
    pub id: DeliveryId,
    /// The number of the event.
    pub event_sequence: i64,
    /// The name of the event.
    pub event: String,
    /// The project of the event.
    pub project_id: String,
    /// The body as it is sent.
    pub payload: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts in all, the one under way counted.
    pub attempts: u32,
    /// When the last attempt began.
    pub last_attempt_at: Option<Timestamp>,
    /// When the next one begins; of a pending one that is `None` while it waits for an earlier one of its job.
    pub next_attempt_at: Option<Timestamp>,
    /// When it succeeded or was given up.
    pub completed_at: Option<Timestamp>,
    /// The URL of the last attempt.
    pub request_url: Option<String>,
    /// The headers of the last attempt, in order.
    pub request_headers: Vec<(String, String)>,
    /// The status of the last response.
    pub response_code: Option<u16>,
    /// Its headers, in order.
    pub response_headers: Vec<(String, String)>,
    /// The beginning of its body.
    pub response_body: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// How long the last attempt took.
    pub duration_us: Option<i64>,
    /// When it was made.
    pub created_at: Timestamp,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(AnyBackend))]
struct DeliveryRow {
    key: i64,
    id: String,
    event_sequence: i64,
    event: String,
    project_id: String,
    payload: String,
    status: String,
    is_attempting: bool,
    attempts: i64,
    last_attempt_at: Option<i64>,
    next_attempt_at: Option<i64>,
    completed_at: Option<i64>,
    request_url: Option<String>,
    request_headers: Option<String>,
    response_code: Option<i64>,
    response_headers: Option<String>,
    response_body: Option<String>,
    error: Option<String>,
    duration_us: Option<i64>,
    created_at: i64,
}

impl DeliveryRow {
    fn into_domain(self) -> Result<DeliveryRecord, RowError> {
        let headers = |place, text: Option<String>| match text {
            Some(text) => from_json(place, &text),
            None => Ok(Vec::new()),
        };
        let code = self.response_code.map(|code| number("webhook_deliveries.response_code", code));
        Ok(DeliveryRecord {
            key: self.key,
            id: word("webhook_deliveries.id", &self.id)?,
            event_sequence: self.event_sequence,
            event: self.event,
            project_id: self.project_id,
            payload: self.payload,
            status: word("webhook_deliveries.status", &self.status)?,
            attempts: number("webhook_deliveries.attempts", self.attempts)?,
            last_attempt_at: self.last_attempt_at.map(instant),
            // While an attempt is under way it is the time at which that is given up.
            next_attempt_at: self.next_attempt_at.filter(|_| !self.is_attempting).map(instant),
            completed_at: self.completed_at.map(instant),
            request_url: self.request_url,
            request_headers: headers("webhook_deliveries.request_headers", self.request_headers)?,
            response_code: code.transpose()?,
            response_headers: headers("webhook_deliveries.response_headers", self.response_headers)?,
            response_body: self.response_body,
            error: self.error,
            duration_us: self.duration_us,
            created_at: instant(self.created_at),
        })
    }
}

/// The delivery of this id, if it is one of the webhook.
pub(super) fn by_id(
    conn: &mut AnyConnection,
    webhook_key: i64,
    id: DeliveryId,
) -> Result<Option<DeliveryRecord>, WriteError> {
    let row: Option<DeliveryRow> = deliveries::table
        .filter(deliveries::id.eq(id.to_string()))
        .filter(deliveries::webhook_key.eq(webhook_key))
        .select(DeliveryRow::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(DeliveryRow::into_domain).transpose()?)
}

/// Deliveries by their keys, in the order of the keys given, without those that cannot be read.
pub(crate) fn by_keys(conn: &mut AnyConnection, keys: &[i64]) -> Result<Vec<DeliveryRecord>, WriteError> {
    let rows: Vec<DeliveryRow> =
        deliveries::table.filter(deliveries::key.eq_any(keys)).select(DeliveryRow::as_select()).load(conn)?;
    let mut found = std::collections::HashMap::with_capacity(rows.len());
    for row in rows {
        let key = row.key;
        match row.into_domain() {
            Ok(delivery) => drop(found.insert(key, delivery)),
            Err(error) => {
                tracing::error!(key, %error, "a delivery is left out of a list: its row cannot be read")
            }
        }
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}
