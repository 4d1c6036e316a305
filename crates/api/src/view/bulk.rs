//! What became of many jobs, on the wire.

use crate::bulk_caller::Return;
use crate::problem::ApiError;
use crate::service_error::of_store;
use crate::view;
use actix_web::http::StatusCode;
use oneoff_api_types::{BulkResult, CreatedJob, Data, JobView, JobsCreated, Problem};
use oneoff_domain::{Job, JobId};
use oneoff_scheduler::ServiceError;
use oneoff_storage::{BulkOutcome, Catalog, Refusal};
use serde::Serialize;
use std::sync::Arc;

/// A job as far as it is answered.
#[derive(Serialize)]
#[serde(untagged)]
enum Answered {
    Short(CreatedJob),
    Full(Box<JobView>),
}

/// The answer to a request with many jobs.
pub(crate) struct BulkAnswer {
    /// Whether all of them were created.
    pub(crate) is_complete: bool,
    /// Whether any of them may be created if it is sent again.
    pub(crate) is_worth_repeating: bool,
    /// `{"data": {"created": ..., "failed": ..., "results": [...]}}`
    pub(crate) body: Vec<u8>,
}

/// How the answer is to be.
pub(crate) struct BulkView {
    /// How much of each job.
    pub(crate) answers: Return,
    /// The status of a job that is, or would be, created.
    pub(crate) status: u16,
    /// The id of the request, for problems.
    pub(crate) request_id: String,
    /// What tags are called.
    pub(crate) catalog: Arc<Catalog>,
}

impl BulkView {
    /// Writes the answer.
    ///
    /// # Errors
    /// None is known: everything in it can be written as JSON.
    pub(crate) fn write(&self, outcomes: Vec<BulkOutcome>) -> Result<BulkAnswer, serde_json::Error> {
        let bytes = outcomes.len() * self.answers.bytes_per_job();
        let results: Vec<_> =
            outcomes.into_iter().enumerate().map(|(index, outcome)| self.result(index, outcome)).collect();
        let created = results.iter().filter(|result| result.data.is_some()).count();
        let failed = results.len() - created;
        let is_worth_repeating =
            results.iter().any(|result| result.status == StatusCode::SERVICE_UNAVAILABLE.as_u16());
        let mut body = Vec::with_capacity(bytes);
        serde_json::to_writer(&mut body, &Data { data: JobsCreated { created, failed, results } })?;
        Ok(BulkAnswer { is_complete: failed == 0, is_worth_repeating, body })
    }

    fn result(&self, index: usize, outcome: BulkOutcome) -> BulkResult<Answered> {
        let created = |data| BulkResult { index, status: self.status, data: Some(data), error: None };
        match outcome {
            BulkOutcome::Created(job) => created(self.answered(*job)),
            BulkOutcome::Earlier(id) => created(Answered::Short(only_id(id))),
            BulkOutcome::Refused(refusal) => failed(index, self.refused(index, refusal)),
            BulkOutcome::Failed(error) => failed(index, of_store(error).problem(&self.request_id)),
        }
    }

    fn answered(&self, job: Job) -> Answered {
        match self.answers {
            Return::Ids => Answered::Short(only_id(job.id)),
            Return::Summary => Answered::Short(CreatedJob {
                name: Some(job.definition.name),
                status: Some(job.state.status.as_str().to_owned()),
                scheduled_at: job.state.scheduled_at.map(|at| at.to_string()),
                external_id: job.definition.external_id,
                ..only_id(job.id)
            }),
            Return::Full => Answered::Full(Box::new(view::job::job(job, &self.catalog))),
        }
    }

    /// What is wrong with the fields of a job is told from the root of the body already.
    fn refused(&self, index: usize, refusal: Refusal) -> Problem {
        let refusal = match refusal {
            Refusal::Invalid(_) => refusal,
            other => Refusal::OfItem { index, refusal: Box::new(other) },
        };
        ApiError::from(ServiceError::Refused(refusal)).problem(&self.request_id)
    }
}

fn failed(index: usize, problem: Problem) -> BulkResult<Answered> {
    BulkResult { index, status: problem.status, data: None, error: Some(Box::new(problem)) }
}

fn only_id(id: JobId) -> CreatedJob {
    CreatedJob { id: id.to_string(), name: None, status: None, scheduled_at: None, external_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_storage::StoreError;

    #[test]
    fn what_the_store_could_not_take_for_now_is_worth_repeating() {
        let view = BulkView {
            answers: Return::Ids,
            status: 201,
            request_id: "r".to_owned(),
            catalog: Arc::default(),
        };
        let taken =
            || BulkOutcome::Refused(Refusal::Duplicate { field: "external_id", value: "x".to_owned() });
        let full = || BulkOutcome::Failed(StoreError::Full(std::sync::Arc::new(std::fmt::Error)));
        assert!(!view.write(vec![taken(), full()]).unwrap().is_worth_repeating);
        assert!(
            view.write(vec![taken(), BulkOutcome::Failed(StoreError::Closed)]).unwrap().is_worth_repeating
        );
    }
}
