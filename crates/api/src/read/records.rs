//! The bodies of requests about projects, tags and settings.

use crate::problem::ApiError;
use crate::read::fields::{Field, FieldReader};
use crate::read::form::Form;
use crate::read::object::JsonObject;
use oneoff_domain::limits::{
    DESCRIPTION_MAX_CHARS, LOOK_MAX_CHARS, NAME_MAX_CHARS, SETTING_MAX_CHARS, TAG_MAX_CHARS,
};
use oneoff_domain::{FieldError, ProjectChange, TagChange, ValidationErrors};
use oneoff_storage::SettingChange;
use serde_json::Value;

const PROJECT_NAME: Field =
    Field { name: "name", allowed: "text of at most 256 characters", form: Form::Text(1, NAME_MAX_CHARS) };
const DESCRIPTION: Field = Field {
    name: "description",
    allowed: "text of at most 4096 characters, or null for none",
    form: Form::OrNull(&Form::Text(0, DESCRIPTION_MAX_CHARS)),
};
const COLOR: Field = Field {
    name: "color",
    allowed: "text such as #6366f1, at most 64 characters, or null for none",
    form: Form::OrNull(&Form::Text(0, LOOK_MAX_CHARS)),
};
const ICON: Field = Field {
    name: "icon",
    allowed: "text such as folder, at most 64 characters, or null for none",
    form: Form::OrNull(&Form::Text(0, LOOK_MAX_CHARS)),
};
const IS_ARCHIVED: Field = Field { name: "is_archived", allowed: "true or false", form: Form::Boolean };
const IS_PAUSED: Field = Field { name: "is_paused", allowed: "true or false", form: Form::Boolean };
const TAG_NAME: Field =
    Field { name: "name", allowed: "text of at most 64 characters", form: Form::Text(1, TAG_MAX_CHARS) };
const IS_DEFAULT: Field = Field { name: "is_default", allowed: "true or false", form: Form::Boolean };

/// The fields of a project, new or edited.
pub(crate) const PROJECT: &[Field] = &[PROJECT_NAME, DESCRIPTION, COLOR, ICON, IS_ARCHIVED, IS_PAUSED];
/// The fields of a tag, new or edited.
pub(crate) const TAG: &[Field] = &[TAG_NAME, COLOR, IS_DEFAULT];

/// `POST /api/projects` and `PATCH /api/projects/{id}`.
pub(crate) fn project(object: JsonObject) -> Result<ProjectChange, ApiError> {
    let mut reader = FieldReader::new(object, PROJECT);
    let change = ProjectChange {
        name: reader.text("name", NAME_MAX_CHARS),
        description: reader.nullable_text("description", DESCRIPTION_MAX_CHARS),
        color: reader.nullable_text("color", LOOK_MAX_CHARS),
        icon: reader.nullable_text("icon", LOOK_MAX_CHARS),
        is_archived: reader.boolean("is_archived"),
        is_paused: reader.boolean("is_paused"),
    };
    reader.finish().map_err(ApiError::invalid)?;
    Ok(change)
}

/// `POST /api/tags` and `PATCH /api/tags/{id}`.
pub(crate) fn tag(object: JsonObject) -> Result<TagChange, ApiError> {
    let mut reader = FieldReader::new(object, TAG);
    let change = TagChange {
        name: reader.text("name", TAG_MAX_CHARS),
        color: reader.nullable_text("color", LOOK_MAX_CHARS),
        is_default: reader.boolean("is_default"),
    };
    reader.finish().map_err(ApiError::invalid)?;
    Ok(change)
}

