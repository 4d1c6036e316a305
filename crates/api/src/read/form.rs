//! What a field or parameter may hold, as JSON Schema (2020-12): the readers' tables say it, so that the document cannot
//! know other fields than they do.

use oneoff_domain::limits::TIME_EXPRESSION_MAX_CHARS;
use serde_json::{Value, json};

/// Words that come from elsewhere.
pub(crate) type Words = fn() -> Vec<&'static str>;

/// The form of a field's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Text of at least and at most so many characters.
    Text(usize, usize),
    /// An integer from one to another.
    Integer(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// Any object.
    Object,
    /// Any object, or its JSON in a text.
    ObjectOrText,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, which the domain knows.
    WordOf(Words),
    /// A list of at least and at most so many texts of at most so many characters.
    Texts(usize, usize, usize),
    /// The same, or the texts in one with commas between.
    TextsOrCommas(usize, usize, usize),
    /// The same of the domain's words.
    WordsOrCommas(Words),
    /// Words of a query, repeated or with commas between.
    List(Words),
    /// Texts of a query, repeated or with commas between.
    Texted(usize),
    /// A list of at most so many integers.
    Integers(usize),
    /// A time expression.
    Time,
    /// An IANA time zone.
    Timezone,
    /// An instant (RFC 3339).
    Instant,
    /// The id of a record.
    Uuid,
    /// A time to wait, at most 60 seconds.
    Wait,
    /// A list of at least one and at most so many of the component.
    Components(&'static str, usize),
    /// A component, or its JSON in a text.
    ComponentOrText(&'static str),
    /// Null, too.
    OrNull(&'static Form),
}

/// The words of a closed set of the domain.
pub(crate) fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| word(*value)).collect()
}

/// The path of a component.
pub(crate) fn component(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

impl Form {
    /// As a schema.
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Text(least, most) => text(least, most),
            Self::Integer(least, most) => {
                json!({"type": "integer", "format": "int64", "minimum": least, "maximum": most})
            }
            Self::Boolean => json!({"type": "boolean"}),
            Self::Object => json!({"type": "object"}),
            Self::ObjectOrText => json!({"anyOf": [{"type": "object"}, json_text()]}),
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::WordOf(words) => json!({"type": "string", "enum": words()}),
            Self::Texts(least, most, chars) => texts(least, most, chars),
            Self::TextsOrCommas(least, most, chars) => {
                let commas = most.saturating_mul(chars + 1);
                json!({"anyOf": [texts(least, most, chars), text(least, commas)]})
            }
            Self::WordsOrCommas(words) => {
                let words = words();
                let one = words.join("|");
                let list = json!({"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1, "maxItems": 16});
                json!({"anyOf": [list, {"type": "string", "pattern": format!("^({one})(, ?({one})){{0,15}}$")}]})
            }
            Self::List(words) => {
                json!({"type": "array", "items": {"type": "string", "enum": words()}, "minItems": 1})
            }
            Self::Texted(most) => {
                json!({"type": "array", "items": {"type": "string", "minLength": 1, "pattern": "^[^,\\s\\x00]+$"}, "minItems": 1, "maxItems": most})
            }
            Self::Integers(most) => json!({"type": "array", "maxItems": most,
                "items": {"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX}}),
            Self::Time => text(1, TIME_EXPRESSION_MAX_CHARS),
            Self::Timezone => text(1, 128),
            Self::Instant => json!({"type": "string", "format": "date-time"}),
            Self::Uuid => json!({"type": "string", "format": "uuid"}),
            Self::Wait => {
                json!({"type": "string", "pattern": "^([0-9]|[1-5][0-9]|60)s?$|^[0-9]{1,4}ms$|^[01]m$"})
            }
            Self::Components(name, most) => {
                json!({"type": "array", "items": component(name), "minItems": 1, "maxItems": most})
            }
            Self::ComponentOrText(name) => json!({"anyOf": [component(name), json_text()]}),
            Self::OrNull(form) => or_null(form.schema()),
        }
    }
}

/// The same, where null is allowed too.
pub(crate) fn or_null(mut schema: Value) -> Value {
    let Some(fields) = schema.as_object_mut() else { return schema };
    if let Some(words) = fields.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    match fields.get("type").cloned() {
        Some(Value::String(kind)) => {
            fields.insert("type".to_owned(), json!([kind, "null"]));
            schema
        }
        Some(_several) => schema,
        None => match fields.get_mut("anyOf").and_then(Value::as_array_mut) {
            Some(choices) => {
                choices.push(json!({"type": "null"}));
                schema
            }
            None => json!({"anyOf": [schema, {"type": "null"}]}),
        },
    }
}

fn text(least: usize, most: usize) -> Value {
    // NUL is no character of any text.
    let mut schema = json!({"type": "string", "maxLength": most, "pattern": "^[^\\x00]*$"});
    if let Some(fields) = schema.as_object_mut().filter(|_| least > 0) {
        fields.insert("minLength".to_owned(), least.into());
        fields.insert("pattern".to_owned(), "^[^\\x00]*[^\\s\\x00][^\\x00]*$".into());
    }
    schema
}

fn texts(least: usize, most: usize, chars: usize) -> Value {
    json!({"type": "array", "items": text(1, chars), "minItems": least, "maxItems": most})
}

fn json_text() -> Value {
    json!({"type": "string", "description": "The JSON of such an object in a text, as OneOff v1 has it.",
        "pattern": "^\\s*\\{[^\\x00]*\\}\\s*$"})
}
