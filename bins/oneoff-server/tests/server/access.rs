//! The first key of a server, keys beside a running one, what a server without keys refuses, and a revoke on two nodes.

use crate::process::{PATIENCE, Place, Serving, get, send, wait_for};
use oneoff_pg_fixture::shared_cluster;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}")
}

fn status(serving: &Serving, path: &str, key: &str) -> u16 {
    get(serving.port(), path, &[&bearer(key)]).0
}

/// The token of the link in the log.
fn setup_token(serving: &mut Serving) -> String {
    let line: Value = serde_json::from_str(&serving.wait_for_line("setup_link")).unwrap();
    let link = line["setup_link"].as_str().unwrap();
    let (page, token) = link.split_once('#').unwrap();
    assert!(page.ends_with("/setup"), "{link}");
    token.to_owned()
}

#[test]
fn the_link_in_the_log_makes_the_first_key_once() {
    let place = Place::new().with("AUTH_ENABLED", "true").with("PUBLIC_URL", "https://jobs.example");
    let mut serving = place.serve();
    let token = setup_token(&mut serving);
    let port = serving.port();
    let page = get(port, "/setup", &[]);
    assert_eq!(page.0, 200, "the page can be looked at, also by whoever previews links");
    let (code, answer) = send(port, "POST", "/api/setup", &[], &json!({"token": token}));
    assert_eq!(code, 201, "{answer}");
    let key = answer["data"]["key"].as_str().unwrap().to_owned();
    assert_eq!(status(&serving, "/api/api-keys", &key), 200);
    let (code, again) = send(port, "POST", "/api/setup", &[], &json!({"token": token}));
    assert_eq!((code, again["code"].as_str()), (409, Some("is_set_up")), "{again}");
    serving.stop();
    let serving = place.serve();
    assert_eq!(status(&serving, "/api/jobs", &key), 200);
    let log = serving.stop();
    assert!(!log.iter().any(|line| line.contains("setup_link")), "{log:#?}");
}

#[test]
fn a_key_made_at_the_command_line_ends_the_link() {
    let place = Place::new().with("AUTH_ENABLED", "true");
    let mut serving = place.serve();
    let token = setup_token(&mut serving);
    let made = place.run(&["keys", "create", "--admin"]);
    made.succeeds();
    assert!(made.stderr.contains("`admin` may admin"), "{made:?}");
    let (code, answer) = send(serving.port(), "POST", "/api/setup", &[], &json!({"token": token}));
    assert_eq!((code, answer["code"].as_str()), (409, Some("is_set_up")), "{answer}");
    assert_eq!(status(&serving, "/api/api-keys", made.stdout.trim_end()), 200);
}

#[test]
fn keys_are_listed_rotated_and_revoked_beside_a_running_server() {
    let place = Place::new().with("AUTH_ENABLED", "true");
    let serving = place.serve();
    let admin = place.run(&["keys", "create", "--admin", "--name", "root"]).stdout.trim_end().to_owned();
    let ci = place.run(&["keys", "create", "--name", "ci", "--scopes", "read", "--projects", "default"]);
    let ci = ci.stdout.trim_end().to_owned();
    assert_eq!(status(&serving, "/api/jobs", &ci), 200);
    let rotated = place.run(&["keys", "rotate", &ci[..15], "--overlap", "3600"]);
    rotated.succeeds();
    assert!(rotated.stderr.contains("is valid until"), "{rotated:?}");
    let next = rotated.stdout.trim_end().to_owned();
    assert_eq!((status(&serving, "/api/jobs", &ci), status(&serving, "/api/jobs", &next)), (200, 200));
    let list = place.run(&["keys", "list"]);
    list.succeeds();
    assert_eq!(list.stdout.lines().count(), 4, "{list:?}");
    let line = list.stdout.lines().find(|line| line.contains(&next[..15])).unwrap();
    assert!(line.contains("\tvalid\tread\tdefault\tnever\t") && line.ends_with("\tci"), "{line}");
    for key in [&admin, &ci, &next] {
        assert!(!list.stdout.contains(key.as_str()));
    }

    place
        .run(&["keys", "rotate", &ci[..15], "--overlap", "3600"])
        .fails(1, &["rotated already", &next[..15]]);

    let revoked = Instant::now();
    place.run(&["keys", "revoke", &next]).succeeds();
    wait_for(|| (status(&serving, "/api/jobs", &next) == 401).then_some(()));
    let took = revoked.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    place.run(&["keys", "revoke", &admin[..15]]).fails(1, &["last key with the scope `admin`", "force"]);
    assert_eq!(status(&serving, "/api/jobs", &admin), 200);
    place.run(&["keys", "revoke", &admin[..15], "--force"]).succeeds();
    place.run(&["keys", "revoke", "oneoff_"]).fails(1, &["there is no key"]);
    place.run(&["keys", "revoke", "nobody"]).fails(1, &["there is no key `nobody`", "keys list"]);
    place.run(&["keys", "rotate", &next[..15]]).fails(1, &["is revoked"]);
    place.run(&["keys", "rotate", &ci[..15], "--overlap", "-1"]).fails(2, &["overlap"]);
    let mistyped = format!("{}g", &ci[..78]);
    assert_eq!(status(&serving, "/api/jobs", &mistyped), 401);
}

