//! Due times without any order, as those of people's jobs are.

use crate::random::Numbers;
use oneoff_domain::Timestamp;
use std::time::Duration;

/// Over how many days due times are spread.
pub(crate) const SPREAD_DAYS: u64 = 30;
/// Nothing that waits is due before this: a file is filled, kept and measured within it.
const HEAD_START: Duration = Duration::from_secs(3600);
const SPREAD_US: u64 = SPREAD_DAYS * 24 * 3600 * 1_000_000;
const SEED: u64 = 20_261_121;

/// `count` instants within the coming 30 days.
pub(crate) fn ahead(now: Timestamp, count: u64) -> impl Iterator<Item = Timestamp> {
    let mut numbers = Numbers::new(SEED);
    (0..count).map(move |_index| one_ahead(now, &mut numbers))
}

/// One instant within the coming 30 days.
pub(crate) fn one_ahead(now: Timestamp, numbers: &mut Numbers) -> Timestamp {
    now.saturating_add(HEAD_START + Duration::from_micros(numbers.below(SPREAD_US)))
}

/// One instant within the past 30 days.
pub(crate) fn one_past(now: Timestamp, numbers: &mut Numbers) -> Timestamp {
    now.saturating_sub(Duration::from_micros(1 + numbers.below(SPREAD_US)))
}

/// `pending` instants of the coming 30 days and, among them in no order, `due` instants of the past that lie
/// as close to each other; each with whether it is due.
pub(crate) fn mixed(now: Timestamp, pending: u64, due: u64) -> impl Iterator<Item = (Timestamp, bool)> {
    let mut numbers = Numbers::new(SEED);
    let past_us = (SPREAD_US / pending.max(1)).saturating_mul(due).clamp(1, SPREAD_US);
    let (mut pending_left, mut due_left) = (pending, due);
    std::iter::from_fn(move || {
        let left = pending_left + due_left;
        if left == 0 {
            return None;
        }
        if numbers.below(left) < due_left {
            due_left -= 1;
            let ago = Duration::from_micros(1 + numbers.below(past_us));
            return Some((now.saturating_sub(ago), true));
        }
        pending_left -= 1;
        Some((one_ahead(now, &mut numbers), false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    #[test]
    fn what_waits_is_ahead_and_in_no_order() {
        let times: Vec<Timestamp> = ahead(NOW, 1_000).collect();
        assert_eq!(times.len(), 1_000);
        assert!(times.iter().all(|at| *at >= NOW.saturating_add(HEAD_START)));
        assert!(!times.is_sorted());
    }

    #[test]
    fn what_is_due_lies_among_what_waits() {
        let mixed: Vec<(Timestamp, bool)> = mixed(NOW, 3_000, 1_000).collect();
        let due: Vec<usize> = (0..mixed.len()).filter(|index| mixed[*index].1).collect();
        assert_eq!((mixed.len(), due.len()), (4_000, 1_000));
        assert!(mixed.iter().all(|(at, is_due)| (*at < NOW) == *is_due));
        let in_first_half = due.iter().filter(|index| **index < 2_000).count();
        assert!((400..600).contains(&in_first_half), "{in_first_half}");
        let times: Vec<Timestamp> = mixed.iter().filter(|(_, is_due)| *is_due).map(|(at, _)| *at).collect();
        assert!(!times.is_sorted());
    }

    #[test]
    fn there_may_be_nothing_of_either() {
        assert_eq!(mixed(NOW, 0, 5).filter(|(_, is_due)| *is_due).count(), 5);
        assert_eq!(mixed(NOW, 5, 0).filter(|(_, is_due)| *is_due).count(), 0);
    }
}
