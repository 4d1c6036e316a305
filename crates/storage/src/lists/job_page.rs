//! A page of the list of jobs, in any of its orders.

use super::job_sets::{NARROW_BY, priorities, with_status};
use super::jobs::JobListing;
use super::{COUNT_MAX, Wanted, full_rows, sorted};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::{JobFilter, JobSort, Page, PageRequest};
use oneoff_domain::{Job, JobStatus};

/// A page of jobs.
pub(crate) fn list(
    conn: &mut AnyConnection,
    filter: JobFilter,
    request: &PageRequest<JobSort>,
) -> Result<Page<Job>, WriteError> {
    let only_statuses = JobFilter { statuses: filter.statuses.clone(), ..JobFilter::default() } == filter;
    let known_total = match only_statuses && request.with_total {
        true => Some(total(conn, &filter.statuses)?),
        false => None,
    };
    let wanted = Wanted {
        sort: match request.sort {
            JobSort::CreatedAt => 'c',
            JobSort::ScheduledAt => 's',
            JobSort::Priority => 'p',
        },
        cursor: request.cursor.as_deref(),
        limit: request.limit,
        with_total: request.with_total,
    };
    let listing = JobListing::new(conn, filter, request.sort, request.order)?;
    if request.sort == JobSort::Priority {
        let rows = sorted::all(conn, &listing, "priority", NARROW_BY)?;
        let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
        let rows = priorities(conn, &keys)?;
        return sorted::page(conn, rows, request.order, &wanted, full_rows::jobs);
    }
    super::page(conn, &listing, &wanted, known_total, full_rows::jobs)
}

/// What the counters say, up to the number to which totals are exact.
fn total(conn: &mut AnyConnection, statuses: &[JobStatus]) -> Result<(u64, bool), WriteError> {
    let mut distinct = if statuses.is_empty() { JobStatus::ALL.to_vec() } else { statuses.to_vec() };
    distinct.sort_unstable();
    distinct.dedup();
    let jobs = with_status(conn, &distinct)?;
    Ok((jobs.min(COUNT_MAX), jobs > COUNT_MAX))
}
