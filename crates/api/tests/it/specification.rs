//! The OpenAPI document: complete, true to the routes that are mounted, and valid in all its examples.

use crate::auth::mounted;
use crate::harness::Harness;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An operation of the document.
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) says: Value,
}

/// Every operation of a document.
pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, says) in item.as_object().unwrap() {
            all.push(Operation { method: method.to_uppercase(), path: path.clone(), says: says.clone() });
        }
    }
    all
}

/// Both forms of the document: 3.0 and 3.1.
async fn documents() -> [Value; 2] {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let older = api.get("/api/openapi.json").await;
    assert_eq!((older.status, older.header("content-type")), (200, "application/json"));
    [older.json(), api.get("/api/openapi-3.1.json").await.json()]
}

/// A judge of the values of a schema that stands in this document.
pub(crate) fn judge(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = json!({"schemas": document["components"]["schemas"]});
    if document["openapi"] == "3.0.3" {
        say_null_as_a_type(&mut whole);
    }
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap()
}

/// By OpenAPI 3.0.3 `nullable` "adds null to the allowed type specified by the type keyword, only if type is explicitly
/// defined within the same Schema Object": beside anything else it says nothing.
fn say_null_as_a_type(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("nullable") == Some(&Value::Bool(true))
                && let Some(kind) = fields.get("type").filter(|kind| kind.is_string()).cloned()
            {
                fields.insert("type".to_owned(), json!([kind, "null"]));
            }
            fields.values_mut().for_each(say_null_as_a_type);
        }
        Value::Array(items) => items.iter_mut().for_each(say_null_as_a_type),
        _ => {}
    }
}

fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    judge(document, schema)
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect()
}

/// The value that a reference stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("{path}")),
        None => value,
    }
}

fn examples_of(document: &Value, media: &Value) -> Vec<Value> {
    let named = media["examples"].as_object().cloned().unwrap_or_default();
    let named = named.values().map(|example| resolved(document, example)["value"].clone());
    media.get("example").cloned().into_iter().chain(named).collect()
}

/// Every media type of the operation that carries something: where it stands, and what is said of it.
fn media(operation: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut add = |place: &str, content: &Value| {
        for (media_type, media) in content.as_object().cloned().unwrap_or_default() {
            found.push((format!("{place} {media_type}"), media));
        }
    };
    add("request", &operation["requestBody"]["content"]);
    for (status, response) in operation["responses"].as_object().unwrap() {
        add(status, &response["content"]);
    }
    found
}

#[actix_web::test]
async fn every_operation_is_complete() {
    for document in documents().await {
        let mut ids = BTreeSet::new();
        for Operation { method, path, says } in operations(&document) {
            let place = format!("{method} {path}");
            assert!(
                ids.insert(says["operationId"].as_str().unwrap().to_owned()),
                "{place}: an id of its own"
            );
            assert!(says["summary"].as_str().is_some_and(|text| text.len() > 5), "{place}: a summary");
            assert!(!says["tags"][0].as_str().unwrap().is_empty(), "{place}: a tag");
            for (where_, media) in media(&says) {
                assert!(media["schema"].is_object(), "{place}: {where_}: a schema");
                let examples = examples_of(&document, &media);
                assert!(!examples.is_empty(), "{place}: {where_}: an example");
                assert!(examples.iter().all(|example| !example.is_null()), "{place}: {where_}: {examples:?}");
            }
            check_answers(&document, &place, &says);
            check_security(&place, &says);
            for parameter in says["parameters"].as_array().unwrap() {
                assert!(parameter["schema"].is_object(), "{place}: {parameter}");
                assert!(parameter["description"].as_str().unwrap().len() > 5, "{place}: {parameter}");
            }
        }
        assert!(ids.len() > 70, "{}", ids.len());
    }
}

