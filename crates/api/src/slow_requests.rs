//! Slow requests in the log: one line stands for all of some seconds, so that an overload does not fill it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A line is written at most this often.
const TELL_APART: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    told_at: Option<Instant>,
    untold: u64,
}

/// What was told of slow requests.
#[derive(Debug, Default)]
pub(crate) struct SlowRequests(Mutex<State>);

impl SlowRequests {
    /// A request was slow. Where it is to be told: how many more there were since the last one that was.
    pub(crate) fn note(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.told_at.is_some_and(|at| now.saturating_duration_since(at) < TELL_APART) {
            state.untold = state.untold.saturating_add(1);
            return None;
        }
        state.told_at = Some(now);
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stands_for_those_since_the_last() {
        let slow = SlowRequests::default();
        let begin = Instant::now();
        assert_eq!(slow.note(begin), Some(0));
        for second in 1..10 {
            assert_eq!(slow.note(begin + Duration::from_secs(second)), None);
        }
        assert_eq!(slow.note(begin + TELL_APART), Some(9));
        assert_eq!(slow.note(begin + TELL_APART), None);
        assert_eq!(slow.note(begin + 3 * TELL_APART), Some(1));
    }
}
