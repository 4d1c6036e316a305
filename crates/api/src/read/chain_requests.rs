//! The bodies of requests on chains, as what the service takes.

use crate::problem::ApiError;
use crate::read::fields::{Field, FieldReader};
use crate::read::form::{Form, words};
use crate::read::object::JsonObject;
use crate::read::value::{self, mismatch};
use crate::read::{job_fields, job_requests};
use oneoff_domain::limits::{CHAIN_DESCRIPTION_MAX_CHARS, CHAIN_LINKS_MAX, KEY_MAX_CHARS, NAME_MAX_CHARS};
use oneoff_domain::{FieldError, JobId, LinkRule, RunIf, ValidationErrors};
use oneoff_scheduler::{ChainDraft, ChainPatch, LinkDraft, LinkJob, Schedule, ServiceError};
use serde_json::Value;

const NAME: Field =
    Field { name: "name", allowed: "text of 1 to 256 characters", form: Form::Text(1, NAME_MAX_CHARS) };
const DESCRIPTION: Field = Field {
    name: "description",
    allowed: "text of at most 4096 characters, or null for none",
    form: Form::OrNull(&Form::Text(0, CHAIN_DESCRIPTION_MAX_CHARS)),
};
const PROJECT_ID: Field = Field {
    name: "project_id",
    allowed: "text of at most 256 characters",
    form: Form::Text(1, KEY_MAX_CHARS),
};
const LINKS: Field = Field {
    name: "links",
    allowed: "a list of 1 to 100 links, each {\"job_id\": ...} or {\"job\": {...}}, with stop_on_failure and run_if",
    form: Form::Components("ChainLinkRequest", CHAIN_LINKS_MAX),
};
const JOB_IDS: Field = Field {
    name: "job_ids",
    allowed: "a list of 1 to 100 ids of jobs, or the ids with commas between them",
    form: Form::TextsOrCommas(1, CHAIN_LINKS_MAX, KEY_MAX_CHARS),
};

pub(crate) const CREATE: &[Field] = &[NAME, DESCRIPTION, PROJECT_ID, LINKS, JOB_IDS];
pub(crate) const PATCH: &[Field] = &[NAME, DESCRIPTION, LINKS, JOB_IDS];
pub(crate) const LINK: &[Field] = &[
    Field {
        name: "job_id",
        allowed: "the id of a job, of which each execution runs a copy",
        form: Form::Uuid,
    },
    Field {
        name: "job",
        allowed: "what runs: the fields of a new job without its time",
        form: Form::ComponentOrText("ChainLinkJob"),
    },
    Field { name: "stop_on_failure", allowed: "true or false", form: Form::Boolean },
    Field {
        name: "run_if",
        allowed: "success, failure or always",
        form: Form::WordOf(|| words(RunIf::ALL, RunIf::as_str)),
    },
];

/// What was asked for, and by which of the two fields the links were given.
#[derive(Debug)]
pub(crate) struct ChainRequest<T> {
    pub(crate) chain: T,
    by_ids: bool,
}

impl<T> ChainRequest<T> {
    /// What the service found wrong, with pointers into what was sent.
    pub(crate) fn told(by_ids: bool, error: ServiceError) -> ApiError {
        let ServiceError::Invalid(mut errors) = error else { return error.into() };
        for error in errors.0.iter_mut().filter(|_| by_ids) {
            let place = error.pointer.strip_prefix("/links");
            if let Some(place) = place.map(|place| place.trim_end_matches("/job_id").to_owned()) {
                error.pointer = format!("/job_ids{place}");
            }
        }
        ApiError::invalid(errors)
    }

    /// The two of them apart.
    pub(crate) fn into_parts(self) -> (T, bool) {
        (self.chain, self.by_ids)
    }
}

