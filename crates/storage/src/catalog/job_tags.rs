//! Which jobs have a tag: rows beside the definitions, by which jobs are found.

use super::Catalog;
use crate::connection::AnyConnection;
use crate::schema::{job_tags, tags};
use crate::statement::{self, Target};
use diesel::prelude::*;
use oneoff_domain::JobKey;
use std::collections::HashSet;

statement::statement!(Insert, "INSERT INTO job_tags (tag_key, job_key) VALUES (?, ?) ON CONFLICT DO NOTHING");
statement::statement!(Delete, "DELETE FROM job_tags WHERE tag_key = ? AND job_key = ?");

/// The job has these tags.
pub(crate) fn insert(
    on: &mut impl Target,
    catalog: &Catalog,
    job: JobKey,
    ids: &[String],
) -> QueryResult<()> {
    for tag in ids.iter().filter_map(|id| catalog.tags.get(id)) {
        statement::run::<Insert>(on, &[tag.key.into(), job.0.into()])?;
    }
    Ok(())
}

/// The job has none of these tags any more. Of tags that are gone there may be rows that nobody finds.
pub(crate) fn delete(
    on: &mut impl Target,
    catalog: &Catalog,
    job: JobKey,
    ids: &[String],
) -> QueryResult<()> {
    for tag in ids.iter().filter_map(|id| catalog.tags.get(id)) {
        statement::run::<Delete>(on, &[tag.key.into(), job.0.into()])?;
    }
    Ok(())
}

/// The keys of some tags; those that are not there have none.
pub(crate) fn keys_of(conn: &mut AnyConnection, ids: &[String]) -> QueryResult<Vec<i64>> {
    tags::table.filter(tags::id.eq_any(ids)).select(tags::key).load(conn)
}

/// The jobs with any of these tags after a key, in either order, at most `limit` of them, each once.
pub(crate) fn jobs(
    conn: &mut AnyConnection,
    tag_keys: &[i64],
    after: Option<i64>,
    ascending: bool,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let mut found: Vec<i64> = Vec::new();
    for tag in tag_keys {
        let rows = job_tags::table.filter(job_tags::tag_key.eq(tag)).select(job_tags::job_key);
        let part: Vec<i64> = match ascending {
            true => rows
                .filter(job_tags::job_key.gt(after.unwrap_or(i64::MIN)))
                .order(job_tags::job_key.asc())
                .limit(limit)
                .load(conn)?,
            false => rows
                .filter(job_tags::job_key.lt(after.unwrap_or(i64::MAX)))
                .order(job_tags::job_key.desc())
                .limit(limit)
                .load(conn)?,
        };
        found.extend(part);
    }
    found.sort_unstable();
    found.dedup();
    if !ascending {
        found.reverse();
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Those of these jobs that have any of these tags.
pub(crate) fn among(conn: &mut AnyConnection, tag_keys: &[i64], jobs: &[i64]) -> QueryResult<HashSet<i64>> {
    let mut found = HashSet::new();
    for jobs in jobs.chunks(JOBS_AT_A_TIME) {
        let part: Vec<i64> = job_tags::table
            .filter(job_tags::tag_key.eq_any(tag_keys))
            .filter(job_tags::job_key.eq_any(jobs))
            .select(job_tags::job_key)
            .load(conn)?;
        found.extend(part);
    }
    Ok(found)
}

/// Jobs that are asked for in one statement.
const JOBS_AT_A_TIME: usize = 1_000;
/// Rows of a tag that is gone which are removed at a time.
const FORGOTTEN: i64 = 1_000;

/// Removes some rows of a tag that is gone; answers whether there may be more.
pub(super) fn forget(conn: &mut AnyConnection, tag_key: i64) -> QueryResult<bool> {
    let of_tag = job_tags::table.filter(job_tags::tag_key.eq(tag_key));
    let jobs: Vec<i64> =
        of_tag.select(job_tags::job_key).order(job_tags::job_key).limit(FORGOTTEN).load(conn)?;
    let Some(last) = jobs.last() else { return Ok(false) };
    diesel::delete(of_tag.filter(job_tags::job_key.le(last))).execute(conn)?;
    Ok(i64::try_from(jobs.len()).is_ok_and(|jobs| jobs == FORGOTTEN))
}
