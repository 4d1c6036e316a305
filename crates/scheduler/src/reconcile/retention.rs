//! Removes what is older than its retention, a slice at a time.

use crate::core::{Alarm, Input};
use crate::mailbox::Mailbox;
use oneoff_domain::{Clock, Timestamp};
use oneoff_storage::{RetentionPolicy, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a client may repeat a request with its idempotency key.
const IDEMPOTENCY: Duration = Duration::from_secs(7 * 24 * 3600);
/// When to look again after everything old is gone.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
const BACKOFF: Duration = Duration::from_secs(60);

/// Looks at start and whenever it is told to, for ever.
pub(crate) async fn run(
    store: Store,
    clock: Arc<dyn Clock>,
    mailbox: Arc<Mailbox>,
    look: Arc<Notify>,
    keep: Duration,
) {
    loop {
        let next = match remove_old(&store, clock.as_ref(), keep).await {
            Ok(()) => clock.now().saturating_add(LOOK_AGAIN),
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot remove what is too old");
                clock.now().saturating_add(BACKOFF)
            }
        };
        mailbox.send(Input::SetAlarm(Alarm::Retention, next));
        look.notified().await;
    }
}

async fn remove_old(store: &Store, clock: &dyn Clock, keep: Duration) -> Result<(), StoreError> {
    let (mut executions, mut records) = (0, 0);
    loop {
        let slice = store.retain(policy(clock.now(), keep)).await?;
        executions += slice.executions;
        records += slice.records;
        if !slice.more {
            break;
        }
        tokio::task::yield_now().await;
    }
    if executions + records > 0 {
        tracing::info!(executions, records, "removed what was older than its retention");
    }
    Ok(())
}

fn policy(now: Timestamp, keep: Duration) -> RetentionPolicy {
    let before = now.saturating_sub(keep);
    RetentionPolicy {
        executions_before: before,
        events_before: before,
        idempotency_before: now.saturating_sub(IDEMPOTENCY.min(keep)),
    }
}
