//! What a webhook may be, and which events it wants.

use crate::filter::EventFilter;
use crate::preset::Preset;
use crate::signature::WebhookSecret;
use oneoff_domain::limits::{
    KEY_MAX_CHARS, NAME_MAX_CHARS, TAG_MAX_CHARS, WEBHOOK_EVENTS_MAX, WEBHOOK_FILTER_MAX,
    WEBHOOK_TEMPLATE_MAX_BYTES, WEBHOOK_URL_MAX_CHARS,
};
use oneoff_domain::{Event, EventKind, FieldError, Job, NewEvent, Timestamp};
use oneoff_outbound::EgressPolicy;
use oneoff_storage::Webhook;
use oneoff_storage::webhooks::EventRecord;
use serde_json::{Value, json};
use url::Url;

/// Collects what is wrong with the fields of a webhook.
#[derive(Default)]
pub(crate) struct Checks(pub(crate) Vec<FieldError>);

impl Checks {
    fn wrong(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(FieldError::new(pointer, message).with_hint(hint));
    }

    pub(crate) fn name(&mut self, name: &str) {
        let chars = name.chars().count();
        if name.trim().is_empty() {
            self.wrong("/name", "name is required", format!("1 to {NAME_MAX_CHARS} characters"));
        } else if chars > NAME_MAX_CHARS {
            self.wrong("/name", format!("is too long: {chars} characters"), format!("1 to {NAME_MAX_CHARS}"));
        }
    }

    pub(crate) fn url(&mut self, text: &str, policy: EgressPolicy) {
        const HINT: &str = "an address such as https://hooks.example.com/oneoff";
        if text.is_empty() {
            return self.wrong("/url", "URL is required", HINT);
        }
        if text.chars().count() > WEBHOOK_URL_MAX_CHARS {
            let hint = format!("at most {WEBHOOK_URL_MAX_CHARS} characters");
            return self.wrong("/url", "is too long", hint);
        }
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return self.wrong("/url", format!("is not a URL: {error}"), HINT),
        };
        if !url.username().is_empty() || url.password().is_some() {
            let message = "must not hold a user name or a password: URLs are shown in answers and logs";
            return self.wrong("/url", message, "verify the signature instead");
        }
        if let Err(refused) = policy.check_url(&url) {
            self.wrong("/url", refused.to_string(), HINT);
        }
    }

    pub(crate) fn events(&mut self, events: &[String]) {
        if events.len() > WEBHOOK_EVENTS_MAX {
            return self.wrong("/events", "has too many entries", format!("at most {WEBHOOK_EVENTS_MAX}"));
        }
        if let Err(invalid) = EventFilter::new(events.iter().map(String::as_str)) {
            self.0.push(FieldError::new("/events", invalid.to_string()));
        }
    }

    pub(crate) fn words(&mut self, pointer: &str, words: &[String], max_chars: usize) {
        if words.len() > WEBHOOK_FILTER_MAX {
            return self.wrong(pointer, "has too many entries", format!("at most {WEBHOOK_FILTER_MAX}"));
        }
        if words.iter().any(|word| word.is_empty() || word.chars().count() > max_chars) {
            self.wrong(
                pointer,
                "has an entry that is empty or too long",
                format!("1 to {max_chars} characters"),
            );
        }
    }

    pub(crate) fn filters(&mut self, project_ids: &[String], tags: &[String], job_types: &[String]) {
        self.words("/project_ids", project_ids, KEY_MAX_CHARS);
        self.words("/tags", tags, TAG_MAX_CHARS);
        self.words("/job_types", job_types, TAG_MAX_CHARS);
    }

    pub(crate) fn preset(&mut self, preset: &str) {
        if let Err(unknown) = preset.parse::<Preset>() {
            self.wrong("/preset", unknown.to_string(), unknown.allowed);
        }
    }

    /// A template is tried with an event that has everything, and with one that has nothing.
    pub(crate) fn template(&mut self, template: Option<&str>) {
        let Some(template) = template else { return };
        if template.len() > WEBHOOK_TEMPLATE_MAX_BYTES {
            let hint = format!("at most {WEBHOOK_TEMPLATE_MAX_BYTES} bytes");
            return self.wrong("/template", "is too long", hint);
        }
        for sample in
            [sample(EventKind::JobFailed, Timestamp::EPOCH), crate::payload::test_payload(Timestamp::EPOCH)]
        {
            let body = rendered(template, &sample);
            if let Err(error) = serde_json::from_str::<Value>(&body) {
                let message = format!("does not make JSON: {error}");
                let hint = "put text between quotation marks: {\"text\": \"{{title}}\"}; numbers only as they are always there";
                return self.wrong("/template", message, hint);
            }
        }
    }

    pub(crate) fn secret(&mut self, text: &str) {
        if let Err(invalid) = WebhookSecret::new(text) {
            self.0.push(FieldError::new("/secret", invalid.to_string()));
        }
    }
}

