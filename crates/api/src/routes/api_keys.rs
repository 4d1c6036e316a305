//! `/api/api-keys`: API keys, which only administrators see and change.

use crate::answer;
use crate::caller::{Admin, AdminWriter, DRY_RUN, Extracted, Writes};
use crate::etag;
use crate::idempotency::IDEMPOTENCY_REPLAYED;
use crate::problem::ApiError;
use crate::read::access_requests::{self, Present};
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::job_requests;
use crate::read::lists;
use crate::routes::jobs::no_parameters;
use crate::state::ApiState;
use crate::view;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use oneoff_api_types::{Data, NewApiKeyView, RevokedApiKey};
use oneoff_domain::Random;
use oneoff_scheduler::SystemRandom;
use oneoff_secrets::SecretString;
use oneoff_secrets::api_key::{generate_api_key, hash_api_key, key_prefix};
use oneoff_storage::{ApiKey, NewApiKey, Rotation};

pub(crate) const FORCED_PARAMETERS: &[Field] = &[
    DRY_RUN,
    Field { name: "force", allowed: "true or false: also the last admin key", form: Form::Boolean },
];

/// A caller who changes a key, perhaps the last of its kind.
pub(crate) struct Forced {
    writer: AdminWriter,
    /// Whether the last admin key may be ended.
    force: bool,
}

impl FromRequest for Forced {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let (writer, mut query) = Writes::read(&request, payload, FORCED_PARAMETERS).await?;
            let force = query.boolean("force").unwrap_or_default();
            query.finish()?;
            Ok(Self { writer, force })
        })
    }
}

fn present<'a>(state: &ApiState, timezone: &'a str) -> Present<'a> {
    Present { now: state.service.now(), timezone }
}

/// 32 hexadecimal characters, as the ids of v1's keys are.
pub(crate) fn new_id() -> String {
    format!("{:016x}{:016x}", SystemRandom.next_u64(), SystemRandom.next_u64())
}

/// A key to be stored, and what is shown of it once.
pub(crate) fn generated(request: access_requests::KeyRequest) -> (NewApiKey, SecretString) {
    let key = generate_api_key(&SystemRandom);
    let new = NewApiKey {
        id: new_id(),
        name: request.name,
        key_hash: hash_api_key(key.expose()),
        key_prefix: key_prefix(key.expose()).to_owned(),
        scopes: request.scopes,
        project_ids: request.project_ids,
        expires_at: request.expires_at,
    };
    (new, key)
}

/// `GET /api/api-keys`.
pub(crate) async fn list(
    admin: Admin,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (limit, cursor) = lists::plain(request.query_string())?;
    let _turn = state.pages.take().await?;
    let page = state.service.api_keys(admin.context().clone(), limit, cursor).await?;
    state.answers.hold(answer::list(&request, page, view::access::api_key))
}

/// `POST /api/api-keys`.
pub(crate) async fn create(
    writer: AdminWriter,
    state: web::Data<ApiState>,
) -> Result<HttpResponse, ApiError> {
    let timezone = state.service.default_timezone();
    let request = access_requests::create(writer.body.object()?, present(&state, &timezone))?;
    let (new, key) = generated(request);
    let written = state.service.create_api_key(writer.context_of_new()?, new).await?;
    let is_made = !writer.is_dry_run() && !written.replayed;
    let key = is_made.then(|| key.expose().clone());
    if writer.is_dry_run() {
        return Ok(answer::data(view::access::new_api_key(written.value, key)));
    }
    let location = state.public_path(&format!("/api/api-keys/{}", written.value.id));
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, location));
    response.insert_header((ETAG, etag::of_version(written.value.version)));
    if written.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(response.json(Data { data: view::access::new_api_key(written.value, key) }))
}

/// The id in the path. No key has a NUL in it, which not every database can be asked for.
fn id_of(id: web::Path<String>) -> Result<String, ApiError> {
    match id.contains('\0') {
        true => Err(ApiError::no_such("API key", &id)),
        false => Ok(id.into_inner()),
    }
}

/// `GET /api/api-keys/{id}`.
pub(crate) async fn get(
    admin: Admin,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let key = state.service.api_key(admin.context().clone(), id_of(id)?).await?;
    let etag = etag::of_version(key.version);
    if etag::is_known(request.headers(), &etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    Ok(of_key(key))
}

/// `PATCH /api/api-keys/{id}`.
pub(crate) async fn update(
    forced: Forced,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Forced { writer, force } = forced;
    let timezone = state.service.default_timezone();
    let patch = access_requests::update(writer.body.object()?, present(&state, &timezone))?;
    let key = state.service.update_api_key(writer.context(), id_of(id)?, patch, force).await?;
    Ok(match writer.is_dry_run() {
        true => answer::data(view::access::api_key(key)),
        false => of_key(key),
    })
}

/// `DELETE /api/api-keys/{id}`.
pub(crate) async fn delete(
    forced: Forced,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Forced { writer, force } = forced;
    job_requests::nothing(writer.body.object_if_any()?)?;
    let key = state.service.delete_api_key(writer.context(), id_of(id)?, force).await?;
    Ok(match writer.is_dry_run() {
        true => answer::data(view::access::api_key(key)),
        false => HttpResponse::NoContent().finish(),
    })
}

/// `POST /api/api-keys/{id}/revoke`.
pub(crate) async fn revoke(
    forced: Forced,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Forced { writer, force } = forced;
    job_requests::nothing(writer.body.object_if_any()?)?;
    let key = state.service.revoke_api_key(writer.context(), id_of(id)?, force).await?;
    // What OneOff v1 answers, and the key.
    Ok(answer::data(RevokedApiKey { status: "revoked".to_owned(), api_key: view::access::api_key(key) }))
}

/// `POST /api/api-keys/{id}/rotate`.
pub(crate) async fn rotate(
    writer: AdminWriter,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let timezone = state.service.default_timezone();
    let request = access_requests::rotate(writer.body.object_if_any()?, present(&state, &timezone))?;
    let key = generate_api_key(&SystemRandom);
    let rotation = Rotation {
        id: new_id(),
        key_hash: hash_api_key(key.expose()),
        key_prefix: key_prefix(key.expose()).to_owned(),
        expires_at: request.expires_at,
        overlap: request.overlap,
    };
    let written = state.service.rotate_api_key(writer.context(), id_of(id)?, rotation).await?;
    let is_made = !writer.is_dry_run() && !written.replayed;
    let rotated: NewApiKeyView = view::access::rotated(written.value, is_made.then(|| key.expose().clone()));
    let mut response = HttpResponse::build(StatusCode::OK);
    if written.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(response.json(Data { data: rotated }))
}

fn of_key(key: ApiKey) -> HttpResponse {
    let etag = etag::of_version(key.version);
    HttpResponse::Ok().insert_header((ETAG, etag)).json(Data { data: view::access::api_key(key) })
}
