//! The document, put together from the operations, the readers' tables, the structs of the wire and the error table.

use super::operation::{Answer, Content, Operation, Sent};
use super::{answers::Shapes, errors, examples::Examples, older, operations, parameters, requests};
use crate::session_cookie::NAME as SESSION_COOKIE;
use serde_json::{Map, Value, json};

const ABOUT: &str = "One-time jobs at an exact future time: an HTTP request or a shell command.\n\n\
    A success is `{\"data\": ...}`; a list adds `next_cursor`, and `total` where it was asked for. An error is a problem \
    document (RFC 9457). Every `GET` answers `HEAD` too. Unknown fields and parameters are errors, and so is a name that \
    is given twice. `x-required-scope` is the scope that a key needs: `read`, `write` (which gives `read`) or `admin` \
    (which gives both); on a server without keys nothing is needed.";

/// Which version of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 3.0.3.
    Older,
    /// 3.1.0.
    Newer,
}

/// What the document says of the server that answers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server<'a> {
    /// Its version.
    pub(crate) version: &'a str,
    /// The path under which it serves.
    pub(crate) base_path: &'a str,
    /// Whether it demands keys.
    pub(crate) demands_keys: bool,
}

/// The whole document.
pub(crate) fn document(version: Version, server: Server<'_>) -> Value {
    let mut writer = Writer { shapes: Shapes::new(), examples: Examples::read(), server };
    let operations = operations::all();
    let mut paths: Map<String, Value> = Map::new();
    for operation in &operations {
        let written = writer.operation(operation);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_owned(), written);
        }
    }
    let mut schemas = requests::components();
    schemas.extend(writer.shapes.components());
    let mut document = json!({
        "openapi": if version == Version::Older { "3.0.3" } else { "3.1.0" },
        "info": {
            "title": "OneOff",
            "version": server.version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": if server.base_path.is_empty() { "/" } else { server.base_path }}],
        "tags": tags(&operations),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "examples": errors::examples(),
            "headers": parameters::answer_headers(),
            "securitySchemes": security_schemes(),
        },
    });
    if version == Version::Older {
        older::into_3_0(&mut document);
    }
    document
}

fn tags(operations: &[Operation]) -> Vec<Value> {
    let mut names: Vec<&str> = operations.iter().map(|operation| operation.tag).collect();
    names.dedup();
    names.into_iter().map(|name| json!({"name": name})).collect()
}

fn security_schemes() -> Value {
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer oneoff_...`."},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key, as OneOff v1 has it."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": SESSION_COOKIE,
            "description": "The session of a browser, of `POST /api/session`.",
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRF-Token",
            "description": "What a change by a session carries: the `csrf_token` of `GET /api/session`.",
        },
    })
}

struct Writer<'a> {
    shapes: Shapes,
    examples: Examples,
    server: Server<'a>,
}

impl Writer<'_> {
    fn operation(&mut self, operation: &Operation) -> Value {
        let mut responses: Map<String, Value> = Map::new();
        for answer in &operation.answers {
            responses.insert(answer.status.to_string(), self.answer(answer));
        }
        for (status, response) in errors::responses(&errors::of(operation)) {
            responses.entry(status).or_insert(response);
        }
        responses.sort_keys();
        let mut written = json!({
            "operationId": operation.id,
            "tags": [operation.tag],
            "summary": operation.summary,
            "parameters": parameters::of(operation),
            "responses": responses,
            "security": self.security(operation),
            "x-required-scope": operation.scope.map(crate::authorize::Scope::name),
        });
        if let Some(fields) = written.as_object_mut() {
            if !operation.description.is_empty() {
                fields.insert("description".to_owned(), operation.description.into());
            }
            if let Some(sent) = operation.sent {
                fields.insert("requestBody".to_owned(), self.request(sent));
            }
        }
        written
    }

    fn security(&self, operation: &Operation) -> Value {
        if operation.scope.is_none() {
            return json!([]);
        }
        let session = match operation.is_write() {
            true => json!({"session": [], "csrf": []}),
            false => json!({"session": []}),
        };
        let mut ways = vec![json!({"bearer": []}), json!({"apiKey": []}), session];
        if !self.server.demands_keys {
            ways.push(json!({}));
        }
        Value::Array(ways)
    }

    fn request(&self, sent: Sent) -> Value {
        let reference = format!("#/components/schemas/{}", sent.component);
        let examples: Map<String, Value> = sent
            .examples
            .iter()
            .map(|name| ((*name).to_owned(), json!({"value": self.examples.of(name)})))
            .collect();
        json!({
            "required": sent.is_required,
            "content": {"application/json": {"schema": {"$ref": reference}, "examples": examples}},
        })
    }

    fn answer(&mut self, answer: &Answer) -> Value {
        let content: Map<String, Value> =
            answer.content.iter().filter_map(|content| self.content(*content)).collect();
        let mut names = vec!["X-Request-Id"];
        names.extend(answer.headers);
        let headers: Map<String, Value> = names
            .into_iter()
            .map(|name| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")})))
            .collect();
        let mut response = json!({"description": answer.says, "headers": headers});
        if let Some(fields) = response.as_object_mut().filter(|_| !content.is_empty()) {
            fields.insert("content".to_owned(), Value::Object(content));
        }
        response
    }

    fn content(&mut self, content: Content) -> Option<(String, Value)> {
        let (media_type, schema, example) = match content {
            Content::Nothing => return None,
            Content::Data(shape, example) => {
                let schema = envelope(self.shapes.of(shape));
                ("application/json", schema, json!({"data": self.examples.of(example)}))
            }
            Content::Bare(shape, example) => {
                ("application/json", self.shapes.of(shape), self.examples.of(example))
            }
            Content::List(shape, example) => {
                let schema = list(self.shapes.of(shape));
                let example = json!({"data": [self.examples.of(example)], "next_cursor": null});
                ("application/json", schema, example)
            }
            Content::Words(example) => {
                let schema = envelope(json!({"type": "array", "items": {"type": "string"}}));
                ("application/json", schema, json!({"data": self.examples.of(example)}))
            }
            Content::Json(media_type, example) => {
                (media_type, json!({"type": "object"}), self.examples.of(example))
            }
            Content::Text(media_type, example) => (media_type, json!({"type": "string"}), json!(example)),
        };
        Some((media_type.to_owned(), json!({"schema": schema, "example": example})))
    }
}

fn envelope(data: Value) -> Value {
    json!({"type": "object", "properties": {"data": data}, "required": ["data"]})
}

fn list(row: Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": row},
            "next_cursor": {"type": ["string", "null"], "description": "The `cursor` of the next page; null on the last one."},
            "total": {"type": "integer", "format": "int64", "minimum": 0, "description": "How many rows there are, where it was asked for."},
            "total_is_estimate": {"type": "boolean", "description": "Whether there are more than `total`."},
            "limit": {"type": "integer", "format": "int64", "minimum": 1, "description": "How many rows a page has at most: of jobs and chains, as OneOff v1 tells it."},
            "offset": {"type": "integer", "format": "int64", "minimum": 0, "description": "How many rows were skipped: of jobs and chains, as OneOff v1 tells it."},
        },
        "required": ["data", "next_cursor"],
    })
}