fn rendered(template: &str, sample: &Value) -> String {
    Url::parse("https://hooks.example.com/topic")
        .map(|url| Preset::Generic.body(Some(template), &url, sample))
        .unwrap_or_default()
}

/// Whether a webhook wants an event, as far as the event alone says.
pub(crate) fn may_want(webhook: &Webhook, event: &Event) -> bool {
    // One that a person switched off is told of nothing. Of one that the server switched off, what it misses is kept.
    if !webhook.is_active && webhook.paused_reason.is_none() {
        return false;
    }
    let is_of_project = webhook.project_ids.is_empty()
        || event.event.kind.is_of_project() && webhook.project_ids.contains(&event.event.project_id);
    event.sequence > webhook.starts_after && is_of_project && wants_kind(webhook, event.event.kind)
}

fn wants_kind(webhook: &Webhook, kind: EventKind) -> bool {
    match EventFilter::new(webhook.events.iter().map(String::as_str)) {
        Ok(filter) => filter.matches(kind),
        // A word that this version does not know is none that it writes.
        Err(_unknown) => webhook.events.iter().any(|word| word == kind.as_str()),
    }
}

/// Whether a webhook wants an event. Of a job that is gone nobody knows tags and type: it is told.
pub(crate) fn wants(webhook: &Webhook, record: &EventRecord) -> bool {
    if !may_want(webhook, &record.event) {
        return false;
    }
    match &record.job {
        Some(job) => is_of_job(webhook, job),
        None if record.event.event.job_id.is_none() => {
            webhook.tags.is_empty() && webhook.job_types.is_empty()
        }
        None => true,
    }
}

fn is_of_job(webhook: &Webhook, job: &Job) -> bool {
    let definition = &job.definition;
    let is_of_type = webhook.job_types.is_empty() || webhook.job_types.contains(&definition.job_type);
    let has_tag = webhook.tags.is_empty() || webhook.tags.iter().any(|tag| definition.tags.contains(tag));
    is_of_type && has_tag
}

/// What deliveries have an order among: those of a chain's execution, of a job, or of another kind of record.
pub(crate) fn lane(event: &NewEvent) -> String {
    let group = event.kind.as_str().split('.').next().unwrap_or_default();
    let named = |name: &str| event.data.get(name).and_then(Value::as_str);
    let job = || event.job_id.map(|job| job.to_string());
    let of_kind = |id: &str| format!("{group}:{id}");
    let of_chain = named("chain_execution_id").map(of_kind);
    of_chain.or_else(job).or_else(|| named("id").map(of_kind)).unwrap_or_else(|| group.to_owned())
}

/// An event as it might be, for trying out what is made of it.
pub(crate) fn sample(kind: EventKind, now: Timestamp) -> Value {
    const JOB: &str = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
    let chain_status = match kind {
        EventKind::ChainExecutionStarted => Some("running"),
        EventKind::ChainExecutionCompleted => Some("completed"),
        EventKind::ChainExecutionFailed => Some("failed"),
        EventKind::ChainExecutionCancelled => Some("cancelled"),
        _ => None,
    };
    let status = kind.job_status().map_or(chain_status, |status| Some(status.as_str()));
    let mut data = json!({
        "job": {
            "id": JOB, "name": "Nightly backup", "type": "shell", "scheduled_at": now, "priority": 5,
            "project_id": "default", "timezone": "UTC", "status": status, "created_at": now,
            "updated_at": now, "tags": ["backup"], "run": 1, "attempt": 0, "max_retries": 0,
            "next_attempt_at": null, "external_id": null, "metadata": {},
        },
        "execution": {
            "id": "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e11", "job_id": JOB, "job_name": "Nightly backup",
            "started_at": now, "status": "failed", "run": 1, "attempt": 0, "scheduled_for": now,
            "lateness_ms": 0.4, "worker": "local", "created_at": now, "completed_at": now,
            "reason": "exit_code", "output": "This is a sample.\n", "output_bytes": 18,
            "output_truncated": false, "exit_code": 1, "error": "the process ended with exit code 1",
            "duration_ms": 1234.5,
        },
        "details": {"reason": "exit_code", "exit_code": 1},
    });
    if let (Some(status), Some(fields)) = (chain_status, data.as_object_mut()) {
        fields.remove("execution");
        let details = json!({
            "chain_id": "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e13", "chain_name": "Nightly",
            "chain_execution_id": "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e14", "status": status, "links": 3,
            "failed_link": (kind == EventKind::ChainExecutionFailed).then_some(1),
        });
        fields.insert("details".to_owned(), details);
    }
    json!({ "event": kind.as_str(), "timestamp": now, "data": data })
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
