//! Paused projects and settings that change while jobs wait and run.

use super::aside_tests::{MANY, Machine};
use super::tests::{at, claimed, core, job, pending};
use super::*;
use oneoff_domain::LiveSettings;

/// The catalog of this version in which these projects are paused.
fn paused(version: i64, projects: &[&str]) -> Input {
    changed(version, projects, LiveSettings::default())
}

fn changed(version: i64, projects: &[&str], live: LiveSettings) -> Input {
    let paused = projects.iter().map(|id| (*id).to_owned()).collect();
    let catalog = Catalog { version, paused, live, ..Catalog::default() };
    Input::Committed(vec![Change::Catalog(Arc::new(catalog))])
}

fn of(project: &str, key: i64, due_seconds: u64) -> PendingJob {
    PendingJob { project_id: project.to_owned(), ..job(key, due_seconds) }
}

#[test]
fn nothing_of_a_paused_project_is_asked_for_and_all_of_it_when_it_is_resumed() {
    let mut machine = Machine::new((1..=MANY).map(|key| of("p", key, 1)));
    machine.inputs.push(paused(1, &["p"]));
    machine.settle();
    assert_eq!((machine.started.len(), machine.core.queued()), (0, 0));
    machine.create(of("q", MANY + 1, 1));
    assert_eq!(machine.started, [MANY + 1], "another project is not touched");
    // Time passes, and nothing is looked at for it.
    machine.now = at(500);
    let step = machine.core.step(machine.now, Vec::new());
    assert!(step.effects.iter().all(|effect| !matches!(effect, Effect::LoadWindow(_))), "{step:?}");
    assert!(step.wake_at.is_none_or(|wake| wake > machine.now.wall), "it does not spin");
    machine.inputs.push(paused(2, &[]));
    machine.settle();
    machine.work_off();
    assert_eq!(machine.started.len(), usize::try_from(MANY).unwrap() + 1);
}

#[test]
fn what_is_due_when_its_project_is_paused_stays_and_what_runs_goes_on() {
    let mut core = core(1);
    let jobs = [of("p", 1, 1), of("p", 2, 1), of("q", 3, 2)].map(pending);
    assert_eq!(claimed(&core.step(at(5), jobs.into())), [1]);
    core.step(at(5), vec![paused(1, &["p"])]);
    assert_eq!(core.queued(), 1, "the job of the other project waits for the slot");
    let refused = Input::ClaimsAnswered(vec![ClaimResult::Paused(JobKey(1))]);
    assert_eq!(
        claimed(&core.step(at(6), vec![refused])),
        [3],
        "what the store refuses is not asked for again"
    );
}

#[test]
fn a_refusal_that_is_older_than_the_resumption_does_not_keep_a_job() {
    let mut core = core(4);
    assert_eq!(claimed(&core.step(at(5), vec![pending(of("p", 1, 1))])), [1]);
    core.step(at(5), vec![paused(1, &["p"])]);
    core.step(at(5), vec![paused(2, &[])]);
    let refused = Input::ClaimsAnswered(vec![ClaimResult::Paused(JobKey(1))]);
    assert_eq!(claimed(&core.step(at(6), vec![refused])), [1]);
}

#[test]
fn older_news_do_not_pause_a_project_again() {
    let mut core = core(4);
    core.step(at(1), vec![paused(3, &[])]);
    core.step(at(1), vec![paused(2, &["p"])]);
    assert_eq!(claimed(&core.step(at(5), vec![pending(of("p", 1, 1))])), [1]);
}

#[test]
fn a_job_of_a_paused_project_does_not_keep_others_from_its_key() {
    let mut core = core(4);
    let keyed =
        |project: &str, key| PendingJob { concurrency_key: Some("k".to_owned()), ..of(project, key, 1) };
    let first = claimed(&core.step(at(5), vec![pending(keyed("q", 1))]));
    core.step(at(5), vec![pending(keyed("p", 2)), pending(keyed("q", 3))]);
    core.step(at(5), vec![paused(1, &["p"])]);
    let free = Input::Committed(vec![Change::NotPending(JobKey(1)), Change::KeyFree("k".to_owned())]);
    let answered = Input::ClaimsAnswered(vec![ClaimResult::Gone(JobKey(1))]);
    let next = claimed(&core.step(at(6), vec![answered, free]));
    assert_eq!((first, next), (vec![1], vec![3]));
}

#[test]
fn more_slots_are_used_at_once_and_fewer_when_what_runs_has_ended() {
    let workers = |version, count| {
        changed(version, &[], LiveSettings { workers_count: Some(count), ..LiveSettings::default() })
    };
    let mut core = core(1);
    let jobs = (1..=4).map(|key| pending(job(key, 1))).collect();
    assert_eq!(claimed(&core.step(at(5), jobs)), [1]);
    assert_eq!(claimed(&core.step(at(5), vec![workers(1, 3)])), [2, 3]);
    let step = core.step(at(5), vec![workers(2, 1)]);
    assert!(
        step.effects.iter().any(|effect| matches!(effect, Effect::SlotsChanged(counts) if counts.total == 1))
    );
    let gone = |key| Input::ClaimsAnswered(vec![ClaimResult::Gone(JobKey(key))]);
    assert!(claimed(&core.step(at(5), vec![gone(1), gone(2)])).is_empty(), "one still runs in the only slot");
    assert_eq!(claimed(&core.step(at(5), vec![gone(3)])), [4]);
}

#[test]
fn reserved_slots_are_for_urgent_jobs_and_one_is_left_for_others() {
    let reserved = |version, slots| {
        changed(version, &[], LiveSettings { reserved_slots: Some(slots), ..LiveSettings::default() })
    };
    let mut core = core(3);
    core.step(at(1), vec![reserved(1, 2)]);
    let urgent = |key| PendingJob { priority: 8, ..job(key, 2) };
    assert_eq!(claimed(&core.step(at(5), vec![pending(job(1, 1)), pending(job(2, 1))])), [1]);
    assert_eq!(
        claimed(&core.step(at(5), vec![pending(urgent(3)), pending(urgent(4)), pending(urgent(5))])),
        [3, 4]
    );
    let ended = Input::AttemptEnded { job_type: "fake".to_owned(), priority: 8 };
    assert_eq!(
        claimed(&core.step(at(5), vec![ended])),
        [5],
        "the slot of an urgent one is not for the others"
    );
    core.step(at(5), vec![reserved(2, 99)]);
    let usual_ended = Input::AttemptEnded { job_type: "fake".to_owned(), priority: 5 };
    assert_eq!(claimed(&core.step(at(5), vec![usual_ended])), [2], "one slot is always for all");
}

#[test]
fn limits_of_types_change_while_jobs_wait() {
    let limits = |version, limit: Option<usize>| {
        let type_limits = limit.map(|limit| BTreeMap::from([("fake".to_owned(), limit)]));
        let live = LiveSettings { type_limits, ..LiveSettings::default() };
        changed(version, &[], live)
    };
    let mut core = core(4);
    core.step(at(1), vec![limits(1, Some(1))]);
    let jobs = (1..=4).map(|key| pending(job(key, 1))).collect();
    assert_eq!(claimed(&core.step(at(5), jobs)), [1]);
    assert_eq!(claimed(&core.step(at(5), vec![limits(2, Some(2))])), [2]);
    assert_eq!(
        claimed(&core.step(at(5), vec![limits(3, None)])),
        [3, 4],
        "without a stored one there is none"
    );
}
