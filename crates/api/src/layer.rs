//! The outermost layer around every route: request id, defence, CORS, security headers, problem documents,
//! metrics and the log.

use crate::answer::RequestedWait;
use crate::client_address::Client;
use crate::cors;
use crate::defence::Visit;
use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::request_metrics::Labels;
use crate::routes::health::is_probe;
use crate::state::ApiState;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use oneoff_domain::in_request;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument;

const METRICS: &str = "/metrics";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Styles are set by scripts of the UI's widgets; scripts come from files only.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
);

/// Serves a request through every concern that is the same for all routes.
pub(crate) async fn serve<B>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    B: MessageBody + 'static,
{
    let Some(state) = request.app_data::<web::Data<ApiState>>().cloned() else {
        return Err(ApiError::new(ErrorCode::Internal, "the API is not configured").into());
    };
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let id = id.0;
    let client = Client::note(&request, &state.settings.trusted_proxies);
    // For programs that embed this and have a log of their own. The server's names the request without spans.
    let address = client.address.map(tracing::field::display);
    let span = tracing::error_span!("request", request_id = &*id, client = address);
    in_request(Arc::clone(&id), handle(request, next, state, id, client).instrument(span)).await
}

/// Serves it, with whatever is written to the log on the way naming the request.
async fn handle<B>(
    request: ServiceRequest,
    next: Next<B>,
    state: web::Data<ApiState>,
    id: Arc<str>,
    client: Client,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    B: MessageBody + 'static,
{
    let started = Instant::now();
    state.untrusted_proxies.note(&client);
    let (mut response, granted) = match admit(&request, &state) {
        Err(refusal) => (request.into_response(refusal.response(&id)), None),
        Ok(origin) if origin.is_some() && cors::is_preflight(request.method(), request.headers()) => {
            (request.into_response(cors::preflight()), origin)
        }
        Ok(origin) => {
            let answer = next.call(request).await?;
            (with_problem(answer.map_into_boxed_body(), &id), origin)
        }
    };
    let path = response.request().path();
    let is_api = path.strip_prefix(&state.settings.base_path).is_some_and(|path| is_below(path, "/api"));
    add_headers(response.headers_mut(), &id, is_api);
    cors::add_headers(response.headers_mut(), granted.as_deref(), state.defence.has_origins());
    note(&response, &state, client, started.elapsed());
    Ok(response)
}

fn admit(request: &ServiceRequest, state: &ApiState) -> Result<Option<String>, ApiError> {
    if request.path().strip_prefix(&state.settings.base_path).is_some_and(is_probe) {
        return Ok(None);
    }
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let mut hosts = headers.get_all(HOST);
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => request.uri().authority().map(|authority| authority.as_str()),
        _ => None,
    };
    let visit =
        Visit { method: request.method(), host, origin: text(ORIGIN), fetch_site: text(SEC_FETCH_SITE) };
    state.defence.check(visit)
}

/// An answer whose error becomes a problem document that names the request.
fn with_problem(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let problem = match response.response().error() {
        Some(error) => match error.as_error::<ApiError>() {
            Some(error) => {
                error.log();
                Some(error.response(id))
            }
            None => Some(unforeseen(error, response.status(), id)),
        },
        None => is_bare_error(&response).then(|| ApiError::of_status(response.status()).response(id)),
    };
    match problem {
        Some(problem) => response.into_response(problem),
        None => response,
    }
}

fn unforeseen(error: &Error, status: actix_web::http::StatusCode, id: &str) -> HttpResponse {
    if status.is_server_error() {
        tracing::error!(%error, "a request failed");
    }
    ApiError::of_status(status).response(id)
}

fn is_bare_error(response: &ServiceResponse<BoxBody>) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error()) && !response.headers().contains_key(CONTENT_TYPE)
}

fn add_headers(headers: &mut HeaderMap, id: &str, is_api: bool) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if is_api || !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Counts the request and writes it to the log; a slow one as a warning.
fn note(response: &ServiceResponse<BoxBody>, state: &ApiState, client: Client, took: Duration) {
    let request = response.request();
    let path = request.path();
    let status = response.status().as_u16();
    let method = known_method(request.method());
    let pattern = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
    // As in version 1: to ask for the metrics does not change them.
    if pattern.strip_prefix(&state.settings.base_path) != Some(METRICS) {
        state.request_metrics.note(Labels { method, path: pattern, status }, took);
    }
    let waited = request.extensions().get::<RequestedWait>().map_or(Duration::ZERO, |wait| wait.0);
    let duration_ms = took.as_micros() as f64 / 1_000.0;
    let is_slow = took > state.settings.slow_request.saturating_add(waited);
    if let Some(others) = is_slow.then(|| state.slow_requests.note(Instant::now())).flatten() {
        tracing::warn!(method, path, status, duration_ms, others, "a request was slow");
    }
    let client = client.address.map(tracing::field::display);
    tracing::debug!(client, method, path, status, duration_ms, "request");
}

/// The method as a label, of which there are few whatever clients send.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn a_path_lies_below_its_parents_only() {
        assert!(is_below("/api", "/api") && is_below("/api/jobs", "/api"));
        assert!(!is_below("/apis", "/api") && !is_below("/", "/api"));
    }
}
