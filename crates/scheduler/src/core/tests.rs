//! The core by steps: a hand-held clock, and answers that the test gives.

use super::*;
use oneoff_domain::{BootTime, JobId};
use oneoff_storage::CancelledAttempt;

struct Zeros;

impl Random for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

pub(super) fn zeros() -> Arc<dyn Random> {
    Arc::new(Zeros)
}

/// Seconds after some midnight, by both clocks.
pub(super) fn at(seconds: u64) -> Now {
    let since = Duration::from_secs(seconds);
    Now { wall: base().saturating_add(since), boot: BootTime(since) }
}

pub(super) fn base() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000).unwrap()
}

pub(super) fn wall(seconds: u64) -> Timestamp {
    at(seconds).wall
}

/// So many worker slots.
pub(super) fn slots(total: usize) -> SlotCounts {
    SlotCounts { total, ..SlotCounts::default() }
}

pub(super) fn job(key: i64, due_seconds: u64) -> PendingJob {
    PendingJob {
        key: JobKey(key),
        due_at: wall(due_seconds),
        priority: 5,
        job_type: "fake".to_owned(),
        project_id: "default".to_owned(),
        concurrency_key: None,
    }
}

pub(super) fn pending(job: PendingJob) -> Input {
    Input::Committed(vec![Change::Pending(job)])
}

pub(super) fn core(workers: usize) -> Core {
    let mut core = Core::new(slots(workers), Arc::new(Zeros));
    load(&mut core, at(0), Vec::new());
    core
}

/// Answers the load that the core asks for.
pub(super) fn load(core: &mut Core, now: Now, jobs: Vec<PendingJob>) {
    let step = core.step(now, Vec::new());
    let load = step.effects.into_iter().find_map(|effect| match effect {
        Effect::LoadWindow(load) => Some(load),
        _ => None,
    });
    let step = core.step(now, vec![Input::WindowLoaded { load: load.unwrap(), jobs }]);
    assert!(claimed(&step).is_empty());
}

pub(super) fn claimed(step: &Step) -> Vec<i64> {
    let claims = step.effects.iter().filter_map(|effect| match effect {
        Effect::Claim(requests) => Some(requests.iter().map(|request| request.job.0)),
        _ => None,
    });
    claims.flatten().collect()
}

pub(super) fn gone(key: i64) -> Input {
    Input::ClaimsAnswered(vec![ClaimResult::Gone(JobKey(key))])
}

pub(super) fn ended() -> Input {
    Input::AttemptEnded { job_type: "fake".to_owned(), priority: 5 }
}

#[test]
fn a_job_is_claimed_at_its_instant_and_not_before() {
    let mut core = core(4);
    let step = core.step(at(1), vec![pending(job(1, 10))]);
    assert_eq!((claimed(&step), step.wake_at), (vec![], Some(wall(10))));
    let just_before = Now { wall: wall(10).saturating_sub(Duration::from_micros(1)), ..at(10) };
    assert!(claimed(&core.step(just_before, vec![])).is_empty());
    assert_eq!(claimed(&core.step(at(10), vec![])), [1]);
    assert!(claimed(&core.step(at(11), vec![])).is_empty(), "it is claimed once");
}

#[test]
fn higher_priority_goes_first_then_the_earlier_then_the_older() {
    let mut core = core(1);
    let urgent = PendingJob { priority: 9, ..job(4, 9) };
    let jobs = [job(3, 8), job(2, 7), job(1, 8), urgent];
    let first = core.step(at(10), jobs.into_iter().map(pending).collect());
    let mut order = claimed(&first);
    while let Some(last) = order.last().copied().filter(|_| order.len() < 4) {
        order.extend(claimed(&core.step(at(10), vec![gone(last)])));
    }
    assert_eq!(order, [4, 2, 1, 3]);
}

#[test]
fn no_more_run_than_there_are_slots_and_type_limits() {
    let limits = BTreeMap::from([("slow".to_owned(), 1)]);
    let mut core = Core::new(SlotCounts { by_type: limits, ..slots(2) }, Arc::new(Zeros));
    load(&mut core, at(0), vec![]);
    let slow = |key| PendingJob { job_type: "slow".to_owned(), priority: 9, ..job(key, 1) };
    let inputs = [slow(1), slow(2), job(3, 1), job(4, 1)].into_iter().map(pending).collect();
    assert_eq!(claimed(&core.step(at(1), inputs)), [1, 3], "the second slow one must wait, others need not");
    assert_eq!(core.queued(), 2);
    assert_eq!(claimed(&core.step(at(1), vec![ended()])), [4]);
    let slow_ended = Input::AttemptEnded { job_type: "slow".to_owned(), priority: 9 };
    assert_eq!(claimed(&core.step(at(1), vec![slow_ended])), [2]);
}

