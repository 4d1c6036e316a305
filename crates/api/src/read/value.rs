//! JSON values as Rust values, or a sentence that says what was expected and what was given.

use crate::read::strict;
use serde_json::{Map, Value};

/// What was expected and what was given.
pub(crate) type Mismatch = String;

pub(crate) fn text(value: &Value, max_chars: usize) -> Result<String, Mismatch> {
    let Value::String(text) = value else { return Err(mismatch("text", value)) };
    bounded(text, max_chars)?;
    Ok(text.clone())
}

pub(crate) fn into_text(value: Value, max_chars: usize) -> Result<String, Mismatch> {
    let Value::String(text) = value else { return Err(mismatch("text", &value)) };
    bounded(&text, max_chars)?;
    Ok(text)
}

fn bounded(text: &str, max_chars: usize) -> Result<(), Mismatch> {
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(format!("is too long: {chars} characters, at most {max_chars}"));
    }
    if text.contains('\0') {
        return Err("must not contain the character NUL".to_owned());
    }
    Ok(())
}

pub(crate) fn integer(value: &Value) -> Result<i64, Mismatch> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Ok(integer),
            None if number.is_u64() => Err(format!("is too large: {number}")),
            None => Err(format!("must be an integer, not {number}")),
        },
        other => Err(mismatch("an integer", other)),
    }
}

pub(crate) fn boolean(value: &Value) -> Result<bool, Mismatch> {
    value.as_bool().ok_or_else(|| mismatch("true or false", value))
}

pub(crate) fn into_object(value: Value) -> Result<Map<String, Value>, Mismatch> {
    match value {
        Value::Object(map) => Ok(map),
        other => Err(mismatch("an object", &other)),
    }
}

/// An object, or an object as JSON in a string, as OneOff v1 has it.
pub(crate) fn into_object_or_its_text(value: Value) -> Result<Map<String, Value>, Mismatch> {
    let Value::String(text) = value else { return into_object(value) };
    match strict::from_text(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(format!("must be an object, but the text holds {}", described(&other))),
        Err(error) if error.is_data() => Err(format!("must be an object; in the text, {error}")),
        Err(error) => Err(format!("must be an object; the text that was given is not JSON: {error}")),
    }
}

pub(crate) fn list(value: &Value, max_items: usize) -> Result<&[Value], Mismatch> {
    let Value::Array(items) = value else { return Err(mismatch("a list", value)) };
    if items.len() > max_items {
        return Err(format!("has too many entries: {}, at most {max_items}", items.len()));
    }
    Ok(items)
}

/// `must be an integer, not the text "7"`.
pub(crate) fn mismatch(expected: &str, given: &Value) -> Mismatch {
    format!("must be {expected}, not {}", described(given))
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {:?}", text),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_are_whole_and_fit() {
        assert_eq!(integer(&json!(-7)), Ok(-7));
        assert_eq!(integer(&json!(i64::MAX)), Ok(i64::MAX));
        for (value, said) in [
            (json!(1.5), "must be an integer, not 1.5"),
            (json!(u64::MAX), "is too large: 18446744073709551615"),
            (json!(1e300), "must be an integer, not 1e+300"),
            (json!("7"), "must be an integer, not the text \"7\""),
            (json!(true), "must be an integer, not true"),
            (json!([1]), "must be an integer, not a list"),
        ] {
            assert_eq!(integer(&value), Err(said.to_owned()));
        }
    }

    #[test]
    fn text_is_counted_in_characters() {
        assert_eq!(text(&json!("ünï"), 3), Ok("ünï".to_owned()));
        assert_eq!(text(&json!("ünïx"), 3), Err("is too long: 4 characters, at most 3".to_owned()));
        assert!(text(&json!("a\0b"), 9).unwrap_err().contains("NUL"));
        assert_eq!(text(&json!({}), 3), Err("must be text, not an object".to_owned()));
    }

    #[test]
    fn an_object_may_come_as_its_text() {
        let expected = json!({"url": "http://x"}).as_object().cloned().unwrap();
        assert_eq!(into_object_or_its_text(json!({"url": "http://x"})), Ok(expected.clone()));
        assert_eq!(into_object_or_its_text(json!("{\"url\": \"http://x\"}")), Ok(expected));
        for (value, part) in [
            (json!("[1]"), "a list"),
            (json!("{"), "not JSON"),
            (json!(1), "the number 1"),
            (json!("{\"a\":{\"b\":1,\"b\":2}}"), "`/a/b` is given more than once"),
        ] {
            let said = into_object_or_its_text(value.clone()).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn lists_are_bounded() {
        assert_eq!(list(&json!([1, 2]), 2).map(<[Value]>::len), Ok(2));
        assert!(list(&json!([1, 2, 3]), 2).unwrap_err().contains("at most 2"));
        assert!(list(&json!("a,b"), 2).is_err());
    }
}
