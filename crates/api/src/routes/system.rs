//! What the server says of itself.

use crate::answer;
use crate::caller::Reader;
use crate::problem::ApiError;
use crate::routes::jobs::no_parameters;
use crate::state::ApiState;
use crate::view;
use actix_web::{HttpRequest, HttpResponse, web};

/// `GET /api/job-types`.
pub(crate) async fn job_types(
    _reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    Ok(answer::data(state.service.job_types()))
}

/// `GET /api/workers/status`.
pub(crate) async fn worker_status(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    reader.check_all_projects()?;
    let nodes = state.service.nodes().await;
    Ok(answer::data(view::system::worker_status(state.service.worker_status(), nodes)))
}

/// `GET /api/system/status`.
pub(crate) async fn system_status(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    reader.check_all_projects()?;
    let status = state.service.system_status().await?;
    Ok(answer::data(view::system::system_status(status, state.service.now(), &state.settings)))
}