fn check_answers(document: &Value, place: &str, says: &Value) {
    let responses = says["responses"].as_object().unwrap();
    let statuses: Vec<&str> = responses.keys().map(String::as_str).collect();
    assert!(statuses.iter().any(|status| status.starts_with('2')), "{place}: a success");
    let is_probe = ["/health", "/livez", "/readyz"].iter().any(|path| place.ends_with(path));
    if is_probe {
        return;
    }
    for status in ["403", "500"] {
        assert!(statuses.contains(&status), "{place}: {status}");
    }
    if !says["x-required-scope"].is_null() {
        assert!(statuses.contains(&"401"), "{place}: 401");
    }
    for (status, response) in responses {
        assert!(!response["description"].as_str().unwrap().is_empty(), "{place}: {status}");
        for (name, header) in response["headers"].as_object().unwrap() {
            assert!(resolved(document, header)["schema"].is_object(), "{place}: {status}: {name}");
        }
        if status.as_str() >= "400" {
            let problem = &response["content"]["application/problem+json"];
            assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{place}: {status}");
            for example in examples_of(document, problem) {
                assert_eq!(example["status"].to_string(), *status, "{place}: {example}");
            }
        }
    }
}

fn check_security(place: &str, says: &Value) {
    let ways = says["security"].as_array().unwrap_or_else(|| panic!("{place}: security"));
    let names: Vec<Vec<&str>> =
        ways.iter().map(|way| way.as_object().unwrap().keys().map(String::as_str).collect()).collect();
    match says["x-required-scope"].as_str() {
        None => assert!(names.is_empty(), "{place}: {names:?}"),
        Some(_) => {
            let session = if place.starts_with("GET") { vec!["session"] } else { vec!["session", "csrf"] };
            let expected = vec![vec!["bearer"], vec!["apiKey"], session, Vec::new()];
            assert_eq!(names, expected, "{place}");
        }
    }
}

#[actix_web::test]
async fn what_is_mounted_is_documented_and_nothing_else() {
    for document in documents().await {
        let documented: BTreeSet<(String, String)> =
            operations(&document).into_iter().map(|operation| (operation.method, operation.path)).collect();
        // The files of the UI are no part of the API, and each read can be asked for by HEAD.
        let of_ui = ["", "/{path:.*}"];
        let mounted: BTreeSet<(String, String)> = mounted()
            .into_iter()
            .filter(|(method, path)| method != "HEAD" && !of_ui.contains(&path.as_str()))
            .collect();
        assert_eq!(mounted, documented, "left: mounted, right: documented");
    }
}

#[actix_web::test]
async fn every_example_is_valid() {
    let [older, newer] = documents().await;
    for document in [&older, &newer] {
        for Operation { method, path, says } in operations(document) {
            for (place, media) in media(&says) {
                for example in examples_of(document, &media) {
                    let faults = faults(document, &media["schema"], &example);
                    assert!(faults.is_empty(), "{method} {path}: {place}: {example}: {faults:?}");
                }
            }
            for parameter in says["parameters"].as_array().unwrap() {
                if let Some(example) = parameter.get("example") {
                    let faults = faults(document, &parameter["schema"], example);
                    assert!(faults.is_empty(), "{method} {path}: {parameter}: {faults:?}");
                }
            }
        }
    }
    assert_eq!(older["paths"].as_object().unwrap().len(), newer["paths"].as_object().unwrap().len());
}

/// Swagger UI fills in what has one, and sends it: a sample key makes the second request a repetition of the first.
#[actix_web::test]
async fn nothing_is_filled_in_that_may_be_left_out() {
    for document in documents().await {
        for Operation { method, path, says } in operations(&document) {
            for parameter in says["parameters"].as_array().unwrap() {
                let is_filled_in = [parameter, &parameter["schema"], &parameter["schema"]["items"]]
                    .iter()
                    .any(|of| ["example", "examples", "default"].iter().any(|name| of.get(name).is_some()));
                assert!(!is_filled_in || parameter["required"] == true, "{method} {path}: {parameter}");
            }
        }
    }
}

#[actix_web::test]
async fn every_reference_leads_somewhere_and_every_component_is_used() {
    for document in documents().await {
        let mut used = BTreeSet::new();
        collect_references(&document, &mut used);
        for path in &used {
            assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path}");
        }
        for kind in ["schemas", "headers"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                let is_told = name == "Event";
                assert!(is_told || used.contains(&format!("#/components/{kind}/{name}")), "{kind} {name}");
            }
        }
    }
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(path)) = fields.get("$ref") {
                found.insert(path.clone());
            }
            fields.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn the_older_form_has_nothing_of_the_newer_one() {
    let [older, newer] = documents().await;
    assert_eq!((older["openapi"].as_str(), newer["openapi"].as_str()), (Some("3.0.3"), Some("3.1.0")));
    for schema in older["components"]["schemas"].as_object().unwrap().values() {
        check_older(schema);
    }
    for operation in operations(&older) {
        for (_, media) in media(&operation.says) {
            check_older(&media["schema"]);
        }
    }
}

