//! Creating many jobs with one call.

use crate::transport::Call;
use crate::{Client, ClientError, idempotency};
use oneoff_api_types::{CreateJobs, JobView, JobsCreated};
use serde::Serialize;
use std::time::Duration;

/// What a call with many jobs may take longer than others.
const EXTRA_TIME: Duration = Duration::from_secs(60);

impl Client {
    /// Creates many jobs, durably when this returns: all of them or none, or, with `atomic: Some(false)`, each on
    /// its own. A new idempotency key is made for it.
    ///
    /// # Errors
    /// Any [`ClientError`]. What is wrong with a job that stands on its own is in its result instead.
    pub async fn create_jobs<T: Serialize>(&self, jobs: &CreateJobs<T>) -> Result<JobsCreated, ClientError> {
        self.create_jobs_with_key(jobs, &idempotency::new_key()?).await
    }

    /// As [`Self::create_jobs`], under an idempotency key: the same key never makes a job twice, so that the call
    /// is sent again when its connection is lost.
    ///
    /// # Errors
    /// As [`Self::create_jobs`].
    pub async fn create_jobs_with_key<T: Serialize>(
        &self,
        jobs: &CreateJobs<T>,
        key: &str,
    ) -> Result<JobsCreated, ClientError> {
        let call = Call { extra_time: EXTRA_TIME, ..Call::post(&["jobs", "bulk"]).json(jobs)? };
        self.data_once(call, key).await
    }

    /// The jobs that such a call would make. Nothing is stored.
    ///
    /// # Errors
    /// As [`Self::create_jobs`].
    pub async fn preview_jobs<T: Serialize>(
        &self,
        jobs: &CreateJobs<T>,
    ) -> Result<JobsCreated<JobView>, ClientError> {
        let query = vec![("dry_run", "true".to_owned()), ("return", "full".to_owned())];
        let call = Call::post(&["jobs", "bulk"]).query(query).json(jobs)?;
        self.data(&Call { extra_time: EXTRA_TIME, ..call }).await
    }
}
