//! Calls about the server itself, and about times.

use crate::transport::Call;
use crate::{Client, ClientError};
use oneoff_api_types::{ParseTime, ParsedTime, SystemStatusView, WorkerStatusView};
use serde_json::Value;

impl Client {
    /// What a time expression means.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn parse_time(&self, request: &ParseTime) -> Result<ParsedTime, ClientError> {
        self.data(&Call::post(&["time", "parse"]).json(request)?).await
    }

    /// The job types of the server, as it describes them.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn job_types(&self) -> Result<Value, ClientError> {
        self.data(&Call::get(&["job-types"])).await
    }

    /// What a config of this job type may be, as JSON Schema.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn job_type_schema(&self, job_type: &str) -> Result<Value, ClientError> {
        self.json(&Call::get(&["job-types", job_type, "schema"])).await
    }

    /// What the workers do.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn worker_status(&self) -> Result<WorkerStatusView, ClientError> {
        self.data(&Call::get(&["workers", "status"])).await
    }

    /// How the server is.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn system_status(&self) -> Result<SystemStatusView, ClientError> {
        self.data(&Call::get(&["system", "status"])).await
    }
}
