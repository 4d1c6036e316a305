//! The metrics of the real server: right values, few series whatever clients send, the format, and an answer in time when
//! the database is gone.

use crate::hung_cluster::Hung;
use crate::process::*;
use oneoff_fakes::{FakeReceiver, Reply};
use oneoff_pg_fixture::{Cluster, Database, Settings, Shutdown, shared_cluster};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What an answer may take that is promised within about a second, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(12);

/// Each series with its value.
struct Metrics {
    text: String,
    values: BTreeMap<String, f64>,
}

impl Metrics {
    fn of(port: u16) -> Self {
        let (status, answer) = get(port, "/metrics", &[]);
        assert_eq!(status, 200, "{answer}");
        let text = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let values = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
        });
        Self { values: values.collect(), text: text.clone() }
    }

    fn value(&self, series: &str) -> f64 {
        *self.values.get(series).unwrap_or_else(|| panic!("no {series} in\n{}", self.text))
    }

    fn has(&self, series: &str, value: u32) -> bool {
        self.values.get(series).is_some_and(|found| (found - f64::from(value)).abs() < 1e-9)
    }

    fn is(&self, series: &str, value: u32) {
        assert!(
            (self.value(series) - f64::from(value)).abs() < 1e-9,
            "{series} is not {value} in\n{}",
            self.text
        );
    }
}

/// A place for each database.
fn places() -> [(Place, Option<Database>); 2] {
    let database = shared_cluster().unwrap().database().unwrap();
    let on_server = Place::bare().with("PORT", 0).with("DATABASE_URL", database.url());
    [(Place::new(), None), (on_server, Some(database))]
}

/// Somebody with a key, who counts.
struct Caller {
    port: u16,
    key: String,
    calls: Cell<u32>,
}

impl Caller {
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.calls.set(self.calls.get() + 1);
        let (status, answer) =
            send(self.port, method, path, &[&format!("Authorization: Bearer {}", self.key)], body);
        (status, answer["data"].clone())
    }

    fn create(&self, path: &str, body: Value) -> String {
        let (status, made) = self.call("POST", path, &body);
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().or_else(|| made["webhook"]["id"].as_str()).unwrap_or_default().to_owned()
    }

    fn job(&self, script: &str) -> String {
        let config = json!({ "script": script });
        self.create("/api/jobs", json!({"type": "shell", "scheduled_at": "now", "config": config}))
    }
}

fn until(port: u16, series: &str, value: u32) {
    wait_for(|| Some(Metrics::of(port)).filter(|metrics| metrics.has(series, value)));
}

