//! The cookie of a browser that signed in, and what keeps other sites from using it: the origin of a request and, for
//! changes, a token that only a page of this server can read.

use crate::client_address::Client;
use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use crate::state::ApiState;
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use actix_web::http::header::{COOKIE, HOST, HeaderMap, HeaderName, ORIGIN};
use oneoff_secrets::SecretString;
use oneoff_secrets::api_key::hash_api_key;
use ring::hmac;
use std::time::Duration;

/// The name of the cookie.
pub(crate) const NAME: &str = "oneoff_session";
/// The header that a change by a session carries.
pub(crate) const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Hexadecimal digits of a session's token.
const TOKEN_CHARS: usize = 64;

/// The token of the session that the request belongs to.
pub(crate) fn token(headers: &HeaderMap) -> Option<SecretString> {
    let values = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut cookies =
        values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = cookies.find(|(name, _)| *name == NAME)?;
    let is_token = token.len() == TOKEN_CHARS && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| SecretString::new(token))
}

/// The cookie of a new session.
pub(crate) fn cookie(
    state: &ApiState,
    request: &HttpRequest,
    token: &str,
    lasts: Duration,
) -> Cookie<'static> {
    let seconds = i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX);
    let mut cookie = removed(state, request);
    cookie.set_value(token.to_owned());
    cookie.set_max_age(CookieDuration::seconds(seconds));
    cookie
}

/// The cookie that takes the place of one that is over.
pub(crate) fn removed(state: &ApiState, request: &HttpRequest) -> Cookie<'static> {
    let path = if state.settings.base_path.is_empty() { "/" } else { &state.settings.base_path };
    let is_https = Client::of_request(request).is_https || state.settings.is_public_https();
    Cookie::build(NAME, "")
        .path(path.to_owned())
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_https)
        .max_age(CookieDuration::ZERO)
        .finish()
}

/// What a page must send along with a change: derived from the session's token, which no script can read.
pub(crate) fn csrf_token(token: &SecretString) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
    let tag = hmac::sign(&key, b"oneoff csrf");
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses what another site sent by the browser of somebody who is signed in.
///
/// # Errors
/// The request comes from another origin, or is a change without the token.
pub(crate) fn check_forgery(
    state: &ApiState,
    request: &HttpRequest,
    token: &SecretString,
) -> Result<(), ApiError> {
    check_origin(state, request)?;
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let sent = request.headers().get(X_CSRF_TOKEN).map_or(&b""[..], |value| value.as_bytes());
    // Compared by their hashes, so that the time it takes tells nothing of the token.
    let is_right = hash_api_key(&String::from_utf8_lossy(sent)) == hash_api_key(&csrf_token(token));
    if is_right {
        return Ok(());
    }
    let detail =
        "a change by a session needs its token: send the `csrf_token` of GET /api/session as X-CSRF-Token";
    Err(ApiError::new(ErrorCode::ForgeryRefused, detail))
}

/// Refuses requests of pages of other origins.
///
/// # Errors
/// A refusal that names the setting.
pub(crate) fn check_origin(state: &ApiState, request: &HttpRequest) -> Result<(), ApiError> {
    let text =
        |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    state.defence.check_own_page(text(HOST), text(ORIGIN), text(SEC_FETCH_SITE))
}
