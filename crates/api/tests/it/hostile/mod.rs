//! Every text that a request can hold, filled with what SQL, LIKE and search engines read as theirs: in paths, queries,
//! bodies and headers of every route. Nothing fails for it, and what was there is there.

mod places;

use crate::auth::mounted;
use crate::harness::{Api, Calls, Harness, waiting, with};
use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use places::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The routes below `/api`, without it.
fn routes() -> Vec<(Method, String)> {
    let all = mounted().into_iter().filter(|(method, _)| method != "HEAD");
    all.filter_map(|(method, path)| Some((method.parse().unwrap(), path.strip_prefix("/api")?.to_owned())))
        .collect()
}

/// Ids of the records that requests are about.
struct Targets(BTreeMap<&'static str, String>);

impl Targets {
    /// One of each kind.
    async fn make<S: Calls>(api: &Api<S>) -> Self {
        let mut targets = BTreeMap::new();
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let job = api.created(&with(waiting(), "name", "target")).await;
        targets.insert("JOB", id(&job));
        for (name, path, body) in [
            ("PROJECT", "/api/projects", json!({"name": "target"})),
            ("TAG", "/api/tags", json!({"name": "target"})),
            ("KEY", "/api/api-keys", json!({"name": "target"})),
            ("CHAIN", "/api/chains", json!({"name": "target", "job_ids": [job["id"]]})),
            (
                "WEBHOOK",
                "/api/webhooks",
                json!({"name": "target", "url": "http://127.0.0.1:9/x", "events": "job.missed"}),
            ),
        ] {
            let made = api.post(path, &body).await;
            assert_eq!(made.status, 201, "{path}: {}", made.text());
            targets.insert(name, id(&made.data()));
        }
        let run = api
            .post(&format!("/api/chains/{}/execute", targets["CHAIN"]), &json!({"scheduled_at": "in 365d"}))
            .await;
        targets.insert("RUN", id(&run.data()));
        Self(targets)
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("${name}"), id))
    }

    /// The path of a route with the id of the record of its kind.
    fn path(&self, route: &str) -> String {
        let kind = match route.split('/').nth(1).unwrap() {
            "jobs" => "JOB",
            "projects" => "PROJECT",
            "tags" => "TAG",
            "api-keys" => "KEY",
            "chains" => "CHAIN",
            "chain-executions" => "RUN",
            "webhooks" => "WEBHOOK",
            _ => return format!("/api{}", route.replace("{type}", "shell")),
        };
        format!("/api{}", route.replace("{id}", &self.0[kind]).replace("{delivery}", &self.0["JOB"]))
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Copies of the value with each of its texts, and each name within free objects, replaced by what is hostile.
fn variants(value: &Value, hostile: &str) -> Vec<Value> {
    match value {
        Value::String(_) => vec![Value::from(hostile)],
        Value::Array(items) => {
            let replaced = |at: usize, item: Value| {
                let mut items = items.clone();
                items[at] = item;
                Value::from(items)
            };
            items
                .iter()
                .enumerate()
                .flat_map(|(at, item)| {
                    variants(item, hostile)
                        .into_iter()
                        .map(move |item| replaced(at, item))
                        .collect::<Vec<_>>()
                })
                .collect()
        }
        Value::Object(fields) => {
            let mut all = Vec::new();
            for (name, field) in fields {
                for variant in variants(field, hostile) {
                    all.push(with(value.clone(), name, variant));
                }
                let renamed: Map<String, Value> = fields
                    .iter()
                    .map(|(other, field)| {
                        (if other == name { hostile.to_owned() } else { other.clone() }, field.clone())
                    })
                    .collect();
                all.push(Value::from(renamed));
            }
            all
        }
        _ => Vec::new(),
    }
}

struct Walker<'a, S> {
    api: &'a Api<S>,
    sent: BTreeMap<u16, usize>,
    faults: Vec<String>,
}

