//! From the outbox to deliveries: what is read of it with the records that events are about, and the one transaction that
//! makes deliveries and moves the cursor.

use super::delivery::{DeliveryStatus, NewDelivery};
use super::row::{self, Webhook};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::definition;
use crate::rows::{attempt, job as job_rows};
use crate::schema::{events, webhook_cursor, webhook_deliveries as deliveries, webhooks};
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{OutputSlice, Store, StoreError, outbox, output, statement};
use diesel::dsl::min;
use diesel::prelude::*;
use oneoff_domain::{Event, Execution, ExecutionStatus, Job, NewEvent, Timestamp};

/// The row of the cursor.
const CURSOR: i64 = 1;

/// The first and the last part of an execution's output.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutputEnds {
    /// Its beginning.
    pub head: Vec<OutputSlice>,
    /// Its end, where the beginning is not all.
    pub tail: Vec<OutputSlice>,
}

/// An event with what it is about, as far as that is still there.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// The event.
    pub event: Event,
    /// Its job as it is now, but with the definition that it had when the event was written.
    pub job: Option<Job>,
    /// Its execution as it is now.
    pub execution: Option<Execution>,
    /// The ends of the output of an execution that is over.
    pub output: OutputEnds,
}

/// What there is to be made deliveries of.
#[derive(Debug, Clone, PartialEq)]
pub struct Intake {
    /// All webhooks. Without any, nothing else is read.
    pub webhooks: Vec<Webhook>,
    /// The cursor as it is stored, which the move of it must still find.
    pub cursor: i64,
    /// Where it goes when all of this is done.
    pub next: i64,
    /// The newest event there is.
    pub newest: i64,
    /// Events that were removed before they were read: from this one to that one.
    pub lost: Option<(i64, i64)>,
    /// The events that some webhook may want, oldest first.
    pub records: Vec<EventRecord>,
    /// Whether there are more.
    pub more: bool,
}

/// Whether some webhook may want an event.
pub(super) type Wanted = Box<dyn Fn(&[Webhook], &Event) -> bool + Send>;

pub(super) fn cursor(conn: &mut AnyConnection) -> QueryResult<i64> {
    let row = webhook_cursor::table.find(CURSOR).select(webhook_cursor::sequence);
    Ok(row.get_result(conn).optional()?.unwrap_or(0))
}

fn read(
    conn: &mut AnyConnection,
    limit: usize,
    output_bytes: usize,
    wanted: &Wanted,
) -> Result<Intake, WriteError> {
    let webhooks = row::all(conn)?;
    let cursor = cursor(conn)?;
    let newest = outbox::last_sequence(conn)?;
    let mut intake =
        Intake { webhooks, cursor, next: cursor, newest, lost: None, records: Vec::new(), more: false };
    // What came before all of them is for none.
    let Some(first) = intake.webhooks.iter().map(|webhook| webhook.starts_after).min() else {
        return Ok(intake);
    };
    let mut from = cursor.max(first);
    if from > newest {
        // An older backup was restored: numbers are used again.
        from = newest;
    }
    let found = match outbox::after(conn, from, limit)? {
        Some(found) => found,
        None => {
            let oldest: Option<i64> = events::table.select(min(events::sequence)).get_result(conn)?;
            let oldest = oldest.unwrap_or(newest + 1);
            intake.lost = Some((from + 1, oldest - 1));
            from = oldest - 1;
            outbox::after(conn, from, limit)?.unwrap_or_default()
        }
    };
    intake.more = found.len() >= limit;
    intake.next = found.last().map_or(from, |event| event.sequence);
    for event in found {
        if wanted(&intake.webhooks, &event) {
            intake.records.push(complete(conn, event, output_bytes)?);
        }
    }
    Ok(intake)
}

/// The event with its job and its execution.
fn complete(conn: &mut AnyConnection, event: Event, output_bytes: usize) -> Result<EventRecord, WriteError> {
    let job = match event.event.job_id {
        Some(id) => legible(job_rows::by_id(conn, id))?,
        None => None,
    };
    let job = match job {
        Some(stored) => {
            let then = definition::at(conn, stored.definition_key, event.at)?;
            let mut job = stored.job;
            if let Some(then) = then {
                job.definition = then;
            }
            Some(job)
        }
        None => None,
    };
    let execution = match event.event.execution_id {
        Some(id) => legible(attempt::by_id(conn, id))?,
        None => None,
    };
    let ended = execution.as_ref().filter(|execution| execution.status != ExecutionStatus::Running);
    let output = match ended {
        Some(execution) if output_bytes > 0 => ends_of_output(conn, execution, output_bytes)?,
        _ => OutputEnds::default(),
    };
    Ok(EventRecord { event, job, execution, output })
}

