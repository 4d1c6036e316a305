//! Finding attempts that are to end as cancelled, where commits may have been missed.

use oneoff_storage::{CancelledAttempt, Store, StoreError};
use std::time::Duration;

const REST: Duration = Duration::from_secs(1);

/// The attempts of this process that are to end, once the store can be read. `rest` lets time pass between two
/// tries.
pub(crate) async fn find(store: &Store, rest: impl AsyncFn(Duration)) -> Vec<CancelledAttempt> {
    loop {
        match store.cancelled_attempts().await {
            Ok(attempts) => return attempts,
            Err(StoreError::Closed) => return Vec::new(),
            Err(error) => {
                tracing::debug!(%error, "cannot look for attempts that were cancelled yet");
                rest(REST).await;
            }
        }
    }
}
