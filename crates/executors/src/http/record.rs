//! What is recorded of a response: the execution's `result`.

use oneoff_outbound::OutboundResponse;
use oneoff_outbound::http::{HeaderMap, Version, header};
use serde_json::{Map, Value, json};

/// Bytes of headers that are kept.
const HEADERS_MAX_BYTES: usize = 16 * 1024;

/// How much of a body there was.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Body {
    /// Bytes that were kept.
    pub(super) kept_bytes: u64,
    /// Whether there was more.
    pub(super) truncated: bool,
}

/// The record of a response.
pub(super) fn record(response: &OutboundResponse, body: Body) -> Value {
    let (headers, headers_truncated) = headers(response.headers());
    let mut record = json!({
        "status": response.status().as_u16(),
        "status_text": response.status().canonical_reason().unwrap_or_default(),
        "headers": headers,
        "body_bytes": body.kept_bytes,
        "body_truncated": body.truncated,
        "url": response.url().as_str(),
        "redirects": response.redirects(),
        "http_version": version(response.version()),
    });
    if headers_truncated && let Some(record) = record.as_object_mut() {
        record.insert("headers_truncated".to_owned(), Value::Bool(true));
    }
    record
}

/// Headers by lower-case name; several of one name as one list, as HTTP allows. Cookies are credentials: of
/// each the name and the attributes are kept.
fn headers(headers: &HeaderMap) -> (Map<String, Value>, bool) {
    let mut kept = Map::new();
    let mut room = HEADERS_MAX_BYTES;
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            if *name == header::SET_COOKIE { without_secret(&text) } else { text.into_owned() }
        });
        let text = values.collect::<Vec<_>>().join(", ");
        let Some(rest) = room.checked_sub(name.as_str().len() + text.len()) else { return (kept, true) };
        room = rest;
        kept.insert(name.as_str().to_owned(), Value::String(text));
    }
    (kept, false)
}

fn without_secret(cookie: &str) -> String {
    let (pair, attributes) = cookie.split_once(';').map_or((cookie, None), |(pair, rest)| (pair, Some(rest)));
    let name = pair.split_once('=').map_or("", |(name, _)| name);
    let attributes = attributes.map(|attributes| format!(";{attributes}")).unwrap_or_default();
    format!("{name}=[redacted]{attributes}")
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_outbound::http::{HeaderName, HeaderValue};

    #[test]
    fn headers_are_joined_and_cookies_redacted() {
        let mut map = HeaderMap::new();
        map.append("vary", HeaderValue::from_static("a"));
        map.append("vary", HeaderValue::from_static("b"));
        map.append("set-cookie", HeaderValue::from_static("sid=s3cret; Path=/; HttpOnly"));
        map.append("set-cookie", HeaderValue::from_static("s3cret"));
        map.append("x-raw", HeaderValue::from_bytes(b"\xff").unwrap());
        let (kept, truncated) = headers(&map);
        assert_eq!(
            Value::Object(kept),
            json!({"vary": "a, b", "set-cookie": "sid=[redacted]; Path=/; HttpOnly, =[redacted]", "x-raw": "\u{fffd}"})
        );
        assert!(!truncated);
    }

    #[test]
    fn a_flood_of_headers_is_cut() {
        let mut map = HeaderMap::new();
        for index in 0..100 {
            let name = HeaderName::try_from(format!("x-{index}")).unwrap();
            map.insert(name, HeaderValue::try_from("y".repeat(1000)).unwrap());
        }
        let (kept, truncated) = headers(&map);
        assert_eq!((kept.len(), truncated), (16, true));
    }
}
