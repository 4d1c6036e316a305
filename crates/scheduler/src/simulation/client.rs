//! The clients of a history: what they ask for, and what they may conclude from the answers.

use super::dice::Dice;
use super::many::Many;
use super::plan::{JOB_TYPES, KEYS, Plan};
use super::violation::{Violation, ensure};
use crate::{JobDraft, JobPatch, Schedule, ServiceError};
use oneoff_domain::{Actor, Context, HoldReason, IdempotencyKey, Job, JobId, OnCrash, Timestamp};
use oneoff_storage::{BulkOutcome, Store, StoreError};
use serde_json::Map;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a client repeats a request.
const REPEATS_FOR_US: u64 = 6 * 3600 * 1_000_000;
/// How long a repeated request must not act again, whatever the clock is set to: a clock is not trusted for a day.
const KEPT_FOR_US: u64 = 20 * 3600 * 1_000_000;

/// Something to be asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    Create(Box<JobDraft>),
    CreateMany(Many),
    Cancel(JobId),
    Execute(JobId),
    Move(JobId, Schedule),
    Priority(JobId, i64),
    Hold(JobId, Option<Schedule>),
    Release(JobId),
    /// All that is held by hand.
    ReleaseAll,
    Delete(JobId),
    /// Nobody asks for it, but the server does it beside everything else.
    FillSearch,
}

/// What was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// The job, and whether it is the answer to an earlier request.
    One(Box<Job>, bool),
    Many(Vec<BulkOutcome>),
    Done,
}

/// What clients asked for to be created under one name.
#[derive(Debug)]
pub(super) struct Wish {
    /// `None` of one that was asked for with others.
    draft: Option<Box<JobDraft>>,
    key: Option<String>,
    asked_at_us: u64,
    /// Whether an answer left it open that the job was made.
    is_open: bool,
    /// Requests that are on their way or whose answer died with a server.
    made: Option<JobId>,
}

impl Wish {
    /// One of several that are asked for together. Only a refusal of them all, or of this one, is the last word.
    pub(super) fn of_many(asked_at_us: u64) -> Self {
        Self { draft: None, key: None, asked_at_us, is_open: true, made: None }
    }
}

/// The clients.
#[derive(Debug, Default)]
pub(super) struct Clients {
    pub(super) many: Vec<Many>,
    pub(super) wishes: BTreeMap<String, Wish>,
    /// The jobs that they know of.
    known: Vec<JobId>,
    /// The jobs that were made, by name.
    pub(super) found: BTreeMap<String, JobId>,
}

impl Clients {
    /// The next request. `now` is the wall time, `passed_us` the time since the beginning.
    pub(super) fn next(
        &mut self,
        dice: &Dice,
        plan: &Plan,
        now: Timestamp,
        passed_us: u64,
    ) -> (Request, Context) {
        let context = Context::new(Actor::Local);
        match dice.within(0..25) {
            0..3 => return self.create_many(dice, plan, now, passed_us),
            3..5 => return (Request::FillSearch, context),
            5 => return (Request::ReleaseAll, context),
            _ => {}
        }
        let target = dice.pick(&self.known).copied();
        let Some(target) = target.filter(|_| dice.chance(550)) else {
            return self.create(dice, plan, now, passed_us);
        };
        let request = match dice.within(0..20) {
            0..5 => Request::Cancel(target),
            5..7 => Request::Execute(target),
            7..11 => Request::Move(target, schedule(dice, now)),
            11..13 => Request::Priority(target, i64::try_from(dice.within(1..11)).unwrap_or(5)),
            13..16 => Request::Hold(target, dice.chance(600).then(|| later(dice, now))),
            16..19 => Request::Release(target),
            _ => Request::Delete(target),
        };
        (request, context)
    }

