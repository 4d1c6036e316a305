//! `PATCH /api/jobs/{id}`: a JSON merge patch (RFC 7396) as the service's patch. What a new job needs not
//! have, null takes away again, and the default is what remains.

use crate::problem::ApiError;
use crate::read::fields::FieldReader;
use crate::read::job_fields;
use crate::read::job_requests::{schedule, tag_ids, tag_list};
use crate::read::object::JsonObject;
use oneoff_domain::FieldError;
use oneoff_domain::limits::{KEY_MAX_CHARS, NAME_MAX_CHARS, RETRY_EXIT_CODES_MAX};
use oneoff_scheduler::{JobPatch, Schedule};

/// Fields of a job that an edit cannot set, and what to do instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("type", "a job keeps its type: create a new job"),
    ("held", "use POST /api/jobs/{id}/hold and /release"),
    ("status", "use POST /api/jobs/{id}/cancel, /execute, /hold or /release"),
];

/// The edit that the patch asks for. `config`, `metadata` and `tags` are replaced as a whole.
pub(crate) fn patch(object: JsonObject) -> Result<JobPatch, ApiError> {
    let (object, misplaced) = without_misplaced(object);
    let mut reader = FieldReader::new(object, job_fields::PATCH);
    for error in misplaced {
        reader.error(error);
    }
    let (schedule, timezone) = moved_to(&mut reader);
    let patch = JobPatch {
        name: reader.nullable_text("name", NAME_MAX_CHARS),
        config: reader.object_or_its_text("config"),
        schedule,
        timezone,
        priority: reader.nullable_integer("priority"),
        project_id: reader.nullable_text("project_id", KEY_MAX_CHARS),
        tags: reader.or_null("tags", tag_list),
        tag_ids: reader.or_null("tag_ids", |reader, _name| tag_ids(reader)),
        timeout_seconds: reader.nullable_integer("timeout_seconds"),
        max_retries: reader.nullable_integer("max_retries"),
        retry_delay_seconds: reader.nullable_integer("retry_delay_seconds"),
        retry_max_delay_seconds: reader.nullable_integer("retry_max_delay_seconds"),
        retry_exit_codes: reader.nullable_integers("retry_exit_codes", RETRY_EXIT_CODES_MAX),
        max_lateness_seconds: reader.nullable_integer("max_lateness_seconds"),
        on_late: reader.or_null("on_late", FieldReader::choice),
        on_crash: reader.or_null("on_crash", FieldReader::choice),
        concurrency_key: reader.nullable_text("concurrency_key", KEY_MAX_CHARS),
        external_id: reader.nullable_text("external_id", KEY_MAX_CHARS),
        metadata: reader.or_null("metadata", FieldReader::object),
    };
    reader.finish().map_err(ApiError::invalid)?;
    Ok(patch)
}

/// The new time if the patch has one, or else the new zone.
fn moved_to(reader: &mut FieldReader) -> (Option<Schedule>, Option<String>) {
    let schedule = schedule(reader);
    if schedule.immediate || schedule.at.is_some() {
        return (Some(schedule), None);
    }
    for name in ["disambiguation", "allow_past"] {
        if reader.has(name) && !reader.has("scheduled_at") {
            reader.wrong(name, "says how `scheduled_at` is read, which is not given");
        }
    }
    (None, schedule.timezone)
}

fn without_misplaced(object: JsonObject) -> (JsonObject, Vec<FieldError>) {
    let elsewhere = |name: &str| ELSEWHERE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut errors = Vec::new();
    let mut fields = Vec::with_capacity(object.0.len());
    for (name, value) in object.0 {
        match elsewhere(&name) {
            Some((_, hint)) => {
                errors.push(FieldError::new(format!("/{name}"), "cannot be edited").with_hint(*hint));
            }
            None => fields.push((name, value)),
        }
    }
    (JsonObject(fields), errors)
}

