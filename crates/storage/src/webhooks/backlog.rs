//! How far webhooks are behind: events that they were not told of, and deliveries that are due.

use super::attempt::is_pending;
use super::intake::cursor;
use super::row;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::outbox;
use crate::rows::instant;
use crate::schema::webhook_deliveries as deliveries;
use diesel::prelude::*;
use oneoff_domain::Timestamp;

/// Deliveries that are counted at most.
const COUNTED_MAX: usize = 10_000;

/// How far webhooks are behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WebhookBacklog {
    /// Events that webhooks were not yet told of.
    pub events: u64,
    /// Deliveries to webhooks that are switched on which are due, or were and wait for their turn; counted up to 10,000.
    pub due: u64,
    /// Since when the oldest of them is due.
    pub oldest_due_at: Option<Timestamp>,
}

/// How far they are behind `now`.
pub(crate) fn backlog(conn: &mut AnyConnection, now: Timestamp) -> Result<WebhookBacklog, WriteError> {
    let webhooks = row::all(conn)?;
    let Some(first) = webhooks.iter().map(|webhook| webhook.starts_after).min() else {
        return Ok(WebhookBacklog::default());
    };
    let read_to = cursor(conn)?.max(first);
    let behind = outbox::last_sequence(conn)? - read_to;
    let (mut due, mut oldest) = (0, None);
    for webhook in webhooks.iter().filter(|webhook| webhook.is_active) {
        let times = due_times(conn, webhook.key, now, COUNTED_MAX.saturating_sub(due))?;
        due += times.len();
        oldest = [oldest, times.into_iter().min()].into_iter().flatten().min();
    }
    Ok(WebhookBacklog {
        events: u64::try_from(behind).unwrap_or(0),
        due: u64::try_from(due).unwrap_or(u64::MAX),
        oldest_due_at: oldest.map(instant),
    })
}

fn due_times(conn: &mut AnyConnection, webhook: i64, now: Timestamp, limit: usize) -> QueryResult<Vec<i64>> {
    deliveries::table
        .filter(deliveries::webhook_key.eq(webhook))
        .filter(is_pending())
        .filter(deliveries::next_attempt_at.is_not_null())
        .filter(deliveries::next_attempt_at.le(now.as_micros()))
        .order(deliveries::next_attempt_at)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select(deliveries::next_attempt_at.assume_not_null())
        .load(conn)
}
