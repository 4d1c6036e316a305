//! The config of an HTTP job and what is checked of it before it is accepted.

use super::expected::ExpectedStatus;
use super::headers;
use crate::fields::Fields;
use oneoff_domain::{FieldError, limits, suggest};
use oneoff_outbound::http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value};
use url::Url;

const FIELDS: [&str; 7] =
    ["url", "method", "headers", "body", "expected_status", "max_response_bytes", "follow_redirects"];

pub(super) const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Characters of a URL: what servers and proxies commonly take.
pub(super) const URL_MAX_BYTES: usize = 8 * 1024;
const REDIRECTS_DEFAULT: u32 = 5;
pub(super) const REDIRECTS_MAX: u64 = 20;
pub(super) const RESPONSE_DEFAULT_BYTES: u64 = 1024 * 1024;

/// An HTTP job's config, checked.
#[derive(Debug, Clone)]
pub(super) struct HttpConfig {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) expected: ExpectedStatus,
    pub(super) max_response_bytes: u64,
    pub(super) max_redirects: u32,
}

impl HttpConfig {
    /// Reads a config.
    pub(super) fn parse(config: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(config, &FIELDS);
        let url = url(&mut fields);
        let method = method(&mut fields);
        let mut headers = headers::read(&mut fields);
        let body = body(&mut fields, &mut headers);
        let expected = ExpectedStatus::read(&mut fields);
        let max_response_bytes = fields
            .number("max_response_bytes", 0, limits::OUTPUT_MAX_BYTES)
            .unwrap_or(RESPONSE_DEFAULT_BYTES);
        let max_redirects = redirects(&mut fields);
        fields.finish()?;
        let Some(url) = url else {
            return Err(vec![FieldError::new("/url", "is required")]);
        };
        Ok(Self { url, method, headers, body, expected, max_response_bytes, max_redirects })
    }
}

fn url(fields: &mut Fields<'_>) -> Option<Url> {
    const HINT: &str = "a whole URL, such as https://example.com/path";
    if fields.given("url").is_none() {
        fields.refuse_with_hint("url", "is required", HINT);
        return None;
    }
    let text = fields.text("url")?;
    if text.len() > URL_MAX_BYTES {
        fields.refuse("url", format!("is {} bytes long; at most {URL_MAX_BYTES} are allowed", text.len()));
        return None;
    }
    let parsed = Url::parse(text.trim());
    match parsed {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            fields.refuse_with_hint("url", "must begin with http:// or https://", HINT);
            None
        }
        Ok(url) => Some(url),
        Err(error) => {
            fields.refuse_with_hint("url", format!("is not a URL: {error}"), HINT);
            None
        }
    }
}