#[test]
fn a_moved_or_cancelled_job_does_not_start() {
    let mut core = core(4);
    core.step(at(1), vec![pending(job(1, 10)), pending(job(2, 10))]);
    let moved = [Change::Pending(job(1, 20)), Change::NotPending(JobKey(2))];
    core.step(at(2), vec![Input::Committed(moved.to_vec())]);
    assert!(claimed(&core.step(at(10), vec![])).is_empty());
    assert_eq!(claimed(&core.step(at(20), vec![])), [1]);
}

#[test]
fn a_job_that_is_moved_while_it_is_claimed_starts_at_its_new_time() {
    let mut core = core(4);
    assert_eq!(claimed(&core.step(at(10), vec![pending(job(1, 10))])), [1]);
    assert!(claimed(&core.step(at(11), vec![pending(job(1, 11))])).is_empty(), "one claim at a time");
    let step = core.step(at(12), vec![gone(1)]);
    let Some(Effect::Claim(requests)) = step.effects.first() else { panic!("{step:?}") };
    assert_eq!(requests[0].due_at, wall(11));
}

#[test]
fn a_job_that_is_cancelled_after_it_was_moved_while_it_is_claimed_does_not_start() {
    let mut core = core(4);
    core.step(at(10), vec![pending(job(1, 10))]);
    core.step(at(11), vec![pending(job(1, 11))]);
    core.step(at(11), vec![Input::Committed(vec![Change::NotPending(JobKey(1))])]);
    assert!(claimed(&core.step(at(12), vec![gone(1)])).is_empty());
}

#[test]
fn jobs_beyond_the_window_are_read_when_it_is_their_turn() {
    let mut core = core(4);
    let step = core.step(at(1), vec![pending(job(1, 9_000))]);
    let wake = step.wake_at.unwrap();
    assert!(wake < wall(9_000), "the next part is read before the job is due");
    let step = core.step(Now { wall: wake, boot: BootTime(wake.since(base())) }, vec![]);
    let [Effect::LoadWindow(load)] = step.effects.as_slice() else { panic!("{:?}", step.effects) };
    assert!(load.until >= wall(9_000));
    let jobs = vec![job(1, 9_000)];
    core.step(at(8_000), vec![Input::WindowLoaded { load: load.clone(), jobs }]);
    assert_eq!(claimed(&core.step(at(9_000), vec![])), [1]);
}

#[test]
fn a_commit_during_a_load_is_newer_than_what_the_load_says() {
    let mut core = Core::new(slots(4), Arc::new(Zeros));
    let step = core.step(at(0), vec![]);
    let [Effect::LoadWindow(load)] = step.effects.as_slice() else { panic!("{:?}", step.effects) };
    let commits = [
        Change::Pending(job(1, 30)),
        Change::NotPending(JobKey(2)),
        Change::Pending(job(3, 40)),
        Change::Pending(job(4, 90_000)),
    ];
    core.step(at(1), vec![Input::Committed(commits.to_vec())]);
    let stale = vec![job(1, 10), job(2, 10), job(4, 10)];
    core.step(at(2), vec![Input::WindowLoaded { load: load.clone(), jobs: stale }]);
    assert!(claimed(&core.step(at(10), vec![])).is_empty());
    assert_eq!(claimed(&core.step(at(30), vec![])), [1]);
    assert_eq!(claimed(&core.step(at(40), vec![])), [3], "a job made during the load is not lost");
}

#[test]
fn a_full_load_goes_on_where_it_was_cut() {
    let mut core = Core::new(slots(100_000), Arc::new(Zeros));
    let step = core.step(at(0), vec![]);
    let [Effect::LoadWindow(load)] = step.effects.as_slice() else { panic!("{:?}", step.effects) };
    let count = i64::try_from(load.limit).unwrap();
    let jobs = (1..=count).map(|key| job(key, 10)).collect();
    let step = core.step(at(0), vec![Input::WindowLoaded { load: load.clone(), jobs }]);
    assert!(step.effects.is_empty(), "there is enough in memory");
    let step = core.step(at(10), vec![pending(job(count + 1, 10))]);
    assert_eq!(claimed(&step).len(), load.limit, "what lies behind the cut is left to the next load");
    let step = core.step(at(10), vec![]);
    let [Effect::LoadWindow(next)] = step.effects.as_slice() else { panic!("{:?}", step.effects) };
    assert_eq!(next.after, Some((wall(10), JobKey(count))));
}

