//! What people see of jobs, executions and the rest.

use crate::output::{Look, Record, Row};
use crate::request::quoted;
use oneoff_api_types::{
    CreatedJob, ExecutionView, JobView, NodeView, ParsedTime, SystemStatusView, WorkerStatusView,
};
use oneoff_domain::time::describe_distance;
use serde::Serialize;

/// Characters of a name in a table on a terminal.
const NAME_MAX_CHARS: usize = 60;

fn name(text: &str, look: &Look) -> String {
    if !look.cuts_names || text.chars().count() <= NAME_MAX_CHARS {
        return text.to_owned();
    }
    text.chars().take(NAME_MAX_CHARS - 1).chain(['…']).collect()
}

fn or_empty<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

impl Record for JobView {
    const KIND: &'static str = "job";

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, look: &Look) -> Vec<(&'static str, String)> {
        let time = |value: &Option<String>| value.as_deref().map(|at| look.full_time(at)).unwrap_or_default();
        let holds: Vec<String> =
            self.holds.iter().map(|hold| format!("{} by {}", hold.reason, hold.by)).collect();
        let attempts = match (self.max_retries, self.run, self.attempt) {
            (0, 1, 0) => String::new(),
            // One more than there were to be: it follows a crash.
            (retries, run, attempt) if attempt > retries => format!("{} (run {run})", attempt + 1),
            (retries, run, attempt) => format!("{} of {} (run {run})", attempt + 1, retries + 1),
        };
        let cancelling = if self.cancel_requested { " (cancelling)" } else { "" };
        let priority = if self.priority == 5 { String::new() } else { self.priority.to_string() };
        let project = if self.project_id == "default" { String::new() } else { self.project_id.clone() };
        vec![
            ("id", self.id.clone()),
            ("name", self.name.clone()),
            ("type", self.job_type.clone()),
            ("status", format!("{}{cancelling}", self.status)),
            ("scheduled for", time(&self.scheduled_at)),
            ("next attempt", time(&self.next_attempt_at)),
            ("attempt", attempts),
            ("held", holds.join(", ")),
            ("project", project),
            ("tags", self.tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>().join(", ")),
            ("priority", priority),
            ("timeout", self.timeout_seconds.map(|seconds| format!("{seconds} s")).unwrap_or_default()),
            ("external id", or_empty(self.external_id.as_ref())),
            ("config", serde_json::to_string(&self.config).unwrap_or_default()),
            ("last execution", or_empty(self.last_execution.as_ref())),
            ("created", look.full_time(&self.created_at)),
        ]
    }
}

impl Row for JobView {
    const COLUMNS: &'static [&'static str] = &["ID", "STATUS", "TYPE", "WHEN", "NAME"];

    fn cells(&self, look: &Look) -> Vec<String> {
        let due = self.next_attempt_at.as_ref().or(self.scheduled_at.as_ref());
        let when = due.map_or_else(|| "-".to_owned(), |at| look.time(at));
        vec![self.id.clone(), self.status.clone(), self.job_type.clone(), when, name(&self.name, look)]
    }

    fn status(&self) -> &str {
        &self.status
    }
}

impl Record for CreatedJob {
    const KIND: &'static str = "job";

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, look: &Look) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.id.clone()),
            ("name", self.name.clone().unwrap_or_default()),
            ("status", self.status.clone().unwrap_or_default()),
            ("scheduled for", self.scheduled_at.as_deref().map(|at| look.full_time(at)).unwrap_or_default()),
            ("external id", self.external_id.clone().unwrap_or_default()),
        ]
    }
}

impl Row for CreatedJob {
    const COLUMNS: &'static [&'static str] = &["ID", "STATUS", "WHEN", "NAME"];

    fn cells(&self, look: &Look) -> Vec<String> {
        let when = self.scheduled_at.as_deref().map_or_else(|| "-".to_owned(), |at| look.time(at));
        let status = self.status.clone().unwrap_or_else(|| "-".to_owned());
        vec![self.id.clone(), status, when, name(self.name.as_deref().unwrap_or_default(), look)]
    }

    fn status(&self) -> &str {
        self.status.as_deref().unwrap_or_default()
    }
}

fn duration(milliseconds: Option<f64>) -> String {
    match milliseconds {
        None => "-".to_owned(),
        Some(ms) if ms < 1_000.0 => format!("{ms:.1} ms"),
        Some(ms) if ms < 60_000.0 => format!("{:.2} s", ms / 1_000.0),
        Some(ms) => format!("{:.1} min", ms / 60_000.0),
    }
}

impl Record for ExecutionView {
    const KIND: &'static str = "execution";

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, look: &Look) -> Vec<(&'static str, String)> {
        let cut = if self.output_truncated { ", the middle was not kept" } else { "" };
        let result = self.result.as_ref().and_then(|result| serde_json::to_string(result).ok());
        vec![
            ("id", self.id.clone()),
            ("job", self.job_id.clone()),
            ("name", self.job_name.clone()),
            ("type", self.job_type.clone()),
            ("status", self.status.clone()),
            ("reason", or_empty(self.reason.as_ref())),
            ("exit code", or_empty(self.exit_code.as_ref())),
            ("error", or_empty(self.error.as_ref())),
            ("attempt", format!("{} (run {})", self.attempt + 1, self.run)),
            ("scheduled for", look.full_time(&self.scheduled_for)),
            (
                "started",
                format!("{}, {} late", look.full_time(&self.started_at), duration(Some(self.lateness_ms))),
            ),
            ("ended", self.completed_at.as_deref().map(|at| look.full_time(at)).unwrap_or_default()),
            ("duration", self.duration_ms.map(|ms| duration(Some(ms))).unwrap_or_default()),
            ("worker", self.worker.clone()),
            ("output", format!("{} bytes{cut}", self.output_bytes)),
            ("result", result.unwrap_or_default()),
        ]
    }
}

