//! What is said of an operation: a table row by row, from which the document, and the walk over every route, are made.

use crate::authorize::Scope;
use crate::error_table::ErrorCode;
use crate::read::fields::Field;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// The schema of what is answered.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What an answer carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// Nothing.
    Nothing,
    /// `{"data": ...}` of this shape; the example of this name.
    Data(Shape, &'static str),
    /// What is of this shape and in no envelope; the example of this name.
    Bare(Shape, &'static str),
    /// A list of rows of this shape; the row that is the example.
    List(Shape, &'static str),
    /// A list that is told as data alone.
    Words(&'static str),
    /// A JSON document of this media type, which is no envelope; the example of this name.
    Json(&'static str, &'static str),
    /// Text of this media type, and an example of it.
    Text(&'static str, &'static str),
}

/// A success.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// When it is given.
    pub(crate) says: &'static str,
    /// What it carries; one of several media types.
    pub(crate) content: Vec<Content>,
    /// Headers beside the usual.
    pub(crate) headers: &'static [&'static str],
}

/// A body that is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// The component that describes it.
    pub(crate) component: &'static str,
    /// Whether it must be sent.
    pub(crate) is_required: bool,
    /// The examples, by their names.
    pub(crate) examples: &'static [&'static str],
}

/// An operation of the API.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    /// What a key must be allowed; `None` where no key is needed.
    pub(crate) scope: Option<Scope>,
    pub(crate) query: Vec<Field>,
    pub(crate) sent: Option<Sent>,
    pub(crate) answers: Vec<Answer>,
    /// Refusals beside those that any such operation has.
    pub(crate) refusals: Vec<ErrorCode>,
    /// Whether `If-Match` is honoured.
    pub(crate) has_condition: bool,
    /// Whether `Idempotency-Key` is.
    pub(crate) is_repeatable: bool,
    /// Whether it is outside of keys, hosts and problem documents.
    pub(crate) is_probe: bool,
    /// Headers that are read beside the usual.
    pub(crate) reads: &'static [&'static str],
}

/// The shape of a struct of the wire.
pub(crate) fn shape<T: JsonSchema>() -> Shape {
    SchemaGenerator::subschema_for::<T>
}

impl Operation {
    fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            tag: "",
            summary,
            description: "",
            scope: Some(Scope::Read),
            query: Vec::new(),
            sent: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            has_condition: false,
            is_repeatable: false,
            is_probe: false,
            reads: &[],
        }
    }

    /// Something that is read.
    pub(crate) fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, id, summary)
    }

    /// Something that is made or done.
    pub(crate) fn post(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let it =
            Self { scope: Some(Scope::Write), is_repeatable: true, ..Self::new("post", path, id, summary) };
        it.query(&[crate::caller::DRY_RUN])
    }

    /// Something that is edited.
    pub(crate) fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let it =
            Self { scope: Some(Scope::Write), has_condition: true, ..Self::new("patch", path, id, summary) };
        it.query(&[crate::caller::DRY_RUN])
    }

    /// Something that is removed.
    pub(crate) fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let it =
            Self { scope: Some(Scope::Write), has_condition: true, ..Self::new("delete", path, id, summary) };
        it.query(&[crate::caller::DRY_RUN])
    }

    /// More about it.
    pub(crate) fn more(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// The permission that it needs.
    pub(crate) fn needs(self, scope: Option<Scope>) -> Self {
        Self { scope, ..self }
    }

    /// Parameters that it reads.
    pub(crate) fn query(mut self, fields: &[Field]) -> Self {
        for field in fields {
            if self.query.iter().all(|known| known.name != field.name) {
                self.query.push(*field);
            }
        }
        self
    }

    /// It reads no parameters, and changes nothing that could be looked at before.
    pub(crate) fn without_parameters(self) -> Self {
        Self { query: Vec::new(), is_repeatable: false, has_condition: false, ..self }
    }

    /// The body that it needs.
    pub(crate) fn takes(self, component: &'static str, examples: &'static [&'static str]) -> Self {
        Self { sent: Some(Sent { component, is_required: true, examples }), ..self }
    }

    /// The body that it reads if one is sent.
    pub(crate) fn may_take(self, component: &'static str, examples: &'static [&'static str]) -> Self {
        Self { sent: Some(Sent { component, is_required: false, examples }), ..self }
    }

    /// It honours `If-Match`.
    pub(crate) fn with_condition(self) -> Self {
        Self { has_condition: true, ..self }
    }

    /// It does not look at `Idempotency-Key`.
    pub(crate) fn each_time(self) -> Self {
        Self { is_repeatable: false, ..self }
    }

    /// Headers that it reads beside the usual.
    pub(crate) fn reads(self, headers: &'static [&'static str]) -> Self {
        Self { reads: headers, ..self }
    }

    /// A success.
    pub(crate) fn answers(
        mut self,
        status: u16,
        says: &'static str,
        content: Content,
        headers: &'static [&'static str],
    ) -> Self {
        match self.answers.iter_mut().find(|answer| answer.status == status) {
            Some(answer) => answer.content.push(content),
            None => self.answers.push(Answer { status, says, content: vec![content], headers }),
        }
        self
    }

    /// It answers what is asked for.
    pub(crate) fn tells<T: JsonSchema>(self, example: &'static str) -> Self {
        self.answers(200, "What was asked for.", Content::Data(shape::<T>(), example), &[])
    }

    /// It answers a record with its version, or that the client has it.
    pub(crate) fn tells_record<T: JsonSchema>(self, example: &'static str) -> Self {
        self.answers(200, "The record.", Content::Data(shape::<T>(), example), &["ETag"])
            .answers(304, "The record is still the one of `If-None-Match`.", Content::Nothing, &["ETag"])
            .reads(&["If-None-Match"])
    }

    /// It answers a page of rows.
    pub(crate) fn lists<T: JsonSchema>(self, example: &'static str) -> Self {
        self.answers(200, "The rows.", Content::List(shape::<T>(), example), &["Link"])
    }

    /// It makes a record.
    pub(crate) fn makes<T: JsonSchema>(self, example: &'static str) -> Self {
        const MADE: &[&str] = &["Location", "ETag", "Idempotency-Replayed"];
        self.answers(201, "It was made.", Content::Data(shape::<T>(), example), MADE).answers(
            200,
            "With `dry_run`: what would be made.",
            Content::Data(shape::<T>(), example),
            &[],
        )
    }

    /// It changes a record and answers it.
    pub(crate) fn changes<T: JsonSchema>(self, example: &'static str) -> Self {
        let says = "The record as it is now; with `dry_run`, as it would be.";
        self.answers(200, says, Content::Data(shape::<T>(), example), &["ETag", "Idempotency-Replayed"])
    }

    /// It removes a record.
    pub(crate) fn removes<T: JsonSchema>(self, example: &'static str) -> Self {
        self.answers(204, "It was removed.", Content::Nothing, &[]).answers(
            200,
            "With `dry_run`: what would be removed.",
            Content::Data(shape::<T>(), example),
            &[],
        )
    }

    /// Refusals beside those that any such operation has.
    pub(crate) fn refuses(mut self, codes: &[ErrorCode]) -> Self {
        self.refusals.extend(codes);
        self
    }

    /// Whether it changes anything.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "get"
    }

    /// Whether its path names a record.
    pub(crate) fn names_a_record(&self) -> bool {
        self.path.contains('{')
    }
}

/// The operations of a part, under its name.
pub(crate) fn tagged(tag: &'static str, operations: Vec<Operation>) -> Vec<Operation> {
    operations.into_iter().map(|operation| Operation { tag, ..operation }).collect()
}
