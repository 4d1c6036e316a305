//! Tests of what a webhook may be and which events it wants.

use super::*;
use crate::testing::{self, event, record, webhook};

fn faults(check: impl FnOnce(&mut Checks)) -> Vec<String> {
    let mut checks = Checks::default();
    check(&mut checks);
    checks.0.into_iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect()
}

#[test]
fn a_url_is_one_that_may_be_called() {
    for good in ["https://hooks.example.com/x?y=1", "http://127.0.0.1:8080", "http://localhost/"] {
        assert_eq!(faults(|checks| checks.url(good, EgressPolicy::Default)), Vec::<String>::new(), "{good}");
    }
    let long = format!("https://x.example/{}", "x".repeat(WEBHOOK_URL_MAX_CHARS));
    for (bad, part) in [
        ("", "URL is required"),
        ("x", "is not a URL"),
        ("/hooks", "is not a URL"),
        ("ftp://x.example/", "neither http nor https"),
        ("http://169.254.169.254/latest", "address policy refuses"),
        ("https://me:secret@x.example/", "user name or a password"),
        ("javascript:alert(1)", "neither http nor https"),
        (&long, "too long"),
    ] {
        let found = faults(|checks| checks.url(bad, EgressPolicy::Default));
        assert!(
            found.len() == 1 && found[0].contains(part) && !found[0].contains("secret@"),
            "{bad}: {found:?}"
        );
    }
    assert_eq!(faults(|checks| checks.url("http://127.0.0.1/", EgressPolicy::Strict)).len(), 1);
}

#[test]
fn names_events_and_filters_are_bounded() {
    assert!(faults(|checks| checks.name(" "))[0].contains("name is required"));
    assert!(faults(|checks| checks.name(&"é".repeat(257)))[0].contains("too long"));
    assert!(faults(|checks| checks.events(&[]))[0].contains("at least one event is required"));
    assert!(
        faults(|checks| checks.events(&["job.faild".to_owned()]))[0]
            .contains("invalid event type: job.faild")
    );
    assert!(!faults(|checks| checks.events(&vec!["*".to_owned(); 65])).is_empty());
    let many = vec!["x".to_owned(); 65];
    assert!(faults(|checks| checks.filters(&many, &[], &[]))[0].starts_with("/project_ids"));
    assert!(faults(|checks| checks.filters(&[], &[String::new()], &[]))[0].starts_with("/tags"));
    assert!(faults(|checks| checks.filters(&[], &[], &["x".repeat(65)]))[0].starts_with("/job_types"));
    assert!(faults(|checks| checks.preset("slak"))[0].starts_with("/preset"));
    assert!(faults(|checks| checks.secret("whsec_x"))[0].starts_with("/secret"));
}

#[test]
fn a_template_must_make_json_of_an_event_with_all_and_with_nothing() {
    for good in
        [r#"{"text":"{{title}}"}"#, r#""{{event}}""#, r#"{"job":"{{data.job.name}}","raw":"{{data}}"}"#, "{}"]
    {
        assert_eq!(faults(|checks| checks.template(Some(good))), Vec::<String>::new(), "{good}");
    }
    for bad in ["", "text", "{", r#"{"x":{{title}}}"#, r#"{"x":{{data.job.priority}}}"#] {
        assert!(!faults(|checks| checks.template(Some(bad))).is_empty(), "{bad}");
    }
    assert!(!faults(|checks| checks.template(Some(&format!("\"{}\"", "x".repeat(17_000))))).is_empty());
}

#[test]
fn an_event_is_wanted_by_kind_project_tag_and_type() {
    let told = |edit: fn(&mut Webhook)| {
        let mut webhook = webhook();
        edit(&mut webhook);
        wants(&webhook, &record(event(EventKind::JobFailed, 7)))
    };
    assert!(told(|_| {}));
    assert!(!told(|webhook| webhook.events = vec!["job.completed".to_owned()]));
    assert!(told(|webhook| webhook.events = vec!["job.*".to_owned()]));
    assert!(!told(|webhook| webhook.project_ids = vec!["other".to_owned()]));
    assert!(told(|webhook| webhook.project_ids = vec!["other".to_owned(), "default".to_owned()]));
    assert!(!told(|webhook| webhook.tags = vec!["nightly".to_owned()]));
    assert!(told(|webhook| webhook.tags = vec!["nightly".to_owned(), "backup".to_owned()]));
    assert!(!told(|webhook| webhook.job_types = vec!["http".to_owned()]));
    assert!(told(|webhook| webhook.job_types = vec!["shell".to_owned()]));
    assert!(!told(|webhook| webhook.starts_after = 7), "it was made later");
    assert!(!told(|webhook| webhook.is_active = false), "a person switched it off");
    assert!(told(|webhook| {
        webhook.is_active = false;
        webhook.paused_reason = Some(oneoff_storage::webhooks::PauseReason::Failing);
    }));
}

#[test]
fn of_a_job_that_is_gone_everybody_is_told_and_of_no_job_nobody_who_wants_some() {
    let mut gone = record(event(EventKind::JobDeleted, 7));
    gone.job = None;
    let mut picky = webhook();
    picky.tags = vec!["nightly".to_owned()];
    assert!(wants(&picky, &gone));
    let mut of_none = record(event(EventKind::ClockStep, 8));
    (of_none.job, of_none.event.event.job_id) = (None, None);
    assert!(!wants(&picky, &of_none) && wants(&webhook(), &of_none));
}

#[test]
fn lanes_are_jobs_chain_executions_or_kinds() {
    let job = event(EventKind::JobFailed, 7);
    assert_eq!(lane(&job.event), testing::JOB);
    let mut other = event(EventKind::ClockStep, 8).event;
    other.job_id = None;
    assert_eq!(lane(&other), "clock");
    other.data.insert("id".to_owned(), json!("x"));
    assert_eq!(lane(&other), "clock:x");
    let mut chain = event(EventKind::ChainExecutionFailed, 9).event;
    chain.data.insert("chain_execution_id".to_owned(), json!("y"));
    assert_eq!(lane(&chain), "chain_execution:y", "whichever of its jobs it came with");
}

#[test]
fn who_wants_some_projects_is_not_told_of_all() {
    let mut picky = webhook();
    picky.project_ids = vec!["default".to_owned()];
    for (kind, expected) in [
        (EventKind::JobFailed, true),
        (EventKind::JobsRemoved, false),
        (EventKind::ClockStep, false),
        (EventKind::WebhookEventsLost, false),
    ] {
        assert_eq!(wants(&picky, &record(event(kind, 7))), expected, "{kind}");
        assert!(wants(&webhook(), &record(event(kind, 7))), "{kind}");
    }
}

#[test]
fn a_sample_of_a_chain_is_one() {
    let sample = sample(EventKind::ChainExecutionFailed, Timestamp::EPOCH);
    assert_eq!(sample["data"]["details"]["chain_name"], "Nightly");
    assert_eq!(sample["data"]["job"]["status"], "failed");
    assert!(sample["data"].get("execution").is_none());
}
