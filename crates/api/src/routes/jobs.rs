//! `/api/jobs` and `/api/jobs/{id}`.

use crate::answer::{self, RequestedWait};
use crate::caller::{Reader, Writer};
use crate::problem::ApiError;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::lists::{self, ListRequest};
use crate::read::query::QueryReader;
use crate::read::{job_patch, job_requests};
use crate::routes::offset::page_at;
use crate::state::ApiState;
use crate::view;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_domain::JobId;
use oneoff_storage::Written;
use std::time::Duration;

/// The longest wait for a job to end.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub(crate) const GET_PARAMETERS: &[Field] =
    &[Field { name: "wait", allowed: "how long to wait for the job's end, at most 60s", form: Form::Wait }];
const NO_PARAMETERS: &[Field] = &[];

/// The id in the path. What is no id names no job.
pub(crate) fn id_of(text: &str) -> Result<JobId, ApiError> {
    text.parse().map_err(|_invalid| ApiError::no_such("job", text))
}

/// A request that has no parameters.
pub(crate) fn no_parameters(request: &HttpRequest) -> Result<(), ApiError> {
    QueryReader::new(request.query_string(), NO_PARAMETERS).finish()
}

/// `GET /api/jobs`.
pub(crate) async fn list(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let allowed = reader.allowed_projects();
    let ListRequest { filter, page, search, offset } = lists::jobs(request.query_string(), allowed)?;
    let place = (page.limit, offset);
    let read = async |page| match &search {
        Some(text) => state.service.search_jobs(text.clone(), filter.clone(), page).await,
        None => state.service.jobs(filter.clone(), page).await,
    };
    let page = page_at(&state.pages, offset, page, |job| job.id, read).await?;
    let catalog = state.service.catalog();
    state.answers.hold(answer::list_at(&request, page, place, |job| view::job::job(job, &catalog)))
}

/// `POST /api/jobs`.
pub(crate) async fn create(writer: Writer, state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let draft = job_requests::create(writer.body.object()?)?;
    let written = state.service.create_job(writer.context_of_new()?, draft).await?;
    Ok(answer::created(&writer, &state, written))
}

/// `GET /api/jobs/{id}`, which can wait for the job's end.
pub(crate) async fn get(
    reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut query = QueryReader::new(request.query_string(), GET_PARAMETERS);
    let wait = query.wait("wait", WAIT_MAX);
    query.finish()?;
    let id = id_of(&id)?;
    let job = state.service.job(id).await?;
    reader.check_project(&job.definition.project_id, "job", &id.to_string())?;
    let Some(wait) = wait else {
        return state.answers.hold(answer::job_if_changed(&request, &state, job));
    };
    RequestedWait::note(&request, wait);
    let job = match state.unless_stopping(state.service.wait_for_job(id, wait)).await {
        Some(job) => job?,
        None => state.service.job(id).await?,
    };
    reader.check_project(&job.definition.project_id, "job", &id.to_string())?;
    state.answers.hold(answer::job(&state, job))
}

/// `PATCH /api/jobs/{id}`.
pub(crate) async fn update(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let patch = job_patch::patch(writer.body.object()?)?;
    let value = state.service.update_job(writer.context(), id, patch).await?;
    Ok(answer::written(&writer, &state, Written { value, replayed: false }))
}

/// `DELETE /api/jobs/{id}`.
pub(crate) async fn delete(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let job = state.service.delete_job(writer.context(), id_of(&id)?).await?;
    match writer.is_dry_run() {
        true => Ok(answer::preview(&state, job)),
        false => Ok(HttpResponse::NoContent().finish()),
    }
}
