//! Calls about jobs.

use crate::transport::Call;
use crate::{Client, ClientError, Pages, idempotency};
use oneoff_api_types::{
    CloneJob, CreateJob, HoldJob, JobView, List, ReleaseJob, ReleaseJobs, ReleasedJobs, UpdateJob,
};
use reqwest::Method;
use serde_json::{Map, Value};
use std::time::Duration;

/// Which jobs are listed, and in which order. What is not set does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobQuery {
    /// One of these statuses.
    pub statuses: Vec<String>,
    /// The type.
    pub job_type: Option<String>,
    /// The project.
    pub project_id: Option<String>,
    /// The client's own name.
    pub external_id: Option<String>,
    /// Every word of it occurs in the name, the external id or the tags, or the id begins with it.
    pub search: Option<String>,
    /// `scheduled_at` or `created_at`.
    pub sort_by: Option<String>,
    /// `asc` or `desc`.
    pub sort_order: Option<String>,
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl JobQuery {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let statuses = (!self.statuses.is_empty()).then(|| self.statuses.join(","));
        present([
            ("status", statuses),
            ("type", self.job_type.clone()),
            ("project_id", self.project_id.clone()),
            ("external_id", self.external_id.clone()),
            ("search", self.search.clone()),
            ("sort_by", self.sort_by.clone()),
            ("sort_order", self.sort_order.clone()),
            ("limit", self.limit.map(|rows| rows.to_string())),
            ("cursor", self.cursor.clone()),
        ])
    }
}

/// The parameters that have a value.
pub(crate) fn present<const N: usize>(
    pairs: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

impl Client {
    /// Creates a job, durably when this returns. A new idempotency key is made for it.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_job(&self, job: &CreateJob) -> Result<JobView, ClientError> {
        self.create_job_with_key(job, &idempotency::new_key()?).await
    }

    /// Creates a job under an idempotency key: the same key never makes a second job, so that the call is
    /// sent again when its connection is lost.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_job_with_key(&self, job: &CreateJob, key: &str) -> Result<JobView, ClientError> {
        self.data_once(Call::post(&["jobs"]).json(job)?, key).await
    }

    /// The job that such a create would make. Nothing is stored.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn preview_job(&self, job: &CreateJob) -> Result<JobView, ClientError> {
        let call = Call::post(&["jobs"]).query(vec![("dry_run", "true".to_owned())]).json(job)?;
        self.data(&call).await
    }

    /// A page of jobs.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn jobs(&self, query: &JobQuery) -> Result<List<JobView>, ClientError> {
        self.json(&Call::get(&["jobs"]).query(query.pairs())).await
    }

    /// All jobs of a query, page by page.
    #[must_use]
    pub fn all_jobs(&self, query: JobQuery) -> Pages<JobQuery> {
        Pages::new(self.clone(), query)
    }

    /// A job.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn job(&self, id: &str) -> Result<JobView, ClientError> {
        self.data(&Call::get(&["jobs", id])).await
    }

    /// A job, as soon as it is over or `wait` (whole seconds, at most 60) has passed.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn job_after(&self, id: &str, wait: Duration) -> Result<JobView, ClientError> {
        self.data(&Call::get(&["jobs", id]).wait(Some(wait))).await
    }

    /// Edits a job, if it still has the version `if_version` where one is given.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn update_job(
        &self,
        id: &str,
        patch: &UpdateJob,
        if_version: Option<i64>,
    ) -> Result<JobView, ClientError> {
        let call = Call::new(Method::PATCH, &["jobs", id]).json(patch)?;
        self.data(&with_version(call, if_version)).await
    }

    /// Deletes a job and what is known of it, if it still has the version `if_version` where one is given.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn delete_job(&self, id: &str, if_version: Option<i64>) -> Result<(), ClientError> {
        self.empty(&with_version(Call::new(Method::DELETE, &["jobs", id]), if_version)).await
    }

    /// Starts a job now, or again, and once however often the call is sent again for a lost connection.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn execute_job(&self, id: &str) -> Result<JobView, ClientError> {
        let call = Call::post(&["jobs", id, "execute"]).json(&Map::<String, Value>::new())?;
        self.data_once(call, &idempotency::new_key()?).await
    }

    /// Cancels a job that waits or runs. One whose attempt takes longer to end comes back as `running`, with
    /// `cancel_requested`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn cancel_job(&self, id: &str) -> Result<JobView, ClientError> {
        self.data(&Call::post(&["jobs", id, "cancel"]).json(&Map::<String, Value>::new())?).await
    }

    /// Makes a copy of a job for another time.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn clone_job(&self, id: &str, clone: &CloneJob) -> Result<JobView, ClientError> {
        let call = Call::post(&["jobs", id, "clone"]).json(clone)?;
        self.data_once(call, &idempotency::new_key()?).await
    }

    /// Holds a job back.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn hold_job(&self, id: &str, hold: &HoldJob) -> Result<JobView, ClientError> {
        self.data(&Call::post(&["jobs", id, "hold"]).json(hold)?).await
    }

    /// Releases jobs that are held for a reason, up to 10,000 of them; with `dry_run`, says what it would do.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn release_jobs(
        &self,
        release: &ReleaseJobs,
        dry_run: bool,
    ) -> Result<ReleasedJobs, ClientError> {
        let call = Call::post(&["jobs", "release"]).json(release)?;
        let call = if dry_run { call.query(vec![("dry_run", "true".to_owned())]) } else { call };
        self.data(&call).await
    }

    /// Releases a hold.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn release_job(&self, id: &str, release: &ReleaseJob) -> Result<JobView, ClientError> {
        self.data(&Call::post(&["jobs", id, "release"]).json(release)?).await
    }
}

pub(crate) fn with_version(call: Call, version: Option<i64>) -> Call {
    match version {
        Some(version) => call.header("If-Match", format!("\"{version}\"")),
        None => call,
    }
}
