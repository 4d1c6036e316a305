//! Every documented command of curl is answered as documented: its status and all names of its answer.

use super::AnyServer;
use super::curl::Curl;
use crate::process::wait_for;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

const EXAMPLES: &str = include_str!("examples.txt");

/// How many there are: one that is lost on the way from the file is noticed.
const COMMANDS: usize = 60;

/// A paragraph of the file.
enum Step<'a> {
    Run { command: &'a str, status: u16, names: Vec<&'a str>, keeps: Vec<(&'a str, &'a str)> },
    WaitForCompleted(&'a str),
    WaitForDeliveries(&'a str),
}

impl<'a> Step<'a> {
    fn all() -> Vec<Self> {
        EXAMPLES.split("\n\n").filter_map(Self::read).collect()
    }

    fn read(paragraph: &'a str) -> Option<Self> {
        let text = paragraph.trim();
        if let Some(job) = text.strip_prefix("wait for completed ") {
            return Some(Self::WaitForCompleted(job));
        }
        if let Some(webhook) = text.strip_prefix("wait for deliveries of ") {
            return Some(Self::WaitForDeliveries(webhook));
        }
        if !text.starts_with("curl ") {
            assert!(text.lines().all(|line| line.starts_with('#')), "not a comment: {text}");
            return None;
        }
        let is_answer =
            |line: &str| line.len() >= 3 && line.bytes().take(3).all(|byte| byte.is_ascii_digit());
        let at =
            text.match_indices('\n').map(|(at, _)| at).find(|at| is_answer(&text[at + 1..])).expect(text);
        let mut lines = text[at + 1..].lines();
        let mut answer = lines.next().unwrap().split_whitespace();
        let status = answer.next().unwrap().parse().unwrap();
        let keeps = lines.map(|line| line.split_once('=').expect(line)).collect();
        Some(Self::Run { command: &text[..at], status, names: answer.collect(), keeps })
    }
}

/// What stands for the names with a dollar.
struct Known(BTreeMap<String, String>);

impl Known {
    fn put(&mut self, name: &str, value: impl ToString) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// The longest name first, so that one that another begins with is not cut.
    fn fill(&self, text: &str) -> String {
        let mut names: Vec<_> = self.0.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no clock of their own")]
fn days_from_now(days: u64) -> String {
    let at = SystemTime::now() + Duration::from_secs(days * 86_400);
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    oneoff_domain::Timestamp::from_micros(i64::try_from(seconds).unwrap() * 1_000_000).unwrap().to_string()
}

/// What is at the place: names with dots between, `[]` for each of the rows, of which there must be some.
fn at<'a>(value: &'a Value, place: &str) -> Result<Vec<&'a Value>, String> {
    let mut found = vec![value];
    for step in place.split('.') {
        let (name, is_each) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        let next = |value: &'a Value| match (value, name.parse::<usize>()) {
            (Value::Array(rows), Ok(index)) => rows.get(index),
            _ => value.get(name),
        };
        let values: Option<Vec<_>> = found.into_iter().map(next).collect();
        found = values.ok_or_else(|| format!("`{place}` is missing in {value}"))?;
        if is_each {
            let rows: Option<Vec<_>> = found.into_iter().map(Value::as_array).collect();
            found = rows
                .ok_or_else(|| format!("`{place}` is no list in {value}"))?
                .into_iter()
                .flatten()
                .collect();
            if found.is_empty() {
                return Err(format!("`{place}` is empty in {value}"));
            }
        }
    }
    Ok(found)
}

#[test]
fn places_in_answers_are_looked_up() {
    let value = serde_json::json!({"data": [{"a": 1}, {"a": 2}], "none": [], "one": {"b": null}});
    assert_eq!(at(&value, "data[].a").unwrap(), [&Value::from(1), &Value::from(2)]);
    assert_eq!(at(&value, "data.1.a").unwrap(), [&Value::from(2)]);
    assert_eq!(at(&value, "one.b").unwrap(), [&Value::Null]);
    for missing in ["data[].b", "none[].a", "one[].b", "two"] {
        assert!(at(&value, missing).is_err(), "{missing}");
    }
}

