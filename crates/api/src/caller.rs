//! Who calls: extractors that demand a permission, so that no handler can forget it, and that carry what
//! the service wants to know of the caller.

use crate::error_table::ErrorCode;
use crate::etag;
use crate::idempotency;
use crate::problem::ApiError;
use crate::read::body::Body;
use crate::read::fields::Field;
use crate::read::query::QueryReader;
use crate::request_id::RequestId;
use crate::state::ApiState;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, web};
use oneoff_domain::{Actor, Context, FieldError};
use oneoff_secrets::api_key::hash_api_key;
use oneoff_storage::ApiKey;
use std::pin::Pin;
use tokio::sync::OwnedSemaphorePermit;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a key must be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    Read,
    Write,
}

impl Permission {
    /// `write` implies `read`, and `admin` implies all.
    fn is_given_by(self, scope: &str) -> bool {
        match self {
            Self::Read => matches!(scope.trim(), "read" | "write" | "admin"),
            Self::Write => matches!(scope.trim(), "write" | "admin"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// A caller who may read.
#[derive(Debug)]
pub(crate) struct Reader {
    context: Context,
}

impl Reader {
    /// Who asks, and which projects they may see.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }
}

/// A caller who may read, and the question that was sent in a body.
#[derive(Debug)]
pub(crate) struct Asker {
    /// The body of the request.
    pub(crate) body: Body,
    // Given back when the request is answered.
    _room: Option<OwnedSemaphorePermit>,
}

/// The parameters of everything that changes something.
const WRITE_PARAMETERS: &[Field] = &[Field { name: "dry_run", allowed: "true or false" }];

/// A caller who may change something, and what was sent.
#[derive(Debug)]
pub(crate) struct Writer {
    context: Context,
    /// The body of the request.
    pub(crate) body: Body,
    // Given back when the request is answered.
    _room: Option<OwnedSemaphorePermit>,
}

impl Writer {
    /// What the service wants to know of the request.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Whether the caller only wants to see what would be.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.context.dry_run
    }

    /// For what makes a new record.
    ///
    /// # Errors
    /// The caller demands a version, which what does not exist yet cannot have.
    pub(crate) fn context_of_new(&self) -> Result<Context, ApiError> {
        if self.context.if_match.is_some() {
            let error = FieldError::new("If-Match", "a new job has no earlier version")
                .with_hint("leave the header out");
            return Err(ApiError::invalid_field(error));
        }
        Ok(self.context())
    }
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for Reader {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let actor = authorize(&request, Permission::Read).await?;
            Ok(Self { context: Context::new(actor) })
        })
    }
}

impl FromRequest for Asker {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            authorize(&request, Permission::Read).await?;
            let room = state(&request)?.room.take(request.headers())?;
            Ok(Self { body: Body::read(request.headers(), payload).await?, _room: room })
        })
    }
}

impl FromRequest for Writer {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let (writer, query) = Self::read(&request, payload, WRITE_PARAMETERS).await?;
            query.finish()?;
            Ok(writer)
        })
    }
}

impl Writer {
    /// Reads a request whose parameters are `known`, `dry_run` among them. Of the others the caller reads what there is
    /// and then says [`QueryReader::finish`].
    ///
    /// # Errors
    /// The caller may not write, or the request cannot be read.
    pub(crate) async fn read(
        request: &HttpRequest,
        payload: Payload,
        known: &'static [Field],
    ) -> Result<(Self, QueryReader), ApiError> {
        let actor = authorize(request, Permission::Write).await?;
        let headers = request.headers();
        let mut query = QueryReader::new(request.query_string(), known);
        let dry_run = query.boolean("dry_run").unwrap_or_default();
        let if_match = etag::if_match(headers)?;
        let room = state(request)?.room.take(headers)?;
        let body = Body::read(headers, payload).await?;
        let idempotency_key = match *request.method() {
            Method::POST => idempotency::of_request(headers, "POST", request.path(), body.bytes())?,
            _ => None,
        };
        let context = Context {
            request_id: RequestId::of_request(request),
            // A look at what would be leaves the key to the request that does it.
            idempotency_key: idempotency_key.filter(|_| !dry_run),
            if_match,
            dry_run,
            ..Context::new(actor)
        };
        Ok((Self { context, body, _room: room }, query))
    }
}

