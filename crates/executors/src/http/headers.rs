//! The headers of a request: those that the job names, and those by which a receiver recognises the job.

use crate::RunContext;
use crate::fields::{Fields, below};
use oneoff_outbound::http::{HeaderMap, HeaderName, HeaderValue};

/// The receiver's means to do a thing once: the same for every attempt of a run.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Headers that belong to the connection (RFC 9110 section 7.6.1) or follow from the body.
pub(super) const OF_THE_CONNECTION: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
];

/// Headers that OneOff sets itself.
pub(super) const OF_ONEOFF: [&str; 3] = ["oneoff-job-id", "oneoff-execution-id", "oneoff-attempt"];

/// Reads the headers of a config.
pub(super) fn read(fields: &mut Fields<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.named_texts("headers") {
        let path = below("headers", &name);
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else {
            fields.refuse(
                &path,
                "is not a header's name: only letters, digits and !#$%&'*+-.^_`|~ are allowed",
            );
            continue;
        };
        let Ok(value) = HeaderValue::from_bytes(value.trim().as_bytes()) else {
            fields.refuse(&path, "has a value with a line break or another control character");
            continue;
        };
        if OF_THE_CONNECTION.contains(&key.as_str()) {
            fields.refuse(&path, "belongs to the connection and cannot be set by a job");
        } else if OF_ONEOFF.contains(&key.as_str()) {
            fields.refuse(&path, "is set by OneOff itself");
        } else if headers.insert(key, value).is_some() {
            fields.refuse(&path, "is given twice, as the case of a header's name does not count");
        }
    }
    headers
}

/// Adds what identifies the attempt.
pub(super) fn identify(headers: &mut HeaderMap, context: &RunContext) {
    let mut set = |name: &'static str, text: String| {
        // Ids and numbers are always valid values.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    };
    set("oneoff-job-id", context.job_id.to_string());
    set("oneoff-execution-id", context.execution_id.to_string());
    set("oneoff-attempt", context.attempt.to_string());
    if !headers.contains_key(IDEMPOTENCY_KEY)
        && let Ok(value) = HeaderValue::try_from(format!("{}-{}", context.job_id, context.run))
    {
        headers.insert(IDEMPOTENCY_KEY, value);
    }
}
