//! `POST /api/jobs/bulk`.

use crate::bulk_caller::{BulkWriter, Return};
use crate::error_table::ErrorCode;
use crate::idempotency::IDEMPOTENCY_REPLAYED;
use crate::problem::ApiError;
use crate::read::bulk::BulkRequest;
use crate::state::ApiState;
use crate::view::bulk::{BulkAnswer, BulkView};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use oneoff_domain::{Context, RequestScope, current_request};
use oneoff_scheduler::{PlannedJobs, Service};
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// How long a request waits for its turn.
const TURN_WAIT_MAX: Duration = Duration::from_secs(3);
/// When those jobs may be sent again that the store could not take.
const RETRY_AFTER_SECONDS: u16 = 5;

/// Creates many jobs. Reading, checking and answering take time in proportion to the jobs and are done away from
/// the threads that serve other requests.
pub(crate) async fn create(writer: BulkWriter, state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let service = state.service.clone();
    let answers = writer.answers;
    let processor = processor(&state).await?;
    let (writer, context, planned) = aside(move || {
        let (context, planned) = plan(&service, &writer)?;
        Ok((writer, context, planned))
    })
    .await?;
    drop(processor);
    // Once jobs are created their ids are answered: so there is room for the answer before.
    let room = state.answers.take(answer_bytes(answers, planned.len(), writer.body.bytes().len()))?;
    let is_dry_run = context.dry_run;
    let request_id = context.request_id.clone().unwrap_or_default();
    let written = state.service.create_planned(context, planned).await?;
    let status = if is_dry_run { StatusCode::OK } else { StatusCode::CREATED };
    let catalog = state.service.catalog();
    let view = BulkView { answers, status: status.as_u16(), request_id, catalog };
    let BulkAnswer { is_complete, is_worth_repeating, body } = aside(move || {
        view.write(written.value).map_err(|error| {
            ApiError::new(ErrorCode::Internal, "the answer cannot be written").with_cause(error)
        })
    })
    .await?;
    drop(writer);
    let mut response = HttpResponse::build(if is_complete { status } else { StatusCode::MULTI_STATUS });
    if written.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    if is_worth_repeating {
        response.insert_header((RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS)));
    }
    Ok(response.content_type("application/json").body(room.hold(body.into())))
}

/// About how large the answer to so many jobs is.
fn answer_bytes(answers: Return, jobs: usize, body_bytes: usize) -> usize {
    let of_input = if answers == Return::Full { body_bytes } else { 0 };
    of_input.saturating_add(jobs.saturating_mul(answers.bytes_per_job()))
}

fn plan(service: &Service, writer: &BulkWriter) -> Result<(Context, PlannedJobs), ApiError> {
    let context = writer.context_with_key()?;
    let request = BulkRequest::parse(writer.body.bytes())?;
    let planned = match request.is_atomic {
        true => service.plan_all(&context, request.into_drafts().map_err(ApiError::invalid)?),
        false => service.plan_each(&context, request.jobs),
    };
    Ok((context, planned))
}

/// A turn to read and check many jobs. Only as many requests do so at a time as there are processors: more would take
/// them from reads and from jobs that are due.
async fn processor(state: &ApiState) -> Result<Option<SemaphorePermit<'_>>, ApiError> {
    match tokio::time::timeout(TURN_WAIT_MAX, state.bulk_processors.acquire()).await {
        Ok(processor) => Ok(processor.ok()),
        Err(_elapsed) => {
            let detail = "too many large requests are waiting: try again in a moment";
            Err(ApiError::new(ErrorCode::Overloaded, detail).with_retry_after(1))
        }
    }
}

/// Runs what takes long on a thread that nobody else waits for.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let asked_by = current_request();
    let work = move || {
        let _scope = RequestScope::enter(asked_by);
        work()
    };
    let done = web::block(work).await;
    done.map_err(|error| ApiError::new(ErrorCode::Internal, "the work was broken off").with_cause(error))?
}
