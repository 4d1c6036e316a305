//! `POST /api/jobs/{id}/execute`, `clone`, `cancel`, `hold` and `release`; `POST /api/jobs/release`.

use crate::answer::{self, RequestedWait};
use crate::caller::Writer;
use crate::problem::ApiError;
use crate::read::job_requests;
use crate::routes::jobs::id_of;
use crate::state::ApiState;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_api_types::ReleasedJobs;
use oneoff_domain::JobStatus;
use std::time::Duration;

/// How long the service waits for a running attempt to end.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// What OneOff v1 answers.
const EXECUTED: &str = "Job scheduled for immediate execution";
const CANCELLED: &str = "Job cancelled";
/// What it would have answered, had it known that the job still runs.
const CANCELLING: &str = "Job is being cancelled";

/// Starts the job now.
pub(crate) async fn execute(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let written = state.service.execute_job(writer.context(), id_of(&id)?).await?;
    Ok(answer::acted(&writer, &state, written, EXECUTED))
}

/// Makes a new job like this one.
pub(crate) async fn clone(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let (name, schedule) = job_requests::clone(writer.body.object()?)?;
    let written = state.service.clone_job(writer.context_of_new()?, id, name, schedule).await?;
    Ok(answer::created(&writer, &state, written))
}

/// Cancels the job.
pub(crate) async fn cancel(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    RequestedWait::note(&request, CANCEL_WAIT);
    let written = state.service.cancel_job(writer.context(), id_of(&id)?).await?;
    let is_over = written.value.state.status == JobStatus::Cancelled;
    Ok(answer::acted(&writer, &state, written, if is_over { CANCELLED } else { CANCELLING }))
}

/// Adds a hold.
pub(crate) async fn hold(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let (reason, until) = job_requests::hold(writer.body.object_if_any()?)?;
    let written = state.service.hold_job(writer.context(), id, reason, until).await?;
    Ok(answer::written(&writer, &state, written))
}

/// Releases a hold.
pub(crate) async fn release(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let reason = job_requests::release(writer.body.object_if_any()?)?;
    let written = state.service.release_job(writer.context(), id, reason).await?;
    Ok(answer::written(&writer, &state, written))
}

/// Releases all jobs that are held for a reason.
pub(crate) async fn release_all(
    writer: Writer,
    state: web::Data<ApiState>,
) -> Result<HttpResponse, ApiError> {
    let reason = job_requests::release_all(writer.body.object()?)?;
    let done = state.service.release_held(writer.context(), reason).await?;
    let count = |jobs: usize| u64::try_from(jobs).unwrap_or(u64::MAX);
    Ok(answer::data(ReleasedJobs {
        released: count(done.released),
        skipped: count(done.skipped),
        more: done.more,
    }))
}
