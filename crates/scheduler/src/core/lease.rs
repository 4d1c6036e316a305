//! What the core knows of this node's lease. Where there is none, nothing depends on it.

use super::{Input, Now};
use oneoff_domain::{BootTime, Timestamp};

#[derive(Default)]
pub(super) struct Lease {
    kept: Option<Kept>,
}

struct Kept {
    epoch: Option<i64>,
    until: BootTime,
    /// Whether something may run by it.
    is_held: bool,
}

impl Lease {
    /// Nothing starts before it is said that a lease is held.
    pub(super) fn is_needed(&mut self) {
        self.kept = Some(Kept { epoch: None, until: BootTime::default(), is_held: false });
    }

    /// Takes in what is said of it, before anything else: answers whether all that runs is to end, because it is over
    /// or of an epoch that is.
    pub(super) fn observe(&mut self, now: Now, inputs: &[Input]) -> bool {
        let Some(kept) = &mut self.kept else { return false };
        let mut is_lost = false;
        for input in inputs {
            match input {
                Input::LeaseHeld { epoch, until } => {
                    let before = kept.epoch.replace(*epoch);
                    is_lost |= before.is_some_and(|before| before != *epoch);
                    kept.until = *until;
                }
                Input::LeaseLost => kept.until = BootTime::default(),
                _ => {}
            }
        }
        let was_held = std::mem::replace(&mut kept.is_held, now.boot < kept.until);
        is_lost || (was_held && !kept.is_held)
    }

    /// Whether something may be claimed.
    pub(super) fn holds(&self) -> bool {
        self.kept.as_ref().is_none_or(|kept| kept.is_held)
    }

    /// Whether something that this epoch has claimed may start.
    pub(super) fn permits(&self, epoch: i64) -> bool {
        self.kept.as_ref().is_none_or(|kept| kept.is_held && kept.epoch == Some(epoch))
    }

    /// When it is over, by the wall clock as it is now.
    pub(super) fn ends(&self, now: Now) -> Option<Timestamp> {
        let kept = self.kept.as_ref().filter(|kept| kept.is_held)?;
        Some(now.wall.saturating_add(kept.until.since(now.boot)))
    }
}
