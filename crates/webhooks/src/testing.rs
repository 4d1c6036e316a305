//! Webhooks, events and jobs for the tests of this crate.

use oneoff_domain::{
    Event, EventKind, Execution, ExecutionStatus, Job, JobDefinition, JobKey, JobState, JobStatus, NewEvent,
    OnCrash, OnLate, Reason, RetryPolicy, Timestamp,
};
use oneoff_storage::Webhook;
use oneoff_storage::webhooks::{EventRecord, OutputEnds};
use serde_json::{Map, json};

pub(crate) const JOB: &str = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
pub(crate) const EXECUTION: &str = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e11";

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_507_200_000_000 + seconds * 1_000_000).unwrap()
}

pub(crate) fn webhook() -> Webhook {
    Webhook {
        key: 1,
        id: "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e12".parse().unwrap(),
        name: "hook".to_owned(),
        url: "https://hooks.example.com/x".to_owned(),
        events: vec!["*".to_owned()],
        project_ids: Vec::new(),
        tags: Vec::new(),
        job_types: Vec::new(),
        preset: "generic".to_owned(),
        template: None,
        secret: None,
        previous_secret: None,
        previous_secret_until: None,
        is_active: true,
        paused_reason: None,
        paused_at: None,
        failing_since: None,
        starts_after: 0,
        created_by: "local".to_owned(),
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

pub(crate) fn event(kind: EventKind, sequence: i64) -> Event {
    let event = NewEvent {
        kind,
        job_id: Some(JOB.parse().unwrap()),
        execution_id: None,
        project_id: "default".to_owned(),
        data: Map::new(),
    };
    Event { sequence, at: at(sequence), event }
}

/// A job as it is long after: it has run again and is over.
pub(crate) fn job() -> Job {
    let definition = JobDefinition {
        name: "backup".to_owned(),
        job_type: "shell".to_owned(),
        config: json!({"script": "PASSWORD=hunter2 backup"}).as_object().cloned().unwrap(),
        project_id: "default".to_owned(),
        tags: vec!["backup".to_owned()],
        priority: 5,
        timezone: "UTC".to_owned(),
        timeout_seconds: None,
        retry: RetryPolicy { max_retries: 2, ..RetryPolicy::default() },
        max_lateness_seconds: None,
        on_late: OnLate::Run,
        on_crash: OnCrash::Retry,
        concurrency_key: None,
        external_id: None,
        metadata: Map::new(),
    };
    let state =
        JobState { status: JobStatus::Completed, run: 3, attempt: 2, ..JobState::scheduled(at(0), None) };
    Job {
        key: JobKey(1),
        id: JOB.parse().unwrap(),
        revision: 1,
        definition,
        state,
        last_execution: None,
        origin: None,
        created_by: None,
        created_at: at(-9),
        updated_at: at(900),
    }
}

/// An execution as it is after its end.
pub(crate) fn execution() -> Execution {
    Execution {
        id: EXECUTION.parse().unwrap(),
        job_id: JOB.parse().unwrap(),
        job_name: "backup".to_owned(),
        job_type: "shell".to_owned(),
        project_id: "default".to_owned(),
        revision: 1,
        run: 1,
        attempt: 0,
        status: ExecutionStatus::Failed,
        reason: Some(Reason::ExitCode),
        exit_code: Some(3),
        error: Some("it broke".to_owned()),
        scheduled_for: at(1),
        started_at: at(2),
        completed_at: Some(at(4)),
        duration_us: Some(2_000_500),
        lateness_us: 1_250,
        worker: "local".to_owned(),
        output_bytes: 0,
        output_truncated: false,
        result: Some(json!({"headers": {"set-cookie": "hunter2"}})),
    }
}

pub(crate) fn record(event: Event) -> EventRecord {
    EventRecord { event, job: Some(job()), execution: None, output: OutputEnds::default() }
}
