//! `check-config`: defaults, both forms of every variable, and what is said of bad values.

use crate::process::Place;

/// The variables of version one: default, another value, bad values.
const OF_VERSION_ONE: &[(&str, &str, &str, &[&str])] = &[
    ("HOST", "localhost", "127.0.0.1", &["http://localhost", "a b", "localhost:80"]),
    ("PORT", "8080", "9090", &["65536", "-1", "http", "80 80"]),
    ("DB_PATH", "./oneoff.db", "./other.db", &[":memory:", "file:x.db", "/tmp", "postgres://h/d"]),
    ("WORKERS_COUNT", "0", "3", &["-1", "many", "10001"]),
    ("LOG_LEVEL", "info", "debug", &["trace", "verbose", "7"]),
    ("DEFAULT_TIMEZONE", "UTC", "Europe/Madrid", &["Mars/Olympus", "+02:00:00:00", "é"]),
    ("LOG_RETENTION_DAYS", "90", "7", &["0", "-5", "1e3", "forever"]),
    ("JOB_RETENTION_DAYS", "90", "0.5", &["0", "0.0001", "36501", "1d"]),
    ("EVENT_RETENTION_DAYS", "30", "1", &["0", "-1", "x"]),
    ("AUDIT_RETENTION_DAYS", "365", "36500", &["0", "inf", ".5"]),
    ("IDEMPOTENCY_RETENTION_DAYS", "7", "1.25", &["0", "NaN", "7,5"]),
    ("WEBHOOK_DELIVERY_RETENTION_DAYS", "30", "1.5", &["0", "-1", "x"]),
    (
        "WEBHOOK_RETRY_SECONDS",
        "5,30,120,600,3600,10800,21600,43200,86400",
        "1,2",
        &["0", "2,1", "5;6", "86401", "é"],
    ),
    ("WEBHOOK_TIMEOUT_SECONDS", "30", "5", &["0", "121", "-1", "5s"]),
    ("WEBHOOK_PAUSE_AFTER_HOURS", "72", "1", &["0", "8761", "1.5"]),
    ("OUTPUT_TOTAL_MAX_BYTES", "10737418240", "0", &["-1", "10G", "9223372036854775808"]),
    ("MAX_CONNECTIONS", "4096", "16", &["15", "65537", "many"]),
    ("DEFAULT_PRIORITY", "5", "7", &["0", "11", "high"]),
    ("ENVIRONMENT", "production", "staging", &["two words", "a/b", "\u{7}"]),
    ("AUTH_ENABLED", "false", "true", &["maybe", "2"]),
    ("METRICS_ENABLED", "true", "false", &["maybe", "-1"]),
];

fn line(text: &str, name: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("{name} is not in {text}")).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_variable_has_the_default_of_version_one() {
    let answer = Place::bare().run(&["check-config"]);
    answer.succeeds();
    for &(name, default, _, _) in OF_VERSION_ONE {
        assert_eq!(line(&answer.stdout, name), [name, default, "default"]);
    }
}

#[test]
fn every_variable_is_read_in_both_forms_and_the_longer_one_wins() {
    for &(name, default, other, _) in OF_VERSION_ONE {
        let prefixed = format!("ONEOFF_{name}");
        let plain = Place::bare().with(name, other).run(&["check-config"]);
        plain.succeeds();
        assert_eq!(line(&plain.stdout, name), [name, other, "environment", name]);
        let both = Place::bare().with(name, default).with(&prefixed, other).run(&["check-config"]);
        both.succeeds();
        assert_eq!(line(&both.stdout, name), [name, other, "environment", prefixed.as_str()]);
        let empty = Place::bare().with(name, "").with(&prefixed, "").run(&["check-config"]);
        empty.succeeds();
        assert_eq!(line(&empty.stdout, name), [name, default, "default"]);
    }
}

#[test]
fn a_bad_value_stops_every_command_with_name_value_and_what_is_allowed() {
    for &(name, _, _, bad) in OF_VERSION_ONE {
        for value in bad {
            for form in [name.to_owned(), format!("ONEOFF_{name}")] {
                let place = Place::new().with(&form, value);
                let answer = place.run(&["check-config"]);
                answer.fails(1, &[&format!("{name}={value}"), &form, "is not allowed: give "]);
            }
        }
        let value = bad[0];
        let answer = Place::new().with(name, value).run(&["serve"]);
        answer.fails(1, &[&format!("{name}={value}"), "is not allowed: give "]);
        assert_eq!(answer.stdout, "");
    }
}

#[test]
fn all_problems_are_told_at_once_and_the_values_all_the_same() {
    let place = Place::bare().with("PORT", "x").with("HOST", "0.0.0.0").with("DEFAULT_PRIORITY", "99");
    let answer = place.run(&["check-config"]);
    answer.fails(1, &["PORT=x", "DEFAULT_PRIORITY=99", "1 to 10", "HOST=0.0.0.0", "AUTH_ENABLED=true"]);
    assert_eq!(line(&answer.stdout, "PORT"), ["PORT", "x", "environment", "PORT"]);
}

#[test]
fn a_config_file_lies_between_defaults_and_environment_and_flags_win() {
    let place = Place::bare().with("HOST", "127.0.0.2").with("ONEOFF_CONFIG", "oneoff.toml");
    let file = place.directory.path().join("oneoff.toml");
    std::fs::write(&file, "host = \"127.0.0.3\"\nport = 1234\nworkers_count = 2\n").unwrap();
    let answer = place.run(&["--port", "99", "check-config"]);
    answer.succeeds();
    assert_eq!(line(&answer.stdout, "HOST"), ["HOST", "127.0.0.2", "environment", "HOST"]);
    assert_eq!(line(&answer.stdout, "PORT"), ["PORT", "99", "flag", "--port"]);
    assert_eq!(
        line(&answer.stdout, "WORKERS_COUNT"),
        ["WORKERS_COUNT", "2", "config", "file", "oneoff.toml"]
    );
    std::fs::write(&file, "hots = \"127.0.0.3\"\n").unwrap();
    place.run(&["check-config"]).fails(1, &["`hots`", "did you mean `host`?"]);
    place.run(&["--config", "missing.toml", "check-config"]).fails(1, &["missing.toml", "cannot be read"]);
}

#[test]
fn the_printed_files_can_be_read_back() {
    let place = Place::bare();
    let toml = place.run(&["check-config", "--print-toml"]);
    toml.succeeds();
    std::fs::write(place.directory.path().join("x.toml"), &toml.stdout).unwrap();
    let read_back = place.run(&["check-config", "--config", "x.toml"]);
    read_back.succeeds();
    assert_eq!(line(&read_back.stdout, "PORT"), ["PORT", "8080", "config", "file", "x.toml"]);
    let env = place.run(&["check-config", "--print-env"]);
    assert!(env.stdout.contains("\n#DEFAULT_TIMEZONE=UTC\n"), "{}", env.stdout);
}