fn check_older(schema: &Value) {
    let Value::Object(fields) = schema else { return };
    for (name, value) in fields {
        match name.as_str() {
            "properties" => value.as_object().unwrap().values().for_each(check_older),
            "items" | "not" => check_older(value),
            "anyOf" | "oneOf" | "allOf" => value.as_array().unwrap().iter().for_each(check_older),
            "type" => assert!(value.is_string() && value != "null", "{schema}"),
            "additionalProperties" => check_older(value),
            "nullable" => assert!(schema["type"].is_string(), "{schema}"),
            "exclusiveMinimum" | "exclusiveMaximum" => assert!(value.is_boolean(), "{schema}"),
            "const" | "examples" | "$defs" | "prefixItems" | "propertyNames" | "if" => panic!("{schema}"),
            "$ref" => assert_eq!(fields.len(), 1, "{schema}"),
            _ => {}
        }
    }
}

#[actix_web::test]
async fn no_field_beside_those_of_a_request_is_allowed() {
    let [_, newer] = documents().await;
    for Operation { method, path, says } in operations(&newer) {
        let Some(media) = says["requestBody"]["content"].get("application/json") else { continue };
        let schema = resolved(&newer, &media["schema"]);
        for schema in schema["anyOf"].as_array().unwrap_or(&vec![schema.clone()]) {
            assert_eq!(schema["additionalProperties"], false, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn the_document_is_known_by_its_tag_and_needs_no_key() {
    let harness = Harness::start().await;
    let api = harness.api_with(crate::auth::with_auth()).await;
    for path in ["/api/openapi.json", "/api/openapi-3.1.json"] {
        let answer = api.get(path).await;
        assert_eq!(answer.status, 200);
        let etag = answer.header("etag").to_owned();
        let again = TestRequest::get().uri(path).insert_header(("if-none-match", etag.as_str()));
        let again = api.send(again).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, etag.as_str()));
        let ways = &answer.json()["paths"]["/api/jobs"]["get"]["security"];
        assert_eq!(ways.as_array().unwrap().len(), 3, "with keys, none is no way in");
    }
    assert_eq!(api.get("/docs").await.status, 200);
}

#[actix_web::test]
async fn settings_of_a_job_in_its_config_are_null_or_within_their_bounds() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let api = &api;
    let made = |name: &'static str, value: Value| {
        let mut job = crate::harness::waiting();
        job["config"][name] = value;
        async move { api.post("/api/jobs?dry_run=true", &job).await.status }
    };
    let names =
        ["timeout", "timeout_seconds", "max_retries", "retry_delay_seconds", "retry_max_delay_seconds"];
    for name in names {
        assert_eq!(made(name, Value::Null).await, 200, "{name}");
        assert_eq!(made(name, json!(2_592_001)).await, 400, "{name}");
        let below = if name.starts_with("timeout") { 200 } else { 400 };
        assert_eq!(made(name, json!(-1)).await, below, "{name}");
    }
}

#[actix_web::test]
async fn each_job_type_has_the_schema_of_its_configs() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let answer = api.get("/api/job-types/shell/schema").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/schema+json"));
    assert_eq!(answer.json()["title"], "shell");
    let etag = answer.header("etag").to_owned();
    let again = TestRequest::get().uri("/api/job-types/shell/schema").insert_header(("if-none-match", etag));
    assert_eq!(api.send(again).await.status, 304);
    for unknown in ["nope", "Shell", "shell%00", "%F0%9F%A6%80"] {
        api.get(&format!("/api/job-types/{unknown}/schema")).await.problem(404, "not_found");
    }
    api.get("/api/job-types/shell/schema?x=1").await.problem(400, "invalid_request");
    api.act("/api/job-types/shell/schema").await.problem(405, "method_not_allowed");
}
