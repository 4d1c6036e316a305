//! The body of a request: bounded in size and time, JSON by its content type.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use crate::read::object::JsonObject;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use oneoff_domain::FieldError;
use oneoff_domain::limits::BODY_MAX_BYTES;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A body that was read. It is empty, or JSON by its content type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body(Bytes);

impl Body {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that is too large, too slow, or not sent as JSON.
    pub(crate) async fn read(headers: &HeaderMap, payload: Payload) -> Result<Self, ApiError> {
        Self::read_up_to(BODY_MAX_BYTES, headers, payload).await
    }

    /// Reads a body of at most so many bytes.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn read_up_to(
        max_bytes: usize,
        headers: &HeaderMap,
        payload: Payload,
    ) -> Result<Self, ApiError> {
        let announced = announced_bytes(headers);
        if announced.is_some_and(|bytes| bytes > max_bytes) {
            return Err(too_large(max_bytes));
        }
        let room = announced.unwrap_or(0).min(BODY_MAX_BYTES);
        let bytes = match tokio::time::timeout(TIMEOUT, collect(payload, room, max_bytes)).await {
            Ok(bytes) => bytes?,
            Err(_elapsed) => {
                let detail = format!("the body did not arrive within {} seconds", TIMEOUT.as_secs());
                return Err(ApiError::new(ErrorCode::RequestTimeout, detail));
            }
        };
        if !bytes.is_empty() {
            check_media_type(headers)?;
        }
        Ok(Self(bytes))
    }

    /// The bytes as they were sent.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The object that a request must send.
    ///
    /// # Errors
    /// No body, or one that is not an object.
    pub(crate) fn object(&self) -> Result<JsonObject, ApiError> {
        if self.is_blank() {
            let error = FieldError::new("", "the body is empty").with_hint("send a JSON object");
            return Err(ApiError::invalid_field(error));
        }
        JsonObject::parse(&self.0)
    }

    /// The object that a request may send.
    ///
    /// # Errors
    /// A body that is not an object.
    pub(crate) fn object_if_any(&self) -> Result<JsonObject, ApiError> {
        if self.is_blank() { Ok(JsonObject::default()) } else { JsonObject::parse(&self.0) }
    }

    fn is_blank(&self) -> bool {
        self.0.iter().all(u8::is_ascii_whitespace)
    }
}

/// The size that the client announced, if it did.
pub(crate) fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(mut payload: Payload, room: usize, max_bytes: usize) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::with_capacity(room);
    while let Some(part) = payload.next().await {
        let part = part.map_err(|error| {
            ApiError::new(ErrorCode::InvalidRequest, format!("the body cannot be read: {error}"))
        })?;
        if bytes.len() + part.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

fn too_large(max_bytes: usize) -> ApiError {
    ApiError::new(ErrorCode::BodyTooLarge, format!("the body is larger than {max_bytes} bytes"))
}

/// A page of another site can send only a few content types without asking first; JSON is none of them.
fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "the body must be sent without a Content-Encoding",
        ));
    }
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" | "application/merge-patch+json" => Ok(()),
        "" => Err(unsupported("the body has no content type")),
        other => Err(unsupported(&format!("the body has the content type `{}`", other.escape_debug()))),
    }
}

fn unsupported(what: &str) -> ApiError {
    ApiError::new(ErrorCode::UnsupportedMediaType, format!("{what}: send `Content-Type: application/json`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;
    use actix_web::test::TestRequest;

    async fn read(content_type: Option<&str>, body: impl Into<Bytes>) -> Result<Body, ApiError> {
        let mut request = TestRequest::post().set_payload(body);
        if let Some(content_type) = content_type {
            request = request.insert_header((CONTENT_TYPE, content_type));
        }
        let (request, payload) = request.to_http_parts();
        Body::read(request.headers(), payload).await
    }

    #[actix_web::test]
    async fn json_content_types_pass_and_no_body_needs_none() {
        for content_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
        {
            assert!(read(Some(content_type), "{}").await.is_ok(), "{content_type}");
        }
        assert!(read(None, "").await.unwrap().object_if_any().unwrap().0.is_empty());
        assert!(read(None, "").await.unwrap().object().is_err());
    }

    #[actix_web::test]
    async fn any_other_content_type_is_refused() {
        for content_type in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json")]
        {
            let error = read(content_type, "{}").await.unwrap_err();
            assert_eq!(error.status_code().as_u16(), 415, "{content_type:?}");
        }
    }

    #[actix_web::test]
    async fn a_body_over_the_limit_is_refused_with_the_limit() {
        let json = Some("application/json");
        assert!(read(json, vec![b' '; BODY_MAX_BYTES]).await.is_ok());
        let error = read(json, vec![b' '; BODY_MAX_BYTES + 1]).await.unwrap_err();
        assert_eq!(error.status_code().as_u16(), 413);
        assert!(error.to_string().contains("1048576"), "{error}");
    }
}
