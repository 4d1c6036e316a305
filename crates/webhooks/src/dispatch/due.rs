//! What is due when, and how many attempts of which webhook are under way. Bounded by the number of webhooks: deliveries
//! themselves stay in the store until there is room for them.

use super::intake::TookIn;
use super::under_way::{End, Ended};
use crate::service::Webhooks;
use crate::settings::WebhookSettings;
use oneoff_domain::Timestamp;
use oneoff_storage::StoreError;
use oneoff_storage::webhooks::{ClaimedAttempt, Claims, DueDelivery};
use std::collections::HashMap;
use std::time::Duration;

/// After the longest that an attempt may take, nobody ends it any more.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);

/// What is known of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// When something of it is due; `None` is never.
    next: Option<Timestamp>,
    /// Attempts under way.
    under_way: usize,
    /// Whether its last attempt failed, or none was made yet: it then gets one at a time, so that it takes no room from
    /// others.
    is_failing: bool,
}

/// What is due when.
pub(super) struct Due {
    webhooks: HashMap<i64, State>,
    concurrency: usize,
    per_webhook: usize,
    timeout: Duration,
}

impl Due {
    pub(super) fn new(settings: &WebhookSettings) -> Self {
        Self {
            webhooks: HashMap::new(),
            concurrency: settings.concurrency.max(1),
            per_webhook: settings.concurrency_per_webhook.max(1),
            timeout: settings.timeout,
        }
    }

    /// Takes over which webhooks there are, and which of them have something new.
    pub(super) fn keep(&mut self, took_in: &TookIn) {
        self.webhooks.retain(|key, state| state.under_way > 0 || took_in.webhooks.contains(key));
        for key in &took_in.webhooks {
            let first = State { next: Some(Timestamp::MIN), under_way: 0, is_failing: true };
            self.webhooks.entry(*key).or_insert(first);
        }
        for key in &took_in.told {
            if let Some(state) = self.webhooks.get_mut(key) {
                state.next = Some(Timestamp::MIN);
            }
        }
        if took_in.look_at_all {
            self.look_at_all(Timestamp::MIN);
        }
    }

    /// Something of any of them may be due.
    pub(super) fn look_at_all(&mut self, now: Timestamp) {
        for state in self.webhooks.values_mut() {
            state.next = Some(state.next.map_or(now, |next| next.min(now)));
        }
    }

    fn under_way(&self) -> usize {
        self.webhooks.values().map(|state| state.under_way).sum()
    }

    /// What those take together that fail.
    fn taken_by_failing(&self) -> usize {
        self.webhooks.values().filter(|state| state.is_failing).map(|state| state.under_way).sum()
    }

    /// Which webhooks have something that is due, and how many attempts of each may begin: those that waited for longest
    /// come first, and those that fail may take half of the room.
    pub(super) fn rooms(&self, now: Timestamp) -> Vec<(i64, usize)> {
        let mut left = self.concurrency.saturating_sub(self.under_way());
        let mut left_to_failing = (self.concurrency / 2).max(1).saturating_sub(self.taken_by_failing());
        let mut ready: Vec<(Timestamp, i64, State)> = self
            .webhooks
            .iter()
            .filter_map(|(key, state)| Some((state.next.filter(|next| *next <= now)?, *key, *state)))
            .collect();
        ready.sort_unstable_by_key(|(next, key, state)| (state.is_failing, *next, *key));
        let mut rooms = Vec::new();
        for (_, key, state) in ready {
            let most = if state.is_failing { 1.min(left_to_failing) } else { self.per_webhook };
            let room = most.saturating_sub(state.under_way).min(left);
            if room == 0 {
                continue;
            }
            left -= room;
            if state.is_failing {
                left_to_failing -= room;
            }
            rooms.push((key, room));
        }
        rooms
    }

    /// Whether something can begin at once.
    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        !self.rooms(now).is_empty()
    }

    /// When something is due that is not yet, of those that have room by then.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let has_room = |state: &&State| {
            let most = if state.is_failing { 1 } else { self.per_webhook };
            state.under_way < most
        };
        if self.under_way() >= self.concurrency {
            return None;
        }
        let with_room = self.webhooks.values().filter(has_room);
        with_room.filter_map(|state| state.next).filter(|next| *next > now).min()
    }

    /// Claims what is due, and notes when the rest is.
    pub(super) async fn claim(
        &mut self,
        webhooks: &Webhooks,
        now: Timestamp,
        rooms: Vec<(i64, usize)>,
        under_way: Vec<ClaimedAttempt>,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let until = now.saturating_add(self.timeout).saturating_add(GIVEN_UP_AFTER);
        let claims = Claims { rooms, until, under_way };
        let claimed = webhooks.inner.store.claim_deliveries(now, claims).await?;
        for (key, next) in claimed.next {
            if let Some(state) = self.webhooks.get_mut(&key) {
                state.next = next;
            }
        }
        Ok(claimed.due)
    }

    /// An attempt is under way.
    pub(super) fn began(&mut self, delivery: &DueDelivery) {
        if let Some(state) = self.webhooks.get_mut(&delivery.webhook.key) {
            state.under_way += 1;
        }
    }

    /// An attempt is over: another delivery of its job may go now.
    pub(super) fn ended(&mut self, Ended { webhook_key, end }: Ended) {
        if let Some(state) = self.webhooks.get_mut(&webhook_key) {
            state.under_way = state.under_way.saturating_sub(1);
            state.is_failing = end != End::Delivered;
            state.next = Some(Timestamp::MIN);
        }
    }
}

#[cfg(test)]
#[path = "due_tests.rs"]
mod tests;
