//! The fields of jobs and of what is done with them: their names and the values that are allowed.

use crate::read::fields::Field;
use crate::read::form::{Form, words};
use oneoff_domain::limits::{
    KEY_MAX_CHARS, LATENESS_MAX_SECONDS, NAME_MAX_CHARS, PRIORITY_MAX, RETRIES_MAX, RETRY_DELAY_MAX_SECONDS,
    RETRY_EXIT_CODES_MAX, TAG_MAX_CHARS, TAGS_MAX, TIMEOUT_MAX_SECONDS,
};
use oneoff_domain::{HoldReason, OnCrash, OnLate};

const NAME: Field =
    Field { name: "name", allowed: "text of at most 256 characters", form: Form::Text(1, NAME_MAX_CHARS) };
const TYPE: Field = Field {
    name: "type",
    allowed: "one of the job types of GET /api/job-types, such as http or shell",
    form: Form::Text(1, 128),
};
const CONFIG: Field = Field {
    name: "config",
    allowed: "an object as the job type wants it, or its JSON text",
    form: Form::ObjectOrText,
};
const SCHEDULED_AT: Field = Field {
    name: "scheduled_at",
    allowed: "a time such as 2026-12-01T09:00:00Z, now, in 2h or tomorrow 9am, of at most 128 characters",
    form: Form::Time,
};
const IMMEDIATE: Field = Field { name: "immediate", allowed: "true or false", form: Form::Boolean };
const TIMEZONE: Field =
    Field { name: "timezone", allowed: "an IANA time zone such as Europe/Madrid", form: Form::Timezone };
const DISAMBIGUATION: Field = Field {
    name: "disambiguation",
    allowed: "reject, earlier or later",
    form: Form::Word(&["reject", "earlier", "later"]),
};
const ALLOW_PAST: Field = Field { name: "allow_past", allowed: "true or false", form: Form::Boolean };
const PRIORITY: Field = Field {
    name: "priority",
    allowed: "an integer from 1 to 10, or 0 for the default",
    form: Form::Integer(0, PRIORITY_MAX as i64),
};
const PROJECT_ID: Field = Field {
    name: "project_id",
    allowed: "text of at most 256 characters",
    form: Form::Text(1, KEY_MAX_CHARS),
};
const TAGS: Field = Field {
    name: "tags",
    allowed: "a list of at most 32 names or ids of tags, of at most 64 characters",
    form: Form::Texts(0, TAGS_MAX, TAG_MAX_CHARS),
};
const TAG_IDS: Field = Field {
    name: "tag_ids",
    allowed: "a list of at most 32 ids of tags, of GET /api/tags",
    form: Form::Texts(0, TAGS_MAX, TAG_MAX_CHARS),
};
const TIMEOUT_SECONDS: Field = Field {
    name: "timeout_seconds",
    allowed: "an integer from 1 to 2592000, or null for none",
    form: Form::OrNull(&Form::Integer(1, TIMEOUT_MAX_SECONDS as i64)),
};
const MAX_RETRIES: Field = Field {
    name: "max_retries",
    allowed: "an integer from 0 to 1000",
    form: Form::Integer(0, RETRIES_MAX as i64),
};
const RETRY_DELAY_SECONDS: Field = Field {
    name: "retry_delay_seconds",
    allowed: "an integer from 0 to 2592000",
    form: Form::Integer(0, RETRY_DELAY_MAX_SECONDS as i64),
};
const RETRY_MAX_DELAY_SECONDS: Field = Field {
    name: "retry_max_delay_seconds",
    allowed: "an integer from 0 to 2592000",
    form: Form::Integer(0, RETRY_DELAY_MAX_SECONDS as i64),
};
const RETRY_EXIT_CODES: Field = Field {
    name: "retry_exit_codes",
    allowed: "a list of at most 64 integers, or null for all",
    form: Form::OrNull(&Form::Integers(RETRY_EXIT_CODES_MAX)),
};
const MAX_LATENESS_SECONDS: Field = Field {
    name: "max_lateness_seconds",
    allowed: "an integer from 0 to 316224000, or null for no limit",
    form: Form::OrNull(&Form::Integer(0, LATENESS_MAX_SECONDS as i64)),
};
const ON_LATE: Field = Field {
    name: "on_late",
    allowed: "run or skip",
    form: Form::WordOf(|| words(OnLate::ALL, OnLate::as_str)),
};
const ON_CRASH: Field = Field {
    name: "on_crash",
    allowed: "retry or fail",
    form: Form::WordOf(|| words(OnCrash::ALL, OnCrash::as_str)),
};
const CONCURRENCY_KEY: Field = Field {
    name: "concurrency_key",
    allowed: "text of at most 256 characters, or null for none",
    form: Form::OrNull(&Form::Text(1, KEY_MAX_CHARS)),
};
const EXTERNAL_ID: Field = Field {
    name: "external_id",
    allowed: "text of at most 256 characters, or null for none",
    form: Form::OrNull(&Form::Text(1, KEY_MAX_CHARS)),
};
const METADATA: Field =
    Field { name: "metadata", allowed: "an object of at most 16384 bytes", form: Form::Object };
