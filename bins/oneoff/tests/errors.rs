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
}
