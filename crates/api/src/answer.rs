//! Successful answers: the envelope, entity tags, pages with their `Link`, and waits that were asked for.

use crate::caller::Writer;
use crate::etag;
use crate::idempotency::IDEMPOTENCY_REPLAYED;
use crate::state::ApiState;
use crate::view;
use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LINK, LOCATION};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder};
use oneoff_api_types::{ActedJob, Data, JobView, List};
use oneoff_domain::Job;
use oneoff_storage::{Page, Written};
use serde::Serialize;
use std::time::Duration;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Room for a usual record: the text of a larger one is copied each time that it outgrows its place. Above this size
/// the C library's allocator takes a slow way.
const RECORD_BYTES: usize = 1024;

/// How long the client asked to wait; a request that takes no longer than this is not slow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestedWait(pub(crate) Duration);

impl RequestedWait {
    /// Notes the wait with the request.
    pub(crate) fn note(request: &HttpRequest, wait: Duration) {
        request.extensions_mut().insert(Self(wait));
    }
}

/// `{"data": ...}`
pub(crate) fn data<T: Serialize>(data: T) -> HttpResponse {
    json(&mut HttpResponse::Ok(), &Data { data })
}

/// A record with its version as entity tag, and what else is to be said of it.
pub(crate) struct RecordAnswer<T> {
    status: StatusCode,
    version: i64,
    record: T,
    headers: Vec<(HeaderName, String)>,
}

impl<T: Serialize> RecordAnswer<T> {
    /// The record, as it is.
    pub(crate) fn new(record: T, version: i64) -> Self {
        Self { status: StatusCode::OK, version, record, headers: Vec::new() }
    }

    /// It was made, or begun, and is found at this path.
    pub(crate) fn at(mut self, status: StatusCode, path: String) -> Self {
        self.status = status;
        self.headers.push((LOCATION, path));
        self
    }

    /// An earlier request with the same idempotency key did it.
    pub(crate) fn replayed(mut self, is_replayed: bool) -> Self {
        if is_replayed {
            self.headers.push((IDEMPOTENCY_REPLAYED, "true".to_owned()));
        }
        self
    }

    /// The answer, or 304 when the client that reads has it already.
    pub(crate) fn unless_known(self, request: &HttpRequest) -> HttpResponse {
        let etag = etag::of_version(self.version);
        match etag::is_known(request.headers(), &etag) {
            true => HttpResponse::NotModified().insert_header((ETAG, etag)).finish(),
            false => self.finish(),
        }
    }

    /// The answer.
    pub(crate) fn finish(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((ETAG, etag::of_version(self.version)));
        for header in self.headers {
            response.insert_header(header);
        }
        json(&mut response, &Data { data: self.record })
    }
}

/// A job, with its version as entity tag.
pub(crate) fn job(state: &ApiState, job: Job) -> HttpResponse {
    with_job(StatusCode::OK, state, job).finish()
}

/// A job that was read, or 304 when the client has it already.
pub(crate) fn job_if_changed(request: &HttpRequest, state: &ApiState, job: Job) -> HttpResponse {
    let etag = etag::of_version(job.state.version);
    if etag::is_known(request.headers(), &etag) {
        return HttpResponse::NotModified().insert_header((ETAG, etag)).finish();
    }
    self::job(state, job)
}

/// A job that was written, perhaps by an earlier request with the same idempotency key.
pub(crate) fn written(writer: &Writer, state: &ApiState, written: Written<Job>) -> HttpResponse {
    if writer.is_dry_run() {
        return preview(state, written.value);
    }
    with_job(StatusCode::OK, state, written.value).replayed(written.replayed).finish()
}

/// A job that was started or cancelled, with what was done in words.
pub(crate) fn acted(writer: &Writer, state: &ApiState, written: Written<Job>, message: &str) -> HttpResponse {
    if writer.is_dry_run() {
        return preview(state, written.value);
    }
    let version = written.value.state.version;
    let job = view::job::job(written.value, &state.service.catalog());
    let acted = ActedJob { message: Some(message.to_owned()), job };
    RecordAnswer::new(acted, version).replayed(written.replayed).finish()
}

/// A job as it would be. That version of it does not exist, and so has neither entity tag nor place.
pub(crate) fn preview(state: &ApiState, job: Job) -> HttpResponse {
    data(view::job::job(job, &state.service.catalog()))
}

/// A job that was created.
pub(crate) fn created(writer: &Writer, state: &ApiState, written: Written<Job>) -> HttpResponse {
    if writer.is_dry_run() {
        return preview(state, written.value);
    }
    let location = state.public_path(&format!("/api/jobs/{}", written.value.id));
    let mut answer = with_job(StatusCode::CREATED, state, written.value).replayed(written.replayed);
    answer.headers.push((LOCATION, location));
    answer.finish()
}

struct JobAnswer {
    status: StatusCode,
    view: JobView,
    headers: Vec<(HeaderName, String)>,
}

fn with_job(status: StatusCode, state: &ApiState, job: Job) -> JobAnswer {
    let etag = (ETAG, etag::of_version(job.state.version));
    let view = view::job::job(job, &state.service.catalog());
    JobAnswer { status, view, headers: vec![etag] }
}

