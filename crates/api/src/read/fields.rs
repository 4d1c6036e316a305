//! The typed field reader: takes the fields of an object one by one and collects all that is wrong.

use crate::read::form::Form;
use crate::read::object::JsonObject;
use crate::read::strict::pointer;
use crate::read::value::{self, Mismatch};
use oneoff_domain::{FieldError, ValidationErrors, suggest};
use serde_json::{Map, Value};
use std::str::FromStr;

/// A field that may be sent: its name and the values that are allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// What is allowed, for people.
    pub(crate) allowed: &'static str,
    /// The same, for programs.
    pub(crate) form: Form,
}

/// Reads fields. Every method that reads one answers `None` when it is absent or wrong; what is wrong is
/// told by [`Self::finish`].
pub(crate) struct FieldReader {
    known: &'static [Field],
    fields: Vec<(&'static str, Value)>,
    errors: ValidationErrors,
}

impl FieldReader {
    /// A reader of `object`, whose fields may be `known`. Names are compared as OneOff v1 does it, without
    /// regard to ASCII case.
    pub(crate) fn new(object: JsonObject, known: &'static [Field]) -> Self {
        let mut reader = Self::empty(known);
        for (name, value) in object.0 {
            reader.add(&name, value);
        }
        reader
    }

    /// A reader of an object whose fields are yet to be added.
    pub(crate) fn empty(known: &'static [Field]) -> Self {
        Self { known, fields: Vec::with_capacity(8), errors: ValidationErrors::default() }
    }

    /// Adds a field by the name that was sent.
    pub(crate) fn add(&mut self, name: &str, value: Value) {
        match self.known.iter().find(|field| field.name.eq_ignore_ascii_case(name)) {
            None => self.unknown(name),
            Some(field) if self.has(field.name) => {
                self.error(FieldError::new(pointer(name), "is given more than once"));
            }
            Some(field) => self.fields.push((field.name, value)),
        }
    }

    /// Whether the field was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| *field == name)
    }

    /// Notes an error.
    pub(crate) fn error(&mut self, error: FieldError) {
        self.errors.0.push(error);
    }

