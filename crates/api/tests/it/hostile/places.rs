//! What is put into requests, and where: every text that the source reads is here.

use std::collections::BTreeSet;

/// What is put where a text is expected.
pub(super) const HOSTILE: &[&str] = &[
    "'",
    "\"",
    "'; DROP TABLE jobs; --",
    "x' OR '1'='1",
    "\\' OR 1=1 --",
    "/* */ --",
    "; SELECT pg_sleep(0)",
    "$1 ?1 :a @b",
    "%",
    "_",
    "* NEAR(a b) OR NOT \"",
    "a:b ^c -d (e",
    "\u{0}",
    "a\u{0}'; --",
    "\u{2019} \u{02bc} \u{ff07} \u{201c}",
    "\u{202e}\u{feff}\u{fffd}",
];

/// Where texts go: of each route its query parameters and a body whose texts are replaced one by one. `$NAMES` stand
/// for ids. A route that is not here has neither.
pub(super) const PLACES: &[(&str, &str, &str, &str)] = &[
    (
        "GET",
        "/jobs",
        "status type project_id external_id search tag_id time_from time_to limit offset cursor sort_by sort_order total",
        "",
    ),
    ("POST", "/jobs", "dry_run", JOB),
    (
        "POST",
        "/jobs/bulk",
        "dry_run return",
        r#"{"jobs": [{"type": "shell", "config": {"script": "true"}, "scheduled_at": "in 365d", "name": "n", "tags": ["t"], "project_id": "default", "external_id": "of bulk"}], "atomic": false}"#,
    ),
    ("POST", "/jobs/release", "dry_run", r#"{"reason": "approval"}"#),
    ("GET", "/jobs/{id}", "wait", ""),
    ("PATCH", "/jobs/{id}", "dry_run", JOB_PATCH),
    ("DELETE", "/jobs/{id}", "dry_run", ""),
    ("POST", "/jobs/{id}/execute", "dry_run", ""),
    (
        "POST",
        "/jobs/{id}/clone",
        "dry_run",
        r#"{"scheduled_at": "in 365d", "timezone": "UTC", "name": "n", "disambiguation": "reject"}"#,
    ),
    ("POST", "/jobs/{id}/cancel", "dry_run", ""),
    ("POST", "/jobs/{id}/hold", "dry_run", r#"{"reason": "manual", "until": "in 1h", "timezone": "UTC"}"#),
    ("POST", "/jobs/{id}/release", "dry_run", r#"{"reason": "manual"}"#),
    (
        "GET",
        "/executions",
        "job_id status project_id tag_id date_from date_to limit offset cursor sort_by sort_order total",
        "",
    ),
    ("GET", "/executions/{id}/output", "offset limit_bytes wait", ""),
    ("POST", "/time/parse", "", r#"{"expression": "in 1h", "timezone": "UTC", "disambiguation": "reject"}"#),
    ("GET", "/events", "after", ""),
    ("GET", "/api-keys", "limit cursor", ""),
    (
        "POST",
        "/api-keys",
        "dry_run",
        r#"{"name": "n", "scopes": ["read"], "project_ids": ["default"], "expires_at": "in 1h"}"#,
    ),
    (
        "PATCH",
        "/api-keys/{id}",
        "dry_run force",
        r#"{"name": "n", "scopes": ["read"], "project_ids": ["default"], "expires_at": "in 1h"}"#,
    ),
    ("DELETE", "/api-keys/{id}", "dry_run force", ""),
    ("POST", "/api-keys/{id}/revoke", "dry_run force", ""),
    ("POST", "/api-keys/{id}/rotate", "dry_run", r#"{"overlap_seconds": 7, "expires_at": "in 1h"}"#),
    (
        "GET",
        "/audit",
        "actor action subject_kind subject_id project_id request_id from to limit cursor format",
        "",
    ),
    ("POST", "/session", "", r#"{"key": "k"}"#),
    ("POST", "/setup", "", r#"{"token": "t", "name": "n"}"#),
    ("GET", "/webhooks", "limit offset total", ""),
    ("POST", "/webhooks", "dry_run", WEBHOOK),
    ("PATCH", "/webhooks/{id}", "dry_run", WEBHOOK),
    ("DELETE", "/webhooks/{id}", "dry_run", ""),
    ("POST", "/webhooks/{id}/test", "dry_run", r#"{"event": "job.created"}"#),
    ("POST", "/webhooks/{id}/rotate-secret", "dry_run", r#"{"secret": "s", "overlap_seconds": 7}"#),
    (
        "POST",
        "/webhooks/{id}/redeliver",
        "",
        r#"{"status": "failed", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}"#,
    ),
    ("GET", "/webhooks/{id}/deliveries", "status event date_from date_to limit offset cursor total", ""),
    ("GET", "/chains", "project_id limit offset cursor sort_by sort_order total", ""),
    ("POST", "/chains", "dry_run", CHAIN),
    ("POST", "/chains", "dry_run", r#"{"name": "n", "job_ids": ["$JOB"]}"#),
    (
        "PATCH",
        "/chains/{id}",
        "dry_run",
        r#"{"name": "n", "description": "d", "links": [{"job_id": "$JOB", "run_if": "always"}]}"#,
    ),
    ("DELETE", "/chains/{id}", "dry_run", ""),
    (
        "POST",
        "/chains/{id}/execute",
        "dry_run",
        r#"{"scheduled_at": "in 365d", "timezone": "UTC", "disambiguation": "reject"}"#,
    ),
    ("GET", "/chains/{id}/executions", "status project_id limit offset cursor sort_by sort_order total", ""),
    (
        "GET",
        "/chain-executions",
        "chain_id status project_id limit offset cursor sort_by sort_order total",
        "",
    ),
    ("GET", "/chain-executions/{id}", "wait", ""),
    ("POST", "/chain-executions/{id}/cancel", "dry_run", ""),
    ("GET", "/projects", "include_archived", ""),
    ("POST", "/projects", "dry_run", r##"{"name": "n", "description": "d", "color": "#fff", "icon": "i"}"##),
    (
        "PATCH",
        "/projects/{id}",
        "dry_run",
        r##"{"name": "n", "description": "d", "color": "#fff", "icon": "i"}"##,
    ),
    ("DELETE", "/projects/{id}", "dry_run jobs move_to", ""),
    ("POST", "/projects/{id}/pause", "dry_run", ""),
    ("POST", "/projects/{id}/resume", "dry_run", ""),
    ("POST", "/tags", "dry_run", r##"{"name": "n", "color": "#fff"}"##),
    ("PATCH", "/tags/{id}", "dry_run", r##"{"name": "n", "color": "#fff"}"##),
    ("DELETE", "/tags/{id}", "dry_run", ""),
    ("PATCH", "/system/config", "dry_run", r#"{"key": "default_timezone", "value": "UTC"}"#),
    (
        "PATCH",
        "/system/config",
        "dry_run",
        r#"{"default_timezone": "UTC", "type_limits": "shell=64", "workers_count": "7"}"#,
    ),
];

pub(super) const JOB: &str = r#"{"name": "n", "type": "shell", "config": {"script": "true"}, "scheduled_at": "in 365d", "timezone": "UTC", "disambiguation": "reject",
    "project_id": "default", "tags": ["t"], "on_late": "run", "on_crash": "retry", "concurrency_key": "c", "external_id": "e", "metadata": {"k": "v"}}"#;
pub(super) const JOB_PATCH: &str = r#"{"name": "n", "config": {"script": "true"}, "scheduled_at": "in 365d", "timezone": "UTC", "disambiguation": "reject",
    "project_id": "default", "tag_ids": ["$TAG"], "on_late": "run", "on_crash": "retry", "concurrency_key": "c", "external_id": "e2", "metadata": {"k": "v"}}"#;
pub(super) const CHAIN: &str = r#"{"name": "n", "description": "d", "project_id": "default", "links": [{"job_id": "$JOB", "run_if": "always"},
    {"job": {"type": "shell", "config": {"script": "true"}, "name": "n", "tags": ["t"], "timezone": "UTC", "on_late": "run", "on_crash": "retry", "concurrency_key": "c", "metadata": {"k": "v"}}}]}"#;
pub(super) const WEBHOOK: &str = r#"{"name": "n", "url": "http://127.0.0.1:9/x", "events": ["job.failed"], "project_ids": ["default"], "tags": ["t"], "job_types": ["shell"],
    "preset": "generic", "template": "{}", "secret": "s"}"#;

/// Headers that are read.
pub(super) const HEADERS: &[&str] = &[
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-request-id",
    "last-event-id",
    "authorization",
    "x-api-key",
    "cookie",
    "accept",
    "origin",
];

/// What all names of fields and parameters of the source are found in.
fn named_here() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (_, _, query, body) in PLACES {
        names.extend(query.split_whitespace().map(str::to_owned));
        let words = body.split('"').skip(1).step_by(2);
        names.extend(words.map(str::to_owned));
    }
    names
}

#[test]
fn every_text_that_the_source_reads_is_tried() {
    // Those that are no texts have nothing to hide in; the walk of queries tries them all the same.
    const NO_TEXTS: &[&str] = &[
        "immediate",
        "allow_past",
        "priority",
        "timeout_seconds",
        "max_retries",
        "retry_delay_seconds",
        "retry_max_delay_seconds",
        "retry_exit_codes",
        "max_lateness_seconds",
        "held",
        "is_active",
        "is_archived",
        "is_paused",
        "is_default",
        "stop_on_failure",
        "timeout",
    ];
    let here = named_here();
    let mut missing = BTreeSet::new();
    for folder in ["src", "src/read", "src/routes"] {
        for file in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap()
        {
            let path = file.unwrap().path();
            let Some(source) = std::fs::read_to_string(&path)
                .ok()
                .filter(|_| !path.to_string_lossy().ends_with("_tests.rs"))
            else {
                continue;
            };
            let source = source.split("mod tests").next().unwrap();
            for (at, _) in source.match_indices("name: \"") {
                let name = source[at + 7..].split('"').next().unwrap();
                if !here.contains(name) && !NO_TEXTS.contains(&name) {
                    missing.insert(name.to_owned());
                }
            }
        }
    }
    assert_eq!(missing, BTreeSet::new(), "fields that nothing hostile is put into");
}