impl JobAnswer {
    fn replayed(mut self, is_replayed: bool) -> Self {
        if is_replayed {
            self.headers.push((IDEMPOTENCY_REPLAYED, "true".to_owned()));
        }
        self
    }

    fn finish(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for header in self.headers {
            response.insert_header(header);
        }
        json(&mut response, &Data { data: self.view })
    }
}

/// A record other than a job, with its version.
pub(crate) struct Record<V> {
    view: V,
    version: i64,
    is_replayed: bool,
}

impl<V: Serialize> Record<V> {
    /// As it is at this version.
    pub(crate) fn new(view: V, version: i64) -> Self {
        Self { view, version, is_replayed: false }
    }

    /// The same, where an earlier request with the same idempotency key did what was asked for.
    pub(crate) fn replayed(self, is_replayed: bool) -> Self {
        Self { is_replayed, ..self }
    }

    /// It was read: 304 when the client has it already.
    pub(crate) fn if_changed(self, request: &HttpRequest) -> HttpResponse {
        let etag = etag::of_version(self.version);
        if etag::is_known(request.headers(), &etag) {
            return HttpResponse::NotModified().insert_header((ETAG, etag)).finish();
        }
        self.finish(HttpResponse::Ok())
    }

    /// It was changed. In a dry run that version of it does not exist.
    pub(crate) fn written(self, writer: &Writer) -> HttpResponse {
        if writer.is_dry_run() {
            return data(self.view);
        }
        self.finish(HttpResponse::Ok())
    }

    /// It was made, and is at this path.
    pub(crate) fn created(self, writer: &Writer, state: &ApiState, path: &str) -> HttpResponse {
        if writer.is_dry_run() {
            return data(self.view);
        }
        let mut response = HttpResponse::Created();
        response.insert_header((LOCATION, state.public_path(path)));
        self.finish(response)
    }

    fn finish(self, mut response: HttpResponseBuilder) -> HttpResponse {
        response.insert_header((ETAG, etag::of_version(self.version)));
        if self.is_replayed {
            response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
        }
        json(&mut response, &Data { data: self.view })
    }
}

/// A list that is answered as a whole.
pub(crate) fn whole_list<V: Serialize>(rows: Vec<V>) -> HttpResponse {
    let total = u64::try_from(rows.len()).ok();
    let list = List {
        data: rows,
        next_cursor: None,
        total,
        total_is_estimate: Some(false),
        limit: None,
        offset: None,
    };
    json(&mut HttpResponse::Ok(), &list)
}

/// A page of a list, with a `Link` to the next one (RFC 8288).
pub(crate) fn list<T, V: Serialize>(
    request: &HttpRequest,
    page: Page<T>,
    view: impl Fn(T) -> V,
) -> HttpResponse {
    paged(request, page, None, view)
}

/// The same with the `limit` and `offset` by which OneOff v1 pages.
pub(crate) fn list_at<T, V: Serialize>(
    request: &HttpRequest,
    page: Page<T>,
    limit_and_offset: (u32, u32),
    view: impl Fn(T) -> V,
) -> HttpResponse {
    paged(request, page, Some(limit_and_offset), view)
}

fn paged<T, V: Serialize>(
    request: &HttpRequest,
    page: Page<T>,
    place: Option<(u32, u32)>,
    view: impl Fn(T) -> V,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &page.next_cursor {
        response.insert_header((LINK, next_link(request, cursor)));
    }
    let total_is_estimate = page.total.map(|_| page.total_is_estimate);
    let list = List {
        data: page.items.into_iter().map(view).collect(),
        next_cursor: page.next_cursor,
        total: page.total,
        total_is_estimate,
        limit: place.map(|(limit, _)| limit),
        offset: place.map(|(_, offset)| offset),
    };
    json(&mut response, &list)
}

/// An answer with this body.
fn json(response: &mut HttpResponseBuilder, value: &impl Serialize) -> HttpResponse {
    let mut body = Vec::with_capacity(RECORD_BYTES);
    match serde_json::to_writer(&mut body, value) {
        Ok(()) => response.insert_header((CONTENT_TYPE, JSON)).body(body),
        Err(error) => HttpResponse::from_error(JsonPayloadError::Serialize(error)),
    }
}

fn next_link(request: &HttpRequest, cursor: &str) -> String {
    let kept = url::form_urlencoded::parse(request.query_string().as_bytes())
        .filter(|(name, _)| name != "cursor" && name != "offset");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("cursor", cursor)
        .finish();
    format!("<{}?{query}>; rel=\"next\"", request.path())
}

#[cfg(test)]
mod tests {
    use super::next_link;
    use actix_web::test::TestRequest;

    #[test]
    fn the_link_keeps_the_other_parameters() {
        let request =
            TestRequest::with_uri("/x/api/jobs?status=held&cursor=old&offset=7&type=a%26b").to_http_request();
        let link = next_link(&request, "n=1");
        assert_eq!(link, "</x/api/jobs?status=held&type=a%26b&cursor=n%3D1>; rel=\"next\"");
    }
}
