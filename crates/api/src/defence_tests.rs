//! Hosts and origins that pass, and those that do not.

use super::*;

const GET: Visit<'static> =
    Visit { method: &Method::GET, host: Some("localhost:8080"), origin: None, fetch_site: None };

fn open(hosts: &[&str], origins: &[&str]) -> Defence {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    Defence::new(false, &owned(hosts), &owned(origins))
}

#[test]
fn loopback_hosts_pass_with_any_port() {
    let defence = open(&[], &[]);
    for host in
        ["localhost", "LOCALHOST:1", "localhost.:80", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "[::1]"]
    {
        assert!(defence.check(Visit { host: Some(host), ..GET }).is_ok(), "{host}");
    }
}

#[test]
fn any_other_host_is_refused_with_the_setting_that_allows_it() {
    let defence = open(&[], &[]);
    let hosts = [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "[::2]",
        "localhost:x",
        "localhost:99999",
        "user@localhost",
        "localhost, evil.example",
        "",
    ];
    for host in hosts {
        assert!(defence.check(Visit { host: Some(host), ..GET }).is_err(), "{host}");
    }
    assert!(defence.check(Visit { host: None, ..GET }).is_err());
    let refusal = defence.check(Visit { host: Some("box.lan:8080"), ..GET }).unwrap_err();
    assert!(refusal.to_string().contains("ALLOWED_HOSTS=box.lan"), "{refusal}");
}

#[test]
fn configured_hosts_pass_by_name_or_by_name_and_port() {
    let defence = open(&["Box.lan", "proxy.example:8443"], &[]);
    for (host, passes) in [
        ("box.lan", true),
        ("box.lan:9", true),
        ("proxy.example:8443", true),
        ("proxy.example", false),
        ("proxy.example:1", false),
    ] {
        assert_eq!(defence.check(Visit { host: Some(host), ..GET }).is_ok(), passes, "{host}");
    }
}

#[test]
fn only_the_same_origin_passes() {
    let defence = open(&["box.lan"], &[]);
    for (host, origin, passes) in [
        ("localhost:8080", "http://localhost:8080", true),
        ("box.lan", "https://box.lan", true),
        ("box.lan", "http://box.lan:80", true),
        ("[::1]:8080", "http://[::1]:8080", true),
        ("localhost:8080", "http://localhost:3000", false),
        ("localhost:8080", "http://127.0.0.1:8080", false),
        ("localhost:8080", "https://evil.example", false),
        ("localhost:8080", "null", false),
        ("localhost:8080", "", false),
    ] {
        let visit = Visit { host: Some(host), origin: Some(origin), ..GET };
        assert_eq!(defence.check(visit).is_ok(), passes, "{origin} at {host}");
    }
}

#[test]
fn a_configured_origin_passes_and_gets_cors() {
    let defence = open(&[], &["https://Dash.example/"]);
    let visit =
        |origin| Visit { origin: Some(origin), method: &Method::POST, fetch_site: Some("cross-site"), ..GET };
    let granted = defence.check(visit("https://dash.example")).unwrap();
    assert_eq!(granted.as_deref(), Some("https://dash.example"));
    assert!(defence.check(visit("https://dash.example:8443")).is_err());
    assert!(defence.check(visit("http://dash.example")).is_err());
}

#[test]
fn writes_from_another_site_are_refused_even_without_an_origin() {
    let defence = open(&[], &[]);
    let write = |fetch_site| Visit { method: &Method::POST, fetch_site, ..GET };
    assert!(defence.check(write(Some("cross-site"))).is_err());
    assert!(defence.check(write(Some("same-site"))).is_err());
    assert!(defence.check(write(Some("same-origin"))).is_ok());
    assert!(defence.check(write(None)).is_ok(), "programs send none of these headers");
    assert!(defence.check(Visit { fetch_site: Some("cross-site"), ..GET }).is_ok(), "a link to the UI");
}

#[test]
fn with_keys_any_host_and_origin_may_try() {
    let defence = Defence::new(true, &[], &["https://a.example".to_owned()]);
    let visit = Visit { host: Some("jobs.example"), origin: Some("https://b.example"), ..GET };
    assert_eq!(defence.check(visit).unwrap(), None);
    let granted = defence.check(Visit { origin: Some("https://a.example"), ..visit }).unwrap();
    assert_eq!(granted.as_deref(), Some("https://a.example"));
}