const HELD: Field = Field { name: "held", allowed: "true or false", form: Form::Boolean };
const REASON: Field = Field {
    name: "reason",
    allowed: "manual, chain, gate, approval, restore or downtime",
    form: Form::WordOf(|| words(HoldReason::ALL, HoldReason::as_str)),
};
const UNTIL: Field = Field {
    name: "until",
    allowed: "a time such as 2026-12-01T09:00:00Z, in 2h or tomorrow 9am, of at most 128 characters",
    form: Form::OrNull(&Form::Time),
};
const EXPRESSION: Field = Field {
    name: "expression",
    allowed: "a time such as 2026-12-01T09:00:00Z, now, in 2h or tomorrow 9am, of at most 128 characters",
    form: Form::Time,
};

/// The fields of a new job.
pub(crate) const CREATE: &[Field] = &[
    NAME,
    TYPE,
    CONFIG,
    SCHEDULED_AT,
    IMMEDIATE,
    TIMEZONE,
    DISAMBIGUATION,
    ALLOW_PAST,
    PRIORITY,
    PROJECT_ID,
    TAGS,
    TAG_IDS,
    TIMEOUT_SECONDS,
    MAX_RETRIES,
    RETRY_DELAY_SECONDS,
    RETRY_MAX_DELAY_SECONDS,
    RETRY_EXIT_CODES,
    MAX_LATENESS_SECONDS,
    ON_LATE,
    ON_CRASH,
    CONCURRENCY_KEY,
    EXTERNAL_ID,
    METADATA,
    HELD,
];

/// The fields of a job that a link of a chain defines: those of a new one without its time, and what an execution of
/// the chain gives it.
pub(crate) const LINK_JOB: &[Field] = &[
    NAME,
    TYPE,
    CONFIG,
    TIMEZONE,
    PRIORITY,
    TAGS,
    TAG_IDS,
    TIMEOUT_SECONDS,
    MAX_RETRIES,
    RETRY_DELAY_SECONDS,
    RETRY_MAX_DELAY_SECONDS,
    RETRY_EXIT_CODES,
    MAX_LATENESS_SECONDS,
    ON_LATE,
    ON_CRASH,
    CONCURRENCY_KEY,
    METADATA,
];

/// The fields of the start of a chain.
pub(crate) const EXECUTE_CHAIN: &[Field] = &[SCHEDULED_AT, IMMEDIATE, TIMEZONE, DISAMBIGUATION, ALLOW_PAST];

/// The fields of an edit.
pub(crate) const PATCH: &[Field] = &[
    NAME,
    CONFIG,
    SCHEDULED_AT,
    IMMEDIATE,
    TIMEZONE,
    DISAMBIGUATION,
    ALLOW_PAST,
    PRIORITY,
    PROJECT_ID,
    TAGS,
    TAG_IDS,
    TIMEOUT_SECONDS,
    MAX_RETRIES,
    RETRY_DELAY_SECONDS,
    RETRY_MAX_DELAY_SECONDS,
    RETRY_EXIT_CODES,
    MAX_LATENESS_SECONDS,
    ON_LATE,
    ON_CRASH,
    CONCURRENCY_KEY,
    EXTERNAL_ID,
    METADATA,
];

/// The fields of a clone.
pub(crate) const CLONE: &[Field] = &[SCHEDULED_AT, TIMEZONE, NAME, DISAMBIGUATION, ALLOW_PAST];

/// The fields of a hold.
pub(crate) const HOLD: &[Field] = &[REASON, UNTIL, TIMEZONE];

/// The fields of a release.
pub(crate) const RELEASE: &[Field] = &[REASON];

/// The fields of a time to be read.
pub(crate) const PARSE_TIME: &[Field] = &[EXPRESSION, TIMEZONE, DISAMBIGUATION, ALLOW_PAST];

