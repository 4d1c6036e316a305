//! The bodies of `POST` requests on jobs and times, as what the service takes.

use crate::problem::ApiError;
use crate::read::fields::FieldReader;
use crate::read::job_fields;
use crate::read::object::JsonObject;
use oneoff_domain::limits::{
    KEY_MAX_CHARS, NAME_MAX_CHARS, RETRY_EXIT_CODES_MAX, TAG_MAX_CHARS, TAGS_MAX, TIME_EXPRESSION_MAX_CHARS,
};
use oneoff_domain::time::Disambiguation;
use oneoff_domain::{HoldReason, ValidationErrors};
use oneoff_scheduler::{JobDraft, Schedule};

/// Characters of words that are looked up: job types and zones.
const WORD_MAX_CHARS: usize = 128;

/// `POST /api/jobs`.
pub(crate) fn create(object: JsonObject) -> Result<JobDraft, ApiError> {
    draft(FieldReader::new(object, job_fields::CREATE)).map_err(ApiError::invalid)
}

/// A new job of these fields.
pub(crate) fn draft(mut reader: FieldReader) -> Result<JobDraft, ValidationErrors> {
    reader.require("type");
    reader.require("config");
    let draft = JobDraft {
        name: reader.text("name", NAME_MAX_CHARS),
        job_type: reader.text("type", WORD_MAX_CHARS).unwrap_or_default(),
        config: reader.object_or_its_text("config").unwrap_or_default(),
        schedule: schedule(&mut reader),
        priority: reader.integer("priority"),
        project_id: reader.text("project_id", KEY_MAX_CHARS),
        tags: tag_list(&mut reader, "tags").unwrap_or_default(),
        tag_ids: tag_ids(&mut reader).unwrap_or_default(),
        timeout_seconds: reader.nullable_integer("timeout_seconds").flatten(),
        max_retries: reader.integer("max_retries"),
        retry_delay_seconds: reader.integer("retry_delay_seconds"),
        retry_max_delay_seconds: reader.integer("retry_max_delay_seconds"),
        retry_exit_codes: reader.nullable_integers("retry_exit_codes", RETRY_EXIT_CODES_MAX).flatten(),
        max_lateness_seconds: reader.nullable_integer("max_lateness_seconds").flatten(),
        on_late: reader.choice("on_late"),
        on_crash: reader.choice("on_crash"),
        concurrency_key: reader.nullable_text("concurrency_key", KEY_MAX_CHARS).flatten(),
        external_id: reader.nullable_text("external_id", KEY_MAX_CHARS).flatten(),
        metadata: reader.object("metadata").unwrap_or_default(),
        held: reader.boolean("held").unwrap_or_default(),
    };
    reader.finish()?;
    Ok(draft)
}

/// `POST /api/jobs/{id}/clone`: the new name, if one is given, and the time.
pub(crate) fn clone(object: JsonObject) -> Result<(Option<String>, Schedule), ApiError> {
    let mut reader = FieldReader::new(object, job_fields::CLONE);
    reader.require("scheduled_at");
    let name = reader.text("name", NAME_MAX_CHARS);
    let schedule = schedule(&mut reader);
    reader.finish().map_err(ApiError::invalid)?;
    Ok((name, schedule))
}

/// `POST /api/jobs/{id}/hold`: the reason, and the time at which the hold ends by itself.
pub(crate) fn hold(object: JsonObject) -> Result<(HoldReason, Option<Schedule>), ApiError> {
    let mut reader = FieldReader::new(object, job_fields::HOLD);
    let reason = reader.choice("reason").unwrap_or(HoldReason::Manual);
    let until = reader.nullable_text("until", TIME_EXPRESSION_MAX_CHARS).flatten();
    let timezone = reader.text("timezone", WORD_MAX_CHARS);
    reader.finish().map_err(ApiError::invalid)?;
    Ok((reason, until.map(|until| Schedule { timezone, ..Schedule::at(until) })))
}

/// `POST /api/jobs/{id}/release`: the reason of the hold.
pub(crate) fn release(object: JsonObject) -> Result<HoldReason, ApiError> {
    let mut reader = FieldReader::new(object, job_fields::RELEASE);
    let reason = reader.choice("reason").unwrap_or(HoldReason::Manual);
    reader.finish().map_err(ApiError::invalid)?;
    Ok(reason)
}

/// `POST /api/jobs/release`: the reason, which must be given, as this is about many jobs.
pub(crate) fn release_all(object: JsonObject) -> Result<HoldReason, ApiError> {
    let mut reader = FieldReader::new(object, job_fields::RELEASE);
    reader.require("reason");
    let reason = reader.choice("reason").unwrap_or(HoldReason::Manual);
    reader.finish().map_err(ApiError::invalid)?;
    Ok(reason)
}

/// A request that has no fields.
pub(crate) fn nothing(object: JsonObject) -> Result<(), ApiError> {
    FieldReader::new(object, job_fields::NONE).finish().map_err(ApiError::invalid)
}

/// `POST /api/time/parse`.
pub(crate) fn parse_time(object: JsonObject) -> Result<Schedule, ApiError> {
    let mut reader = FieldReader::new(object, job_fields::PARSE_TIME);
    reader.require("expression");
    let schedule =
        Schedule { at: reader.text("expression", TIME_EXPRESSION_MAX_CHARS), ..schedule(&mut reader) };
    reader.finish().map_err(ApiError::invalid)?;
    Ok(schedule)
}

/// The fields of a time, as far as the request has them.
pub(crate) fn schedule(reader: &mut FieldReader) -> Schedule {
    Schedule {
        at: reader.text("scheduled_at", TIME_EXPRESSION_MAX_CHARS),
        immediate: reader.boolean("immediate").unwrap_or_default(),
        timezone: reader.text("timezone", WORD_MAX_CHARS),
        disambiguation: reader.choice("disambiguation").unwrap_or(Disambiguation::Reject),
        allow_past: reader.boolean("allow_past").unwrap_or_default(),
    }
}

/// The ids of tags, where they are not given by name.
pub(crate) fn tag_ids(reader: &mut FieldReader) -> Option<Vec<String>> {
    if reader.has("tags") && reader.has("tag_ids") {
        reader.wrong("tag_ids", "says what `tags` says: give only one of them");
    }
    tag_list(reader, "tag_ids")
}

/// A list of tags.
pub(crate) fn tag_list(reader: &mut FieldReader, name: &str) -> Option<Vec<String>> {
    reader.texts(name, TAGS_MAX, TAG_MAX_CHARS)
}

#[cfg(test)]
#[path = "job_requests_tests.rs"]
mod tests;