fn the_ten_have_right_values(place: Place, is_shared: bool) {
    let sealing_key = place.directory.path().join("oneoff.key").display().to_string();
    std::fs::write(&sealing_key, "07".repeat(32)).unwrap();
    std::fs::set_permissions(&sealing_key, Permissions::from_mode(0o600)).unwrap();
    let place = place.with("AUTH_ENABLED", "true").with("WORKERS_COUNT", 2);
    let place = place.with("WEBHOOK_RETRY_SECONDS", "1").with("SEALING_KEY_FILE", sealing_key);
    let key = place.run(&["keys", "create", "--admin", "--name", "me"]);
    key.succeeds();
    let began = Instant::now();
    let server = place.serve();
    let port = server.port();
    let caller = Caller { port, key: key.stdout.trim().to_owned(), calls: Cell::new(0) };
    let taking = FakeReceiver::start(|_| Reply::Status(200)).unwrap();
    let failing = FakeReceiver::start(|_| Reply::Status(500)).unwrap();
    for (receiver, event) in [(&taking, "job.completed"), (&failing, "job.cancelled")] {
        caller.create("/api/webhooks", json!({"name": event, "url": receiver.url(), "events": [event]}));
    }

    let long = [caller.job("sleep 600"), caller.job("sleep 600")];
    until(port, "oneoff_workers_active", 2);
    let waits = caller.job("true");
    until(port, "oneoff_jobs_queued", 1);
    let metrics = Metrics::of(port);
    metrics.is("oneoff_workers_total", 2);
    for id in [&waits, &long[0], &long[1]] {
        assert_eq!(caller.call("POST", &format!("/api/jobs/{id}/cancel"), &Value::Null).0, 200);
    }
    until(port, "oneoff_workers_active", 0);
    for script in ["true", "true", "true", "exit 1", "exit 1"] {
        let id = caller.job(script);
        let (_, over) = caller.call("GET", &format!("/api/jobs/{id}?wait=30s"), &Value::Null);
        assert_eq!(over["status"], if script == "true" { "completed" } else { "failed" });
    }
    let unknown = "/api/jobs/0192f3a4-0000-7000-8000-000000000000";
    for _ in 0..4 {
        assert_eq!(caller.call("GET", unknown, &Value::Null).0, 404);
    }
    for _ in 0..3 {
        let wrong = "Authorization: Bearer oneoff_wrong";
        assert_eq!(send(port, "GET", "/api/jobs", &[wrong], &Value::Null).0, 401);
    }
    until(port, "oneoff_webhook_deliveries_total{result=\"failed\"}", 3);
    until(port, "oneoff_webhook_deliveries_total{result=\"success\"}", 3);

    // What is read from the database is so for a moment longer.
    let metrics = wait_for(|| {
        let is_so = |metrics: &Metrics| {
            metrics.has("oneoff_webhook_deliveries_due", 0)
                && metrics.has("oneoff_jobs_queued", 0)
                && !metrics.text.contains("\noneoff_next_due_timestamp_seconds")
        };
        Some(Metrics::of(port)).filter(is_so)
    });
    let uptime = metrics.value("oneoff_uptime_seconds");
    assert!(uptime > 0.5 && uptime < began.elapsed().as_secs_f64(), "{uptime}");
    metrics.is("oneoff_jobs_queued", 0);
    for (status, count) in [("completed", 3), ("failed", 2), ("cancelled", 2)] {
        metrics.is(&format!("oneoff_jobs_total{{type=\"shell\",status=\"{status}\"}}"), count);
    }
    for measured in ["duration", "lateness", "queue"] {
        metrics.is(&format!("oneoff_job_{measured}_seconds_count{{type=\"shell\"}}"), 7);
        metrics.is(&format!("oneoff_job_{measured}_seconds_bucket{{type=\"shell\",le=\"+Inf\"}}"), 7);
    }
    assert!(metrics.value("oneoff_job_duration_seconds_sum{type=\"shell\"}") > 0.0);
    assert!(metrics.value("oneoff_job_lateness_seconds_sum{type=\"shell\"}") > 0.0);
    let requests = |method: &str, path: &str, status: u16| {
        format!("oneoff_http_requests_total{{method=\"{method}\",path=\"{path}\",status=\"{status}\"}}")
    };
    metrics.is(&requests("POST", "/api/jobs", 201), 8);
    metrics.is(&requests("POST", "/api/jobs/{id}/cancel", 200), 3);
    metrics.is(&requests("GET", "/api/jobs/{id}", 200), 5);
    metrics.is(&requests("GET", "/api/jobs/{id}", 404), 4);
    metrics.is(&requests("GET", "/api/jobs", 401), 3);
    let duration = "oneoff_http_request_duration_seconds_count";
    metrics.is(&format!("{duration}{{method=\"GET\",path=\"/api/jobs/{{id}}\"}}"), 9);
    assert!(!metrics.text.contains("path=\"/metrics\""), "to ask for them does not change them");
    metrics.is("oneoff_apikey_validations_total{result=\"success\"}", caller.calls.get());
    metrics.is("oneoff_apikey_validations_total{result=\"failed\"}", 3);
    metrics.is("oneoff_webhook_deliveries_total{result=\"retried\"}", 3);
    assert!(metrics.value("oneoff_commit_duration_seconds_count") >= 8.0);
    metrics.is("oneoff_webhook_deliveries_due", 0);
    assert!(!metrics.text.contains("\noneoff_next_due_timestamp_seconds"), "nothing waits");
    if is_shared {
        until(port, "oneoff_events_unnumbered", 0);
        until(port, "oneoff_events_unfollowed", 0);
    }
    let later = json!({"type": "shell", "scheduled_at": "@4000000000", "config": {"script": "true"}});
    caller.create("/api/jobs", later);
    until(port, "oneoff_next_due_timestamp_seconds", 4_000_000_000);
}

