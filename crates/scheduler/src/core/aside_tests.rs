//! Many due jobs that wait for a type's limit or for a key: they keep no other job from starting, and all of them
//! have their turn.

use super::tests::{at, job, pending, slots, wall, zeros};
use super::*;
use oneoff_fakes::SeededRandom;
use std::collections::BTreeSet;
use std::ops::Bound;

const LIMITS: Limits = Limits {
    claim_batch: 8,
    due_max: 40,
    type_line_max: 10,
    key_lines_max: 40,
    window_load: 20,
    window_max: 60,
};
/// More than fit into memory.
pub(super) const MANY: i64 = 500;
/// Two of them have two slots of the four.
const KEY_LINE_MAX: usize = 10;

struct Dice(SeededRandom);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    fn below(&self, end: u64) -> u64 {
        self.0.next_u64() % end
    }
}

/// The core, the jobs that wait in the store, and the claims that were not answered: those jobs run.
pub(super) struct Machine {
    pub(super) core: Core,
    waiting: BTreeMap<(Timestamp, JobKey), PendingJob>,
    pub(super) running: BTreeSet<i64>,
    pub(super) started: Vec<i64>,
    pub(super) inputs: Vec<Input>,
    pub(super) most_in_memory: usize,
    pub(super) now: Now,
    reads_fail: bool,
    reads_take_long: bool,
    late: Option<Input>,
}

impl Machine {
    /// With four slots, of which one is for jobs of the type `narrow`.
    pub(super) fn new(jobs: impl IntoIterator<Item = PendingJob>) -> Self {
        let type_limits = BTreeMap::from([("narrow".to_owned(), 1)]);
        let waiting = jobs.into_iter().map(|job| ((job.due_at, job.key), job));
        Self {
            core: Core::with_limits(SlotCounts { by_type: type_limits, ..slots(4) }, zeros(), LIMITS),
            waiting: waiting.collect(),
            running: BTreeSet::new(),
            started: Vec::new(),
            inputs: Vec::new(),
            most_in_memory: 0,
            now: at(100),
            reads_fail: false,
            reads_take_long: false,
            late: None,
        }
    }

    /// Steps until nothing follows any more.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let step = self.core.step(self.now, std::mem::take(&mut self.inputs));
            self.most_in_memory = self.most_in_memory.max(self.core.queued());
            step.effects.into_iter().for_each(|effect| self.carry_out(effect));
            if self.inputs.is_empty() && step.wake_at.is_none_or(|wake| wake > self.now.wall) {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::LoadWindow(_) if self.reads_fail => self.inputs.push(Input::WindowFailed),
            Effect::LoadWindow(load) => {
                let jobs = self.read(&load);
                let answer = Input::WindowLoaded { load, jobs };
                if self.reads_take_long { self.late = Some(answer) } else { self.inputs.push(answer) }
            }
            Effect::Claim(requests) => {
                for request in requests {
                    let key = request.job.0;
                    assert!(self.waiting.remove(&(request.due_at, request.job)).is_some(), "{key} twice");
                    self.running.insert(key);
                    self.started.push(key);
                    self.inputs.push(Input::Committed(vec![Change::NotPending(request.job)]));
                }
            }
            Effect::SlotsChanged(_) | Effect::Ring(Alarm::Retention) => {}
            other => panic!("{other:?}"),
        }
    }

    fn read(&self, load: &WindowLoad) -> Vec<PendingJob> {
        let after = load.after.map_or(Bound::Unbounded, Bound::Excluded);
        let until = Bound::Included((load.until, JobKey(i64::MAX)));
        self.waiting.range((after, until)).take(load.limit).map(|(_, job)| job.clone()).collect()
    }

    pub(super) fn create(&mut self, job: PendingJob) {
        self.waiting.insert((job.due_at, job.key), job.clone());
        self.inputs.push(pending(job));
        self.settle();
    }

    /// Ends the waiting of a job.
    fn cancel(&mut self, place: (Timestamp, JobKey)) {
        self.waiting.remove(&place);
        self.inputs.push(Input::Committed(vec![Change::NotPending(place.1)]));
        self.settle();
    }

    fn answer_late(&mut self) {
        self.inputs.extend(self.late.take());
        self.settle();
    }

    pub(super) fn end(&mut self, key: i64) {
        assert!(self.running.remove(&key));
        self.inputs.push(super::tests::gone(key));
        self.settle();
    }

    /// Ends what runs, the first of them first, until nothing does.
    pub(super) fn work_off(&mut self) {
        while let Some(key) = self.running.first().copied() {
            self.end(key);
        }
    }
}

fn narrow(key: i64) -> PendingJob {
    PendingJob { job_type: "narrow".to_owned(), ..job(key, 1) }
}

fn keyed(key: i64, of: &str) -> PendingJob {
    PendingJob { concurrency_key: Some(of.to_owned()), ..job(key, 1) }
}

#[test]
fn jobs_behind_many_that_wait_for_the_limit_of_their_type_start() {
    let mut machine = Machine::new((1..=MANY).map(narrow).chain([job(MANY + 1, 2), job(MANY + 2, 3)]));
    machine.settle();
    assert_eq!(machine.started, [1, MANY + 1, MANY + 2]);
    assert!(machine.most_in_memory <= LIMITS.due_max, "{} in memory", machine.most_in_memory);
}

