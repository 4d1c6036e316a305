//! Renews the lease, tells everybody who judges by it, and goes on as another epoch where this one was given up.

use super::roles::Roles;
use super::{Ground, Leases, PARTS};
use crate::core::{Alarm, Input};
use crate::status::is_clock_off;
use oneoff_domain::{BootTime, Timestamp};
use oneoff_storage::{Heartbeat, NodeReport, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

#[expect(clippy::cast_precision_loss, reason = "an offset that is not exact to the microsecond is no loss")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// The pause after a renewal failed.
const RETRY: Duration = Duration::from_millis(250);

pub(super) struct Keeper {
    pub(super) ground: Ground,
    pub(super) roles: Arc<Roles>,
    pub(super) rescue: Arc<Notify>,
    pub(super) is_clock_off: AtomicBool,
}

impl Keeper {
    /// Renews it for ever.
    pub(super) async fn run(self) {
        let part = self.ground.lease / PARTS;
        let mut failing_since = None;
        loop {
            let began = Instant::now();
            self.measure_clock().await;
            let pause = match self.renew().await {
                Ok(()) => {
                    if let Some(since) = failing_since.take() {
                        let lasting_seconds = began.duration_since(since).as_secs();
                        tracing::info!(lasting_seconds, "this node's lease is renewed again");
                    }
                    part.saturating_sub(began.elapsed())
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    if failing_since.is_none() {
                        failing_since = Some(began);
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(
                            error,
                            "this node's lease is not renewed: unless that changes, all that it runs is ended before \
                             the lease is over"
                        );
                    }
                    metrics::counter!("oneoff_lease_renewal_failures_total").increment(1);
                    RETRY.min(part)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Measures this machine's clock against the database's, and says so where it is wrong.
    async fn measure_clock(&self) {
        let Ground { store, measured: Some(local), .. } = &self.ground else { return };
        if let Err(error) = store.measure_clock(local.clone()).await {
            return tracing::debug!(%error, "the clock is not measured");
        }
        let Some(ahead_us) = store.clock_offset_us() else { return };
        let was_off = self.is_clock_off.swap(is_clock_off(ahead_us), Ordering::Relaxed);
        let is_off = self.is_clock_off.load(Ordering::Relaxed);
        metrics::gauge!("oneoff_clock_offset_seconds").set(seconds(ahead_us));
        if is_off && !was_off {
            tracing::error!(
                ahead_seconds = seconds(ahead_us),
                "this machine's clock differs from the database's by more than a second: the database's is used; set \
                 the clock, for example by NTP"
            );
        } else if was_off && !is_off {
            tracing::info!(ahead_seconds = seconds(ahead_us), "this machine's clock is right again");
        }
    }

    /// Renews it once. One that was given up because its connection hangs may still be on its way, and does not undo a
    /// later one: it has the row of this epoch locked, for which the later one waits, or it finds before its commit that
    /// another connection has taken its place, and is undone.
    async fn renew(&self) -> Result<(), StoreError> {
        let Ground { store, clock, .. } = &self.ground;
        // In this order: what passes between the two makes the lease end earlier here.
        let (sent, now) = (clock.boot_time(), clock.now());
        match store.heartbeat(now, self.report(now)).await? {
            Heartbeat::Renewed => self.hold(sent, now).await,
            Heartbeat::Fenced => self.begin_anew().await,
        }
    }

    fn report(&self, now: Timestamp) -> NodeReport {
        let Ground { store, running, slots, lease, .. } = &self.ground;
        let running = *running.count().borrow();
        NodeReport {
            lease_until: now.saturating_add(*lease),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            slots: u32::try_from(slots.workers()).unwrap_or(u32::MAX),
            running: u32::try_from(running).unwrap_or(u32::MAX),
            clock_offset_us: store.clock_offset_us(),
        }
    }

    /// The lease holds again: the guardian is told before anything can start by it.
    async fn hold(&self, sent: BootTime, now: Timestamp) -> Result<(), StoreError> {
        let Ground { store, clock, mailbox, guardian, held, lease, .. } = &self.ground;
        let over = sent.after(*lease);
        if let Some(guardian) = guardian {
            guardian.renew_lease(over, Leases::ending(*lease));
        }
        let until = BootTime(over.0.saturating_sub(*lease / PARTS));
        let was_held = held.holds(clock.boot_time());
        if !was_held {
            held.lapse();
        }
        held.renew(until);
        mailbox.send(Input::LeaseHeld { epoch: store.epoch(), until });
        if !was_held {
            self.rescue.notify_one();
        }
        match self.roles.renew(store, clock.as_ref(), now.saturating_add(*lease), until).await {
            Ok(true) => mailbox.send(Input::SetAlarm(Alarm::Retention, clock.now())),
            Ok(false) => {}
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            Err(error) => tracing::debug!(%error, "the roles of this node are not renewed"),
        }
        Ok(())
    }

    /// This epoch was given up: what it runs is somebody else's. A new one begins when all of that has ended here.
    async fn begin_anew(&self) -> Result<(), StoreError> {
        let Ground { store, clock, mailbox, running, held, .. } = &self.ground;
        let given_up = store.epoch();
        held.lose();
        self.roles.lose();
        mailbox.send(Input::LeaseLost);
        metrics::counter!("oneoff_node_given_up_total").increment(1);
        tracing::warn!(
            epoch = given_up,
            "this node was given up by others, as its lease was over: what it ran is theirs, and it goes on anew"
        );
        let mut count = running.count();
        // The sender is there for as long as `running` is.
        drop(count.wait_for(|running| *running == 0).await);
        let (sent, now) = (clock.boot_time(), clock.now());
        let epoch = store.begin_new_epoch(now, self.report(now)).await?;
        tracing::info!(epoch, "this node goes on as another epoch");
        self.hold(sent, now).await
    }
}
