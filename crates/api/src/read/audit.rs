//! The query parameters of `GET /api/audit`.

use crate::problem::ApiError;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::query::QueryReader;
use oneoff_domain::limits::{CURSOR_MAX_CHARS, KEY_MAX_CHARS, PAGE_DEFAULT, PAGE_MAX};
use oneoff_storage::AuditFilter;
use std::str::FromStr;

const INSTANT: &str = "an instant such as 2026-12-01T09:00:00Z";
pub(crate) const PARAMETERS: &[Field] = &[
    Field {
        name: "actor",
        allowed: "who, such as key:ci, local or system, or the id of an API key",
        form: Form::Text(1, KEY_MAX_CHARS),
    },
    Field {
        name: "action",
        allowed: "what was done, such as job.cancel; several with commas",
        form: Form::Texted(32),
    },
    Field {
        name: "subject_kind",
        allowed: "a kind of record, such as job or api_key",
        form: Form::Text(1, KEY_MAX_CHARS),
    },
    Field { name: "subject_id", allowed: "the id of a record", form: Form::Text(1, KEY_MAX_CHARS) },
    Field { name: "project_id", allowed: "a project", form: Form::Text(1, KEY_MAX_CHARS) },
    Field { name: "request_id", allowed: "the id of a request", form: Form::Text(1, KEY_MAX_CHARS) },
    Field { name: "from", allowed: INSTANT, form: Form::Instant },
    Field { name: "to", allowed: INSTANT, form: Form::Instant },
    Field {
        name: "limit",
        allowed: "an integer from 1 to 200; of an export there is no limit",
        form: Form::Integer(1, PAGE_MAX as i64),
    },
    Field {
        name: "cursor",
        allowed: "the next_cursor of the page before",
        form: Form::Text(1, CURSOR_MAX_CHARS),
    },
    Field { name: "format", allowed: "json, ndjson or csv", form: Form::Word(&["json", "ndjson", "csv"]) },
];

/// In which form the log is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A page, as every list.
    Json,
    /// All entries, each a line of JSON.
    Ndjson,
    /// All entries as a table.
    Csv,
}

impl FromStr for Format {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "json" => Ok(Self::Json),
            "ndjson" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            _ => Err(()),
        }
    }
}

/// What is asked of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditRequest {
    pub(crate) filter: AuditFilter,
    pub(crate) limit: u32,
    pub(crate) cursor: Option<String>,
    /// `None` where the `Accept` header decides.
    pub(crate) format: Option<Format>,
}

/// `GET /api/audit`.
pub(crate) fn list(query: &str) -> Result<AuditRequest, ApiError> {
    let mut reader = QueryReader::new(query, PARAMETERS);
    let filter = AuditFilter {
        actor: reader.text("actor"),
        actions: reader.list("action"),
        subject_kind: reader.text("subject_kind"),
        subject_id: reader.text("subject_id"),
        project_id: reader.text("project_id"),
        request_id: reader.text("request_id"),
        from: reader.instant("from"),
        to: reader.instant("to"),
    };
    let limit = reader.integer("limit", 1..=i64::from(PAGE_MAX)).and_then(|limit| u32::try_from(limit).ok());
    let request = AuditRequest {
        filter,
        limit: limit.unwrap_or(PAGE_DEFAULT),
        cursor: reader.text("cursor"),
        format: reader.parsed("format"),
    };
    let is_export = matches!(request.format, Some(Format::Ndjson | Format::Csv));
    if is_export && reader.has("limit") {
        reader.wrong("limit", "cannot be combined with an export: narrow it by from and to");
    }
    reader.finish()?;
    Ok(request)
}
