//! Many jobs on the wire.

use crate::{CreateJob, Problem};
use serde::{Deserialize, Serialize};

/// `POST /api/jobs/bulk`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateJobs<T = CreateJob> {
    /// The jobs, 1 to 10,000.
    pub jobs: Vec<T>,
    /// Whether all of them are stored or none (the default), or each on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atomic: Option<bool>,
}

/// What became of many jobs. `J` is what is answered of one that was created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobsCreated<J = CreatedJob> {
    /// How many were created.
    pub created: usize,
    /// How many were not.
    pub failed: usize,
    /// Each, in the order of the request.
    pub results: Vec<BulkResult<J>>,
}

/// What became of one of many jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BulkResult<J = CreatedJob> {
    /// Its place in the request, from 0.
    pub index: usize,
    /// The status that a request for it alone would have had.
    pub status: u16,
    /// The job, if it was created.
    #[serde(default = "none::<J>", skip_serializing_if = "Option::is_none")]
    pub data: Option<J>,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<Problem>>,
}

fn none<J>() -> Option<J> {
    None
}

/// A job of many that was created: its id, and unless only ids were asked for or the job is gone, what a client
/// needs to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreatedJob {
    /// UUID.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it is to start, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<String>,
    /// The client's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}