fn method(fields: &mut Fields<'_>) -> Method {
    let Some(text) = fields.text("method") else { return Method::GET };
    let word = text.trim().to_ascii_uppercase();
    if METHODS.contains(&word.as_str()) {
        return Method::from_bytes(word.as_bytes()).unwrap_or_default();
    }
    let known = METHODS.map(str::to_ascii_lowercase);
    let hint = match suggest::nearest(&word, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{}`?", near.to_ascii_uppercase()),
        None => format!("one of {}", METHODS.join(", ")),
    };
    let given: String = text.chars().take(32).collect();
    fields.refuse_with_hint("method", format!("`{given}` is not a method that can be sent"), hint);
    Method::GET
}

fn body(fields: &mut Fields<'_>, headers: &mut HeaderMap) -> Vec<u8> {
    let (body, content_type) = match fields.given("body") {
        None => return Vec::new(),
        Some(Value::String(text)) => (text.clone().into_bytes(), "text/plain; charset=utf-8"),
        Some(json) => (json.to_string().into_bytes(), "application/json"),
    };
    if !body.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    body
}

fn redirects(fields: &mut Fields<'_>) -> u32 {
    match fields.given("follow_redirects") {
        None | Some(Value::Bool(true)) => REDIRECTS_DEFAULT,
        Some(Value::Bool(false)) => 0,
        Some(value) => match value.as_u64().filter(|count| *count <= REDIRECTS_MAX) {
            Some(count) => u32::try_from(count).unwrap_or(REDIRECTS_DEFAULT),
            None => {
                let message = format!("must be true, false or a number up to {REDIRECTS_MAX}");
                fields.refuse("follow_redirects", message);
                REDIRECTS_DEFAULT
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(config: &Value) -> Result<HttpConfig, Vec<FieldError>> {
        HttpConfig::parse(config.as_object().unwrap())
    }

    #[test]
    fn good_configs_are_read() {
        let config = parse(&json!({"url": "HTTPS://bücher.example", "timeout": 30, "body": null})).unwrap();
        assert_eq!(config.url.as_str(), "https://xn--bcher-kva.example/");
        assert_eq!(
            (config.method, config.max_redirects, config.max_response_bytes),
            (Method::GET, 5, 1 << 20)
        );
        let config = parse(&json!({
            "url": "http://a", "method": "post", "body": {"b": 1, "a": [2]}, "follow_redirects": false
        }))
        .unwrap();
        assert_eq!((config.method, config.max_redirects), (Method::POST, 0));
        assert_eq!(config.body, br#"{"b":1,"a":[2]}"#);
        assert_eq!(config.headers["content-type"], "application/json");
        assert!(
            parse(&json!({"url": "http://a", "max_retries": 5000})).is_ok(),
            "an attempt runs all the same"
        );
        let own = json!({"url": "http://a", "body": "x", "headers": {"Content-Type": "text/csv"}});
        assert_eq!(parse(&own).unwrap().headers["content-type"], "text/csv");
    }

    #[test]
    fn every_bad_field_is_refused_with_its_pointer() {
        let long = format!("http://a/{}", "x".repeat(9000));
        for (config, pointer) in [
            (json!({}), "/url"),
            (json!({"url": ""}), "/url"),
            (json!({"url": 5}), "/url"),
            (json!({"url": "example.com/x"}), "/url"),
            (json!({"url": "/x"}), "/url"),
            (json!({"url": "ftp://example.com"}), "/url"),
            (json!({"url": "file:///etc/passwd"}), "/url"),
            (json!({"url": "http://"}), "/url"),
            (json!({"url": "http://a:99999"}), "/url"),
            (json!({"url": "http://a b/"}), "/url"),
            (json!({"url": long}), "/url"),
            (json!({"url": "http://a", "method": "GTE"}), "/method"),
            (json!({"url": "http://a", "method": "CONNECT"}), "/method"),
            (json!({"url": "http://a", "method": "GET\r\nX: y"}), "/method"),
            (json!({"url": "http://a", "method": 1}), "/method"),
            (json!({"url": "http://a", "headers": ["A: b"]}), "/headers"),
            (json!({"url": "http://a", "headers": {"A": 1}}), "/headers/A"),
            (json!({"url": "http://a", "headers": {"A B": "x"}}), "/headers/A B"),
            (json!({"url": "http://a", "headers": {"": "x"}}), "/headers/"),
            (json!({"url": "http://a", "headers": {"A": "x\r\nB: y"}}), "/headers/A"),
            (json!({"url": "http://a", "headers": {"A": "1", "a": "2"}}), "/headers/a"),
            (json!({"url": "http://a", "headers": {"Connection": "close"}}), "/headers/Connection"),
            (json!({"url": "http://a", "headers": {"Content-Length": "5"}}), "/headers/Content-Length"),
            (json!({"url": "http://a", "headers": {"Transfer-Encoding": "x"}}), "/headers/Transfer-Encoding"),
            (json!({"url": "http://a", "headers": {"OneOff-Job-Id": "x"}}), "/headers/OneOff-Job-Id"),
            (json!({"url": "http://a", "expected_status": "ok"}), "/expected_status"),
            (json!({"url": "http://a", "expected_status": 99}), "/expected_status"),
            (json!({"url": "http://a", "expected_status": []}), "/expected_status"),
            (json!({"url": "http://a", "expected_status": [200, "299-200"]}), "/expected_status/1"),
            (json!({"url": "http://a", "expected_status": [true]}), "/expected_status/0"),
            (json!({"url": "http://a", "max_response_bytes": -1}), "/max_response_bytes"),
            (json!({"url": "http://a", "max_response_bytes": 1_000_000_000}), "/max_response_bytes"),
            (json!({"url": "http://a", "follow_redirects": 21}), "/follow_redirects"),
            (json!({"url": "http://a", "follow_redirects": "yes"}), "/follow_redirects"),
            (json!({"url": "http://a", "header": {}}), "/header"),
        ] {
            let errors = parse(&config).err().unwrap_or_default();
            let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(pointers, [pointer], "{config}");
        }
    }
}
