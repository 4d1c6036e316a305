//! The bodies and parameters of requests on webhooks.

use crate::problem::ApiError;
use crate::read::fields::{Field, FieldReader};
use crate::read::form::{Form, words};
use crate::read::object::JsonObject;
use crate::read::query::QueryReader;
use oneoff_domain::limits::{
    CURSOR_MAX_CHARS, KEY_MAX_CHARS, NAME_MAX_CHARS, OVERLAP_MAX_SECONDS, PAGE_DEFAULT, PAGE_MAX,
    TAG_MAX_CHARS, WEBHOOK_EVENTS_MAX, WEBHOOK_FILTER_MAX, WEBHOOK_TEMPLATE_MAX_BYTES, WEBHOOK_URL_MAX_CHARS,
};
use oneoff_domain::{EventKind, Timestamp};
use oneoff_secrets::SecretString;
use oneoff_storage::DeliveryStatus;
use oneoff_storage::webhooks::{DeliveryFilter, RedeliverFilter};
use oneoff_webhooks::{Preset, SecretDraft, WebhookDraft, WebhookPatch};

/// Characters of a word that is looked up.
const WORD_MAX_CHARS: usize = 128;
const SECRET_MAX_CHARS: usize = 512;
const INSTANT: &str = "an instant such as 2026-12-01T09:00:00Z";

pub(crate) const FIELDS: &[Field] = &[
    Field { name: "name", allowed: "1 to 256 characters", form: Form::Text(1, NAME_MAX_CHARS) },
    Field {
        name: "url",
        allowed: "an address such as https://hooks.example.com/oneoff",
        form: Form::Text(1, WEBHOOK_URL_MAX_CHARS),
    },
    Field {
        name: "events",
        allowed: "names of events, job.* or *; a list, or text with commas",
        form: Form::TextsOrCommas(1, WEBHOOK_EVENTS_MAX, WORD_MAX_CHARS),
    },
    Field {
        name: "project_ids",
        allowed: "projects; a list, or text with commas",
        form: Form::TextsOrCommas(0, WEBHOOK_FILTER_MAX, KEY_MAX_CHARS),
    },
    Field {
        name: "tags",
        allowed: "tags of jobs; a list, or text with commas",
        form: Form::TextsOrCommas(0, WEBHOOK_FILTER_MAX, TAG_MAX_CHARS),
    },
    Field {
        name: "job_types",
        allowed: "job types; a list, or text with commas",
        form: Form::TextsOrCommas(0, WEBHOOK_FILTER_MAX, TAG_MAX_CHARS),
    },
    Field {
        name: "preset",
        allowed: "generic, slack, discord, teams or ntfy",
        form: Form::WordOf(|| words(&Preset::ALL, Preset::as_str)),
    },
    Field {
        name: "template",
        allowed: "JSON with {{places}} for values, or null",
        form: Form::OrNull(&Form::Text(1, WEBHOOK_TEMPLATE_MAX_BYTES)),
    },
    Field {
        name: "secret",
        allowed: "text, or null for none",
        form: Form::OrNull(&Form::Text(0, SECRET_MAX_CHARS)),
    },
    Field { name: "is_active", allowed: "true or false", form: Form::Boolean },
];

pub(crate) const ROTATE: &[Field] = &[
    Field {
        name: "secret",
        allowed: "text; one is made if it is left out",
        form: Form::OrNull(&Form::Text(0, SECRET_MAX_CHARS)),
    },
    Field {
        name: "overlap_seconds",
        allowed: "0 to 2592000",
        form: Form::OrNull(&Form::Integer(0, OVERLAP_MAX_SECONDS)),
    },
];

pub(crate) const TEST: &[Field] = &[Field {
    name: "event",
    allowed: "the name of an event of which a sample is sent",
    form: Form::WordOf(|| words(EventKind::ALL, EventKind::as_str)),
}];

