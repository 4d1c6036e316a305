//! Fills the search index with what was written, many jobs at a time.
//!
//! A search looks at what is not in the index one by one, so there is no haste: a slice waits until it is worth a
//! commit of its own, and goes on the least urgent lane.

use crate::mailbox::Mailbox;
use oneoff_storage::{SearchLag, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// As many jobs as are looked at one by one without being noticed.
const WORTH_A_SLICE: u64 = 500;
/// Fewer than that are put into the index after this time.
const LATEST: Duration = Duration::from_secs(2);
/// It looks at most this often, however many events there are.
const LOOK_APART: Duration = Duration::from_millis(100);
const BACKOFF: Duration = Duration::from_secs(5);

/// Looks at start and after every commit that wrote an event, for ever.
pub(crate) async fn run(store: Store, mailbox: Arc<Mailbox>) {
    let mut events = mailbox.event_sequence();
    let mut behind_since = None;
    loop {
        events.mark_unchanged();
        let pause = match look(&store, &mut behind_since).await {
            Ok(true) => Some(LOOK_APART),
            Ok(false) => None,
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot fill the search index");
                Some(BACKOFF)
            }
        };
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None if events.changed().await.is_err() => return,
            None => tokio::time::sleep(LOOK_APART).await,
        }
    }
}

/// Fills the index where that is worth it; answers whether it is still behind.
async fn look(store: &Store, behind_since: &mut Option<Instant>) -> Result<bool, StoreError> {
    let lag = store.search_lag().await?;
    tell(lag);
    if lag == SearchLag::default() {
        *behind_since = None;
        return Ok(false);
    }
    let since = *behind_since.get_or_insert_with(Instant::now);
    if lag.unindexed < WORTH_A_SLICE && since.elapsed() < LATEST {
        return Ok(true);
    }
    fill(store).await?;
    *behind_since = None;
    Ok(true)
}

/// Fills the index as far as there is anything, and merges its parts as they come.
async fn fill(store: &Store) -> Result<(), StoreError> {
    loop {
        let slice = store.fill_search().await?;
        let may_merge_more = store.merge_search().await? && store.merge_search().await?;
        if !slice.more && !may_merge_more {
            return Ok(());
        }
    }
}

fn tell(lag: SearchLag) {
    let unindexed = u32::try_from(lag.unindexed).unwrap_or(u32::MAX);
    metrics::gauge!("oneoff_search_unindexed_jobs").set(unindexed);
}
