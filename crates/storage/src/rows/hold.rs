//! Rows of `job_holds`: the reasons of held jobs.

use super::{instant, word};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::RowError;
use crate::schema::job_holds;
use diesel::prelude::*;
use oneoff_domain::{Hold, JobKey};

/// A hold and its job.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_holds, check_for_backend(AnyBackend))]
pub(crate) struct HoldRow {
    /// The job.
    pub(crate) job_key: i64,
    reason: String,
    held_by: String,
    held_at: i64,
    until: Option<i64>,
}

impl HoldRow {
    pub(crate) fn into_domain(self) -> Result<Hold, RowError> {
        Ok(Hold {
            reason: word("job_holds.reason", &self.reason)?,
            by: self.held_by,
            at: instant(self.held_at),
            until: self.until.map(instant),
        })
    }
}

/// The holds of these jobs, oldest first within a job.
pub(crate) fn of_jobs(conn: &mut AnyConnection, jobs: &[i64]) -> QueryResult<Vec<HoldRow>> {
    job_holds::table
        .filter(job_holds::job_key.eq_any(jobs))
        .order((job_holds::job_key, job_holds::key))
        .select(HoldRow::as_select())
        .load(conn)
}

/// Makes `holds` the job's holds.
pub(crate) fn replace(conn: &mut AnyConnection, job: JobKey, holds: &[Hold]) -> QueryResult<()> {
    diesel::delete(job_holds::table.filter(job_holds::job_key.eq(job.0))).execute(conn)?;
    for hold in holds {
        diesel::insert_into(job_holds::table)
            .values((
                job_holds::job_key.eq(job.0),
                job_holds::reason.eq(hold.reason.as_str()),
                job_holds::held_by.eq(&hold.by),
                job_holds::held_at.eq(hold.at.as_micros()),
                job_holds::until.eq(hold.until.map(|until| until.as_micros())),
            ))
            .execute(conn)?;
    }
    Ok(())
}