impl Row for ExecutionView {
    const COLUMNS: &'static [&'static str] =
        &["ID", "STATUS", "REASON", "STARTED", "DURATION", "JOB", "NAME"];

    fn cells(&self, look: &Look) -> Vec<String> {
        vec![
            self.id.clone(),
            self.status.clone(),
            self.reason.clone().unwrap_or_else(|| "-".to_owned()),
            look.time(&self.started_at),
            duration(self.duration_ms),
            self.job_id.clone(),
            name(&self.job_name, look),
        ]
    }

    fn status(&self) -> &str {
        &self.status
    }
}

impl Record for ParsedTime {
    const KIND: &'static str = "time";

    fn id(&self) -> &str {
        &self.instant
    }

    fn fields(&self, look: &Look) -> Vec<(&'static str, String)> {
        let away = match self.instant.parse() {
            Ok(instant) => describe_distance(look.now, instant),
            Err(_) => format!("{} ms", self.in_ms),
        };
        vec![
            ("time", self.description.clone()),
            ("utc", self.instant.clone()),
            ("zone", self.timezone.clone()),
            ("from now", away),
        ]
    }
}

impl Record for SystemStatusView {
    const KIND: &'static str = "system";

    fn id(&self) -> &str {
        &self.version
    }

    fn fields(&self, look: &Look) -> Vec<(&'static str, String)> {
        let jobs: Vec<String> = self
            .jobs
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(status, count)| format!("{count} {status}"))
            .collect();
        let jobs = if jobs.is_empty() { "none".to_owned() } else { jobs.join(", ") };
        vec![
            ("version", self.version.clone()),
            ("environment", self.environment.clone()),
            ("started", look.full_time(&self.started_at)),
            ("database", self.database.clone()),
            ("jobs", jobs),
            ("waiting for a slot", self.queue_depth.to_string()),
            ("next due", self.next_due_at.as_deref().map(|at| look.full_time(at)).unwrap_or_default()),
            ("default time zone", self.default_timezone.clone()),
        ]
    }
}

impl Record for WorkerStatusView {
    const KIND: &'static str = "workers";

    fn id(&self) -> &str {
        "status"
    }

    fn fields(&self, look: &Look) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("slots", format!("{} of {} in use", self.active_workers, self.total_workers)),
            ("waiting for a slot", self.queued_jobs.to_string()),
            ("paused", or_empty(self.paused.as_ref())),
        ];
        fields.extend(self.running.iter().map(|job| {
            (
                "running",
                format!("{} {} since {}", job.job_id, name(&job.job_name, look), look.time(&job.started_at)),
            )
        }));
        fields.extend(self.nodes.iter().map(|node| ("node", node_line(node, look))));
        fields
    }
}

/// A node in one line: `alpha ok, 3 of 32 slots in use, version 2.0.0, seen 12:00:00, epoch 7`.
fn node_line(node: &NodeView, look: &Look) -> String {
    let mut parts = vec![format!("{} {}", name(&node.id, look), node.health)];
    if let (Some(running), Some(slots)) = (node.running, node.slots) {
        parts.push(format!("{running} of {slots} slots in use"));
    }
    parts.extend(node.version.as_ref().map(|version| format!("version {version}")));
    parts.extend(node.last_seen_at.as_ref().map(|at| format!("seen {}", look.time(at))));
    parts.extend(node.clock_offset_us.map(|offset| format!("clock {:+.1} ms", offset as f64 / 1e3)));
    parts.push(format!("epoch {}", node.epoch));
    parts.join(", ")
}

/// A job that is no more.
#[derive(Debug, Serialize)]
pub(crate) struct Deleted {
    /// Its id.
    pub(crate) id: String,
    /// Always `deleted`.
    pub(crate) status: &'static str,
}

impl Record for Deleted {
    const KIND: &'static str = "job";

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, _look: &Look) -> Vec<(&'static str, String)> {
        vec![("id", self.id.clone()), ("status", self.status.to_owned())]
    }
}

impl Row for Deleted {
    const COLUMNS: &'static [&'static str] = &["ID", "STATUS"];

    fn cells(&self, _look: &Look) -> Vec<String> {
        vec![self.id.clone(), self.status.to_owned()]
    }

    fn status(&self) -> &str {
        self.status
    }
}

/// The version of this program.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
}

impl Record for VersionView {
    const KIND: &'static str = "version";

    fn id(&self) -> &str {
        self.version
    }

    fn fields(&self, _look: &Look) -> Vec<(&'static str, String)> {
        vec![(self.name, self.version.to_owned())]
    }
}

/// A command line.
#[derive(Debug, Serialize)]
pub(crate) struct CommandLine {
    /// As a shell reads it.
    pub(crate) command: String,
    /// Word by word.
    pub(crate) argv: Vec<String>,
}

impl CommandLine {
    /// The command line of these words.
    pub(crate) fn new(argv: Vec<String>) -> Self {
        Self { command: quoted(&argv), argv }
    }
}
