//! Calls about executions and their output.

use crate::jobs::present;
use crate::transport::Call;
use crate::{Client, ClientError, Pages};
use oneoff_api_types::{ExecutionView, List, OutputView};
use std::time::Duration;

/// Which executions are listed, and in which order. What is not set does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionQuery {
    /// Of this job.
    pub job_id: Option<String>,
    /// One of these statuses.
    pub statuses: Vec<String>,
    /// The project.
    pub project_id: Option<String>,
    /// `asc` or `desc` by start.
    pub sort_order: Option<String>,
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl ExecutionQuery {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let statuses = (!self.statuses.is_empty()).then(|| self.statuses.join(","));
        present([
            ("job_id", self.job_id.clone()),
            ("status", statuses),
            ("project_id", self.project_id.clone()),
            ("sort_order", self.sort_order.clone()),
            ("limit", self.limit.map(|rows| rows.to_string())),
            ("cursor", self.cursor.clone()),
        ])
    }
}

/// Which part of an output is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputRequest {
    /// The first byte.
    pub offset: i64,
    /// The most bytes; the server has a limit of its own.
    pub limit_bytes: Option<u32>,
    /// How long to wait for more (whole seconds, at most 60) where there is none yet.
    pub wait: Option<Duration>,
}

impl Client {
    /// A page of executions.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn executions(&self, query: &ExecutionQuery) -> Result<List<ExecutionView>, ClientError> {
        self.json(&Call::get(&["executions"]).query(query.pairs())).await
    }

    /// All executions of a query, page by page.
    #[must_use]
    pub fn all_executions(&self, query: ExecutionQuery) -> Pages<ExecutionQuery> {
        Pages::new(self.clone(), query)
    }

    /// An execution.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn execution(&self, id: &str) -> Result<ExecutionView, ClientError> {
        self.data(&Call::get(&["executions", id])).await
    }

    /// A part of an execution's output.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn output(&self, id: &str, request: OutputRequest) -> Result<OutputView, ClientError> {
        let query = present([
            ("offset", Some(request.offset.to_string())),
            ("limit_bytes", request.limit_bytes.map(|bytes| bytes.to_string())),
        ]);
        self.data(&Call::get(&["executions", id, "output"]).query(query).wait(request.wait)).await
    }
}
