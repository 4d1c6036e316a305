//! What people meet when something is wrong: exit codes, texts, and a stdout that stays clean.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics where something is wrong")]

mod run;
#[path = "../../../crates/client/tests/scripted/mod.rs"]
mod scripted;

use run::{oneoff, run};
use scripted::{Act, Scripted};
use serde_json::{Value, json};
use std::process::Stdio;

const ID: &str = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
const NOWHERE: &str = "http://127.0.0.1:9";

fn problem(status: u16, code: &str) -> Act {
    let body = json!({
        "type": format!("/docs/problems/{code}"), "title": "T", "status": status, "detail": "it is refused",
        "error": "it is refused", "code": code, "request_id": "r-1",
        "errors": [{"pointer": "/max_retries", "message": "must be at least 0", "hint": "0 to 1000"}],
    });
    Act::Json(status, body)
}

#[tokio::test]
async fn refusals_end_with_the_codes_of_the_table_in_every_format() {
    for (status, code, exit) in [
        (400, "validation_failed", 2),
        (401, "unauthorized", 4),
        (403, "forbidden", 4),
        (404, "not_found", 3),
        (409, "illegal_transition", 5),
        (412, "version_mismatch", 5),
        (500, "internal", 1),
        (503, "overloaded", 1),
    ] {
        let server = Scripted::start(vec![problem(status, code)]).await;
        for format in ["table", "json", "yaml", "name"] {
            let ran = run(&server.url, &["-o", format, "jobs", "get", ID]).await;
            assert_eq!((ran.code, ran.stdout.as_str()), (exit, ""), "{status} {format}: {ran:?}");
            if format == "json" {
                let document: Value = serde_json::from_str(&ran.stderr).unwrap();
                assert_eq!((&document["code"], &document["request_id"]), (&json!(code), &json!("r-1")));
            } else {
                assert!(
                    ran.stderr.starts_with("error: --max-retries: must be at least 0 (0 to 1000)\n"),
                    "{ran:?}"
                );
                assert!(ran.stderr.contains("request-id: r-1\n"), "{ran:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_code_9_with_a_next_step() {
    let ran = run(NOWHERE, &["q"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (9, ""));
    assert!(ran.stderr.contains("error: no answer from http://127.0.0.1:9/"), "{ran:?}");
    assert!(ran.stderr.contains("cause: ") && ran.stderr.contains("hint: is it running?"), "{ran:?}");
    let ran = run(NOWHERE, &["q", "-o", "json"]).await;
    let document: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((&document["code"], &document["exit_code"]), (&json!("unreachable"), &json!(9)));
}

#[tokio::test]
async fn something_else_that_answers_is_told_from_a_server() {
    let server = Scripted::start(vec![Act::Raw(200, "content-type: text/html", "<html>")]).await;
    let ran = run(&server.url, &["system", "status"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("does not answer as a OneOff server does"), "{ran:?}");
}

#[tokio::test]
async fn a_create_of_unknown_outcome_names_the_key_to_repeat_it_with() {
    let server = Scripted::start(vec![Act::HangUp]).await;
    let ran = run(&server.url, &["in", "1h", "--", "true"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (9, ""));
    let key = server.asked()[0].header("idempotency-key").unwrap();
    assert!(ran.stderr.contains(&format!("--idempotency-key={key}")), "{ran:?}");
}

#[tokio::test]
async fn the_zone_and_the_key_are_sent_and_the_key_is_never_shown() {
    let server = Scripted::start(vec![problem(401, "unauthorized")]).await;
    let mut command = oneoff(&server.url);
    let output =
        command.env("ONEOFF_API_KEY", "s3cret").args(["at", "9am", "--", "true"]).output().await.unwrap();
    assert!(!String::from_utf8(output.stderr).unwrap().contains("s3cret"));
    run(&server.url, &["--utc", "at", "9am", "--", "true"]).await;
    run(&server.url, &["at", "9am", "--tz", "Europe/Madrid", "--api-key", "", "--", "true"]).await;
    let asked = server.asked();
    assert_eq!(asked[0].line, "POST /api/jobs HTTP/1.1");
    assert_eq!(asked[0].header("authorization").as_deref(), Some("Bearer s3cret"));
    assert_eq!(asked[2].header("authorization"), None);
    let zones: Vec<Value> = asked
        .iter()
        .map(|asked| serde_json::from_str::<Value>(&asked.body).unwrap()["timezone"].clone())
        .collect();
    assert_eq!(zones, ["Asia/Tokyo", "UTC", "Europe/Madrid"]);
}

#[tokio::test]
async fn ctrl_c_ends_with_130() {
    let server = Scripted::start(vec![Act::Silence]).await;
    let child = oneoff(&server.url).args(["wait", ID]).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id().unwrap().to_string();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while server.asked().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "nothing was asked");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(tokio::process::Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert_eq!(child.wait_with_output().await.unwrap().status.code(), Some(130));
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_error() {
    for words in [&["completion", "bash"][..], &["version"], &["help"]] {
        let mut child =
            oneoff(NOWHERE).args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{words:?}");
    }
}

#[tokio::test]
async fn bad_command_lines_end_with_2_and_say_nothing_on_stdout() {
    for words in [
        &[][..],
        &["job", "list"],
        &["jobs", "lis"],
        &["jobs", "list", "--status", "schedulde"],
        &["jobs", "list", "--limit", "0"],
        &["jobs", "get", "not-an-id"],
        &["jobs", "create", "--", "true"],
        &["jobs", "create", "--at", "now"],
        &["jobs", "create", "--at", "now", "--config", "{}"],
        &["jobs", "create", "--at", "now", "--type", "http", "--", "true"],
        &["jobs", "delete", ID],
        &["at", "9am"],
        &["at", "--", "true"],
        &["now", "true"],
        &["at", "9am", "--dst", "maybe", "--", "true"],
        &["at", "9am", "--tz", "Nowhere/Land", "--", "true"],
        &["at", "9am", "--wait-timeout", "5s", "--", "true"],
        &["at", "9am", "--timeout", "soon", "--", "true"],
        &["time", "tomorow", "9am"],
        &["help", "nothing"],
        &["--server", "http://user:pw@localhost", "q"],
        &["-o", "xml", "q"],
    ] {
        let ran = run(NOWHERE, words).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{words:?}");
    }
}

#[tokio::test]
async fn command_lines_that_cannot_be_read_are_problem_documents_too() {
    for words in [
        &["--format", "json", "jobs", "get", "x"][..],
        &["jobs", "get", "x", "-o", "json"],
        &["-ojson", "jobs", "lis"],
        &["-o", "json", "jobs", "create", "--", "true"],
        &["-o", "json"],
        &["-o", "json", "jobs"],
        &["-o", "json", "--no-such-flag"],
        &["-o", "json", "time", "tomorow"],
    ] {
        let ran = run(NOWHERE, words).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words:?}: {ran:?}");
        let document: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!((&document["code"], &document["exit_code"]), (&json!("usage"), &json!(2)), "{words:?}");
        assert!(!document["detail"].as_str().unwrap().is_empty(), "{words:?}");
    }
}

#[tokio::test]
async fn a_variable_tz_that_is_no_zone_is_an_error_where_a_zone_matters() {
    for tz in ["CET-1CEST", ":Foo/Bar"] {
        let run_in = async |words: &[&str]| oneoff(NOWHERE).env("TZ", tz).args(words).output().await.unwrap();
        for words in [&["time", "tomorrow", "9am"][..], &["at", "9am", "--", "true"]] {
            let output = run_in(words).await;
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{tz} {words:?}: {stderr}");
            assert!(stderr.contains("set TZ to an IANA name") && stderr.contains("--tz"), "{stderr}");
        }
        for words in [&["version"][..], &["help"], &["--tz=UTC", "time", "9am"], &["time", "9am", "--utc"]] {
            assert_eq!(run_in(words).await.status.code(), Some(0), "{tz} {words:?}");
        }
    }
}

/// A job that somebody else named so that a terminal would obey it, and as deep as no service accepts.
fn hostile_job() -> Value {
    let text = "\u{1b}]0;pwn\u{7}\u{1b}[2J\u{9b}\u{202e}";
    let deep = (0..100).fold(json!(text), |inside, _| json!({ "a": inside }));
    json!({
        "id": ID, "name": text, "type": "shell", "config": {"script": text}, "status": "scheduled",
        "project_id": text, "tags": [{"id": text, "name": text, "is_default": false, "created_at": "2026-11-21T09:00:00Z", "updated_at": "2026-11-21T09:00:00Z", "version": 1}], "priority": 5, "timezone": "Europe/Madrid",
        "scheduled_at": "2020-12-01T08:00:00Z", "scheduled_local": "2020-12-01T09:00:00",
        "timeout_seconds": null, "max_retries": 0, "retry_delay_seconds": 10, "retry_max_delay_seconds": 3600,
        "retry_exit_codes": null, "max_lateness_seconds": null, "on_late": "run", "on_crash": "retry",
        "concurrency_key": text, "external_id": text, "metadata": {"deep": deep}, "run": 1, "attempt": 0,
        "next_attempt_at": null, "cancel_requested": false, "holds": [], "last_execution": null,
        "origin": null, "created_by": null, "created_at": "2020-11-21T09:00:00Z", "updated_at": "2020-11-21T09:00:00Z",
        "version": 1,
    })
}

#[tokio::test]
async fn a_hostile_job_is_harmless_in_every_command_and_format() {
    let one = Scripted::start(vec![Act::Json(200, json!({ "data": hostile_job() }))]).await;
    let page =
        json!({"data": [hostile_job(), hostile_job()], "meta": {}, "next_cursor": null, "has_more": false});
    let many = Scripted::start(vec![Act::Json(200, page)]).await;
    for format in ["table", "json", "yaml", "name"] {
        for (server, words) in [
            (&one, &["cat", ID, "-o", format][..]),
            (&one, &["jobs", "get", ID, "-o", format]),
            (&many, &["jobs", "list", "-o", format]),
        ] {
            let ran = run(&server.url, words).await;
            assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
            let is_harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!(ran.stdout.clone() + &ran.stderr).contains(is_harmful), "{words:?}: {ran:?}");
            if words.contains(&"get") && format == "json" {
                assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), hostile_job());
            }
        }
    }
    let line = run(&one.url, &["cat", ID]).await;
    assert!(
        line.stdout.starts_with("oneoff jobs create --at=now --tz=Europe/Madrid --name=$'\\x1b]0;"),
        "{line:?}"
    );
    assert!(line.stderr.contains("its time is over (2020-12-01T08:00:00Z)"), "{line:?}");
}

#[tokio::test]
async fn piped_times_are_rfc3339_in_the_zone_that_was_asked_for() {
    let server = Scripted::start(vec![Act::Json(200, json!({ "data": hostile_job() }))]).await;
    for (zone, shown) in [
        (&["--utc"][..], "2020-12-01T08:00:00Z"),
        (&["--tz", "Europe/Madrid"], "2020-12-01T09:00:00+01:00"),
        (&[], "2020-12-01T08:00:00Z"),
    ] {
        let ran = run(&server.url, &[&["jobs", "get", ID], zone].concat()).await;
        let line = ran.stdout.lines().find(|line| line.starts_with("scheduled for:")).unwrap();
        assert_eq!(line.rsplit(' ').next(), Some(shown), "{line}");
    }
}

#[tokio::test]
async fn what_needs_no_server_works_without_one() {
    for words in [
        &["--version"][..],
        &["-h"],
        &["jobs", "create", "--help"],
        &["version"],
        &["help", "exit-codes"],
        &["time", "tomorrow 9am"],
        &["completion", "zsh"],
        &["completion", "fish"],
    ] {
        let ran = run(NOWHERE, words).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?}: {ran:?}");
        assert!(!ran.stdout.is_empty(), "{words:?}");
    }
    assert_eq!(run(NOWHERE, &["--version"]).await.stdout, format!("oneoff {}\n", env!("CARGO_PKG_VERSION")));
    let json: Value =
        serde_json::from_str(&run(NOWHERE, &["time", "2030-01-02", "09:00", "-o", "json"]).await.stdout)
            .unwrap();
    assert_eq!((&json["instant"], &json["timezone"]), (&json!("2030-01-02T00:00:00Z"), &json!("Asia/Tokyo")));
    for (words, local) in [
        (&["2030-01-02", "09:00"][..], "2030-01-02T09:00:00"),
        (&["2030-01-02T00:00:00Z"], "2030-01-02T09:00:00"),
        (&["@1893542400"], "2030-01-02T09:00:00"),
    ] {
        let ran = run(NOWHERE, &[&["time", "-o", "json"], words].concat()).await;
        let json: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(json["local"], json!(local), "{words:?}");
    }
}
