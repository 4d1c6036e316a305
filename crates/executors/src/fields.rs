//! Reads the fields of a config: collects everything that is wrong with it, with pointers, at once.

use oneoff_domain::FieldError;
use oneoff_domain::limits::{RETRIES_MAX, RETRY_DELAY_MAX_SECONDS, TIMEOUT_MAX_SECONDS};
use oneoff_domain::suggest::nearest;
use serde_json::{Map, Value, json};

/// Fields that every job type accepts in its config. They are policies of the job, which moves them out
/// before it stores the config. With the least and the most, which hold where a config is accepted: one that an attempt
/// finds was stored long ago, has no effect and does no harm, however large it is.
const POLICIES: [(&str, i64, u32); 5] = [
    // A timeout of 0 and below is none, as in OneOff v1.
    ("timeout", i64::MIN, TIMEOUT_MAX_SECONDS),
    ("timeout_seconds", i64::MIN, TIMEOUT_MAX_SECONDS),
    ("max_retries", 0, RETRIES_MAX),
    ("retry_delay_seconds", 0, RETRY_DELAY_MAX_SECONDS),
    ("retry_max_delay_seconds", 0, RETRY_DELAY_MAX_SECONDS),
];

/// The same as properties of a schema. Null is as good as nothing.
pub(crate) fn policies() -> impl Iterator<Item = (String, Value)> {
    let says = "A policy of the job, also accepted beside the config, which wins.";
    POLICIES.into_iter().map(move |(name, least, most)| {
        let mut schema = json!({"type": ["integer", "null"], "maximum": most, "description": says});
        if let Some(fields) = schema.as_object_mut().filter(|_| least > i64::MIN) {
            fields.insert("minimum".to_owned(), least.into());
        }
        (name.to_owned(), schema)
    })
}

fn is_policy(name: &str) -> bool {
    POLICIES.iter().any(|(known, ..)| *known == name)
}

/// A config that is to be accepted, as its type has read it: its policies must be within their bounds, too.
///
/// # Errors
/// All of it.
pub(crate) fn accepted<T>(
    config: &Map<String, Value>,
    parsed: Result<T, Vec<FieldError>>,
) -> Result<T, Vec<FieldError>> {
    let mut errors: Vec<FieldError> =
        POLICIES.into_iter().filter_map(|policy| unfit(config, policy)).collect();
    match parsed {
        Ok(parsed) if errors.is_empty() => Ok(parsed),
        Ok(_) => Err(errors),
        Err(others) => {
            errors.extend(others);
            Err(errors)
        }
    }
}

/// What is wrong with a whole number; what is none is found by who reads the config.
fn unfit(config: &Map<String, Value>, (name, least, most): (&str, i64, u32)) -> Option<FieldError> {
    let value = config.get(name).filter(|value| is_whole(value))?;
    if value.as_i64().is_some_and(|number| (least..=i64::from(most)).contains(&number)) {
        return None;
    }
    let bounds = match least {
        i64::MIN => format!("of at most {most}"),
        _ => format!("between {least} and {most}"),
    };
    Some(FieldError::new(format!("/{name}"), format!("must be a whole number {bounds}")))
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

/// A config that is being read.
pub(crate) struct Fields<'a> {
    config: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts to read a config whose type knows the fields `known`; every other one is an error.
    pub(crate) fn new(config: &'a Map<String, Value>, known: &[&str]) -> Self {
        let mut fields = Self { config, errors: Vec::new() };
        for name in config.keys() {
            if !known.contains(&name.as_str()) && !is_policy(name) {
                fields.errors.push(unknown_field(name, known));
            }
        }
        for (name, ..) in POLICIES {
            if fields.given(name).is_some_and(|value| !is_whole(value)) {
                fields.refuse(name, "must be a whole number");
            }
        }
        fields
    }

    /// Adds an error about the field `path`: a name, or a name and an escaped rest as in `env/PATH`.
    pub(crate) fn refuse(&mut self, path: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(format!("/{path}"), message));
    }

    /// Adds an error about the field `path` with what is allowed.
    pub(crate) fn refuse_with_hint(
        &mut self,
        path: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.errors.push(FieldError::new(format!("/{path}"), message).with_hint(hint));
    }

    /// The value of a field; `null` is as good as none.
    pub(crate) fn given(&self, name: &str) -> Option<&'a Value> {
        self.config.get(name).filter(|value| !value.is_null())
    }

    /// A text without NUL.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.given(name)?;
        self.text_of(name, value)
    }

    /// The text of a value at `path`.
    pub(crate) fn text_of(&mut self, path: &str, value: &Value) -> Option<String> {
        let Value::String(text) = value else {
            self.refuse(path, format!("must be a string, not {}", kind(value)));
            return None;
        };
        if text.contains('\0') {
            self.refuse(path, "must not contain a NUL character");
            return None;
        }
        Some(text.clone())
    }

    /// A truth value.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.given(name)?;
        if value.as_bool().is_none() {
            self.refuse(name, format!("must be true or false, not {}", kind(value)));
        }
        value.as_bool()
    }

    /// A whole number between two bounds.
    pub(crate) fn number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.given(name)?;
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.refuse(name, format!("must be a whole number between {least} and {most}"));
        }
        number
    }

    /// An array of texts; empty if there is none.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.given(name) else { return Vec::new() };
        let Value::Array(values) = value else {
            self.refuse(name, format!("must be an array of strings, not {}", kind(value)));
            return Vec::new();
        };
        let texts = values.iter().enumerate();
        texts.filter_map(|(index, value)| self.text_of(&format!("{name}/{index}"), value)).collect()
    }

    /// An object of texts, in its order; empty if there is none.
    pub(crate) fn named_texts(&mut self, name: &str) -> Vec<(String, String)> {
        let Some(value) = self.given(name) else { return Vec::new() };
        let Value::Object(entries) = value else {
            self.refuse(name, format!("must be an object of strings, not {}", kind(value)));
            return Vec::new();
        };
        let texts = entries.iter();
        texts
            .filter_map(|(key, value)| Some((key.clone(), self.text_of(&below(name, key), value)?)))
            .collect()
    }

    /// Whether everything was right so far.
    pub(crate) fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}

