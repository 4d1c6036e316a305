//! The config of an HTTP job as JSON Schema, from the same tables and bounds by which it is checked.

use super::config::{METHODS, REDIRECTS_MAX, RESPONSE_DEFAULT_BYTES, URL_MAX_BYTES};
use super::headers::{OF_ONEOFF, OF_THE_CONNECTION};
use crate::fields::policies;
use crate::schema::{any_case, described, nullable};
use oneoff_domain::limits;
use serde_json::{Map, Value, json};

/// The schema.
pub(super) fn config() -> Value {
    let mut properties = Map::new();
    for (name, says, form) in fields() {
        properties.insert(name.to_owned(), described(form, says));
    }
    properties.extend(policies());
    json!({
        "type": "object",
        "properties": properties,
        "required": ["url"],
        "additionalProperties": false,
        "examples": [
            {"url": "https://example.com/hook"},
            {
                "url": "https://example.com/orders",
                "method": "POST",
                "headers": {"Authorization": "Bearer token"},
                "body": {"order": 4711},
                "expected_status": [201, "4xx"],
                "follow_redirects": false,
            },
        ],
    })
}

fn fields() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "url",
            "A whole URL. In the URL, in headers' values and in the body a link of a chain may use variables such as \
             {{previous.output}}.",
            json!({"type": "string", "maxLength": URL_MAX_BYTES, "pattern": "^\\s*[hH][tT][tT][pP][sS]?:[^\\x00]+$"}),
        ),
        ("method", "GET if it is not given.", method()),
        ("headers", "By their names; the case of a name does not count.", headers()),
        ("body", "A text is sent as it is, anything else as its JSON.", json!({})),
        (
            "expected_status",
            "Which statuses are a success: a status, a range such as 200-299 or 2xx, or an array of these. Without it \
             everything below 400.",
            expected_status(),
        ),
        (
            "max_response_bytes",
            "How much of the response is kept; 1048576 if it is not given.",
            nullable(json!({"type": "integer", "minimum": 0, "maximum": limits::OUTPUT_MAX_BYTES,
                "default": RESPONSE_DEFAULT_BYTES})),
        ),
        (
            "follow_redirects",
            "Whether redirects are followed, or how many at most; true is five.",
            json!({"anyOf": [
                {"type": ["boolean", "null"]},
                {"type": "integer", "minimum": 0, "maximum": REDIRECTS_MAX},
            ]}),
        ),
    ]
}

fn method() -> Value {
    let words: Vec<String> = METHODS.iter().map(|word| any_case(word)).collect();
    nullable(json!({"type": "string", "pattern": format!("^\\s*({})\\s*$", words.join("|"))}))
}

fn headers() -> Value {
    let refused: Vec<String> =
        OF_THE_CONNECTION.iter().chain(&OF_ONEOFF).map(|name| any_case(name)).collect();
    nullable(json!({
        "type": "object",
        "propertyNames": {
            "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
            "not": {"pattern": format!("^({})$", refused.join("|"))},
        },
        "additionalProperties": {
            "type": "string",
            "pattern": "^\\s*([^\\x00-\\x08\\x0a-\\x1f\\x7f]*[^\\x00-\\x20\\x7f])?\\s*$",
        },
    }))
}

fn expected_status() -> Value {
    let one = json!({"anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": "^\\s*([1-5](xx|XX)|[1-5][0-9]{2}(\\s*-\\s*[1-5][0-9]{2})?)\\s*$"},
    ]});
    json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}, {"type": "null"}]})
}