fn keyed(key: i64) -> PendingJob {
    PendingJob { concurrency_key: Some("k".to_owned()), ..job(key, 1) }
}

fn free() -> Input {
    Input::Committed(vec![Change::KeyFree("k".to_owned())])
}

#[test]
fn one_job_of_a_key_is_claimed_at_a_time() {
    let mut core = core(4);
    assert_eq!(claimed(&core.step(at(1), vec![pending(keyed(1)), pending(keyed(2))])), [1]);
    assert_eq!(core.queued(), 1);
    assert_eq!(claimed(&core.step(at(2), vec![free()])), [2]);
}

#[test]
fn a_key_that_another_holds_is_waited_for() {
    let mut core = core(4);
    core.step(at(1), vec![pending(keyed(1))]);
    let busy = || Input::ClaimsAnswered(vec![ClaimResult::KeyBusy(JobKey(1))]);
    assert!(claimed(&core.step(at(1), vec![busy()])).is_empty());
    assert_eq!(claimed(&core.step(at(2), vec![free()])), [1]);
    // This time the key becomes free before the answer that it is busy arrives.
    assert!(claimed(&core.step(at(3), vec![free()])).is_empty());
    assert_eq!(claimed(&core.step(at(3), vec![busy()])), [1], "the wake-up is not lost");
}

#[test]
fn a_claim_that_comes_to_nothing_lets_the_next_of_its_key_go() {
    let mut core = core(4);
    core.step(at(1), vec![pending(keyed(1)), pending(keyed(2))]);
    assert_eq!(claimed(&core.step(at(1), vec![gone(1)])), [2]);
}

#[test]
fn claims_that_the_store_refused_are_tried_again_after_a_rest() {
    let mut core = core(1);
    let step = core.step(at(1), vec![pending(job(1, 1))]);
    let Some(Effect::Claim(requests)) = step.effects.into_iter().next() else { panic!("no claim") };
    let step = core.step(at(1), vec![Input::ClaimsFailed(requests)]);
    assert!(claimed(&step).is_empty());
    assert_eq!(step.wake_at, Some(wall(1).saturating_add(CLAIM_BACKOFF)));
    assert_eq!(claimed(&core.step(at(2), vec![])), [1], "its slot is free again");
}

#[test]
fn a_step_of_the_clock_pauses_claiming_until_it_has_held_for_a_minute() {
    let mut core = core(4);
    core.step(at(1), vec![pending(job(1, 4_000))]);
    let jumped = |boot| Now { wall: wall(boot + 4_000), boot: at(boot).boot };
    let step = core.step(jumped(2), vec![]);
    assert!(step.effects.contains(&Effect::ClockStepped { jumped_us: 4_000_000_000 }));
    assert!(claimed(&step).is_empty());
    assert!(core.paused(jumped(2)).is_some());
    assert!(claimed(&core.step(jumped(61), vec![])).is_empty());
    assert_eq!(claimed(&core.step(jumped(62), vec![])), [1]);
    assert_eq!(core.paused(jumped(62)), None);
}

#[test]
fn a_clock_set_back_does_not_start_a_job_early_or_twice() {
    let mut core = core(4);
    core.step(at(4_000), vec![pending(job(1, 4_000)), pending(job(2, 4_010))]);
    let back = |boot| Now { wall: wall(boot - 3_600), boot: at(boot).boot };
    core.step(back(4_020), vec![]);
    assert!(claimed(&core.step(back(4_100), vec![])).is_empty());
    assert_eq!(claimed(&core.step(back(7_610), vec![])), [2], "by the clock as it is now");
}

#[test]
fn an_alarm_rings_once_at_its_time() {
    let mut core = core(1);
    let step = core.step(at(1), vec![Input::SetAlarm(Alarm::Holds, wall(5))]);
    assert_eq!(step.wake_at, Some(wall(5)));
    assert_eq!(core.step(at(5), vec![]).effects, [Effect::Ring(Alarm::Holds)]);
    assert_eq!(core.step(at(6), vec![]).effects, []);
}

#[test]
fn a_stop_lets_claims_on_their_way_be_answered_and_starts_nothing_more() {
    let mut core = core(4);
    core.step(at(1), vec![pending(job(1, 1))]);
    assert_eq!(core.step(at(1), vec![Input::Stop, pending(job(2, 1))]).effects, []);
    assert_eq!(core.step(at(1), vec![gone(1)]).effects, [Effect::Quiet]);
    assert!(core.paused(at(1)).is_some());
}

