//! Filters, sorting and keyset pages of the lists.

use oneoff_domain::{ExecutionStatus, JobId, JobStatus, Timestamp};

/// Direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// What jobs are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSort {
    /// By scheduled time; jobs without one come last.
    ScheduledAt,
    /// By creation.
    CreatedAt,
    /// By priority, and by scheduled time among those of the same. It has no index: at most
    /// [`oneoff_domain::limits::SORTED_MAX`] jobs can be sorted so.
    Priority,
}

/// What executions are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionSort {
    /// By start.
    StartedAt,
    /// By how long they took; those that have not ended come first. It has no index: at most
    /// [`oneoff_domain::limits::SORTED_MAX`] executions can be sorted so.
    Duration,
}

/// Which jobs are listed; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// One of these; empty is any.
    pub statuses: Vec<JobStatus>,
    /// The type.
    pub job_type: Option<String>,
    /// The project.
    pub project_id: Option<String>,
    /// The client's own name.
    pub external_id: Option<String>,
    /// With any of these tags, by their ids; empty is all jobs.
    pub tag_ids: Vec<String>,
    /// Scheduled at or after.
    pub scheduled_from: Option<Timestamp>,
    /// Scheduled at or before.
    pub scheduled_to: Option<Timestamp>,
    /// The only projects that the caller may see; `None` is all.
    pub allowed_projects: Option<Vec<String>>,
}

/// Which executions are listed; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Of this job.
    pub job_id: Option<JobId>,
    /// One of these; empty is any.
    pub statuses: Vec<ExecutionStatus>,
    /// The project.
    pub project_id: Option<String>,
    /// Of jobs that have any of these tags now, by their ids; empty is all jobs.
    pub tag_ids: Vec<String>,
    /// Started at or after.
    pub started_from: Option<Timestamp>,
    /// Started at or before.
    pub started_to: Option<Timestamp>,
    /// The only projects that the caller may see; `None` is all.
    pub allowed_projects: Option<Vec<String>>,
}

/// Whether somebody may see what belongs to a project, of which they may see only these, or all.
pub(crate) fn may_see(allowed: Option<&Vec<String>>, project: &str) -> bool {
    allowed.is_none_or(|allowed| allowed.iter().any(|name| name == project))
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<S> {
    /// What it is sorted by.
    pub sort: S,
    /// In which direction.
    pub order: SortOrder,
    /// Rows, 1 to [`oneoff_domain::limits::PAGE_MAX`].
    pub limit: u32,
    /// The `next_cursor` of the page before; opaque.
    pub cursor: Option<String>,
    /// Whether `total` is wanted. It is counted up to 10,000.
    pub with_total: bool,
}

/// About how many bytes the rows of a page have together; the last of them goes beyond. Of jobs their configs and their
/// metadata are counted, of chains their links.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
    /// How many rows the filter has, if it was asked for, counted up to 10,000.
    pub total: Option<u64>,
    /// Whether there are more than `total`.
    pub total_is_estimate: bool,
    /// About how large its rows are together, where they may be large; 0 of rows that never are. At [`PAGE_BYTES`] a page
    /// ends. One that is short for another reason looked through many rows that the filter does not let through.
    pub bytes: usize,
}
