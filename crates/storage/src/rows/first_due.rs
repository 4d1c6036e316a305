//! When the first of the jobs that wait is due.

use super::instant;
use super::pending::{DuePart, due, hour_of, next_hour};
use crate::connection::AnyConnection;
use crate::schema::{arrivals, pending_jobs};
use crate::statement::Target;
use diesel::dsl::min;
use diesel::prelude::*;
use oneoff_domain::Timestamp;
use std::collections::BTreeSet;

/// Hours in which jobs are due that are looked through for one of none of some projects.
const LOOK_HOURS: usize = 2_000;
/// Jobs that are looked through for it, and those that are read together.
const LOOK_JOBS: usize = 20_000;
const LOOK_ROWS: usize = 2_000;

/// When the first job that waits is due.
pub(crate) fn first_due(conn: &mut AnyConnection) -> QueryResult<Option<Timestamp>> {
    let arrived: Option<i64> = arrivals::table.select(min(arrivals::due_at)).get_result(conn)?;
    let first_hour = if conn.is_clustered() { next_hour(conn, i64::MIN, false)? } else { None };
    let clustered: Option<i64> = match first_hour {
        Some(hour) => pending_jobs::table
            .filter(pending_jobs::due_hour.eq(hour))
            .select(min(pending_jobs::due_at))
            .get_result(conn)?,
        None => None,
    };
    Ok(arrived.into_iter().chain(clustered).min().map(instant))
}

/// When the first job that waits and is of none of these projects is due. Behind very many of theirs none is found, and of
/// very many jobs of one hour it is the first of those that were looked at.
pub(crate) fn first_due_outside(
    conn: &mut AnyConnection,
    projects: &BTreeSet<String>,
) -> QueryResult<Option<Timestamp>> {
    if !conn.is_clustered() {
        return first_outside_in_order(conn, projects);
    }
    let arrived: Option<i64> = arrivals::table
        .filter(arrivals::project_id.ne_all(projects))
        .select(min(arrivals::due_at))
        .get_result(conn)?;
    let (mut from, mut jobs_left) = (i64::MIN, LOOK_JOBS);
    for _ in 0..LOOK_HOURS {
        let next = next_hour(conn, from, false)?;
        let Some(hour) = next.filter(|hour| arrived.is_none_or(|at| *hour <= hour_of(at))) else {
            return Ok(arrived.map(instant));
        };
        let clustered = first_outside_of_hour(conn, hour, projects, &mut jobs_left)?;
        if clustered.is_some() {
            return Ok(arrived.into_iter().chain(clustered).min().map(instant));
        }
        if jobs_left == 0 {
            break;
        }
        from = hour + 1;
    }
    Ok(None)
}

/// The same of what is clustered in an hour, in whose cluster the jobs lie in the order of their keys.
fn first_outside_of_hour(
    conn: &mut AnyConnection,
    hour: i64,
    projects: &BTreeSet<String>,
    jobs_left: &mut usize,
) -> QueryResult<Option<i64>> {
    let (mut first, mut after) = (None, i64::MIN);
    while *jobs_left > 0 {
        let limit = LOOK_ROWS.min(*jobs_left);
        let rows: Vec<(i64, i64, String)> = pending_jobs::table
            .filter(pending_jobs::due_hour.eq(hour))
            .filter(pending_jobs::job_key.gt(after))
            .order(pending_jobs::job_key)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select((pending_jobs::job_key, pending_jobs::due_at, pending_jobs::project_id))
            .load(conn)?;
        *jobs_left -= rows.len();
        let outside = rows.iter().filter(|(_, _, project)| !projects.contains(project));
        first = first.into_iter().chain(outside.map(|(_, due_at, _)| *due_at)).min();
        let Some((last, ..)) = rows.last().filter(|_| rows.len() == limit) else { break };
        after = *last;
    }
    Ok(first)
}

/// The same where all that waits is in the order of its time.
fn first_outside_in_order(
    conn: &mut AnyConnection,
    projects: &BTreeSet<String>,
) -> QueryResult<Option<Timestamp>> {
    let mut part = DuePart { first: i64::MIN, last: i64::MAX, after: None, descending: false };
    for _ in 0..LOOK_JOBS / LOOK_ROWS {
        let rows = due(conn, &part, LOOK_ROWS)?;
        if let Some(found) = rows.iter().find(|job| !projects.contains(&job.project_id)) {
            return Ok(Some(found.due_at));
        }
        let Some(last) = rows.last().filter(|_| rows.len() == LOOK_ROWS) else { return Ok(None) };
        part.after = Some((last.due_at.as_micros(), last.key.0));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::startup;
    use diesel::connection::SimpleConnection;

    const HOUR_US: i64 = 3_600_000_000;

    /// Jobs of a project that are clustered in an hour, the first of which is due last.
    fn wait(conn: &mut AnyConnection, keys: std::ops::Range<usize>, hour: i64, project: &str) {
        let (first, end, last_us) = (keys.start, keys.end, (hour + 1) * HOUR_US - 1);
        let insert = format!(
            "WITH RECURSIVE n (key) AS (SELECT {first} UNION ALL SELECT key + 1 FROM n WHERE key + 1 < {end})
             INSERT INTO pending_jobs (due_hour, job_key, due_at, priority, job_type, project_id)
             SELECT {hour}, key, {last_us} - (key - {first}), 1, 't', '{project}' FROM n"
        );
        conn.batch_execute(&insert).unwrap();
    }

    #[test]
    fn no_more_is_looked_at_than_so_much_however_few_the_hours_are() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = startup::open_locked(&directory.path().join("x.db")).unwrap();
        startup::migrate(&mut database).unwrap();
        let conn = &mut database.conn;
        let first = |conn: &mut AnyConnection| {
            let found = first_due_outside(conn, &BTreeSet::from(["paused".to_owned()])).unwrap();
            found.map(Timestamp::as_micros)
        };
        assert_eq!(first(conn), None);
        wait(conn, 0..LOOK_JOBS - 10, 5, "paused");
        wait(conn, LOOK_JOBS..LOOK_JOBS + 2, 6, "other");
        assert_eq!(first(conn), Some(7 * HOUR_US - 2));
        wait(conn, 30_000..30_020, 5, "paused");
        assert_eq!(first(conn), None, "behind too many of an hour");
        wait(conn, 40_000..40_000 + LOOK_ROWS + 5, 4, "other");
        let earliest = 5 * HOUR_US - i64::try_from(LOOK_ROWS + 5).unwrap();
        assert_eq!(first(conn), Some(earliest), "the last of them that is read");
    }
}
