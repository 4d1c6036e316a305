//! Writes when API keys were used last: behind the requests, and not for each of them.

use crate::key_cache::KeyCache;
use oneoff_storage::{Store, StoreError};
use std::sync::Arc;

/// Writes uses as they are noted, until the store is closed. Those that cannot be written are left out: the next use of
/// the key tells more.
pub(crate) async fn run(store: Store, keys: Arc<KeyCache>) {
    loop {
        let used = keys.uses().await;
        match store.touch_api_keys(used).await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            Err(error) => tracing::debug!(%error, "the last use of API keys is not written"),
        }
    }
}
