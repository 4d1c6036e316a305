//! Jobs at wall times that the zone skips or shows twice: refused, or run at the instant that was chosen.

use crate::harness::{context, draft};
use crate::manual::{Manual, instant};
use oneoff_domain::time::{Disambiguation, describe};
use oneoff_domain::{Job, JobStatus, Timestamp};
use oneoff_scheduler::{JobDraft, JobPatch, Schedule, ServiceError};
use std::time::Duration;

/// Zone, wall time, the earlier instant and the later one.
const UNCLEAR: &[(&str, &str, &str, &str)] = &[
    // Half an hour of summer time.
    ("Australia/Lord_Howe", "2027-04-04T01:45:00", "2027-04-03T14:45:00Z", "2027-04-03T15:15:00Z"),
    ("Australia/Lord_Howe", "2027-10-03T02:15:00", "2027-10-02T15:15:00Z", "2027-10-02T15:45:00Z"),
    // The clocks are changed at midnight.
    ("Asia/Beirut", "2027-03-28T00:30:00", "2027-03-27T21:30:00Z", "2027-03-27T22:30:00Z"),
    ("Asia/Beirut", "2027-10-30T23:30:00", "2027-10-30T20:30:00Z", "2027-10-30T21:30:00Z"),
    ("Africa/Cairo", "2027-04-30T00:30:00", "2027-04-29T21:30:00Z", "2027-04-29T22:30:00Z"),
    ("Africa/Cairo", "2027-10-28T23:30:00", "2027-10-28T20:30:00Z", "2027-10-28T21:30:00Z"),
    ("America/Asuncion", "2023-10-01T00:30:00", "2023-10-01T03:30:00Z", "2023-10-01T04:30:00Z"),
    ("America/Asuncion", "2023-03-25T23:30:00", "2023-03-26T02:30:00Z", "2023-03-26T03:30:00Z"),
    ("America/Sao_Paulo", "2018-11-04T00:30:00", "2018-11-04T02:30:00Z", "2018-11-04T03:30:00Z"),
    ("America/Sao_Paulo", "2018-02-17T23:30:00", "2018-02-18T01:30:00Z", "2018-02-18T02:30:00Z"),
    ("America/St_Johns", "2010-03-14T00:30:00", "2010-03-14T03:00:00Z", "2010-03-14T04:00:00Z"),
    // Summer time that is less than the standard, in winter or in Ramadan.
    ("Europe/Dublin", "2027-03-28T01:30:00", "2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z"),
    ("Europe/Dublin", "2027-10-31T01:30:00", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"),
    ("Africa/Casablanca", "2024-04-14T02:30:00", "2024-04-14T01:30:00Z", "2024-04-14T02:30:00Z"),
    ("Africa/Casablanca", "2024-03-10T02:30:00", "2024-03-10T01:30:00Z", "2024-03-10T02:30:00Z"),
    // Two hours, three quarters of an hour less half a minute, and days that were left out.
    ("Antarctica/Troll", "2027-03-28T02:00:00", "2027-03-28T00:00:00Z", "2027-03-28T02:00:00Z"),
    ("Antarctica/Troll", "2027-10-31T02:00:00", "2027-10-31T00:00:00Z", "2027-10-31T02:00:00Z"),
    ("Africa/Monrovia", "1972-01-07T00:20:00", "1972-01-07T00:20:00Z", "1972-01-07T01:04:30Z"),
    ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"),
    ("Pacific/Kwajalein", "1993-08-21T12:00:00", "1993-08-21T00:00:00Z", "1993-08-22T00:00:00Z"),
];

fn unclear(zone: &str, local: &str, disambiguation: Disambiguation) -> JobDraft {
    let schedule =
        Schedule { timezone: Some(zone.to_owned()), disambiguation, ..Schedule::at(local.replace('T', " ")) };
    JobDraft { schedule, ..draft("now") }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclear_wall_time_is_refused_with_both_choices() {
    let Manual { engine, .. } = Manual::at("1971-12-01T00:00:00Z").await;
    for (zone, local, earlier, later) in UNCLEAR {
        let draft = unclear(zone, local, Disambiguation::Reject);
        let refused = engine.service.create_job(context(), draft).await;
        let Err(ServiceError::Invalid(errors)) = refused else { panic!("{local} in {zone}: {refused:?}") };
        let [error] = errors.0.as_slice() else { panic!("{errors:?}") };
        assert_eq!(error.pointer, "/scheduled_at");
        let hint = error.hint.clone().unwrap();
        let (first, second) = hint.split_once("`later`").unwrap();
        assert!(first.contains(&format!("({earlier})")) && second.contains(&format!("({later})")), "{hint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_instant_is_when_the_job_runs_and_the_wall_time_is_kept() {
    let manual = Manual::at("1971-12-01T00:00:00Z").await;
    let mut jobs: Vec<(Job, Timestamp)> = Vec::new();
    for (zone, local, earlier, later) in UNCLEAR {
        for (disambiguation, expected) in [(Disambiguation::Earlier, earlier), (Disambiguation::Later, later)]
        {
            let job = manual.engine.create(unclear(zone, local, disambiguation)).await;
            assert_eq!(job.state.scheduled_at, Some(instant(expected)), "{local} in {zone}");
            assert_eq!(job.state.scheduled_local.as_deref(), Some(*local));
            assert_eq!(job.definition.timezone, *zone);
            jobs.push((job, instant(expected)));
        }
    }
    jobs.sort_by_key(|(_, at)| *at);
    for (job, at) in jobs {
        let shown = describe(at, &job.definition.timezone);
        manual.advance_to(at.saturating_sub(Duration::from_micros(1)));
        manual.tick().await;
        assert_eq!(manual.status(&job).await, JobStatus::Scheduled, "{shown}: not a microsecond early");
        manual.advance_to(at);
        manual.tick().await;
        manual.engine.over(job.id).await;
        let execution = manual.engine.executions(job.id).await.remove(0);
        assert_eq!((execution.scheduled_for, execution.started_at), (at, at), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_job_keeps_its_wall_time_in_another_zone() {
    let manual = Manual::at("2026-11-21T20:00:00Z").await;
    let service = &manual.engine.service;
    let edit = async |job: &Job, patch: JobPatch| service.update_job(context(), job.id, patch).await;
    let zone = |name: &str| JobPatch { timezone: Some(name.to_owned()), ..JobPatch::default() };

    let job = manual.create_at("2027-03-28 02:30", "Asia/Tokyo").await;
    assert_eq!(job.state.scheduled_at, Some(instant("2027-03-27T17:30:00Z")));
    let refused = edit(&job, zone("Europe/Madrid")).await.unwrap_err();
    assert!(refused.to_string().contains("does not exist in Europe/Madrid"), "{refused}");
    let unchanged = service.job(job.id).await.unwrap();
    assert_eq!((unchanged.definition.timezone.as_str(), unchanged.state.version), ("Asia/Tokyo", 1));
    let moved = edit(&job, zone("America/New_York")).await.unwrap();
    assert_eq!(moved.state.scheduled_at, Some(instant("2027-03-28T06:30:00Z")));
    assert_eq!(moved.state.scheduled_local.as_deref(), Some("2027-03-28T02:30:00"));

    let schedule = Schedule {
        timezone: Some("Europe/Madrid".to_owned()),
        disambiguation: Disambiguation::Later,
        ..Schedule::at("2027-03-28 02:30")
    };
    let chosen = JobPatch { schedule: Some(schedule), ..JobPatch::default() };
    let moved = edit(&job, chosen).await.unwrap();
    assert_eq!(moved.state.scheduled_at, Some(instant("2027-03-28T01:30:00Z")));
    assert_eq!(moved.definition.timezone, "Europe/Madrid");

    // A time that was given as an instant is one, wherever people look at it.
    let job = manual.create_at("2027-03-28T02:30:00Z", "Asia/Tokyo").await;
    let moved = edit(&job, zone("Europe/Madrid")).await.unwrap();
    assert_eq!(moved.state.scheduled_at, Some(instant("2027-03-28T02:30:00Z")));
    assert_eq!((moved.state.scheduled_local, moved.definition.timezone.as_str()), (None, "Europe/Madrid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_and_a_hold_are_read_in_the_same_way() {
    let manual = Manual::at("2026-11-21T20:00:00Z").await;
    let service = &manual.engine.service;
    let job = manual.create_at("2027-01-01 09:00", "Europe/Madrid").await;
    let clone = |disambiguation| {
        let schedule = Schedule { disambiguation, ..Schedule::at("2027-10-31 02:30") };
        service.clone_job(context(), job.id, None, schedule)
    };
    assert!(
        clone(Disambiguation::Reject)
            .await
            .unwrap_err()
            .to_string()
            .contains("occurs twice in Europe/Madrid")
    );
    for (disambiguation, expected) in
        [(Disambiguation::Earlier, "2027-10-31T00:30:00Z"), (Disambiguation::Later, "2027-10-31T01:30:00Z")]
    {
        let state = clone(disambiguation).await.unwrap().value.state;
        assert_eq!(state.scheduled_at, Some(instant(expected)));
        assert_eq!(state.scheduled_local.as_deref(), Some("2027-10-31T02:30:00"));
    }
    let until = Schedule { timezone: Some("Europe/Madrid".to_owned()), ..Schedule::at("2027-03-28 02:30") };
    let reason = oneoff_domain::HoldReason::Manual;
    let refused = service.hold_job(context(), job.id, reason, Some(until.clone())).await.unwrap_err();
    assert!(refused.to_string().starts_with("/until: "), "{refused}");
    let until = Some(Schedule { disambiguation: Disambiguation::Earlier, ..until });
    let held = service.hold_job(context(), job.id, reason, until).await.unwrap().value;
    assert_eq!(held.state.holds[0].until, Some(instant("2027-03-28T00:30:00Z")));
}
