//! Templates: JSON text with `{{path.to.value}}`, for receivers that want a form of their own.
//!
//! Text is put in as JSON writes it, so that within quotation marks nothing that a job says can change the form. What is
//! not there is put in as nothing.

use serde_json::Value;

/// What is done to text before it is put in.
pub type Escape = fn(&str) -> String;

/// Text as it is.
#[must_use]
pub fn plain(text: &str) -> String {
    text.to_owned()
}

/// Puts values into a template.
#[must_use]
pub fn render(template: &str, values: &Value, escape: Escape) -> String {
    let mut rendered = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        rendered.push_str(before);
        let Some((path, after)) = after.split_once("}}") else {
            // It is no place for a value, and the check of the template says so.
            rendered.push_str("{{");
            rest = after;
            continue;
        };
        rendered.push_str(&inserted(find(values, path.trim()), escape));
        rest = after;
    }
    rendered.push_str(rest);
    rendered
}

fn find<'v>(values: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(values, |value, name| match value {
        Value::Array(items) => {
            name.parse::<usize>().ok().and_then(|index| items.get(index)).unwrap_or(&Value::Null)
        }
        other => other.get(name).unwrap_or(&Value::Null),
    })
}

fn inserted(value: &Value, escape: Escape) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => within_quotes(&escape(text)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => within_quotes(&escape(&value.to_string())),
    }
}

/// The text as it stands between the quotation marks of a JSON text.
fn within_quotes(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    let inner = quoted.get(1..quoted.len().saturating_sub(1));
    inner.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_put_in_by_their_paths() {
        let values = json!({"event": "job.failed", "data": {"job": {"name": "a \"b\"\n", "priority": 5, "tags": ["x", "y"]}}});
        for (template, expected) in [
            (r#"{"e":"{{event}}"}"#, r#"{"e":"job.failed"}"#),
            (r#"{"n":"{{ data.job.name }}"}"#, r#"{"n":"a \"b\"\n"}"#),
            (r#"{"p":{{data.job.priority}}}"#, r#"{"p":5}"#),
            (r#"{"t":"{{data.job.tags.1}}"}"#, r#"{"t":"y"}"#),
            (r#"{"t":"{{data.job.tags}}"}"#, r#"{"t":"[\"x\",\"y\"]"}"#),
            (r#"{"m":"{{data.nothing.there}}{{}}"}"#, r#"{"m":""}"#),
            ("{{", "{{"),
            ("a {{event", "a {{event"),
            ("{{{{event}}}}", "}}"),
        ] {
            assert_eq!(render(template, &values, plain), expected, "{template}");
        }
    }

    proptest! {
        #[test]
        fn no_value_changes_the_form(text in "\\PC{0,60}", other: String) {
            let values = json!({"a": text, "b": other});
            let rendered = render(r#"{"x":"{{a}}","y":["{{b}}"]}"#, &values, plain);
            let read: Value = serde_json::from_str(&rendered).unwrap();
            prop_assert_eq!(read, json!({"x": text, "y": [other]}));
        }
    }
}
