//! The dispatcher: one task that, on the node that has the role, makes deliveries of the outbox and sends those that are
//! due. It sleeps until there is an event, something is due, an attempt has ended, or somebody says that there is
//! something to look at.

mod attempt;
mod due;
mod intake;

use crate::dispatcher_state::DispatcherState;
use crate::lead::Lead;
use crate::service::Webhooks;
use attempt::Ended;
use due::Due;
use oneoff_storage::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// The outbox is looked at most this often, however many events there are.
const LOOK_APART: Duration = Duration::from_millis(20);
/// The same while there is no webhook.
const LOOK_APART_IDLE: Duration = Duration::from_secs(1);
/// The longest sleep: the wall clock, by which deliveries are due, may be set.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// When to try again what the store refused.
const BACKOFF: Duration = Duration::from_secs(1);

/// A dispatcher that runs.
pub struct Dispatch {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Dispatch {
    /// Starts it, within a tokio runtime. `events` changes with the number of the newest event.
    #[must_use]
    pub fn start(webhooks: Webhooks, lead: Arc<dyn Lead>, events: watch::Receiver<i64>) -> Self {
        let (stop, stops) = watch::channel(false);
        let dispatcher = Dispatcher { webhooks, lead, events, stops, seen: -1, is_idle: false };
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
}

/// Says that the dispatcher has ended, however it did.
struct TellsEnd(Webhooks);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        self.0.inner.dispatcher.set(DispatcherState::Ended);
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
        self.webhooks.inner.dispatcher.set(DispatcherState::Waits);
        loop {
            tokio::select! {
                () = self.lead.held() => {}
                _ = self.stops.wait_for(|stops| *stops) => return,
            }
            match self.lead_once().await {
                Ok(Over::Lost) => self.webhooks.inner.dispatcher.set(DispatcherState::Waits),
                Ok(Over::Stopped) | Err(StoreError::Closed) => return,
                Err(error) => {
                    self.webhooks.inner.dispatcher.set(DispatcherState::Fails);
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "webhooks are not delivered for a moment"
                    );
                    tokio::select! {
                        () = tokio::time::sleep(BACKOFF) => {}
                        _ = self.stops.wait_for(|stops| *stops) => return,
                    }
                }
            }
        }
    }

    /// Dispatches for as long as this node has the role. Attempts that are under way end with it, or with an error:
    /// what they would record would be somebody else's by then.
    async fn lead_once(&mut self) -> Result<Over, StoreError> {
        let store = &self.webhooks.inner.store;
        let recovered = store.recover_deliveries(self.webhooks.inner.clock.now()).await?;
        if recovered > 0 {
            tracing::info!(
                recovered,
                "webhook deliveries that were under way when sending ended are made again"
            );
        }
        let mut due = Due::new(&self.webhooks.inner.settings);
        let mut attempts: JoinSet<Ended> = JoinSet::new();
        let mut looked_at = None;
        loop {
            if *self.stops.borrow() {
                return self.finish(attempts).await;
            }
            if !self.lead.is_held() {
                return Ok(Over::Lost);
            }
            let has_more = match looked_at.is_none_or(|at: Instant| at.elapsed() >= self.apart()) {
                true => {
                    // What comes from here on is another reason to look.
                    self.seen = *self.events.borrow();
                    let took_in = intake::take_in(&self.webhooks).await?;
                    self.webhooks.inner.dispatcher.set(DispatcherState::Sends);
                    self.is_idle = took_in.webhooks.is_empty();
                    due.keep(&took_in);
                    looked_at = (!took_in.more).then(Instant::now);
                    took_in.more
                }
                false => false,
            };
            self.begin(&mut due, &mut attempts).await?;
            if !has_more && !due.is_ready(self.webhooks.inner.clock.now()) {
                self.wait(&mut due, &mut attempts, &mut looked_at).await;
            }
            while let Some(ended) = attempts.try_join_next() {
                due.ended(ended);
            }
        }
    }

    fn apart(&self) -> Duration {
        if self.is_idle { LOOK_APART_IDLE } else { LOOK_APART }
    }

    /// Begins what is due and has room.
    async fn begin(&self, due: &mut Due, attempts: &mut JoinSet<Ended>) -> Result<(), StoreError> {
        let now = self.webhooks.inner.clock.now();
        let rooms = due.rooms(now);
        if rooms.is_empty() {
            return Ok(());
        }
        for delivery in due.claim(&self.webhooks, now, rooms).await? {
            due.began(&delivery);
            attempts.spawn(attempt::make(self.webhooks.clone(), delivery));
        }
        Ok(())
    }

    /// Waits until there is something to do.
    async fn wait(&mut self, due: &mut Due, attempts: &mut JoinSet<Ended>, looked_at: &mut Option<Instant>) {
        let now = self.webhooks.inner.clock.now();
        let sleep = due.next(now).map_or(SLEEP_MAX, |at| at.since(now)).min(SLEEP_MAX);
        let rested = looked_at.map_or_else(Instant::now, |at| at + self.apart());
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
                due.look_at_all(now);
                *looked_at = None;
            }
            Some(ended) = attempts.join_next() => due.ended(ended),
            () = tokio::time::sleep(sleep) => {}
            () = self.lead.lost() => {}
            _ = self.stops.changed() => {}
        }
    }

    /// Waits for the attempts that are under way, for as long as this node has the role.
    async fn finish(&self, mut attempts: JoinSet<Ended>) -> Result<Over, StoreError> {
        loop {
            tokio::select! {
                ended = attempts.join_next() => if ended.is_none() { return Ok(Over::Stopped) },
                () = self.lead.lost() => return Ok(Over::Stopped),
            }
        }
    }
}