    fn create(&mut self, dice: &Dice, plan: &Plan, now: Timestamp, passed_us: u64) -> (Request, Context) {
        let names: Vec<&String> = self.wishes.keys().collect();
        if dice.chance(150)
            && let Some(name) = dice.pick(&names).map(|name| (*name).clone())
        {
            let wish = self.wishes.get(&name).filter(|wish| self.is_repeated(wish.asked_at_us, passed_us));
            if let Some(Wish { draft: Some(draft), key: Some(key), .. }) = wish {
                return (Request::Create(draft.clone()), with_key(key));
            }
        }
        let name = format!("job {}", self.wishes.len());
        let key = dice.chance(500).then(|| format!("key of {name}"));
        let draft = Box::new(draft(dice, plan, name.clone(), now));
        let context = key.as_deref().map_or_else(|| Context::new(Actor::Local), with_key);
        let wish =
            Wish { draft: Some(draft.clone()), key, asked_at_us: passed_us, is_open: true, made: None };
        self.wishes.insert(name, wish);
        (Request::Create(draft), context)
    }

    /// A request to create was answered.
    pub(super) fn answered(
        &mut self,
        name: &str,
        answer: Result<&Job, &ServiceError>,
        passed_us: u64,
    ) -> Result<(), Violation> {
        match answer {
            Ok(job) => {
                ensure(job.definition.name == name, "an answer is about what was asked", || {
                    format!("{name}: {job:?}")
                })?;
                self.told(name, job.id, passed_us)
            }
            Err(error) => {
                let has_key = self.wishes.get(name).is_some_and(|wish| wish.key.is_some());
                if !may_be_done(error) {
                    self.refused(name, has_key);
                }
                Ok(())
            }
        }
    }

    /// Somebody was told that what was asked for under this name is this job.
    pub(super) fn told(&mut self, name: &str, id: JobId, passed_us: u64) -> Result<(), Violation> {
        let Some(wish) = self.wishes.get_mut(name) else { return Ok(()) };
        let is_forgotten = passed_us > wish.asked_at_us.saturating_add(KEPT_FOR_US);
        let other = wish.made.replace(id).filter(|made| *made != id);
        ensure(other.is_none() || is_forgotten, "a repeated request does not act again", || {
            format!("{name} is {other:?} and {id}")
        })?;
        if !self.known.contains(&id) {
            self.known.push(id);
        }
        Ok(())
    }

    /// Somebody was told that it was not made. Without a key nobody else asks for it, so that is the last word.
    pub(super) fn refused(&mut self, name: &str, has_key: bool) {
        if let Some(wish) = self.wishes.get_mut(name) {
            wish.is_open = has_key;
        }
    }

    /// Whether a request is repeated that was first asked then.
    pub(super) fn is_repeated(&self, asked_at_us: u64, passed_us: u64) -> bool {
        passed_us < asked_at_us + REPEATS_FOR_US
    }

    /// A job was made, as the store has it.
    pub(super) fn made(&mut self, job: &Job, passed_us: u64) -> Result<(), Violation> {
        let name = &job.definition.name;
        let Some(wish) = self.wishes.get(name) else {
            return Err(Violation::new("nothing is made that nobody asked for", format!("{job:?}")));
        };
        let is_forgotten = passed_us > wish.asked_at_us.saturating_add(KEPT_FOR_US);
        ensure(wish.is_open, "what was refused is not done", || format!("{name} is there as {}", job.id))?;
        ensure(
            is_forgotten || wish.made.is_none_or(|made| made == job.id),
            "a repeated request does not act again",
            || format!("{name} is {:?} and {}", wish.made, job.id),
        )?;
        let twin = self.found.insert(name.clone(), job.id);
        ensure(is_forgotten || twin.is_none(), "a repeated request does not act again", || {
            format!("{name} is {twin:?} and {}", job.id)
        })?;
        if !self.known.contains(&job.id) {
            self.known.push(job.id);
        }
        Ok(())
    }

    /// The jobs of which somebody was told.
    pub(super) fn promised(&self) -> impl Iterator<Item = JobId> {
        self.wishes.values().filter_map(|wish| wish.made)
    }
}

/// Whether a request that was answered so may have taken effect.
fn may_be_done(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Store(StoreError::OutcomeUnknown(_)))
}