#[test]
fn the_ten_metrics_of_version_1_have_right_values_on_a_file() {
    let [(place, _), _] = places();
    the_ten_have_right_values(place, false);
}

#[test]
fn the_ten_metrics_of_version_1_have_right_values_on_a_server() {
    let [_, (place, _database)] = places();
    the_ten_have_right_values(place, true);
}

/// Requests that are as different as clients can make them.
fn odd(port: u16, number: usize) {
    let (method, path, body) = match number % 8 {
        0 => ("GET".to_owned(), format!("/api/nope{number}"), Value::Null),
        1 => ("GET".to_owned(), format!("/ui{number}/x"), Value::Null),
        2 => ("GET".to_owned(), format!("/api/jobs/{number}"), Value::Null),
        3 => ("DELETE".to_owned(), format!("/api/jobs/{number}/nope{number}"), Value::Null),
        4 => (format!("M{number}"), "/api/jobs".to_owned(), Value::Null),
        5 => (format!("M{number}"), format!("/{number}"), Value::Null),
        6 => ("GET".to_owned(), format!("/api/jobs?status=x{number}"), Value::Null),
        _ => {
            let job = json!({"type": format!("t{number}"), "scheduled_at": "now", "config": {}});
            ("POST".to_owned(), "/api/jobs".to_owned(), job)
        }
    };
    send(port, &method, &path, &[], &body);
}

#[test]
fn ten_thousand_different_requests_add_no_series() {
    let server = Place::new().serve();
    let port = server.port();
    (0..8).for_each(|number| odd(port, number));
    // Those without labels may come at any time, when something happens of which they tell.
    let is_labelled = |series: &String| series.contains('{') && !series.starts_with("oneoff_commit_");
    let series = || Metrics::of(port).values.into_keys().filter(is_labelled).collect::<BTreeSet<_>>();
    let before = series();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                (8..10_008).filter(|number| number % 4 == thread).for_each(|number| odd(port, number))
            });
        }
    });
    assert_eq!(series(), before);
    let counted = Metrics::of(port).values;
    let requests = counted.iter().filter(|(series, _)| series.starts_with("oneoff_http_requests_total"));
    let all: f64 = requests.map(|(_, value)| value).sum();
    assert!(all >= 10_008.0, "each is counted: {all}");
}

#[test]
fn promtool_is_content() {
    for (place, _database) in places() {
        let server = place.serve();
        let client = server.client();
        run_job(&client, &shell("true"));
        let text = Metrics::of(server.port()).text;
        let mut promtool = Command::new("promtool");
        promtool
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut promtool =
            promtool.spawn().unwrap_or_else(|error| panic!("promtool, of the package prometheus: {error}"));
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let answer = promtool.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&answer.stdout) + String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success() && said.trim().is_empty(), "{said}\n{text}");
    }
}

/// What is answered, and in time.
fn soon(port: u16) -> Metrics {
    let asked = Instant::now();
    let metrics = Metrics::of(port);
    assert!(asked.elapsed() < SOON, "it took {:?}", asked.elapsed());
    metrics
}

#[test]
fn metrics_answer_while_the_database_is_gone_or_hangs() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    let server = Place::bare().with("PORT", 0).with("DATABASE_URL", database.url()).serve();
    let port = server.port();
    run_job(&server.client(), &shell("true"));
    assert!(Metrics::of(port).value("oneoff_database_bytes") > 0.0);
    let check = || {
        for _ in 0..3 {
            let metrics = soon(port);
            metrics.is("oneoff_jobs_total{type=\"shell\",status=\"completed\"}", 1);
            assert!(metrics.value("oneoff_database_seen_seconds") < 60.0);
        }
    };
    {
        let _hung = Hung::hang(&cluster);
        check();
    }
    wait_for(|| Some(Metrics::of(port)).filter(|now| now.value("oneoff_database_seen_seconds") < 1.0));
    cluster.stop(Shutdown::Fast).unwrap();
    check();
    cluster.resume().unwrap();
    wait_for(|| Some(Metrics::of(port)).filter(|now| now.value("oneoff_database_seen_seconds") < 1.0));
}
