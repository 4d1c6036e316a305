//! Times beyond what timers reach: years ahead, the last instant there is, a clock before 1970.

use crate::harness::{context, draft, place};
use crate::manual::{Manual, YEAR, instant};
use oneoff_domain::limits::{LATENESS_MAX_SECONDS, RETRY_DELAY_MAX_SECONDS, TIMEOUT_MAX_SECONDS};
use oneoff_domain::{HoldReason, JobStatus, Timestamp};
use oneoff_fakes::{FakeExecutor, ManualClock};
use oneoff_scheduler::{JobDraft, Schedule};
use std::time::Duration;

const LAST: &str = "9999-12-30T22:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_years_ahead_waits_and_runs_at_its_instant() {
    let manual = Manual::at("2026-11-21T20:00:00Z").await;
    let engine = &manual.engine;
    let later = engine.create(draft("in 3 years")).await;
    let last = engine.create(draft(LAST)).await;
    let held = engine.create(draft("in 1h")).await;
    let until = Some(Schedule::at("in 5 years"));
    engine.service.hold_job(context(), held.id, HoldReason::Manual, until).await.unwrap();
    manual.tick().await;
    assert_eq!(engine.service.system_status().await.unwrap().next_due_at, later.state.scheduled_at);
    for job in [&later, &last] {
        assert_eq!(manual.status(job).await, JobStatus::Scheduled);
    }
    manual.advance_to(later.state.scheduled_at.unwrap().saturating_sub(Duration::from_micros(1)));
    manual.tick().await;
    assert_eq!(manual.status(&later).await, JobStatus::Scheduled);
    manual.clock.advance(Duration::from_micros(1));
    engine.over(later.id).await;
    manual.clock.advance(3 * YEAR);
    engine.over(held.id).await;
    manual.advance_to(instant(LAST));
    engine.over(last.id).await;
    assert_eq!(engine.executions(last.id).await[0].lateness_us, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overflows_at_the_end_of_time() {
    let clock = ManualClock::at(instant("9999-12-30T21:00:00Z"));
    let fake = FakeExecutor::new("fake").failing(1);
    let manual = Manual::with(clock, place(), fake).await;
    let engine = &manual.engine;
    let longest = i64::from(RETRY_DELAY_MAX_SECONDS);
    let job = JobDraft {
        max_retries: Some(1),
        retry_delay_seconds: Some(longest),
        retry_max_delay_seconds: Some(longest),
        timeout_seconds: Some(i64::from(TIMEOUT_MAX_SECONDS)),
        max_lateness_seconds: Some(i64::from(LATENESS_MAX_SECONDS)),
        ..draft("now")
    };
    let retrying = engine.create(job).await;
    let waiting = engine.job_when(retrying.id, |job| job.state.attempt == 1).await;
    assert_eq!(waiting.state.next_attempt_at, Some(Timestamp::MAX), "there is no later instant");
    for beyond in ["in 2h", "in 1 day", "9999-12-31T23:59:59Z", "tomorrow 09:00", "in 300000 years"] {
        let refused = engine.service.create_job(context(), draft(beyond)).await.unwrap_err();
        assert!(refused.to_string().contains("9999-12-30T22:00:00Z"), "{beyond}: {refused}");
    }
    let until = Some(Schedule::at(LAST));
    let held = engine.create(draft("in 30m")).await;
    engine.service.hold_job(context(), held.id, HoldReason::Manual, until).await.unwrap();
    manual.tick().await;
    manual.advance_to(Timestamp::MAX);
    assert_eq!(engine.over(retrying.id).await.state.status, JobStatus::Completed);
    engine.over(held.id).await;
    manual.tick().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_before_1970_runs_what_is_due_now() {
    for now in ["1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z", "1901-01-01T00:00:00Z"] {
        let manual = Manual::at(now).await;
        manual.tick().await;
        let later = manual.create_at("1970-01-02T00:00:00Z", "UTC").await;
        let held = manual.engine.create(JobDraft { held: true, ..draft("now") }).await;
        manual.engine.service.release_job(context(), held.id, HoldReason::Manual).await.unwrap();
        manual.engine.over(held.id).await;
        manual.advance_to(instant("1970-01-02T00:00:00Z"));
        manual.engine.over(later.id).await;
        let again = manual.engine.service.execute_job(context(), later.id).await.unwrap().value;
        manual.engine.job_when(again.id, |job| job.state.run == 2 && job.state.status.is_final()).await;
        assert_eq!(manual.engine.executions(later.id).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_wait_there_is_ends_with_the_job() {
    let fake = FakeExecutor::new("fake").blocking();
    let manual = Manual::with(ManualClock::at(instant("2026-11-21T20:00:00Z")), place(), fake).await;
    let (service, fake) = (&manual.engine.service, &manual.engine.fake);
    let job = manual.engine.create(draft("now")).await;
    let running = manual.engine.running(job.id).await;
    let output = service.output(running.last_execution.unwrap(), 0, 1024, Duration::MAX);
    let waiting = service.wait_for_job(job.id, Duration::MAX);
    let open = async { fake.gate().open() };
    let (waited, output, ()) = tokio::join!(waiting, output, open);
    assert_eq!(waited.unwrap().state.status, JobStatus::Completed);
    assert!(output.unwrap().complete);
}
