//! The components of answers: the schemas of the wire's structs, with the words that the domain knows and the formats that
//! their names tell.

use crate::error_table::ErrorCode;
use crate::openapi::operation::Shape;
use crate::read::form::{or_null, words};
use oneoff_api_types::{EventView, Problem};
use oneoff_domain::chain::LinkStatus;
use oneoff_domain::{
    ChainStatus, EventKind, ExecutionStatus, HoldReason, JobStatus, KeyScope, OnCrash, OnLate, OriginKind,
    OutputStream, RunIf,
};
use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

/// Where components are.
const COMPONENTS: &str = "/components/schemas";

/// Collects the components of answers.
pub(crate) struct Shapes(SchemaGenerator);

impl Shapes {
    /// None yet but those that no operation names.
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = COMPONENTS.into();
            settings.meta_schema = None;
            settings.contract = Contract::Serialize;
        });
        let mut generator = settings.into_generator();
        generator.subschema_for::<Problem>();
        generator.subschema_for::<EventView>();
        Self(generator)
    }

    /// The schema of a shape.
    pub(crate) fn of(&mut self, shape: Shape) -> Value {
        renamed(shape(&mut self.0).to_value())
    }

    /// Every component that was named.
    pub(crate) fn components(mut self) -> Map<String, Value> {
        let definitions = self.0.take_definitions(true);
        let mut components: Map<String, Value> = definitions
            .into_iter()
            .map(|(name, schema)| (public_name(&name).to_owned(), described(renamed(schema))))
            .collect();
        for (component, property, words) in vocabulary() {
            let property = components.get_mut(component).and_then(|schema| schema.pointer_mut(property));
            if let Some(property) = property {
                restrict(property, &words);
            }
        }
        components
    }
}

/// Structs are called views where programs made of the document know but one kind of them.
fn public_name(name: &str) -> &str {
    let name = name.split("_for_").next().unwrap_or(name);
    name.strip_suffix("View").unwrap_or(name)
}

fn renamed(mut value: Value) -> Value {
    rename(&mut value);
    value
}

fn rename(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(path)) = fields.get_mut("$ref")
                && let Some((place, name)) = path.rsplit_once('/')
            {
                *path = format!("{place}/{}", public_name(name));
            }
            fields.values_mut().for_each(rename);
        }
        Value::Array(items) => items.iter_mut().for_each(rename),
        _ => {}
    }
}

/// The schema of a struct without what is only for Rust, and with the formats of its instants.
fn described(mut schema: Value) -> Value {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return schema };
    for (name, property) in properties {
        if *property == Value::Bool(true) {
            *property = json!({});
        }
        let Some(property) = property.as_object_mut() else { continue };
        property.remove("default");
        let is_text = property.get("type").is_some_and(|kind| kind == "string" || kind[0] == "string");
        let is_instant = name.ends_with("_at")
            || matches!(
                name.as_str(),
                "at" | "until"
                    | "instant"
                    | "now"
                    | "scheduled_for"
                    | "previous_secret_until"
                    | "failing_since"
            );
        if is_text && is_instant {
            property.insert("format".to_owned(), "date-time".into());
        }
    }
    schema
}

fn restrict(property: &mut Value, words: &[&str]) {
    let place = match property.get("items").is_some() {
        true => property.get_mut("items"),
        false => Some(property),
    };
    let Some(place) = place.and_then(Value::as_object_mut) else { return };
    let is_nullable = place.get("type").is_some_and(Value::is_array);
    let mut schema = json!({"type": "string", "enum": words});
    if is_nullable {
        schema = or_null(schema);
    }
    if let Some(fields) = schema.as_object() {
        place.extend(fields.clone());
    }
}

/// The closed sets of words: where, and which.
fn vocabulary() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let runs = words(RunIf::ALL, RunIf::as_str);
    let on_late = words(OnLate::ALL, OnLate::as_str);
    let on_crash = words(OnCrash::ALL, OnCrash::as_str);
    vec![
        ("Job", "/properties/status", words(JobStatus::ALL, JobStatus::as_str)),
        ("Job", "/properties/on_late", on_late.clone()),
        ("Job", "/properties/on_crash", on_crash.clone()),
        ("LinkJob", "/properties/on_late", on_late),
        ("LinkJob", "/properties/on_crash", on_crash),
        ("CreatedJob", "/properties/status", words(JobStatus::ALL, JobStatus::as_str)),
        ("Hold", "/properties/reason", words(HoldReason::ALL, HoldReason::as_str)),
        ("Origin", "/properties/kind", words(OriginKind::ALL, OriginKind::as_str)),
        ("Execution", "/properties/status", words(ExecutionStatus::ALL, ExecutionStatus::as_str)),
        ("OutputChunk", "/properties/stream", words(OutputStream::ALL, OutputStream::as_str)),
        ("ChainExecution", "/properties/status", words(ChainStatus::ALL, ChainStatus::as_str)),
        ("ChainLink", "/properties/run_if", runs.clone()),
        ("LinkExecution", "/properties/run_if", runs),
        ("LinkExecution", "/properties/status", words(LinkStatus::ALL, LinkStatus::as_str)),
        ("ApiKey", "/properties/scopes", words(KeyScope::ALL, KeyScope::as_str)),
        ("Event", "/properties/event", words(EventKind::ALL, EventKind::as_str)),
        ("Delivery", "/properties/status", vec!["pending", "success", "failed"]),
        ("Problem", "/properties/code", ErrorCode::ALL.iter().map(|code| code.code()).collect()),
    ]
}
