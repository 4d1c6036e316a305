//! Drafts with every field wrong in turn: each is named, and nothing is stored.

use crate::harness::{context, draft, engine};
use oneoff_domain::{FieldError, OnLate};
use oneoff_scheduler::{JobDraft, JobPatch, ServiceError};

fn long(chars: usize) -> String {
    "ä".repeat(chars)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_with_what_is_allowed() {
    let engine = engine().await;
    let mut zone = draft("in 1h");
    zone.schedule.timezone = Some("Europe/Madird".to_owned());
    let mut no_time = draft("x");
    no_time.schedule.at = None;
    let many_tags = (0..33).map(|tag| tag.to_string()).collect();
    let base = || draft("in 1h");
    let wrong = [
        ("/type", JobDraft { job_type: "carrier-pigeon".to_owned(), ..base() }),
        ("/scheduled_at", draft("2020-01-01T00:00:00Z")),
        ("/scheduled_at", draft("some day")),
        ("/scheduled_at", no_time),
        ("/timezone", zone),
        ("/name", JobDraft { name: Some(long(257)), ..base() }),
        ("/name", JobDraft { name: Some("nul\0".to_owned()), ..base() }),
        ("/priority", JobDraft { priority: Some(11), ..base() }),
        ("/priority", JobDraft { priority: Some(-1), ..base() }),
        ("/project_id", JobDraft { project_id: Some(String::new()), ..base() }),
        ("/tags", JobDraft { tags: many_tags, ..base() }),
        ("/tags/1", JobDraft { tags: vec!["a".to_owned(), " ".to_owned()], ..base() }),
        ("/timeout_seconds", JobDraft { timeout_seconds: Some(0), ..base() }),
        ("/timeout_seconds", JobDraft { timeout_seconds: Some(i64::MAX), ..base() }),
        ("/max_retries", JobDraft { max_retries: Some(1001), ..base() }),
        ("/retry_delay_seconds", JobDraft { retry_delay_seconds: Some(-5), ..base() }),
        ("/retry_max_delay_seconds", JobDraft { retry_max_delay_seconds: Some(i64::MIN), ..base() }),
        ("/retry_exit_codes", JobDraft { retry_exit_codes: Some(vec![]), ..base() }),
        ("/retry_exit_codes/0", JobDraft { retry_exit_codes: Some(vec![-1]), ..base() }),
        ("/max_lateness_seconds", JobDraft { max_lateness_seconds: Some(-1), ..base() }),
        ("/on_late", JobDraft { on_late: Some(OnLate::Skip), ..base() }),
        ("/concurrency_key", JobDraft { concurrency_key: Some(long(257)), ..base() }),
        ("/external_id", JobDraft { external_id: Some(String::new()), ..base() }),
    ];
    for (pointer, wrong) in wrong {
        let error = engine.service.create_job(context(), wrong).await.unwrap_err();
        let ServiceError::Invalid(errors) = error else { panic!("{pointer}: {error:?}") };
        assert!(errors.0.iter().any(|error| error.pointer == pointer), "{pointer}: {errors}");
    }
    let status = engine.service.system_status().await.unwrap();
    assert!(status.jobs.values().all(|count| *count == 0), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_said_at_once_and_a_config_is_checked_by_its_type() {
    let engine = engine().await;
    engine.fake.refuse_configs(vec![FieldError::new("/url", "it is missing")]);
    let wrong = JobDraft { priority: Some(99), max_retries: Some(-1), ..draft("yesterday-ish") };
    let error = engine.service.create_job(context(), wrong).await.unwrap_err();
    let ServiceError::Invalid(errors) = error else { panic!("{error:?}") };
    let mut pointers: Vec<_> = errors.0.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/config/url", "/max_retries", "/priority", "/scheduled_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_inside_of_the_config_is_reported_there() {
    let engine = engine().await;
    let mut wrong = draft("in 1h");
    wrong.config.insert("max_retries".to_owned(), (-1).into());
    wrong.config.insert("retry_delay_seconds".to_owned(), "soon".into());
    let error = engine.service.create_job(context(), wrong).await.unwrap_err();
    let ServiceError::Invalid(errors) = error else { panic!("{error:?}") };
    let mut pointers: Vec<_> = errors.0.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/config/max_retries", "/config/retry_delay_seconds"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nested_too_deeply_for_readers_is_refused() {
    let engine = engine().await;
    let nested =
        |levels: usize| (1..levels).fold(serde_json::json!({}), |inner, _| serde_json::json!([inner]));
    for (levels, accepted) in [(62, true), (64, false), (500, false)] {
        let mut deep = draft("in 1h");
        deep.metadata.insert("a".to_owned(), nested(levels));
        let answer = engine.service.create_job(context(), deep).await;
        assert_eq!(answer.is_ok(), accepted, "{levels}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_inside_of_the_config_of_an_edit_is_the_jobs() {
    let engine = engine().await;
    let job = engine.service.create_job(context(), draft("in 1h")).await.unwrap().value;
    let config = |settings: serde_json::Value| {
        let mut config = job.definition.config.clone();
        config.extend(settings.as_object().unwrap().clone());
        JobPatch { config: Some(config), ..JobPatch::default() }
    };
    let settings = serde_json::json!({"timeout": 7, "max_retries": 3, "retry_delay_seconds": 11});
    let patch = JobPatch { max_retries: Some(Some(2)), ..config(settings) };
    let edited = engine.service.update_job(context(), job.id, patch).await.unwrap().definition;
    assert_eq!(edited.config, job.definition.config);
    assert_eq!((edited.timeout_seconds, edited.retry.max_retries), (Some(7), 2));
    assert_eq!(edited.retry.delay_seconds, 11);
    let wrong = config(serde_json::json!({"max_retries": -1, "timeout_seconds": "soon"}));
    let error = engine.service.update_job(context(), job.id, wrong).await.unwrap_err();
    assert!(format!("{error:?}").contains("/config/max_retries"), "{error:?}");
    assert!(format!("{error:?}").contains("/config/timeout_seconds"), "{error:?}");
}
