//! `Idempotency-Key`: the client's promise that requests with the same key are the same request.

use crate::problem::ApiError;
use actix_web::http::header::{HeaderMap, HeaderName};
use oneoff_domain::limits::IDEMPOTENCY_KEY_MAX_CHARS;
use oneoff_domain::{FieldError, IdempotencyKey};
use ring::digest;

/// The header of the request.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of an answer that repeats an earlier one.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key of a request, with the hash by which a different request under the same key is found out.
///
/// # Errors
/// A key that is empty, too long or not visible ASCII.
pub(crate) fn of_request(
    headers: &HeaderMap,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    let is_usable = (1..=IDEMPOTENCY_KEY_MAX_CHARS).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !is_usable {
        return Err(ApiError::invalid_field(
            FieldError::new("Idempotency-Key", "cannot be used as a key").with_hint(format!(
                "1 to {IDEMPOTENCY_KEY_MAX_CHARS} visible ASCII characters, such as a UUID"
            )),
        ));
    }
    Ok(Some(IdempotencyKey { key: key.to_owned(), fingerprint: fingerprint(method, path, body) }))
}

/// SHA-256 over the parts, each closed by a byte that occurs in neither method nor path.
fn fingerprint(method: &str, path: &str, body: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [method.as_bytes(), path.as_bytes()] {
        hash.update(part);
        hash.update(b"\n");
    }
    hash.update(body);
    hash.finish().as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xf]).filter_map(hex_digit).collect()
}

fn hex_digit(value: u8) -> Option<char> {
    char::from_digit(value.into(), 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn of(key: &str, path: &str, body: &[u8]) -> Result<Option<IdempotencyKey>, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_bytes(key.as_bytes()).unwrap());
        of_request(&headers, "POST", path, body)
    }

    #[test]
    fn the_same_request_has_the_same_fingerprint_and_any_other_another() {
        let first = of("k", "/api/jobs", b"{}").unwrap().unwrap();
        assert_eq!(of("k", "/api/jobs", b"{}").unwrap().unwrap(), first);
        assert_ne!(of("k", "/api/jobs", b"{ }").unwrap().unwrap().fingerprint, first.fingerprint);
        assert_ne!(of("k", "/api/jobs{}", b"").unwrap().unwrap().fingerprint, first.fingerprint);
    }

    #[test]
    fn unusable_keys_are_errors() {
        for key in ["", "ü", &"x".repeat(256)] {
            assert!(of(key, "/", b"").is_err(), "{key}");
        }
        assert!(of(&"x".repeat(255), "/", b"").is_ok());
        assert!(of_request(&HeaderMap::new(), "POST", "/", b"").unwrap().is_none());
    }
}
