//! An event in a sentence or two, for receivers that show it to people.

use crate::payload::cut;
use serde_json::{Value, json};

const NAME_MAX_CHARS: usize = 200;
const TEXT_MAX_CHARS: usize = 1_000;

/// How an event looks to people.
struct Look {
    said: &'static str,
    color: u32,
    /// The word for it in adaptive cards.
    style: &'static str,
    /// The name of an emoji, as ntfy has it.
    tag: &'static str,
    /// 1 to 5, as ntfy has it.
    priority: u8,
}

fn look(event: &str) -> Look {
    let look = |said, color, style, tag, priority| Look { said, color, style, tag, priority };
    match event {
        "job.created" => look("Job created", 0x0064_748B, "default", "memo", 2),
        "job.started" => look("Job started", 0x003B_82F6, "accent", "arrow_forward", 2),
        "job.completed" => look("Job completed", 0x0010_B981, "good", "white_check_mark", 3),
        "job.failed" => look("Job failed", 0x00EF_4444, "attention", "rotating_light", 5),
        "job.cancelled" => look("Job cancelled", 0x0064_748B, "default", "no_entry_sign", 3),
        "job.retrying" => look("Job will be retried", 0x00F9_7316, "warning", "repeat", 3),
        "job.missed" => look("Job missed", 0x00F9_7316, "warning", "alarm_clock", 4),
        "job.held" => look("Job held", 0x00F9_7316, "warning", "pause_button", 3),
        "chain_execution.started" => look("Chain started", 0x003B_82F6, "accent", "arrow_forward", 2),
        "chain_execution.completed" => look("Chain completed", 0x0010_B981, "good", "white_check_mark", 3),
        "chain_execution.failed" => look("Chain failed", 0x00EF_4444, "attention", "rotating_light", 5),
        "chain_execution.cancelled" => look("Chain cancelled", 0x0064_748B, "default", "no_entry_sign", 3),
        "webhook.paused" => look("Webhook switched off", 0x00EF_4444, "attention", "rotating_light", 4),
        "test" => look("Test of a webhook", 0x0063_66F1, "accent", "wave", 3),
        _ => look("", 0x0064_748B, "default", "information_source", 3),
    }
}

/// The payload with what templates may say of it beside: `title`, `text`, `color`, `color_hex`, `style`, `tag`,
/// `priority` and `topic`.
pub(crate) fn with_summary(payload: &Value, topic: &str) -> Value {
    let event = payload.get("event").and_then(Value::as_str).unwrap_or_default();
    let look = look(event);
    let said = if look.said.is_empty() { event } else { look.said };
    let mut values = payload.clone();
    if let Some(fields) = values.as_object_mut() {
        let summary = [
            ("title", json!(title(said, payload))),
            ("text", json!(cut(&text(payload), TEXT_MAX_CHARS))),
            ("color", json!(look.color)),
            ("color_hex", json!(format!("#{:06X}", look.color))),
            ("style", json!(look.style)),
            ("tag", json!(look.tag)),
            ("priority", json!(look.priority)),
            ("topic", json!(topic)),
        ];
        fields.extend(summary.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    values
}

fn text_at<'p>(payload: &'p Value, pointer: &str) -> Option<&'p str> {
    payload.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn title(said: &str, payload: &Value) -> String {
    let places = ["/data/details/chain_name", "/data/job/name", "/data/details/name"];
    match places.into_iter().find_map(|place| text_at(payload, place)) {
        Some(name) => format!("{said}: {}", cut(name, NAME_MAX_CHARS)),
        None => said.to_owned(),
    }
}

fn text(payload: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(error) = text_at(payload, "/data/execution/error") {
        parts.push(cut(error, 600));
    }
    if let Some(code) = payload.pointer("/data/execution/exit_code").and_then(Value::as_i64) {
        parts.push(format!("exit code {code}"));
    }
    if let Some(duration) = payload.pointer("/data/execution/duration_ms").and_then(Value::as_f64) {
        parts.push(format!("took {:.1} s", duration / 1_000.0));
    }
    if let Some(next) = text_at(payload, "/data/job/next_attempt_at") {
        parts.push(format!("next attempt at {next}"));
    }
    if let Some(reason) = text_at(payload, "/data/details/reason").filter(|_| parts.is_empty()) {
        parts.push(format!("reason: {reason}"));
    }
    if let Some(link) = payload.pointer("/data/details/failed_link").and_then(Value::as_u64) {
        parts.push(format!("link {link} did not succeed"));
    }
    if let Some(project) = text_at(payload, "/data/job/project_id") {
        parts.push(format!("project {project}"));
    }
    let places = ["/data/details/chain_execution_id", "/data/job/id"];
    if let Some(id) = places.into_iter().find_map(|place| text_at(payload, place)) {
        parts.push(format!("id {id}"));
    }
    if parts.is_empty() {
        return match text_at(payload, "/event") {
            Some("test") => "If you can read this, the webhook works.".to_owned(),
            event => format!(
                "{} at {}",
                event.unwrap_or("an event"),
                text_at(payload, "/timestamp").unwrap_or("?")
            ),
        };
    }
    parts.join(", ")
}
