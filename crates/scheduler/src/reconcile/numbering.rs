//! Numbers what several nodes wrote, where this node has that role, and tells who has it otherwise.

use crate::lease::Leadership;
use crate::mailbox::Mailbox;
use oneoff_domain::Clock;
use oneoff_storage::{Store, StoreError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What comes meanwhile is numbered together.
const TOGETHER: Duration = Duration::from_millis(5);
/// Under load the pause is so many times as long as the numbering before it, so that it takes little of what the server
/// can do, and at most [`TOGETHER_MAX`].
const PAUSE_TIMES: u32 = 8;
const TOGETHER_MAX: Duration = Duration::from_millis(25);
/// When to look again at the latest: a word may be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const BACKOFF: Duration = Duration::from_millis(500);

/// Looks whenever something was written, for ever.
pub(crate) async fn run(
    store: Store,
    clock: Arc<dyn Clock>,
    mailbox: Arc<Mailbox>,
    leadership: Arc<Leadership>,
) {
    loop {
        let was_told = tokio::time::timeout(LOOK_AGAIN, mailbox.unnumbered()).await.is_ok();
        let began = Instant::now();
        let done = match leadership.is_held(clock.as_ref()) {
            true => number_all(&store).await,
            false if was_told => store.tell_written().await,
            false => Ok(()),
        };
        match done {
            Ok(()) => tokio::time::sleep((began.elapsed() * PAUSE_TIMES).clamp(TOGETHER, TOGETHER_MAX)).await,
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::debug!(%error, "events are not numbered yet");
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }
}

async fn number_all(store: &Store) -> Result<(), StoreError> {
    while store.number_events().await?.more {}
    Ok(())
}
