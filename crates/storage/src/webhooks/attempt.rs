//! Attempts: a delivery that is due is claimed before it is sent, and what came of it is recorded with what follows. The
//! next one of its lane may go when it succeeded or was given up.
//!
//! One node attempts deliveries at a time, and only it lets one wait behind another and go again: what others make due
//! (new deliveries, redeliveries) is due by its time, and found to be blocked when it is looked at.

use super::attempted::{
    AttemptEnd, Claimed, ClaimedAttempt, Claims, DueDelivery, EndedAttempt, PausePolicy, Recorded,
};
use super::delivery::DeliveryStatus;
use super::row::{self, PauseReason, Webhook};
use super::{told, write};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::WriteError;
use crate::rows::{instant, number, to_json, word};
use crate::schema::{webhook_deliveries as deliveries, webhooks};
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Store, StoreError};
use diesel::dsl::{min, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::{Actor, Context, EventKind, Timestamp};
use serde_json::json;

/// Deliveries of a webhook that are looked at in one claim. More of them may be blocked.
const LOOKED_AT: i64 = 200;

/// Rows that are to be sent. Written out, the condition is that of the partial indices.
pub(super) fn is_pending() -> diesel::expression::SqlLiteral<Bool> {
    sql::<Bool>("webhook_deliveries.status = 'pending'")
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(AnyBackend))]
struct DueRow {
    key: i64,
    id: String,
    lane: String,
    event: String,
    attempts: i64,
    tries: i64,
    first_attempt_at: Option<i64>,
}

/// When something of the webhook is due that is not under way.
fn next_due(conn: &mut AnyConnection, webhook_key: i64, under_way: &[i64]) -> QueryResult<Option<Timestamp>> {
    let next: Option<Option<i64>> = deliveries::table
        .filter(deliveries::webhook_key.eq(webhook_key))
        .filter(is_pending())
        .filter(deliveries::next_attempt_at.is_not_null())
        .filter(deliveries::key.ne_all(under_way))
        .order(deliveries::next_attempt_at)
        .limit(1)
        .select(deliveries::next_attempt_at)
        .get_result(conn)
        .optional()?;
    Ok(next.flatten().map(instant))
}

/// Whether an earlier delivery of the lane is not done.
fn is_blocked(conn: &mut AnyConnection, webhook_key: i64, row: &DueRow) -> QueryResult<bool> {
    let first: Option<i64> = first_of_lane(conn, webhook_key, &row.lane)?;
    Ok(first.is_some_and(|first| first < row.key))
}

fn first_of_lane(conn: &mut AnyConnection, webhook_key: i64, lane: &str) -> QueryResult<Option<i64>> {
    deliveries::table
        .filter(deliveries::webhook_key.eq(webhook_key))
        .filter(deliveries::lane.eq(lane))
        .filter(is_pending())
        .select(min(deliveries::key))
        .get_result(conn)
}

fn claim_of(
    conn: &mut AnyConnection,
    now: Timestamp,
    (until, under_way): (Timestamp, &[i64]),
    webhook: &Webhook,
    room: usize,
    due: &mut Vec<DueDelivery>,
) -> Result<(), WriteError> {
    let rows: Vec<DueRow> = deliveries::table
        .filter(deliveries::webhook_key.eq(webhook.key))
        .filter(is_pending())
        .filter(deliveries::next_attempt_at.is_not_null())
        .filter(deliveries::next_attempt_at.le(now.as_micros()))
        .filter(deliveries::key.ne_all(under_way))
        .order((deliveries::next_attempt_at, deliveries::key))
        .limit(LOOKED_AT)
        .select(DueRow::as_select())
        .load(conn)?;
    let mut taken = 0;
    for row in rows {
        if taken == room {
            return Ok(());
        }
        let this = deliveries::table.find(row.key);
        if is_blocked(conn, webhook.key, &row)? {
            diesel::update(this).set(deliveries::next_attempt_at.eq(None::<i64>)).execute(conn)?;
            continue;
        }
        let first_attempt_at = row.first_attempt_at.unwrap_or(now.as_micros());
        let payload = diesel::update(this)
            .set((
                deliveries::is_attempting.eq(true),
                deliveries::attempts.eq(row.attempts + 1),
                deliveries::tries.eq(row.tries + 1),
                deliveries::first_attempt_at.eq(first_attempt_at),
                deliveries::last_attempt_at.eq(now.as_micros()),
                deliveries::next_attempt_at.eq(until.as_micros()),
            ))
            .returning(deliveries::payload)
            .get_result(conn)?;
        taken += 1;
        due.push(DueDelivery {
            key: row.key,
            id: word("webhook_deliveries.id", &row.id)?,
            webhook: webhook.clone(),
            event: row.event,
            payload,
            attempts: row.attempts + 1,
            tries: number("webhook_deliveries.tries", row.tries)?,
            first_attempt_at: instant(first_attempt_at),
        });
    }
    Ok(())
}