/// `PATCH /api/system/config`: `{"key": ..., "value": ...}` as OneOff v1 has it, or an object of several settings.
pub(crate) fn settings(object: JsonObject) -> Result<Vec<SettingChange>, ApiError> {
    let mut pairs = object.0;
    let place = |pairs: &[(String, Value)], name: &str| {
        pairs.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let mut errors = Vec::new();
    if let Some(key) = place(&pairs, "key") {
        let (_, key) = pairs.remove(key);
        let value = place(&pairs, "value").map(|value| pairs.remove(value).1);
        errors.extend(pairs.iter().map(|(name, _)| {
            FieldError::new(pointer(name), "is not a field of this request").with_hint("send key and value")
        }));
        pairs = match (key, value) {
            (Value::String(key), Some(value)) => vec![(key, value)],
            (Value::String(_), None) => {
                errors.push(
                    FieldError::new("/value", "is missing")
                        .with_hint("text, or null to take back what was stored"),
                );
                Vec::new()
            }
            _ => {
                errors.push(FieldError::new("/key", "must be text"));
                Vec::new()
            }
        };
    } else if pairs.is_empty() {
        errors.push(FieldError::new("/key", "is missing").with_hint("the name of a setting"));
    }
    let mut changes = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        match text_of(value) {
            Ok(value) if changes.iter().any(|known: &SettingChange| known.key == key) => {
                drop(value);
                errors.push(FieldError::new(pointer(&key), "is given more than once"));
            }
            Ok(value) => changes.push(SettingChange { key, value }),
            Err(message) => errors.push(FieldError::new(pointer(&key), message)),
        }
    }
    ValidationErrors(errors).into_result().map_err(ApiError::invalid)?;
    Ok(changes)
}

fn pointer(name: &str) -> String {
    format!("/{}", name.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1"))
}

/// The text of a setting; numbers and limits of types may be sent as what they are, and v1's UI wrote JSON into the text.
fn text_of(value: Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::String(text) if text.chars().count() > SETTING_MAX_CHARS => {
            Err(format!("is too long: at most {SETTING_MAX_CHARS} characters"))
        }
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::String(inner)) => Ok(Some(inner)),
            _ => Ok(Some(text)),
        },
        Value::Object(limits) => {
            let pairs = limits.iter().map(|(name, limit)| match limit {
                Value::Number(limit) => Ok(format!("{name}={limit}")),
                _ => Err("must be an object of numbers, or text".to_owned()),
            });
            Ok(Some(pairs.collect::<Result<Vec<_>, _>>()?.join(",")))
        }
        Value::Bool(_) | Value::Array(_) => Err("must be text or a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
        let object = JsonObject::parse(text.as_bytes()).unwrap();
        let changes = settings(object).map_err(|error| error.to_string())?;
        Ok(changes.into_iter().map(|change| (change.key, change.value)).collect())
    }

    #[test]
    fn settings_come_one_by_one_or_several_together() {
        let one = |key: &str, value: Option<&str>| Ok(vec![(key.to_owned(), value.map(str::to_owned))]);
        assert_eq!(set(r#"{"key":"workers_count","value":"4"}"#), one("workers_count", Some("4")));
        assert_eq!(set(r#"{"key":"workers_count","value":4}"#), one("workers_count", Some("4")));
        assert_eq!(
            set(r#"{"key":"default_timezone","value":"\"UTC\""}"#),
            one("default_timezone", Some("UTC"))
        );
        assert_eq!(set(r#"{"workers_count":null}"#), one("workers_count", None));
        assert_eq!(
            set(r#"{"type_limits":{"http":2,"shell":1}}"#),
            one("type_limits", Some("http=2,shell=1"))
        );
        assert_eq!(set(r#"{"a":"1","b":2}"#).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_setting_is_told_with_its_place() {
        for (text, place) in [
            ("{}", "/key"),
            (r#"{"key":"workers_count"}"#, "/value"),
            (r#"{"key":7,"value":"x"}"#, "/key"),
            (r#"{"key":"a","value":"1","c":2}"#, "/c"),
            (r#"{"workers_count":true}"#, "/workers_count"),
            (r#"{"workers_count":[1]}"#, "/workers_count"),
            (r#"{"type_limits":{"http":"x"}}"#, "/type_limits"),
        ] {
            assert!(set(text).unwrap_err().contains(&place[1..]), "{text}");
        }
    }

    #[test]
    fn the_bounds_that_are_told_are_those_that_hold() {
        let tells = |field: Field, limit: usize| assert!(field.allowed.contains(&limit.to_string()));
        tells(PROJECT_NAME, NAME_MAX_CHARS);
        tells(DESCRIPTION, DESCRIPTION_MAX_CHARS);
        tells(COLOR, LOOK_MAX_CHARS);
        tells(ICON, LOOK_MAX_CHARS);
        tells(TAG_NAME, TAG_MAX_CHARS);
    }
}
