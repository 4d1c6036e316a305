//! The state machine: every pair of status and step, and what each step makes of a job's state.

use oneoff_domain::state::{AfterAttempt, next_status};
use oneoff_domain::{
    Hold, HoldReason, IllegalTransition, JobState, JobStatus, Obstacle, Timestamp, Transition,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap()
}

fn hold(reason: HoldReason) -> Hold {
    Hold { reason, by: "local".to_owned(), at: at(1), until: None }
}

fn waiting() -> JobState {
    JobState::scheduled(at(100), Some("1970-01-01T00:01:40".to_owned()))
}

fn held(reasons: &[HoldReason]) -> JobState {
    reasons.iter().fold(waiting(), |state, reason| state.hold(hold(*reason)).unwrap())
}

fn ended(status: JobStatus) -> JobState {
    waiting().claim().unwrap().finish(AfterAttempt::Final(status)).unwrap()
}

#[test]
fn every_pair_of_status_and_step() {
    // The rows are the steps in order; the columns are the status after it, `-` where it is illegal.
    let columns = [
        JobStatus::Scheduled,
        JobStatus::Running,
        JobStatus::Held,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Cancelled,
        JobStatus::Missed,
    ];
    let table = "
        claim     running    -          -          -          -          -          -
        complete  -          completed  -          -          -          -          -
        fail      -          failed     -          -          -          -          -
        retry     -          scheduled  -          -          -          -          -
        cancel    cancelled  cancelled  cancelled  -          -          -          -
        miss      missed     -          -          -          -          -          -
        hold      held       -          held       -          -          -          -
        release   -          -          scheduled  -          -          -          -
        edit      scheduled  -          held       -          -          -          -
        execute   scheduled  -          -          scheduled  scheduled  scheduled  scheduled
        delete    scheduled  -          held       completed  failed     cancelled  missed
    ";
    let rows: Vec<&str> = table.lines().map(str::trim).filter(|row| !row.is_empty()).collect();
    assert_eq!((rows.len(), columns.len()), (Transition::ALL.len(), JobStatus::ALL.len()));
    for (row, transition) in rows.iter().zip(Transition::ALL) {
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells[0], transition.as_str());
        for (cell, status) in cells[1..].iter().zip(columns) {
            let actual = next_status(status, *transition);
            let shown = actual.as_ref().map_or("-", |status| status.as_str());
            assert_eq!(shown, *cell, "{transition} from {status}");
            if let Err(error) = actual {
                assert_eq!(error, IllegalTransition::new(status, *transition));
                check_advice(&error.to_string(), status, *transition);
            }
        }
    }
}

fn check_advice(text: &str, status: JobStatus, transition: Transition) {
    use Transition as T;
    let advice = match (status, transition) {
        (_, T::Complete | T::Fail | T::Retry) => "no attempt of it is under way, so drop the outcome",
        (JobStatus::Running, T::Claim) => "its attempt is under way; wait for it",
        (_, T::Release) => "it has no hold, so there is nothing to release",
        (JobStatus::Running, _) => "cancel it first, or wait for it",
        (JobStatus::Held, _) => "release it first",
        (_, T::Cancel) => "it is over, so there is nothing to cancel; delete it to remove it",
        (_, T::Edit | T::Hold) => "clone it, or execute it again",
        (_, _) => "execute it again first",
    };
    assert_eq!(text, format!("cannot {transition} a job that is {status}: {advice}"));
}

#[test]
fn a_claim_makes_the_job_run_and_a_retry_makes_it_wait() {
    let running = waiting().claim().unwrap();
    assert_eq!((running.status, running.due_at()), (JobStatus::Running, None));
    let retrying = running.finish(AfterAttempt::Retry(at(200))).unwrap();
    assert_eq!(
        (retrying.status, retrying.attempt, retrying.due_at()),
        (JobStatus::Scheduled, 1, Some(at(200)))
    );
    assert_eq!(retrying.scheduled_at, Some(at(100)), "the time it was scheduled for stays");
    let again = retrying.claim().unwrap();
    assert_eq!((again.attempt, again.next_attempt_at), (1, None));
}

#[test]
fn a_cancel_of_a_running_job_is_a_request_until_the_attempt_is_over() {
    let running = waiting().claim().unwrap();
    let asked = running.cancel().unwrap();
    assert_eq!((asked.status, asked.cancel_requested), (JobStatus::Running, true));
    assert!(asked.cancel().unwrap().cancel_requested, "asking again changes nothing");
    let over = asked.finish(AfterAttempt::Final(JobStatus::Cancelled)).unwrap();
    assert_eq!((over.status, over.cancel_requested), (JobStatus::Cancelled, false));
    let finished_first = asked.finish(AfterAttempt::Final(JobStatus::Completed)).unwrap();
    assert_eq!(finished_first.status, JobStatus::Completed, "what is done is done");
    let no_retry = asked.finish(AfterAttempt::Retry(at(200))).unwrap();
    assert_eq!((no_retry.status, no_retry.attempt), (JobStatus::Cancelled, 0));
}

