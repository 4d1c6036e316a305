//! Parameters in paths, queries and headers, and the headers of answers.

use super::operation::Operation;
use crate::read::fields::Field;
use crate::read::form::Form;
use oneoff_domain::limits::IDEMPOTENCY_KEY_MAX_CHARS;
use serde_json::{Map, Value, json};

/// The parameters of an operation.
pub(crate) fn of(operation: &Operation) -> Vec<Value> {
    let in_path = names_in(operation.path).map(|name| in_path(operation, name));
    let in_query = operation.query.iter().map(in_query);
    let mut all: Vec<Value> = in_path.chain(in_query).collect();
    if operation.has_condition {
        let says = "The version that the record must still have: the `ETag` of an earlier answer, or `*`.";
        all.push(header(
            "If-Match",
            says,
            json!({"type": "string", "pattern": "^(\\*|\"[0-9]{1,18}\")$"}),
            "\"3\"",
        ));
    }
    if operation.is_repeatable {
        let says = "The same key with the same request takes effect once, for seven days.";
        let pattern = format!("^[!-~]{{1,{IDEMPOTENCY_KEY_MAX_CHARS}}}$");
        let example = "0b8bcb1c-6d3f-4d2f-9a5e-2f6f6a6d9b1e";
        all.push(header("Idempotency-Key", says, json!({"type": "string", "pattern": pattern}), example));
    }
    all.extend(operation.reads.iter().filter_map(|name| read_header(name)));
    all
}

fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(operation: &Operation, name: &str) -> Value {
    let (schema, says, example) = match (operation.path, name) {
        (_, "type") => (
            json!({"type": "string", "pattern": "^[a-z][a-z0-9._-]{0,63}$"}),
            "The name of a job type.",
            "http",
        ),
        (path, "id") if path.starts_with("/api/projects") || path.starts_with("/api/tags") => {
            (json!({"type": "string", "minLength": 1, "maxLength": 256}), "The id of the record.", "default")
        }
        (path, "id") if path.starts_with("/api/api-keys") => (
            json!({"type": "string", "pattern": "^[0-9a-f]{32}$"}),
            "The id of the API key.",
            "2f1c7a9e0b8d4c6fa1b2c3d4e5f60718",
        ),
        _ => (Form::Uuid.schema(), "The id of the record, a UUID.", "019aa7a0-0000-7000-8000-000000000001"),
    };
    json!({"name": name, "in": "path", "required": true, "description": says, "schema": schema, "example": example})
}

fn in_query(field: &Field) -> Value {
    json!({
        "name": field.name,
        "in": "query",
        "required": false,
        "description": format!("Allowed: {}.", field.allowed),
        "schema": field.form.schema(),
    })
}

/// The sample stands in the description: Swagger UI fills in what has an `example`, and sends it.
fn header(name: &str, says: &str, schema: Value, sample: &str) -> Value {
    let says = format!("{says} Such as `{sample}`.");
    json!({"name": name, "in": "header", "required": false, "description": says, "schema": schema})
}

/// `Accept` is no parameter by OpenAPI: the media types of the answers tell it.
fn read_header(name: &str) -> Option<Value> {
    match name {
        "If-None-Match" => {
            let says =
                "The `ETag` of an earlier answer: a record that is still the same is answered with 304.";
            Some(header(name, says, json!({"type": "string", "pattern": "^[ -~]+$"}), "\"3\""))
        }
        "Last-Event-ID" => {
            let says = "The id of the last event that was seen.";
            Some(header(name, says, json!({"type": "string", "pattern": "^[0-9]{1,18}$"}), "42"))
        }
        _ => None,
    }
}

/// The headers of answers, by their names.
pub(crate) fn answer_headers() -> Map<String, Value> {
    let text = |says: &str, example: &str| json!({"description": says, "schema": {"type": "string"}, "example": example});
    let number = |says: &str, example: i64| json!({"description": says, "schema": {"type": "integer"}, "example": example});
    [
        (
            "X-Request-Id",
            text("The id of the request, also in the log.", "019aa7a0-0000-7000-8000-0000000000ff"),
        ),
        ("ETag", text("The version of the record.", "\"3\"")),
        ("Location", text("The path of what was made.", "/api/jobs/019aa7a0-0000-7000-8000-000000000001")),
        ("Link", text("The next page (RFC 8288).", "</api/jobs?cursor=x>; rel=\"next\"")),
        ("Retry-After", number("When to come back, in seconds.", 1)),
        ("WWW-Authenticate", text("How to come in.", "Bearer realm=\"oneoff\"")),
        ("Idempotency-Replayed", text("`true` where an earlier request with the same key did it.", "true")),
        (
            "Set-Cookie",
            text("The session, or its end.", "oneoff_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"),
        ),
        ("Content-Disposition", text("The name of an export.", "attachment; filename=\"audit.csv\"")),
        ("X-Total-Bytes", number("Bytes of output so far, with `Accept: text/plain`.", 5)),
        ("X-Next-Offset", number("Where the next part begins, with `limit_bytes`.", 5)),
    ]
    .into_iter()
    .map(|(name, header)| (name.to_owned(), header))
    .collect()
}