/// Gives up what was to be sent to a webhook that is switched off, a part at a time; answers whether there may be more.
fn give_up(tx: &mut Tx<'_>, now: Timestamp, webhook: &Webhook) -> QueryResult<bool> {
    let why = match webhook.paused_reason {
        Some(PauseReason::Gone) => "the webhook was switched off: its receiver is gone (410)",
        Some(PauseReason::Failing) => "the webhook was switched off: nothing could be delivered for too long",
        None => "the webhook was switched off",
    };
    let keys: Vec<i64> = deliveries::table
        .filter(deliveries::webhook_key.eq(webhook.key))
        .filter(is_pending())
        .filter(deliveries::is_attempting.eq(false))
        .order((deliveries::lane, deliveries::key))
        .limit(LOOKED_AT)
        .select(deliveries::key)
        .load(tx.conn)?;
    diesel::update(deliveries::table.filter(deliveries::key.eq_any(&keys)))
        .set((
            deliveries::status.eq(DeliveryStatus::Failed.as_str()),
            deliveries::next_attempt_at.eq(None::<i64>),
            deliveries::completed_at.eq(now.as_micros()),
            deliveries::error.eq(why),
        ))
        .execute(tx.conn)?;
    if !keys.is_empty() {
        tx.effects.operations.add("webhook_dead");
    }
    Ok(i64::try_from(keys.len()).is_ok_and(|count| count >= LOOKED_AT))
}

/// Lets everything be looked at that waits behind something else: of a webhook that was switched off some may have been
/// given up, and nothing that was behind it would hear of that.
pub(super) fn wake_parked(conn: &mut AnyConnection, now: Timestamp, webhook_key: i64) -> QueryResult<()> {
    let parked = deliveries::table
        .filter(deliveries::webhook_key.eq(webhook_key))
        .filter(is_pending())
        .filter(deliveries::next_attempt_at.is_null());
    diesel::update(parked).set(deliveries::next_attempt_at.eq(now.as_micros())).execute(conn).map(drop)
}

fn claim(tx: &mut Tx<'_>, now: Timestamp, claims: &Claims) -> Result<Claimed, WriteError> {
    let mut claimed = Claimed::default();
    let under_way: Vec<i64> = claims.under_way.iter().map(|attempt| attempt.key).collect();
    for (key, room) in &claims.rooms {
        let Some(webhook) = row::by_key(tx.conn, *key)? else {
            claimed.next.push((*key, None));
            continue;
        };
        let has_more_to_give_up = match webhook.is_active {
            true => {
                claim_of(tx.conn, now, (claims.until, &under_way), &webhook, *room, &mut claimed.due)?;
                false
            }
            false => give_up(tx, now, &webhook)?,
        };
        let next = if has_more_to_give_up { Some(now) } else { next_due(tx.conn, *key, &under_way)? };
        claimed.next.push((*key, next));
    }
    if !claimed.due.is_empty() {
        tx.effects.operations.add("webhook_claim");
    }
    Ok(claimed)
}

/// Lets the next delivery of the lane go, where it waits for one that is done.
fn let_next_go(
    conn: &mut AnyConnection,
    now: Timestamp,
    webhook_key: i64,
    delivery_key: i64,
) -> QueryResult<()> {
    let lane: String = deliveries::table.find(delivery_key).select(deliveries::lane).get_result(conn)?;
    let Some(next) = first_of_lane(conn, webhook_key, &lane)? else { return Ok(()) };
    let waits = deliveries::table.find(next).filter(deliveries::next_attempt_at.is_null());
    diesel::update(waits).set(deliveries::next_attempt_at.eq(now.as_micros())).execute(conn)?;
    Ok(())
}

fn end(
    tx: &mut Tx<'_>,
    now: Timestamp,
    ended: &EndedAttempt,
    pause: PausePolicy,
) -> Result<Recorded, WriteError> {
    let (status, next) = match ended.end {
        AttemptEnd::Delivered => (DeliveryStatus::Success, None),
        AttemptEnd::RetryAt(at) => (DeliveryStatus::Pending, Some(at.as_micros())),
        AttemptEnd::GivenUp | AttemptEnd::Gone => (DeliveryStatus::Failed, None),
    };
    let is_over = status != DeliveryStatus::Pending;
    let headers = |place, headers: Option<&Vec<(String, String)>>| {
        headers.map(|headers| to_json(place, headers)).transpose()
    };
    let (request, response) = (ended.request.as_ref(), ended.response.as_ref());
    let sent = headers("webhook_deliveries.request_headers", request.map(|request| &request.headers))?;
    let got = headers("webhook_deliveries.response_headers", response.map(|response| &response.headers))?;
    // The webhook first, as whoever changes it or has its deliveries made again: what they write is not written over, and
    // nobody waits in a circle.
    row::lock_by_key(tx.conn, ended.webhook_key)?;
    let this = deliveries::table
        .find(ended.claimed.key)
        .filter(deliveries::attempts.eq(ended.claimed.attempts))
        .filter(deliveries::is_attempting.eq(true));
    let recorded = diesel::update(this)
        .set((
            deliveries::status.eq(status.as_str()),
            deliveries::is_attempting.eq(false),
            deliveries::next_attempt_at.eq(next),
            deliveries::completed_at.eq(is_over.then_some(now.as_micros())),
            deliveries::request_url.eq(request.map(|request| request.url.as_str())),
            deliveries::request_headers.eq(sent),
            deliveries::response_code.eq(response.map(|response| i64::from(response.code))),
            deliveries::response_headers.eq(got),
            deliveries::response_body.eq(response.map(|response| response.body.as_str())),
            deliveries::error.eq(ended.error.as_deref()),
            deliveries::duration_us.eq(ended.duration_us),
        ))
        .execute(tx.conn)?;
    if recorded == 0 {
        return Ok(Recorded::No);
    }
    tx.effects.operations.add(if status == DeliveryStatus::Failed { "webhook_dead" } else { "webhook_end" });
    if is_over {
        let_next_go(tx.conn, now, ended.webhook_key, ended.claimed.key)?;
    }
    Ok(note_health(tx, now, ended, pause)?.map_or(Recorded::Yes, Recorded::AndPaused))
}

