//! Requests for many jobs at once, and what the clients may conclude from their answers.

use super::client::{Clients, Request, Wish, draft};
use super::dice::Dice;
use super::plan::Plan;
use super::violation::{Violation, ensure};
use crate::{JobDraft, ServiceError};
use oneoff_domain::{Actor, Context, IdempotencyKey, JobId, Timestamp};
use oneoff_storage::{BulkOutcome, StoreError};

/// Jobs that are asked for together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Many {
    /// Their number among such requests.
    number: usize,
    pub(super) drafts: Vec<JobDraft>,
    /// Whether all of them are to be made or none.
    pub(super) atomic: bool,
    has_key: bool,
    asked_at_us: u64,
}

impl Many {
    fn context(&self) -> Context {
        let key = IdempotencyKey { key: format!("many {}", self.number), fingerprint: "the same".to_owned() };
        Context { idempotency_key: self.has_key.then_some(key), ..Context::new(Actor::Local) }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.drafts.iter().filter_map(|draft| draft.name.as_deref())
    }
}

impl Clients {
    /// Asks for several jobs, or once more for some that were asked for before.
    pub(super) fn create_many(
        &mut self,
        dice: &Dice,
        plan: &Plan,
        now: Timestamp,
        passed_us: u64,
    ) -> (Request, Context) {
        let again = dice.pick(&self.many).filter(|_| dice.chance(300));
        let again = again.filter(|many| many.has_key && self.is_repeated(many.asked_at_us, passed_us));
        if let Some(many) = again.cloned() {
            let context = many.context();
            return (Request::CreateMany(many), context);
        }
        let (number, has_key) = (self.many.len(), dice.chance(500));
        let drafts: Vec<JobDraft> = (0..dice.within(1..8))
            .map(|part| {
                let draft = draft(dice, plan, format!("part {part} of {number}"), now);
                // Some are refused, alone or with all others.
                let priority = if dice.chance(40) { Some(99) } else { draft.priority };
                JobDraft { priority, ..draft }
            })
            .collect();
        let many = Many { number, drafts, atomic: dice.chance(500), has_key, asked_at_us: passed_us };
        for name in many.names() {
            self.wishes.insert(name.to_owned(), Wish::of_many(passed_us));
        }
        self.many.push(many.clone());
        let context = many.context();
        (Request::CreateMany(many), context)
    }

    /// A request for many jobs was answered.
    pub(super) fn answered_many(
        &mut self,
        many: &Many,
        answer: Result<&Vec<BulkOutcome>, &ServiceError>,
        passed_us: u64,
    ) -> Result<(), Violation> {
        let outcomes = match answer {
            Ok(outcomes) => outcomes,
            Err(ServiceError::Store(StoreError::OutcomeUnknown(_))) => return Ok(()),
            Err(_) => {
                many.names().for_each(|name| self.refused(name, many.has_key));
                return Ok(());
            }
        };
        let counts = (outcomes.len(), many.drafts.len());
        ensure(counts.0 == counts.1, "an answer is about what was asked", || format!("{counts:?}"))?;
        for (name, outcome) in many.names().zip(outcomes) {
            match outcome {
                BulkOutcome::Created(job) => {
                    ensure(job.definition.name == name, "an answer is about what was asked", || {
                        format!("{name}: {job:?}")
                    })?;
                    self.told(name, job.id, passed_us)?;
                }
                BulkOutcome::Earlier(id) => self.told(name, *id, passed_us)?,
                BulkOutcome::Failed(StoreError::OutcomeUnknown(_)) => {}
                BulkOutcome::Refused(_) | BulkOutcome::Failed(_) => self.refused(name, many.has_key),
            }
        }
        Ok(())
    }

    /// Of jobs that stand or fall together, all were made or none.
    pub(super) fn ensure_all_or_none(&self) -> Result<(), Violation> {
        for many in self.many.iter().filter(|many| many.atomic) {
            let made: Vec<JobId> = many.names().filter_map(|name| self.found.get(name).copied()).collect();
            ensure(made.is_empty() || made.len() == many.drafts.len(), "all are made or none", || {
                format!("{made:?} of {many:?}")
            })?;
        }
        Ok(())
    }
}
