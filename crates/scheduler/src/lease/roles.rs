//! Roles: work that one node does for all. A role is taken and renewed with the lease, and its holder knows by its own
//! boot clock until when it has it.

use super::Held;
use oneoff_domain::{BootTime, Clock, Timestamp};
use oneoff_storage::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether this node has a role.
#[derive(Debug)]
pub(crate) struct Leadership {
    role: &'static str,
    held: Held,
}

impl Leadership {
    /// The role of a server that is alone.
    pub(crate) fn for_ever(role: &'static str) -> Self {
        Self { role, held: Held::for_ever() }
    }

    fn of_nobody(role: &'static str) -> Self {
        Self { role, held: Held::not_yet(Duration::ZERO) }
    }

    /// Whether this node has it now.
    pub(crate) fn is_held(&self, clock: &dyn Clock) -> bool {
        self.held.holds(clock.boot_time())
    }
}

/// The name of the role of removing what is too old.
pub(crate) const RETENTION: &str = "retention";

/// The name of the role of numbering events.
const EVENTS: &str = "events";

/// All roles.
#[derive(Debug)]
pub(super) struct Roles {
    pub(super) retention: Arc<Leadership>,
    pub(super) events: Arc<Leadership>,
    has_resigned: AtomicBool,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            retention: Arc::new(Leadership::of_nobody(RETENTION)),
            events: Arc::new(Leadership::of_nobody(EVENTS)),
            has_resigned: AtomicBool::new(false),
        }
    }
}

impl Roles {
    fn all(&self) -> [&Leadership; 2] {
        [&self.retention, &self.events]
    }

    /// Takes or renews those that nobody else has. `until` and `until_boot` are the same moment, but for the margin in
    /// which work is to end. Answers whether one was taken that was not held before.
    pub(super) async fn renew(
        &self,
        store: &Store,
        clock: &dyn Clock,
        until: Timestamp,
        until_boot: BootTime,
    ) -> Result<bool, StoreError> {
        let mut is_any_new = false;
        for leadership in self.all() {
            if self.has_resigned.load(Ordering::Acquire) {
                break;
            }
            let was_held = leadership.is_held(clock);
            match store.lead(leadership.role, clock.now(), until).await? {
                Some(term) => {
                    leadership.held.renew(until_boot);
                    if !was_held {
                        tracing::info!(role = leadership.role, term = term.0, "this node has a role now");
                    }
                    is_any_new |= !was_held;
                }
                None => leadership.held.lose(),
            }
        }
        Ok(is_any_new)
    }

    /// They are somebody else's.
    pub(super) fn lose(&self) {
        self.all().iter().for_each(|leadership| leadership.held.lose());
    }

    /// Lets all of them go, for good.
    pub(super) async fn resign(&self, store: &Store) {
        self.has_resigned.store(true, Ordering::Release);
        self.lose();
        for leadership in self.all() {
            if let Err(error) = store.resign(leadership.role).await {
                tracing::debug!(%error, role = leadership.role, "a role is not given up: it will run out");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_fakes::ManualClock;
    use oneoff_storage::StoreOptions;
    use oneoff_storage::inline::{Commits, NoFaults};

    const LEASE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_role_is_held_while_it_is_renewed_and_nobody_else_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000).unwrap());
        let options = StoreOptions::new(directory.path().join("x.db"));
        let (store, _inline) =
            Store::open_inline(options, clock.now(), Commits::AtOnce, Arc::new(NoFaults)).unwrap();
        let roles = Roles::default();
        let renew = async || {
            let (until, until_boot) = (clock.now().saturating_add(LEASE), clock.boot_time().after(LEASE));
            roles.renew(&store, &clock, until, until_boot).await.unwrap()
        };
        assert!(!roles.retention.is_held(&clock));
        assert!(renew().await && roles.retention.is_held(&clock));
        assert!(!renew().await, "nothing new");
        clock.advance(LEASE);
        assert!(!roles.retention.is_held(&clock), "it has run out here, whatever the store says");
        assert!(renew().await);
        store.end_epoch(clock.now()).await.unwrap();
        assert!(!renew().await && !roles.retention.is_held(&clock), "not by an epoch that is over");
        roles.resign(&store).await;
        assert!(!renew().await, "for good");
    }
}
