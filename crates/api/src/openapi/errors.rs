//! The problems that an operation can answer with: the rows of the error table that its kind brings along, and its own.

use super::operation::Operation;
use crate::authorize::Scope;
use crate::error_table::ErrorCode;
use crate::problem::{ApiError, PROBLEM_JSON};
use oneoff_domain::FieldError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The id of a request in examples.
const REQUEST_ID: &str = "019aa7a0-0000-7000-8000-0000000000ff";

/// Every problem that the operation can answer with, in the order of the table.
pub(crate) fn of(operation: &Operation) -> Vec<ErrorCode> {
    ErrorCode::ALL.iter().copied().filter(|code| is_of(operation, *code)).collect()
}

fn is_of(operation: &Operation, code: ErrorCode) -> bool {
    if operation.refusals.contains(&code) {
        return true;
    }
    // Whose head does not arrive in time is answered before it is known what was asked for.
    if code == ErrorCode::RequestTimeout {
        return true;
    }
    if operation.is_probe {
        return false;
    }
    let is_api =
        operation.path.starts_with("/api") && operation.id != "getOpenApi" && operation.id != "getOpenApi31";
    match code {
        ErrorCode::HostRefused | ErrorCode::OriginRefused | ErrorCode::Internal => true,
        ErrorCode::InvalidRequest => is_api,
        ErrorCode::Overloaded
        | ErrorCode::Stopping
        | ErrorCode::StorageUnavailable
        | ErrorCode::StorageDamaged
        | ErrorCode::StorageReplaced => is_api,
        ErrorCode::Unauthorized | ErrorCode::TooManyFailures => operation.scope.is_some(),
        ErrorCode::Forbidden => is_api && operation.scope.is_some_and(|scope| is_refused(operation, scope)),
        ErrorCode::ForgeryRefused => operation.scope.is_some() && operation.is_write(),
        ErrorCode::NotFound => operation.names_a_record(),
        ErrorCode::InvalidJson | ErrorCode::BodyTooLarge | ErrorCode::UnsupportedMediaType => {
            operation.is_write() && reads_a_body(operation)
        }
        ErrorCode::OutcomeUnknown | ErrorCode::StorageFull => {
            operation.is_write() && operation.id != "parseTime"
        }
        ErrorCode::VersionMismatch => operation.has_condition,
        ErrorCode::IdempotencyMismatch | ErrorCode::Removed => operation.is_repeatable,
        ErrorCode::LastAdminKey
        | ErrorCode::KeyNotValid
        | ErrorCode::KeyReplaced
        | ErrorCode::IsSetUp
        | ErrorCode::RequestTimeout
        | ErrorCode::MethodNotAllowed
        | ErrorCode::IllegalState
        | ErrorCode::Duplicate => false,
    }
}

/// Every key may read; what a restricted one may not see is not there.
fn is_refused(operation: &Operation, scope: Scope) -> bool {
    !matches!(scope, Scope::Read) || operation.is_write() || operation.path.starts_with("/api")
}

fn reads_a_body(operation: &Operation) -> bool {
    operation.sent.is_some() || operation.method == "delete" && operation.id != "signOut"
}

/// The answers with these problems, by their statuses.
pub(crate) fn responses(codes: &[ErrorCode]) -> Map<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_u16()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(status, &codes))).collect()
}