/// Instants that cannot be: v1 answered the year 1 for what it could not read.
fn wrong_times(value: &Value) -> Vec<String> {
    match value {
        Value::Array(rows) => rows.iter().flat_map(wrong_times).collect(),
        Value::Object(fields) => {
            let is_wrong = |name: &str, value: &Value| {
                name.ends_with("_at") && value.as_str().is_some_and(|at| !at.starts_with("20"))
            };
            let told = |(name, value): (&String, &Value)| match is_wrong(name, value) {
                true => vec![format!("`{name}` is {value}")],
                false => wrong_times(value),
            };
            fields.iter().flat_map(told).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_time_in_the_year_one_is_noticed() {
    let value = serde_json::json!({"data": [{"created_at": "0001-01-01T00:00:00Z", "ended_at": null, "due_at": "2026-01-01T00:00:00Z"}]});
    assert_eq!(wrong_times(&value), ["`created_at` is \"0001-01-01T00:00:00Z\""]);
}

/// Runs all of them; what has no key of its own is sent with that of `$ADMIN`.
fn run(server: &AnyServer, known: &mut Known) -> Vec<String> {
    let port = server.port();
    let admin = format!("Authorization: Bearer {}", known.0["ADMIN"]);
    let read = |known: &Known, command: &str| {
        let mut curl = Curl::parse(&known.fill(command));
        if !curl
            .headers
            .iter()
            .any(|header| header.starts_with("Authorization:") || header.starts_with("X-API-Key:"))
        {
            curl.headers.push(admin.clone());
        }
        curl
    };
    let mut faults = Vec::new();
    for step in Step::all() {
        match step {
            Step::Run { command, status, names, keeps } => {
                let reply = read(known, command).send(port);
                if reply.status != status {
                    faults
                        .push(format!("{command}\n  {} in place of {status}: {}", reply.status, reply.body));
                    continue;
                }
                let json = if names.is_empty() { Value::Null } else { reply.json() };
                faults.extend(wrong_times(&json).into_iter().map(|time| format!("{command}\n  {time}")));
                faults.extend(
                    names
                        .iter()
                        .filter_map(|name| at(&json, name).err())
                        .map(|fault| format!("{command}\n  {fault}")),
                );
                for (name, place) in keeps {
                    let value = at(&json, place).unwrap()[0].as_str().unwrap().to_owned();
                    known.put(name, value);
                }
            }
            Step::WaitForCompleted(job) => {
                let look = read(known, &format!("curl http://localhost:8080/api/jobs/{job}"));
                wait_for(|| (look.send(port).json()["data"]["status"] == "completed").then_some(()));
            }
            Step::WaitForDeliveries(webhook) => {
                let url =
                    format!("curl http://localhost:8080/api/webhooks/{webhook}/deliveries?status=success");
                let look = read(known, &url);
                wait_for(|| {
                    look.send(port).json()["data"].as_array().filter(|rows| !rows.is_empty()).map(|_| ())
                });
            }
        }
    }
    faults
}

fn known(server: &AnyServer) -> Known {
    let mut known = Known(BTreeMap::new());
    known.put("PORT", server.port());
    for (name, days) in [("TODAY", 0), ("TOMORROW", 1), ("NEXT_WEEK", 7)] {
        known.put(name, days_from_now(days));
    }
    known
}

#[test]
fn every_documented_command_is_answered_with_its_names() {
    let count = EXAMPLES.lines().filter(|line| line.starts_with("curl ")).count();
    let steps = Step::all();
    assert_eq!(steps.iter().filter(|step| matches!(step, Step::Run { .. })).count(), count);
    assert!(count >= COMMANDS, "{count} commands");
    let server = AnyServer::start(&[]);
    let mut known = known(&server);
    known.put("ADMIN", "not-looked-at-without-keys");
    let faults = run(&server, &mut known);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn and_so_it_is_where_keys_are_demanded() {
    let server = AnyServer::start(&[("AUTH_ENABLED", "true")]);
    let made = server.place.run(&["keys", "create", "--admin"]);
    made.succeeds();
    let mut known = known(&server);
    known.put("ADMIN", made.stdout.trim_end());
    let faults = run(&server, &mut known);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
