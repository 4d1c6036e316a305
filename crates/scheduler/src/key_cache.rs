//! API keys and sessions that were found to be valid, so that a request need not ask the store. An event of a key empties
//! it, on the own node with the commit and before anybody is answered; what is in it is looked up anew after a second in
//! any case, so that nothing outlives an event that did not arrive, or a change beside the server that has none.

use oneoff_domain::{EventKind, Timestamp};
use oneoff_storage::ApiKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// For how long a key counts as valid without being looked up.
pub(crate) const TRUSTED: Duration = Duration::from_secs(1);
/// Keys and sessions that are kept.
const ENTRIES_MAX: usize = 4_096;
/// The use of a key is noted at most so often.
const NOTED_APART: Duration = Duration::from_secs(60);

/// Something that was valid when it was looked up.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: Arc<ApiKey>,
    /// When the session by which it is used ends.
    pub(crate) session_until: Option<Timestamp>,
}

impl Entry {
    /// Whether it is accepted.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.key.is_valid(now) && self.session_until.is_none_or(|until| until > now)
    }
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<String, (Entry, Instant)>,
    /// Rises whenever everything is forgotten.
    generation: u64,
    noted: HashMap<String, Timestamp>,
    unwritten: HashMap<String, Timestamp>,
}

/// What was found to be valid.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    state: Mutex<State>,
    used: Notify,
}

/// The state of the cache when something was begun to be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl KeyCache {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known under this hash, or what to say with [`Self::keep`] once it was looked up.
    pub(crate) fn find(&self, hash: &str, now: Instant) -> Result<Entry, Generation> {
        let state = self.lock();
        match state.entries.get(hash) {
            Some((entry, at)) if now.saturating_duration_since(*at) < TRUSTED => Ok(entry.clone()),
            _ => Err(Generation(state.generation)),
        }
    }

    /// Keeps what was looked up, unless something changed since that was begun.
    pub(crate) fn keep(&self, generation: Generation, hash: String, entry: Entry, began: Instant) {
        let mut state = self.lock();
        if state.generation != generation.0 {
            return;
        }
        if state.entries.len() >= ENTRIES_MAX {
            state.entries.clear();
        }
        state.entries.insert(hash, (entry, began));
    }

    /// Something is not valid any more, or never was.
    pub(crate) fn drop_entry(&self, hash: &str) {
        self.lock().entries.remove(hash);
    }

    /// Events were committed, here or elsewhere.
    pub(crate) fn changed(&self, kinds: &[EventKind]) {
        if kinds.iter().any(|kind| kind.as_str().starts_with("api_key.")) {
            self.forget_all();
        }
    }

    /// Anything may have changed.
    pub(crate) fn forget_all(&self) {
        let mut state = self.lock();
        state.generation = state.generation.wrapping_add(1);
        state.entries.clear();
    }

    /// Notes that a key is used; it is written later, and not each time.
    pub(crate) fn note_use(&self, id: &str, now: Timestamp) {
        let mut state = self.lock();
        let is_recent =
            state.noted.get(id).is_some_and(|at| now < at.saturating_add(NOTED_APART) && now >= *at);
        if is_recent {
            return;
        }
        if state.noted.len() >= ENTRIES_MAX {
            state.noted.clear();
        }
        state.noted.insert(id.to_owned(), now);
        state.unwritten.insert(id.to_owned(), now);
        drop(state);
        self.used.notify_one();
    }

    /// Waits for uses that are to be written.
    pub(crate) async fn uses(&self) -> Vec<(String, Timestamp)> {
        loop {
            let unwritten = std::mem::take(&mut self.lock().unwritten);
            if !unwritten.is_empty() {
                return unwritten.into_iter().collect();
            }
            self.used.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Entry {
        let key = ApiKey {
            id: id.to_owned(),
            name: id.to_owned(),
            key_prefix: String::new(),
            scopes: Vec::new(),
            project_ids: None,
            is_active: true,
            last_used_at: None,
            expires_at: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
            version: 1,
            replaced_by: None,
        };
        Entry { key: Arc::new(key), session_until: None }
    }

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_micros_clamped(seconds * 1_000_000)
    }

    #[test]
    fn what_was_looked_up_is_known_for_a_second() {
        let (cache, now) = (KeyCache::default(), Instant::now());
        let generation = cache.find("a", now).unwrap_err();
        cache.keep(generation, "a".to_owned(), entry("1"), now);
        assert_eq!(cache.find("a", now).unwrap().key.id, "1");
        assert!(cache.find("b", now).is_err());
        assert!(cache.find("a", now + TRUSTED).is_err());
    }

    #[test]
    fn an_event_of_a_key_empties_it_also_of_what_is_being_looked_up() {
        let (cache, now) = (KeyCache::default(), Instant::now());
        let before = cache.find("a", now).unwrap_err();
        cache.keep(before, "a".to_owned(), entry("1"), now);
        cache.changed(&[EventKind::ClockStep]);
        assert!(cache.find("a", now).is_ok());
        cache.changed(&[EventKind::ClockStep, EventKind::ApiKeyRevoked]);
        assert!(cache.find("a", now).is_err());
        cache.keep(before, "a".to_owned(), entry("1"), now);
        assert!(cache.find("a", now).is_err(), "it was read before the revoke");
    }

    #[test]
    fn a_session_ends_before_its_key() {
        let session = Entry { session_until: Some(seconds(10)), ..entry("1") };
        assert!(session.is_valid(seconds(9)) && !session.is_valid(seconds(10)));
    }

    #[tokio::test]
    async fn the_use_of_a_key_is_told_once_a_minute() {
        let cache = KeyCache::default();
        cache.note_use("1", seconds(0));
        cache.note_use("1", seconds(59));
        assert_eq!(cache.uses().await, [("1".to_owned(), seconds(0))]);
        cache.note_use("1", seconds(60));
        assert_eq!(cache.uses().await, [("1".to_owned(), seconds(60))]);
        cache.note_use("1", seconds(5));
        assert_eq!(cache.uses().await, [("1".to_owned(), seconds(5))], "the clock was set back");
    }
}
