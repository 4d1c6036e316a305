//! Checks of single fields: bounds, and what is allowed instead.

use oneoff_domain::limits::{JSON_MAX_DEPTH, KEY_MAX_CHARS, NAME_MAX_CHARS, TAG_MAX_CHARS, TAGS_MAX};
use oneoff_domain::{FieldError, ValidationErrors};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Collects all that is wrong, so that a caller learns of everything at once.
#[derive(Default)]
pub(super) struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    pub(super) fn add(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    pub(super) fn into_result(self) -> Result<(), ValidationErrors> {
        ValidationErrors(self.errors).into_result()
    }

    /// A number within `allowed`, or its lower bound and an error.
    pub(super) fn number(&mut self, pointer: &str, given: i64, allowed: RangeInclusive<u32>) -> u32 {
        match u32::try_from(given) {
            Ok(number) if allowed.contains(&number) => number,
            _ => {
                let (low, high) = allowed.into_inner();
                let error = FieldError::new(pointer, format!("{given} is out of range"));
                self.add(error.with_hint(format!("a whole number from {low} to {high}")));
                low
            }
        }
    }

    pub(super) fn name(&mut self, pointer: &str, given: &str) {
        self.text(pointer, given, NAME_MAX_CHARS);
    }

    /// A text of several lines, perhaps.
    pub(super) fn long_text(&mut self, pointer: &str, given: &str, max_chars: usize) {
        self.text(pointer, given, max_chars);
    }

    /// A key: not empty, bounded, without control characters.
    pub(super) fn key(&mut self, pointer: &str, given: &str) {
        if given.is_empty() {
            self.add(FieldError::new(pointer, "it is empty").with_hint("leave it out"));
        }
        self.text(pointer, given, KEY_MAX_CHARS);
    }

    /// The name of a project: trimmed, bounded, not empty.
    pub(super) fn record_name(&mut self, given: &str) -> String {
        self.short_name(given, NAME_MAX_CHARS)
    }

    /// A name of at most so many characters: trimmed, not empty.
    pub(super) fn short_name(&mut self, given: &str, max_chars: usize) -> String {
        let name = given.trim();
        if name.is_empty() {
            let hint = format!("text of at most {max_chars} characters");
            self.add(FieldError::new("/name", "it is empty").with_hint(hint));
        }
        self.text("/name", name, max_chars);
        name.to_owned()
    }

    pub(super) fn tags(&mut self, given: Vec<String>) -> Vec<String> {
        if given.len() > TAGS_MAX {
            self.add(
                FieldError::new("/tags", format!("{} tags are too many", given.len()))
                    .with_hint(format!("at most {TAGS_MAX}")),
            );
            return Vec::new();
        }
        let mut tags: Vec<String> = Vec::with_capacity(given.len());
        for (index, tag) in given.into_iter().enumerate() {
            let pointer = format!("/tags/{index}");
            if tag.trim().is_empty() {
                self.add(FieldError::new(pointer, "it is empty"));
                continue;
            }
            self.text(&pointer, &tag, TAG_MAX_CHARS);
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    /// What went wrong with a field that was given inside of the config is reported there.
    pub(super) fn repoint(&mut self, from: &str, to: &str) {
        for error in self.errors.iter_mut().filter(|error| error.pointer == from) {
            to.clone_into(&mut error.pointer);
        }
    }

    /// The client's own JSON: bounded in bytes, and in depth so that every reader can take it.
    pub(super) fn object(&mut self, pointer: &str, given: &Map<String, Value>, max_bytes: usize) {
        if given.values().any(|value| is_deeper_than(value, JSON_MAX_DEPTH - 1)) {
            let error = FieldError::new(pointer, "it is nested too deeply");
            self.add(error.with_hint(format!("at most {JSON_MAX_DEPTH} levels")));
            return;
        }
        let bytes = serde_json::to_string(given).map_or(usize::MAX, |text| text.len());
        if bytes > max_bytes {
            let error = FieldError::new(pointer, format!("{bytes} bytes are too many"));
            self.add(error.with_hint(format!("at most {max_bytes} bytes as JSON")));
        }
    }

    pub(super) fn text(&mut self, pointer: &str, given: &str, max_chars: usize) {
        let chars = given.chars().count();
        if chars > max_chars {
            let error = FieldError::new(pointer, format!("{chars} characters are too many"));
            self.add(error.with_hint(format!("at most {max_chars} characters")));
        }
        if given.contains('\0') {
            self.add(FieldError::new(pointer, "it contains a NUL character"));
        }
    }
}

/// Whether arrays and objects are nested in each other more than `levels` times.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return false,
    };
    levels == 0 || inner.any(|value| is_deeper_than(value, levels - 1))
}