#[cfg(test)]
mod tests {
    use super::patch;
    use crate::read::object::JsonObject;
    use oneoff_domain::OnLate;
    use oneoff_scheduler::{JobPatch, Schedule};

    fn read(text: &str) -> Result<JobPatch, String> {
        patch(JsonObject::parse(text.as_bytes()).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn absent_fields_stay_and_null_clears() {
        assert_eq!(read("{}").unwrap(), JobPatch::default());
        let cleared = read(
            r#"{"name":null,"priority":null,"project_id":null,"tags":null,"timeout_seconds":null,
                "max_retries":null,"retry_delay_seconds":null,"retry_max_delay_seconds":null,
                "retry_exit_codes":null,"max_lateness_seconds":null,"on_late":null,"on_crash":null,
                "concurrency_key":null,"external_id":null,"metadata":null}"#,
        );
        let expected = JobPatch {
            name: Some(None),
            config: None,
            schedule: None,
            timezone: None,
            priority: Some(None),
            project_id: Some(None),
            tags: Some(None),
            tag_ids: None,
            timeout_seconds: Some(None),
            max_retries: Some(None),
            retry_delay_seconds: Some(None),
            retry_max_delay_seconds: Some(None),
            retry_exit_codes: Some(None),
            max_lateness_seconds: Some(None),
            on_late: Some(None),
            on_crash: Some(None),
            concurrency_key: Some(None),
            external_id: Some(None),
            metadata: Some(None),
        };
        assert_eq!(cleared.unwrap(), expected);
        assert_eq!(read(r#"{"tag_ids":null}"#).unwrap().tag_ids, Some(None));
        assert!(read(r#"{"tag_ids":[],"tags":[]}"#).unwrap_err().contains("only one"));
    }

    #[test]
    fn null_is_refused_where_a_job_must_have_something() {
        for name in ["config", "scheduled_at", "immediate", "timezone", "disambiguation", "allow_past"] {
            let error = read(&format!(r#"{{"{name}": null}}"#)).unwrap_err();
            assert!(
                error.contains(&format!("{name}: must be")) || error.contains(&format!("/{name}")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_sent_replaces() {
        let read = read(
            r#"{"name":"n","config":"{\"script\":\"x\"}","tag_ids":["a"],"timeout_seconds":5,"on_late":"skip"}"#,
        );
        let read = read.unwrap();
        assert_eq!(read.name, Some(Some("n".to_owned())));
        assert_eq!(read.config.unwrap()["script"], "x");
        assert_eq!((read.tags, read.tag_ids), (None, Some(Some(vec!["a".to_owned()]))));
        assert_eq!(read.timeout_seconds, Some(Some(5)));
        assert_eq!(read.on_late, Some(Some(OnLate::Skip)));
    }

    #[test]
    fn a_zone_goes_with_the_time_or_stands_alone() {
        let moved = read(r#"{"scheduled_at":"tomorrow 9am","timezone":"Europe/Madrid"}"#).unwrap();
        let expected =
            Schedule { timezone: Some("Europe/Madrid".to_owned()), ..Schedule::at("tomorrow 9am") };
        assert_eq!((moved.schedule, moved.timezone), (Some(expected), None));
        let alone = read(r#"{"timezone":"Europe/Madrid"}"#).unwrap();
        assert_eq!((alone.schedule, alone.timezone.as_deref()), (None, Some("Europe/Madrid")));
        assert!(read(r#"{"immediate":true}"#).unwrap().schedule.unwrap().immediate);
        assert!(read(r#"{"allow_past":true}"#).unwrap_err().contains("scheduled_at"));
    }

    #[test]
    fn what_an_edit_cannot_set_is_told_with_the_way_to_do_it() {
        for (name, part) in [("status", "/cancel"), ("type", "create a new job"), ("held", "/hold")] {
            let error = read(&format!(r#"{{"{name}": "x"}}"#)).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
