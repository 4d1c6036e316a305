//! Overdue jobs at a start: after a restore, or a long time without a server, they are held for a person to
//! confirm, instead of all starting at once. Also what is left to do after a restore.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::job::{self as job_rows, StoredJob};
use crate::schema::{epochs, events, job_holds, restores};
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{JobChange, LostExecution, Store, StoreError, job_write, queue, recover};
use diesel::dsl::max;
use diesel::prelude::*;
use oneoff_domain::{
    Actor, Context, EventKind, ExecutionId, Hold, HoldReason, Job, JobKey, JobState, JobStatus, Timestamp,
};
use serde_json::{Map, json};

/// Which jobs are held at a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverdueHold {
    /// Why.
    pub reason: HoldReason,
    /// Those that were due until then.
    pub due_until: Timestamp,
}

/// What one slice of holding did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldSlice {
    /// Jobs that are held now.
    pub held: usize,
    /// Where the next slice begins; `None` when there is none.
    pub next: Option<(Timestamp, JobKey)>,
}

/// A restore after which no server has settled what is overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsettledRestore {
    /// When it was made.
    pub restored_at: Timestamp,
    /// Of which file.
    pub backup: String,
}

impl Store {
    /// Holds up to `limit` of the jobs that wait and were due until then, in one commit, beginning after `after`.
    /// A job that cannot be read is left out: it cannot start either.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold_overdue(
        &self,
        now: Timestamp,
        hold: OverdueHold,
        after: Option<(Timestamp, JobKey)>,
        limit: usize,
    ) -> Result<HeldSlice, StoreError> {
        let body = move |tx: &mut Tx<'_>| hold_slice(tx, now, hold, after, limit);
        self.inner.writer.write(Lane::Attempts, body).await
    }

    /// The same of jobs that do not wait yet, but whose holds have all ended by themselves until then: they would start
    /// as soon as somebody looks at them.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold_overdue_after_holds(
        &self,
        now: Timestamp,
        hold: OverdueHold,
        after: Option<(Timestamp, JobKey)>,
        limit: usize,
    ) -> Result<HeldSlice, StoreError> {
        let body = move |tx: &mut Tx<'_>| hold_slice_of_held(tx, now, hold, after, limit);
        self.inner.writer.write(Lane::Attempts, body).await
    }

    /// As [`Self::close_lost`]; a job that would start again is held in the same commit.
    ///
    /// # Errors
    /// The database's.
    pub async fn close_lost_and_hold(
        &self,
        now: Timestamp,
        executions: Vec<ExecutionId>,
        reason: HoldReason,
    ) -> Result<Vec<LostExecution>, StoreError> {
        let body = move |tx: &mut Tx<'_>| recover::close(tx, now, &executions, Some(reason));
        self.inner.writer.write(Lane::Attempts, body).await
    }

    /// The latest restore, if what is overdue since was not settled yet.
    ///
    /// # Errors
    /// The database's.
    pub async fn unsettled_restore(&self) -> Result<Option<UnsettledRestore>, StoreError> {
        self.inner.reader.read(unsettled).await
    }

    /// Notes that all is held that is to be held after a restore.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle_restore(&self, now: Timestamp) -> Result<(), StoreError> {
        let body = move |tx: &mut Tx<'_>| {
            diesel::update(restores::table.filter(restores::settled_at.is_null()))
                .set(restores::settled_at.eq(now.as_micros()))
                .execute(tx.conn)?;
            Ok(())
        };
        self.inner.writer.write(Lane::Attempts, body).await
    }

    /// Notes that this process lives.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_alive(&self, now: Timestamp) -> Result<(), StoreError> {
        let body = move |tx: &mut Tx<'_>| {
            diesel::update(epochs::table.find(tx.node.epoch()))
                .set(epochs::last_seen_at.eq(now.as_micros()))
                .execute(tx.conn)?;
            Ok(())
        };
        self.inner.writer.write(Lane::Attempts, body).await
    }

    /// When the processes before this one were last heard of: when the newest event was written, or one of them noted
    /// that it lives.
    ///
    /// # Errors
    /// The database's.
    pub async fn last_heard_of(&self) -> Result<Option<Timestamp>, StoreError> {
        let epoch = self.epoch();
        let query = move |conn: &mut AnyConnection| {
            let newest = events::table.order(events::sequence.desc()).select(events::written_at);
            let written_at: Option<i64> = newest.first(conn).optional()?;
            let earlier = epochs::table.filter(epochs::epoch.lt(epoch));
            let seen_at: Option<i64> = earlier.select(max(epochs::last_seen_at)).get_result(conn)?;
            Ok(written_at.max(seen_at).map(Timestamp::from_micros_clamped))
        };
        self.inner.reader.read(query).await
    }
}

