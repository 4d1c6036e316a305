//! Backoff: how long after a failed attempt the next one starts.

use crate::{AttemptOutcome, ExecutionStatus, Reason, RetryPolicy};
use std::time::Duration;

/// Whether a failed attempt is followed by another one.
#[must_use]
pub fn wants_retry(policy: &RetryPolicy, attempt: u32, outcome: &AttemptOutcome) -> bool {
    if outcome.status != ExecutionStatus::Failed || attempt >= policy.max_retries {
        return false;
    }
    if matches!(outcome.reason, Reason::InvalidConfig | Reason::UnknownType) {
        return false;
    }
    match (&policy.exit_codes, outcome.retry_code()) {
        (None, _) => true,
        (Some(codes), Some(code)) => codes.contains(&code),
        (Some(_), None) => false,
    }
}

/// The delay after the failed attempt number `attempt` (from 0): `delay_seconds * 2^attempt`, at most
/// `max_delay_seconds`, and of that between 75 and 100 % as `random` says, so that jobs that failed
/// together do not come back together.
#[must_use]
pub fn delay(policy: &RetryPolicy, attempt: u32, random: u64) -> Duration {
    let factor = 1_u64.checked_shl(attempt).unwrap_or(u64::MAX);
    let seconds = u64::from(policy.delay_seconds).saturating_mul(factor).min(policy.max_delay_seconds.into());
    let micros = seconds.saturating_mul(1_000_000);
    let jitter = match micros / 4 {
        0 => 0,
        quarter => random % (quarter + 1),
    };
    Duration::from_micros(micros - jitter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_delay_stays_within_its_bounds(
            delay_seconds in 0..100_000_u32, max in 0..100_000_u32, attempt in 0..200_u32, random: u64,
        ) {
            let policy = RetryPolicy { max_retries: 1, delay_seconds, max_delay_seconds: max, exit_codes: None };
            let nominal = f64::from(delay_seconds) * 2_f64.powi(attempt.try_into().unwrap());
            let nominal = nominal.min(f64::from(max));
            let actual = delay(&policy, attempt, random).as_secs_f64();
            prop_assert!(actual <= nominal + 1e-6 && actual >= nominal * 0.75 - 1e-6, "{actual} of {nominal}");
        }
    }

    #[test]
    fn only_listed_codes_are_retried() {
        let policy =
            RetryPolicy { max_retries: 2, exit_codes: Some(vec![75, 503]), ..RetryPolicy::default() };
        let exit = |code| AttemptOutcome::failed(Reason::ExitCode, "x").with_exit_code(Some(code));
        let status = |code: i32| {
            AttemptOutcome::failed(Reason::HttpStatus, "x").with_result(serde_json::json!({ "status": code }))
        };
        assert!(wants_retry(&policy, 0, &exit(75)));
        assert!(!wants_retry(&policy, 0, &exit(1)));
        assert!(wants_retry(&policy, 1, &status(503)));
        assert!(!wants_retry(&policy, 2, &exit(75)), "no retry is left");
        assert!(!wants_retry(&policy, 0, &AttemptOutcome::failed(Reason::Transport, "x")));
        assert!(!wants_retry(&policy, 0, &AttemptOutcome::cancelled()));
    }
}
