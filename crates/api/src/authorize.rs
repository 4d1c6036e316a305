//! Who calls, by the key or the session of the request, and whether that may do what is asked.

use crate::client_address::Client;
use crate::error_table::ErrorCode;
use crate::failed_keys;
use crate::problem::ApiError;
use crate::request_id::RequestId;
use crate::session_cookie;
use crate::state::ApiState;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use actix_web::{HttpRequest, web};
use oneoff_domain::{Actor, Context};
use oneoff_secrets::api_key::{PREFIX, hash_api_key, is_mistyped};
use oneoff_storage::ApiKey;
use std::sync::Arc;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a key must be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Read,
    Write,
    Admin,
}

impl Scope {
    /// `write` implies `read`, and `admin` implies all.
    fn is_given_by(self, scope: &str) -> bool {
        match self {
            Self::Read => matches!(scope.trim(), "read" | "write" | "admin"),
            Self::Write => matches!(scope.trim(), "write" | "admin"),
            Self::Admin => scope.trim() == "admin",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// What every handler shares.
///
/// # Errors
/// The API was not mounted as it should be.
pub(crate) fn state(request: &HttpRequest) -> Result<&web::Data<ApiState>, ApiError> {
    let state = request.app_data::<web::Data<ApiState>>();
    state.ok_or_else(|| ApiError::new(ErrorCode::Internal, "the API is not configured"))
}

/// Who asks, with what the service wants to know of them.
///
/// # Errors
/// There is no such key or session, or it may not do this.
pub(crate) async fn authorize(request: &HttpRequest, scope: Scope) -> Result<Context, ApiError> {
    let (actor, allowed_projects) = match key_of(request).await? {
        None => (Actor::Local, None),
        Some(key) => {
            permit(&key, scope)?;
            (actor(&key), key.project_ids.clone())
        }
    };
    Ok(Context {
        allowed_projects,
        request_id: RequestId::of_request(request),
        client_address: Client::address_of(request),
        ..Context::new(actor)
    })
}

/// The key by which the caller comes, or which the session of the caller has; `None` on a server without keys.
///
/// # Errors
/// There is no such key or session.
pub(crate) async fn key_of(request: &HttpRequest) -> Result<Option<Arc<ApiKey>>, ApiError> {
    let state = state(request)?;
    if !state.settings.auth_enabled {
        return Ok(None);
    }
    let key = match Credential::of(state, request) {
        Ok(credential) => credential.key(state).await,
        Err(error) => Err(error),
    };
    count(&key);
    key.map(Some).map_err(|error| failed_keys::refused_request(state, request, error))
}

/// By what somebody comes, as the hash that is stored of it: what takes longer than a request can ask again whether it is
/// valid.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// An API key.
    Key(String),
    /// The session of a browser.
    Session(String),
}

impl Credential {
    /// That of a request to a server with keys.
    ///
    /// # Errors
    /// There is none, it cannot be one, or it was sent by a page of another site.
    pub(crate) fn of(state: &ApiState, request: &HttpRequest) -> Result<Self, ApiError> {
        if let Some(key) = presented_key(request.headers())? {
            return Self::of_key(key);
        }
        let Some(token) = session_cookie::token(request.headers()) else {
            return Err(ApiError::unauthorized("missing Authorization header"));
        };
        session_cookie::check_forgery(state, request, &token)?;
        Ok(Self::Session(hash_api_key(token.expose())))
    }

    fn of_key(key: &str) -> Result<Self, ApiError> {
        match is_mistyped(key) {
            true => Err(ApiError::unauthorized(
                "invalid API key: its checksum does not fit, so it was mistyped or cut",
            )),
            false => Ok(Self::Key(hash_api_key(key))),
        }
    }

    /// The key that it is, or that its session has.
    ///
    /// # Errors
    /// It is not valid now.
    pub(crate) async fn key(&self, state: &ApiState) -> Result<Arc<ApiKey>, ApiError> {
        let (valid, refusal) = match self {
            Self::Key(hash) => {
                (state.service.valid_api_key(hash.clone()).await?, "invalid or expired API key")
            }
            Self::Session(hash) => {
                (state.service.valid_session(hash.clone()).await?, "the session has ended: sign in again, or")
            }
        };
        valid.ok_or_else(|| ApiError::unauthorized(refusal))
    }
}

/// The key that somebody sent in a request that needs none.
///
/// # Errors
/// There is no such key, or it is not valid.
pub(crate) async fn by_key(
    state: &ApiState,
    request: &HttpRequest,
    key: &str,
) -> Result<Arc<ApiKey>, ApiError> {
    let found = match Credential::of_key(key) {
        Ok(credential) => credential.key(state).await,
        Err(error) => Err(error),
    };
    count(&found);
    found.map_err(|error| failed_keys::refused(state, request, key, error))
}

fn count(found: &Result<Arc<ApiKey>, ApiError>) {
    let result = if found.is_ok() { "success" } else { "failed" };
    metrics::counter!("oneoff_apikey_validations_total", "result" => result).increment(1);
}

/// Who acts with a key.
pub(crate) fn actor(key: &ApiKey) -> Actor {
    Actor::ApiKey { id: key.id.clone(), name: key.name.clone() }
}

fn permit(key: &ApiKey, scope: Scope) -> Result<(), ApiError> {
    if key.scopes.iter().any(|given| scope.is_given_by(given)) {
        return Ok(());
    }
    let needed = scope.name();
    let detail = match scope {
        // What OneOff v1 says.
        Scope::Admin => "admin scope required: this needs a key with the scope `admin`".to_owned(),
        Scope::Read | Scope::Write => {
            format!("insufficient permissions: this needs a key with the scope `{needed}`")
        }
    };
    Err(ApiError::new(ErrorCode::Forbidden, detail))
}

/// Whether the caller comes by a cookie, and not with a key.
pub(crate) fn comes_by_session(headers: &HeaderMap) -> bool {
    matches!(presented_key(headers), Ok(None))
}

/// The key that was sent; `None` where none was.
pub(crate) fn presented_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, key) = value.to_str().unwrap_or_default().split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::unauthorized("invalid Authorization header format"));
        }
        return usable(key).map(Some);
    }
    let value = headers.get(X_API_KEY);
    value.map(|value| usable(value.to_str().unwrap_or_default())).transpose()
}

