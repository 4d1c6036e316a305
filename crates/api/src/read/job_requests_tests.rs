//! Bodies of requests, right ones and each field wrong in turn.

use super::*;
use oneoff_domain::FieldError;
use serde_json::{Value, json};

fn object(value: &Value) -> JsonObject {
    JsonObject::parse(value.to_string().as_bytes()).unwrap()
}

/// A new job with the least there is.
fn least() -> Value {
    json!({"type": "shell", "config": {"script": "true"}})
}

fn with(name: &str, value: Value) -> Value {
    let mut job = least();
    job[name] = value;
    job
}

#[test]
fn every_field_of_a_new_job_arrives() {
    let draft = create(object(&json!({
        "name": "n", "type": "http", "config": {"url": "http://x"}, "scheduled_at": "in 2h", "immediate": false,
        "timezone": "Europe/Madrid", "disambiguation": "later", "allow_past": true, "priority": 7,
        "project_id": "p", "tags": ["a", "b"], "timeout_seconds": 1, "max_retries": 2, "retry_delay_seconds": 3,
        "retry_max_delay_seconds": 4, "retry_exit_codes": [75], "max_lateness_seconds": 5, "on_late": "skip",
        "on_crash": "fail", "concurrency_key": "k", "external_id": "e", "metadata": {"m": 1}, "held": true,
    })));
    let draft = draft.unwrap();
    let expected = Schedule {
        at: Some("in 2h".to_owned()),
        immediate: false,
        timezone: Some("Europe/Madrid".to_owned()),
        disambiguation: Disambiguation::Later,
        allow_past: true,
    };
    assert_eq!(draft.schedule, expected);
    assert_eq!((draft.name.as_deref(), draft.job_type.as_str()), (Some("n"), "http"));
    assert_eq!(Value::Object(draft.config), json!({"url": "http://x"}));
    assert_eq!((draft.priority, draft.project_id.as_deref()), (Some(7), Some("p")));
    assert_eq!(draft.tags, ["a", "b"]);
    assert_eq!((draft.timeout_seconds, draft.max_retries), (Some(1), Some(2)));
    assert_eq!((draft.retry_delay_seconds, draft.retry_max_delay_seconds), (Some(3), Some(4)));
    assert_eq!((draft.retry_exit_codes, draft.max_lateness_seconds), (Some(vec![75]), Some(5)));
    assert_eq!(
        (draft.on_late, draft.on_crash),
        (Some(oneoff_domain::OnLate::Skip), Some(oneoff_domain::OnCrash::Fail))
    );
    assert_eq!((draft.concurrency_key.as_deref(), draft.external_id.as_deref()), (Some("k"), Some("e")));
    assert_eq!(Value::Object(draft.metadata), json!({"m": 1}));
    assert!(draft.held);
}

#[test]
fn a_request_of_v1_is_accepted() {
    let draft = create(object(&json!({
        "name": "", "type": "http", "config": "{\"url\":\"http://x\",\"method\":\"GET\"}",
        "scheduled_at": "now", "immediate": true, "priority": 0, "project_id": "default",
        "timezone": "UTC", "tag_ids": ["t1"],
    })));
    let draft = draft.unwrap();
    assert_eq!(draft.config["method"], "GET");
    assert!(draft.schedule.immediate);
    assert_eq!((draft.priority, draft.tag_ids), (Some(0), vec!["t1".to_owned()]));
}

#[test]
fn every_field_wrong_in_turn_is_told_with_pointer_and_allowed_values() {
    for field in job_fields::CREATE {
        for wrong in [json!(1.5), json!({"x": [1]}), json!("\u{0}"), json!([[]]), json!(true), Value::Null] {
            let is_right = match field.name {
                "immediate" | "allow_past" | "held" => wrong.is_boolean(),
                "config" | "metadata" => wrong.is_object(),
                "timeout_seconds"
                | "max_lateness_seconds"
                | "retry_exit_codes"
                | "concurrency_key"
                | "external_id" => wrong.is_null(),
                _ => false,
            };
            let result = create(object(&with(field.name, wrong.clone())));
            if is_right {
                assert!(result.is_ok(), "{} = {wrong}", field.name);
                continue;
            }
            let problem = serde_json::to_value(fields_of(result.unwrap_err())).unwrap();
            let told = &problem[0];
            assert!(told["pointer"].as_str().unwrap().starts_with(&format!("/{}", field.name)), "{told}");
            let is_an_entry = told["pointer"].as_str().unwrap().matches('/').count() > 1;
            assert!(is_an_entry || told["hint"] == field.allowed, "{told}");
        }
    }
}

fn fields_of(error: ApiError) -> Vec<FieldError> {
    error.fields().to_vec()
}

#[test]
fn texts_and_lists_have_bounds() {
    for (name, value) in [
        ("name", json!("ü".repeat(257))),
        ("project_id", json!("x".repeat(257))),
        ("concurrency_key", json!("x".repeat(257))),
        ("external_id", json!("x".repeat(257))),
        ("scheduled_at", json!("x".repeat(129))),
        ("tags", json!(vec!["t"; 33])),
        ("tags", json!(["t".repeat(65)])),
        ("retry_exit_codes", json!(vec![1; 65])),
    ] {
        let error = create(object(&with(name, value))).unwrap_err();
        assert!(error.to_string().contains("at most"), "{name}: {error}");
    }
    assert!(create(object(&with("name", json!("ü".repeat(256))))).is_ok());
}

#[test]
fn both_names_of_tags_at_once_are_an_error() {
    let mut job = with("tags", json!(["a"]));
    job["tag_ids"] = json!(["b"]);
    assert!(create(object(&job)).unwrap_err().to_string().contains("give only one"));
}

#[test]
fn actions_read_their_few_fields() {
    let empty = JsonObject::default;
    assert_eq!(hold(empty()).unwrap(), (HoldReason::Manual, None));
    let until = hold(object(&json!({"reason": "gate", "until": "in 2h", "timezone": "UTC"}))).unwrap();
    let expected = Schedule { timezone: Some("UTC".to_owned()), ..Schedule::at("in 2h") };
    assert_eq!(until, (HoldReason::Gate, Some(expected)));
    assert_eq!(release(empty()).unwrap(), HoldReason::Manual);
    assert!(
        release(object(&json!({"reason": "boredom"}))).unwrap_err().to_string().contains("manual, chain")
    );
    assert!(nothing(empty()).is_ok());
    assert!(nothing(object(&json!({"force": true}))).is_err());
    assert!(clone(empty()).unwrap_err().to_string().contains("scheduled_at: is missing"));
    let (name, schedule) = clone(object(&json!({"scheduled_at": "now"}))).unwrap();
    assert_eq!((name, schedule), (None, Schedule::at("now")));
    assert!(parse_time(empty()).unwrap_err().to_string().contains("expression"));
    assert_eq!(parse_time(object(&json!({"expression": "in 2h"}))).unwrap(), Schedule::at("in 2h"));
}
