//! `/api/executions` and `/api/executions/{id}`.

use crate::answer;
use crate::caller::Reader;
use crate::problem::ApiError;
use crate::read::lists::{self, ListRequest};
use crate::routes::jobs::no_parameters;
use crate::routes::offset::page_at;
use crate::state::ApiState;
use crate::view;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_api_types::ExecutionView;
use oneoff_domain::ExecutionId;
use oneoff_scheduler::Service;
use oneoff_storage::{ExecutionFilter, OutputSlice};
use std::time::Duration;

/// Bytes of output in the answer for one execution: of more, the first and the last half of this.
const OUTPUT_MAX_BYTES: i64 = 1024 * 1024;

/// Bytes of output that are read at a time.
const OUTPUT_PAGE_BYTES: usize = 256 * 1024;

/// The id in the path. What is no id names no execution.
pub(crate) fn id_of(text: &str) -> Result<ExecutionId, ApiError> {
    text.parse().map_err(|_invalid| ApiError::no_such("execution", text))
}

/// `GET /api/executions`.
pub(crate) async fn list(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let ListRequest { filter, page, offset, .. } = lists::executions(request.query_string())?;
    let filter = ExecutionFilter { allowed_projects: reader.allowed_projects(), ..filter };
    let read = |page| state.service.executions(filter.clone(), page);
    let page = page_at(&state.pages, offset, page, |execution| execution.id, read).await?;
    let answer = answer::list(&request, page, |execution| view::execution::execution(execution, None));
    state.answers.hold(answer)
}

/// `GET /api/executions/{id}`, with its output as text.
pub(crate) async fn get(
    reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let id = id_of(&id)?;
    let _turn = state.pages.take().await?;
    let execution = state.service.execution(id).await?;
    reader.check_project(&execution.project_id, "execution", &id.to_string())?;
    let output = output_of(&state.service, id, execution.output_bytes).await?;
    let request_id = state.service.request_of(id).await?;
    let view = ExecutionView { request_id, ..view::execution::execution(execution, Some(output)) };
    state.answers.hold(answer::data(view))
}

async fn output_of(service: &Service, id: ExecutionId, total_bytes: i64) -> Result<String, ApiError> {
    let mut slices = Vec::new();
    if total_bytes <= OUTPUT_MAX_BYTES {
        read(service, id, 0, i64::MAX, &mut slices).await?;
    } else {
        let half = OUTPUT_MAX_BYTES / 2;
        read(service, id, 0, half, &mut slices).await?;
        read(service, id, total_bytes - half, i64::MAX, &mut slices).await?;
    }
    Ok(view::output::text(slices))
}

/// Reads what there is from one offset to another, and no more than the limit of an answer.
async fn read(
    service: &Service,
    id: ExecutionId,
    from: i64,
    to: i64,
    slices: &mut Vec<OutputSlice>,
) -> Result<(), ApiError> {
    let end = to.min(from.saturating_add(OUTPUT_MAX_BYTES));
    let mut offset = from;
    while offset < end {
        let wanted = usize::try_from(end - offset).unwrap_or(OUTPUT_PAGE_BYTES).min(OUTPUT_PAGE_BYTES);
        let page = service.output(id, offset, wanted, Duration::ZERO).await?;
        let has_more = !page.complete && !page.slices.is_empty() && page.next_offset > offset;
        slices.extend(page.slices.into_iter().filter(|slice| slice.offset < end));
        if !has_more {
            return Ok(());
        }
        offset = page.next_offset;
    }
    Ok(())
}
