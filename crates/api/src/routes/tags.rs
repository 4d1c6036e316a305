//! `/api/tags` and `/api/tags/{id}`.

use crate::answer;
use crate::caller::{Reader, Writer};
use crate::problem::ApiError;
use crate::read::{job_requests, records};
use crate::routes::jobs::no_parameters;
use crate::state::ApiState;
use crate::view;
use actix_web::{HttpRequest, HttpResponse, web};

/// `GET /api/tags`.
pub(crate) async fn list(
    _reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    Ok(answer::whole_list(state.service.tags().into_iter().map(view::records::tag).collect()))
}

/// `POST /api/tags`.
pub(crate) async fn create(writer: Writer, state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let change = records::tag(writer.body.object()?)?;
    let written = state.service.create_tag(writer.context_of_new()?, change).await?;
    let (place, version) = (format!("/api/tags/{}", written.value.id), written.value.version);
    let record = answer::Record::new(view::records::tag(written.value), version);
    Ok(record.replayed(written.replayed).created(&writer, &state, &place))
}

/// `GET /api/tags/{id}`.
pub(crate) async fn get(
    _reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let tag = state.service.tag(&id)?;
    let version = tag.version;
    Ok(answer::Record::new(view::records::tag(tag), version).if_changed(&request))
}

/// `PATCH /api/tags/{id}`.
pub(crate) async fn update(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let change = records::tag(writer.body.object()?)?;
    let tag = state.service.update_tag(writer.context(), id.into_inner(), change).await?;
    let version = tag.version;
    Ok(answer::Record::new(view::records::tag(tag), version).written(&writer))
}

/// `DELETE /api/tags/{id}`.
pub(crate) async fn delete(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let tag = state.service.delete_tag(writer.context(), id.into_inner()).await?;
    match writer.is_dry_run() {
        true => Ok(answer::data(view::records::tag(tag))),
        false => Ok(HttpResponse::NoContent().finish()),
    }
}