impl<S: Calls> Walker<'_, S> {
    /// Sends, notes what fails by the server's fault, and removes what was made.
    async fn send(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        header: Option<(&str, &str)>,
    ) {
        let mut request = TestRequest::with_uri(path).method(method.clone());
        if let Some(body) = body {
            request = request.set_json(body);
        }
        if let Some(header) = header {
            request = request.insert_header(header);
        }
        let response = self.api.open(request).await;
        let status = response.status();
        *self.sent.entry(status.as_u16()).or_default() += 1;
        let location = response.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        let is_json = response
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.to_str().unwrap().contains("json"));
        // A stream of events has no end.
        let bytes = if is_json {
            to_bytes(response.into_body()).await.unwrap_or_default()
        } else {
            Default::default()
        };
        if status.is_server_error() {
            let text = String::from_utf8_lossy(&bytes);
            self.faults.push(format!("{status} {method} {path} {body:?} {header:?}: {text}"));
        }
        if status.is_success() {
            self.remove(status, location, &bytes).await;
        }
    }

    /// There is room for a hundred webhooks only.
    async fn remove(&self, status: StatusCode, location: Option<String>, bytes: &[u8]) {
        if let (StatusCode::CREATED, Some(place)) = (status, &location) {
            let query = if place.starts_with("/api/api-keys") { "?force=true" } else { "" };
            assert_eq!(self.api.delete(&format!("{place}{query}")).await.status, 204, "{place}");
        }
        let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
        for result in answer["data"]["results"].as_array().into_iter().flatten() {
            if let (Some(201), Some(id)) = (result["status"].as_u64(), result["data"]["id"].as_str()) {
                assert_eq!(self.api.delete(&format!("/api/jobs/{id}")).await.status, 204);
            }
        }
    }

    /// What is no text, or leads elsewhere.
    async fn walk_odd_paths(&mut self) {
        for (method, route) in routes() {
            let (method, route) = (&method, route.as_str());
            for odd in ["%ff", "%c3%28", "%00", "..%2f..", "%2e%2e", "a%2fb", "+", "%25", ";a=b", "%0d%0aX:y"]
            {
                if route.contains('{') {
                    let path = format!(
                        "/api{}",
                        route.replace("{id}", odd).replace("{delivery}", odd).replace("{type}", odd)
                    );
                    self.send(method, &path, None, None).await;
                }
                self.send(&Method::GET, &format!("/api{route}?{odd}={odd}"), None, None).await;
            }
        }
    }

    async fn walk(&mut self, targets: &Targets, hostile: &str) {
        for (method, route) in routes() {
            let (method, route) = (&method, route.as_str());
            for place in ["{id}", "{delivery}", "{type}"].into_iter().filter(|place| route.contains(place)) {
                let path = targets.path(&route.replace(place, &encoded(hostile)));
                let body = (method == Method::PATCH).then(|| json!({}));
                self.send(method, &path, body.as_ref(), None).await;
            }
        }
        for (method, route, query, body) in PLACES {
            let method: Method = method.parse().unwrap();
            let path = targets.path(route);
            let body =
                (!body.is_empty()).then(|| serde_json::from_str::<Value>(&targets.fill(body)).unwrap());
            for name in query.split_whitespace() {
                let given = format!("{path}?{name}={}", encoded(hostile));
                // Of what deletes, only the wrong parameter keeps it from that.
                self.send(&method, &given, body.as_ref(), None).await;
            }
            self.send(&method, &format!("{path}?{}=1", encoded(hostile)), body.as_ref(), None).await;
            for variant in body.iter().flat_map(|body| variants(body, hostile)) {
                self.send(&method, &path, Some(&variant), None).await;
            }
        }
        if hostile.contains('\0') || !hostile.is_ascii() {
            return;
        }
        for header in HEADERS {
            for (method, path, body) in [
                (Method::GET, "/api/jobs".to_owned(), None),
                (Method::GET, targets.path("/jobs/{id}"), None),
                (Method::POST, "/api/jobs".to_owned(), Some(with(waiting(), "name", "by header"))),
                (Method::GET, "/api/events".to_owned(), None),
            ] {
                self.send(&method, &path, body.as_ref(), Some((header, hostile))).await;
            }
        }
    }
}

/// Everything that can be listed, without what may change by itself.
async fn everything<S: Calls>(api: &Api<S>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for path in [
        "/jobs?sort_by=created_at&limit=200",
        "/executions",
        "/projects?include_archived=true",
        "/tags",
        "/chains?limit=200",
        "/chain-executions?sort_order=asc&limit=200",
        "/api-keys",
        "/webhooks",
    ] {
        let rows = api.get(&format!("/api{path}")).await.data();
        for row in rows.as_array().unwrap_or_else(|| panic!("{path}")) {
            found.insert(format!("{path} {}", row["id"].as_str().unwrap()), row.clone());
        }
    }
    found
}

