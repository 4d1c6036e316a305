//! What holds for every history of a job, whatever steps are asked for in whatever order.

use oneoff_domain::state::AfterAttempt;
use oneoff_domain::{Hold, HoldReason, IllegalTransition, JobState, JobStatus, Timestamp};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Claim,
    Finish(Option<JobStatus>, i64),
    Cancel,
    Miss,
    Hold(HoldReason, Option<i64>),
    Release(HoldReason),
    Reschedule(i64),
    Edit,
    Execute(i64),
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap()
}

fn step() -> impl Strategy<Value = Step> {
    let reason = || prop::sample::select(HoldReason::ALL);
    let second = || 0..1_000_000_i64;
    let end = prop::sample::select(&[JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled][..]);
    prop_oneof![
        4 => Just(Step::Claim),
        4 => (prop::option::of(end), second()).prop_map(|(end, at)| Step::Finish(end, at)),
        1 => Just(Step::Cancel),
        1 => Just(Step::Miss),
        2 => (reason(), prop::option::of(second())).prop_map(|(reason, until)| Step::Hold(reason, until)),
        4 => reason().prop_map(Step::Release),
        1 => second().prop_map(Step::Reschedule),
        1 => Just(Step::Edit),
        2 => second().prop_map(Step::Execute),
    ]
}

fn take(state: &JobState, step: &Step) -> Result<JobState, IllegalTransition> {
    match step {
        Step::Claim => state.claim(),
        Step::Finish(None, second) => state.finish(AfterAttempt::Retry(at(*second))),
        Step::Finish(Some(end), _) => state.finish(AfterAttempt::Final(*end)),
        Step::Cancel => state.cancel(),
        Step::Miss => state.miss(),
        Step::Hold(reason, until) => {
            state.hold(Hold { reason: *reason, by: "local".to_owned(), at: at(1), until: until.map(at) })
        }
        Step::Release(reason) => state.release(*reason),
        Step::Reschedule(second) => state.reschedule(at(*second), None),
        Step::Edit => state.edit(),
        Step::Execute(second) => state.execute(at(*second)),
    }
}

/// What holds for a state by itself.
fn check_state(state: &JobState) -> Result<(), TestCaseError> {
    prop_assert_eq!(state.holds.is_empty(), state.status != JobStatus::Held, "holds exactly when held");
    prop_assert_eq!(
        state.due_at().is_some(),
        state.status == JobStatus::Scheduled,
        "due exactly when scheduled"
    );
    prop_assert!(state.scheduled_at.is_some() || state.status == JobStatus::Held || state.status.is_final());
    prop_assert!(!state.cancel_requested || state.status == JobStatus::Running);
    prop_assert!(!state.status.is_final() || state.next_attempt_at.is_none());
    let mut reasons: Vec<HoldReason> = state.holds.iter().map(|hold| hold.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    prop_assert_eq!(reasons.len(), state.holds.len(), "one hold of each reason");
    Ok(())
}

/// What holds between a state and the next.
fn check_step(before: &JobState, step: &Step, after: &JobState) -> Result<(), TestCaseError> {
    prop_assert_eq!(after.version, before.version + 1);
    prop_assert!((after.run, after.attempt) >= (before.run, before.attempt), "run and attempt only rise");
    let left_final = before.status.is_final();
    prop_assert!(!left_final || matches!(step, Step::Execute(_)), "{step:?} left {}", before.status);
    prop_assert_eq!(after.run > before.run, left_final, "a new run exactly when started again");
    let retried = before.status == JobStatus::Running && after.status == JobStatus::Scheduled;
    prop_assert_eq!(after.attempt > before.attempt, retried && after.run == before.run);
    prop_assert!(!(before.cancel_requested && retried), "a job that is to be cancelled is not retried");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_history_keeps_the_rules(timed: bool, steps in prop::collection::vec(step(), 1..60)) {
        let mut state = JobState::scheduled(at(100), None);
        if !timed {
            let manual = Hold { reason: HoldReason::Manual, by: "local".to_owned(), at: at(0), until: None };
            state = JobState { scheduled_at: None, ..state.hold(manual).unwrap() };
        }
        check_state(&state)?;
        for step in &steps {
            match take(&state, step) {
                Ok(next) => {
                    check_state(&next)?;
                    check_step(&state, step, &next)?;
                    state = next;
                }
                Err(error) => {
                    prop_assert_eq!(error.status, state.status);
                    prop_assert!(error.to_string().contains(": "), "{} says what to do", error);
                }
            }
        }
    }
}