fn hold_slice(
    tx: &mut Tx<'_>,
    now: Timestamp,
    hold: OverdueHold,
    after: Option<(Timestamp, JobKey)>,
    limit: usize,
) -> Result<HeldSlice, WriteError> {
    let waiting = queue::window(tx.conn, after, hold.due_until, limit)?;
    let next = waiting.last().filter(|_| waiting.len() >= limit).map(|last| (last.due_at, last.key));
    let mut held = 0;
    for job in waiting {
        let stored = match job_rows::to_change(tx.conn, job.key) {
            Ok(Some(stored)) if stored.job.state.due_at() == Some(job.due_at) => stored,
            Ok(_) => continue,
            Err(WriteError::Row(error)) => {
                tracing::error!(key = job.key.0, %error, "an overdue job is not held: its row cannot be read");
                continue;
            }
            Err(error) => return Err(error),
        };
        hold_one(tx, now, hold.reason, stored)?;
        held += 1;
    }
    if held > 0 {
        tx.effects.operations.add("overdue");
    }
    Ok(HeldSlice { held, next })
}

fn hold_slice_of_held(
    tx: &mut Tx<'_>,
    now: Timestamp,
    hold: OverdueHold,
    after: Option<(Timestamp, JobKey)>,
    limit: usize,
) -> Result<HeldSlice, WriteError> {
    let (at, key) = after.map_or((i64::MIN, i64::MIN), |(at, key)| (at.as_micros(), key.0));
    let rows: Vec<(Option<i64>, i64)> = job_holds::table
        .filter(job_holds::until.is_not_null())
        .filter(job_holds::until.ge(at))
        .filter(job_holds::until.gt(at).or(job_holds::job_key.gt(key)))
        .filter(job_holds::until.le(hold.due_until.as_micros()))
        .order((job_holds::until, job_holds::job_key))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((job_holds::until, job_holds::job_key))
        .load(tx.conn)?;
    let last = rows.last().filter(|_| rows.len() >= limit);
    let next = last.and_then(|(at, key)| Some((Timestamp::from_micros_clamped((*at)?), JobKey(*key))));
    let mut held = 0;
    for (_, key) in rows {
        let stored = match job_rows::to_change(tx.conn, JobKey(key)) {
            Ok(Some(stored)) if starts_until(&stored.job.state, hold.due_until) => stored,
            Ok(_) => continue,
            Err(WriteError::Row(error)) => {
                tracing::error!(key, %error, "a job whose hold has ended is not held: its row cannot be read");
                continue;
            }
            Err(error) => return Err(error),
        };
        hold_one(tx, now, hold.reason, stored)?;
        held += 1;
    }
    if held > 0 {
        tx.effects.operations.add("overdue");
    }
    Ok(HeldSlice { held, next })
}

/// Whether a held job starts by then, if nobody does anything: its holds have all ended, and its time has come.
fn starts_until(state: &JobState, until: Timestamp) -> bool {
    let ends = |hold: &Hold| hold.until.is_some_and(|at| at <= until);
    state.status == JobStatus::Held
        && state.holds.iter().all(ends)
        && state.next_attempt_at.or(state.scheduled_at).is_some_and(|at| at <= until)
}

/// Holds a job that waits or is held.
pub(crate) fn hold_one(
    tx: &mut Tx<'_>,
    now: Timestamp,
    reason: HoldReason,
    stored: StoredJob,
) -> Result<Job, WriteError> {
    let context = Context::new(Actor::System);
    let hold = Hold { reason, by: context.actor.label(), at: now, until: None };
    let mut event_data = Map::new();
    event_data.insert("reason".to_owned(), json!(reason.as_str()));
    event_data.insert(
        "due_at".to_owned(),
        json!(stored.job.state.next_attempt_at.or(stored.job.state.scheduled_at)),
    );
    let change = JobChange {
        state: stored.job.state.hold(hold).map_err(crate::Refusal::from)?,
        definition: None,
        event: Some(EventKind::JobHeld),
        event_data,
        action: "job.hold",
        delete: false,
    };
    job_write::apply(tx, &context, now, stored, change)
}

fn unsettled(conn: &mut AnyConnection) -> Result<Option<UnsettledRestore>, WriteError> {
    let row: Option<(i64, String)> = restores::table
        .filter(restores::settled_at.is_null())
        .order(restores::key.desc())
        .select((restores::restored_at, restores::backup))
        .first(conn)
        .optional()?;
    Ok(row.map(|(restored_at, backup)| UnsettledRestore {
        restored_at: Timestamp::from_micros_clamped(restored_at),
        backup,
    }))
}