/// A record that cannot be read is none: the event is told without it.
fn legible<T>(found: Result<Option<T>, WriteError>) -> Result<Option<T>, WriteError> {
    match found {
        Err(WriteError::Row(error)) => {
            tracing::error!(%error, "webhooks are told of an event without its record, which cannot be read");
            Ok(None)
        }
        other => other,
    }
}

fn ends_of_output(
    conn: &mut AnyConnection,
    execution: &Execution,
    max_bytes: usize,
) -> Result<OutputEnds, WriteError> {
    let whole = i64::try_from(max_bytes).is_ok_and(|max| execution.output_bytes <= max);
    let mut slices = |offset: i64, bytes: usize| -> Result<Vec<OutputSlice>, WriteError> {
        Ok(output::read(conn, execution.id, offset, bytes)?.map(|page| page.slices).unwrap_or_default())
    };
    if execution.output_bytes == 0 {
        return Ok(OutputEnds::default());
    }
    if whole {
        return Ok(OutputEnds { head: slices(0, max_bytes)?, tail: Vec::new() });
    }
    let half = max_bytes / 2;
    let tail_at = execution.output_bytes - i64::try_from(half).unwrap_or(0);
    Ok(OutputEnds { head: slices(0, half)?, tail: slices(tail_at, half)? })
}

statement::statement!(
    BeginCursor,
    "INSERT INTO webhook_cursor (key, sequence) VALUES (?, 0) ON CONFLICT DO NOTHING"
);

/// Moves the cursor, if it is still where it was found.
fn move_cursor(conn: &mut AnyConnection, from: i64, to: i64) -> QueryResult<bool> {
    statement::run::<BeginCursor>(conn, &[CURSOR.into()])?;
    let as_found = webhook_cursor::table.find(CURSOR).filter(webhook_cursor::sequence.eq(from));
    Ok(diesel::update(as_found).set(webhook_cursor::sequence.eq(to)).execute(conn)? == 1)
}

fn insert(conn: &mut AnyConnection, now: Timestamp, new: &[NewDelivery]) -> QueryResult<()> {
    let now = now.as_micros();
    // One may have been deleted since it was read.
    let there: Vec<i64> = webhooks::table.select(webhooks::key).load(conn)?;
    for delivery in new.iter().filter(|delivery| there.contains(&delivery.webhook_key)) {
        let is_dead = delivery.dead.is_some();
        let status = if is_dead { DeliveryStatus::Failed } else { DeliveryStatus::Pending };
        let row = (
            deliveries::id.eq(delivery.id.to_string()),
            deliveries::webhook_key.eq(delivery.webhook_key),
            deliveries::event_sequence.eq(delivery.event_sequence),
            deliveries::event.eq(delivery.event.as_str()),
            deliveries::lane.eq(delivery.lane.as_str()),
            deliveries::project_id.eq(delivery.project_id.as_str()),
            deliveries::payload.eq(delivery.payload.as_str()),
            deliveries::status.eq(status.as_str()),
            deliveries::is_attempting.eq(false),
            deliveries::attempts.eq(0_i64),
            deliveries::tries.eq(0_i64),
            deliveries::next_attempt_at.eq((!is_dead).then_some(now)),
            deliveries::completed_at.eq(is_dead.then_some(now)),
            deliveries::error.eq(delivery.dead.as_deref()),
            deliveries::created_at.eq(now),
        );
        diesel::insert_into(deliveries::table).values(row).execute(conn)?;
    }
    Ok(())
}

impl Store {
    /// Events after the cursor with what they are about, at most `limit` of them, for those that `wanted` lets through.
    /// Reads nothing but the webhooks where there are none.
    ///
    /// # Errors
    /// The database's.
    pub async fn webhook_intake(
        &self,
        limit: usize,
        output_bytes: usize,
        wanted: impl Fn(&[Webhook], &Event) -> bool + Send + 'static,
    ) -> Result<Intake, StoreError> {
        let wanted: Wanted = Box::new(wanted);
        self.inner.reader.read(move |conn| read(conn, limit, output_bytes, &wanted)).await
    }

    /// Makes deliveries and moves the cursor, in one commit, and writes the event that goes with it, if there is one.
    /// Answers whether it did: not if the cursor is not where it was found, as somebody else has moved it.
    ///
    /// # Errors
    /// The database's.
    pub async fn make_deliveries(
        &self,
        now: Timestamp,
        cursor: i64,
        next: i64,
        new: Vec<NewDelivery>,
        event: Option<NewEvent>,
    ) -> Result<bool, StoreError> {
        let size = new.len();
        let body = move |tx: &mut Tx<'_>| {
            if !move_cursor(tx.conn, cursor, next)? {
                return Ok(false);
            }
            insert(tx.conn, now, &new)?;
            if let Some(event) = &event {
                tx.record(now, event)?;
            }
            tx.effects.operations.add("webhook_intake");
            Ok(true)
        };
        self.inner.writer.write_many(Lane::Output, size, body).await
    }
}
