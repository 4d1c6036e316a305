//! Requests in the form in which they are sent.

use crate::fill::due;
use crate::random::Numbers;
use oneoff_domain::Clock;
use oneoff_scheduler::SystemClock;
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Due times that are made up before the clock runs: writing one takes longer than sending it.
const DUE_TIMES: usize = 8_192;

/// What takes the place of a due time in [`one_job`].
pub(crate) fn due_times(seed: u64) -> Vec<String> {
    let (now, mut numbers) = (SystemClock.now(), Numbers::new(seed));
    (0..DUE_TIMES).map(|_index| due::one_ahead(now, &mut numbers).to_string()).collect()
}

/// The body of a job that waits.
pub(crate) fn one_job(body: &mut String, at: &str) {
    body.push_str(r#"{"type":"http","config":{"url":"http://127.0.0.1:9/trial-expiry"},"scheduled_at":""#);
    body.push_str(at);
    body.push_str(r#""}"#);
}

/// Writes a POST with an idempotency key over what `request` held.
pub(crate) fn post(request: &mut String, address: SocketAddr, path: &str, key: &str, body: &str) {
    request.clear();
    let _infallible = write!(
        request,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len(),
    );
}