/// The load that a step asks for.
fn load_of(step: &Step) -> WindowLoad {
    let load = step.effects.iter().find_map(|effect| match effect {
        Effect::LoadWindow(load) => Some(load.clone()),
        _ => None,
    });
    load.unwrap_or_else(|| panic!("{:?}", step.effects))
}

#[test]
fn after_the_database_was_opened_anew_everything_is_read_again() {
    let mut core = core(4);
    core.step(at(1), vec![pending(job(1, 10))]);
    let load = load_of(&core.step(at(2), vec![Input::Reload]));
    assert_eq!(load.after, None);
    // Job 2 was committed, but nobody was told.
    let jobs = vec![job(1, 10), job(2, 10)];
    core.step(at(3), vec![Input::WindowLoaded { load: load.clone(), jobs }]);
    assert_eq!(claimed(&core.step(at(10), vec![])), [1, 2]);
    let load = load_of(&core.step(at(10), vec![Input::Reload]));
    core.step(at(10), vec![Input::WindowLoaded { load: load.clone(), jobs: vec![job(1, 10)] }]);
    assert!(claimed(&core.step(at(10), vec![])).is_empty(), "its claim is still on its way");
}

#[test]
fn a_backlog_is_bounded_in_memory_and_worked_off_to_its_end() {
    let mut core = core(1);
    let due_max = Limits::default().due_max;
    let count = 3 * due_max;
    let mut claims = Vec::new();
    let mut in_store: BTreeMap<(Timestamp, JobKey), PendingJob> = BTreeMap::new();
    for key in 1..=i64::try_from(count).unwrap() {
        in_store.insert((wall(1), JobKey(key)), job(key, 1));
    }
    let commits = in_store.values().cloned().map(Change::Pending).collect();
    let mut inputs = vec![Input::Committed(commits)];
    while claims.len() < count {
        let step = core.step(at(2), inputs);
        inputs = Vec::new();
        assert!(core.queued() <= due_max);
        for effect in step.effects {
            match effect {
                Effect::LoadWindow(load) => {
                    let after = load.after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
                    let range = in_store.range((after, std::ops::Bound::Unbounded));
                    let jobs = range.take(load.limit).map(|(_, job)| job.clone()).collect();
                    inputs.push(Input::WindowLoaded { load, jobs });
                }
                Effect::Claim(requests) => {
                    for request in requests {
                        in_store.remove(&(request.due_at, request.job));
                        claims.push(request.job);
                        inputs.push(gone(request.job.0));
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!inputs.is_empty() || claims.len() == count, "stuck after {} of {count}", claims.len());
    }
    assert!(claims.is_sorted(), "in the order of their age");
}

#[test]
fn the_next_in_line_for_a_key_is_not_stopped_by_one_that_left() {
    let mut core = core(4);
    let inputs = [keyed(1), keyed(2), keyed(3), keyed(4)].into_iter().map(pending).collect();
    assert_eq!(claimed(&core.step(at(1), inputs)), [1]);
    // Nothing can be claimed for a moment, so that the next in line stays where it can be cancelled.
    core.step(at(2), vec![Input::ClaimsFailed(Vec::new()), free()]);
    core.step(at(2), vec![Input::Committed(vec![Change::NotPending(JobKey(2))])]);
    assert_eq!(claimed(&core.step(at(3), vec![])), [3]);
    assert_eq!(core.queued(), 1);
}

#[test]
fn a_job_that_cannot_be_read_does_not_stop_others() {
    let mut core = core(1);
    assert_eq!(claimed(&core.step(at(1), vec![pending(job(1, 1)), pending(job(2, 1))])), [1]);
    let unreadable = Input::ClaimsAnswered(vec![ClaimResult::Unreadable(JobKey(1))]);
    assert_eq!(claimed(&core.step(at(1), vec![unreadable])), [2]);
}

#[test]
fn a_commit_itself_tells_of_a_cancel_and_of_a_hold_that_ends() {
    let mut core = core(4);
    let attempt = CancelledAttempt { job: JobId::generate(base(), &Zeros), run: 1, attempt: 0 };
    let changes = vec![Change::HoldEnds(wall(5)), Change::Cancelled(attempt)];
    assert_eq!(core.step(at(1), vec![Input::Committed(changes)]).effects, [Effect::Cancel(attempt)]);
    assert_eq!(core.step(at(5), vec![]).effects, [Effect::Ring(Alarm::Holds)]);
}

#[test]
fn after_commits_may_have_been_missed_cancels_and_holds_are_looked_for() {
    let effects = core(4).step(at(1), vec![Input::Reload]).effects;
    assert!(effects.contains(&Effect::FindCancelled) && effects.contains(&Effect::Ring(Alarm::Holds)));
}
