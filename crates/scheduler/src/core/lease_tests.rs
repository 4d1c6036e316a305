//! The core by steps, where a lease is needed.

use super::tests::*;
use super::*;
use oneoff_domain::{Fence, Job, JobDefinition, JobId, JobState, OnCrash, OnLate, RetryPolicy};

fn held(epoch: i64, until: u64) -> Input {
    Input::LeaseHeld { epoch, until: at(until).boot }
}

/// A core that needs a lease and has one of epoch 7 until then.
fn leased(until: u64) -> Core {
    let mut core = core(2);
    core.needs_lease();
    core.step(at(0), vec![held(7, until)]);
    core
}

/// The claim of the job by an epoch took effect.
fn won(key: i64, epoch: i64) -> Input {
    let definition = JobDefinition {
        name: "a".to_owned(),
        job_type: "fake".to_owned(),
        config: serde_json::Map::new(),
        project_id: "default".to_owned(),
        tags: Vec::new(),
        priority: 5,
        timezone: "UTC".to_owned(),
        timeout_seconds: None,
        retry: RetryPolicy::default(),
        max_lateness_seconds: None,
        on_late: OnLate::Run,
        on_crash: OnCrash::Retry,
        concurrency_key: None,
        external_id: None,
        metadata: serde_json::Map::new(),
    };
    let execution_id = ExecutionId::generate(base(), zeros().as_ref());
    let job = Job {
        key: JobKey(key),
        id: JobId::generate(base(), zeros().as_ref()),
        revision: 1,
        definition,
        state: JobState::scheduled(base(), None).claim().unwrap(),
        last_execution: Some(execution_id),
        origin: None,
        created_by: None,
        created_at: base(),
        updated_at: base(),
    };
    let fence = Fence { job: job.key, run: 1, attempt: 0, epoch };
    let claimed = ClaimedJob { job, execution_id, fence, scheduled_for: base() };
    Input::ClaimsAnswered(vec![ClaimResult::Claimed(Box::new(claimed))])
}

/// What a step does, by kind.
fn done(step: &Step) -> Vec<&'static str> {
    let kind = |effect: &Effect| match effect {
        Effect::Claim(_) => Some("claim"),
        Effect::Start(_) => Some("start"),
        Effect::Abandon(_) => Some("abandon"),
        Effect::EndAttempts => Some("end"),
        _ => None,
    };
    step.effects.iter().filter_map(kind).collect()
}

#[test]
fn nothing_is_claimed_before_a_lease_is_held_nor_after_it_is_over() {
    let mut core = core(2);
    core.needs_lease();
    let step = core.step(at(1), vec![pending(job(1, 1))]);
    assert_eq!(done(&step), [""; 0]);
    assert!(step.wake_at.is_none_or(|at| at > wall(1)), "it does not spin meanwhile");
    assert!(core.paused(at(1)).is_some());
    let step = core.step(at(2), vec![held(7, 10)]);
    assert_eq!((done(&step), step.wake_at), (vec!["claim"], Some(wall(10))));
    assert_eq!(core.paused(at(2)), None);
    let step = core.step(at(10), vec![pending(job(2, 3))]);
    assert_eq!(done(&step), ["end"]);
    assert!(step.wake_at.is_none_or(|at| at > wall(10)));
    assert_eq!(done(&core.step(at(11), Vec::new())), [""; 0], "once");
    assert_eq!(done(&core.step(at(12), vec![held(7, 20)])), ["claim"], "and it goes on");
}

#[test]
fn what_was_claimed_in_time_does_not_start_too_late() {
    let mut core = leased(10);
    assert_eq!(done(&core.step(at(1), vec![pending(job(1, 1))])), ["claim"]);
    assert_eq!(done(&core.step(at(10), vec![won(1, 7)])), ["end", "abandon"]);
}

#[test]
fn a_renewal_that_comes_late_but_in_the_same_step_ends_nothing() {
    let mut core = leased(10);
    assert_eq!(done(&core.step(at(1), vec![pending(job(1, 1))])), ["claim"]);
    assert_eq!(done(&core.step(at(11), vec![won(1, 7), held(7, 20)])), ["start"]);
}

#[test]
fn another_epoch_begins_with_nothing() {
    let mut core = leased(10);
    assert_eq!(done(&core.step(at(1), vec![pending(job(1, 1))])), ["claim"]);
    assert_eq!(done(&core.step(at(2), vec![Input::LeaseLost])), ["end"]);
    assert_eq!(done(&core.step(at(3), vec![held(8, 20), won(1, 7)])), ["end", "abandon"]);
    assert_eq!(done(&core.step(at(4), vec![pending(job(2, 1))])), ["claim"]);
    assert_eq!(done(&core.step(at(5), vec![won(2, 8)])), ["start"]);
}

#[test]
fn without_a_need_nothing_depends_on_a_lease() {
    let mut core = core(2);
    assert_eq!(done(&core.step(at(1), vec![pending(job(1, 1)), Input::LeaseLost])), ["claim"]);
    assert_eq!(done(&core.step(at(2), vec![won(1, 3)])), ["start"]);
}
