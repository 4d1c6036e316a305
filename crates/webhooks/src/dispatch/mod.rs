//! The dispatcher: one task that, on the node that has the role, makes deliveries of the outbox and sends those that are
//! due. It sleeps until there is an event, something is due, an attempt has ended, or somebody says that there is
//! something to look at.

mod attempt;
mod due;
mod intake;
mod under_way;

use crate::dispatcher_state::DispatcherState;
use crate::lead::Lead;
use crate::service::Webhooks;
use due::Due;
use oneoff_domain::Timestamp;
use oneoff_storage::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use under_way::{End, Ended, UnderWay};

/// The outbox is looked at most this often, however many events there are.
const LOOK_APART: Duration = Duration::from_millis(20);
/// The same while there is no webhook.
const LOOK_APART_IDLE: Duration = Duration::from_secs(1);
/// The longest sleep: the wall clock, by which deliveries are due, may be set.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// When to try again what the store refused.
const BACKOFF: Duration = Duration::from_secs(1);

/// A dispatcher that runs. Dropping it stops nothing.
pub struct Dispatch {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Dispatch {
    /// Starts it, within a tokio runtime. `events` changes with the number of the newest event.
    #[must_use]
    pub fn start(webhooks: Webhooks, lead: Arc<dyn Lead>, events: watch::Receiver<i64>) -> Self {
        let (stop, stops) = watch::channel(false);
        let due = Due::new(&webhooks.inner.settings);
        let dispatcher = Dispatcher {
            webhooks,
            lead,
            events,
            stops,
            seen: -1,
            is_idle: false,
            looked_at: None,
            doubts_claims: true,
            due,
            under_way: UnderWay::default(),
        };
        Self { task: tokio::spawn(dispatcher.run()), stop }
    }

    /// Begins no further attempt, waits for those under way for at most so long, and ends. What has not arrived by then
    /// is sent again by whoever sends next.
    pub async fn drain(self, at_most: Duration) {
        self.stop.send_replace(true);
        let task = self.task.abort_handle();
        if tokio::time::timeout(at_most, self.task).await.is_err() {
            task.abort();
            tracing::warn!("webhook deliveries that are under way are broken off: they are made again");
        }
    }
}

struct Dispatcher {
    webhooks: Webhooks,
    lead: Arc<dyn Lead>,
    events: watch::Receiver<i64>,
    stops: watch::Receiver<bool>,
    /// The newest event at the last look.
    seen: i64,
    /// Whether there was no webhook at the last look.
    is_idle: bool,
    /// When the outbox was looked at last and found to be empty.
    looked_at: Option<Instant>,
    /// Whether deliveries may be claimed that nobody attempts.
    doubts_claims: bool,
    due: Due,
    under_way: UnderWay,
}

/// Says that the dispatcher has ended, however it did.
struct TellsEnd(Webhooks);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        self.0.inner.dispatcher.set(DispatcherState::Ended);
    }
}

/// Resolves when it is to end: not where the handle of it was dropped.
async fn told_to_stop(stops: &mut watch::Receiver<bool>) {
    if stops.wait_for(|stops| *stops).await.is_err() {
        std::future::pending().await
    }
}

/// Why a term of leading is over.
enum Over {
    Stopped,
    Lost,
}

impl Dispatcher {
    async fn run(mut self) {
        let _ended = TellsEnd(self.webhooks.clone());
        loop {
            self.webhooks.inner.dispatcher.set(DispatcherState::Waits);
            tokio::select! {
                () = self.lead.held() => {}
                () = told_to_stop(&mut self.stops) => return,
            }
            match self.lead_once().await {
                // What it would still tell the receiver, somebody else may tell it by then.
                Over::Lost => self.under_way.break_off(),
                Over::Stopped => return,
            }
        }
    }

    /// Dispatches for as long as this node has the role. An error of the store ends nothing that is under way.
    async fn lead_once(&mut self) -> Over {
        // Who had the role meanwhile has changed what is due.
        self.look_anew();
        let lead = Arc::clone(&self.lead);
        loop {
            if *self.stops.borrow() {
                return self.finish().await;
            }
            let stepped = tokio::select! {
                biased;
                () = lead.lost() => return Over::Lost,
                stepped = self.step() => stepped,
            };
            match stepped {
                Ok(true) => {}
                Ok(false) if self.due.is_ready(self.webhooks.inner.clock.now()) => {}
                Ok(false) => self.wait().await,
                Err(StoreError::Closed) => return Over::Stopped,
                Err(error) => self.back_off(&error).await,
            }
            while let Some(ended) = self.under_way.try_next() {
                self.ended(ended);
            }
        }
    }

