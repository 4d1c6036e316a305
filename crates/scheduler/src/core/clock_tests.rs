//! The core under a wall clock that is set: nothing starts early, nothing is removed in haste, nothing waits for ever.

use super::clock_watch::TRUST;
use super::tests::{at, base, claimed, core, ended, gone, job, pending, slots, wall};
use super::*;

/// The clocks `boot_seconds` after the beginning, the wall shifted by so many seconds.
fn shifted(boot_seconds: u64, by_seconds: i64) -> Now {
    let now = at(boot_seconds);
    let shift = Duration::from_secs(by_seconds.unsigned_abs());
    let wall = if by_seconds < 0 { now.wall.saturating_sub(shift) } else { now.wall.saturating_add(shift) };
    Now { wall, ..now }
}

const TEN_YEARS: i64 = 10 * 365 * 24 * 3600;

#[test]
fn a_clock_that_was_far_ahead_for_a_moment_starts_nothing_early() {
    let mut core = core(4);
    core.step(at(1), vec![pending(job(1, 3_000)), pending(job(2, 7_000))]);
    let step = core.step(shifted(2, TEN_YEARS), vec![]);
    assert!(matches!(step.effects.first(), Some(Effect::ClockStepped { .. })), "{step:?}");
    assert_eq!(core.queued(), 0, "nothing counts as due while the clock is not trusted");
    core.step(at(30), vec![]);
    assert!(claimed(&core.step(at(95), vec![])).is_empty(), "their time has not come");
    assert_eq!(claimed(&core.step(at(3_000), vec![])), [1]);
    assert_eq!(claimed(&core.step(at(7_000), vec![])), [2]);
}

#[test]
fn what_was_due_and_waited_for_a_slot_waits_for_its_time_again() {
    let mut core = core(1);
    let urgent = PendingJob { priority: 9, ..job(2, 3_000) };
    assert_eq!(claimed(&core.step(at(3_000), vec![pending(job(1, 3_000)), pending(urgent)])), [2]);
    assert_eq!(core.queued(), 1);
    // Set back by four minutes, which is too little to be told of, and by an hour.
    assert!(claimed(&core.step(shifted(3_010, -240), vec![gone(2), ended()])).is_empty());
    assert_eq!(core.queued(), 0);
    assert!(claimed(&core.step(shifted(3_100, -3_600), vec![])).is_empty());
    assert!(claimed(&core.step(shifted(6_599, -3_600), vec![])).is_empty());
    let step = core.step(shifted(6_600, -3_600), vec![]);
    assert_eq!(claimed(&step), [1]);
}

#[test]
fn the_next_of_a_key_is_not_stopped_by_one_whose_time_is_ahead_again() {
    let keyed = |key, due| PendingJob { concurrency_key: Some("k".to_owned()), ..job(key, due) };
    let mut core = core(4);
    let late = PendingJob { priority: 9, ..keyed(2, 3_000) };
    let inputs = vec![pending(keyed(1, 2_000)), pending(late), pending(keyed(3, 2_100))];
    assert_eq!(claimed(&core.step(at(3_000), inputs)), [2]);
    let free = Input::Committed(vec![Change::KeyFree("k".to_owned()), Change::Pending(job(9, 9_000))]);
    core.step(
        at(3_001),
        vec![Input::Committed(vec![Change::Pending(PendingJob { priority: 10, ..keyed(4, 3_001) })])],
    );
    let step = core.step(shifted(3_002, -10), vec![gone(2), free]);
    assert_eq!(claimed(&step), [1], "job 4 is due in nine seconds and stands aside");
}

#[test]
fn rests_after_failures_do_not_grow_by_what_the_clock_is_set_back() {
    let mut core = core(1);
    let step = core.step(at(1_000), vec![pending(job(1, 1)), pending(job(2, 1))]);
    let Some(Effect::Claim(requests)) = step.effects.into_iter().next() else { panic!("no claim") };
    core.step(at(1_000), vec![Input::ClaimsFailed(requests)]);
    let step = core.step(shifted(1_001, -200), vec![]);
    assert_eq!(claimed(&step), [1], "half a second has passed, whatever the wall says");

    let mut core = Core::new(slots(1), super::tests::zeros());
    core.step(at(1_000), vec![]);
    let failed = core.step(at(1_000), vec![Input::WindowFailed]);
    assert!(failed.effects.is_empty());
    let step = core.step(shifted(1_001, -200), vec![]);
    assert!(matches!(step.effects.as_slice(), [Effect::LoadWindow(_)]), "{step:?}");
}

#[test]
fn no_hold_ends_while_the_clock_is_not_trusted_and_every_alarm_rings_after() {
    let mut core = core(1);
    core.step(at(1), vec![Input::SetAlarm(Alarm::Holds, wall(5_000))]);
    let ahead = |boot| shifted(boot, 6_000);
    let step = core.step(ahead(2), vec![Input::SetAlarm(Alarm::Holds, wall(6_000))]);
    assert!(!step.effects.contains(&Effect::Ring(Alarm::Holds)));
    assert_eq!(step.wake_at, Some(ahead(62).wall));
    assert!(core.step(ahead(61), vec![]).effects.is_empty());
    assert!(core.step(ahead(62), vec![]).effects.contains(&Effect::Ring(Alarm::Holds)));

    // Set back, the alarm would be years ahead; who set it looks again and sets it anew.
    core.step(ahead(70), vec![Input::SetAlarm(Alarm::Holds, ahead(100).wall)]);
    core.step(shifted(71, -TEN_YEARS), vec![]);
    assert!(core.step(shifted(131, -TEN_YEARS), vec![]).effects.contains(&Effect::Ring(Alarm::Holds)));
}

