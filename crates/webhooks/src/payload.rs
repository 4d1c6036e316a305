//! What is sent: version 1's `{"event", "timestamp", "data": {"job", "execution"}}`.

use oneoff_domain::{Event, Timestamp};
use serde_json::{Map, Value, json};

/// The body for an event. `job` and `execution` are the records as the API shows them, where the event has one; it
/// is for the caller to leave out of them what receivers must not see. What else the event says stands under
/// `data.details`, which version 1 did not have.
#[must_use]
pub fn payload(event: &Event, job: Option<Value>, execution: Option<Value>) -> Value {
    let mut data = Map::new();
    data.extend(job.map(|job| ("job".to_owned(), job)));
    data.extend(execution.map(|execution| ("execution".to_owned(), execution)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_domain::{EventKind, NewEvent};

    fn event(kind: EventKind, data: Map<String, Value>) -> Event {
        let event =
            NewEvent { kind, job_id: None, execution_id: None, project_id: "default".to_owned(), data };
        Event { sequence: 7, at: "2026-11-24T08:00:00.25Z".parse().unwrap(), event }
    }

    #[test]
    fn the_keys_are_those_of_version_1_in_their_order() {
        let body = payload(
            &event(EventKind::JobCompleted, Map::new()),
            Some(json!({ "id": "j" })),
            Some(json!({ "id": "e" })),
        );
        assert_eq!(
            body.to_string(),
            r#"{"event":"job.completed","timestamp":"2026-11-24T08:00:00.25Z","data":{"job":{"id":"j"},"execution":{"id":"e"}}}"#
        );
        let created = payload(&event(EventKind::JobCreated, Map::new()), Some(json!({ "id": "j" })), None);
        assert_eq!(created["data"], json!({ "job": { "id": "j" } }));
    }

    #[test]
    fn details_come_along() {
        let mut data = Map::new();
        data.insert("reason".to_owned(), json!("manual"));
        let held = payload(&event(EventKind::JobHeld, data), None, None);
        assert_eq!(held["data"], json!({ "details": { "reason": "manual" } }));
    }

    #[test]
    fn a_test_says_so() {
        let now = "2026-11-24T08:00:00Z".parse().unwrap();
        let expected = r#"{"event":"test","timestamp":"2026-11-24T08:00:00Z","data":{}}"#;
        assert_eq!(test_payload(now).to_string(), expected);
    }
}
