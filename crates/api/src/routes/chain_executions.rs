//! `/api/chain-executions` and `/api/chains/{id}/executions`.

use crate::answer::{self, RecordAnswer, RequestedWait};
use crate::caller::{Reader, Writer};
use crate::problem::ApiError;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::job_requests;
use crate::read::lists::{self, ListRequest};
use crate::read::query::QueryReader;
use crate::routes::chains;
use crate::routes::offset::page_at;
use crate::state::ApiState;
use crate::view;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_domain::{ChainExecution, ChainExecutionId, Context};
use oneoff_storage::{ChainExecutionFilter, ChainExecutionSort};
use std::time::Duration;

/// The longest wait for the end of a chain execution.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How long the service waits for the running job of a chain to end.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

pub(crate) const GET_PARAMETERS: &[Field] = &[Field {
    name: "wait",
    allowed: "how long to wait for the end of the chain execution, at most 60s",
    form: Form::Wait,
}];

/// The id in the path. What is no id names no chain execution.
fn id_of(text: &str) -> Result<ChainExecutionId, ApiError> {
    text.parse().map_err(|_invalid| ApiError::no_such("chain execution", text))
}

fn record(execution: ChainExecution) -> RecordAnswer<oneoff_api_types::ChainExecutionView> {
    let version = execution.version;
    RecordAnswer::new(view::chain::execution(execution), version)
}

/// `GET /api/chain-executions`.
pub(crate) async fn list(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let wanted = lists::chain_executions(request.query_string(), None)?;
    page(reader.context(), &state, &request, wanted).await
}

/// `GET /api/chains/{id}/executions`. Those of a deleted chain are listed by `GET /api/chain-executions?chain_id=`.
pub(crate) async fn of_chain(
    reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let seen = reader.context();
    let id = state.service.chain(seen, chains::id_of(&id)?).await?.id;
    let wanted = lists::chain_executions(request.query_string(), Some(id))?;
    page(seen, &state, &request, wanted).await
}

async fn page(
    seen: &Context,
    state: &ApiState,
    request: &HttpRequest,
    wanted: ListRequest<ChainExecutionFilter, ChainExecutionSort>,
) -> Result<HttpResponse, ApiError> {
    let ListRequest { filter, page, offset, .. } = wanted;
    let read = |page| state.service.chain_executions(seen, filter.clone(), page);
    let page = page_at(&state.pages, offset, page, |execution| execution.id, read).await?;
    state.answers.hold(answer::list(request, page, view::chain::execution))
}

/// `GET /api/chain-executions/{id}`, which can wait for the end.
pub(crate) async fn get(
    reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut query = QueryReader::new(request.query_string(), GET_PARAMETERS);
    let wait = query.wait("wait", WAIT_MAX);
    query.finish()?;
    let (id, seen) = (id_of(&id)?, reader.context());
    let Some(wait) = wait else {
        let execution = state.service.chain_execution(seen, id).await?;
        return state.answers.hold(record(execution).unless_known(&request));
    };
    RequestedWait::note(&request, wait);
    let waiting = state.service.wait_for_chain_execution(seen, id, wait);
    let execution = match state.unless_stopping(waiting).await {
        Some(execution) => execution?,
        None => state.service.chain_execution(seen, id).await?,
    };
    state.answers.hold(record(execution).finish())
}

/// `POST /api/chain-executions/{id}/cancel`.
pub(crate) async fn cancel(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    RequestedWait::note(&request, CANCEL_WAIT);
    let written = state.service.cancel_chain_execution(writer.context(), id_of(&id)?).await?;
    match writer.is_dry_run() {
        true => Ok(answer::data(view::chain::execution(written.value))),
        false => Ok(record(written.value).replayed(written.replayed).finish()),
    }
}
