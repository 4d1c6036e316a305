//! A wall clock that is set, by an hour or by ten years: nothing early, nothing lost, nothing removed in haste.

use crate::harness::{context, draft, place};
use crate::manual::{DAY, HOUR, Manual, PAUSE, YEAR, instant};
use oneoff_domain::{Clock as _, HoldReason, JobStatus};
use oneoff_fakes::{FakeExecutor, ManualClock};
use oneoff_scheduler::{JobDraft, Schedule};
use std::time::Duration;

const NOW: &str = "2026-11-21T20:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ten_years_ahead_for_half_a_minute_changes_nothing() {
    let fake = FakeExecutor::new("fake").failing(1);
    let manual = Manual::with(ManualClock::at(instant(NOW)), place(), fake).await;
    let engine = &manual.engine;
    let retry = JobDraft { max_retries: Some(1), retry_delay_seconds: Some(3_600), ..draft("now") };
    let retrying = engine.create(retry).await;
    let retrying = engine.job_when(retrying.id, |job| job.state.next_attempt_at.is_some()).await;
    let waiting = engine.create(draft("in 30 days")).await;
    let held = engine.create(draft("in 2h")).await;
    let until = Some(Schedule::at("in 1 year"));
    engine.service.hold_job(context(), held.id, HoldReason::Manual, until).await.unwrap();
    manual.tick().await;
    let ran = engine.fake.ran().len();

    manual.step_to(manual.clock.now().saturating_add(10 * YEAR)).await;
    // Whoever asks for a look at the holds does not get one now.
    let other = engine.create(draft("in 11 years")).await;
    let until = Some(Schedule::at("in 12 years"));
    engine.service.hold_job(context(), other.id, HoldReason::Manual, until).await.unwrap();
    manual.clock.advance(Duration::from_secs(30));
    manual.step_to(manual.clock.now().saturating_sub(10 * YEAR)).await;
    manual.trust().await;
    manual.tick().await;

    assert_eq!(engine.fake.ran().len(), ran + 1, "only the tick ran");
    assert_eq!(manual.status(&waiting).await, JobStatus::Scheduled);
    assert_eq!(manual.status(&held).await, JobStatus::Held, "its hold ends in a year");
    assert_eq!(engine.executions(retrying.id).await.len(), 1, "what was recorded is there");
    assert_eq!(manual.steps().await, 2, "there and back");

    manual.advance_to(retrying.state.next_attempt_at.unwrap());
    engine.over(retrying.id).await;
    manual.advance_to(waiting.state.scheduled_at.unwrap());
    engine.over(waiting.id).await;
    manual.clock.advance(YEAR);
    engine.over(held.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_removed_only_when_the_clock_has_held_for_a_day() {
    let manual = Manual::at(NOW).await;
    let engine = &manual.engine;
    let job = engine.create(draft("now")).await;
    engine.over(job.id).await;
    manual.step_to(manual.clock.now().saturating_add(YEAR)).await;
    manual.trust().await;
    manual.clock.advance(DAY - PAUSE - Duration::from_secs(1));
    manual.tick().await;
    assert_eq!(engine.executions(job.id).await.len(), 1, "the clock has not held for a day");
    manual.clock.advance(Duration::from_secs(2));
    removed(&manual, &job).await;
}

/// Waits until the executions of a job are removed.
async fn removed(manual: &Manual, job: &oneoff_domain::Job) {
    let removed = async {
        while !manual.engine.executions(job.id).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, removed).await.expect("what is too old is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_years_after_the_last_one_removes_nothing_for_a_day() {
    let manual = Manual::at(NOW).await;
    let job = manual.engine.create(draft("now")).await;
    manual.engine.over(job.id).await;
    let Manual { engine, clock } = manual;
    engine.scheduler.shutdown().await;
    clock.advance(YEAR);
    let manual = Manual::with(clock, engine.directory, FakeExecutor::new("fake")).await;
    manual.tick().await;
    manual.clock.advance(DAY - HOUR);
    manual.tick().await;
    assert_eq!(manual.engine.executions(job.id).await.len(), 1, "its clock may be wrong");
    manual.clock.advance(2 * HOUR);
    removed(&manual, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_by_an_hour_delays_what_it_judges_and_no_more() {
    let manual = Manual::at(NOW).await;
    let engine = &manual.engine;
    let soon = engine.create(draft("in 10m")).await;
    let held = engine.create(draft("in 5m")).await;
    let until = Some(Schedule::at("in 20m"));
    engine.service.hold_job(context(), held.id, HoldReason::Manual, until).await.unwrap();
    manual.tick().await;
    manual.step_to(manual.clock.now().saturating_sub(HOUR)).await;
    manual.trust().await;
    manual.advance_to(soon.state.scheduled_at.unwrap().saturating_sub(Duration::from_secs(1)));
    manual.tick().await;
    assert_eq!(manual.status(&soon).await, JobStatus::Scheduled);
    manual.clock.advance(Duration::from_secs(1));
    engine.over(soon.id).await;
    assert_eq!(manual.status(&held).await, JobStatus::Held);
    manual.clock.advance(10 * Duration::from_secs(60));
    engine.over(held.id).await;
    let execution = engine.executions(soon.id).await.remove(0);
    assert_eq!(execution.lateness_us, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_attempt_is_timed_by_boot_time_whatever_the_wall_says() {
    let fake = FakeExecutor::new("fake").blocking();
    let manual = Manual::with(ManualClock::at(instant(NOW)), place(), fake).await;
    let engine = &manual.engine;
    let job = engine.create(JobDraft { timeout_seconds: Some(3_600), ..draft("now") }).await;
    engine.running(job.id).await;
    manual.step_to(manual.clock.now().saturating_add(10 * YEAR)).await;
    manual.step_to(manual.clock.now().saturating_sub(20 * YEAR)).await;
    manual.clock.advance(HOUR / 2);
    manual.until("claiming goes on", || engine.service.worker_status().paused.is_none()).await;
    assert_eq!(manual.status(&job).await, JobStatus::Running);
    manual.clock.advance(HOUR / 2);
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Failed);
    let execution = engine.executions(job.id).await.remove(0);
    assert_eq!(execution.reason, Some(oneoff_domain::Reason::Timeout));
    assert_eq!(execution.duration_us, Some(3_600_000_000));
}
