//! The document in OpenAPI 3.0: schemas in its own dialect, which knows no null and no list of types.

use serde_json::{Map, Value, json};

/// Turns the schemas of a document of OpenAPI 3.1 into those of 3.0.
pub(crate) fn into_3_0(document: &mut Value) {
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        schemas.values_mut().for_each(schema);
    }
    find_schemas(document);
}

/// Schemas stand under `schema`; what examples hold is none.
fn find_schemas(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "schema" => schema(value),
                    "example" | "examples" | "schemas" => {}
                    _ => find_schemas(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(find_schemas),
        _ => {}
    }
}

fn schema(value: &mut Value) {
    if value.is_boolean() {
        *value = if *value == Value::Bool(true) { json!({}) } else { json!({"not": {}}) };
    }
    let Some(fields) = value.as_object_mut() else { return };
    for name in ["properties", "patternProperties"] {
        if let Some(Value::Object(properties)) = fields.get_mut(name) {
            properties.values_mut().for_each(schema);
        }
    }
    for name in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(choices)) = fields.get_mut(name) {
            choices.iter_mut().for_each(schema);
        }
    }
    for name in ["items", "not"] {
        if let Some(inner) = fields.get_mut(name) {
            schema(inner);
        }
    }
    if let Some(inner) = fields.get_mut("additionalProperties").filter(|inner| inner.is_object()) {
        schema(inner);
    }
    if let Some(examples) = fields.remove("examples").as_ref().and_then(Value::as_array)
        && let Some(first) = examples.first()
    {
        fields.insert("example".to_owned(), first.clone());
    }
    if let Some(only) = fields.remove("const") {
        fields.insert("enum".to_owned(), json!([only]));
    }
    types(fields);
    choices(fields);
    lonely_reference(fields);
}

/// `["string", "null"]` is a text that can be null: `nullable` counts only beside a single type.
fn types(fields: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = fields.get("type") else {
        return;
    };
    let others: Vec<Value> = types.iter().filter(|kind| *kind != "null").cloned().collect();
    let is_nullable = others.len() < types.len();
    if let [only] = others.as_slice() {
        let only = only.clone();
        fields.insert("type".to_owned(), only);
        if is_nullable {
            fields.insert("nullable".to_owned(), true.into());
        }
        return;
    }
    let mut choices: Vec<Value> = others.iter().map(|kind| json!({"type": kind})).collect();
    if is_nullable {
        choices.push(null());
    }
    fields.remove("type");
    fields.insert("anyOf".to_owned(), Value::Array(choices));
}

/// A choice that is null.
fn choices(fields: &mut Map<String, Value>) {
    for name in ["anyOf", "oneOf"] {
        let Some(Value::Array(choices)) = fields.get_mut(name) else { continue };
        for choice in
            choices.iter_mut().filter(|choice| choice.get("type").is_some_and(|kind| kind == "null"))
        {
            *choice = null();
        }
    }
}

/// Null alone, of which there is no type: one that can be null, without its other values.
fn null() -> Value {
    json!({"type": "object", "nullable": true, "enum": [null]})
}

/// What stands beside a reference is not read.
fn lonely_reference(fields: &mut Map<String, Value>) {
    if fields.len() < 2 {
        return;
    }
    if let Some(reference) = fields.remove("$ref") {
        fields.insert("allOf".to_owned(), json!([{"$ref": reference}]));
    }
}
