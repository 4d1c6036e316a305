//! The jobs of a page, as many as are not too large together: a page ends early rather than take much memory.

use crate::PAGE_BYTES;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::job as job_rows;
use oneoff_domain::Job;
use serde_json::{Map, Value};

/// Jobs that are read before it is known how large they are.
const FIRST_ROWS: usize = 50;

/// Rows that were loaded by their keys.
pub(crate) struct Loaded<T> {
    /// Those that can be read.
    pub(crate) rows: Vec<T>,
    /// Of how many of the keys, from the first one on, they are.
    pub(crate) taken: usize,
    /// About how large they are.
    pub(crate) bytes: usize,
}

impl<T> Loaded<T> {
    /// Rows that are never large, of all of the keys.
    pub(crate) fn small(rows: Vec<T>, keys: &[i64]) -> Self {
        Self { rows, taken: keys.len(), bytes: 0 }
    }
}

/// The first of these jobs. Those that cannot be read are left out.
pub(crate) fn jobs(conn: &mut AnyConnection, keys: &[i64]) -> Result<Loaded<Job>, WriteError> {
    let mut jobs = Vec::with_capacity(keys.len());
    let (mut taken, mut bytes, mut rows) = (0, 0, FIRST_ROWS);
    while let Some(chunk) = keys.get(taken..keys.len().min(taken + rows)).filter(|chunk| !chunk.is_empty()) {
        let mut found = job_rows::by_keys(conn, chunk)?.into_iter().peekable();
        for key in chunk {
            if bytes >= PAGE_BYTES {
                return Ok(Loaded { rows: jobs, taken, bytes });
            }
            taken += 1;
            if let Some((_, job)) = found.next_if(|(found, _)| found == key) {
                bytes += bytes_of(&job);
                jobs.push(job);
            }
        }
        // As many as there is room for, if they are like those that were read.
        rows = (PAGE_BYTES.saturating_sub(bytes) / (bytes / taken).max(1)).max(1);
    }
    Ok(Loaded { rows: jobs, taken, bytes })
}

/// About how large the parts of a job are that may be large.
pub(crate) fn bytes_of(job: &Job) -> usize {
    bytes_of_object(&job.definition.config) + bytes_of_object(&job.definition.metadata)
}

fn bytes_of_object(object: &Map<String, Value>) -> usize {
    object.iter().map(|(name, value)| name.len() + bytes_of_value(value)).sum()
}

/// Room that a value takes in memory beside its text, and the punctuation around it.
const VALUE_BYTES: usize = 32;

fn bytes_of_value(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(bytes_of_value).sum(),
            Value::Object(object) => bytes_of_object(object),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}
