//! When a delivery that failed is tried again, and when it is given up.
//!
//! A delivery is tried up to ten times: at once, and then 5 s, 30 s, 2 min, 10 min, 1 h, 3 h, 6 h, 12 h and 24 h
//! after its first attempt, each up to a tenth of the distance to the one before later, so that deliveries that
//! failed together do not come back together.

use oneoff_domain::Timestamp;
use std::time::Duration;

/// Seconds from the first attempt to each of those that follow, where nothing else is set.
pub const RETRIES_AFTER_SECONDS: [u64; 9] = [5, 30, 120, 600, 3600, 10_800, 21_600, 43_200, 86_400];
/// The least distance between two attempts, also where the server was down for some.
const DISTANCE_MIN: Duration = Duration::from_secs(5);

/// When attempts follow the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    retries_after: Vec<Duration>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { retries_after: RETRIES_AFTER_SECONDS.map(Duration::from_secs).to_vec() }
    }
}

/// How a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With this status, and perhaps a `Retry-After`.
    Status {
        /// The response status. Redirects are not followed, so it may be one.
        status: u16,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// Not at all, or not to the end.
    None,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The receiver has it.
    Delivered,
    /// It is tried again at this instant.
    RetryAt(Timestamp),
    /// Every attempt failed.
    GiveUp,
    /// The receiver said that it is gone for good (410): the endpoint is switched off.
    Gone,
}

impl Schedule {
    /// Attempts so long after the first one. Those that are not later than the one before are left out.
    #[must_use]
    pub fn new(retries_after: impl IntoIterator<Item = Duration>) -> Self {
        let mut rising: Vec<Duration> = Vec::new();
        for after in retries_after {
            if rising.last().is_none_or(|last| *last < after) {
                rising.push(after);
            }
        }
        Self { retries_after: rising }
    }

    /// Attempts after the first one.
    #[must_use]
    pub fn retries(&self) -> &[Duration] {
        &self.retries_after
    }

    /// What follows the attempt number `attempt` (from 0) of a delivery.
    ///
    /// 2xx is success and 410 the end. Everything else is tried again, also other 4xx: a receiver that is deployed or
    /// configured wrongly answers 404 or 401 for a while. What `Retry-After` asks for is kept if it is later than the
    /// schedule, at most up to the last attempt of the schedule.
    #[must_use]
    pub fn after_attempt(
        &self,
        answer: Answer,
        attempt: usize,
        first_at: Timestamp,
        now: Timestamp,
        random: u64,
    ) -> Next {
        let asked = match answer {
            Answer::Status { status: 200..=299, .. } => return Next::Delivered,
            Answer::Status { status: 410, .. } => return Next::Gone,
            Answer::Status { retry_after, .. } => retry_after.unwrap_or_default(),
            Answer::None => Duration::ZERO,
        };
        let Some(after) = self.retries_after.get(attempt).copied() else { return Next::GiveUp };
        let before = attempt.checked_sub(1).and_then(|index| self.retries_after.get(index)).copied();
        let distance = after.saturating_sub(before.unwrap_or_default());
        let last = self.retries_after.last().copied().unwrap_or(after);
        let scheduled = first_at.saturating_add(after);
        let asked = now.saturating_add(asked).min(first_at.saturating_add(last));
        let at = scheduled.max(asked).max(now.saturating_add(DISTANCE_MIN.min(distance)));
        Next::RetryAt(at.saturating_add(jitter(distance, random)))
    }
}

/// Between nothing and a tenth of `distance`.
fn jitter(distance: Duration, random: u64) -> Duration {
    let most = u64::try_from(distance.as_micros() / 10).unwrap_or(u64::MAX);
    Duration::from_micros(random % most.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after_attempt(
        answer: Answer,
        attempt: usize,
        first_at: Timestamp,
        now: Timestamp,
        random: u64,
    ) -> Next {
        Schedule::default().after_attempt(answer, attempt, first_at, now, random)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
    }

    fn status(status: u16) -> Answer {
        Answer::Status { status, retry_after: None }
    }

    #[test]
    fn ten_attempts_over_a_day() {
        let (mut now, mut attempts) = (at(0), Vec::new());
        for attempt in 0.. {
            attempts.push(now.since(at(0)).as_secs());
            match after_attempt(Answer::None, attempt, at(0), now, 0) {
                Next::RetryAt(next) => now = next,
                next => {
                    assert_eq!(next, Next::GiveUp);
                    break;
                }
            }
        }
        assert_eq!(attempts, [0, 5, 30, 120, 600, 3600, 10_800, 21_600, 43_200, 86_400]);
    }

    #[test]
    fn which_answers_are_tried_again() {
        for delivered in [200, 201, 204, 299] {
            assert_eq!(after_attempt(status(delivered), 0, at(0), at(1), 0), Next::Delivered, "{delivered}");
        }
        assert_eq!(after_attempt(status(410), 0, at(0), at(1), 0), Next::Gone);
        for again in [100, 199, 300, 301, 400, 401, 404, 408, 429, 500, 503, 599] {
            assert_eq!(after_attempt(status(again), 1, at(0), at(5), 0), Next::RetryAt(at(30)), "{again}");
        }
        assert_eq!(after_attempt(status(500), 9, at(0), at(86_400), 0), Next::GiveUp);
        assert_eq!(after_attempt(status(500), usize::MAX, at(0), at(1), 0), Next::GiveUp);
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_within_the_day() {
        let asks = |seconds| Answer::Status { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(
            after_attempt(asks(1), 1, at(0), at(5), 0),
            Next::RetryAt(at(30)),
            "the schedule is later"
        );
        assert_eq!(after_attempt(asks(600), 1, at(0), at(5), 0), Next::RetryAt(at(605)));
        assert_eq!(after_attempt(asks(u64::MAX), 1, at(0), at(5), 0), Next::RetryAt(at(86_400)));
    }

    #[test]
    fn after_a_long_pause_the_next_attempt_is_not_at_once() {
        assert_eq!(after_attempt(Answer::None, 0, at(0), at(90_000), 0), Next::RetryAt(at(90_005)));
    }

    proptest! {
        #[test]
        fn an_attempt_is_never_earlier_and_hardly_later(attempt in 0..9_usize, took in 0..30_u64, random: u64) {
            let before = attempt.checked_sub(1).map_or(0, |index| RETRIES_AFTER_SECONDS[index]);
            let (now, planned) = (at(before + took), at(RETRIES_AFTER_SECONDS[attempt]));
            let Next::RetryAt(next) = after_attempt(Answer::None, attempt, at(0), now, random) else {
                return Err(TestCaseError::fail("it is tried again"));
            };
            let earliest = planned.max(now.saturating_add(DISTANCE_MIN));
            let latest = earliest.saturating_add(Duration::from_secs(RETRIES_AFTER_SECONDS[attempt] - before) / 10);
            prop_assert!(earliest <= next && next <= latest, "{next} of {earliest}");
        }
    }
}