    /// Notes that something about the field is wrong, with the values that are allowed.
    pub(crate) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let error = FieldError::new(pointer(name), message);
        let allowed = self.known.iter().find(|field| field.name == name).map(|field| field.allowed);
        self.error(match allowed {
            Some(allowed) => error.with_hint(allowed),
            None => error,
        });
    }

    /// A field that must be sent.
    pub(crate) fn require(&mut self, name: &str) {
        if !self.has(name) {
            self.wrong(name, "is missing");
        }
    }

    pub(crate) fn text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        self.take(name, |value| value::into_text(value, max_chars))
    }

    /// A text that is not to be seen in any answer, also where it is wrong.
    pub(crate) fn secret_text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        self.take(name, |value| {
            value::into_text(value, max_chars).map_err(|_shown| "is not a text of usual length".to_owned())
        })
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        self.read(name, value::integer)
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.read(name, value::boolean)
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        self.take(name, value::into_object)
    }

    pub(crate) fn object_or_its_text(&mut self, name: &str) -> Option<Map<String, Value>> {
        self.take(name, value::into_object_or_its_text)
    }

    /// One of the words that `T` reads.
    pub(crate) fn choice<T: FromStr>(&mut self, name: &str) -> Option<T> {
        self.read(name, |value| {
            let Value::String(text) = value else { return Err(value::mismatch("text", value)) };
            text.parse().map_err(|_unknown| value::mismatch("one of the words that are allowed", value))
        })
    }

    /// Any value.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.take(name, Ok)
    }

    /// A list of any values.
    pub(crate) fn values(&mut self, name: &str, max_items: usize) -> Option<Vec<Value>> {
        self.read(name, |given| Ok(value::list(given, max_items)?.to_vec()))
    }

    /// The same, or a text with commas between its words, as OneOff v1 has lists.
    pub(crate) fn values_or_words(&mut self, name: &str, max_items: usize) -> Option<Vec<Value>> {
        self.read(name, |given| {
            let words =
                given.as_str().map(|text| text.split(',').map(|word| Value::from(word.trim())).collect());
            let words = words.map(Value::Array);
            Ok(value::list(words.as_ref().unwrap_or(given), max_items)?.to_vec())
        })
    }

    pub(crate) fn nullable_text(&mut self, name: &str, max_chars: usize) -> Option<Option<String>> {
        self.or_null(name, |reader, name| reader.text(name, max_chars))
    }

    pub(crate) fn nullable_integer(&mut self, name: &str) -> Option<Option<i64>> {
        self.or_null(name, Self::integer)
    }

    pub(crate) fn texts(&mut self, name: &str, max_items: usize, max_chars: usize) -> Option<Vec<String>> {
        self.items(name, max_items, |item| value::text(item, max_chars))
    }

    /// Words as a list, or in a text with commas between them, as OneOff v1 has it. Blanks around them do not count.
    pub(crate) fn words(&mut self, name: &str, max_items: usize, max_chars: usize) -> Option<Vec<String>> {
        let is_text = self.fields.iter().any(|(field, value)| *field == name && value.is_string());
        let words = match is_text {
            false => self.texts(name, max_items, max_chars)?,
            true => {
                let text = self.text(name, max_items.saturating_mul(max_chars + 1))?;
                text.split(',').map(str::to_owned).collect()
            }
        };
        let words: Vec<String> = words.iter().map(|word| word.trim().to_owned()).collect();
        if words.len() > max_items {
            self.wrong(name, format!("has too many entries: {}, at most {max_items}", words.len()));
            return None;
        }
        match words.iter().any(|word| word.is_empty() || word.chars().count() > max_chars) {
            false => Some(words),
            true if words == [""] => Some(Vec::new()),
            true => {
                self.wrong(name, format!("has an entry that is empty or longer than {max_chars} characters"));
                None
            }
        }
    }

    pub(crate) fn nullable_integers(&mut self, name: &str, max_items: usize) -> Option<Option<Vec<i64>>> {
        self.or_null(name, |reader, name| reader.items(name, max_items, value::integer))
    }

    /// A field that can be null, read by `read` where it is not.
    pub(crate) fn or_null<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.is_null(name) {
            return Some(None);
        }
        read(self, name).map(Some)
    }

    /// Everything was read.
    ///
    /// # Errors
    /// All that is wrong, in the order in which it was found.
    pub(crate) fn finish(self) -> Result<(), ValidationErrors> {
        self.errors.into_result()
    }

    fn read<T>(&mut self, name: &str, parse: impl FnOnce(&Value) -> Result<T, Mismatch>) -> Option<T> {
        let (_, value) = self.fields.iter().find(|(field, _)| *field == name)?;
        match parse(value) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                self.wrong(name, message);
                None
            }
        }
    }

    /// As [`Self::read`], of a value that is moved out: a field is read once.
    fn take<T>(&mut self, name: &str, parse: impl FnOnce(Value) -> Result<T, Mismatch>) -> Option<T> {
        let (_, value) = self.fields.iter_mut().find(|(field, _)| *field == name)?;
        match parse(std::mem::take(value)) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                self.wrong(name, message);
                None
            }
        }
    }

    /// A list; entries that are wrong are each told by their place.
    fn items<T>(
        &mut self,
        name: &str,
        max_items: usize,
        parse: impl Fn(&Value) -> Result<T, Mismatch>,
    ) -> Option<Vec<T>> {
        let results = self
            .read(name, |value| Ok(value::list(value, max_items)?.iter().map(&parse).collect::<Vec<_>>()))?;
        let mut items = Vec::with_capacity(results.len());
        let mut is_right = true;
        for (index, result) in results.into_iter().enumerate() {
            match result {
                Ok(item) => items.push(item),
                Err(message) => {
                    is_right = false;
                    self.error(FieldError::new(format!("/{name}/{index}"), message));
                }
            }
        }
        is_right.then_some(items)
    }

    fn is_null(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, value)| *field == name && value.is_null())
    }

    fn unknown(&mut self, name: &str) {
        let known = self.known.iter().map(|field| field.name);
        let hint = match suggest::nearest(name, known.clone()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if self.known.is_empty() => "no fields are allowed here".to_owned(),
            None => format!("the fields are {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.error(FieldError::new(pointer(name), "is not a field of this request").with_hint(hint));
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