fn response(status: u16, codes: &[ErrorCode]) -> Value {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}", code.code(), lower(code.title()))).collect();
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| {
            let reference = format!("#/components/examples/{}", code.code());
            (code.code().to_owned(), json!({ "$ref": reference }))
        })
        .collect();
    let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
    let more = match status {
        401 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    if let (Some(name), Some(headers)) = (more, headers.as_object_mut()) {
        headers.insert(name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    }
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({
        "description": lines.join("; "),
        "headers": headers,
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    })
}

fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// An example of each problem.
pub(crate) fn examples() -> Map<String, Value> {
    let example = |code: &ErrorCode| {
        let problem = match code {
            ErrorCode::InvalidRequest => ApiError::invalid_field(
                FieldError::new("/priority", "11 is out of range").with_hint("an integer from 1 to 10"),
            ),
            code => ApiError::new(*code, sample(*code)),
        };
        let value = json!(problem.problem(REQUEST_ID));
        (code.code().to_owned(), json!({"summary": code.title(), "value": value}))
    };
    ErrorCode::ALL.iter().map(example).collect()
}

fn sample(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidRequest => "priority: 11 is out of range",
        ErrorCode::InvalidJson => "the body is not JSON: expected value at line 1 column 1",
        ErrorCode::Unauthorized => "missing Authorization header: send `Authorization: Bearer <key>`",
        ErrorCode::TooManyFailures => {
            "more than 20 keys that are not valid came from this address within a minute: try again in 42 seconds; a \
             valid key is accepted meanwhile"
        }
        ErrorCode::Forbidden => "insufficient permissions: this needs a key with the scope `write`",
        ErrorCode::HostRefused => {
            "this server has no API keys and answers only to localhost, not to `jobs.example.com`: set \
             ALLOWED_HOSTS=jobs.example.com to allow it, or AUTH_ENABLED=true to demand keys instead"
        }
        ErrorCode::OriginRefused => {
            "a web page of another origin (`https://example.com`) may not use this server: set \
             ALLOWED_ORIGINS=https://example.com"
        }
        ErrorCode::ForgeryRefused => {
            "a change by a session needs its token: send the `csrf_token` of GET /api/session as X-CSRF-Token"
        }
        ErrorCode::LastAdminKey => "`ci` is the last key with the scope `admin`",
        ErrorCode::KeyNotValid => "the key `ci` is not valid any more",
        ErrorCode::KeyReplaced => {
            "the key `ci` was rotated already and replaced by `ci` (oneoff_1a2b3c4d, id 2f1c7a9e0b8d4c6fa1b2c3d4e5f60718): \
             use or rotate that one"
        }
        ErrorCode::IsSetUp => "there is a key already",
        ErrorCode::NotFound => "there is no job `019aa7a0-0000-7000-8000-000000000001`",
        ErrorCode::Removed => "the job that this request made was deleted: nothing was made again",
        ErrorCode::MethodNotAllowed => "PUT is not possible here, but GET, HEAD, POST",
        ErrorCode::RequestTimeout => "the body did not arrive within 30 seconds",
        ErrorCode::IllegalState => "the job is running and cannot be edited",
        ErrorCode::Duplicate => "`nightly` is taken",
        ErrorCode::VersionMismatch => {
            "the version is 4, not 3: read it again, and send its new ETag as If-Match"
        }
        ErrorCode::BodyTooLarge => "the body is larger than 1048576 bytes",
        ErrorCode::UnsupportedMediaType => {
            "the body has the content type `text/plain`: send `Content-Type: application/json`"
        }
        ErrorCode::IdempotencyMismatch => {
            "the idempotency key was used for another request: use a new Idempotency-Key for every new request"
        }
        ErrorCode::Internal => "the server failed; its log says more",
        ErrorCode::StorageDamaged => "the database is damaged: restore a backup; the server's log says more",
        ErrorCode::StorageReplaced => "the database file was moved, removed or replaced under the server",
        ErrorCode::Overloaded => "too many requests are waiting: try again in a moment",
        ErrorCode::OutcomeUnknown => {
            "the database failed while the change was written, and whether it took effect is not known: look before \
             you repeat it, or repeat it with the same Idempotency-Key"
        }
        ErrorCode::StorageUnavailable => "the database does not answer: nothing was changed; try again",
        ErrorCode::Stopping => "the server is stopping: nothing was changed; try again when it is back",
        ErrorCode::StorageFull => "the disk of the database is full: nothing was changed; free some space",
    }
}