/// Notes whether the receiver takes anything, and switches the webhook off where it has not for too long.
fn note_health(
    tx: &mut Tx<'_>,
    now: Timestamp,
    ended: &EndedAttempt,
    pause: PausePolicy,
) -> Result<Option<PauseReason>, WriteError> {
    let this = webhooks::table.find(ended.webhook_key);
    if ended.end == AttemptEnd::Delivered {
        let failing = this.filter(webhooks::failing_since.is_not_null());
        diesel::update(failing).set(webhooks::failing_since.eq(None::<i64>)).execute(tx.conn)?;
        return Ok(None);
    }
    let well = this.filter(webhooks::failing_since.is_null());
    diesel::update(well).set(webhooks::failing_since.eq(now.as_micros())).execute(tx.conn)?;
    let Some(before) = row::by_key(tx.conn, ended.webhook_key)?.filter(|webhook| webhook.is_active) else {
        return Ok(None);
    };
    let has_failed_for_long = before.failing_since.is_some_and(|since| since < pause.failing_before);
    let reason = match ended.end {
        AttemptEnd::Gone => PauseReason::Gone,
        _ if has_failed_for_long => PauseReason::Failing,
        _ => return Ok(None),
    };
    let after =
        Webhook { is_active: false, paused_reason: Some(reason), paused_at: Some(now), ..before.clone() };
    write::update(tx, now, &after)?;
    told::tell(tx, now, EventKind::WebhookPaused, &after, json!({ "reason": reason.as_str() }))?;
    let context = Context::new(Actor::System);
    told::audit(tx, &context, now, "webhook.pause", Some(&before), Some(&after))?;
    tx.effects.operations.add("webhook_pause");
    Ok(Some(reason))
}

fn recover(conn: &mut AnyConnection, now: Timestamp, under_way: &[ClaimedAttempt]) -> QueryResult<usize> {
    let attempting: Vec<(i64, i64)> = deliveries::table
        .filter(sql::<Bool>("webhook_deliveries.is_attempting"))
        .select((deliveries::key, deliveries::attempts))
        .load(conn)?;
    let attempting = attempting.into_iter().map(|(key, attempts)| ClaimedAttempt { key, attempts });
    let left: Vec<i64> =
        attempting.filter(|attempt| !under_way.contains(attempt)).map(|attempt| attempt.key).collect();
    // On a server an attempt of the node before may end since they were read: what follows from that stands.
    let still_left =
        deliveries::table.filter(deliveries::key.eq_any(&left)).filter(deliveries::is_attempting.eq(true));
    diesel::update(still_left)
        .set((deliveries::is_attempting.eq(false), deliveries::next_attempt_at.eq(now.as_micros())))
        .execute(conn)
}

impl Store {
    /// Claims deliveries that are due, so that they can be sent: of a webhook that is switched off none, and what it has
    /// is given up, a part at a time.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim_deliveries(&self, now: Timestamp, claims: Claims) -> Result<Claimed, StoreError> {
        let body = move |tx: &mut Tx<'_>| claim(tx, now, &claims);
        self.inner.writer.write(Lane::Output, body).await
    }

    /// Records the end of an attempt and what follows, unless the attempt is not under way any more: somebody else has
    /// made its delivery due again, or has begun it anew.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_delivery_attempt(
        &self,
        now: Timestamp,
        ended: EndedAttempt,
        pause: PausePolicy,
    ) -> Result<Recorded, StoreError> {
        let body = move |tx: &mut Tx<'_>| end(tx, now, &ended, pause);
        self.inner.writer.write(Lane::Output, body).await
    }

    /// Makes deliveries due again whose attempts nobody ends: those of a process that is gone, and what was claimed of which
    /// nobody was told. Not those that are under way.
    ///
    /// # Errors
    /// The database's.
    pub async fn recover_deliveries(
        &self,
        now: Timestamp,
        under_way: Vec<ClaimedAttempt>,
    ) -> Result<usize, StoreError> {
        let body = move |tx: &mut Tx<'_>| {
            let found = recover(tx.conn, now, &under_way)?;
            if found > 0 {
                tx.effects.operations.add("webhook_recover");
            }
            Ok(found)
        };
        self.inner.writer.write(Lane::Output, body).await
    }
}
