//! The jobs of one hold reason, to be released together: a slice in one commit.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::job::{self as job_rows, StoredJob};
use crate::schema::{job_holds, job_states};
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{JobChange, Store, StoreError, job_write};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::{Context, EventKind, HoldReason, JobKey, Timestamp};
use serde_json::{Map, json};

/// Which slice is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFor {
    /// Jobs that are held for this reason,
    pub reason: HoldReason,
    /// of this project, of whose held jobs alone the slice then is; of all if there is none,
    pub project: Option<String>,
    /// beginning after this place,
    pub after: i64,
    /// at most so many.
    pub limit: u32,
}

impl HeldFor {
    fn is_full(&self, found: usize) -> bool {
        u32::try_from(found).is_ok_and(|found| found >= self.limit)
    }
}

/// What one slice of releasing did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReleasedSlice {
    /// Jobs that were released.
    pub released: usize,
    /// Jobs whose hold stays: they have no time at which to start, or cannot be read.
    pub skipped: usize,
    /// The place after which the next slice begins; `None` when there is none.
    pub next: Option<i64>,
}

impl Store {
    /// Releases the jobs of a slice in one commit. Their other holds stay. Jobs that the actor may not touch are
    /// left out.
    ///
    /// # Errors
    /// The database's.
    pub async fn release_held(
        &self,
        context: Context,
        now: Timestamp,
        held: HeldFor,
    ) -> Result<ReleasedSlice, StoreError> {
        // What is to be released is looked for beside the writer: of that there may be little among very much else.
        let reason = held.reason;
        let slice = self.inner.reader.read(move |conn| Ok(jobs(conn, &held)?)).await?;
        if slice.0.is_empty() {
            return Ok(ReleasedSlice { next: slice.1, ..ReleasedSlice::default() });
        }
        let body = move |tx: &mut Tx<'_>| {
            let (slice, releases) = decide(tx.conn, &context, reason, slice, job_rows::to_change)?;
            for (stored, change) in releases {
                job_write::apply(tx, &context, now, stored, change)?;
            }
            if slice.released > 0 {
                tx.effects.operations.add("release_held");
            }
            Ok(slice)
        };
        self.inner.writer.write(Lane::Api, body).await
    }

    /// What [`Self::release_held`] would do, without doing it.
    ///
    /// # Errors
    /// The database's.
    pub async fn preview_release_held(
        &self,
        context: Context,
        held: HeldFor,
    ) -> Result<ReleasedSlice, StoreError> {
        let query = move |conn: &mut AnyConnection| {
            let slice = jobs(conn, &held)?;
            Ok(decide(conn, &context, held.reason, slice, job_rows::by_key)?.0)
        };
        self.inner.reader.read(query).await
    }
}

type Release = (StoredJob, JobChange);

fn decide(
    conn: &mut AnyConnection,
    context: &Context,
    reason: HoldReason,
    (mut jobs, next): Slice,
    read: fn(&mut AnyConnection, JobKey) -> Result<Option<StoredJob>, WriteError>,
) -> Result<(ReleasedSlice, Vec<Release>), WriteError> {
    // Whoever locks several jobs does so in this order.
    jobs.sort_unstable();
    let mut releases = Vec::with_capacity(jobs.len());
    let mut skipped = 0;
    for job_key in jobs {
        let stored = match read(conn, JobKey(job_key)) {
            Ok(Some(stored)) => stored,
            Ok(None) | Err(WriteError::Row(_)) => {
                skipped += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        if !job_write::is_allowed(context, &stored.job.definition.project_id) {
            continue;
        }
        // It may have been released since it was found.
        if stored.job.state.holds.iter().all(|hold| hold.reason != reason) {
            continue;
        }
        match change(&stored, reason) {
            Some(change) => releases.push((stored, change)),
            None => skipped += 1,
        }
    }
    Ok((ReleasedSlice { released: releases.len(), skipped, next }, releases))
}

/// The jobs of a slice, and the place of the last one where there may be more.
type Slice = (Vec<i64>, Option<i64>);

fn jobs(conn: &mut AnyConnection, held: &HeldFor) -> QueryResult<Slice> {
    match &held.project {
        Some(project) => of_project(conn, held, project),
        None => of_all(conn, held),
    }
}

fn of_all(conn: &mut AnyConnection, held: &HeldFor) -> QueryResult<Slice> {
    let rows: Vec<(i64, i64)> = job_holds::table
        .filter(job_holds::reason.eq(held.reason.as_str()))
        .filter(job_holds::key.gt(held.after))
        .order(job_holds::key)
        .limit(held.limit.into())
        .select((job_holds::key, job_holds::job_key))
        .load(conn)?;
    let next = rows.last().filter(|_| held.is_full(rows.len())).map(|(key, _)| *key);
    Ok((rows.into_iter().map(|(_, job)| job).collect(), next))
}

/// Held jobs of the project that are looked at for those of the reason.
const LOOK_JOBS: i64 = 20_000;

/// By the held jobs of the project, whatever it is that holds them: of others there may be any number.
pub(crate) fn of_project(conn: &mut AnyConnection, held: &HeldFor, project: &str) -> QueryResult<Slice> {
    // Written out, the condition is that of the partial index.
    let is_held = || sql::<Bool>("job_states.status = 'held'");
    let last: Option<i64> = job_states::table
        .filter(job_states::project_id.eq(project))
        .filter(is_held())
        .filter(job_states::key.gt(held.after))
        .order(job_states::key)
        .offset(LOOK_JOBS - 1)
        .limit(1)
        .select(job_states::key)
        .get_result(conn)
        .optional()?;
    let jobs: Vec<i64> = job_states::table
        .inner_join(job_holds::table.on(job_holds::job_key.eq(job_states::key)))
        .filter(job_states::project_id.eq(project))
        .filter(is_held())
        .filter(job_states::key.gt(held.after))
        .filter(job_states::key.le(last.unwrap_or(i64::MAX)))
        .filter(job_holds::reason.eq(held.reason.as_str()))
        .order(job_states::key)
        .limit(held.limit.into())
        .select(job_states::key)
        .load(conn)?;
    let next = jobs.last().copied().filter(|_| held.is_full(jobs.len())).or(last);
    Ok((jobs, next))
}

fn change(stored: &StoredJob, reason: HoldReason) -> Option<JobChange> {
    let mut event_data = Map::new();
    event_data.insert("reason".to_owned(), json!(reason.as_str()));
    Some(JobChange {
        state: stored.job.state.release(reason).ok()?,
        definition: None,
        event: Some(EventKind::JobReleased),
        event_data,
        action: "job.release",
        delete: false,
    })
}
