//! Locks on jobs. Several nodes write at once, so a job is locked before it is read to be changed. What holds its
//! present state is its lock: its row in `arrivals` while it waits, in `running_jobs` while it runs, and in
//! `job_states` otherwise. All of them are taken in this order, and of several jobs in the order of their keys, so that
//! nodes do not wait for each other in a circle.

use crate::connection::AnyConnection;
use crate::failure::RowError;
use crate::rows::job::{self as job_rows, StoredJob};
use crate::schema::{arrivals, attempts, epochs, job_states, running_jobs};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use oneoff_domain::{ExecutionId, JobKey, JobStatus};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How often a job may begin or end its run while its locks are taken.
const TRIES_MAX: usize = 8;

/// A job changed its state whenever its lock was taken.
#[derive(Debug, thiserror::Error)]
#[error("the job changes all the time")]
struct Restless;

/// Which of a job's rows are locked.
struct Locked {
    waits: bool,
    runs: bool,
}

fn lock(conn: &mut PgConnection, job: JobKey) -> QueryResult<Locked> {
    let waits = arrivals::table.find(job.0).select(arrivals::job_key).for_update();
    let waits = waits.get_result::<i64>(conn).optional()?.is_some();
    let runs = running_jobs::table.find(job.0).select(running_jobs::job_key).for_update();
    let runs = runs.get_result::<i64>(conn).optional()?.is_some();
    let state = job_states::table.find(job.0).select(job_states::key).for_update();
    state.get_result::<i64>(conn).optional()?;
    Ok(Locked { waits, runs })
}

/// Locks a job and reads it, on a server. A file has one writer and needs no locks.
pub(crate) fn locked<T, E: From<diesel::result::Error>>(
    conn: &mut AnyConnection,
    job: JobKey,
    read: impl Fn(&mut AnyConnection) -> Result<T, E>,
    status: impl Fn(&T) -> Option<JobStatus>,
) -> Result<T, E> {
    for _ in 0..TRIES_MAX {
        let locked = match conn {
            AnyConnection::Sqlite(_) => return read(conn),
            AnyConnection::Postgres(server) => lock(server, job)?,
        };
        let found = read(conn)?;
        let is_held = match status(&found) {
            Some(JobStatus::Scheduled) => locked.waits,
            Some(JobStatus::Running) => locked.runs,
            _ => true,
        };
        if is_held {
            return Ok(found);
        }
    }
    Err(diesel::result::Error::QueryBuilderError(Restless.into()).into())
}

/// Locks the jobs of these keys that wait and that nobody else has locked, and reads them. The others are left out:
/// another node claims or changes them.
pub(crate) fn waiting(
    conn: &mut AnyConnection,
    keys: &[i64],
) -> QueryResult<HashMap<JobKey, Result<StoredJob, RowError>>> {
    let AnyConnection::Postgres(server) = conn else { return Ok(HashMap::new()) };
    let free: Vec<i64> = arrivals::table
        .filter(arrivals::job_key.eq_any(keys))
        .order(arrivals::job_key)
        .select(arrivals::job_key)
        .for_update()
        .skip_locked()
        .load(server)?;
    let read = job_rows::stored_by_keys(conn, &free)?;
    Ok(read.into_iter().map(|(key, stored)| (JobKey(key), stored)).collect())
}

/// What of a job can change while it runs.
#[derive(Debug, Queryable)]
pub(crate) struct RunningLock {
    pub(crate) job_key: i64,
    pub(crate) execution_key: i64,
    pub(crate) cancel_requested: bool,
    pub(crate) version: i64,
}

/// Locks the jobs of these keys that run and that nobody else has locked.
pub(crate) fn running(conn: &mut AnyConnection, keys: &[i64]) -> QueryResult<Vec<RunningLock>> {
    let AnyConnection::Postgres(server) = conn else { return Ok(Vec::new()) };
    running_jobs::table
        .filter(running_jobs::job_key.eq_any(keys))
        .order(running_jobs::job_key)
        .select((
            running_jobs::job_key,
            running_jobs::execution_key,
            running_jobs::cancel_requested,
            running_jobs::version,
        ))
        .for_update()
        .skip_locked()
        .load(server)
}

/// Locks the executions among these that run, with their jobs, unless somebody else has any of that locked: those are
/// left out. `None` of a file, where nobody has.
pub(crate) fn lost(
    conn: &mut AnyConnection,
    executions: &[ExecutionId],
) -> QueryResult<Option<HashSet<String>>> {
    let AnyConnection::Postgres(server) = conn else { return Ok(None) };
    let ids: Vec<String> = executions.iter().map(ExecutionId::to_string).collect();
    let free: Vec<String> = attempts::table
        .inner_join(running_jobs::table.on(running_jobs::execution_key.eq(attempts::key)))
        .inner_join(job_states::table.on(job_states::key.eq(attempts::job_key)))
        .filter(attempts::id.eq_any(ids))
        .select(attempts::id)
        .for_update()
        .skip_locked()
        .load(server)?;
    Ok(Some(free.into_iter().collect()))
}

/// Keeps others from giving an epoch up, and from changing projects, tags and settings, before the transaction ends. The
/// version of those that has to be known, if the epoch still holds. Where this waited for somebody, it is theirs.
pub(crate) fn epoch(conn: &mut AnyConnection, epoch: i64) -> QueryResult<Option<i64>> {
    let AnyConnection::Postgres(server) = conn else { return Ok(Some(i64::MIN)) };
    let held = epochs::table.find(epoch).filter(epochs::ended_at.is_null()).select(epochs::catalog_version);
    held.for_share().get_result::<i64>(server).optional()
}

/// Waits until another node that does something under the same idempotency key has done it: it is to be found then, and not
/// to be in the way.
pub(crate) fn idempotency_key(conn: &mut AnyConnection, hash: i64) -> QueryResult<()> {
    let AnyConnection::Postgres(server) = conn else { return Ok(()) };
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(hash).execute(server)?;
    Ok(())
}

/// How many jobs of each limited type may still be started, those that run on other nodes counted. Nobody else starts
/// one of them before the transaction ends.
pub(crate) fn type_rooms(
    conn: &mut AnyConnection,
    limits: &BTreeMap<String, usize>,
) -> QueryResult<HashMap<String, usize>> {
    let AnyConnection::Postgres(server) = conn else { return Ok(HashMap::new()) };
    for job_type in limits.keys() {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('oneoff type ' || $1, 0))")
            .bind::<Text, _>(job_type)
            .execute(server)?;
    }
    let types: Vec<&String> = limits.keys().collect();
    let running: Vec<(String, i64)> = running_jobs::table
        .inner_join(job_states::table.on(job_states::key.eq(running_jobs::job_key)))
        .filter(job_states::job_type.eq_any(types))
        .group_by(job_states::job_type)
        .select((job_states::job_type, diesel::dsl::count_star()))
        .load(server)?;
    let running: HashMap<String, i64> = running.into_iter().collect();
    let room = |(job_type, limit): (&String, &usize)| {
        let used = running.get(job_type).and_then(|used| usize::try_from(*used).ok()).unwrap_or(0);
        (job_type.clone(), limit.saturating_sub(used))
    };
    Ok(limits.iter().map(room).collect())
}

/// Keeps others from changing API keys before the transaction ends. `Access` in ASCII.
pub(crate) fn access(conn: &mut AnyConnection) -> QueryResult<()> {
    let AnyConnection::Postgres(server) = conn else { return Ok(()) };
    diesel::sql_query("SELECT pg_advisory_xact_lock(71895125160819)").execute(server)?;
    Ok(())
}