/// The fields of a request that has none.
pub(crate) const NONE: &[Field] = &[];

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_api_types::{CloneJob, CreateJob, HoldJob, ParseTime, ReleaseJob};
    use oneoff_domain::limits;
    use oneoff_domain::time::Disambiguation;
    use serde::Serialize;
    use serde_json::Map;
    use std::collections::BTreeSet;

    fn names(fields: &[Field]) -> BTreeSet<String> {
        fields.iter().map(|field| field.name.to_owned()).collect()
    }

    fn sent(request: &impl Serialize) -> BTreeSet<String> {
        let value = serde_json::to_value(request).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    }

    fn full_job() -> CreateJob {
        let text = || Some("x".to_owned());
        CreateJob {
            name: text(),
            job_type: "shell".to_owned(),
            config: Map::new(),
            scheduled_at: text(),
            immediate: Some(true),
            timezone: text(),
            disambiguation: text(),
            allow_past: Some(true),
            priority: Some(1),
            project_id: text(),
            tags: Some(Vec::new()),
            tag_ids: Some(Vec::new()),
            timeout_seconds: Some(1),
            max_retries: Some(1),
            retry_delay_seconds: Some(1),
            retry_max_delay_seconds: Some(1),
            retry_exit_codes: Some(Vec::new()),
            max_lateness_seconds: Some(1),
            on_late: text(),
            on_crash: text(),
            concurrency_key: text(),
            external_id: text(),
            metadata: Some(Map::new()),
            held: Some(true),
        }
    }

    #[test]
    fn the_known_fields_are_those_of_the_wire_structs() {
        let mut create = sent(&full_job());
        assert_eq!(names(CREATE), create);
        create.remove("type");
        create.remove("held");
        assert_eq!(names(PATCH), create);

        let text = || Some("x".to_owned());
        let clone = CloneJob {
            scheduled_at: String::new(),
            timezone: text(),
            name: text(),
            disambiguation: text(),
            allow_past: Some(true),
        };
        assert_eq!(names(CLONE), sent(&clone));
        assert_eq!(names(HOLD), sent(&HoldJob { reason: text(), until: text(), timezone: text() }));
        assert_eq!(names(RELEASE), sent(&ReleaseJob { reason: text() }));
        let parse = ParseTime {
            expression: String::new(),
            timezone: text(),
            disambiguation: text(),
            allow_past: Some(true),
        };
        assert_eq!(names(PARSE_TIME), sent(&parse));
    }

    #[test]
    fn the_values_that_are_told_are_those_that_are_allowed() {
        let tells = |field: Field, limit: usize| {
            assert!(field.allowed.contains(&limit.to_string()), "{}: {limit}", field.name);
        };
        let seconds = |limit: u32| usize::try_from(limit).unwrap();
        tells(NAME, limits::NAME_MAX_CHARS);
        tells(SCHEDULED_AT, limits::TIME_EXPRESSION_MAX_CHARS);
        tells(PRIORITY, limits::PRIORITY_MAX.into());
        tells(PROJECT_ID, limits::KEY_MAX_CHARS);
        tells(CONCURRENCY_KEY, limits::KEY_MAX_CHARS);
        tells(EXTERNAL_ID, limits::KEY_MAX_CHARS);
        tells(TAGS, limits::TAGS_MAX);
        tells(TAGS, limits::TAG_MAX_CHARS);
        tells(TIMEOUT_SECONDS, seconds(limits::TIMEOUT_MAX_SECONDS));
        tells(MAX_RETRIES, seconds(limits::RETRIES_MAX));
        tells(RETRY_DELAY_SECONDS, seconds(limits::RETRY_DELAY_MAX_SECONDS));
        tells(RETRY_MAX_DELAY_SECONDS, seconds(limits::RETRY_DELAY_MAX_SECONDS));
        tells(RETRY_EXIT_CODES, limits::RETRY_EXIT_CODES_MAX);
        tells(MAX_LATENESS_SECONDS, seconds(limits::LATENESS_MAX_SECONDS));
        tells(METADATA, limits::METADATA_MAX_BYTES);
        for reason in oneoff_domain::HoldReason::ALL {
            assert!(REASON.allowed.contains(reason.as_str()));
        }
        for word in Disambiguation::ALL {
            assert!(DISAMBIGUATION.allowed.contains(word.as_str()));
        }
    }
}