pub(crate) const REDELIVER: &[Field] = &[
    Field { name: "status", allowed: "failed or success", form: Form::Word(&["failed", "success"]) },
    Field { name: "from", allowed: INSTANT, form: Form::Instant },
    Field { name: "to", allowed: INSTANT, form: Form::Instant },
];

pub(crate) const DELIVERIES: &[Field] = &[
    Field {
        name: "status",
        allowed: "pending, success or failed; several with commas",
        form: Form::List(|| vec!["pending", "success", "failed"]),
    },
    Field {
        name: "event",
        allowed: "the name of an event",
        form: Form::WordOf(|| words(EventKind::ALL, EventKind::as_str)),
    },
    Field { name: "date_from", allowed: INSTANT, form: Form::Instant },
    Field { name: "date_to", allowed: INSTANT, form: Form::Instant },
    Field { name: "limit", allowed: "1 to 200", form: Form::Integer(1, PAGE_MAX as i64) },
    Field {
        name: "offset",
        allowed: "0 to 10000; beyond, follow next_cursor",
        form: Form::Integer(0, 10_000),
    },
    Field {
        name: "cursor",
        allowed: "the next_cursor of the page before",
        form: Form::Text(1, CURSOR_MAX_CHARS),
    },
    Field { name: "total", allowed: "true or false", form: Form::Boolean },
];

pub(crate) const LIST: &[Field] = &[
    Field { name: "limit", allowed: "1 to 200", form: Form::Integer(1, PAGE_MAX as i64) },
    Field { name: "offset", allowed: "0 to 10000", form: Form::Integer(0, 10_000) },
    Field { name: "total", allowed: "true or false", form: Form::Boolean },
];

/// Every field of a webhook, as far as it was sent.
fn fields(reader: &mut FieldReader) -> WebhookPatch {
    let secret = match reader.nullable_text("secret", SECRET_MAX_CHARS) {
        None => SecretDraft::Unsaid,
        // An empty one is none, as version 1 has it.
        Some(None) => SecretDraft::None,
        Some(Some(text)) if text.is_empty() => SecretDraft::None,
        Some(Some(text)) => SecretDraft::Text(SecretString::new(text)),
    };
    WebhookPatch {
        name: reader.text("name", NAME_MAX_CHARS),
        url: reader.text("url", WEBHOOK_URL_MAX_CHARS),
        events: reader.words("events", WEBHOOK_EVENTS_MAX, WORD_MAX_CHARS),
        project_ids: reader.words("project_ids", WEBHOOK_FILTER_MAX, KEY_MAX_CHARS),
        tags: reader.words("tags", WEBHOOK_FILTER_MAX, TAG_MAX_CHARS),
        job_types: reader.words("job_types", WEBHOOK_FILTER_MAX, TAG_MAX_CHARS),
        preset: reader.text("preset", WORD_MAX_CHARS),
        template: reader.nullable_text("template", WEBHOOK_TEMPLATE_MAX_BYTES),
        secret,
        is_active: reader.boolean("is_active"),
    }
}

/// `POST /api/webhooks`.
pub(crate) fn create(object: JsonObject) -> Result<WebhookDraft, ApiError> {
    let mut reader = FieldReader::new(object, FIELDS);
    for (name, message) in [
        ("name", "name is required"),
        ("url", "URL is required"),
        ("events", "at least one event is required"),
    ] {
        if !reader.has(name) {
            reader.wrong(name, message);
        }
    }
    let patch = fields(&mut reader);
    reader.finish().map_err(ApiError::invalid)?;
    Ok(WebhookDraft {
        name: patch.name.unwrap_or_default(),
        url: patch.url.unwrap_or_default(),
        events: patch.events.unwrap_or_default(),
        project_ids: patch.project_ids.unwrap_or_default(),
        tags: patch.tags.unwrap_or_default(),
        job_types: patch.job_types.unwrap_or_default(),
        preset: patch.preset,
        template: patch.template.flatten(),
        secret: patch.secret,
        is_active: patch.is_active,
    })
}