#[test]
fn nothing_is_removed_before_the_clock_has_held_for_a_day() {
    let rings =
        |core: &mut Core, now| core.step(now, vec![]).effects.contains(&Effect::Ring(Alarm::Retention));
    let day = TRUST.as_secs();
    let mut core = core(1);
    core.step(at(1), vec![Input::SetAlarm(Alarm::Retention, wall(3_600))]);
    assert!(!rings(&mut core, shifted(2, TEN_YEARS)));
    assert!(!rings(&mut core, shifted(1 + day, TEN_YEARS)));
    assert!(rings(&mut core, shifted(2 + day, TEN_YEARS)));

    let next = shifted(2 + day + 3_600, TEN_YEARS).wall;
    core.step(shifted(3 + day, TEN_YEARS), vec![Input::SetAlarm(Alarm::Retention, next)]);
    assert!(!rings(&mut core, shifted(4 + day, 0)), "the clock is set right");
    assert!(rings(&mut core, shifted(4 + 2 * day, 0)), "and what it says now counts, not what was planned");
}

#[test]
fn a_clock_that_is_doubted_from_the_start_stops_removal_and_nothing_else() {
    let mut core = core(1);
    let inputs = vec![Input::DoubtClock, Input::SetAlarm(Alarm::Retention, wall(1)), pending(job(1, 1))];
    let step = core.step(at(1), inputs);
    assert_eq!((claimed(&step), core.paused(at(1))), (vec![1], None));
    assert!(
        core.step(at(TRUST.as_secs()), vec![])
            .effects
            .iter()
            .all(|effect| !matches!(effect, Effect::Ring(_)))
    );
    assert!(core.step(at(TRUST.as_secs() + 1), vec![]).effects.contains(&Effect::Ring(Alarm::Retention)));
}

#[test]
fn an_alarm_can_be_brought_forward_but_not_put_off() {
    let mut core = core(1);
    core.step(at(1), vec![Input::SetAlarm(Alarm::Holds, wall(50))]);
    core.step(at(1), vec![Input::SetAlarm(Alarm::Holds, wall(5)), Input::SetAlarm(Alarm::Holds, wall(99))]);
    assert_eq!(core.step(at(5), vec![]).effects, [Effect::Ring(Alarm::Holds)]);
}

/// Steps, answers loads with what is due by then, and goes on until the core sleeps. Answers how long.
fn sleep_of(core: &mut Core, now: Now, jobs: &[PendingJob]) -> Option<Timestamp> {
    let mut inputs = Vec::new();
    for _ in 0..10 {
        let step = core.step(now, std::mem::take(&mut inputs));
        for effect in step.effects {
            let Effect::LoadWindow(load) = effect else { continue };
            let read = |job: &&PendingJob| {
                job.due_at <= load.until && load.after.is_none_or(|after| (job.due_at, job.key) > after)
            };
            let jobs = jobs.iter().filter(read).cloned().collect();
            inputs.push(Input::WindowLoaded { load, jobs });
        }
        if inputs.is_empty() {
            return step.wake_at;
        }
    }
    panic!("the core does not come to rest at {now:?}")
}

#[test]
fn what_is_due_in_years_or_at_the_end_of_time_does_not_keep_the_core_awake() {
    let far = |key, due_at| PendingJob { due_at, ..job(key, 0) };
    let three_years = wall(3 * 366 * 24 * 3_600);
    let jobs = [far(1, three_years), far(2, Timestamp::MAX)];
    let mut core = core(4);
    let news = jobs.iter().cloned().map(pending).collect();
    assert!(claimed(&core.step(at(1), news)).is_empty());
    let mut now = at(1);
    for _ in 0..100 {
        let wake = sleep_of(&mut core, now, &jobs).expect("it looks ahead again");
        assert!(wake >= now.wall.saturating_add(Duration::from_secs(1_800)), "{now:?} to {wake}");
        now = Now { wall: wake, boot: BootTime(wake.since(base())) };
    }
    assert_eq!(core.queued(), 0);
}

#[test]
fn a_clock_at_the_end_of_time_starts_the_last_jobs_and_comes_to_rest() {
    let last = PendingJob { due_at: Timestamp::MAX, ..job(1, 0) };
    let mut core = Core::new(slots(4), super::tests::zeros());
    let end = |boot| Now { wall: Timestamp::MAX, boot: at(boot).boot };
    sleep_of(&mut core, end(1), &[]);
    assert_eq!(claimed(&core.step(end(2), vec![pending(last)])), [1]);
    sleep_of(&mut core, end(3), &[]);
    let begin = Now { wall: Timestamp::MIN, boot: at(4).boot };
    sleep_of(&mut core, begin, &[]);
    sleep_of(&mut core, Now { wall: Timestamp::MAX, boot: at(5).boot }, &[]);
}
