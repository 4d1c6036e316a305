//! `GET /api/events`: the events of the outbox as server-sent events, in order and without gaps.
//!
//! The id of an event is its place in the outbox, so a reader that comes back with it misses nothing; one
//! that comes back too late is told so by `reset`. The stream wakes when an event is committed.

use crate::authorize::Credential;
use crate::caller::Reader;
use crate::problem::ApiError;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::query::QueryReader;
use crate::state::{ApiState, StopSignal};
use crate::view;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, ContentEncoding, HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use oneoff_domain::{Context, Event, EventKind, FieldError};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

const HEARTBEAT: Duration = Duration::from_secs(15);
const BATCH: usize = 200;
/// A stream reads at most so often, however many commits there are.
const LOOK_APART: Duration = Duration::from_millis(20);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
pub(crate) const PARAMETERS: &[Field] = &[Field {
    name: "after",
    allowed: "the sequence of the last event that was seen",
    form: Form::Integer(0, i64::MAX),
}];

/// Opens the stream.
pub(crate) async fn stream(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut query = QueryReader::new(request.query_string(), PARAMETERS);
    let after = query.integer("after", 0..=i64::MAX);
    query.finish()?;
    let cursor = last_event_id(request.headers())?.or(after);
    let credential = match state.settings.auth_enabled {
        true => Some(Credential::of(&state, &request)?),
        false => None,
    };
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(ContentEncoding::Identity);
    if request.method() == Method::HEAD {
        return Ok(answer.streaming(stream::empty::<Result<Bytes, Infallible>>()));
    }
    let tail = Tail::new(state, cursor, reader.context().clone(), credential);
    Ok(answer.streaming(Box::pin(tail.into_stream())))
}

/// Where the client was: what a browser sends by itself when it reconnects, and so newer than the address.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let sequence = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|id: &i64| *id >= 0);
    match sequence {
        Some(sequence) => Ok(Some(sequence)),
        None => Err(ApiError::invalid_field(
            FieldError::new("Last-Event-ID", "is not the id of an event").with_hint("an integer from 0"),
        )),
    }
}

/// One reader of the outbox.
struct Tail {
    state: web::Data<ApiState>,
    newest: watch::Receiver<i64>,
    stop: StopSignal,
    cursor: i64,
    rests_until: Instant,
    greeting: Option<String>,
    caller: Context,
    /// By what the caller came; `None` on a server without keys.
    credential: Option<Credential>,
}

