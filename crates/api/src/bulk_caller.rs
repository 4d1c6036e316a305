//! Who sends many jobs at once: the extractor of such requests, whose bodies are larger than others and therefore
//! bounded together.

use crate::caller::authorize_writer;
use crate::error_table::ErrorCode;
use crate::etag;
use crate::idempotency;
use crate::problem::ApiError;
use crate::read::body::{Body, announced_bytes};
use crate::read::fields::Field;
use crate::read::query::QueryReader;
use crate::request_id::RequestId;
use crate::state::ApiState;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, web};
use oneoff_domain::limits::BULK_BODY_MAX_BYTES;
use oneoff_domain::{Context, FieldError};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of the bodies that are read, checked or stored at the same time.
const TOGETHER_MAX_BYTES: usize = 2 * BULK_BODY_MAX_BYTES;
/// The unit in which room for bodies is given out.
const ROOM_BYTES: usize = 1024;

const PARAMETERS: &[Field] = &[
    Field { name: "dry_run", allowed: "true or false" },
    Field { name: "return", allowed: "ids, summary or full" },
];

/// How much of a job that was created is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// Its id.
    Ids,
    /// What a client needs to go on.
    Summary,
    /// All of it.
    Full,
}

impl FromStr for Return {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "ids" => Ok(Self::Ids),
            "summary" => Ok(Self::Summary),
            "full" => Ok(Self::Full),
            _ => Err(()),
        }
    }
}

/// The room that is left for large bodies.
#[derive(Debug, Clone)]
pub(crate) struct BulkRoom(Arc<Semaphore>);

impl Default for BulkRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TOGETHER_MAX_BYTES / ROOM_BYTES)))
    }
}

impl BulkRoom {
    /// Room for the body of a request with these headers.
    fn take(&self, headers: &HeaderMap) -> Result<OwnedSemaphorePermit, ApiError> {
        let bytes = announced_bytes(headers).unwrap_or(BULK_BODY_MAX_BYTES).min(BULK_BODY_MAX_BYTES);
        let rooms = u32::try_from(bytes.div_ceil(ROOM_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(rooms).map_err(|_none_left| {
            let detail = "too many large requests are under way: try again in a moment";
            ApiError::new(ErrorCode::Overloaded, detail).with_retry_after(1)
        })
    }
}

/// A caller who may write, and the many jobs that were sent.
#[derive(Debug)]
pub(crate) struct BulkWriter {
    /// What the service wants to know of the request. The idempotency key is not in it yet.
    pub(crate) context: Context,
    /// The body.
    pub(crate) body: Body,
    /// How much is answered.
    pub(crate) answers: Return,
    headers: HeaderMap,
    path: String,
    // Given back when the request is answered.
    _room: OwnedSemaphorePermit,
}

impl BulkWriter {
    /// The context with the idempotency key. Its fingerprint takes time in proportion to the body.
    ///
    /// # Errors
    /// A key that cannot be used.
    pub(crate) fn context_with_key(&self) -> Result<Context, ApiError> {
        let key = idempotency::of_request(&self.headers, "POST", &self.path, self.body.bytes())?;
        let idempotency_key = key.filter(|_| !self.context.dry_run);
        Ok(Context { idempotency_key, ..self.context.clone() })
    }
}

impl FromRequest for BulkWriter {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(read(request, payload))
    }
}

async fn read(request: HttpRequest, payload: Payload) -> Result<BulkWriter, ApiError> {
    let actor = authorize_writer(&request).await?;
    let mut query = QueryReader::new(request.query_string(), PARAMETERS);
    let dry_run = query.boolean("dry_run").unwrap_or_default();
    let answers = query.parsed("return").unwrap_or(Return::Summary);
    query.finish()?;
    let headers = request.headers();
    if etag::if_match(headers)?.is_some() {
        let error =
            FieldError::new("If-Match", "a new job has no earlier version").with_hint("leave the header out");
        return Err(ApiError::invalid_field(error));
    }
    let Some(state) = request.app_data::<web::Data<ApiState>>() else {
        return Err(ApiError::new(ErrorCode::Internal, "the API is not configured"));
    };
    let room = state.bulk_room.take(headers)?;
    let body = Body::read_up_to(BULK_BODY_MAX_BYTES, headers, payload).await?;
    let context = Context { request_id: RequestId::of_request(&request), dry_run, ..Context::new(actor) };
    let (headers, path) = (headers.clone(), request.path().to_owned());
    Ok(BulkWriter { context, body, answers, headers, path, _room: room })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{CONTENT_LENGTH, HeaderValue};

    #[test]
    fn large_bodies_have_room_together_and_give_it_back() {
        let room = BulkRoom::default();
        let unknown = HeaderMap::new();
        let mut small = HeaderMap::new();
        small.insert(CONTENT_LENGTH, HeaderValue::from_static("300"));
        let first = room.take(&unknown).unwrap();
        let second = room.take(&unknown).unwrap();
        assert_eq!(room.take(&small).unwrap_err().to_string().split(':').count(), 2);
        drop(first);
        let third = room.take(&small).unwrap();
        assert!(room.take(&unknown).is_err(), "not all of it is there");
        drop((second, third));
        assert!(room.take(&unknown).is_ok());
    }
}
