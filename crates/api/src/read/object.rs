//! A JSON object as it was sent: its fields in order, with repetitions, which a map would swallow.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use oneoff_domain::FieldError;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
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
    /// Text that is not JSON, with the place, or JSON that is not an object.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ApiError> {
        serde_json::from_slice(text).map_err(|error| match error.classify() {
            Category::Data => ApiError::invalid_field(
                FieldError::new("", format!("the body is not a JSON object: {error}"))
                    .with_hint("{\"name\": value, ...}"),
            ),
            Category::Syntax | Category::Eof | Category::Io => {
                ApiError::new(ErrorCode::InvalidJson, format!("the body is not JSON: {error}"))
            }
        })
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = JsonObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(JsonObject(fields))
            }
        }
        deserializer.deserialize_map(Fields)
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