/// The path of an entry of an object, escaped as RFC 6901 says.
pub(crate) fn below(name: &str, key: &str) -> String {
    let key: String = key.chars().take(128).collect();
    format!("{name}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn unknown_field(name: &str, known: &[&str]) -> FieldError {
    let pointer = format!("/{}", below("", name).trim_start_matches('/'));
    let error = FieldError::new(pointer, "is not a field of this job type");
    match nearest(name, known.iter().copied().chain(POLICIES.map(|(name, ..)| name))) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint(format!("known fields: {}", known.join(", "))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Cuts a text for a summary of at most `max_chars` characters, in one line and without control characters.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::with_capacity(text.len().min(4 * max_chars));
    let words = text.split_whitespace().enumerate();
    let characters =
        words.flat_map(|(index, word)| (index > 0).then_some(' ').into_iter().chain(word.chars()));
    for (count, character) in characters.enumerate() {
        if count + 1 >= max_chars {
            line.push('…');
            return line;
        }
        line.push(if character.is_control() { '\u{fffd}' } else { character });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(config: &Value, read: impl FnOnce(&mut Fields<'_>)) -> Vec<String> {
        let mut fields = Fields::new(config.as_object().unwrap(), &["script", "env"]);
        read(&mut fields);
        let errors = fields.finish().err().unwrap_or_default();
        errors
            .into_iter()
            .map(|error| format!("{} {} {:?}", error.pointer, error.message, error.hint))
            .collect()
    }

    #[test]
    fn an_unknown_field_names_the_nearest_known_one() {
        let found = errors(&json!({"scritp": "x", "a/b~c": 1, "timeout": 5}), |_| {});
        assert_eq!(
            found,
            [
                "/scritp is not a field of this job type Some(\"did you mean `script`?\")",
                "/a~1b~0c is not a field of this job type Some(\"known fields: script, env\")",
            ]
        );
    }

    #[test]
    fn every_wrong_value_is_found_at_once() {
        let config = json!({"script": 5, "env": {"A": "1", "B": 2}, "max_retries": "3"});
        let found = errors(&config, |fields| {
            fields.text("script");
            assert_eq!(fields.named_texts("env"), [("A".to_owned(), "1".to_owned())]);
        });
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].starts_with("/script must be a string, not a number"));
        assert!(found[2].starts_with("/env/B"));
    }

    #[test]
    fn policies_are_checked_where_a_config_is_accepted_with_all_else_that_is_wrong() {
        let refused = |config: &Value, parsed| -> Vec<String> {
            let errors = accepted::<()>(config.as_object().unwrap(), parsed).err().unwrap_or_default();
            errors.into_iter().map(|error| format!("{} {}", error.pointer, error.message)).collect()
        };
        let config = json!({"max_retries": -1, "timeout": 2_592_001, "retry_delay_seconds": 2_592_001});
        let expected = [
            "/timeout must be a whole number of at most 2592000",
            "/max_retries must be a whole number between 0 and 1000",
            "/retry_delay_seconds must be a whole number between 0 and 2592000",
        ];
        assert_eq!(refused(&config, Ok(())), expected);
        let other = FieldError::new("/script", "is required");
        assert_eq!(refused(&config, Err(vec![other]))[3], "/script is required");
        let fit = json!({"max_retries": 1000, "timeout": -1, "timeout_seconds": null});
        assert!(refused(&fit, Ok(())).is_empty());
        assert!(
            errors(&json!({"max_retries": 5000}), |_| {}).is_empty(),
            "what is read is not judged by them"
        );
    }

    #[test]
    fn a_long_text_is_cut_to_one_line() {
        assert_eq!(one_line("a\n  b\tc", 10), "a b c");
        let cut = one_line(&"ä".repeat(500), 100);
        assert_eq!(cut.chars().count(), 100);
        assert!(cut.ends_with('…'));
    }
}
