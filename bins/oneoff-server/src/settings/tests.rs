//! The settings as they come out of their layers: defaults, bounds, and what is told of wrong ones.

use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let flags = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::load(&Sources { flags, ..Sources::default() })
}

#[test]
fn the_defaults_are_those_of_version_one() {
    let settings = load(&[]).unwrap();
    assert_eq!((settings.host.as_str(), settings.port), ("localhost", 8080));
    assert_eq!(settings.db_path, PathBuf::from("./oneoff.db"));
    assert_eq!(settings.workers_count, 0);
    assert_eq!(settings.log_level, LogLevel::Info);
    assert_eq!(settings.default_timezone, "UTC");
    assert_eq!(settings.retention, Retention::default());
    assert_eq!(settings.webhooks, WebhookSettings::default());
    assert_eq!(settings.default_priority, 5);
    assert_eq!(settings.environment, "production");
    assert!(!settings.auth_enabled && settings.metrics_enabled);
    assert_eq!(settings.shutdown_grace, Duration::from_secs(30));
}

#[test]
fn all_problems_are_told_at_once_with_name_value_and_what_is_allowed() {
    let error = load(&[("PORT", "70000"), ("DEFAULT_PRIORITY", "0"), ("AUTH_ENABLED", "maybe")]).unwrap_err();
    assert_eq!(error.0.len(), 3, "{error}");
    let text = error.to_string();
    for part in
        ["PORT=70000", "0 to 65535", "DEFAULT_PRIORITY=0", "1 to 10", "AUTH_ENABLED=maybe", "true or false"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_lease_is_neither_too_short_to_be_renewed_nor_for_ever() {
    assert_eq!(load(&[]).unwrap().lease, Duration::from_secs(20));
    for (good, seconds) in [("5", 5), ("3600", 3600)] {
        assert_eq!(load(&[("LEASE_SECONDS", good)]).unwrap().lease, Duration::from_secs(seconds));
    }
    for bad in ["4", "0", "-20", "3601", "99999999999999999999", "20.5", "20s", "\u{662}\u{660}", "soon"] {
        let error = load(&[("LEASE_SECONDS", bad)]).unwrap_err().to_string();
        assert!(error.contains(&format!("LEASE_SECONDS={bad}")) && error.contains("5 to 3600"), "{error}");
    }
}

#[test]
fn a_database_url_wins_over_a_path_and_says_so() {
    let url = ("DATABASE_URL", "postgres://me:hunter2@db/oneoff");
    let both = load(&[url, ("DB_PATH", "x.db")]).unwrap();
    assert_eq!(both.store().database(), "postgres://me@db/oneoff");
    assert!(both.notes[0].contains("wins over DB_PATH=x.db (flag --db-path)"), "{:?}", both.notes);
    assert!(!format!("{both:?}").contains("hunter2"));
    assert_eq!(load(&[url]).unwrap().notes, Vec::<String>::new());
    let file = load(&[("DB_PATH", "x.db"), ("DATABASE_URL", " ")]).unwrap();
    assert_eq!((file.store().database().as_str(), file.notes.len()), ("x.db", 0));
}

#[test]
fn an_address_that_is_refused_is_not_shown() {
    for bad in
        ["hunter2", "postgres://me:hun/ter2@db/x", "mysql://me:hunter2@db/x", "postgres://me:hunter2%@db"]
    {
        let error = load(&[("DATABASE_URL", bad)]).unwrap_err().to_string();
        assert!(error.contains("DATABASE_URL=(not shown") && error.contains("postgres://USER"), "{error}");
        assert!(!error.contains("ter2"), "{error}");
    }
    let misplaced = load(&[("DB_PATH", "postgres://me:hunter2@db/x")]).unwrap_err().to_string();
    assert!(misplaced.contains("give it as DATABASE_URL"), "{misplaced}");
}

#[test]
fn a_host_that_others_reach_needs_keys() {
    for host in ["0.0.0.0", "::", "192.168.1.5", "example.com", "127.0.0.1.example.com"] {
        let error = load(&[("HOST", host)]).unwrap_err();
        assert!(error.to_string().contains("AUTH_ENABLED=true"), "{host}: {error}");
        assert!(load(&[("HOST", host), ("AUTH_ENABLED", "true")]).is_ok(), "{host}");
    }
    assert!(load(&[("HOST", "0.0.0.0"), ("INSECURE_NO_AUTH", "true")]).is_ok());
    for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "LOCALHOST"] {
        assert!(load(&[("HOST", host)]).is_ok(), "{host}");
    }
}

#[test]
fn a_public_url_has_the_base_path() {
    let settings = load(&[("PUBLIC_URL", "https://Jobs.example/x/"), ("BASE_PATH", "/x")]).unwrap();
    assert_eq!(settings.public_url.as_deref(), Some("https://jobs.example/x"));
    let error = load(&[("PUBLIC_URL", "https://jobs.example"), ("BASE_PATH", "/x")]).unwrap_err().to_string();
    assert!(error.contains("set PUBLIC_URL=https://jobs.example/x"), "{error}");
    for bad in
        ["jobs.example", "ftp://x", "https://", "https://a b", "https://u:p@x", "https://x?y", "https://x#y"]
    {
        let error = load(&[("PUBLIC_URL", bad)]).unwrap_err().to_string();
        assert!(error.contains("PUBLIC_URL="), "{error}");
    }
}

#[test]
fn proxies_are_addresses_and_ranges() {
    assert_eq!(load(&[("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,::1")]).unwrap().trusted_proxies.len(), 3);
    for bad in ["localhost", "10.0.0.0/33", "10.0.0", "*", "0x7f.1"] {
        let error = load(&[("TRUSTED_PROXIES", bad)]).unwrap_err().to_string();
        assert!(error.contains(&format!("TRUSTED_PROXIES={bad}")) && error.contains("10.0.0.0/8"), "{error}");
    }
}

#[test]
fn slots_and_a_timeout_are_given_at_the_start() {
    let settings = load(&[("RESERVED_SLOTS", "2"), ("DEFAULT_TIMEOUT_SECONDS", "90")]).unwrap();
    assert_eq!((settings.reserved_slots, settings.default_timeout_seconds), (2, Some(90)));
    let defaults = load(&[]).unwrap();
    assert_eq!((defaults.reserved_slots, defaults.default_timeout_seconds), (0, None));
    for (name, bad) in [
        ("RESERVED_SLOTS", "-1"),
        ("RESERVED_SLOTS", "10001"),
        ("RESERVED_SLOTS", "1.5"),
        ("DEFAULT_TIMEOUT_SECONDS", "-1"),
        ("DEFAULT_TIMEOUT_SECONDS", "2592001"),
        ("DEFAULT_TIMEOUT_SECONDS", "1h"),
    ] {
        let error = load(&[(name, bad)]).unwrap_err().to_string();
        assert!(error.contains(&format!("{name}={bad}")), "{error}");
    }
}

#[test]
fn every_setting_that_can_be_changed_says_where_it_comes_from() {
    for setting in LIVE_SETTINGS {
        let given = table::SETTINGS.iter().find(|given| live_name(given.name) == Some(setting.key));
        assert!(given.is_some(), "{} cannot be given at the start", setting.key);
    }
    let settings = load(&[("WEBHOOK_DELIVERY_RETENTION_DAYS", "3"), ("WORKERS_COUNT", "2")]).unwrap();
    let origin = |key: &str| settings.origins.get(key).map(String::as_str);
    assert_eq!(origin("delivery_retention_days"), Some("flag --webhook-delivery-retention-days"));
    assert_eq!((origin("workers_count"), origin("log_retention_days")), (Some("flag --workers-count"), None));
}
