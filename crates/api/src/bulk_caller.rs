//! Who sends many jobs at once: the extractor of such requests, whose bodies are larger than others and therefore
//! bounded together.

use crate::authorize::{Scope, authorize};
use crate::error_table::ErrorCode;
use crate::etag;
use crate::idempotency;
use crate::problem::ApiError;
use crate::read::body::Body;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::query::QueryReader;
use crate::state::ApiState;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, web};
use oneoff_domain::limits::BULK_BODY_MAX_BYTES;
use oneoff_domain::{Context, FieldError};
use std::pin::Pin;
use std::str::FromStr;
use tokio::sync::OwnedSemaphorePermit;

pub(crate) const PARAMETERS: &[Field] = &[
    Field { name: "dry_run", allowed: "true or false", form: Form::Boolean },
    Field { name: "return", allowed: "ids, summary or full", form: Form::Word(&["ids", "summary", "full"]) },
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

impl Return {
    /// About how long the answer for a job is, beside its own config.
    pub(crate) fn bytes_per_job(self) -> usize {
        match self {
            Self::Ids => 96,
            Self::Summary => 224,
            Self::Full => 1024,
        }
    }
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
    _room: Option<OwnedSemaphorePermit>,
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
    let caller = authorize(&request, Scope::Write).await?;
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
    let context = Context { dry_run, ..caller };
    let (headers, path) = (headers.clone(), request.path().to_owned());
    Ok(BulkWriter { context, body, answers, headers, path, _room: room })
}