#[test]
fn jobs_behind_many_that_wait_for_a_key_start() {
    let red = (1..=MANY).map(|key| keyed(key, "red"));
    let mut machine = Machine::new(red.chain([keyed(MANY + 1, "blue"), job(MANY + 2, 3)]));
    machine.settle();
    assert_eq!(machine.started, [1, MANY + 1, MANY + 2]);
    assert!(machine.most_in_memory <= LIMITS.due_max, "{} in memory", machine.most_in_memory);
}

#[test]
fn all_that_waited_for_a_limit_or_a_key_have_their_turn() {
    let of_three = |key: i64| match key % 3 {
        0 => narrow(key),
        1 => keyed(key, "red"),
        _ => PendingJob { job_type: "narrow".to_owned(), ..keyed(key, "blue") },
    };
    let mut machine = Machine::new((1..=MANY).map(of_three));
    machine.settle();
    machine.work_off();
    machine.started.sort_unstable();
    assert_eq!(machine.started, (1..=MANY).collect::<Vec<_>>());
    let bound = LIMITS.due_max + LIMITS.type_line_max + LIMITS.key_lines_max;
    assert!(machine.most_in_memory <= bound, "{} in memory", machine.most_in_memory);
}

#[test]
fn the_next_of_a_key_starts_although_none_of_it_is_in_memory() {
    let red = (1..=MANY).map(|key| keyed(key, "red"));
    let blue = (MANY + 1..=MANY + 30).map(|key| keyed(key, "blue"));
    let mut machine = Machine::new(red.chain(blue));
    machine.settle();
    for key in MANY + 1..MANY + 30 {
        assert!(machine.running.contains(&key), "{key} does not run");
        machine.end(key);
    }
    assert_eq!(machine.running, BTreeSet::from([1, MANY + 30]));
}

#[test]
fn whatever_is_created_cancelled_and_read_meanwhile_all_have_their_turn_and_none_that_may_not() {
    for seed in 0..300 {
        let dice = Dice::new(seed);
        let mix = dice.below(4);
        let one = |key: i64| {
            let word = dice.below(if mix == 3 { 40 } else { 5 });
            let place = job(key, dice.below(30));
            let key = (word > 1).then(|| ["red", "blue", "green"][usize::try_from(dice.below(3)).unwrap()]);
            let job_type = if mix == 0 || word % 2 == mix % 2 { "narrow" } else { "fake" };
            PendingJob { job_type: job_type.to_owned(), concurrency_key: key.map(str::to_owned), ..place }
        };
        let mut machine = Machine::new((1..=200).map(one));
        let (mut created, mut cancelled) = (200, 0);
        machine.settle();
        for _ in 0..400 {
            machine.reads_take_long = dice.below(2) == 0;
            match dice.below(8) {
                0 => machine.answer_late(),
                1 if dice.below(3) == 0 => {
                    created += 1;
                    machine.create(one(created));
                }
                2 if dice.below(3) == 0 => {
                    let nth = usize::try_from(dice.below(100)).unwrap();
                    if let Some(place) = machine.waiting.keys().nth(nth).copied() {
                        cancelled += 1;
                        machine.cancel(place);
                    }
                }
                _ => {
                    let nth = usize::try_from(dice.below(4)).unwrap();
                    if let Some(key) = machine.running.iter().nth(nth).copied() {
                        machine.end(key);
                    }
                }
            }
        }
        machine.reads_take_long = false;
        machine.answer_late();
        machine.work_off();
        let started = i64::try_from(machine.started.len()).unwrap();
        assert_eq!((machine.waiting.len(), started), (0, created - cancelled), "seed {seed}");
    }
}

#[test]
fn a_load_that_fails_is_made_up_for() {
    let mut machine = Machine::new((1..=MANY).map(narrow));
    machine.settle();
    machine.reads_fail = true;
    machine.work_off();
    assert!(!machine.waiting.is_empty(), "it is there without having been read");
    machine.reads_fail = false;
    machine.now = at(102);
    machine.settle();
    machine.work_off();
    assert!(machine.waiting.is_empty(), "{} never started", machine.waiting.len());
}

#[test]
fn lines_of_keys_share_what_may_be_kept_of_them() {
    assert_eq!(LIMITS.key_lines_max / 4, KEY_LINE_MAX);
    let red = (1..=MANY).map(|key| keyed(key, "red"));
    let mut machine = Machine::new(red);
    machine.settle();
    assert_eq!(machine.core.queued(), KEY_LINE_MAX);
}

#[test]
fn a_load_knows_nothing_of_what_was_left_out_while_it_was_under_way() {
    let (after, end, horizon) = ((wall(1), JobKey(1)), (wall(10), JobKey(1)), (wall(20), JobKey(1)));
    for (is_loading, expected) in [(true, (wall(5), JobKey(6))), (false, end)] {
        let mut aside = aside::Aside::default();
        aside.leave_out(Line::Type("narrow".to_owned()), &job(7, 5), is_loading);
        aside.read(after, end);
        aside.settle(Some(horizon));
        assert_eq!(aside.first_short(|_line| true), Some(expected));
    }
}
