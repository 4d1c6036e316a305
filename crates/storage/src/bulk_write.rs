//! Creating many jobs with one request: all of them or none, or each on its own.
//!
//! Where each stands on its own, the request is written in slices, so that no transaction keeps claims waiting for
//! long. A slice and the record of its idempotency key are one transaction. After a crash between two slices the
//! same request finds the slices that were written by their records, and writes the others.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::idempotency;
use crate::job_write::{create_one, is_allowed, no_project};
use crate::rows::job as job_rows;
use crate::schema::job_states;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{NewJob, Refusal, Store, StoreError, Written};
use diesel::prelude::*;
use oneoff_domain::{Context, FieldError, Job, JobId, Timestamp, ValidationErrors};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Jobs of a slice. It is part of what is stored: the records of a request's idempotency key name their slices.
const SLICE_JOBS: usize = 1000;
/// Stands between an idempotency key and the beginning of a slice. No client can send it.
const SLICE_MARK: char = '\u{1f}';

/// What became of one of many jobs.
#[derive(Debug, Clone)]
pub enum BulkOutcome {
    /// It is stored.
    Created(Box<Job>),
    /// An earlier request with the same idempotency key stored it.
    Earlier(JobId),
    /// It is refused; nothing of it was written.
    Refused(Refusal),
    /// The store failed when its turn came, after others of the request had been stored.
    Failed(StoreError),
}

/// What an idempotency record keeps of one job.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Recorded {
    Created(JobId),
    Invalid { invalid: Vec<(String, String, Option<String>)> },
    Taken { taken: String },
    NoProject { no_project: String },
}

impl Recorded {
    fn of(outcome: &BulkOutcome) -> Self {
        match outcome {
            BulkOutcome::Created(job) => Self::Created(job.id),
            BulkOutcome::Earlier(id) => Self::Created(*id),
            BulkOutcome::Refused(Refusal::Duplicate { value, .. }) => Self::Taken { taken: value.clone() },
            BulkOutcome::Refused(Refusal::NotFound { id, .. }) => Self::NoProject { no_project: id.clone() },
            BulkOutcome::Refused(Refusal::Invalid(errors)) => {
                let parts =
                    |error: &FieldError| (error.pointer.clone(), error.message.clone(), error.hint.clone());
                Self::Invalid { invalid: errors.0.iter().map(parts).collect() }
            }
            BulkOutcome::Refused(other) => Self::text(other),
            BulkOutcome::Failed(error) => Self::text(error),
        }
    }

    fn text(error: &impl ToString) -> Self {
        Self::Invalid { invalid: vec![(String::new(), error.to_string(), None)] }
    }

    fn into_outcome(self) -> BulkOutcome {
        match self {
            Self::Created(id) => BulkOutcome::Earlier(id),
            Self::Invalid { invalid } => {
                let error = |(pointer, message, hint)| FieldError { pointer, message, hint };
                let errors = ValidationErrors(invalid.into_iter().map(error).collect());
                BulkOutcome::Refused(Refusal::Invalid(errors))
            }
            Self::Taken { taken } => BulkOutcome::Refused(taken_name(taken)),
            Self::NoProject { no_project } => {
                BulkOutcome::Refused(Refusal::NotFound { kind: "project", id: no_project })
            }
        }
    }
}

fn taken_name(value: String) -> Refusal {
    Refusal::Duplicate { field: "external_id", value }
}

impl Store {
    /// Stores jobs: all of them in one transaction, or none. With an idempotency key that was used before, answers
    /// what that request made.
    ///
    /// # Errors
    /// [`Refusal::OfItem`] of the first job that is refused, [`Refusal::IdempotencyMismatch`], or the database's.
    pub async fn create_all(
        &self,
        context: Context,
        now: Timestamp,
        jobs: Vec<NewJob>,
    ) -> Result<Written<Vec<BulkOutcome>>, StoreError> {
        let size = jobs.len();
        let body = move |tx: &mut Tx<'_>| create_all(tx, &context, now, jobs);
        self.inner.writer.write_many(Lane::Api, size, body).await
    }

    /// Stores those of the jobs that can be stored, each on its own, and answers what became of each, in order. When
    /// too many requests wait, none of them is.
    /// With an idempotency key that was used before, what an earlier request did is not done again, even if the
    /// server died before it was done with all.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyMismatch`], or the database's. Once anything is written, an error is that of the jobs
    /// that it befell.
    pub async fn create_each(
        &self,
        context: Context,
        now: Timestamp,
        jobs: Vec<Result<NewJob, Refusal>>,
    ) -> Result<Written<Vec<BulkOutcome>>, StoreError> {
        let mut all = Written { value: Vec::with_capacity(jobs.len()), replayed: true };
        let request = self.inner.writer.let_in(jobs.len())?;
        let mut jobs = jobs.into_iter();
        loop {
            let slice: Vec<_> = jobs.by_ref().take(SLICE_JOBS).collect();
            if slice.is_empty() {
                return Ok(all);
            }
            let left = slice.len() + jobs.len();
            let context = of_slice(&context, all.value.len());
            let size = slice.len();
            let body = move |tx: &mut Tx<'_>| create_slice(tx, &context, now, slice);
            match self.inner.writer.write_part(&request, size, body).await {
                Ok(written) => {
                    all.replayed &= written.replayed;
                    all.value.extend(written.value);
                }
                Err(error) if all.value.is_empty() => return Err(error),
                Err(error) => {
                    all.replayed = false;
                    all.value.extend(std::iter::repeat_n(BulkOutcome::Failed(error), left));
                    return Ok(all);
                }
            }
        }
    }

