//! The error of every handler, and how it becomes an RFC 9457 problem document.

use crate::error_table::ErrorCode;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use oneoff_api_types::{FieldProblem, Problem};
use oneoff_domain::{FieldError, ValidationErrors};
use std::error::Error;
use std::fmt;

/// The media type of a problem document.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not served. What the client may know is in `detail` and `errors`; `cause` is for the
/// log only.
#[derive(Debug)]
pub(crate) struct ApiError {
    code: ErrorCode,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error of this kind.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// Fields or parameters that are wrong.
    pub(crate) fn invalid(errors: ValidationErrors) -> Self {
        let detail = match errors.0.as_slice() {
            [only] => sentence(only),
            all => {
                let places: Vec<&str> = all.iter().map(|error| error.pointer.as_str()).collect();
                format!("{} fields are wrong: {}", all.len(), places.join(", "))
            }
        };
        Self { errors: errors.0, ..Self::new(ErrorCode::InvalidRequest, detail) }
    }

    /// One field, parameter or header that is wrong.
    pub(crate) fn invalid_field(error: FieldError) -> Self {
        Self::invalid(ValidationErrors::one(error))
    }

    /// There is no such record.
    pub(crate) fn no_such(kind: &str, id: &str) -> Self {
        let id: String = id.chars().take(64).collect();
        Self::new(ErrorCode::NotFound, format!("there is no {kind} `{id}`"))
    }

    /// The method is none of `allowed`.
    pub(crate) fn method_not_allowed(method: &str, allowed: &'static str) -> Self {
        let detail = format!("{method} is not possible here, but {allowed}");
        Self::new(ErrorCode::MethodNotAllowed, detail).with_header(ALLOW, HeaderValue::from_static(allowed))
    }

    /// There is no valid key.
    pub(crate) fn unauthorized(detail: &'static str) -> Self {
        let detail = format!("{detail}: send `Authorization: Bearer <key>`");
        let scheme = HeaderValue::from_static("Bearer realm=\"oneoff\"");
        Self::new(ErrorCode::Unauthorized, detail).with_header(WWW_AUTHENTICATE, scheme)
    }

    /// The same error with a header on its answer.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same error with the advice to come back.
    pub(crate) fn with_retry_after(self, seconds: u16) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The same error with the field that is to blame.
    pub(crate) fn with_field(mut self, error: FieldError) -> Self {
        self.errors.push(error);
        self
    }

    /// The same error of one of many jobs, told from the root of the body.
    pub(crate) fn of_item(mut self, index: usize, detail: String) -> Self {
        let place = format!("/jobs/{index}");
        self.errors = self.errors.into_iter().map(|error| error.below(&place)).collect();
        self.detail = detail;
        self
    }

    /// The same error with what is behind it, which is logged and never answered.
    pub(crate) fn with_cause(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// An answer that an inner layer gave by its status alone.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => ErrorCode::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge,
            StatusCode::REQUEST_TIMEOUT => ErrorCode::RequestTimeout,
            status if status.is_client_error() => ErrorCode::InvalidRequest,
            _ => ErrorCode::Internal,
        };
        Self::new(code, code.title())
    }

    /// What kind of error it is.
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The fields that are to blame.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> &[FieldError] {
        &self.errors
    }

    /// Writes what is behind the error to the log, once.
    pub(crate) fn log(&self) {
        if let Some(cause) = &self.cause {
            let chain = source_chain(cause.as_ref());
            tracing::error!(code = self.code.code(), cause = chain, "a request failed");
        }
    }

    /// The problem document.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        Problem {
            problem_type: format!("urn:oneoff:problem:{}", self.code.code()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            error: self.detail.clone(),
            code: self.code.code().to_owned(),
            errors: self.errors.iter().map(field_problem).collect(),
            request_id: request_id.to_owned(),
        }
    }

    /// The answer with the problem document.
    pub(crate) fn response(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        for header in &self.headers {
            response.insert_header(header.clone());
        }
        let body = serde_json::to_vec(&self.problem(request_id)).unwrap_or_default();
        response.content_type(PROBLEM_JSON).body(body)
    }
}

fn sentence(error: &FieldError) -> String {
    let name = error.pointer.trim_start_matches('/');
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    match name {
        "" => format!("{}{hint}", error.message),
        name => format!("{name}: {}{hint}", error.message),
    }
}

fn field_problem(error: &FieldError) -> FieldProblem {
    FieldProblem { pointer: error.pointer.clone(), message: error.message.clone(), hint: error.hint.clone() }
}

fn source_chain(error: &(dyn Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// The document without a request id, which the outermost layer of the API replaces.
    fn error_response(&self) -> HttpResponse {
        self.response("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    async fn document(error: &ApiError) -> Value {
        let body = to_bytes(error.response("req-1").into_body()).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[actix_web::test]
    async fn a_problem_carries_everything_that_clients_old_and_new_read() {
        let error = ApiError::invalid_field(FieldError::new("/priority", "must be 1 to 10").with_hint("5"));
        let expected = json!({
            "type": "urn:oneoff:problem:invalid_request",
            "title": "The request is not valid",
            "status": 400,
            "detail": "priority: must be 1 to 10 (5)",
            "error": "priority: must be 1 to 10 (5)",
            "code": "invalid_request",
            "errors": [{"pointer": "/priority", "message": "must be 1 to 10", "hint": "5"}],
            "request_id": "req-1",
        });
        assert_eq!(document(&error).await, expected);
        let response = error.response("req-1");
        assert_eq!(response.headers().get("content-type").unwrap(), PROBLEM_JSON);
    }

    #[actix_web::test]
    async fn the_cause_is_never_answered() {
        let cause = std::io::Error::other("/var/lib/oneoff: secret detail");
        let error = ApiError::new(ErrorCode::Internal, "the server failed").with_cause(cause);
        assert!(!document(&error).await.to_string().contains("secret detail"));
    }

    #[test]
    fn headers_say_what_to_do_next() {
        let headers = |error: ApiError| error.response("r").headers().clone();
        assert_eq!(
            headers(ApiError::method_not_allowed("PUT", "GET, HEAD")).get(ALLOW).unwrap(),
            "GET, HEAD"
        );
        assert!(headers(ApiError::unauthorized("no key")).contains_key(WWW_AUTHENTICATE));
        let busy = ApiError::new(ErrorCode::Overloaded, "busy").with_retry_after(2);
        assert_eq!(headers(busy).get(RETRY_AFTER).unwrap(), "2");
    }

    #[actix_web::test]
    async fn several_wrong_fields_are_all_named() {
        let errors = ValidationErrors(vec![FieldError::new("/a", "x"), FieldError::new("/b", "y")]);
        let document = document(&ApiError::invalid(errors)).await;
        assert_eq!(document["detail"], "2 fields are wrong: /a, /b");
        assert_eq!(document["errors"].as_array().unwrap().len(), 2);
    }
}
