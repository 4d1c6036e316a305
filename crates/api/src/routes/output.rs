//! `GET /api/executions/{id}/output`: by offset, as JSON or as the raw bytes.

use crate::answer::{self, RequestedWait};
use crate::caller::Reader;
use crate::problem::ApiError;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::query::QueryReader;
use crate::routes::executions::id_of;
use crate::state::ApiState;
use crate::view;
use actix_web::http::header::{ACCEPT, ContentEncoding};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use oneoff_domain::ExecutionId;
use oneoff_storage::OutputPage;
use std::time::Duration;

const WAIT_MAX: Duration = Duration::from_secs(60);
const LIMIT_MAX_BYTES: i64 = 1024 * 1024;
const LIMIT_DEFAULT_BYTES: usize = 256 * 1024;

pub(crate) const PARAMETERS: &[Field] = &[
    Field {
        name: "offset",
        allowed: "the next_offset of the part before, from 0",
        form: Form::Integer(0, i64::MAX),
    },
    Field {
        name: "limit_bytes",
        allowed: "an integer from 1 to 1048576",
        form: Form::Integer(1, LIMIT_MAX_BYTES),
    },
    Field { name: "wait", allowed: "how long to wait for output, at most 60s", form: Form::Wait },
];

/// Which part is asked for.
#[derive(Debug, Clone, Copy)]
struct Part {
    offset: i64,
    /// `None` is all there is, where that can be sent bit by bit.
    limit_bytes: Option<usize>,
    wait: Duration,
}

fn part(request: &HttpRequest) -> Result<Part, ApiError> {
    let mut query = QueryReader::new(request.query_string(), PARAMETERS);
    let part = Part {
        offset: query.integer("offset", 0..=i64::MAX).unwrap_or(0),
        limit_bytes: query
            .integer("limit_bytes", 1..=LIMIT_MAX_BYTES)
            .and_then(|bytes| usize::try_from(bytes).ok()),
        wait: query.wait("wait", WAIT_MAX).unwrap_or_default(),
    };
    query.finish()?;
    Ok(part)
}

/// A part of the output; with `Accept: text/plain` its bytes as they were written, and all that is kept
/// unless `limit_bytes` bounds it.
pub(crate) async fn get(
    reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let part = part(&request)?;
    let id = id_of(&id)?;
    if reader.context().allowed_projects.is_some() {
        let execution = state.service.execution(id).await?;
        reader.check_project(&execution.project_id, "execution", &id.to_string())?;
    }
    RequestedWait::note(&request, part.wait);
    let limit_bytes = part.limit_bytes.unwrap_or(LIMIT_DEFAULT_BYTES);
    let first = state.service.output(id, part.offset, limit_bytes, part.wait);
    let page = match state.unless_stopping(first).await {
        Some(page) => page?,
        None => state.service.output(id, part.offset, limit_bytes, Duration::ZERO).await?,
    };
    if !wants_bytes(&request) {
        return state.answers.hold(answer::data(view::output::page(page)));
    }
    let mut response = HttpResponse::Ok();
    response
        .insert_header(("x-total-bytes", page.total_bytes.to_string()))
        .insert_header(ContentEncoding::Identity)
        .content_type("text/plain; charset=utf-8");
    if part.limit_bytes.is_some() {
        response.insert_header(("x-next-offset", page.next_offset.to_string()));
        return state.answers.hold(response.body(bytes_of(&page)));
    }
    Ok(response.streaming(Box::pin(all(state, id, page))))
}

/// The first page and then page by page, up to the end that there was or is by then.
fn all(
    state: web::Data<ApiState>,
    id: ExecutionId,
    first: OutputPage,
) -> impl Stream<Item = Result<Bytes, ApiError>> {
    stream::try_unfold((state, Some(first)), move |(state, page)| async move {
        let Some(page) = page else { return Ok(None) };
        let bytes = bytes_of(&page);
        if page.complete || bytes.is_empty() {
            return Ok((!bytes.is_empty()).then_some((bytes, (state, None))));
        }
        let next = state.service.output(id, page.next_offset, LIMIT_DEFAULT_BYTES, Duration::ZERO).await?;
        Ok(Some((bytes, (state, Some(next)))))
    })
}

fn bytes_of(page: &OutputPage) -> Bytes {
    if let [only] = page.slices.as_slice() {
        return only.bytes.clone();
    }
    let mut bytes = BytesMut::new();
    for slice in &page.slices {
        bytes.extend_from_slice(&slice.bytes);
    }
    bytes.freeze()
}

fn wants_bytes(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accept.split([',', ';']).next().unwrap_or_default().trim();
    matches!(first, "text/plain" | "application/octet-stream")
}
