//! Tests of what is sent.

use super::*;
use crate::testing::{EXECUTION, JOB, at, event, execution, record};

fn told(kind: EventKind, with_execution: bool, data: Value) -> Value {
    let mut record = record(event(kind, 7));
    record.event.event.data = data.as_object().cloned().unwrap_or_default();
    record.execution = with_execution.then(execution);
    payload(&record)
}

#[test]
fn the_keys_are_those_of_version_1_in_their_order() {
    let body = told(EventKind::JobFailed, true, Value::Null);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body), ["event", "timestamp", "data"]);
    assert_eq!(keys(&body["data"]), ["job", "execution"]);
    assert_eq!(body["event"], "job.failed");
    assert_eq!(body["timestamp"], json!(at(7)));
    for name in
        ["id", "name", "type", "scheduled_at", "priority", "project_id", "timezone", "status", "created_at"]
    {
        assert!(!body["data"]["job"][name].is_null(), "{name}");
    }
    for name in ["id", "job_id", "started_at", "completed_at", "status", "exit_code", "error", "duration_ms"]
    {
        assert!(!body["data"]["execution"][name].is_null(), "{name}");
    }
    assert_eq!(
        (&body["data"]["job"]["id"], &body["data"]["execution"]["id"]),
        (&json!(JOB), &json!(EXECUTION))
    );
}

#[test]
fn what_is_told_is_of_the_moment_of_the_event_and_not_of_now() {
    let started = told(EventKind::JobStarted, true, Value::Null);
    let (job, execution) = (&started["data"]["job"], &started["data"]["execution"]);
    assert_eq!((&job["status"], &job["run"], &job["attempt"]), (&json!("running"), &json!(1), &json!(0)));
    assert_eq!(job["updated_at"], json!(at(7)));
    assert_eq!(execution["status"], "running");
    for later in ["completed_at", "exit_code", "error", "output", "duration_ms", "reason"] {
        assert!(execution.get(later).is_none(), "{later} was not known then");
    }
    let failed = told(EventKind::JobFailed, true, Value::Null);
    assert_eq!(failed["data"]["job"]["status"], "failed");
    assert_eq!(failed["data"]["execution"]["duration_ms"], 2000.5);
    assert_eq!(failed["data"]["execution"]["exit_code"], 3);
    let retrying = told(EventKind::JobRetrying, true, json!({"next_attempt_at": at(60)}));
    let job = &retrying["data"]["job"];
    assert_eq!((&job["status"], &job["attempt"]), (&json!("scheduled"), &json!(1)));
    assert_eq!(job["next_attempt_at"], json!(at(60)));
    let created = told(EventKind::JobCreated, false, Value::Null);
    let job = &created["data"]["job"];
    assert_eq!((&job["status"], &job["run"], &job["attempt"]), (&json!("scheduled"), &json!(1), &json!(0)));
    let held = told(EventKind::JobCreated, false, json!({"status": "held"}));
    assert_eq!(held["data"]["job"]["status"], "held", "the event says so");
}

#[test]
fn nothing_of_a_config_or_result_goes_out() {
    for kind in EventKind::ALL {
        let body = told(*kind, true, Value::Null).to_string();
        assert!(!body.contains("hunter2") && !body.contains("config"), "{body}");
    }
}

#[test]
fn of_a_job_that_is_gone_what_the_event_knows_is_told() {
    let mut record = record(event(EventKind::JobDeleted, 7));
    record.job = None;
    let said = json!({"status": "failed", "name": "backup", "type": "shell", "tags": ["a"]});
    record.event.event.data = said.as_object().cloned().unwrap();
    let expected = json!({
        "id": JOB, "name": "backup", "type": "shell", "tags": ["a"], "project_id": "default", "status": "failed",
    });
    assert_eq!(payload(&record)["data"]["job"], expected);
}

#[test]
fn details_come_along_and_a_test_says_so() {
    let held = told(EventKind::JobHeld, false, json!({"reason": "manual"}));
    assert_eq!(held["data"]["details"], json!({"reason": "manual"}));
    let expected = r#"{"event":"test","timestamp":"2026-11-24T08:00:00Z","data":{}}"#;
    assert_eq!(test_payload(at(0)).to_string(), expected);
}

#[test]
fn a_long_error_is_cut_at_a_character() {
    assert_eq!(cut("äöü", 3), "äöü");
    assert_eq!(cut("äöü", 2), "äö…");
    let mut record = record(event(EventKind::JobFailed, 7));
    record.execution = Some(Execution { error: Some("é".repeat(100_000)), ..execution() });
    assert!(payload(&record).to_string().len() < 10_000);
}

#[test]
fn the_status_of_a_chain_is_not_that_of_its_job() {
    let said = json!({"chain_name": "Nightly", "status": "failed", "failed_link": 1});
    let failed = told(EventKind::ChainExecutionFailed, false, said);
    assert_eq!(
        failed["data"]["job"]["status"], "completed",
        "the last job of it, which has run all the same"
    );
    assert_eq!(failed["data"]["details"]["status"], "failed");
    let started = told(EventKind::ChainExecutionStarted, false, json!({"status": "running"}));
    assert_eq!(started["data"]["job"]["status"], "running");
}