/// `POST /api/chains`.
pub(crate) fn create(object: JsonObject) -> Result<ChainRequest<ChainDraft>, ApiError> {
    let mut reader = FieldReader::new(object, CREATE);
    reader.require("name");
    let name = reader.text("name", NAME_MAX_CHARS).unwrap_or_default();
    let description = reader.nullable_text("description", CHAIN_DESCRIPTION_MAX_CHARS).flatten();
    let project_id = reader.text("project_id", KEY_MAX_CHARS);
    let by_ids = reader.has("job_ids");
    if !by_ids {
        reader.require("links");
    }
    let links = links(&mut reader).unwrap_or_default();
    reader.finish().map_err(ApiError::invalid)?;
    Ok(ChainRequest { chain: ChainDraft { name, description, project_id, links }, by_ids })
}

/// `PATCH /api/chains/{id}`.
pub(crate) fn patch(object: JsonObject) -> Result<ChainRequest<ChainPatch>, ApiError> {
    let mut reader = FieldReader::new(object, PATCH);
    let name = reader.text("name", NAME_MAX_CHARS);
    let description = reader.nullable_text("description", CHAIN_DESCRIPTION_MAX_CHARS);
    let by_ids = reader.has("job_ids");
    let links = links(&mut reader);
    reader.finish().map_err(ApiError::invalid)?;
    Ok(ChainRequest { chain: ChainPatch { name, description, links }, by_ids })
}

/// `POST /api/chains/{id}/execute`.
pub(crate) fn execute(object: JsonObject) -> Result<Schedule, ApiError> {
    let mut reader = FieldReader::new(object, job_fields::EXECUTE_CHAIN);
    let schedule = job_requests::schedule(&mut reader);
    reader.finish().map_err(ApiError::invalid)?;
    Ok(schedule)
}

fn links(reader: &mut FieldReader) -> Option<Vec<LinkDraft>> {
    if reader.has("links") && reader.has("job_ids") {
        reader.wrong("job_ids", "means the same as `links`: give only one of them");
        return None;
    }
    if reader.has("job_ids") {
        let ids = reader.values_or_words("job_ids", CHAIN_LINKS_MAX)?;
        let mut links = Vec::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            match job_id(id) {
                Ok(id) => links.push(LinkDraft::new(LinkJob::CopyOf(id))),
                Err(error) => reader.error(error.below(&format!("/job_ids/{index}"))),
            }
        }
        return Some(links);
    }
    let sent = reader.values("links", CHAIN_LINKS_MAX)?;
    let mut links = Vec::with_capacity(sent.len());
    for (index, value) in sent.into_iter().enumerate() {
        match link(value) {
            Ok(link) => links.push(link),
            Err(errors) => {
                errors.0.into_iter().for_each(|error| reader.error(error.below(&format!("/links/{index}"))));
            }
        }
    }
    Some(links)
}

fn link(value: Value) -> Result<LinkDraft, ValidationErrors> {
    let object =
        value::into_object(value).map_err(|wrong| ValidationErrors::one(FieldError::new("", wrong)))?;
    let mut reader = FieldReader::new(JsonObject(object.into_iter().collect()), LINK);
    let default = LinkRule::default();
    let rule = LinkRule {
        run_if: reader.choice::<RunIf>("run_if").unwrap_or(default.run_if),
        stop_on_failure: reader.boolean("stop_on_failure").unwrap_or(default.stop_on_failure),
    };
    let job = match (reader.has("job_id"), reader.has("job")) {
        (true, true) => {
            reader.wrong("job", "cannot be given together with `job_id`");
            None
        }
        (false, false) => {
            reader.error(FieldError::new("", "says nothing to run").with_hint("give `job_id` or `job`"));
            None
        }
        (true, false) => match reader.value("job_id").map(|id| job_id(&id)) {
            Some(Ok(id)) => Some(LinkJob::CopyOf(id)),
            Some(Err(error)) => {
                reader.error(error.below("/job_id"));
                None
            }
            None => None,
        },
        (false, true) => inline(&mut reader),
    };
    reader.finish()?;
    match job {
        Some(job) => Ok(LinkDraft { job, rule }),
        None => Err(ValidationErrors::one(FieldError::new("", "says nothing to run"))),
    }
}

fn inline(reader: &mut FieldReader) -> Option<LinkJob> {
    let object = reader.object_or_its_text("job")?;
    let fields = FieldReader::new(JsonObject(object.into_iter().collect()), job_fields::LINK_JOB);
    match job_requests::draft(fields) {
        Ok(draft) => Some(LinkJob::Inline(Box::new(draft))),
        Err(errors) => {
            errors.0.into_iter().for_each(|error| reader.error(error.below("/job")));
            None
        }
    }
}

