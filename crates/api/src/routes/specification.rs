//! `/api/openapi.json` and `/api/openapi-3.1.json`: the API, described, made when it is first asked for, and kept.
//! `/api/job-types/{type}/schema`: the configs of a job type.

use crate::caller::Reader;
use crate::etag;
use crate::openapi::{Server, Version, document};
use crate::problem::ApiError;
use crate::routes::jobs::no_parameters;
use crate::state::ApiState;
use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use ring::digest;
use std::sync::OnceLock;

const JSON: &str = "application/json";
/// The media type of JSON Schemas (draft-bhutton-json-schema-01, section 14.1).
const SCHEMA_JSON: &str = "application/schema+json";

/// A document that was made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    bytes: Bytes,
    etag: String,
}

/// The documents, each made once.
#[derive(Debug, Default)]
pub(crate) struct Specification {
    older: OnceLock<Made>,
    newer: OnceLock<Made>,
}

impl Specification {
    fn of(&self, version: Version, state: &ApiState) -> &Made {
        let place = if version == Version::Older { &self.older } else { &self.newer };
        place.get_or_init(|| {
            let settings = &state.settings;
            let server = Server {
                version: &settings.version,
                base_path: &settings.base_path,
                demands_keys: settings.auth_enabled,
            };
            let bytes = serde_json::to_vec(&document(version, server)).unwrap_or_default();
            Made { etag: etag_of(&bytes), bytes: bytes.into() }
        })
    }
}

/// A strong entity tag of a content.
pub(crate) fn etag_of(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    let digits: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// `GET /api/openapi.json`.
pub(crate) async fn older(
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Ok(send(&request, JSON, state.specification.of(Version::Older, &state)))
}

/// `GET /api/openapi-3.1.json`.
pub(crate) async fn newer(
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Ok(send(&request, JSON, state.specification.of(Version::Newer, &state)))
}

/// `GET /api/job-types/{type}/schema`: a config of that type, as JSON Schema.
pub(crate) async fn job_type(
    _reader: Reader,
    state: web::Data<ApiState>,
    job_type: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let schema = state.service.config_schema(&job_type);
    let schema = schema.ok_or_else(|| ApiError::no_such("job type", &job_type))?;
    let bytes = serde_json::to_vec(&schema).unwrap_or_default();
    Ok(send(&request, SCHEMA_JSON, &Made { etag: etag_of(&bytes), bytes: bytes.into() }))
}

fn send(request: &HttpRequest, media_type: &str, made: &Made) -> HttpResponse {
    if etag::is_known(request.headers(), &made.etag) {
        return HttpResponse::NotModified().insert_header((ETAG, made.etag.clone())).finish();
    }
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((ETAG, made.etag.clone()))
        .body(made.bytes.clone())
}
