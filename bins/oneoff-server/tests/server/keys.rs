//! `keys create`, and what a server with keys lets in.

use crate::process::{Place, block_on, get};
use oneoff_client::{ApiKey, Client, ClientSettings};
use serde_json::Value;

#[test]
fn a_key_that_was_made_beside_the_server_opens_it_at_once() {
    for form in ["AUTH_ENABLED", "ONEOFF_AUTH_ENABLED"] {
        let place = Place::new().with(form, "true");
        let mut serving = place.serve();
        serving.wait_for_line("oneoff-server keys create");
        let port = serving.port();
        assert_eq!(get(port, "/api/jobs", &[]).0, 401);
        assert_eq!(get(port, "/health", &[]).0, 200);
        let made = place.run(&["keys", "create", "--name", "ci", "--scopes", "read"]);
        made.succeeds();
        let key = made.stdout.trim_end();
        assert!(key.starts_with("oneoff_") && made.stdout.lines().count() == 1, "{made:?}");
        assert!(made.stderr.contains("`ci` may read") && !made.stderr.contains(key), "{made:?}");
        assert_eq!(get(port, "/api/jobs", &[&format!("Authorization: Bearer {key}")]).0, 200);
        assert_eq!(get(port, "/api/jobs", &["Authorization: Bearer oneoff_0"]).0, 401);
        let settings = ClientSettings {
            api_key: Some(ApiKey::new(key)),
            ..ClientSettings::new(serving.url.parse().unwrap())
        };
        let client = Client::new(settings).unwrap();
        let refused = block_on(client.create_job(&crate::process::shell("true"))).unwrap_err();
        assert_eq!(refused.status(), Some(403), "{refused}");
    }
}

#[test]
fn a_key_can_be_made_before_the_first_start() {
    let place = Place::new().with("AUTH_ENABLED", "true").with("HOST", "0.0.0.0");
    let made = place.run(&["keys", "create", "--name", "first", "--expires", "in 90d"]);
    made.succeeds();
    assert!(made.stderr.contains("expires at 20"), "{made:?}");
    let serving = place.serve();
    let header = format!("Authorization: Bearer {}", made.stdout.trim_end());
    assert_eq!(get(serving.port(), "/api/jobs", &[&header]).0, 200);
    let log = serving.stop();
    assert!(!log.iter().any(|line| line.contains("keys create")), "{log:#?}");
}

#[test]
fn a_key_that_cannot_be_is_refused_with_a_reason() {
    let place = Place::new();
    place
        .run(&["keys", "create", "--name", "x", "--scopes", "raed"])
        .fails(1, &["raed", "did you mean read?"]);
    place.run(&["keys", "create", "--name", " "]).fails(1, &["--name"]);
    place
        .run(&["keys", "create", "--name", "x", "--expires", "2020-01-01"])
        .fails(1, &["--expires=2020-01-01"]);
    place
        .run(&["keys", "create", "--name", "x", "--projects", "default,defualt"])
        .fails(1, &["--projects: there is no project `defualt`", "did you mean `default`"]);
    assert_eq!(place.run(&["keys", "list"]).stdout.lines().count(), 1, "none was made");
    place.run(&["keys", "create"]).fails(2, &["--name"]);
}

#[test]
fn a_key_that_is_refused_is_a_line_in_the_log_without_the_key() {
    let place = Place::new().with("AUTH_ENABLED", "true");
    let key = place.run(&["keys", "create", "--name", "ci"]).stdout.trim_end().to_owned();
    let serving = place.serve();
    let port = serving.port();
    let guess = format!("oneoff_{}", "0123456789abcdef".repeat(4));
    let bearer = format!("Authorization: Bearer {guess}");
    assert_eq!(get(port, "/api/jobs", &[&bearer, "X-Request-Id: the-first-guess"]).0, 401);
    let statuses: Vec<u16> = (0..40).map(|_| get(port, "/api/jobs", &[&bearer]).0).collect();
    assert!(statuses[..19].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses[19..].iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(get(port, "/api/jobs", &[&format!("Authorization: Bearer {key}")]).0, 200);
    let log = serving.stop();
    assert!(!log.iter().any(|line| line.contains(&guess[..20])), "{log:#?}");
    let lines = log.iter().filter(|line| line.contains("a key was refused"));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = &lines[0];
    let told = [&first["client"], &first["prefix"], &first["path"], &first["request_id"]];
    assert_eq!(told, ["127.0.0.1", &guess[..15], "/api/jobs", "the-first-guess"], "{first}");
    let left_out: u64 = lines.iter().filter_map(|line| line["left_out"].as_u64()).sum();
    assert!(lines.len() as u64 + left_out <= 41, "{lines:#?}");
}
