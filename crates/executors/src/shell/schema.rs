//! The config of a shell job as JSON Schema, from the same tables and bounds by which it is checked.

use super::config::{PATH_MAX_BYTES, STRING_MAX_BYTES};
use super::environment::RESERVED;
use crate::CHAIN_VARIABLES;
use crate::fields::policies;
use crate::schema::{described, nullable};
use serde_json::{Map, Value, json};

/// A text of which something is left without white space.
const NOT_BLANK: &str = "^[^\\x00]*[^\\s\\x00][^\\x00]*$";
const TEXT: &str = "^[^\\x00]*$";

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
        "oneOf": [
            {
                "title": "script",
                "required": ["script"],
                "properties": {"script": {"type": "string"}, "file": {"type": "null"}},
            },
            {
                "title": "file",
                "required": ["file"],
                "properties": {"file": {"type": "string"}, "script": {"type": "null"}, "is_path": {"type": "null"}},
            },
        ],
        "additionalProperties": false,
        "examples": [
            {"script": "echo hello"},
            {"script": "print(input())", "interpreter": ["python3", "-u"], "env": {"REGION": "eu"}, "workdir": "/srv"},
            {"file": "/usr/local/bin/backup", "args": ["--full"]},
        ],
    })
}

fn fields() -> Vec<(&'static str, &'static str, Value)> {
    let path = || nullable(json!({"type": "string", "maxLength": PATH_MAX_BYTES, "pattern": NOT_BLANK}));
    vec![
        (
            "script",
            "The text of a script.",
            nullable(json!({"type": "string", "maxLength": STRING_MAX_BYTES, "pattern": NOT_BLANK})),
        ),
        ("file", "A file that is run, in place of a script.", path()),
        (
            "is_path",
            "Whether `script` is a file, as OneOff v1 says it.",
            json!({"type": ["boolean", "null"]}),
        ),
        (
            "interpreter",
            "The program that runs it, with its options; /bin/sh if it is not given. One that is not known must end with the \
             option by which it takes the text of a script.",
            json!({"anyOf": [
                {"type": ["string", "null"], "pattern": NOT_BLANK},
                {"type": "array", "minItems": 1, "prefixItems": [{"type": "string", "pattern": NOT_BLANK}], "items": text()},
            ]}),
        ),
        ("args", "The arguments.", nullable(json!({"type": "array", "items": text()}))),
        ("env", "Variables of the environment.", environment()),
        ("workdir", "The folder in which it runs.", path()),
    ]
}

fn text() -> Value {
    json!({"type": "string", "maxLength": STRING_MAX_BYTES, "pattern": TEXT})
}

fn environment() -> Value {
    let reserved: Vec<&str> = RESERVED.iter().chain(&CHAIN_VARIABLES).copied().collect();
    nullable(json!({
        "type": "object",
        "propertyNames": {"pattern": "^[^=\\s\\x00-\\x1f\\x7f]+$", "not": {"enum": reserved}},
        "additionalProperties": text(),
    }))
}
