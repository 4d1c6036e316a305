//! `/api/chains`, `/api/chains/{id}` and `/api/chains/{id}/execute`.

use crate::answer::{self, RecordAnswer};
use crate::caller::{Reader, Writer};
use crate::problem::ApiError;
use crate::read::lists::{self, ListRequest};
use crate::read::{chain_requests, chain_requests::ChainRequest, job_requests};
use crate::routes::jobs::no_parameters;
use crate::routes::offset::page_at;
use crate::state::ApiState;
use crate::view;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_api_types::ChainExecutionView;
use oneoff_domain::ChainId;
use oneoff_scheduler::{ChainDraft, ChainPatch};

/// What OneOff v1 answers.
const STARTED: &str = "Chain execution started";

/// The id in the path. What is no id names no chain.
pub(crate) fn id_of(text: &str) -> Result<ChainId, ApiError> {
    text.parse().map_err(|_invalid| ApiError::no_such("chain", text))
}

/// `GET /api/chains`.
pub(crate) async fn list(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let ListRequest { filter, page, offset, .. } = lists::chains(request.query_string())?;
    let place = (page.limit, offset);
    let read = |page| state.service.chains(reader.context(), filter.clone(), page);
    let page = page_at(&state.pages, offset, page, |chain| chain.id, read).await?;
    let catalog = state.service.catalog();
    state.answers.hold(answer::list_at(&request, page, place, |chain| view::chain::chain(chain, &catalog)))
}

/// `POST /api/chains`.
pub(crate) async fn create(writer: Writer, state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let (draft, by_ids) = chain_requests::create(writer.body.object()?)?.into_parts();
    let written = state.service.create_chain(writer.context_of_new()?, draft).await;
    let written = written.map_err(|error| ChainRequest::<ChainDraft>::told(by_ids, error))?;
    let (version, path) = (written.value.version, format!("/api/chains/{}", written.value.id));
    let view = view::chain::chain(written.value, &state.service.catalog());
    if writer.is_dry_run() {
        return Ok(answer::data(view));
    }
    let answer = RecordAnswer::new(view, version).at(StatusCode::CREATED, state.public_path(&path));
    Ok(answer.replayed(written.replayed).finish())
}

/// `GET /api/chains/{id}`.
pub(crate) async fn get(
    reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let chain = state.service.chain(reader.context(), id_of(&id)?).await?;
    let version = chain.version;
    let view = view::chain::chain(chain, &state.service.catalog());
    state.answers.hold(RecordAnswer::new(view, version).unless_known(&request))
}

/// `PATCH /api/chains/{id}`.
pub(crate) async fn update(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let (patch, by_ids) = chain_requests::patch(writer.body.object()?)?.into_parts();
    let chain = state.service.update_chain(writer.context(), id, patch).await;
    let chain = chain.map_err(|error| ChainRequest::<ChainPatch>::told(by_ids, error))?;
    let version = chain.version;
    let view = view::chain::chain(chain, &state.service.catalog());
    match writer.is_dry_run() {
        true => Ok(answer::data(view)),
        false => Ok(RecordAnswer::new(view, version).finish()),
    }
}

/// `DELETE /api/chains/{id}`.
pub(crate) async fn delete(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let chain = state.service.delete_chain(writer.context(), id_of(&id)?).await?;
    match writer.is_dry_run() {
        true => Ok(answer::data(view::chain::chain(chain, &state.service.catalog()))),
        false => Ok(HttpResponse::NoContent().finish()),
    }
}

/// `POST /api/chains/{id}/execute`.
pub(crate) async fn execute(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let schedule = chain_requests::execute(writer.body.object_if_any()?)?;
    let written = state.service.execute_chain(writer.context(), id, schedule).await?;
    let (version, path) = (written.value.version, format!("/api/chain-executions/{}", written.value.id));
    let view = view::chain::execution(written.value);
    if writer.is_dry_run() {
        return Ok(answer::data(view));
    }
    let view = ChainExecutionView { message: Some(STARTED.to_owned()), ..view };
    let answer = RecordAnswer::new(view, version).at(StatusCode::ACCEPTED, state.public_path(&path));
    Ok(answer.replayed(written.replayed).finish())
}