#[test]
fn a_key_from_a_file_is_known_at_every_start() {
    let place = Place::new().with("AUTH_ENABLED", "true");
    let file = place.directory.path().join("key");
    let key = format!("oneoff_{}", "0123456789abcdef".repeat(4));
    std::fs::write(&file, format!("{key}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let place = place.with("ONEOFF_BOOTSTRAP_KEY_FILE", file.display());
    place.run(&["serve"]).fails(1, &["chmod 600", "0644"]);
    // As secret stores provide it, and as a person does.
    for mode in [0o440, 0o600] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let serving = place.serve();
        assert_eq!(
            wait_for(|| Some(status(&serving, "/api/api-keys", &key)).filter(|code| *code == 200)),
            200
        );
        let log = serving.stop();
        assert!(!log.iter().any(|line| line.contains("setup_link") || line.contains(&key)), "{log:#?}");
    }
    let list = place.run(&["keys", "list"]);
    assert_eq!(list.stdout.lines().count(), 2, "one key, however often it starts: {list:?}");
    place.run(&["keys", "revoke", &key[..15], "--force"]).succeeds();
    let mut serving = place.serve();
    serving.wait_for_line("was revoked or has expired");
    assert_eq!(status(&serving, "/api/jobs", &key), 401);
    std::fs::write(&file, "hunter2").unwrap();
    let refused = place.run(&["serve"]);
    refused.fails(1, &["holds no API key"]);
    assert!(!refused.stderr.contains("hunter2"));
}

#[test]
fn others_reach_a_server_without_keys_only_when_that_is_asked_for() {
    let place = Place::new().with("HOST", "0.0.0.0");
    place.run(&["serve"]).fails(1, &["AUTH_ENABLED=true", "--insecure-no-auth", "keys create --admin"]);
    let mut serving = Place::serve_by(place.command(&["serve", "--insecure-no-auth"]));
    let port = serving.port();
    assert_eq!(get(port, "/api/jobs", &[]).0, 200);
    let (code, body) = send(port, "GET", "/api/jobs", &["Host: evil.example"], &Value::Null);
    assert_eq!((code, body["code"].as_str()), (403, Some("host_refused")), "{body}");
    let by_address = format!("Host: 192.168.7.7:{port}");
    assert_eq!(
        send(port, "GET", "/api/jobs", &[&by_address], &Value::Null).0,
        200,
        "no page can rebind an address"
    );
    serving.child.kill().unwrap();
}

#[test]
fn no_page_of_another_site_makes_a_job_on_a_loopback_server() {
    let place = Place::new();
    let serving = place.serve();
    let port = serving.port();
    let job = json!({"type": "shell", "config": {"script": "true"}, "immediate": true});
    let own = format!("Host: localhost:{port}");
    for (headers, code, word) in [
        (vec![own.as_str(), "Origin: https://evil.example"], 403, "origin_refused"),
        (vec![own.as_str(), "Sec-Fetch-Site: cross-site"], 403, "origin_refused"),
        (vec![own.as_str(), "Origin: null"], 403, "origin_refused"),
        (vec!["Host: rebound.example", "Origin: http://rebound.example"], 403, "host_refused"),
        (vec!["Host: rebound.example"], 403, "host_refused"),
    ] {
        let (status, body) = send(port, "POST", "/api/jobs", &headers, &job);
        assert_eq!((status, body["code"].as_str()), (code, Some(word)), "{headers:?}: {body}");
        assert!(body["detail"].as_str().unwrap().contains("ALLOWED_"), "it says what to set: {body}");
    }
    let (status, list) = send(port, "GET", "/api/jobs", &[&own], &Value::Null);
    assert_eq!((status, &list["data"]), (200, &json!([])), "nothing was made");
    assert_eq!(send(port, "POST", "/api/jobs", &[&own], &job).0, 201);
}

#[test]
fn a_key_revoked_on_one_node_is_refused_by_the_other() {
    let database = shared_cluster().unwrap().database().unwrap();
    let place = |name: &str| {
        let place = Place::bare().with("PORT", 0).with("DATABASE_URL", database.url());
        place.with("NODE_NAME", name).with("AUTH_ENABLED", "true")
    };
    let (east_place, west_place) = (place("east"), place("west"));
    let made = east_place.run(&["keys", "create", "--admin"]);
    made.succeeds();
    let admin = made.stdout.trim_end().to_owned();
    let (east, west) = (east_place.serve(), west_place.serve());
    let create = |name: &str| {
        let body = json!({"name": name, "scopes": "read"});
        let (code, answer) = send(east.port(), "POST", "/api/api-keys", &[&bearer(&admin)], &body);
        assert_eq!(code, 201, "{answer}");
        let data = &answer["data"];
        (data["id"].as_str().unwrap().to_owned(), data["key"].as_str().unwrap().to_owned())
    };
    let mut slowest = std::time::Duration::ZERO;
    for round in 0..5 {
        let (id, key) = create(&format!("key {round}"));
        assert_eq!(status(&west, "/api/jobs", &key), 200, "it is in the memory of the other node now");
        let path = format!("/api/api-keys/{id}/revoke");
        assert_eq!(send(east.port(), "POST", &path, &[&bearer(&admin)], &Value::Null).0, 200);
        let revoked = Instant::now();
        assert_eq!(status(&east, "/api/jobs", &key), 401, "at once on its own node");
        wait_for(|| (status(&west, "/api/jobs", &key) == 401).then_some(()));
        slowest = slowest.max(revoked.elapsed());
    }
    println!("the other node refused after at most {slowest:?}");
    assert!(slowest < std::time::Duration::from_secs(15), "{slowest:?}");
    // Beside the nodes, there is an event as well.
    let (_, key) = create("beside");
    assert_eq!((status(&east, "/api/jobs", &key), status(&west, "/api/jobs", &key)), (200, 200));
    east_place.run(&["keys", "revoke", &key[..15]]).succeeds();
    for node in [&east, &west] {
        wait_for(|| (status(node, "/api/jobs", &key) == 401).then_some(()));
    }
}
