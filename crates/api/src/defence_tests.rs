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

#[test]
fn the_public_url_is_a_host_and_an_origin_of_ones_own() {
    let defence = open(&[], &[]).known_as(Some("https://jobs.example.com/x"));
    let visit = Visit { method: &Method::POST, host: Some("jobs.example.com"), ..GET };
    assert!(defence.check(visit).is_ok());
    assert!(defence.check(Visit { origin: Some("https://jobs.example.com"), ..visit }).is_ok());
    let inner = Visit { host: Some("localhost:8080"), ..visit };
    assert!(defence.check(Visit { origin: Some("https://jobs.example.com"), ..inner }).is_ok());
    for foreign in ["http://jobs.example.com", "https://jobs.example.com:8443", "https://other.example.com"] {
        assert!(defence.check(Visit { origin: Some(foreign), ..inner }).is_err(), "{foreign}");
        let own = Some("localhost:8080");
        let refusal = defence.check_own_page(own, Some(foreign), None).unwrap_err().to_string();
        assert!(refusal.contains(&format!("PUBLIC_URL={foreign}")), "{refusal}");
    }
}

#[test]
fn a_server_that_is_open_on_purpose_answers_to_addresses_and_to_no_foreign_name() {
    let defence = open(&[], &[]).answering_to_addresses(true);
    for host in ["10.0.0.1", "192.168.1.5:8080", "[fd00::1]:80", "localhost"] {
        assert!(defence.check(Visit { host: Some(host), ..GET }).is_ok(), "{host}");
    }
    for host in ["evil.example", "10.0.0.1.evil.example", "10.0.0", "0x7f.0.0.1", "[evil]"] {
        assert!(defence.check(Visit { host: Some(host), ..GET }).is_err(), "{host}");
    }
}

#[test]
fn a_page_of_ones_own_is_of_the_host_that_was_asked() {
    let defence = open(&[], &["https://dash.example"]);
    let own = |origin, site| defence.check_own_page(Some("box.lan:8080"), origin, site).is_ok();
    assert!(
        own(None, None) && own(Some("http://box.lan:8080"), Some("same-origin")) && own(None, Some("none"))
    );
    for origin in ["http://box.lan", "null", "", "https://dash.example", "http://box.lan:8080.evil.example"] {
        assert!(!own(Some(origin), None), "{origin}: not even one that may use the API with a key");
    }
    assert!(!own(None, Some("cross-site")) && !own(Some("http://box.lan:8080"), Some("same-site")));
    assert!(defence.check_own_page(None, Some("http://box.lan"), None).is_err());
}