#[actix_web::test]
async fn no_text_of_any_request_is_read_as_anything_else() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let canaries = Targets::make(&api).await.0;
    // The names of the first are taken: the second have others.
    for (name, path) in [
        ("PROJECT", "projects"),
        ("TAG", "tags"),
        ("KEY", "api-keys"),
        ("CHAIN", "chains"),
        ("WEBHOOK", "webhooks"),
        ("JOB", "jobs"),
    ] {
        let renamed = api.patch(&format!("/api/{path}/{}", canaries[name]), &json!({"name": "canary"})).await;
        assert_eq!(renamed.status, 200, "{}", renamed.text());
    }
    let before = everything(&api).await;
    let audit = api.get("/api/audit?limit=1").await.data()[0]["sequence"].as_i64().unwrap();
    let mut walker = Walker { api: &api, sent: BTreeMap::new(), faults: Vec::new() };
    let long = "x'".repeat(100_000);
    for hostile in HOSTILE.iter().copied().chain([long.as_str()]) {
        let targets = Targets::make(&api).await;
        if hostile.len() < 1_000 {
            walker.walk(&targets, hostile).await;
        } else {
            for (method, route, _, body) in PLACES.iter().filter(|place| !place.3.is_empty()) {
                let body: Value = serde_json::from_str(&targets.fill(body)).unwrap();
                for variant in variants(&body, hostile) {
                    walker.send(&method.parse().unwrap(), &targets.path(route), Some(&variant), None).await;
                }
            }
        }
        forget(&api, &targets).await;
    }
    walker.walk_odd_paths().await;
    let Walker { sent, faults, .. } = walker;
    println!("answers by status: {sent:?}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
    assert!(
        sent[&201] > 100 && sent[&400] > 1_000 && sent[&404] > 500,
        "both what is taken and what is refused: {sent:?}"
    );
    let mut after = everything(&api).await;
    after.retain(|place, _| before.contains_key(place));
    assert_eq!(before, after, "what was there is there as it was");
    let told = api.get("/api/audit?limit=1").await.data()[0]["sequence"].as_i64().unwrap();
    assert!(told > audit, "the log of changes goes on");
}

/// Removes what is left of the targets, so that those that follow have their names.
async fn forget<S: Calls>(api: &Api<S>, targets: &Targets) {
    for (name, path) in [
        ("PROJECT", "projects"),
        ("TAG", "tags"),
        ("WEBHOOK", "webhooks"),
        ("KEY", "api-keys"),
        ("CHAIN", "chains"),
        ("JOB", "jobs"),
    ] {
        let query = if name == "KEY" { "?force=true" } else { "" };
        let status = api.delete(&format!("/api/{path}/{}{query}", targets.0[name])).await.status;
        assert!([204, 404].contains(&status), "{path}: {status}");
    }
}

#[actix_web::test]
async fn percent_and_underscore_mean_themselves() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let names = ["100% sure", "100 percent", "a_b", "axb", "it's", "50%off", "plain"];
    for name in names {
        let named = with(with(waiting(), "name", name), "external_id", name);
        api.created(&named).await;
    }
    for search in [
        "100%",
        "100% sure",
        "a_b",
        "A_B",
        "a%b",
        "%",
        "_",
        "%%%",
        "__",
        "pl%in",
        "pl_in",
        "pl*",
        "it's",
        "'",
        "sure OR plain",
        "NOT sure",
        "\"100",
        "off",
        "%o",
        "name:plain",
        "plain)",
        "-plain",
        "^plain",
    ] {
        let answer = api.get(&format!("/api/jobs?search={}", encoded(search))).await;
        assert_eq!(answer.status, 200, "{search}: {}", answer.text());
        let data = answer.data();
        let mut found: Vec<&str> =
            data.as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
        found.sort_unstable();
        let is_meant =
            |name: &&str| search.split_whitespace().all(|word| name.contains(&word.to_lowercase()));
        let mut meant: Vec<&str> = names.iter().copied().filter(is_meant).collect();
        meant.sort_unstable();
        assert_eq!(found, meant, "{search}");
    }
    for (filter, value, count) in [
        ("external_id", "%", 0),
        ("external_id", "a_b", 1),
        ("external_id", "100%", 0),
        ("project_id", "%", 0),
        ("project_id", "defaul_", 0),
        ("type", "s%", 0),
        ("tag_id", "%", 0),
    ] {
        let list = api.get(&format!("/api/jobs?{filter}={}", encoded(value))).await.data();
        assert_eq!(list.as_array().unwrap().len(), count, "{filter}={value}");
    }
    for (filter, value) in
        [("actor", "loca_"), ("actor", "%"), ("action", "job.%"), ("subject_id", "%"), ("request_id", "%")]
    {
        let answer = api.get(&format!("/api/audit?{filter}={}", encoded(value))).await;
        assert!(answer.status == 400 || answer.data() == json!([]), "{filter}={value}: {}", answer.text());
    }
}