impl Tail {
    fn new(
        state: web::Data<ApiState>,
        cursor: Option<i64>,
        caller: Context,
        credential: Option<Credential>,
    ) -> Self {
        let newest = state.service.event_sequence();
        let now_at = *newest.borrow();
        let (cursor, greeting) = match cursor {
            Some(cursor) if cursor <= now_at => (cursor, greeting(None)),
            // A cursor from the future belongs to another database.
            Some(_) => (now_at, format!("{}{}", greeting(None), reset(now_at))),
            None => (now_at, greeting(Some(now_at))),
        };
        let stop = state.stop_signal();
        let (rests_until, greeting) = (Instant::now(), Some(greeting));
        Self { state, newest, stop, cursor, rests_until, greeting, caller, credential }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut tail| async move {
            let text = tail.next().await?;
            Some((Ok(Bytes::from(text)), tail))
        })
    }

    /// The next bytes to send; `None` at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        // However much happens that the caller does not see: who sends nothing for long is taken for dead.
        let silent_until = Instant::now() + HEARTBEAT;
        loop {
            if self.state.is_stopping() {
                return None;
            }
            tokio::time::sleep_until(self.rests_until).await;
            let newest = *self.newest.borrow_and_update();
            if newest > self.cursor
                && let Some(text) = self.read(newest).await?
            {
                return Some(text);
            }
            tokio::select! {
                changed = self.newest.changed() => changed.ok()?,
                () = tokio::time::sleep_until(silent_until) => {
                    return self.may_go_on().await.then(|| ": still here\n\n".to_owned());
                }
                () = self.stop.stopped() => return None,
            }
        }
    }

    /// Whether the caller may still see what is to be sent: a stream ends with the key or the session that opened it. This
    /// is remembered for a second, as of any request.
    async fn may_go_on(&self) -> bool {
        let Some(credential) = &self.credential else { return true };
        let key = credential.key(&self.state).await;
        key.is_ok_and(|key| key.project_ids == self.caller.allowed_projects)
    }

    /// Events after the cursor. The inner `None` is nothing to send; the outer one ends the stream.
    async fn read(&mut self, newest: i64) -> Option<Option<String>> {
        self.rests_until = Instant::now() + LOOK_APART;
        match self.state.service.events_after(self.cursor, BATCH).await {
            Ok(Some(events)) if events.is_empty() => {
                self.cursor = newest;
                Some(None)
            }
            Ok(Some(events)) => {
                if events.len() == BATCH {
                    self.rests_until = Instant::now();
                    self.newest.mark_changed();
                }
                self.cursor = events.last().map_or(newest, |event| event.sequence);
                let is_about_keys = |event: &Event| event.event.kind.as_str().starts_with("api_key.");
                let is_asked =
                    events.iter().any(|event| is_about_keys(event) || is_seen_by(&self.caller, event));
                if is_asked && !self.may_go_on().await {
                    return None;
                }
                let seen = events.into_iter().filter(|event| is_seen_by(&self.caller, event));
                let text: String = seen.map(frame).collect();
                Some((!text.is_empty()).then_some(text))
            }
            Ok(None) => {
                self.cursor = newest;
                Some(Some(reset(newest)))
            }
            Err(error) => {
                let request_id = self.caller.request_id.as_deref();
                tracing::warn!(request_id, %error, "an event stream ends because the events cannot be read");
                None
            }
        }
    }
}

/// Whether a caller sees an event: one who is restricted to projects sees those of their jobs and other records.
fn is_seen_by(caller: &Context, event: &Event) -> bool {
    match event.event.kind {
        _ if caller.allowed_projects.is_none() => true,
        // Everybody may read these.
        EventKind::TagCreated
        | EventKind::TagUpdated
        | EventKind::TagDeleted
        | EventKind::SettingsUpdated => true,
        kind => kind.is_of_project() && caller.allows_project(&event.event.project_id),
    }
}

/// The first bytes, at once, so that proxies and clients see the stream open. Without a cursor of its own
/// the client is told where it stands.
fn greeting(now_at: Option<i64>) -> String {
    let id = now_at.map(|sequence| format!("id: {sequence}\n")).unwrap_or_default();
    format!("{id}retry: 2000\n: connected\n\n")
}

/// The reader is behind the kept events: what it shows must be loaded again.
fn reset(sequence: i64) -> String {
    format!("id: {sequence}\nevent: reset\ndata: {{\"sequence\":{sequence}}}\n\n")
}

fn frame(event: Event) -> String {
    let view = view::event::event(event);
    let data = serde_json::to_string(&view).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", view.sequence, view.event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_domain::{EventKind, NewEvent, Timestamp};
    use serde_json::Map;

    #[test]
    fn a_frame_is_one_event_whatever_its_data() {
        let mut data = Map::new();
        data.insert("name".to_owned(), "two\nlines\r\n\ndata: x".into());
        let event = NewEvent {
            kind: EventKind::JobCreated,
            job_id: None,
            execution_id: None,
            project_id: "p".into(),
            data,
        };
        let frame = frame(Event { sequence: 7, at: Timestamp::EPOCH, event });
        assert!(frame.starts_with("id: 7\nevent: job.created\ndata: {\"sequence\":7,"), "{frame}");
        assert_eq!(frame.lines().count(), 4);
        assert!(frame.ends_with("}\n\n"));
    }

    #[test]
    fn the_header_is_a_sequence() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LAST_EVENT_ID, text.parse().unwrap());
            last_event_id(&headers)
        };
        assert_eq!(of("7").unwrap(), Some(7));
        for wrong in ["", "x", "-1", "1.5", "99999999999999999999"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert_eq!(last_event_id(&HeaderMap::new()).unwrap(), None);
    }
}