/// What is no id names no job.
fn job_id(value: &Value) -> Result<JobId, FieldError> {
    let Value::String(text) = value else {
        return Err(FieldError::new("", mismatch("the id of a job", value)));
    };
    text.parse().map_err(|_invalid| {
        let given: String = text.chars().take(64).collect();
        FieldError::new("", format!("there is no job `{given}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JOB: &str = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";

    fn object(value: &Value) -> JsonObject {
        JsonObject::parse(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn links_are_read_in_each_form() {
        let inline = json!({"type": "shell", "config": {"script": "true"}, "max_retries": 2});
        let links = json!([
            {"job_id": JOB},
            {"job": inline, "stop_on_failure": false, "run_if": "always"},
            {"job": inline.to_string()},
        ]);
        let (draft, by_ids) = create(object(&json!({"NAME": "c", "links": links}))).unwrap().into_parts();
        assert!(!by_ids);
        assert_eq!(draft.links[0], LinkDraft::new(LinkJob::CopyOf(JOB.parse().unwrap())));
        assert_eq!(draft.links[1].rule, LinkRule { run_if: RunIf::Always, stop_on_failure: false });
        assert!(matches!(&draft.links[2].job, LinkJob::Inline(job) if job.max_retries == Some(2)));
        for ids in [json!([JOB, JOB]), json!(format!("{JOB}, {JOB}"))] {
            let (draft, by_ids) = create(object(&json!({"name": "c", "job_ids": ids}))).unwrap().into_parts();
            assert_eq!((draft.links.len(), by_ids), (2, true));
        }
        let (patch, _) = patch(object(&json!({"description": null}))).unwrap().into_parts();
        assert_eq!(patch, ChainPatch { description: Some(None), ..ChainPatch::default() });
    }

    #[test]
    fn everything_wrong_is_told_by_its_place() {
        let of = |links: Value| json!({"name": "c", "links": links});
        for (body, pointer) in [
            (json!({"links": [{"job_id": JOB}]}), "/name"),
            (json!({"name": 5, "links": [{"job_id": JOB}]}), "/name"),
            (json!({"name": "c"}), "/links"),
            (of(json!("x")), "/links"),
            (of(json!([5])), "/links/0"),
            (of(json!([{}])), "/links/0"),
            (of(json!([{"job_id": "x"}])), "/links/0/job_id"),
            (of(json!([{"job_id": 7}])), "/links/0/job_id"),
            (of(json!([{"job_id": JOB}, {"job_id": JOB, "job": {}}])), "/links/1/job"),
            (of(json!([{"job_id": JOB, "run_if": "maybe"}])), "/links/0/run_if"),
            (of(json!([{"job_id": JOB, "stop_on_failure": "yes"}])), "/links/0/stop_on_failure"),
            (of(json!([{"job_id": JOB, "stop_on_fail": true}])), "/links/0/stop_on_fail"),
            (of(json!([{"job": {"config": {}}}])), "/links/0/job/type"),
            (
                of(json!([{"job": {"type": "shell", "config": {}, "scheduled_at": "now"}}])),
                "/links/0/job/scheduled_at",
            ),
            (
                of(json!([{"job": {"type": "shell", "config": {}, "external_id": "x"}}])),
                "/links/0/job/external_id",
            ),
            (json!({"name": "c", "job_ids": ["x"]}), "/job_ids/0"),
            (json!({"name": "c", "job_ids": [JOB], "links": []}), "/job_ids"),
            (json!({"name": "c", "job_ids": [JOB], "link": []}), "/link"),
        ] {
            let error = create(object(&body)).unwrap_err();
            let pointers: Vec<&str> = error.fields().iter().map(|field| field.pointer.as_str()).collect();
            assert_eq!(pointers.first(), Some(&pointer), "{body}: {pointers:?}");
        }
        let many = vec![json!({"job_id": JOB}); 101];
        assert!(create(object(&of(json!(many)))).is_err());
    }
}