fn usable(key: &str) -> Result<&str, ApiError> {
    match key.trim() {
        "" | PREFIX => Err(ApiError::unauthorized("missing API key")),
        key => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;
    use actix_web::http::header::HeaderValue;
    use oneoff_domain::Timestamp;

    fn presented(name: HeaderName, value: &str) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        presented_key(&headers).map(|key| key.map(str::to_owned)).map_err(|error| error.to_string())
    }

    fn key(scopes: &[&str]) -> ApiKey {
        ApiKey {
            id: "1".to_owned(),
            name: "ci".to_owned(),
            key_prefix: "oneoff_12345678".to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            project_ids: None,
            is_active: true,
            last_used_at: None,
            expires_at: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
            version: 1,
            replaced_by: None,
        }
    }

    #[test]
    fn a_key_comes_in_either_header() {
        let k = Ok(Some("k".to_owned()));
        assert_eq!(presented(AUTHORIZATION, "Bearer k"), k);
        assert_eq!(presented(AUTHORIZATION, "bearer   k "), k);
        assert_eq!(presented(X_API_KEY, "k"), k);
        for value in ["", "k", "Basic k", "Bearer", "Bearer  "] {
            assert!(presented(AUTHORIZATION, value).is_err(), "{value}");
        }
        assert!(presented_key(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn scopes_imply_the_lesser_ones() {
        for (scopes, reads, writes, administers) in [
            (&["read"][..], true, false, false),
            (&["write"], true, true, false),
            (&["admin"], true, true, true),
            (&["read", " write"], true, true, false),
            (&[], false, false, false),
            (&["Admin"], false, false, false),
        ] {
            assert_eq!(permit(&key(scopes), Scope::Read).is_ok(), reads, "{scopes:?}");
            assert_eq!(permit(&key(scopes), Scope::Write).is_ok(), writes, "{scopes:?}");
            assert_eq!(permit(&key(scopes), Scope::Admin).is_ok(), administers, "{scopes:?}");
        }
        let refusal = permit(&key(&["read"]), Scope::Write).unwrap_err();
        assert_eq!(refusal.status_code().as_u16(), 403);
        let refusal = permit(&key(&["write"]), Scope::Admin).unwrap_err();
        assert!(refusal.to_string().starts_with("admin scope required"), "{refusal}");
    }
}
