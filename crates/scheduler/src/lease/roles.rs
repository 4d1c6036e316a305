//! Roles: work that one node does for all. A role is taken and renewed with the lease, and its holder knows by its own
//! boot clock until when it has it.

use super::Held;
use oneoff_domain::{BootTime, Clock, Timestamp};
use oneoff_storage::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// A role is looked at so often while it is held, as it ends by itself when it is not renewed.
const LOOK_APART_MIN: Duration = Duration::from_millis(10);

/// Whether this node has a role.
#[derive(Debug)]
pub(crate) struct Leadership {
    role: &'static str,
    held: Held,
    /// Changes whenever it is taken, renewed or lost.
    changes: watch::Sender<()>,
}

impl Leadership {
    /// The role of a server that is alone.
    pub(crate) fn for_ever(role: &'static str) -> Self {
        Self { role, held: Held::for_ever(), changes: watch::Sender::new(()) }
    }

    fn of_nobody(role: &'static str) -> Self {
        Self { role, held: Held::not_yet(Duration::ZERO), changes: watch::Sender::new(()) }
    }

    /// Whether this node has it now.
    pub(crate) fn is_held(&self, clock: &dyn Clock) -> bool {
        self.held.holds(clock.boot_time())
    }

    fn renew(&self, until: BootTime) {
        self.held.renew(until);
        self.changes.send_replace(());
    }

    fn lose(&self) {
        self.held.lose();
        self.changes.send_replace(());
    }

    /// Resolves when this node has it.
    pub(crate) async fn held(&self, clock: &dyn Clock) {
        let mut changes = self.changes.subscribe();
        while !self.is_held(clock) {
            // The sender is there for as long as this is.
            drop(changes.changed().await);
        }
    }

    /// Resolves when this node does not have it any more.
    pub(crate) async fn lost(&self, clock: &dyn Clock) {
        let mut changes = self.changes.subscribe();
        while self.is_held(clock) {
            match self.held.left(clock.boot_time()) {
                None => drop(changes.changed().await),
                Some(left) => {
                    let ends = tokio::time::sleep(left.max(LOOK_APART_MIN));
                    tokio::select! {
                        () = ends => {}
                        changed = changes.changed() => drop(changed),
                    }
                }
            }
        }
    }
}

/// A role as whoever does its work sees it.
#[derive(Clone)]
pub struct Role {
    leadership: Arc<Leadership>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Role").field(&self.leadership.role).finish()
    }
}

impl Role {
    pub(crate) fn new(leadership: Arc<Leadership>, clock: Arc<dyn Clock>) -> Self {
        Self { leadership, clock }
    }

    /// Resolves when this process has it.
    pub async fn held(&self) {
        self.leadership.held(self.clock.as_ref()).await;
    }

    /// Resolves when this process does not have it any more, some time before another one can.
    pub async fn lost(&self) {
        self.leadership.lost(self.clock.as_ref()).await;
    }
}

/// The name of the role of removing what is too old.
pub(crate) const RETENTION: &str = "retention";

/// The name of the role of numbering events.
const EVENTS: &str = "events";
/// The name of the role of delivering webhooks.
pub(crate) const WEBHOOKS: &str = "webhooks";

/// All roles.
#[derive(Debug)]
pub(super) struct Roles {
    pub(super) retention: Arc<Leadership>,
    pub(super) events: Arc<Leadership>,
    pub(super) webhooks: Arc<Leadership>,
    has_resigned: AtomicBool,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            retention: Arc::new(Leadership::of_nobody(RETENTION)),
            events: Arc::new(Leadership::of_nobody(EVENTS)),
            webhooks: Arc::new(Leadership::of_nobody(WEBHOOKS)),
            has_resigned: AtomicBool::new(false),
        }
    }
}

impl Roles {
    fn all(&self) -> [&Leadership; 3] {
        [&self.retention, &self.events, &self.webhooks]
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
                    leadership.renew(until_boot);
                    if !was_held {
                        tracing::info!(role = leadership.role, term = term.0, "this node has a role now");
                    }
                    is_any_new |= !was_held;
                }
                None => leadership.lose(),
            }
        }
        Ok(is_any_new)
    }

    /// They are somebody else's.
    pub(super) fn lose(&self) {
        self.all().iter().for_each(|leadership| leadership.lose());
    }

    /// Lets all of them go, for good.
    pub(super) async fn resign(&self, store: &Store) {
        self.has_resigned.store(true, Ordering::Release);
        self.lose();
        for leadership in self.all() {
            if let Err(error) = store.resign(leadership.role).await {
                // Nor would the others be.
                return tracing::debug!(%error, role = leadership.role, "roles are not given up: they will run out");
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
        roles.webhooks.held(&clock).await;
        assert!(!renew().await, "nothing new");
        clock.advance(LEASE);
        assert!(!roles.retention.is_held(&clock), "it has run out here, whatever the store says");
        roles.webhooks.lost(&clock).await;
        assert!(renew().await);
        store.end_epoch(clock.now()).await.unwrap();
        assert!(!renew().await && !roles.retention.is_held(&clock), "not by an epoch that is over");
        roles.resign(&store).await;
        assert!(!renew().await, "for good");
    }
}
