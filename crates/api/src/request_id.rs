//! The id of a request: the client's own if it is usable, else a new one; on every answer and in the log.

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};
use oneoff_domain::Random;
use oneoff_scheduler::SystemRandom;
use std::sync::Arc;

/// The header that carries it in and out.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_CHARS: usize = 128;

/// The id of the request at hand, kept with the request.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

impl RequestId {
    /// The client's id, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given =
            headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| is_usable(id));
        Self(given.map_or_else(|| generate().into(), Arc::from))
    }

    /// The id that the outermost layer gave the request.
    pub(crate) fn of_request(request: &HttpRequest) -> Option<String> {
        request.extensions().get::<RequestId>().map(|id| id.0.as_ref().to_owned())
    }
}

fn is_usable(id: &str) -> bool {
    (1..=MAX_CHARS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn generate() -> String {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn of(text: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(text.as_bytes()).unwrap());
        RequestId::of(&headers).0.as_ref().to_owned()
    }

    #[test]
    fn a_usable_id_is_kept_and_any_other_replaced() {
        assert_eq!(of("abc-123"), "abc-123");
        assert_eq!(of(&"x".repeat(128)), "x".repeat(128));
        for unusable in ["", "a b", "ü", &"x".repeat(129)] {
            let id = of(unusable);
            assert_ne!(id, unusable);
            assert_eq!(id.len(), 36, "{id}");
        }
    }

    #[test]
    fn new_ids_differ() {
        assert_ne!(generate(), generate());
    }
}