    /// What an earlier request with this idempotency key did that stored all of its jobs; `None` if there was none.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyMismatch`], or the database's.
    pub async fn created_before(&self, context: Context) -> Result<Option<Vec<BulkOutcome>>, StoreError> {
        let body = move |tx: &mut Tx<'_>| earlier(tx, &context);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Those of these jobs that are there.
    ///
    /// # Errors
    /// The database's.
    pub async fn jobs_by_id(&self, ids: Vec<JobId>) -> Result<HashMap<JobId, Job>, StoreError> {
        let query = move |conn: &mut AnyConnection| {
            let mut found = HashMap::with_capacity(ids.len());
            for id in ids {
                if let Some(stored) = job_rows::by_id(conn, id)? {
                    found.insert(id, stored.job);
                }
            }
            Ok(found)
        };
        self.inner.reader.read(query).await
    }
}

/// The context of the slice that begins at this job. The first one has the key itself, so that another request
/// under the same key is found out at once.
fn of_slice(context: &Context, begin: usize) -> Context {
    let mut context = context.clone();
    if let Some(key) = context.idempotency_key.as_mut().filter(|_| begin > 0) {
        key.key = format!("{}{SLICE_MARK}{begin}", key.key);
    }
    context
}

fn earlier(tx: &mut Tx<'_>, context: &Context) -> Result<Option<Vec<BulkOutcome>>, WriteError> {
    let recorded: Option<Vec<Recorded>> = idempotency::earlier_subjects(tx, context)?;
    Ok(recorded.map(|recorded| recorded.into_iter().map(Recorded::into_outcome).collect()))
}

fn record(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    outcomes: &[BulkOutcome],
) -> Result<(), WriteError> {
    if context.idempotency_key.is_none() {
        return Ok(());
    }
    let recorded: Vec<Recorded> = outcomes.iter().map(Recorded::of).collect();
    idempotency::record(tx, context, now, &recorded)
}

fn create_all(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    jobs: Vec<NewJob>,
) -> Result<Written<Vec<BulkOutcome>>, WriteError> {
    if let Some(value) = earlier(tx, context)? {
        return Ok(Written { value, replayed: true });
    }
    let mut value = Vec::with_capacity(jobs.len());
    for (index, new) in jobs.into_iter().enumerate() {
        let job = create_one(tx, context, now, new).map_err(|error| of_item(error, index))?;
        value.push(BulkOutcome::Created(Box::new(job)));
    }
    tx.effects.operations.add("bulk");
    record(tx, context, now, &value)?;
    Ok(Written { value, replayed: false })
}

fn of_item(error: WriteError, index: usize) -> WriteError {
    match error {
        WriteError::Refused(refusal) => Refusal::OfItem { index, refusal: Box::new(refusal) }.into(),
        other => other,
    }
}

fn create_slice(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    jobs: Vec<Result<NewJob, Refusal>>,
) -> Result<Written<Vec<BulkOutcome>>, WriteError> {
    if let Some(value) = earlier(tx, context)? {
        return Ok(Written { value, replayed: true });
    }
    let mut value = Vec::with_capacity(jobs.len());
    for job in jobs {
        let outcome = match job.and_then(|new| allowed(context, new)) {
            Err(refusal) => BulkOutcome::Refused(refusal),
            Ok(new) => match taken(tx.conn, &new)? {
                Some(refusal) => BulkOutcome::Refused(refusal),
                None => BulkOutcome::Created(Box::new(create_one(tx, context, now, new)?)),
            },
        };
        value.push(outcome);
    }
    tx.effects.operations.add("bulk");
    record(tx, context, now, &value)?;
    Ok(Written { value, replayed: false })
}

/// The job, if the actor may make it.
fn allowed(context: &Context, new: NewJob) -> Result<NewJob, Refusal> {
    let project = &new.definition.project_id;
    match is_allowed(context, project) {
        true => Ok(new),
        false => Err(no_project(project)),
    }
}

/// Why the job's own name cannot be given to it. It is asked for beforehand, because a statement that fails would
/// leave behind what was written of the job before.
fn taken(conn: &mut AnyConnection, new: &NewJob) -> QueryResult<Option<Refusal>> {
    let Some(name) = &new.definition.external_id else { return Ok(None) };
    let found: Option<i64> = job_states::table
        .filter(job_states::external_id.eq(name))
        .filter(job_states::project_id.eq(&new.definition.project_id))
        .select(job_states::key)
        .get_result(conn)
        .optional()?;
    Ok(found.map(|_key| taken_name(name.clone())))
}
