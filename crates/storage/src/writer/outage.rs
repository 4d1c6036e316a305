//! How long writes have been failing, and when that is worth a line in the log: not once per group.

use std::time::{Duration, Instant};

/// While nothing changes, a line is written this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Writes began to fail.
    Began,
    /// They still fail: requests that failed so far, and since when.
    Continues { requests: u64, lasting: Duration },
    /// They succeed again.
    Ended { requests: u64, lasting: Duration },
}

#[derive(Debug)]
struct Failing {
    since: Instant,
    requests: u64,
    is_told: bool,
}

/// Whether writes fail at present.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    failing: Option<Failing>,
    told_at: Option<Instant>,
}

impl Outage {
    /// Writes failed.
    pub(crate) fn failed(&mut self, now: Instant, requests: usize) -> Option<Telling> {
        let may_tell = self.told_at.is_none_or(|at| now.duration_since(at) >= TELL_EVERY);
        let failing = self.failing.get_or_insert(Failing { since: now, requests: 0, is_told: false });
        failing.requests = failing.requests.saturating_add(u64::try_from(requests).unwrap_or(u64::MAX));
        if !may_tell {
            return None;
        }
        self.told_at = Some(now);
        if !std::mem::replace(&mut failing.is_told, true) {
            return Some(Telling::Began);
        }
        let lasting = now.duration_since(failing.since);
        Some(Telling::Continues { requests: failing.requests, lasting })
    }

    /// Writes succeeded.
    pub(crate) fn succeeded(&mut self, now: Instant) -> Option<Telling> {
        let Failing { since, requests, is_told } = self.failing.take()?;
        if !is_told {
            return None;
        }
        self.told_at = Some(now);
        Some(Telling::Ended { requests, lasting: now.duration_since(since) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_at_its_begin_every_ten_seconds_and_at_its_end() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut outage = Outage::default();
        assert_eq!(outage.succeeded(at(0)), None);
        assert_eq!(outage.failed(at(0), 2), Some(Telling::Began));
        for _ in 0..1000 {
            assert_eq!(outage.failed(at(9), 1), None);
        }
        let continues = Telling::Continues { requests: 1005, lasting: Duration::from_secs(10) };
        assert_eq!(outage.failed(at(10), 3), Some(continues));
        assert_eq!(outage.failed(at(11), 1), None);
        let ended = Telling::Ended { requests: 1006, lasting: Duration::from_secs(12) };
        assert_eq!(outage.succeeded(at(12)), Some(ended));
        assert_eq!(outage.succeeded(at(13)), None);
    }

    #[test]
    fn failures_and_successes_in_turns_do_not_fill_the_log() {
        let begin = Instant::now();
        let mut outage = Outage::default();
        let mut told = 0;
        for millisecond in 0..30_000 {
            let now = begin + Duration::from_millis(millisecond);
            told += usize::from(outage.failed(now, 1).is_some());
            told += usize::from(outage.succeeded(now).is_some());
        }
        assert_eq!(told, 6, "two lines every ten seconds");
    }
}
