//! `POST /api/jobs/bulk`: many jobs, read in one pass from the bytes of the body, and what is wrong with each.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use crate::read::fields::{Field, FieldReader};
use crate::read::form::Form;
use crate::read::job_fields;
use crate::read::job_requests;
use crate::read::strict::Repetitions;
use oneoff_domain::limits::{BULK_ERRORS_MAX, BULK_MAX_JOBS};
use oneoff_domain::{FieldError, ValidationErrors};
use oneoff_scheduler::JobDraft;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;
use std::borrow::Cow;
use std::fmt;

pub(crate) const FIELDS: &[Field] = &[
    Field {
        name: "jobs",
        allowed: "a list of 1 to 10000 jobs, each as in POST /api/jobs",
        form: Form::Components("CreateJob", BULK_MAX_JOBS),
    },
    Field {
        name: "atomic",
        allowed: "true (all of them or none) or false (each on its own)",
        form: Form::Boolean,
    },
];

/// Many jobs as they were sent.
#[derive(Debug)]
pub(crate) struct BulkRequest {
    /// Whether all of them are to be stored or none.
    pub(crate) is_atomic: bool,
    /// The jobs in order; what is wrong with the form of one is told from the root of the body.
    pub(crate) jobs: Vec<Result<JobDraft, ValidationErrors>>,
}

impl BulkRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that is not such an object, or in which something beside the jobs is wrong.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ApiError> {
        if text.iter().all(u8::is_ascii_whitespace) {
            let error = FieldError::new("", "the body is empty").with_hint("{\"jobs\": [{...}, ...]}");
            return Err(ApiError::invalid_field(error));
        }
        let Whole { mut rest, jobs } = serde_json::from_slice(text).map_err(|error| unreadable(&error))?;
        let is_atomic = rest.boolean("atomic").unwrap_or(true);
        let jobs = match jobs {
            Some(Jobs { items, sent }) if sent > BULK_MAX_JOBS => {
                rest.wrong("jobs", format!("are too many: {sent}, at most {BULK_MAX_JOBS}"));
                items
            }
            Some(Jobs { items, .. }) if items.is_empty() => {
                rest.wrong("jobs", "are none");
                items
            }
            Some(Jobs { items, .. }) => items,
            None => {
                rest.require("jobs");
                Vec::new()
            }
        };
        rest.finish().map_err(ApiError::invalid)?;
        Ok(Self { is_atomic, jobs })
    }

    /// The jobs of a request that stands or falls as a whole.
    ///
    /// # Errors
    /// All that is wrong with any of them, up to [`BULK_ERRORS_MAX`] faults.
    pub(crate) fn into_drafts(self) -> Result<Vec<JobDraft>, ValidationErrors> {
        let mut drafts = Vec::with_capacity(self.jobs.len());
        let mut errors = Vec::new();
        for job in self.jobs {
            match job {
                Ok(draft) => drafts.push(draft),
                Err(wrong) => errors.extend(wrong.0),
            }
            if errors.len() >= BULK_ERRORS_MAX {
                break;
            }
        }
        errors.truncate(BULK_ERRORS_MAX);
        ValidationErrors(errors).into_result()?;
        Ok(drafts)
    }
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    match error.classify() {
        Category::Data => ApiError::invalid_field(
            FieldError::new("", format!("the body is not what is wanted: {error}"))
                .with_hint("{\"jobs\": [{...}, ...], \"atomic\": true}"),
        ),
        Category::Syntax | Category::Eof | Category::Io => {
            ApiError::new(ErrorCode::InvalidJson, format!("the body is not JSON: {error}"))
        }
    }
}

/// The body: the jobs, and a reader of all else.
struct Whole {
    rest: FieldReader,
    jobs: Option<Jobs>,
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WholeVisitor)
    }
}

struct WholeVisitor;

impl<'de> Visitor<'de> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the field `jobs`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Whole, A::Error> {
        let mut whole = Whole { rest: FieldReader::empty(FIELDS), jobs: None };
        while let Some(Name(name)) = object.next_key()? {
            if !name.eq_ignore_ascii_case("jobs") {
                whole.rest.add(&name, object.next_value()?);
            } else if whole.jobs.is_some() {
                object.next_value::<IgnoredAny>()?;
                whole.rest.error(FieldError::new("/jobs", "is given more than once"));
            } else {
                whole.jobs = Some(object.next_value()?);
            }
        }
        Ok(whole)
    }
}

/// A name, borrowed from the text unless it is escaped there.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Default)]
struct Jobs {
    items: Vec<Result<JobDraft, ValidationErrors>>,
    /// How many were sent; beyond the limit they are counted and not read.
    sent: usize,
}

impl<'de> Deserialize<'de> for Jobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(JobsVisitor)
    }
}

struct JobsVisitor;

impl<'de> Visitor<'de> for JobsVisitor {
    type Value = Jobs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of jobs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Jobs, A::Error> {
        let mut jobs = Jobs::default();
        while jobs.sent < BULK_MAX_JOBS {
            match list.next_element_seed(Item { index: jobs.sent })? {
                Some(item) => jobs.items.push(item),
                None => return Ok(jobs),
            }
            jobs.sent += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            jobs.sent += 1;
        }
        Ok(jobs)
    }
}

/// One job. What is wrong with it is a value, so that the rest of the text is still read.
struct Item {
    index: usize,
}

impl Item {
    fn place(&self) -> String {
        format!("/jobs/{}", self.index)
    }

    fn not_an_object<E>(&self, given: &Value) -> Result<Result<JobDraft, ValidationErrors>, E> {
        let error = FieldError::new(self.place(), crate::read::value::mismatch("an object", given));
        Ok(Err(ValidationErrors::one(error.with_hint("a job as in POST /api/jobs"))))
    }
}

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Result<JobDraft, ValidationErrors>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = Result<JobDraft, ValidationErrors>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a job")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut reader = FieldReader::empty(job_fields::CREATE);
        let mut repetitions = Repetitions::default();
        while let Some(Name(name)) = object.next_key()? {
            let value =
                repetitions.below(|| name.clone().into_owned(), |strict| object.next_value_seed(strict))?;
            reader.add(&name, value);
        }
        for pointer in repetitions.pointers {
            reader.error(FieldError::new(pointer, "is given more than once"));
        }
        let below = |errors: ValidationErrors| {
            let place = self.place();
            ValidationErrors(errors.0.into_iter().map(|error| error.below(&place)).collect())
        };
        Ok(job_requests::draft(reader).map_err(below))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.not_an_object(&Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        self.not_an_object(&value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.not_an_object(&value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.not_an_object(&value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        self.not_an_object(&value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        self.not_an_object(&value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.not_an_object(&Value::Array(Vec::new()))
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
