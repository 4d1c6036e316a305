//! The lease of this node, where several share a database: it is renewed in time, or all that this node runs ends before
//! others may take it over.
//!
//! Here it is judged by boot time, from before the renewal was sent: what hangs in between only makes it shorter. The
//! database judges it by wall time. Everything of this node ends a margin before that.

mod keeper;
mod rescue;
mod roles;

pub use roles::Role;
pub(crate) use roles::{Leadership, RETENTION, WEBHOOKS};

use crate::driver::CoreStatus;
use crate::mailbox::Mailbox;
use crate::running::Running;
use keeper::Keeper;
use oneoff_domain::{BootTime, Clock};
use oneoff_executors::process::Guardian;
use oneoff_storage::Store;
use rescue::Rescuer;
use roles::Roles;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A lease is renewed so often while it lasts. One such part before its end is the margin in which everything ends.
const PARTS: u32 = 4;

/// Until when this node may run what it has claimed, by boot time.
#[derive(Debug)]
pub(crate) struct Held {
    until_us: AtomicU64,
    ending: Duration,
    lapses: AtomicU64,
}

impl Held {
    /// Nobody else is there who could take anything over.
    pub(crate) fn for_ever() -> Self {
        Self { until_us: AtomicU64::new(u64::MAX), ending: Duration::MAX, lapses: AtomicU64::new(0) }
    }

    /// Not held yet. Ending everything may take that long when it is over.
    pub(crate) fn not_yet(ending: Duration) -> Self {
        Self { until_us: AtomicU64::new(0), ending, lapses: AtomicU64::new(0) }
    }

    pub(crate) fn holds(&self, now: BootTime) -> bool {
        let until_us = self.until_us.load(Ordering::Acquire);
        until_us == u64::MAX || now < BootTime(Duration::from_micros(until_us))
    }

    /// Whether nobody else is there, and nothing is to be held.
    pub(crate) fn is_for_ever(&self) -> bool {
        self.until_us.load(Ordering::Acquire) == u64::MAX
    }

    /// How long ending an attempt may take that lost its lease.
    pub(crate) fn ending(&self) -> Duration {
        self.ending
    }

    /// For how much longer it holds unless it is renewed; `None` is for ever.
    fn left(&self, now: BootTime) -> Option<Duration> {
        let until_us = self.until_us.load(Ordering::Acquire);
        (until_us != u64::MAX).then(|| BootTime(Duration::from_micros(until_us)).since(now))
    }

    fn renew(&self, until: BootTime) {
        let micros = u64::try_from(until.0.as_micros()).unwrap_or(u64::MAX - 1);
        self.until_us.store(micros.min(u64::MAX - 1), Ordering::Release);
    }

    fn lose(&self) {
        self.until_us.store(0, Ordering::Release);
        self.lapse();
    }

    /// It was over before it was renewed.
    fn lapse(&self) {
        self.lapses.fetch_add(1, Ordering::AcqRel);
    }

    /// How often it was over. While that stays the same and it holds, nobody was allowed to end what this node runs.
    pub(crate) fn lapses(&self) -> u64 {
        self.lapses.load(Ordering::Acquire)
    }
}

/// What keeping a lease needs of the scheduler.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// This machine's own, where it is measured against the database's.
    pub(crate) measured: Option<Arc<dyn Clock>>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) running: Arc<Running>,
    pub(crate) guardian: Option<Arc<Guardian>>,
    pub(crate) held: Arc<Held>,
    /// Says how many worker slots there are.
    pub(crate) slots: Arc<CoreStatus>,
    pub(crate) lease: Duration,
    /// After how long without any node lost jobs are held.
    pub(crate) hold_after: Option<Duration>,
}

/// The tasks that keep a lease, rescue what other nodes have lost, and hold roles.
pub(crate) struct Leases {
    tasks: Vec<JoinHandle<()>>,
    roles: Arc<Roles>,
}

impl Leases {
    /// How long ending everything may take when a lease of this length is over.
    pub(crate) fn ending(lease: Duration) -> Duration {
        lease / PARTS / 2
    }

    /// Starts them. Nothing is claimed before the first renewal.
    pub(crate) fn start(ground: Ground) -> Self {
        let roles = Arc::new(Roles::default());
        let look = Arc::new(Notify::new());
        let rescuer = Rescuer {
            store: ground.store.clone(),
            clock: ground.clock.clone(),
            held: ground.held.clone(),
            look: look.clone(),
            apart: ground.lease / PARTS,
            hold_after: ground.hold_after,
        };
        let keeper =
            Keeper { ground, roles: roles.clone(), rescue: look, is_clock_off: AtomicBool::new(false) };
        Self { tasks: vec![tokio::spawn(keeper.run()), tokio::spawn(rescuer.run())], roles }
    }

    /// Who removes what is too old.
    pub(crate) fn retention(&self) -> Arc<Leadership> {
        self.roles.retention.clone()
    }

    /// Who numbers events.
    pub(crate) fn events(&self) -> Arc<Leadership> {
        self.roles.events.clone()
    }

    /// Who delivers webhooks.
    pub(crate) fn webhooks(&self) -> Arc<Leadership> {
        self.roles.webhooks.clone()
    }

    /// Lets the roles of this node go, so that others can take them at once.
    pub(crate) async fn resign(&self, store: &Store) {
        self.roles.resign(store).await;
    }

    /// Ends the epoch, in which nothing runs any more: nobody has to wait until its lease is over.
    pub(crate) async fn end(self, store: &Store, clock: &dyn Clock) {
        self.tasks.iter().for_each(JoinHandle::abort);
        if let Err(error) = store.end_epoch(clock.now()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "this node's epoch is not ended: its lease will run out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> BootTime {
        BootTime(Duration::from_secs(seconds))
    }

    #[test]
    fn a_lease_holds_until_it_is_over_or_lost() {
        assert!(Held::for_ever().holds(BootTime(Duration::MAX)));
        let held = Held::not_yet(Duration::from_secs(2));
        assert!(!held.holds(at(0)));
        held.renew(at(10));
        assert!(held.holds(at(9)) && !held.holds(at(10)));
        held.lose();
        assert!(!held.holds(at(1)));
        held.renew(BootTime(Duration::MAX));
        assert!(held.holds(at(1_000_000)) && !held.holds(BootTime(Duration::MAX)), "no lease is for ever");
    }
}
