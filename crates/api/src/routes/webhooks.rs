//! `/api/webhooks` and what is below it, and `/api/webhook-events`.

use crate::answer;
use crate::caller::{Admin, AdminWriter, Reader};
use crate::error_table::ErrorCode;
use crate::etag;
use crate::idempotency::IDEMPOTENCY_REPLAYED;
use crate::problem::ApiError;
use crate::read::{job_requests, webhook_requests as requests};
use crate::routes::jobs::no_parameters;
use crate::routes::offset::page_at;
use crate::state::ApiState;
use crate::view::webhook as view;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_api_types::{Data, RedeliveredView, WebhookView};
use oneoff_domain::{DeliveryId, EventKind, WebhookId};
use oneoff_storage::{Page, PageRequest, SortOrder};
use oneoff_webhooks::Webhooks;
use serde::Serialize;

/// The webhooks of this server.
fn webhooks(state: &ApiState) -> Result<&Webhooks, ApiError> {
    let detail = "webhooks are not part of this server";
    state.settings.webhooks.as_ref().ok_or_else(|| ApiError::new(ErrorCode::NotFound, detail))
}

/// The id in the path. What is no id names no webhook.
fn id_of(text: &str) -> Result<WebhookId, ApiError> {
    text.parse().map_err(|_invalid| ApiError::no_such("webhook", text))
}

fn ids_of(path: &(String, String)) -> Result<(WebhookId, DeliveryId), ApiError> {
    let delivery = path.1.parse().map_err(|_invalid| ApiError::no_such("delivery", &path.1))?;
    Ok((id_of(&path.0)?, delivery))
}

/// A webhook with its version as entity tag. That of a dry run has none, as it does not exist.
fn record(writer: &AdminWriter, status: StatusCode, webhook: WebhookView, is_replayed: bool) -> HttpResponse {
    if writer.is_dry_run() {
        return answer::data(webhook);
    }
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, etag::of_version(webhook.version)));
    if is_replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    response.json(Data { data: webhook })
}

/// What was done, perhaps by an earlier request with the same idempotency key.
fn done<T: Serialize>(data: T, is_replayed: bool) -> HttpResponse {
    let mut response = answer::data(data);
    if is_replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// `GET /api/webhooks`.
pub(crate) async fn list(
    reader: Admin,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (limit, offset) = requests::list(request.query_string())?;
    let all = webhooks(&state)?.list(reader.context()).await?;
    let total = u64::try_from(all.len()).ok();
    let items = all.into_iter().skip(offset).take(limit).collect();
    let page = Page { items, next_cursor: None, total, total_is_estimate: false, bytes: 0 };
    Ok(answer::list(&request, page, view::webhook))
}

/// `POST /api/webhooks`.
pub(crate) async fn create(
    writer: AdminWriter,
    state: web::Data<ApiState>,
) -> Result<HttpResponse, ApiError> {
    let draft = requests::create(writer.body.object()?)?;
    let made = webhooks(&state)?.create(writer.context_of_new()?, draft).await?;
    let is_replayed = made.webhook.replayed;
    let location = state.public_path(&format!("/api/webhooks/{}", made.webhook.value.id));
    let mut response = record(&writer, StatusCode::CREATED, view::made(made), is_replayed);
    if let (false, Ok(location)) = (writer.is_dry_run(), location.parse()) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `GET /api/webhooks/{id}`.
pub(crate) async fn get(
    reader: Admin,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let webhook = webhooks(&state)?.get(reader.context(), id_of(&id)?).await?;
    let etag = etag::of_version(webhook.version);
    if etag::is_known(request.headers(), &etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    Ok(HttpResponse::Ok().insert_header((ETAG, etag)).json(Data { data: view::webhook(webhook) }))
}

/// `PATCH /api/webhooks/{id}`.
pub(crate) async fn update(
    writer: AdminWriter,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let patch = requests::patch(writer.body.object()?)?;
    let written = webhooks(&state)?.update(writer.context(), id, patch).await?;
    Ok(record(&writer, StatusCode::OK, view::webhook(written.value), written.replayed))
}

/// `DELETE /api/webhooks/{id}`.
pub(crate) async fn delete(
    writer: AdminWriter,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let webhook = webhooks(&state)?.delete(writer.context(), id_of(&id)?).await?;
    match writer.is_dry_run() {
        true => Ok(answer::data(view::webhook(webhook))),
        false => Ok(HttpResponse::NoContent().finish()),
    }
}

/// `POST /api/webhooks/{id}/rotate-secret`.
pub(crate) async fn rotate_secret(
    writer: AdminWriter,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let (secret, overlap) = requests::rotate(writer.body.object_if_any()?)?;
    let made = webhooks(&state)?.rotate_secret(writer.context(), id, secret, overlap).await?;
    let is_replayed = made.webhook.replayed;
    Ok(record(&writer, StatusCode::OK, view::made(made), is_replayed))
}

/// `POST /api/webhooks/{id}/test`.
pub(crate) async fn test(
    writer: AdminWriter,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let event = requests::test(writer.body.object_if_any()?)?;
    let webhooks = webhooks(&state)?;
    answer::RequestedWait::note(&request, webhooks.timeout());
    let tested = webhooks.test(&writer.context(), id, event).await?;
    Ok(answer::data(view::tested(tested)))
}

/// `GET /api/webhooks/{id}/deliveries`.
pub(crate) async fn deliveries(
    reader: Admin,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let list = requests::deliveries(request.query_string())?;
    let context = reader.context();
    let webhooks = webhooks(&state)?;
    let first = PageRequest {
        sort: (),
        order: SortOrder::Descending,
        limit: list.limit,
        cursor: list.cursor,
        with_total: list.with_total,
    };
    let read = |page: PageRequest<()>| {
        let wanted = (page.limit, page.cursor, page.with_total);
        webhooks.deliveries(context, id, list.filter.clone(), wanted)
    };
    let page = page_at(&state.pages, list.offset, first, |delivery| delivery.id, read).await?;
    state.answers.hold(answer::list(&request, page, |delivery| view::delivery(id, delivery)))
}

/// `GET /api/webhooks/{id}/deliveries/{delivery}`.
pub(crate) async fn delivery(
    reader: Admin,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let (webhook, id) = ids_of(&path)?;
    let delivery = webhooks(&state)?.delivery(reader.context(), webhook, id).await?;
    Ok(answer::data(view::delivery(webhook, delivery)))
}

/// `POST /api/webhooks/{id}/deliveries/{delivery}/redeliver`.
pub(crate) async fn redeliver(
    writer: AdminWriter,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let (webhook, id) = ids_of(&path)?;
    let written = webhooks(&state)?.redeliver(writer.context(), webhook, id).await?;
    Ok(done(view::delivery(webhook, written.value), written.replayed))
}

/// `POST /api/webhooks/{id}/redeliver`.
pub(crate) async fn redeliver_many(
    writer: AdminWriter,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let filter = requests::redeliver(writer.body.object_if_any()?)?;
    let written = webhooks(&state)?.redeliver_many(writer.context(), id, filter).await?;
    let redelivered = u64::try_from(written.value.redelivered).unwrap_or(u64::MAX);
    Ok(done(RedeliveredView { redelivered, more: written.value.more }, written.replayed))
}

/// `GET /api/webhook-events`.
pub(crate) async fn events(_reader: Reader, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    Ok(answer::data(EventKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>()))
}
