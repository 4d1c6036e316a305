//! Commands and what is said when something is in the way.

use crate::process::{Place, free_port, get, wait_for};
use std::net::TcpListener;

#[test]
fn the_version_is_worded_as_version_one_did() {
    for flag in ["--version", "-v"] {
        let answer = Place::bare().run(&[flag]);
        answer.succeeds();
        let text = answer.stdout.trim_end();
        assert!(
            text.starts_with(concat!("oneoff version ", env!("CARGO_PKG_VERSION"), " (commit: ")),
            "{text}"
        );
        assert!(text.contains(", built: 20") && text.ends_with("Z)"), "{text}");
    }
}

#[test]
fn an_unknown_word_is_a_usage_error_that_names_the_nearest_command() {
    let place = Place::new();
    place.run(&["migrat"]).fails(2, &["migrat", "'migrate'"]);
    place.run(&["status"]).fails(2, &["status"]);
    place.run(&["--prot", "1"]).fails(2, &["--port"]);
    assert!(!place.database().exists());
}

#[test]
fn healthcheck_tells_a_server_that_is_well_from_one_that_is_not_there() {
    let place = Place::new().with("BASE_PATH", "/one/off");
    let serving = place.serve();
    let port = serving.port().to_string();
    let well = place.run(&["healthcheck", "--port", &port]);
    well.succeeds();
    assert!(well.stdout.contains(&format!("http://localhost:{port}/one/off/health")), "{well:?}");
    let elsewhere = place.run(&["healthcheck", "--port", &port, "--base-path", "/wrong"]);
    elsewhere.fails(1, &["is not well", "404"]);
    serving.stop();
    place.run(&["healthcheck", "--port", &port]).fails(1, &["no server answers", &port]);
    place.run(&["healthcheck"]).fails(1, &["PORT=0"]);
}

#[test]
fn a_busy_port_is_named_and_the_database_is_not_touched() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let place = Place::new().with("PORT", &port).with("HOST", "127.0.0.1");
    place.run(&["serve"]).fails(1, &[&format!("port {port}"), "in use", "PORT="]);
    assert!(!place.database().exists());
}

#[test]
fn an_address_that_others_reach_is_refused_without_keys() {
    for host in ["0.0.0.0", "::", "192.0.2.7"] {
        let answer = Place::new().with("HOST", host).run(&["serve"]);
        answer.fails(1, &[&format!("HOST={host}"), "AUTH_ENABLED=true", "oneoff-server keys create"]);
    }
}

#[test]
fn everything_is_served_below_the_base_path() {
    let place = Place::new().with("BASE_PATH", "/one/off/");
    let serving = place.serve();
    assert!(serving.url.ends_with("/one/off"), "{}", serving.url);
    let port = serving.port();
    for path in ["/health", "/livez", "/readyz", "/metrics", "/api/jobs", "/api/system/status"] {
        wait_for(|| (get(port, &format!("/one/off{path}"), &[]).0 == 200).then_some(()));
        assert_eq!(get(port, path, &[]).0, 404, "{path}");
    }
}

#[test]
fn logs_are_json_off_a_terminal_and_text_when_asked_for() {
    let place = Place::new();
    let mut serving = place.serve();
    for line in serving.log() {
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(entry["level"].is_string() && entry["message"].is_string(), "{line}");
    }
    drop(serving);
    let refused = place.run(&["serve", "--log-format", "xml"]);
    refused.fails(1, &["LOG_FORMAT=xml", "auto, text or json"]);
}

#[test]
fn text_logs_have_no_colours_off_a_terminal_and_a_root_server_without_keys_warns() {
    let place = Place::new().with("LOG_FORMAT", "text").with("PORT", free_port());
    let mut command = place.command(&["serve"]);
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let port = place.setting("PORT").parse().unwrap();
    wait_for(|| std::net::TcpStream::connect(("localhost", port)).ok());
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    wait_for(|| child.try_wait().unwrap());
    let mut log = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut log).unwrap();
    assert!(log.contains(" INFO listening on http://localhost:") && !log.contains('\u{1b}'), "{log}");
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(log.contains("WARN this server runs as root without keys"), is_root, "{log}");
}
