//! Test-only: a job, an execution and a piece of output to render.

use oneoff_api_types::{ExecutionView, JobView, OutputChunkView, TagView};
use serde_json::json;

/// A tag of this name.
pub(crate) fn tag(name: &str) -> TagView {
    TagView {
        id: format!("0193f0c2-7a7b-7c3e-9d54-{name}"),
        name: name.to_owned(),
        color: None,
        is_default: false,
        created_at: "2026-11-21T09:00:00Z".to_owned(),
        updated_at: "2026-11-21T09:00:00Z".to_owned(),
        version: 1,
    }
}

/// A job that waits.
pub(crate) fn job() -> JobView {
    serde_json::from_value(json!({
        "id": "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10", "name": "nightly \u{1b}[31m: \"x\"\n# y\u{9b}\u{7f}\u{202e}", "type": "shell",
        "config": {"script": "true"}, "status": "scheduled", "project_id": "default", "tags": [tag("a")],
        "priority": 5, "timezone": "Europe/Madrid", "scheduled_at": "2026-12-01T08:00:00Z",
        "scheduled_local": "2026-12-01T09:00:00", "timeout_seconds": null, "max_retries": 0,
        "retry_delay_seconds": 10, "retry_max_delay_seconds": 3600, "retry_exit_codes": null,
        "max_lateness_seconds": null, "on_late": "run", "on_crash": "retry", "concurrency_key": null,
        "external_id": null, "metadata": {}, "run": 1, "attempt": 0, "next_attempt_at": null,
        "cancel_requested": false, "holds": [], "last_execution": null, "created_by": null,
        "created_at": "2026-11-21T09:00:00Z", "updated_at": "2026-11-21T09:00:00Z", "version": 1,
    }))
    .unwrap()
}

/// An attempt that failed.
pub(crate) fn execution() -> ExecutionView {
    serde_json::from_value(json!({
        "id": "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e11", "job_id": "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10",
        "job_name": "nightly", "job_type": "shell", "project_id": "default", "run": 1, "attempt": 0,
        "status": "failed", "reason": "exit_code", "exit_code": 3, "error": "exit code 3",
        "scheduled_for": "2026-12-01T08:00:00Z", "started_at": "2026-12-01T08:00:00.002Z",
        "completed_at": "2026-12-01T08:00:01Z", "duration_ms": 998.4, "lateness_ms": 2.25, "worker": "w",
        "output_bytes": 7, "output_truncated": false, "result": null,
    }))
    .unwrap()
}

/// A piece of output.
pub(crate) fn chunk() -> OutputChunkView {
    OutputChunkView {
        stream: "stdout".into(),
        offset: 0,
        at: "2026-12-01T08:00:00.5Z".into(),
        text: "- a: [\n\u{1b}\u{9b}\u{2066}".into(),
        base64: None,
    }
}
