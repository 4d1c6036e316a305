//! Sending one request and reading what comes back, within bounds.

use crate::request::{Delivery, Request};
use crate::retry_after;
use crate::schedule::Answer;
use crate::signature::WebhookSecret;
use oneoff_domain::Timestamp;
use oneoff_outbound::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use oneoff_outbound::{OutboundClient, OutboundRequest, OutboundResponse};
use oneoff_storage::webhooks::{AttemptedRequest, AttemptedResponse};
use std::time::{Duration, Instant};
use url::Url;

/// Bytes of a response that are kept. More is not read.
const RESPONSE_MAX_BYTES: usize = 4 * 1024;
/// Headers of a response that are kept, and characters of each.
const RESPONSE_HEADERS_MAX: usize = 32;
const HEADER_MAX_CHARS: usize = 256;

/// One attempt: what was sent and what came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The request.
    pub request: AttemptedRequest,
    /// The response, if there was one.
    pub response: Option<AttemptedResponse>,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// How long it took.
    pub duration: Duration,
    /// For the schedule.
    pub(crate) answer: Answer,
}

impl Sent {
    /// Whether the receiver took it.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        matches!(self.answer, Answer::Status { status: 200..=299, .. })
    }
}

/// What is sent where.
pub(crate) struct Message<'a> {
    pub(crate) id: &'a str,
    pub(crate) event: &'a str,
    pub(crate) body: &'a str,
    pub(crate) target: Url,
    pub(crate) secrets: &'a [WebhookSecret],
}

impl Message<'_> {
    /// The request that is made of it.
    pub(crate) fn request(&self, now: Timestamp) -> Request {
        let delivery = Delivery { id: self.id, event: self.event, body: self.body.as_bytes() };
        delivery.request(now, self.secrets)
    }
}

/// Sends a message. No redirect is followed: a receiver that moved is to be told by its new URL.
pub(crate) async fn send(
    client: &OutboundClient,
    timeout: Duration,
    now: Timestamp,
    message: Message<'_>,
) -> Sent {
    let began = Instant::now();
    let request = message.request(now);
    let sent = AttemptedRequest { url: message.target.to_string(), headers: request.headers.clone() };
    let outgoing = outgoing(message.target, request);
    let deadline = tokio::time::Instant::now() + timeout;
    let got = tokio::time::timeout_at(deadline, client.send(outgoing)).await;
    let duration = began.elapsed();
    let failed = |error: String| Sent {
        request: sent.clone(),
        response: None,
        error: Some(error),
        duration,
        answer: Answer::None,
    };
    match got {
        Err(_elapsed) => failed(format!("no response within {} seconds", timeout.as_secs_f64())),
        Ok(Err(error)) => failed(error.chain()),
        Ok(Ok(mut got)) => {
            let retry_after = got.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = retry_after.and_then(|text| retry_after::parse(text, now));
            let (status, headers) = (got.status().as_u16(), headers_of(&got));
            // The status says all that counts: a body that breaks off or does not come does not make it another one.
            let body = body_of(&mut got, deadline).await;
            let response = AttemptedResponse { code: status, headers, body };
            let duration = began.elapsed();
            let error = (!(200..300).contains(&status)).then(|| refusal(&response));
            let answer = Answer::Status { status, retry_after };
            Sent { request: sent, response: Some(response), error, duration, answer }
        }
    }
}

fn refusal(response: &AttemptedResponse) -> String {
    match response.code {
        300..400 => format!("HTTP {}: redirects are not followed", response.code),
        code => format!("HTTP {code}"),
    }
}

fn outgoing(target: Url, request: Request) -> OutboundRequest {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers {
        // All of them are ours, and so they are headers.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    OutboundRequest {
        headers,
        body: request.body.into(),
        max_redirects: 0,
        ..OutboundRequest::new(Method::POST, target)
    }
}

fn headers_of(response: &OutboundResponse) -> Vec<(String, String)> {
    let shown = |(name, value): (&HeaderName, &HeaderValue)| {
        let is_secret = *name == header::SET_COOKIE;
        let value = if is_secret { "[redacted]".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        (name.as_str().to_owned(), printable(&value, HEADER_MAX_CHARS))
    };
    response.headers().iter().take(RESPONSE_HEADERS_MAX).map(shown).collect()
}

/// The beginning of the body, as far as it comes in time.
async fn body_of(response: &mut OutboundResponse, deadline: tokio::time::Instant) -> String {
    let mut body = Vec::new();
    while body.len() < RESPONSE_MAX_BYTES {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.truncate(RESPONSE_MAX_BYTES);
    printable(&String::from_utf8_lossy(&body), RESPONSE_MAX_BYTES)
}

/// Text that every database takes.
fn printable(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}