fn with_key(key: &str) -> Context {
    let key = IdempotencyKey { key: key.to_owned(), fingerprint: "the same".to_owned() };
    Context { idempotency_key: Some(key), ..Context::new(Actor::Local) }
}

fn at(instant: Timestamp) -> Schedule {
    Schedule { allow_past: true, ..Schedule::at(instant.to_string()) }
}

/// A time to start: mostly soon, sometimes long ago or in years.
fn schedule(dice: &Dice, now: Timestamp) -> Schedule {
    let seconds = |range| Duration::from_secs(dice.spread(range));
    at(match dice.within(0..20) {
        0..4 => now,
        4..10 => now.saturating_add(Duration::from_micros(dice.spread(1..60_000_000))),
        10..15 => now.saturating_add(seconds(1..3600)),
        15..17 => now.saturating_add(seconds(3600..86_400)),
        17 => now.saturating_add(seconds(86_400..300_000_000)),
        _ => now.saturating_sub(seconds(1..100_000)),
    })
}

fn later(dice: &Dice, now: Timestamp) -> Schedule {
    at(now.saturating_add(Duration::from_secs(dice.spread(1..20_000))))
}

pub(super) fn draft(dice: &Dice, plan: &Plan, name: String, now: Timestamp) -> JobDraft {
    let job_type = dice.pick(&JOB_TYPES).copied().unwrap_or_default();
    let held = dice.chance(60);
    let key = dice.chance(plan.keyed_per_mille).then(|| dice.pick(&KEYS).copied().unwrap_or_default());
    JobDraft {
        name: Some(name),
        priority: Some(i64::try_from(dice.within(1..11)).unwrap_or(5)),
        max_retries: Some(i64::try_from(dice.within(0..4)).unwrap_or(0)),
        retry_delay_seconds: Some(i64::try_from(dice.spread(1..600)).unwrap_or(1)),
        max_lateness_seconds: dice.chance(250).then(|| i64::try_from(dice.spread(1..7200)).unwrap_or(1)),
        on_crash: Some(if dice.chance(500) { OnCrash::Retry } else { OnCrash::Fail }),
        concurrency_key: key.map(str::to_owned),
        held,
        ..JobDraft::new(job_type, Map::new(), schedule(dice, now))
    }
}

/// Turns a request into the call of the service that answers it.
pub(super) async fn ask(
    service: crate::Service,
    store: Store,
    context: Context,
    request: Request,
) -> Result<Answer, ServiceError> {
    let written = match request {
        Request::CreateMany(Many { drafts, atomic, .. }) => {
            let planned = match atomic {
                true => service.plan_all(&context, drafts),
                false => service.plan_each(&context, drafts.into_iter().map(Ok).collect()),
            };
            return Ok(Answer::Many(service.create_planned(context, planned).await?.value));
        }
        Request::ReleaseAll => {
            service.release_held(context, HoldReason::Manual).await?;
            return Ok(Answer::Done);
        }
        Request::FillSearch => {
            while store.fill_search().await?.more || store.merge_search().await? {}
            return Ok(Answer::Done);
        }
        Request::Create(draft) => service.create_job(context, *draft).await?,
        Request::Cancel(id) => service.cancel_job(context, id).await?,
        Request::Execute(id) => service.execute_job(context, id).await?,
        Request::Hold(id, until) => service.hold_job(context, id, HoldReason::Manual, until).await?,
        Request::Release(id) => service.release_job(context, id, HoldReason::Manual).await?,
        Request::Move(id, schedule) => {
            let patch = JobPatch { schedule: Some(schedule), ..JobPatch::default() };
            return Ok(Answer::One(Box::new(service.update_job(context, id, patch).await?), false));
        }
        Request::Priority(id, priority) => {
            let patch = JobPatch { priority: Some(Some(priority)), ..JobPatch::default() };
            return Ok(Answer::One(Box::new(service.update_job(context, id, patch).await?), false));
        }
        Request::Delete(id) => {
            return Ok(Answer::One(Box::new(service.delete_job(context, id).await?), false));
        }
    };
    Ok(Answer::One(Box::new(written.value), written.replayed))
}
