//! The numbers of the processes that were started as leaders lately. Where all processes that were started since a
//! leader are leaders of other attempts, it has started none itself: that is known without looking at any of them.

use rustix::process::Pid;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many are remembered. An attempt beside which more are started is looked at.
const KEPT: usize = 8_192;

/// The leaders that were started lately.
#[derive(Debug, Default)]
pub(super) struct Leaders {
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    /// By number, a moment before its start.
    started: HashMap<i32, Instant>,
    order: VecDeque<(i32, Instant)>,
}

impl Leaders {
    /// A leader has this number, and was not started before `since`.
    pub(super) fn add(&self, leader: Pid, since: Instant) {
        let number = leader.as_raw_nonzero().get();
        let mut recent = self.recent();
        recent.started.insert(number, since);
        recent.order.push_back((number, since));
        if recent.order.len() > KEPT
            && let Some((oldest, then)) = recent.order.pop_front()
            // The number may have been used anew.
            && recent.started.get(&oldest) == Some(&then)
        {
            recent.started.remove(&oldest);
        }
    }

    /// Whether every number after the first up to the last is that of a leader which was started since.
    pub(super) fn are_all(&self, first: Pid, last: i32, since: Instant) -> bool {
        let first = first.as_raw_nonzero().get();
        let recent = self.recent();
        let is_short = usize::try_from(i64::from(last) - i64::from(first)).is_ok_and(|count| count <= KEPT);
        is_short && (first + 1..=last).all(|number| recent.has(number, since))
    }

    /// Whether this is the number of a leader that was started since.
    pub(super) fn has(&self, number: i32, since: Instant) -> bool {
        self.recent().has(number, since)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn has(&self, number: i32, since: Instant) -> bool {
        self.started.get(&number).is_some_and(|started| *started >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number).unwrap()
    }

    #[test]
    fn only_numbers_of_leaders_started_since_count() {
        let leaders = Leaders::default();
        let since = Instant::now();
        let before = since.checked_sub(Duration::from_secs(1)).unwrap();
        leaders.add(pid(11), since);
        leaders.add(pid(12), since);
        leaders.add(pid(14), before);
        assert!(leaders.are_all(pid(10), 12, since) && leaders.are_all(pid(12), 12, since));
        assert!(!leaders.are_all(pid(10), 13, since), "13 is somebody else's");
        assert!(!leaders.are_all(pid(13), 14, since), "14 was a leader before numbers began anew");
        assert!(!leaders.are_all(pid(12), 11, since), "numbers have begun anew");
        leaders.add(pid(14), since);
        assert!(leaders.are_all(pid(13), 14, since) && leaders.has(14, since) && !leaders.has(13, since));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let leaders = Leaders::default();
        let since = Instant::now();
        let count = i32::try_from(KEPT).unwrap();
        for number in 1..=count + 1 {
            leaders.add(pid(number), since);
        }
        assert!(!leaders.has(1, since) && leaders.has(2, since));
        assert!(leaders.are_all(pid(1), count + 1, since));
        let again = Instant::now();
        leaders.add(pid(2), again);
        leaders.add(pid(3), again);
        assert!(leaders.has(2, again), "that of an earlier lap is forgotten, this one not");
        assert!(!leaders.are_all(pid(1), i32::MAX, since));
    }
}
