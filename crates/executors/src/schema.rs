//! Parts of the JSON Schemas of configs.

use serde_json::{Value, json};

/// The dialect in which all are written.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a type's config, complete.
pub(crate) fn of_type(job_type: &str, says: &str, mut config: Value) -> Value {
    if let Some(fields) = config.as_object_mut() {
        fields.insert("$schema".to_owned(), DIALECT.into());
        fields.insert("title".to_owned(), job_type.into());
        fields.insert("description".to_owned(), says.into());
    }
    config
}

/// What is known of a type that says nothing of its configs.
pub(crate) fn of_unknown(job_type: &str) -> Value {
    of_type(job_type, "The config of a job of this type.", json!({"type": "object"}))
}

/// The same with what it means.
pub(crate) fn described(mut form: Value, says: &str) -> Value {
    if let Some(fields) = form.as_object_mut() {
        fields.insert("description".to_owned(), says.into());
    }
    form
}

/// The same or null, which is as good as nothing.
pub(crate) fn nullable(mut form: Value) -> Value {
    if let Some(kind) = form.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    form
}

/// A pattern of a word whose case does not count.
pub(crate) fn any_case(word: &str) -> String {
    let letter = |letter: char| match letter.is_ascii_alphabetic() {
        true => format!("[{}{}]", letter.to_ascii_lowercase(), letter.to_ascii_uppercase()),
        false => letter.to_string(),
    };
    word.chars().map(letter).collect()
}
