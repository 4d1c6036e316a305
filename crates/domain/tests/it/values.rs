//! Ids, instants, outcomes and policies: their texts, their bounds, their decisions.

use oneoff_domain::state::AfterAttempt;
use oneoff_domain::time::{describe, describe_distance, is_timezone, wall_time, with_offset};
use oneoff_domain::{
    AttemptOutcome, ExecutionId, Job, JobDefinition, JobId, JobKey, JobState, JobStatus, OnCrash, OnLate,
    Random, Reason, RetryPolicy, Timestamp,
};
use proptest::prelude::*;
use serde_json::{Map, json};

/// Every byte is the same.
struct Constant(u8);

impl Random for Constant {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_id_is_read_with_hyphens_and_as_version_1_wrote_it() {
    let hyphenated: JobId = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10".parse().unwrap();
    let simple: JobId = "0193F0C27A7B7C3E9D543F1C2B6A9E10".parse().unwrap();
    assert_eq!(hyphenated, simple);
    assert_eq!(simple.to_string(), "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10");
    assert_eq!(serde_json::to_value(simple).unwrap(), json!("0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10"));
    let read: JobId = serde_json::from_value(json!("0193f0c27a7b7c3e9d543f1c2b6a9e10")).unwrap();
    assert_eq!(read, simple);
    for wrong in [
        "",
        "1",
        "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e1",
        "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e1g",
        "{0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10}",
        "urn:uuid:0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10",
        "éééééééééééééééé",
    ] {
        let error = wrong.parse::<ExecutionId>().unwrap_err();
        assert!(error.to_string().contains("an id is a UUID such as"), "{error}");
        assert!(serde_json::from_value::<JobId>(json!(wrong)).is_err());
    }
    assert!("x".repeat(1000).parse::<JobId>().unwrap_err().0.len() <= 64);
}

#[test]
fn an_id_carries_its_time_and_sorts_by_it() {
    let early = JobId::generate(instant("2026-01-01T00:00:00Z"), &Constant(0xff));
    let late = JobId::generate(instant("2026-01-01T00:00:00.001Z"), &Constant(0));
    assert!(early < late && early.to_string() < late.to_string());
    assert_eq!(early.as_uuid().get_version_num(), 7);
    let before_1970 = JobId::generate(Timestamp::MIN, &Constant(1));
    assert!(before_1970 < early);
}

proptest! {
    #[test]
    fn an_instant_survives_its_text(micros in Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()) {
        let instant = Timestamp::from_micros(micros).unwrap();
        prop_assert_eq!(instant.to_string().parse::<Timestamp>().unwrap(), instant);
        prop_assert_eq!(serde_json::from_value::<Timestamp>(serde_json::to_value(instant).unwrap()).unwrap(), instant);
        prop_assert_eq!(Timestamp::from_jiff(instant.to_jiff()), instant);
    }

    #[test]
    fn arithmetic_stays_within_the_bounds(micros: i64, seconds: u64) {
        let instant = Timestamp::from_micros_clamped(micros);
        let duration = std::time::Duration::from_secs(seconds);
        prop_assert!(instant.saturating_add(duration) >= instant);
        prop_assert!(instant.saturating_sub(duration) <= instant);
        prop_assert!(Timestamp::from_micros(instant.saturating_add(duration).as_micros()).is_some());
    }
}

#[test]
fn the_bounds_of_instants() {
    for bound in [Timestamp::MIN, Timestamp::EPOCH, Timestamp::MAX] {
        assert_eq!(bound.to_string().parse::<Timestamp>().unwrap(), bound);
    }
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T22:00:00.999999Z");
    assert_eq!(Timestamp::from_micros(Timestamp::MAX.as_micros() + 1), None);
    assert_eq!(Timestamp::from_micros(Timestamp::MIN.as_micros() - 1), None);
    assert_eq!(Timestamp::from_micros_clamped(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::from_micros_clamped(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::MIN.since(Timestamp::MAX), std::time::Duration::ZERO);
    assert!(Timestamp::MAX.micros_since(Timestamp::MIN) > 0);
    for wrong in ["", "tomorrow", "2026-12-01", "2026-12-01T09:00:00", "2026-13-01T09:00:00Z"] {
        assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
    }
}

#[test]
fn people_see_instants_and_distances() {
    let shown = |text: &str, zone: &str| describe(instant(text), zone);
    assert_eq!(shown("2026-11-24T08:00:00Z", "Europe/Madrid"), "Tue 24 Nov 2026 09:00 CET (Europe/Madrid)");
    assert_eq!(
        shown("2026-07-01T08:00:05Z", "europe/madrid"),
        "Wed 1 Jul 2026 10:00:05 CEST (Europe/Madrid)"
    );
    assert_eq!(shown("2026-07-01T08:00:05.25Z", "UTC"), "Wed 1 Jul 2026 08:00:05.25 UTC");
    assert_eq!(
        shown("2026-07-01T08:00:00Z", "America/Sao_Paulo"),
        "Wed 1 Jul 2026 05:00 -03 (America/Sao_Paulo)"
    );
    assert_eq!(shown("2026-07-01T08:00:00Z", "Mars/Base"), "Wed 1 Jul 2026 08:00 UTC");
    let now = instant("2026-11-21T20:00:00Z");
    for (to, expected) in [
        ("2026-11-24T08:00:00Z", "in 2 d 12 h"),
        ("2026-11-21T19:57:00Z", "3 min ago"),
        ("2026-11-21T20:00:00.999Z", "now"),
        ("2026-11-21T19:59:59.5Z", "now"),
        ("2026-11-21T20:00:01Z", "in 1 s"),
        ("2026-11-21T20:04:10Z", "in 4 min 10 s"),
        ("2026-11-22T20:00:59Z", "in 1 d"),
        ("2026-11-21T15:00:00Z", "5 h ago"),
        ("2027-11-21T20:00:00Z", "in 365 d"),
    ] {
        assert_eq!(describe_distance(now, instant(to)), expected, "{to}");
    }
}

#[test]
fn zones_are_known_by_name_only() {
    for known in ["UTC", "utc", "Europe/Madrid", "EUROPE/madrid", "US/Eastern", "Etc/GMT+12", "EST"] {
        assert!(is_timezone(known), "{known}");
    }
    for unknown in [
        "",
        "Z",
        "Mars/Base",
        "Madrid",
        "+01:00",
        "../UTC",
        "/etc/localtime",
        "localtime",
        "posixrules",
        "Factory",
        "Etc/Unknown",
        "Europe/Madrid\0",
        " UTC",
        "Европа/Мадрид",
        "CET-1CEST",
        "Europe",
        &"A".repeat(5000),
    ] {
        assert!(!is_timezone(unknown), "{unknown}");
    }
}

fn job(on_crash: OnCrash, max_retries: u32) -> Job {
    let definition = JobDefinition {
        name: "x".to_owned(),
        job_type: "shell".to_owned(),
        config: Map::new(),
        project_id: "default".to_owned(),
        tags: Vec::new(),
        priority: 5,
        timezone: "UTC".to_owned(),
        timeout_seconds: None,
        retry: RetryPolicy { max_retries, ..RetryPolicy::default() },
        max_lateness_seconds: Some(10),
        on_late: OnLate::Skip,
        on_crash,
        concurrency_key: None,
        external_id: None,
        metadata: Map::new(),
    };
    Job {
        key: JobKey(1),
        id: "0193f0c27a7b7c3e9d543f1c2b6a9e10".parse().unwrap(),
        revision: 1,
        definition,
        state: JobState::scheduled(Timestamp::EPOCH, None).claim().unwrap(),
        last_execution: None,
        origin: None,
        created_by: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

#[test]
fn what_follows_an_attempt() {
    let now = instant("2026-11-21T20:00:00Z");
    let after = |job: &Job, outcome: AttemptOutcome| job.after_attempt(&outcome, now, 0);
    let (patient, strict) = (job(OnCrash::Retry, 2), job(OnCrash::Fail, 0));
    let failed = || AttemptOutcome::failed(Reason::ExitCode, "exit code 1").with_exit_code(Some(1));
    let shutdown = || AttemptOutcome::failed(Reason::Shutdown, "the server was stopped");
    let ten_seconds_later = AfterAttempt::Retry(instant("2026-11-21T20:00:10Z"));
    assert_eq!(after(&patient, AttemptOutcome::success()), AfterAttempt::Final(JobStatus::Completed));
    assert_eq!(after(&patient, failed()), ten_seconds_later);
    assert_eq!(after(&strict, failed()), AfterAttempt::Final(JobStatus::Failed));
    assert_eq!(after(&patient, AttemptOutcome::cancelled()), AfterAttempt::Final(JobStatus::Cancelled));
    assert_eq!(after(&patient, shutdown()), AfterAttempt::Retry(now));
    assert_eq!(after(&strict, shutdown()), AfterAttempt::Final(JobStatus::Failed));
    let lost = || AttemptOutcome::failed(Reason::Lost, "the server could not renew its lease in time");
    assert_eq!(after(&patient, lost()), AfterAttempt::Retry(now), "at once, and whatever its retries");
    assert_eq!(after(&strict, lost()), AfterAttempt::Final(JobStatus::Failed));
    let ended_by_shutdown = AttemptOutcome { reason: Reason::Shutdown, ..AttemptOutcome::cancelled() };
    assert_eq!(after(&patient, ended_by_shutdown), AfterAttempt::Retry(now), "nobody cancelled it");
    let unrunnable = AttemptOutcome::failed(Reason::InvalidConfig, "no such field");
    assert_eq!(after(&patient, unrunnable), AfterAttempt::Final(JobStatus::Failed));
    let mut cancelling = patient;
    cancelling.state = cancelling.state.cancel().unwrap();
    for outcome in [failed(), shutdown(), AttemptOutcome::cancelled()] {
        assert_eq!(after(&cancelling, outcome), AfterAttempt::Final(JobStatus::Cancelled));
    }
    assert_eq!(after(&cancelling, AttemptOutcome::success()), AfterAttempt::Final(JobStatus::Completed));
    assert_eq!(cancelling.after_loss(now), AfterAttempt::Final(JobStatus::Cancelled));
}

#[test]
fn too_late_is_later_than_the_policy_says() {
    let definition = job(OnCrash::Retry, 0).definition;
    let due = instant("2026-11-21T20:00:00Z");
    assert!(!definition.is_too_late(due, instant("2026-11-21T20:00:10Z")));
    assert!(definition.is_too_late(due, instant("2026-11-21T20:00:10.000001Z")));
    assert!(!definition.is_too_late(due, instant("2026-11-21T19:00:00Z")));
    let tolerant = JobDefinition { on_late: OnLate::Run, ..definition.clone() };
    assert!(!tolerant.is_too_late(due, instant("2027-11-21T20:00:00Z")));
    let unbounded = JobDefinition { max_lateness_seconds: None, ..definition };
    assert!(!unbounded.is_too_late(due, instant("2027-11-21T20:00:00Z")));
}

#[test]
fn the_code_of_an_outcome_is_that_of_the_process_or_of_the_response() {
    let outcome = AttemptOutcome::failed(Reason::HttpStatus, "503").with_result(json!({ "status": 503 }));
    assert_eq!(outcome.retry_code(), Some(503));
    assert_eq!(outcome.clone().with_exit_code(Some(7)).retry_code(), Some(7));
    assert_eq!(AttemptOutcome::failed(Reason::Timeout, "x").retry_code(), None);
    for odd in [json!(null), json!({ "status": "503" }), json!({ "status": 5_000_000_000_i64 }), json!([])] {
        assert_eq!(AttemptOutcome::success().with_result(odd).retry_code(), None);
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for status in JobStatus::ALL {
        assert_eq!(status.as_str().parse::<JobStatus>().unwrap(), *status);
        assert_eq!(serde_json::to_value(status).unwrap(), json!(status.as_str()));
    }
    let error = "Done".parse::<JobStatus>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Done` is not one of scheduled, running, held, completed, failed, cancelled, missed"
    );
}

#[test]
fn an_instant_is_written_as_wall_time_and_with_the_offset_of_a_zone() {
    let at = instant("2026-11-23T00:00:00.5Z");
    for (zone, wall, offset) in [
        ("Asia/Tokyo", "2026-11-23T09:00:00.5", "2026-11-23T09:00:00.5+09:00"),
        ("UTC", "2026-11-23T00:00:00.5", "2026-11-23T00:00:00.5Z"),
        ("Etc/UTC", "2026-11-23T00:00:00.5", "2026-11-23T00:00:00.5+00:00"),
        ("Mars/Base", "2026-11-23T00:00:00.5", "2026-11-23T00:00:00.5Z"),
        // Names that not every system has.
        ("US/Eastern", "2026-11-22T19:00:00.5", "2026-11-22T19:00:00.5-05:00"),
        ("asia/calcutta", "2026-11-23T05:30:00.5", "2026-11-23T05:30:00.5+05:30"),
    ] {
        assert_eq!((wall_time(at, zone).as_str(), with_offset(at, zone).as_str()), (wall, offset), "{zone}");
    }
    let past = instant("1971-06-01T00:00:00Z");
    assert_eq!(with_offset(past, "Africa/Monrovia"), "1971-05-31T23:15:30-00:45", "the minute is rounded");
    assert_eq!(wall_time(Timestamp::MAX, "Pacific/Kiritimati"), "9999-12-31T12:00:00.999999");
}
