//! What the audit log tells of a job: what of it was changed, with secrets masked and long texts cut.

use crate::Catalog;
use crate::audit::changed;
use crate::audit_mask::{self, MASK};
use oneoff_domain::{Hold, Job, JobDefinition, JobState};
use serde_json::{Map, Value, json};

/// Characters of a text that are told.
const TEXT_MAX_CHARS: usize = 1_000;
/// Bytes that are told of a record.
pub(crate) const TOLD_MAX_BYTES: usize = 16 * 1024;
/// Parts of a config of which only the names are told.
const NAMES_ONLY: [&str; 3] = ["env", "headers", "auth"];

/// A change of a job, before and after; `None` where nothing that is told differs.
pub(crate) fn of_change(before: &Job, after: &Job, catalog: &Catalog) -> (Option<Value>, Option<Value>) {
    let (mut old, mut new) = (state(&before.state), state(&after.state));
    if before.revision != after.revision {
        let (told_before, told_after) =
            changed(definition(&before.definition, catalog), definition(&after.definition, catalog));
        merge(&mut old, told_before);
        merge(&mut new, told_after);
    }
    let (mut old, mut new) = changed(old, new);
    if let (Some(old), Some(new)) = (old.get_mut("config"), new.get_mut("config")) {
        (*old, *new) = changed(old.take(), new.take());
    }
    (finished(old), finished(new))
}

/// The whole of a job that is removed.
pub(crate) fn of_removed(job: &Job, catalog: &Catalog) -> Option<Value> {
    let mut told = state(&job.state);
    merge(&mut told, definition(&job.definition, catalog));
    finished(told)
}

/// The whole of a job that was made.
pub(crate) fn of_made(made: &JobDefinition, catalog: &Catalog) -> Option<Value> {
    finished(definition(made, catalog))
}

fn state(state: &JobState) -> Value {
    json!({
        "status": state.status.as_str(),
        "scheduled_at": state.scheduled_at.map(|at| at.to_string()),
        "run": state.run,
        "next_attempt_at": state.next_attempt_at.map(|at| at.to_string()),
        "cancel_requested": state.cancel_requested,
        "holds": state.holds.iter().map(hold).collect::<Vec<_>>(),
    })
}

fn hold(hold: &Hold) -> Value {
    json!({ "reason": hold.reason.as_str(), "by": hold.by, "until": hold.until.map(|at| at.to_string()) })
}

/// What is told of a definition, before it is [`finished`]. Tags by their names; of one that is gone, its id is all that
/// is known.
pub(crate) fn definition(definition: &JobDefinition, catalog: &Catalog) -> Value {
    let name = |id: &String| catalog.tags.get(id).map_or_else(|| id.clone(), |tag| tag.name.clone());
    json!({
        "name": definition.name,
        "type": definition.job_type,
        "config": definition.config,
        "project_id": definition.project_id,
        "tags": definition.tags.iter().map(name).collect::<Vec<_>>(),
        "priority": definition.priority,
        "timezone": definition.timezone,
        "timeout_seconds": definition.timeout_seconds,
        "max_retries": definition.retry.max_retries,
        "retry_delay_seconds": definition.retry.delay_seconds,
        "retry_max_delay_seconds": definition.retry.max_delay_seconds,
        "retry_exit_codes": definition.retry.exit_codes,
        "max_lateness_seconds": definition.max_lateness_seconds,
        "on_late": definition.on_late.as_str(),
        "on_crash": definition.on_crash.as_str(),
        "concurrency_key": definition.concurrency_key,
        "external_id": definition.external_id,
        "metadata": definition.metadata,
    })
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// What is stored: masked, cut, and nothing at all where nothing is left.
pub(crate) fn finished(told: Value) -> Option<Value> {
    let Value::Object(mut told) = told else { return None };
    for part in ["config", "metadata"] {
        if let Some(Value::Object(part)) = told.get_mut(part) {
            mask(part);
        }
    }
    let told = shortened(Value::Object(told));
    let bytes = told.to_string().len();
    match told.as_object().is_some_and(Map::is_empty) {
        true => None,
        false if bytes > TOLD_MAX_BYTES => Some(json!({ "too_large_bytes": bytes })),
        false => Some(told),
    }
}

fn mask(object: &mut Map<String, Value>) {
    for (name, value) in object.iter_mut() {
        let lower = name.to_ascii_lowercase();
        if NAMES_ONLY.contains(&lower.as_str()) {
            mask_all(value);
        } else if audit_mask::is_secret(&lower) {
            *value = MASK.into();
        } else {
            mask_inside(value);
        }
    }
}

fn mask_all(value: &mut Value) {
    match value {
        Value::Object(object) => object.values_mut().for_each(|value| *value = MASK.into()),
        Value::Null => {}
        other => *other = MASK.into(),
    }
}

fn mask_inside(value: &mut Value) {
    match value {
        Value::Object(object) => mask(object),
        Value::Array(items) => items.iter_mut().for_each(mask_inside),
        Value::String(text) => *text = without_user_info(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `https://user:password@host` without what stands before the host.
fn without_user_info(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#', ' ', '\n', '"', '\'']).unwrap_or(rest.len());
    match rest.split_at_checked(end).and_then(|(host, path)| Some((host.rsplit_once('@')?.1, path))) {
        Some((host, path)) => format!("{scheme}://{MASK}@{host}{path}"),
        None => text.to_owned(),
    }
}

fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let chars = text.chars().count();
            if chars <= TEXT_MAX_CHARS {
                return Value::String(audit_mask::in_text(&text));
            }
            let beginning: String = text.chars().take(TEXT_MAX_CHARS).collect();
            Value::String(format!("{}… ({chars} characters)", audit_mask::in_text(&beginning)))
        }
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Object(object) => object.into_iter().map(|(name, value)| (name, shortened(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(config: Value) -> Value {
        finished(json!({ "config": config })).unwrap()
    }

    #[test]
    fn secrets_are_not_told() {
        let config = json!({
            "url": "https://me:hunter2@host/path?x=1",
            "headers": {"Authorization": "hunter2", "X": "hunter2"},
            "env": {"A": "hunter2"},
            "auth": "hunter2",
            "api-key": "hunter2",
            "nested": [{"db_password": "hunter2", "env": {"B": "hunter2"}}],
            "script": "echo hello",
        });
        let told = told(config);
        assert!(!told.to_string().contains("hunter2"), "{told}");
        assert_eq!(told["config"]["headers"], json!({"Authorization": MASK, "X": MASK}));
        assert_eq!(told["config"]["url"], "https://[redacted]@host/path?x=1");
        assert_eq!(told["config"]["script"], "echo hello");
    }

    #[test]
    fn what_is_long_is_cut() {
        let cut = told(json!({"script": "ü".repeat(1_001)}));
        assert!(cut["config"]["script"].as_str().unwrap().ends_with("… (1001 characters)"), "{cut}");
        let many: Map<String, Value> = (0..100).map(|n| (n.to_string(), "x".repeat(900).into())).collect();
        assert!(told(many.into())["too_large_bytes"].as_u64().unwrap() > 90_000);
        assert_eq!(finished(json!({})), None);
    }
}
