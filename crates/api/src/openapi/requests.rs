//! The bodies of requests as components: the fields of the readers' tables, with what the structs of the wire say of them.

use crate::read::fields::Field;
use crate::read::form::{component, or_null};
use crate::read::{
    access_requests as access, bulk, chain_requests as chains, job_fields as jobs, records,
    webhook_requests as webhooks,
};
use oneoff_api_types as wire;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// A body that is being described.
struct Body {
    name: &'static str,
    docs: Map<String, Value>,
    fields: &'static [Field],
    required: &'static [&'static str],
    nullable: fn(&str) -> bool,
    rule: Option<Value>,
}

fn body<T: JsonSchema>(name: &'static str, fields: &'static [Field]) -> Body {
    Body { name, docs: properties_of::<T>(), fields, required: &[], nullable: |_| false, rule: None }
}

impl Body {
    fn requires(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    fn nullable(self, nullable: fn(&str) -> bool) -> Self {
        Self { nullable, ..self }
    }

    fn rule(self, rule: Value) -> Self {
        Self { rule: Some(rule), ..self }
    }

    fn component(self) -> (String, Value) {
        let mut properties = Map::new();
        for field in self.fields {
            let mut schema = field.form.schema();
            if (self.nullable)(field.name) {
                schema = or_null(schema);
            }
            let said = self.docs.get(field.name).and_then(|of| of.get("description")).and_then(Value::as_str);
            let description = match said {
                Some(said) => format!("{} Allowed: {}.", said.trim(), field.allowed),
                None => format!("Allowed: {}.", field.allowed),
            };
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), description.into());
            }
            properties.insert(field.name.to_owned(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if let Some(schema) = schema.as_object_mut() {
            if !self.required.is_empty() {
                schema.insert("required".to_owned(), json!(self.required));
            }
            if let Some(rule) = self.rule.as_ref().and_then(Value::as_object) {
                schema.extend(rule.clone());
            }
        }
        (self.name.to_owned(), schema)
    }
}

fn properties_of<T: JsonSchema>() -> Map<String, Value> {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Every body, by its name.
pub(crate) fn components() -> Map<String, Value> {
    let mut all: Map<String, Value> = [of_jobs(), of_chains(), of_records(), of_access(), of_webhooks()]
        .into_iter()
        .flatten()
        .map(Body::component)
        .collect();
    all.insert("UpdateSettings".to_owned(), settings());
    all.insert(TYPE_LIMITS.to_owned(), type_limits());
    all
}

/// What an edit cannot take back to its default.
fn stays(name: &str) -> bool {
    matches!(name, "config" | "scheduled_at" | "immediate" | "timezone" | "disambiguation" | "allow_past")
}

fn of_jobs() -> Vec<Body> {
    vec![
        body::<wire::CreateJob>("CreateJob", jobs::CREATE).requires(&["type", "config"]),
        body::<wire::CreateJob>("UpdateJob", jobs::PATCH).nullable(|name| !stays(name)),
        body::<wire::CreateJob>("ChainLinkJob", jobs::LINK_JOB).requires(&["type", "config"]),
        body::<wire::CreateJobs>("CreateJobs", bulk::FIELDS).requires(&["jobs"]),
        body::<wire::CloneJob>("CloneJob", jobs::CLONE).requires(&["scheduled_at"]),
        body::<wire::HoldJob>("HoldJob", jobs::HOLD),
        body::<wire::ReleaseJob>("ReleaseJob", jobs::RELEASE),
        body::<wire::ReleaseJobs>("ReleaseJobs", jobs::RELEASE).requires(&["reason"]),
        body::<wire::ParseTime>("ParseTime", jobs::PARSE_TIME).requires(&["expression"]),
        body::<wire::ReleaseJob>("Nothing", jobs::NONE),
    ]
}

fn of_chains() -> Vec<Body> {
    let links = json!({"oneOf": [{"required": ["links"]}, {"required": ["job_ids"]}]});
    let one = json!({"oneOf": [{"required": ["job_id"]}, {"required": ["job"]}]});
    vec![
        body::<wire::CreateChain>("CreateChain", chains::CREATE).requires(&["name"]).rule(links),
        body::<wire::UpdateChain>("UpdateChain", chains::PATCH)
            .rule(json!({"not": {"required": ["links", "job_ids"]}})),
        body::<wire::ChainLinkRequest>("ChainLinkRequest", chains::LINK).rule(one),
        body::<wire::ExecuteChain>("ExecuteChain", jobs::EXECUTE_CHAIN),
    ]
}

fn of_records() -> Vec<Body> {
    vec![
        body::<wire::CreateProject>("CreateProject", records::PROJECT).requires(&["name"]),
        body::<wire::CreateProject>("UpdateProject", records::PROJECT),
        body::<wire::CreateTag>("CreateTag", records::TAG).requires(&["name"]),
        body::<wire::CreateTag>("UpdateTag", records::TAG),
    ]
}

fn of_access() -> Vec<Body> {
    vec![
        body::<wire::CreateApiKey>("CreateApiKey", access::CREATE).requires(&["name"]),
        body::<wire::UpdateApiKey>("UpdateApiKey", access::UPDATE),
        body::<wire::RotateApiKey>("RotateApiKey", access::ROTATE),
        body::<wire::ReleaseJob>("SignIn", access::SIGN_IN).requires(&["key"]),
        body::<wire::ReleaseJob>("SetUp", access::SET_UP).requires(&["token"]),
    ]
}

fn of_webhooks() -> Vec<Body> {
    vec![
        body::<wire::WebhookRequest>("CreateWebhook", webhooks::FIELDS).requires(&["name", "url", "events"]),
        body::<wire::WebhookRequest>("UpdateWebhook", webhooks::FIELDS),
        body::<wire::RotateSecret>("RotateSecret", webhooks::ROTATE).nullable(|name| name == "secret"),
        body::<wire::ReleaseJob>("TestWebhook", webhooks::TEST),
        body::<wire::Redeliver>("Redeliver", webhooks::REDELIVER),
    ]
}

/// A component, as generators of clients give up objects that have no name within a choice.
const TYPE_LIMITS: &str = "TypeLimits";

fn type_limits() -> Value {
    json!({
        "type": "object",
        "description": "How many jobs of a type may run at a time, by the name of the type.",
        "additionalProperties": {"type": "integer"},
    })
}

/// One setting as v1 sends it, or several by their names.
fn settings() -> Value {
    let keys: Vec<&str> = oneoff_domain::LIVE_SETTINGS.iter().map(|setting| setting.key).collect();
    let value = json!({
        "description": "Text, a number, an object of numbers for limits of types, or null to take back what was stored.",
        "anyOf": [
            {"type": "string", "maxLength": oneoff_domain::limits::SETTING_MAX_CHARS},
            {"type": "number"},
            component(TYPE_LIMITS),
            {"type": "null"},
        ],
    });
    let several: Map<String, Value> = oneoff_domain::LIVE_SETTINGS
        .iter()
        .map(|setting| {
            let mut schema = value.clone();
            if let Some(schema) = schema.as_object_mut() {
                schema.insert(
                    "description".to_owned(),
                    format!("Allowed: {}; null takes it back.", setting.allowed).into(),
                );
            }
            (setting.key.to_owned(), schema)
        })
        .collect();
    json!({
        "anyOf": [
            {
                "type": "object",
                "description": "One setting, as OneOff v1 has it.",
                "properties": {"key": {"type": "string", "enum": keys}, "value": value},
                "required": ["key", "value"],
                "additionalProperties": false,
            },
            {
                "type": "object",
                "description": "Several settings by their names.",
                "properties": several,
                "minProperties": 1,
                "additionalProperties": false,
            },
        ],
    })
}
