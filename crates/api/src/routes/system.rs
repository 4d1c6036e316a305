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
    let nodes = state.service.nodes().await;
    let mut status = state.service.worker_status();
    if reader.context().allowed_projects.is_some() {
        // Which jobs run is told of all projects together or not at all.
        status.running = Vec::new();
    }
    Ok(answer::data(view::system::worker_status(status, nodes)))
}

/// `GET /api/system/status`.
pub(crate) async fn system_status(
    _reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let status = state.service.system_status().await?;
    Ok(answer::data(view::system::system_status(status, state.service.now(), &state.settings)))
}
