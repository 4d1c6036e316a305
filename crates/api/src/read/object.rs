//! A JSON object as it was sent: its fields in order, with repetitions, which a map would swallow. Within
//! the fields' values nothing may be repeated.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use crate::read::strict::Repetitions;
use oneoff_domain::{FieldError, ValidationErrors};
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use std::fmt;

/// The fields of an object, in the order in which they were sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct JsonObject(pub(crate) Vec<(String, Value)>);

impl JsonObject {
    /// Reads the text of an object.
    ///
    /// # Errors
    /// Text that is not JSON, with the place, or JSON that is not an object or has repetitions within a field.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ApiError> {
        let mut repetitions = Repetitions::default();
        let object = read(text, &mut repetitions).map_err(|error| not_an_object(&error))?;
        if repetitions.pointers.is_empty() {
            return Ok(object);
        }
        let again = |pointer| FieldError::new(pointer, "is given more than once");
        Err(ApiError::invalid(ValidationErrors(repetitions.pointers.into_iter().map(again).collect())))
    }
}

fn read(text: &[u8], repetitions: &mut Repetitions) -> Result<JsonObject, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let object = Fields(repetitions).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(object)
}

fn not_an_object(error: &serde_json::Error) -> ApiError {
    match error.classify() {
        Category::Data => ApiError::invalid_field(
            FieldError::new("", format!("the body is not a JSON object: {error}"))
                .with_hint("{\"name\": value, ...}"),
        ),
        Category::Syntax | Category::Eof | Category::Io => {
            ApiError::new(ErrorCode::InvalidJson, format!("the body is not JSON: {error}"))
        }
    }
}

struct Fields<'a>(&'a mut Repetitions);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = JsonObject;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonObject, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = JsonObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = self.0.below(|| name.clone(), |strict| map.next_value_seed(strict))?;
            fields.push((name, value));
        }
        Ok(JsonObject(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::JsonObject;
    use serde_json::json;

    #[test]
    fn repetitions_are_kept() {
        let object = JsonObject::parse(br#"{"a": 1, "b": null, "a": [2]}"#).unwrap();
        let expected = [("a", json!(1)), ("b", json!(null)), ("a", json!([2]))];
        assert_eq!(object.0, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn repetitions_within_a_field_are_told_by_their_place() {
        let text = br#"{"config": {"url": "x", "headers": {"A": "1", "A": "2"}, "url": "y"}, "tags": [{"a":1,"a":1}]}"#;
        let error = JsonObject::parse(text).unwrap_err();
        let pointers: Vec<&str> = error.fields().iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/config/headers/A", "/config/url", "/tags/0/a"]);
    }

    #[test]
    fn what_is_no_object_is_refused_with_the_place() {
        for (text, part) in [
            ("", "EOF"),
            ("{", "line 1 column 1"),
            ("{\"a\": 1,}", "line 1 column 9"),
            ("{} {}", "trailing characters"),
            ("[1]", "expected an object"),
            ("\"x\"", "expected an object"),
            ("null", "expected an object"),
            ("NaN", "not JSON"),
            ("{\"a\": \"\\ud800\"}", "not JSON"),
        ] {
            let error = JsonObject::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let deep = "{\"a\":".repeat(10_000);
        assert!(JsonObject::parse(deep.as_bytes()).is_err());
        assert!(JsonObject::parse(b"{\"a\": \"\xff\"}").is_err());
    }
}
