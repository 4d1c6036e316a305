//! What happens to a node, planned by a seed.

use crate::random::Choices;
use crate::server::LEASE;
use std::time::Duration;

/// Something that happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is killed, and starts again after this long.
    Kill {
        /// How long there is none.
        down: Duration,
        /// Whether it has another name then.
        renamed: bool,
    },
    /// It is stopped by a signal for longer than its lease, and goes on.
    Pause(Duration),
    /// All its connections to the database are cut, and it gets no new ones for this long.
    CutOff(Duration),
    /// Nothing that it sends to the database arrives for this long, and no answer.
    Silence {
        /// How long.
        lasts: Duration,
        /// Whether the connections are cut in the end, so that what was sent never arrives.
        ends_cut: bool,
    },
    /// It is stopped in good order, and starts again.
    Stop,
}

/// The kinds of trouble.
const KINDS: [&str; 6] = ["kill", "pause", "cut-off", "silence", "kill-and-rename", "stop"];

impl Trouble {
    fn of_kind(kind: &str, choices: &Choices) -> Self {
        let up_to = |milliseconds| Duration::from_millis(500 + choices.below(milliseconds));
        match kind {
            "kill" => Self::Kill { down: up_to(7_000), renamed: false },
            "kill-and-rename" => Self::Kill { down: up_to(7_000), renamed: true },
            "pause" => Self::Pause(LEASE + up_to(3_000)),
            "cut-off" => Self::CutOff(up_to(8_000)),
            "silence" => {
                // Some are longer than any transaction may stay open in which nothing happens.
                let is_long = choices.percent(35);
                let lasts = if is_long { Duration::from_secs(15) + up_to(10_000) } else { up_to(8_000) };
                Self::Silence { lasts, ends_cut: choices.percent(50) }
            }
            _ => Self::Stop,
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kill { renamed: false, .. } => "killed",
            Self::Kill { renamed: true, .. } => "killed and renamed",
            Self::Pause(_) => "paused",
            Self::CutOff(_) => "cut off",
            Self::Silence { .. } => "silenced",
            Self::Stop => "stopped",
        }
    }
}

/// The troubles of one node, for ever, each after a time of peace: every kind before one comes again, and different
/// ones on different nodes at first.
pub fn troubles(seed: u64, node: usize) -> impl Iterator<Item = (Duration, Trouble)> {
    let number = node as u64;
    let choices = Choices::new(seed, 1_000 + number);
    (0_u64..).flat_map(move |round| {
        let mut kinds = KINDS;
        // The same order for all nodes, of which each begins elsewhere.
        Choices::new(seed, 2_000 + round).shuffle(&mut kinds);
        kinds.rotate_left((2 * node) % KINDS.len());
        let planned: Vec<_> = kinds
            .iter()
            .map(|kind| {
                let peace = Duration::from_millis(1_000 + choices.below(4_000));
                (peace, Trouble::of_kind(kind, &choices))
            })
            .collect();
        planned
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_comes_before_one_comes_again_and_a_seed_decides() {
        for seed in 1..20 {
            let plan: Vec<_> = troubles(seed, 1).take(KINDS.len()).collect();
            let kinds: BTreeSet<&str> = plan.iter().map(|(_, trouble)| trouble.kind()).collect();
            assert_eq!(kinds.len(), KINDS.len(), "{plan:?}");
            assert_eq!(plan, troubles(seed, 1).take(KINDS.len()).collect::<Vec<_>>());
            assert_ne!(plan, troubles(seed + 1, 1).take(KINDS.len()).collect::<Vec<_>>());
            let first: BTreeSet<&str> = (0..3)
                .flat_map(|node| troubles(seed, node).take(2))
                .map(|(_, trouble)| trouble.kind())
                .collect();
            assert_eq!(first.len(), KINDS.len(), "three nodes do not see all of it at first");
        }
    }

    #[test]
    fn a_pause_is_longer_than_the_lease() {
        for (_, trouble) in troubles(3, 0).take(200) {
            if let Trouble::Pause(lasts) = trouble {
                assert!(lasts > LEASE);
            }
        }
    }
}
