//! `/api/session`: browsers that sign in with a key; `/api/setup`: the first key of a server.

use crate::answer;
use crate::authorize::{actor, by_key, comes_by_session, key_of};
use crate::client_address::Client;
use crate::failed_keys;
use crate::problem::ApiError;
use crate::read::access_requests::{self, KeyRequest};
use crate::read::body::Body;
use crate::request_id::RequestId;
use crate::routes::api_keys::generated;
use crate::routes::jobs::no_parameters;
use crate::session_cookie;
use crate::state::ApiState;
use crate::view;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_api_types::{Data, SessionView};
use oneoff_domain::{Actor, Context, KeyScope};
use oneoff_scheduler::{ServiceError, SystemRandom};
use oneoff_secrets::SecretString;
use oneoff_secrets::api_key::{generate_token, hash_api_key};
use oneoff_storage::{NewSession, Refusal};
use std::time::Duration;

/// A session ends after this, whatever was done meanwhile.
pub(crate) const SESSION_LASTS: Duration = Duration::from_secs(12 * 3600);

/// `POST /api/session`: a key becomes a cookie.
pub(crate) async fn sign_in(
    state: web::Data<ApiState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    session_cookie::check_origin(&state, &request)?;
    no_parameters(&request)?;
    let key = access_requests::sign_in(body(&state, &request, payload).await?.object()?)?;
    if !state.settings.auth_enabled {
        return Ok(answer::data(without_keys()));
    }
    let key = by_key(&state, &request, key.expose()).await?;
    let token = generate_token(&SystemRandom);
    let now = state.service.now();
    let new = NewSession {
        token_hash: hash_api_key(token.expose()),
        api_key_id: key.id.clone(),
        expires_at: now.saturating_add(SESSION_LASTS),
    };
    let signed_in = state.service.sign_in(context(&request, actor(&key)), new).await;
    let session = signed_in.map_err(|error| match error {
        // It was revoked since it was looked up.
        ServiceError::Refused(Refusal::NotFound { .. }) => {
            ApiError::unauthorized("invalid or expired API key")
        }
        other => other.into(),
    })?;
    let cookie = session_cookie::cookie(&state, &request, token.expose(), SESSION_LASTS);
    let view = view::access::session(session, session_cookie::csrf_token(&token));
    Ok(HttpResponse::build(StatusCode::CREATED).cookie(cookie).json(Data { data: view }))
}

/// `GET /api/session`: who is signed in.
pub(crate) async fn get(state: web::Data<ApiState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let Some(key) = key_of(&request).await? else { return Ok(answer::data(without_keys())) };
    let cookie = session_cookie::token(request.headers()).filter(|_| comes_by_session(request.headers()));
    let Some(token) = cookie else {
        let api_key = Some(view::access::api_key((*key).clone()));
        return Ok(answer::data(SessionView {
            auth_enabled: true,
            api_key,
            expires_at: None,
            csrf_token: None,
        }));
    };
    match state.service.session(hash_api_key(token.expose())).await? {
        Some(session) => Ok(answer::data(view::access::session(session, session_cookie::csrf_token(&token)))),
        None => Err(ApiError::unauthorized("the session has ended: sign in again, or")),
    }
}

/// `DELETE /api/session`: signs out.
pub(crate) async fn sign_out(
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let key = key_of(&request).await?;
    let token = session_cookie::token(request.headers());
    if let (Some(key), Some(token)) = (key, token) {
        session_cookie::check_forgery(&state, &request, &token)?;
        let context = context(&request, actor(&key));
        state.service.sign_out(context, hash_api_key(token.expose())).await?;
    }
    let cookie = session_cookie::removed(&state, &request);
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// `POST /api/setup`: makes the first key by the link of the log.
pub(crate) async fn set_up(
    state: web::Data<ApiState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    session_cookie::check_origin(&state, &request)?;
    no_parameters(&request)?;
    let (token, name) = access_requests::set_up(body(&state, &request, payload).await?.object()?)?;
    let admin =
        KeyRequest { name, scopes: vec![KeyScope::Admin.to_string()], project_ids: None, expires_at: None };
    let (new, key): (_, SecretString) = generated(admin);
    let context = context(&request, Actor::SetupLink);
    let made = state.service.use_setup_link(context, hash_api_key(token.expose()), new).await;
    let made = made.map_err(|error| failed_keys::refused(&state, &request, token.expose(), error.into()))?;
    let view = view::access::new_api_key(made, Some(key.expose().clone()));
    Ok(HttpResponse::build(StatusCode::CREATED).json(Data { data: view }))
}

fn context(request: &HttpRequest, actor: Actor) -> Context {
    Context {
        request_id: RequestId::of_request(request),
        client_address: Client::address_of(request),
        ..Context::new(actor)
    }
}

/// The body of a request that needs no key.
async fn body(state: &ApiState, request: &HttpRequest, payload: web::Payload) -> Result<Body, ApiError> {
    let _room = state.room.take(request.headers())?;
    Body::read_up_to(SMALL_BYTES, request.headers(), payload.into_inner()).await
}

/// Bytes of such a body.
const SMALL_BYTES: usize = 4 * 1024;

fn without_keys() -> SessionView {
    SessionView { auth_enabled: false, api_key: None, expires_at: None, csrf_token: None }
}
