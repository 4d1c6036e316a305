//! Where a redirect leads, and what of the request goes there (RFC 9110 section 15.4).

use crate::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use crate::{OutboundError, OutboundRequest};
use bytes::Bytes;

/// The request that a response with this status and these headers asks for; `None` if it asks for none.
pub(crate) fn next(
    request: &OutboundRequest,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<OutboundRequest>, OutboundError> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = headers.get(header::LOCATION).filter(|_| is_redirect) else { return Ok(None) };
    let location = String::from_utf8_lossy(location.as_bytes());
    let url = request
        .url
        .join(&location)
        .map_err(|_invalid| OutboundError::BadRedirect(location.chars().take(256).collect()))?;
    let mut next = request.clone();
    let becomes_get = match status.as_u16() {
        303 => next.method != Method::HEAD,
        // What every client does, although the standard leaves it open.
        301 | 302 => next.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        next.method = Method::GET;
        next.body = Bytes::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE] {
            next.headers.remove(name);
        }
    }
    if url.origin() != request.url.origin() {
        let secret: Vec<HeaderName> = next
            .headers
            .keys()
            .filter(|name| is_credential(name) || **name == header::HOST)
            .cloned()
            .collect();
        secret.iter().for_each(|name| drop(next.headers.remove(name)));
    }
    next.url = url;
    Ok(Some(next))
}

/// Whether a header probably carries a secret, by its name. Such a one never goes to another origin.
#[must_use]
pub fn is_credential(name: &HeaderName) -> bool {
    const WORDS: [&str; 8] =
        ["auth", "cookie", "token", "secret", "password", "session", "signature", "api-key"];
    let name = name.as_str();
    WORDS.iter().any(|word| name.contains(word))
        || name.ends_with("apikey")
        || name.ends_with("-key") && name != "idempotency-key"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderValue;

    fn request() -> OutboundRequest {
        let mut request = OutboundRequest::new(Method::POST, "https://a.example/x/y?q".parse().unwrap());
        for name in
            ["authorization", "cookie", "x-api-key", "x-note", "idempotency-key", "content-type", "host"]
        {
            request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        request.body = Bytes::from_static(b"body");
        request
    }

    fn redirected(status: u16, location: &str) -> OutboundRequest {
        let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_str(location).unwrap())]);
        next(&request(), StatusCode::from_u16(status).unwrap(), &headers).unwrap().unwrap()
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let same = redirected(308, "../z");
        assert_eq!(same.url.as_str(), "https://a.example/z");
        assert_eq!((same.method, same.body.as_ref(), same.headers.len()), (Method::POST, &b"body"[..], 7));
        for elsewhere in ["//b.example/", "http://a.example/", "https://a.example:444/"] {
            let other = redirected(307, elsewhere);
            let mut names: Vec<_> = other.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["content-type", "idempotency-key", "x-note"], "{elsewhere}");
        }
    }

    #[test]
    fn a_post_becomes_a_get_where_it_should() {
        for status in [301, 302, 303] {
            let next = redirected(status, "/z");
            assert_eq!((next.method, next.body.len()), (Method::GET, 0), "{status}");
            assert!(!next.headers.contains_key("content-type"));
        }
    }

    #[test]
    fn other_answers_are_no_redirects() {
        let location = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/z"))]);
        for status in [200, 201, 300, 304, 404] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(next(&request(), status, &location).unwrap().is_none());
        }
        assert!(next(&request(), StatusCode::FOUND, &HeaderMap::new()).unwrap().is_none());
        let bad = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("http://[x"))]);
        assert!(next(&request(), StatusCode::FOUND, &bad).is_err());
    }
}
