//! What is sent: version 1's `{"event", "timestamp", "data": {"job", "execution"}}`.
//!
//! Job and execution are told as they were at the moment of the event, also where a receiver hears of it hours later.
//! The config of a job is left out: it may hold passwords and tokens, and no list of names can tell all of them. Nor is
//! the result of an execution told, which may quote headers. Whoever may read the job finds both by its id.

use crate::output_text::output_text;
use oneoff_domain::{Event, EventKind, Execution, ExecutionStatus, Job, JobStatus, Timestamp};
use oneoff_storage::webhooks::{EventRecord, OutputEnds};
use serde_json::{Map, Value, json};

/// Characters of the error of an execution.
const ERROR_MAX_CHARS: usize = 4_000;

/// The body for an event. What it says itself stands under `data.details`, which version 1 did not have.
#[must_use]
pub fn payload(record: &EventRecord) -> Value {
    let event = &record.event;
    let mut data = Map::new();
    let told = record.execution.as_ref();
    if let Some(job) = job(event, record.job.as_ref(), told) {
        data.insert("job".to_owned(), job);
    }
    if let Some(execution) = told {
        data.insert("execution".to_owned(), self::execution(event, execution, &record.output));
    }
    if !event.event.data.is_empty() {
        data.insert("details".to_owned(), Value::Object(event.event.data.clone()));
    }
    body(event.event.kind.as_str(), event.at, data)
}

/// The body by which an endpoint is tried out.
#[must_use]
pub fn test_payload(now: Timestamp) -> Value {
    body("test", now, Map::new())
}

fn body(event: &str, at: Timestamp, data: Map<String, Value>) -> Value {
    json!({ "event": event, "timestamp": at, "data": data })
}

/// The status of the job at the moment of the event; `None` where the event does not know. An event of a chain execution
/// says the status of that, and names the job whose start or end it came with.
fn status(event: &Event) -> Option<JobStatus> {
    match event.event.kind {
        EventKind::ChainExecutionStarted => return Some(JobStatus::Running),
        EventKind::ChainExecutionCompleted
        | EventKind::ChainExecutionFailed
        | EventKind::ChainExecutionCancelled => return None,
        _ => {}
    }
    let said = event.event.data.get("status").and_then(Value::as_str).and_then(|text| text.parse().ok());
    said.or(event.event.kind.job_status())
}

fn job(event: &Event, job: Option<&Job>, execution: Option<&Execution>) -> Option<Value> {
    let id = event.event.job_id?;
    let status = status(event);
    let Some(job) = job else {
        // It is gone: what the event knows is all there is.
        let said = |name: &str| event.event.data.get(name).cloned();
        let mut known = Map::new();
        known.insert("id".to_owned(), id.to_string().into());
        for name in ["name", "type", "tags"] {
            known.extend(said(name).map(|value| (name.to_owned(), value)));
        }
        known.insert("project_id".to_owned(), event.event.project_id.as_str().into());
        known.extend(status.map(|status| ("status".to_owned(), json!(status))));
        return Some(Value::Object(known));
    };
    let next_attempt_at = match event.event.kind {
        EventKind::JobRetrying => event.event.data.get("next_attempt_at").cloned().unwrap_or_default(),
        _ => Value::Null,
    };
    let (run, attempt) = match (event.event.kind, execution) {
        // The one that comes next.
        (EventKind::JobRetrying, Some(execution)) => (execution.run, execution.attempt.saturating_add(1)),
        (_, Some(execution)) => (execution.run, execution.attempt),
        (EventKind::JobCreated, None) => (1, 0),
        (_, None) => (job.state.run, job.state.attempt),
    };
    let definition = &job.definition;
    Some(json!({
        "id": id,
        "name": definition.name,
        "type": definition.job_type,
        "scheduled_at": job.state.scheduled_at,
        "priority": definition.priority,
        "project_id": definition.project_id,
        "timezone": definition.timezone,
        "status": status.unwrap_or(job.state.status),
        "created_at": job.created_at,
        "updated_at": event.at,
        "tags": definition.tags,
        "run": run,
        "attempt": attempt,
        "max_retries": definition.retry.max_retries,
        "next_attempt_at": next_attempt_at,
        "external_id": definition.external_id,
        "metadata": definition.metadata,
    }))
}

fn execution(event: &Event, execution: &Execution, output: &OutputEnds) -> Value {
    let mut told = json!({
        "id": execution.id,
        "job_id": execution.job_id,
        "job_name": execution.job_name,
        "started_at": execution.started_at,
        "status": ExecutionStatus::Running,
        "run": execution.run,
        "attempt": execution.attempt,
        "scheduled_for": execution.scheduled_for,
        "lateness_ms": milliseconds(execution.lateness_us),
        "worker": execution.worker,
        "created_at": execution.started_at,
    });
    // When it started, nobody knew how it would end.
    let Some(fields) = told.as_object_mut().filter(|_| event.event.kind != EventKind::JobStarted) else {
        return told;
    };
    fields.insert("status".to_owned(), json!(execution.status));
    let error = execution.error.as_deref().map(|error| cut(error, ERROR_MAX_CHARS));
    let ended = [
        ("completed_at", json!(execution.completed_at)),
        ("reason", json!(execution.reason)),
        ("output", json!(output_text(output, execution.output_bytes))),
        ("output_bytes", json!(execution.output_bytes)),
        ("output_truncated", json!(execution.output_truncated || !output.tail.is_empty())),
        ("exit_code", json!(execution.exit_code)),
        ("error", json!(error)),
        ("duration_ms", json!(execution.duration_us.map(milliseconds))),
    ];
    fields.extend(ended.into_iter().map(|(name, value)| (name.to_owned(), value)));
    told
}

fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// The text, or its beginning with a sign that there is more.
pub(crate) fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