    /// Nothing is known for certain of what is in the store but what is under way.
    fn look_anew(&mut self) {
        self.looked_at = None;
        self.doubts_claims = true;
        self.due.look_at_all(Timestamp::MIN);
    }

    fn ended(&mut self, ended: Ended) {
        self.doubts_claims |= ended.end == End::Left;
        self.due.ended(ended);
    }

    /// Makes deliveries of new events, where it is time, and begins what is due; answers whether there are more events.
    async fn step(&mut self) -> Result<bool, StoreError> {
        if self.doubts_claims {
            self.recover().await?;
            self.doubts_claims = false;
        }
        let is_rested = self.looked_at.is_none_or(|at| at.elapsed() >= self.apart());
        let has_more = if is_rested { self.look().await? } else { false };
        self.begin().await?;
        self.webhooks.inner.dispatcher.set(DispatcherState::Sends);
        Ok(has_more)
    }

    async fn recover(&self) -> Result<(), StoreError> {
        let (now, under_way) = (self.webhooks.inner.clock.now(), self.under_way.claimed());
        let recovered = self.webhooks.inner.store.recover_deliveries(now, under_way).await?;
        if recovered > 0 {
            tracing::info!(
                recovered,
                "webhook deliveries that were under way when sending ended are made again"
            );
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<bool, StoreError> {
        // What comes from here on is another reason to look.
        self.seen = *self.events.borrow();
        let took_in = intake::take_in(&self.webhooks).await?;
        self.is_idle = took_in.webhooks.is_empty();
        self.due.keep(&took_in);
        self.looked_at = (!took_in.more).then(Instant::now);
        Ok(took_in.more)
    }

    fn apart(&self) -> Duration {
        if self.is_idle { LOOK_APART_IDLE } else { LOOK_APART }
    }

    /// Begins what is due and has room.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let now = self.webhooks.inner.clock.now();
        let rooms = self.due.rooms(now);
        if rooms.is_empty() {
            return Ok(());
        }
        for delivery in self.due.claim(&self.webhooks, now, rooms, self.under_way.claimed()).await? {
            self.due.began(&delivery);
            let (webhooks, lead) = (self.webhooks.clone(), Arc::clone(&self.lead));
            self.under_way
                .begin(delivery, |delivery, break_off| attempt::make(webhooks, lead, delivery, break_off));
        }
        Ok(())
    }

    /// The store did not do what it was asked for, or did and could not say so. It is asked again after a while.
    async fn back_off(&mut self, error: &StoreError) {
        self.webhooks.inner.dispatcher.set(DispatcherState::Fails);
        tracing::error!(error = error as &dyn std::error::Error, "webhooks are not delivered for a moment");
        self.look_anew();
        tokio::select! {
            () = tokio::time::sleep(BACKOFF) => {}
            () = self.lead.lost() => {}
            () = told_to_stop(&mut self.stops) => {}
        }
    }

    /// Waits until there is something to do.
    async fn wait(&mut self) {
        let now = self.webhooks.inner.clock.now();
        let sleep = self.due.next(now).map_or(SLEEP_MAX, |at| at.since(now)).min(SLEEP_MAX);
        let rested = self.looked_at.map_or_else(Instant::now, |at| at + self.apart());
        let (events, seen) = (&mut self.events, self.seen);
        let news = async {
            if events.wait_for(|newest| *newest != seen).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep_until(rested).await;
        };
        tokio::select! {
            () = news => {}
            () = self.webhooks.inner.look.notified() => {
                self.due.look_at_all(now);
                self.looked_at = None;
            }
            Some(ended) = self.under_way.next() => self.ended(ended),
            () = tokio::time::sleep(sleep) => {}
            () = self.lead.lost() => {}
            () = told_to_stop(&mut self.stops) => {}
        }
    }

    /// Waits for the attempts that are under way, for as long as this node has the role.
    async fn finish(&mut self) -> Over {
        loop {
            tokio::select! {
                ended = self.under_way.next() => if ended.is_none() { return Over::Stopped },
                () = self.lead.lost() => return Over::Stopped,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_when_it_is_told_to_and_not_when_nobody_can_tell_it_any_more() {
        let (stop, mut stops) = watch::channel(false);
        let mut forsaken = stops.clone();
        stop.send_replace(true);
        told_to_stop(&mut stops).await;
        stop.send_replace(false);
        drop(stop);
        let ends = tokio::time::timeout(Duration::ZERO, told_to_stop(&mut forsaken)).await;
        assert!(ends.is_err());
    }
}
