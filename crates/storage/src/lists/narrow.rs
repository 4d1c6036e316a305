//! What is read of a job to decide whether it is in a page.

use crate::connection::AnyBackend;
use crate::rows::ended::NEVER;
use crate::schema::job_states;
use diesel::prelude::*;
use oneoff_domain::JobStatus;

/// Stands for the status of a job that is not meant, whatever that is.
pub(super) const UNTAGGED: &str = "";

/// What is read of a job to decide whether it is in a page.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = job_states, check_for_backend(AnyBackend))]
pub(crate) struct NarrowRow {
    pub(crate) key: i64,
    pub(super) status: String,
    pub(super) job_type: String,
    pub(super) project_id: String,
    /// What the list by scheduled time is sorted by: of a job that waits, when it starts next.
    pub(super) scheduled_at: Option<i64>,
}

impl NarrowRow {
    /// Of a job that waits: what is known of it without reading more of it.
    pub(super) fn that_waits(key: i64, due_at: i64, job_type: String) -> Self {
        let status = JobStatus::Scheduled.as_str().to_owned();
        Self { key, status, job_type, project_id: String::new(), scheduled_at: Some(due_at) }
    }

    /// Of a job that is over.
    pub(super) fn that_ended(row: (i64, i64, String, String, String)) -> Self {
        let (key, at, status, job_type, project_id) = row;
        Self { key, status, job_type, project_id, scheduled_at: Some(at).filter(|at| *at != NEVER) }
    }

    pub(super) fn gone(key: i64) -> Self {
        let (status, none) = (UNTAGGED.to_owned(), String::new());
        Self { key, status, job_type: none.clone(), project_id: none, scheduled_at: None }
    }

    pub(super) fn that_runs(self) -> Self {
        Self { status: JobStatus::Running.as_str().to_owned(), ..self }
    }
}