/// Somebody who may write.
///
/// # Errors
/// There is no such key, or it may not write.
pub(crate) async fn authorize_writer(request: &HttpRequest) -> Result<Actor, ApiError> {
    authorize(request, Permission::Write).await
}

fn state(request: &HttpRequest) -> Result<&web::Data<ApiState>, ApiError> {
    let state = request.app_data::<web::Data<ApiState>>();
    state.ok_or_else(|| ApiError::new(ErrorCode::Internal, "the API is not configured"))
}

async fn authorize(request: &HttpRequest, permission: Permission) -> Result<Actor, ApiError> {
    let state = state(request)?;
    if !state.settings.auth_enabled {
        return Ok(Actor::Local);
    }
    let key = presented_key(request.headers())?;
    let Some(key) = state.service.valid_api_key(hash_api_key(key)).await? else {
        return Err(ApiError::unauthorized("invalid or expired API key"));
    };
    permit(key, permission)
}

fn permit(key: ApiKey, permission: Permission) -> Result<Actor, ApiError> {
    if !key.scopes.iter().any(|scope| permission.is_given_by(scope)) {
        let needed = permission.name();
        let detail = format!("insufficient permissions: this needs a key with the scope `{needed}`");
        return Err(ApiError::new(ErrorCode::Forbidden, detail));
    }
    Ok(Actor::ApiKey { id: key.id, name: key.name })
}

fn presented_key(headers: &HeaderMap) -> Result<&str, ApiError> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, key) = value.to_str().unwrap_or_default().split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::unauthorized("invalid Authorization header format"));
        }
        return usable(key);
    }
    match headers.get(X_API_KEY) {
        Some(value) => usable(value.to_str().unwrap_or_default()),
        None => Err(ApiError::unauthorized("missing Authorization header")),
    }
}

fn usable(key: &str) -> Result<&str, ApiError> {
    match key.trim() {
        "" => Err(ApiError::unauthorized("missing API key")),
        key => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;
    use actix_web::http::header::HeaderValue;
    use oneoff_domain::Timestamp;

    fn presented(name: HeaderName, value: &str) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        presented_key(&headers).map(str::to_owned).map_err(|error| error.to_string())
    }

    fn key(scopes: &[&str]) -> ApiKey {
        ApiKey {
            id: "1".to_owned(),
            name: "ci".to_owned(),
            key_prefix: "oneoff_12345678".to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            expires_at: None,
            created_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_key_comes_in_either_header() {
        assert_eq!(presented(AUTHORIZATION, "Bearer k").as_deref(), Ok("k"));
        assert_eq!(presented(AUTHORIZATION, "bearer   k ").as_deref(), Ok("k"));
        assert_eq!(presented(X_API_KEY, "k").as_deref(), Ok("k"));
        for value in ["", "k", "Basic k", "Bearer", "Bearer  "] {
            assert!(presented(AUTHORIZATION, value).is_err(), "{value}");
        }
        assert!(presented_key(&HeaderMap::new()).is_err());
    }

    #[test]
    fn scopes_imply_the_lesser_ones() {
        for (scopes, reads, writes) in [
            (&["read"][..], true, false),
            (&["write"], true, true),
            (&["admin"], true, true),
            (&["read", " write"], true, true),
            (&[], false, false),
            (&["Admin"], false, false),
        ] {
            assert_eq!(permit(key(scopes), Permission::Read).is_ok(), reads, "{scopes:?}");
            assert_eq!(permit(key(scopes), Permission::Write).is_ok(), writes, "{scopes:?}");
        }
        let refusal = permit(key(&["read"]), Permission::Write).unwrap_err();
        assert_eq!(refusal.status_code().as_u16(), 403);
    }
}
