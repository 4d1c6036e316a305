//! The built binary against a real server: what a user does, from creating to deleting.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test panics where something is wrong")]

mod run;

use oneoff_test_server::TestServer;
use run::{Ran, oneoff, run};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};

async fn server() -> TestServer {
    TestServer::start().await.unwrap()
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Creates a job due tomorrow and gives its id.
async fn create(server: &TestServer, words: &[&str]) -> String {
    let line = [&["-q", "at", "tomorrow", "9am"], words].concat();
    let ran = run(server.url(), &line).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.stdout.trim().to_owned()
}

#[tokio::test]
async fn a_followed_command_writes_to_our_streams_and_ends_with_its_truth() {
    let server = server().await;
    let ok = run(server.url(), &["now", "--follow", "--", "printf", "%s\\n", "a b", "$HOME", "it's"]).await;
    assert_eq!((ok.code, ok.stdout.as_str()), (0, "a b\n$HOME\nit's\n"), "{ok:?}");

    let script = "echo out; echo err >&2; exit 3";
    let failed = run(server.url(), &["now", "--follow", "--", script]).await;
    assert_eq!((failed.code, failed.stdout.as_str()), (6, "out\n"), "{failed:?}");
    assert!(failed.stderr.contains("err\n") && failed.stderr.contains(" failed: "), "{failed:?}");

    let own =
        run(server.url(), &["now", "--wait", "--exit-status=propagate", "-o", "json", "--", script]).await;
    assert_eq!((own.code, &json_of(&own)["status"]), (3, &json!("failed")), "{own:?}");

    let pieces = run(server.url(), &["now", "--follow", "-o", "json", "--", "echo out"]).await;
    let text: String =
        json_of(&pieces).as_array().unwrap().iter().map(|p| p["text"].as_str().unwrap()).collect();
    assert_eq!((pieces.code, text.as_str()), (0, "out\n"));
}

#[tokio::test]
async fn output_is_shown_while_the_job_runs() {
    let server = server().await;
    let file = server.directory().join("go-on");
    let script = format!("echo one; until test -e {}; do sleep 0.02; done; echo two", file.display());
    let mut child = oneoff(server.url())
        .args(["now", "--follow", "--timeout=30s", "--", &script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The job only goes on once its first line was seen here; its timeout ends it otherwise.
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
    std::fs::write(file, "").unwrap();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two"));
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn all_attempts_of_a_job_are_followed() {
    let server = server().await;
    let file = server.directory().join("tries");
    let script = format!("echo try; echo x >> {0}; test $(wc -l < {0}) -ge 3", file.display());
    let words = ["now", "--follow", "--max-retries=3", "--retry-delay=0", "--", &script];
    let ran = run(server.url(), &words).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "try\ntry\ntry\n"), "{ran:?}");
    assert!(ran.stderr.contains("attempt 3 begins"), "{ran:?}");
}

#[tokio::test]
async fn the_answer_says_when_in_the_own_zone_and_where() {
    let server = server().await;
    let ran = run(server.url(), &["at", "2031-01-15", "09:00", "-o", "name", "--", "true"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("job/") && ran.stdout.lines().count() == 1, "{ran:?}");
    assert!(ran.stderr.contains("Wed 15 Jan 2031 09:00 JST (Asia/Tokyo) · 00:00 UTC · in "), "{ran:?}");
    assert!(ran.stderr.contains("runs by the server on this machine"), "{ran:?}");
}

#[tokio::test]
async fn a_job_is_created_listed_moved_held_copied_cancelled_and_deleted() {
    let server = server().await;
    let url = server.url();
    let id = create(&server, &["--name", "first", "--tag", "t", "--", "echo", "a b"]).await;

    let queue = json_of(&run(url, &["q", "-o", "json"]).await);
    assert_eq!((queue[0]["id"].as_str(), queue[0]["name"].as_str()), (Some(id.as_str()), Some("first")));
    let table = run(url, &["jobs", "list", "--status", "scheduled,held"]).await;
    assert!(table.stdout.starts_with("ID ") && table.stdout.contains(&id), "{table:?}");

    let searched = run(url, &["jobs", "list", "--search", "FIR", "-q"]).await;
    assert_eq!(searched.stdout.trim(), id, "{searched:?}");
    assert_eq!(run(url, &["jobs", "list", "--search", "second", "-q"]).await.stdout, "");
    let nothing = run(url, &["jobs", "list", "--search", " "]).await;
    assert!(nothing.code == 2 && nothing.stderr.contains("--search: has no words"), "{nothing:?}");

    let moved = run(url, &["jobs", "reschedule", &id, "2031-01-15T09:00:00Z", "-o", "json"]).await;
    assert_eq!(json_of(&moved)["scheduled_at"], json!("2031-01-15T09:00:00Z"), "{moved:?}");
    let held = run(url, &["jobs", "hold", &id, "-o", "json"]).await;
    assert_eq!(json_of(&held)["status"], json!("held"), "{held:?}");
    assert_eq!(run(url, &["jobs", "run", &id]).await.code, 5);
    let released = run(url, &["jobs", "release", &id, "-o", "json"]).await;
    assert_eq!(json_of(&released)["status"], json!("scheduled"), "{released:?}");

    run(url, &["jobs", "hold", &id]).await;
    assert_eq!(run(url, &["jobs", "release", &id, "--reason", "restore"]).await.code, 5);
    let asked = run(url, &["jobs", "release", "--all", "--reason", "manual"]).await;
    assert!(asked.code == 2 && asked.stderr.contains("--yes"), "{asked:?}");
    for (arguments, part) in [
        (&["--all"][..], "--reason"),
        (&["--all", "--reason", "manual", &id], "cannot be used with"),
        (&["--all", "--reason", "mood"], "mood"),
        (&[], "ID"),
    ] {
        let wrong = run(url, &[&["jobs", "release"], arguments].concat()).await;
        assert!(wrong.code == 2 && wrong.stderr.contains(part), "{wrong:?}");
    }
    let all = run(url, &["jobs", "release", "--all", "--reason", "manual", "--yes", "-o", "json"]).await;
    assert_eq!(json_of(&all), json!({"reason": "manual", "released": 1, "skipped": 0}), "{all:?}");

    let copy = run(url, &["jobs", "clone", &id, "in", "3h", "-q"]).await;
    assert_eq!(copy.code, 0, "{copy:?}");
    let copy = copy.stdout.trim().to_owned();

    let line = run(url, &["cat", &id]).await.stdout;
    assert!(line.starts_with("oneoff jobs create --at=2031-01-15T09:00:00Z"), "{line}");
    assert!(line.ends_with("-- echo 'a b'\n"), "{line}");

    let cancelled = run(url, &["rm", &id, &copy, &id, "-o", "json"]).await;
    assert_eq!(json_of(&cancelled).as_array().unwrap().len(), 2, "{cancelled:?}");
    assert_eq!(run(url, &["wait", &id]).await.code, 7);
    assert_eq!(run(url, &["rm", &id]).await.code, 5);

    let missing = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
    let deleted = run(url, &["jobs", "delete", "-y", &id, missing, "-o", "name"]).await;
    assert_eq!((deleted.code, deleted.stdout.as_str()), (8, format!("job/{id}\n").as_str()), "{deleted:?}");
    assert!(deleted.stderr.contains(&format!("error: job {missing}: ")), "{deleted:?}");
    assert_eq!(run(url, &["jobs", "get", &id]).await.code, 3);
}

#[tokio::test]
async fn creating_twice_under_one_key_makes_one_job_and_a_dry_run_none() {
    let server = server().await;
    let line = ["--idempotency-key=k", "--", "true"];
    assert_eq!(create(&server, &line).await, create(&server, &line).await);
    let dry = run(server.url(), &["in", "1h", "--dry-run", "-o", "json", "--", "true"]).await;
    assert_eq!((dry.code, &json_of(&dry)["type"]), (0, &json!("shell")), "{dry:?}");
    assert_eq!(json_of(&run(server.url(), &["q", "-o", "json"]).await).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_are_one_document_across_pages_and_say_when_there_is_more() {
    let server = server().await;
    for _ in 0..5 {
        create(&server, &["--", "true"]).await;
    }
    let some = run(server.url(), &["jobs", "list", "--limit", "3", "-o", "yaml"]).await;
    let rows: Value = serde_saphyr::from_str(&some.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert!(some.stderr.contains("there are more"), "{some:?}");
    let all = run(server.url(), &["jobs", "list", "--all", "--sort=created_at", "-o", "json"]).await;
    assert_eq!((json_of(&all).as_array().unwrap().len(), all.stderr.as_str()), (5, ""));
    assert_eq!(run(server.url(), &["-q", "jobs", "list"]).await.stdout.lines().count(), 5);
    let none = run(server.url(), &["jobs", "list", "--status=missed", "-o", "json"]).await;
    assert_eq!(none.stdout, "[]\n");
}

#[tokio::test]
async fn output_is_read_by_job_and_by_execution() {
    let server = server().await;
    let url = server.url();
    let id =
        run(url, &["-q", "now", "--wait", "--", "echo one; echo two >&2"]).await.stdout.trim().to_owned();
    let executions = json_of(&run(url, &["executions", "list", "--job", &id, "-o", "json"]).await);
    let execution = executions[0]["id"].as_str().unwrap();
    for words in [
        &["logs", &id][..],
        &["logs", "-f", &id],
        &["executions", "tail", execution],
        &["executions", "tail", "--no-follow", execution],
    ] {
        let ran = run(url, words).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "one\n"), "{words:?}: {ran:?}");
        assert!(ran.stderr.starts_with("two\n"), "{words:?}: {ran:?}");
    }
    let one = run(url, &["executions", "get", execution]).await;
    assert!(one.stdout.contains("exit code:") && one.stdout.contains("completed"), "{one:?}");
    let waiting = create(&server, &["--", "true"]).await;
    assert_eq!(run(url, &["logs", &waiting]).await.code, 3);
}

#[tokio::test]
async fn output_that_is_not_text_stays_as_it_was_written() {
    let server = server().await;
    let url = server.url();
    let words = ["-q", "now", "--follow", "--", r"printf 'a\377b\0\303\244'; printf '\200' >&2"];
    let followed = oneoff(url).args(words).output().await.unwrap();
    assert_eq!(followed.stdout, b"a\xffb\0\xc3\xa4", "{followed:?}");
    assert_eq!(followed.stderr, b"\x80", "{followed:?}");
    let executions = json_of(&run(url, &["executions", "list", "-o", "json"]).await);
    let text = |name: &str| executions[0][name].as_str().unwrap().to_owned();
    for words in [
        &["logs", &text("job_id")][..],
        &["executions", "tail", &text("id")],
        &["executions", "tail", "--no-follow", &text("id")],
    ] {
        let ran = oneoff(url).args(words).output().await.unwrap();
        assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"a\xffb\0\xc3\xa4"[..], &b"\x80"[..]));
    }
}

#[tokio::test]
async fn a_copy_takes_a_past_time_and_one_in_a_gap_where_that_is_said() {
    let server = server().await;
    let url = server.url();
    let id = create(&server, &["--", "true"]).await;
    let clone = |when: &'static [&'static str]| {
        let line = [&["-o", "json", "--tz", "Europe/Madrid", "jobs", "clone", id.as_str()], when].concat();
        let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
        async move { run(url, &line.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    for refused in [&["2031-03-30", "02:30"][..], &["2020-01-01", "09:00"]] {
        assert_eq!(clone(refused).await.code, 2, "{refused:?}");
    }
    let later = clone(&["2031-03-30", "02:30", "--dst", "later"]).await;
    assert_eq!(json_of(&later)["scheduled_at"], json!("2031-03-30T01:30:00Z"), "{later:?}");
    let past = clone(&["2020-01-01", "09:00", "--allow-past"]).await;
    assert_eq!(json_of(&past)["scheduled_at"], json!("2020-01-01T08:00:00Z"), "{past:?}");
}

#[tokio::test]
async fn waits_end_with_the_job_or_with_124() {
    let server = server().await;
    let id = create(&server, &["--", "true"]).await;
    let ran = run(server.url(), &["wait", &id, "--timeout", "200ms"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (124, ""), "{ran:?}");
    let url = server.url().to_owned();
    let wait = tokio::spawn({
        let (url, id) = (url.clone(), id.clone());
        async move { run(&url, &["jobs", "get", "--wait", &id, "-o", "json"]).await }
    });
    assert_eq!(run(&url, &["jobs", "run", &id]).await.code, 0);
    let ran = wait.await.unwrap();
    assert_eq!((ran.code, &json_of(&ran)["status"]), (0, &json!("completed")), "{ran:?}");
    let again = run(&url, &["jobs", "run", &id, "--follow"]).await;
    assert_eq!(again.code, 0, "{again:?}");
}

#[tokio::test]
async fn a_running_job_is_cancelled_and_its_wait_ends_with_7() {
    let server = server().await;
    let url = server.url().to_owned();
    let id = run(&url, &["-q", "now", "--", "sleep 300"]).await.stdout.trim().to_owned();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while json_of(&run(&url, &["jobs", "get", &id, "-o", "json"]).await)["status"] != "running" {
        assert!(tokio::time::Instant::now() < deadline, "the job does not start");
    }
    let cancelled = run(&url, &["rm", &id]).await;
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    assert_eq!(run(&url, &["wait", &id]).await.code, 7);
}

#[tokio::test]
async fn what_the_server_refuses_names_the_flag() {
    let server = server().await;
    for (words, flag) in [
        (&["at", "yesterday", "9am", "--", "true"][..], "WHEN: "),
        (&["at", "9am", "--priority=11", "--", "true"], "--priority: "),
        (&["at", "9am", "--on-late=wait", "--", "true"], "--on-late: "),
        (&["at", "9am", "ftp://example.org", "--", "true"], "WHEN: "),
        (&["at", "9am", "https://"], "--url: "),
        (&["jobs", "create", "--at=9am", "--type=shel", "--config={}"], "--type: "),
        (&["jobs", "create", "--at=9am", "--type=shell", "--config={\"skript\": \"x\"}"], "--config: "),
        (&["jobs", "list", "--sort=name"], "--sort: "),
    ] {
        let ran = run(server.url(), words).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words:?}: {ran:?}");
        assert!(ran.stderr.contains(flag), "{words:?}: {ran:?}");
    }
}

#[tokio::test]
async fn the_server_and_its_workers_are_shown_in_every_format() {
    let server = server().await;
    for words in [&["system", "status"][..], &["workers", "status"], &["time", "in 2h"]] {
        for format in ["table", "json", "yaml", "name"] {
            let ran = run(server.url(), &[words, &["-o", format]].concat()).await;
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?} {format}: {ran:?}");
            match format {
                "json" => assert!(json_of(&ran).is_object()),
                "yaml" => assert!(serde_saphyr::from_str::<Value>(&ran.stdout).unwrap().is_object()),
                _ => assert!(ran.stdout.len() > 3),
            }
        }
    }
}

#[tokio::test]
async fn many_jobs_of_a_file_are_created_all_or_each_on_its_own() {
    let server = server().await;
    let file = server.directory().join("jobs.jsonl");
    let line = |extra: &str| {
        format!(
            "{{\"type\":\"shell\",\"config\":{{\"script\":\"true\"}},\"scheduled_at\":\"2031-01-15 09:00\"{extra}}}\n"
        )
    };
    let path = file.to_str().unwrap();
    std::fs::write(
        &file,
        line(",\"name\":\"a\"") + "\n" + &line(",\"priority\":11") + &line(",\"name\":\"b\""),
    )
    .unwrap();

    let none = run(server.url(), &["jobs", "create", "--from", path]).await;
    assert_eq!((none.code, none.stdout.as_str()), (2, ""), "{none:?}");
    assert!(none.stderr.contains("/jobs/1/priority"), "{none:?}");
    assert_eq!(json_of(&run(server.url(), &["jobs", "list", "-o", "json"]).await), json!([]));

    let words = ["jobs", "create", "--from", path, "--each", "-o", "json"];
    let dry = run(server.url(), &[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!((dry.code, json_of(&dry).as_array().unwrap().len()), (8, 2), "{dry:?}");
    assert_eq!(json_of(&run(server.url(), &["jobs", "list", "-o", "json"]).await), json!([]));

    let key = [&words[..], &["--idempotency-key=k"]].concat();
    let some = run(server.url(), &key).await;
    assert_eq!(some.code, 8, "{some:?}");
    let created = json_of(&some);
    assert_eq!((&created[0]["name"], &created[1]["name"]), (&json!("a"), &json!("b")), "{some:?}");
    assert_eq!(created[0]["scheduled_at"], "2031-01-15T00:00:00Z", "in the own zone");
    assert!(some.stderr.contains("11 is out of range") && some.stderr.contains("2 jobs created"), "{some:?}");
    assert_eq!(json_of(&run(server.url(), &key).await), created, "the same key makes nothing new");

    let table = run(server.url(), &["jobs", "create", "--from", path, "--each"]).await;
    assert!(table.stderr.contains("job 2 (line 3)"), "{table:?}");
    assert!(table.stdout.starts_with("ID ") && table.stdout.lines().count() == 3, "{table:?}");

    for words in [
        &["jobs", "create", "--from", path, "--at", "now"][..],
        &["jobs", "create", "--each", "--at", "now", "--", "true"],
        &["jobs", "create", "--from", "/nonexistent/file"],
    ] {
        let refused = run(server.url(), words).await;
        assert!(refused.code == 2 || refused.code == 1, "{refused:?}");
        assert_eq!(refused.stdout, "");
    }
}