/// `PATCH /api/webhooks/{id}`.
pub(crate) fn patch(object: JsonObject) -> Result<WebhookPatch, ApiError> {
    let mut reader = FieldReader::new(object, FIELDS);
    let patch = fields(&mut reader);
    reader.finish().map_err(ApiError::invalid)?;
    Ok(patch)
}

/// `POST /api/webhooks/{id}/rotate-secret`: the new secret and the overlap.
pub(crate) fn rotate(object: JsonObject) -> Result<(Option<SecretString>, Option<i64>), ApiError> {
    let mut reader = FieldReader::new(object, ROTATE);
    let secret = reader.nullable_text("secret", SECRET_MAX_CHARS).flatten().map(SecretString::new);
    let overlap = reader.nullable_integer("overlap_seconds").flatten();
    reader.finish().map_err(ApiError::invalid)?;
    Ok((secret, overlap))
}

/// `POST /api/webhooks/{id}/test`: the event of which a sample is sent.
pub(crate) fn test(object: JsonObject) -> Result<Option<EventKind>, ApiError> {
    let mut reader = FieldReader::new(object, TEST);
    let event = reader.choice("event");
    reader.finish().map_err(ApiError::invalid)?;
    Ok(event)
}

/// `POST /api/webhooks/{id}/redeliver`.
pub(crate) fn redeliver(object: JsonObject) -> Result<RedeliverFilter, ApiError> {
    let mut reader = FieldReader::new(object, REDELIVER);
    let status = reader.choice::<DeliveryStatus>("status").unwrap_or(DeliveryStatus::Failed);
    if status == DeliveryStatus::Pending {
        reader.wrong("status", "is of deliveries that are still being made");
    }
    let (from, to) = (reader.choice::<Timestamp>("from"), reader.choice::<Timestamp>("to"));
    reader.finish().map_err(ApiError::invalid)?;
    Ok(RedeliverFilter { status, from, to })
}

/// Which deliveries are listed.
pub(crate) struct DeliveryList {
    pub(crate) filter: DeliveryFilter,
    pub(crate) limit: u32,
    pub(crate) offset: u32,
    pub(crate) cursor: Option<String>,
    pub(crate) with_total: bool,
}

/// `GET /api/webhooks/{id}/deliveries`.
pub(crate) fn deliveries(query: &str) -> Result<DeliveryList, ApiError> {
    let mut reader = QueryReader::new(query, DELIVERIES);
    let filter = DeliveryFilter {
        statuses: reader.list("status"),
        event: reader.parsed::<EventKind>("event").map(|kind| kind.to_string()),
        from: reader.instant("date_from"),
        to: reader.instant("date_to"),
    };
    let list = DeliveryList {
        filter,
        limit: small(&mut reader, "limit", 1, PAGE_MAX).unwrap_or(PAGE_DEFAULT),
        offset: small(&mut reader, "offset", 0, 10_000).unwrap_or(0),
        cursor: reader.text("cursor"),
        with_total: reader.boolean("total").unwrap_or_default(),
    };
    if list.offset > 0 && list.cursor.is_some() {
        reader.wrong("offset", "cannot be combined with `cursor`");
    }
    reader.finish()?;
    Ok(list)
}

/// `GET /api/webhooks`: how many rows after how many.
pub(crate) fn list(query: &str) -> Result<(usize, usize), ApiError> {
    let mut reader = QueryReader::new(query, LIST);
    let limit = small(&mut reader, "limit", 1, PAGE_MAX).unwrap_or(100);
    let offset = small(&mut reader, "offset", 0, 10_000).unwrap_or(0);
    let _always_told = reader.boolean("total");
    reader.finish()?;
    let number = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    Ok((number(limit), number(offset)))
}

fn small(reader: &mut QueryReader, name: &str, least: u32, most: u32) -> Option<u32> {
    let number = reader.integer(name, i64::from(least)..=i64::from(most))?;
    u32::try_from(number).ok()
}
