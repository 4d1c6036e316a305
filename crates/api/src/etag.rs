//! Versions as entity tags: `ETag`, `If-Match` and `If-None-Match` (RFC 9110 sections 8.8.3 and 13.1).

use crate::problem::ApiError;
use actix_web::http::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use oneoff_domain::FieldError;

/// The entity tag of a record's version.
pub(crate) fn of_version(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that the record must still have; `None` when the client does not care, or sends `*`.
///
/// # Errors
/// A header that is not one version.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    match version(text) {
        Some(version) => Ok(Some(version)),
        None => Err(ApiError::invalid_field(
            FieldError::new("If-Match", "is not the version of a record")
                .with_hint("the ETag of an earlier answer, such as \"3\""),
        )),
    }
}

/// Whether the client already has what carries `etag`. Weak comparison.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let texts = headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let mut tags = texts.flat_map(|text| text.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || strong(tag) == strong(etag))
}

fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn version(tag: &str) -> Option<i64> {
    let digits = strong(tag).trim_matches('"');
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(name: HeaderName, text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(text).unwrap());
        headers
    }

    #[test]
    fn if_match_takes_the_forms_that_clients_send() {
        for (text, version) in [("\"3\"", Some(3)), ("3", Some(3)), ("W/\"12\"", Some(12)), ("*", None)] {
            assert_eq!(if_match(&headers(IF_MATCH, text)).unwrap(), version, "{text}");
        }
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        for text in ["\"x\"", "\"1\", \"2\"", "-1", "", "99999999999999999999"] {
            assert!(if_match(&headers(IF_MATCH, text)).is_err(), "{text}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly_and_takes_lists() {
        let etag = of_version(7);
        for (text, known) in [
            ("\"7\"", true),
            ("W/\"7\"", true),
            ("\"1\", \"7\"", true),
            ("*", true),
            ("\"8\"", false),
            ("7", false),
        ] {
            assert_eq!(is_known(&headers(IF_NONE_MATCH, text), &etag), known, "{text}");
        }
        assert!(!is_known(&HeaderMap::new(), &etag));
    }
}