#[test]
fn only_a_running_job_has_an_attempt_to_finish() {
    for state in [waiting(), held(&[HoldReason::Manual]), ended(JobStatus::Completed)] {
        for end in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
            assert!(state.finish(AfterAttempt::Final(end)).is_err(), "{end} from {}", state.status);
        }
        assert!(state.finish(AfterAttempt::Retry(at(200))).is_err());
    }
}

#[test]
fn a_cancel_of_a_waiting_job_takes_effect_at_once() {
    let cancelled = held(&[HoldReason::Manual]).cancel().unwrap();
    assert_eq!((cancelled.status, cancelled.holds.len()), (JobStatus::Cancelled, 0));
    let retrying = waiting().claim().unwrap().finish(AfterAttempt::Retry(at(200))).unwrap();
    assert_eq!(retrying.cancel().unwrap().next_attempt_at, None);
}

#[test]
fn releasing_one_hold_leaves_the_others() {
    let both = held(&[HoldReason::Manual, HoldReason::Approval]);
    let one = both.release(HoldReason::Manual).unwrap();
    assert_eq!((one.status, one.holds.len()), (JobStatus::Held, 1));
    let none = one.release(HoldReason::Approval).unwrap();
    assert_eq!((none.status, none.holds.len(), none.due_at()), (JobStatus::Scheduled, 0, Some(at(100))));
    let error = one.release(HoldReason::Gate).unwrap_err();
    assert_eq!(error.obstacle, Obstacle::NoSuchHold(HoldReason::Gate));
    assert_eq!(
        error.to_string(),
        "cannot release a job that is held: it has no hold `gate`; release one of those it has"
    );
}

#[test]
fn a_hold_of_the_same_reason_replaces_the_old_one() {
    let later = Hold { at: at(50), until: Some(at(60)), ..hold(HoldReason::Manual) };
    let state = held(&[HoldReason::Manual, HoldReason::Gate]).hold(later.clone()).unwrap();
    assert_eq!(state.holds, [hold(HoldReason::Gate), later]);
}

#[test]
fn a_job_without_a_time_stays_held_until_it_has_one() {
    let timeless = JobState { scheduled_at: None, scheduled_local: None, ..held(&[HoldReason::Manual]) };
    let error = timeless.release(HoldReason::Manual).unwrap_err();
    assert_eq!(error.obstacle, Obstacle::NoTime);
    assert_eq!(error.to_string(), "cannot release a job that has no time: give it a time first");
    let twice = timeless.hold(hold(HoldReason::Gate)).unwrap();
    assert_eq!(twice.release(HoldReason::Gate).unwrap().status, JobStatus::Held, "another hold is left");
    let ending = Hold { until: Some(at(500)), ..hold(HoldReason::Gate) };
    assert_eq!(timeless.hold(ending).unwrap_err().obstacle, Obstacle::NoTime);
    let timed = timeless.reschedule(at(300), None).unwrap();
    assert_eq!(timed.release(HoldReason::Manual).unwrap().due_at(), Some(at(300)));
}

#[test]
fn a_new_time_gives_a_waiting_retry_up() {
    let retrying = waiting().claim().unwrap().finish(AfterAttempt::Retry(at(200))).unwrap();
    let moved = retrying.reschedule(at(900), Some("1970-01-01T00:15:00".to_owned())).unwrap();
    assert_eq!((moved.due_at(), moved.next_attempt_at, moved.attempt), (Some(at(900)), None, 1));
    let edited = retrying.edit().unwrap();
    assert_eq!(edited.due_at(), Some(at(200)), "an edit that leaves the time alone leaves the retry alone");
}

#[test]
fn execute_starts_a_waiting_job_early_and_a_finished_one_as_a_new_run() {
    let early = waiting().execute(at(50)).unwrap();
    assert_eq!((early.due_at(), early.run, early.scheduled_local.clone()), (Some(at(50)), 1, None));
    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
        let again = ended(status).execute(at(500)).unwrap();
        assert_eq!((again.due_at(), again.run, again.attempt), (Some(at(500)), 2, 0), "{status}");
    }
    let missed = waiting().miss().unwrap().execute(at(500)).unwrap();
    assert_eq!((missed.due_at(), missed.run), (Some(at(500)), 2));
    assert!(held(&[HoldReason::Manual]).execute(at(50)).is_err());
}
