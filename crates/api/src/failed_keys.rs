//! Keys that were refused. Each is a line in the log, but not more of them than somebody reads; an address that goes on is
//! answered 429, which says when to come back. A key that is valid is never asked about this: whoever shares an address with
//! somebody who guesses is not locked out.

use crate::authorize::presented_key;
use crate::client_address::Client;
use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use crate::session_cookie;
use crate::state::ApiState;
use actix_web::HttpRequest;
use oneoff_secrets::api_key::{is_well_formed, key_prefix};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures of one address are counted for so long from the first one on.
const COUNTED_FOR: Duration = Duration::from_secs(60);
/// Failures of one address within that time that are answered as what they are.
const FAILURES_MAX: u32 = 20;
/// Addresses that are counted.
const ADDRESSES_MAX: usize = 4_096;
/// Lines within [`LINES_APART`].
const LINES_MAX: u32 = 3;
const LINES_APART: Duration = Duration::from_secs(1);
/// The part of an IPv6 address that names a network: whoever has one has all of it.
const NETWORK_BITS: u32 = 64;

/// What failed since a moment.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    count: u32,
}

impl Window {
    /// One more within so long; how many that are.
    fn add(&mut self, now: Instant, lasts: Duration) -> u32 {
        if now.saturating_duration_since(self.since) >= lasts {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

#[derive(Debug, Default)]
struct State {
    addresses: HashMap<IpAddr, Window>,
    lines: Option<Window>,
    left_out: u64,
}

/// What is known of keys that were refused.
#[derive(Debug, Default)]
pub(crate) struct FailedKeys(Mutex<State>);

/// What becomes of one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Noted {
    /// How many had no line since the last that had one; `None` of one that has none.
    line: Option<u64>,
    /// In how many seconds the address may try again; `None` while it may.
    wait_seconds: Option<u16>,
}

impl FailedKeys {
    fn note(&self, address: Option<IpAddr>, now: Instant) -> Noted {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = state.lines.get_or_insert(Window { since: now, count: 0 });
        let line = match lines.add(now, LINES_APART) <= LINES_MAX {
            true => Some(std::mem::take(&mut state.left_out)),
            false => {
                state.left_out = state.left_out.saturating_add(1);
                None
            }
        };
        let wait_seconds = address.and_then(|address| state.wait(network(address), now));
        Noted { line, wait_seconds }
    }
}

impl State {
    fn wait(&mut self, network: IpAddr, now: Instant) -> Option<u16> {
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&network) {
            self.make_room(now);
        }
        let window = self.addresses.entry(network).or_insert(Window { since: now, count: 0 });
        if window.add(now, COUNTED_FOR) <= FAILURES_MAX {
            return None;
        }
        let left = COUNTED_FOR.saturating_sub(now.saturating_duration_since(window.since));
        Some(u16::try_from(left.as_secs()).unwrap_or(u16::MAX).saturating_add(1))
    }

    /// Forgets whose time is over, or else all: somebody with so many addresses is not slowed down by counting them.
    fn make_room(&mut self, now: Instant) {
        self.addresses.retain(|_, window| now.saturating_duration_since(window.since) < COUNTED_FOR);
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses.clear();
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - NETWORK_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// The answer to a request whose key, session or setup link was refused, which is noted.
pub(crate) fn refused(state: &ApiState, request: &HttpRequest, key: &str, error: ApiError) -> ApiError {
    if !matches!(error.code(), ErrorCode::Unauthorized | ErrorCode::NotFound) {
        return error;
    }
    let address = Client::of_request(request).address;
    let noted = state.failed_keys.note(address, Instant::now());
    if let Some(left_out) = noted.line {
        // The beginning tells which key it is to whoever has the list of keys, and nobody else anything.
        let prefix = is_well_formed(key).then(|| key_prefix(key));
        let client = address.map(tracing::field::display);
        tracing::warn!(client, prefix, path = request.path(), left_out, reason = %error, "a key was refused");
    }
    match noted.wait_seconds {
        Some(seconds) => {
            let detail = format!(
                "more than {FAILURES_MAX} keys that are not valid came from this address within a minute: try again in \
                 {seconds} seconds; a valid key is accepted meanwhile"
            );
            ApiError::new(ErrorCode::TooManyFailures, detail).with_retry_after(seconds)
        }
        None => error,
    }
}

/// The same of a request to a route that demands a key. One without any tries none. A session that has ended is no guess
/// either: the page that has it goes on asking until somebody signs in again.
pub(crate) fn refused_request(state: &ApiState, request: &HttpRequest, error: ApiError) -> ApiError {
    match presented_key(request.headers()) {
        Ok(Some(key)) => refused(state, request, key, error),
        Ok(None) if session_cookie::token(request.headers()).is_some() => {
            tracing::debug!(%error, "a session was refused");
            error
        }
        Ok(None) | Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_address_that_goes_on_is_told_when_to_come_back() {
        let (failed, begin) = (FailedKeys::default(), Instant::now());
        let wait = |from: &str, after| failed.note(address(from), begin + seconds(after)).wait_seconds;
        for _ in 0..FAILURES_MAX {
            assert_eq!(wait("192.0.2.1", 0), None);
        }
        assert_eq!(wait("192.0.2.1", 0), Some(61));
        assert_eq!(wait("192.0.2.1", 45), Some(16));
        assert_eq!(wait("192.0.2.2", 45), None, "each for itself");
        assert_eq!(wait("192.0.2.1", 60), None, "a new minute");
        assert_eq!(failed.note(None, begin).wait_seconds, None, "of an unknown address nothing is known");
    }

    #[test]
    fn a_network_counts_as_one_address() {
        let (failed, now) = (FailedKeys::default(), Instant::now());
        for host in 0..FAILURES_MAX {
            assert_eq!(failed.note(address(&format!("2001:db8::{host:x}")), now).wait_seconds, None);
        }
        assert!(failed.note(address("2001:db8::ffff:1"), now).wait_seconds.is_some());
        assert_eq!(failed.note(address("2001:db8:0:1::1"), now).wait_seconds, None);
    }

    #[test]
    fn a_few_lines_a_second_stand_for_all() {
        let (failed, begin) = (FailedKeys::default(), Instant::now());
        let lines: Vec<Option<u64>> = (0..10).map(|_| failed.note(None, begin).line).collect();
        assert_eq!(lines[..4], [Some(0), Some(0), Some(0), None]);
        assert_eq!(lines.iter().flatten().count(), 3);
        assert_eq!(failed.note(None, begin + seconds(1)).line, Some(7));
        assert_eq!(failed.note(None, begin + seconds(1)).line, Some(0));
    }

    #[test]
    fn what_is_known_is_bounded() {
        let (failed, now) = (FailedKeys::default(), Instant::now());
        for number in 0..20_000_u32 {
            failed.note(Some(IpAddr::V4(number.into())), now);
        }
        assert!(failed.0.lock().unwrap().addresses.len() <= ADDRESSES_MAX);
    }
}
