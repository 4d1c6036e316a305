//! Notes from time to time that the server lives, so that the next one knows for how long there was none.

use oneoff_domain::Clock;
use oneoff_storage::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// It is noted at least so often.
const APART_MAX: Duration = Duration::from_secs(60);
/// How often in the time after which a server counts as gone.
const NOTES_PER_ABSENCE: u32 = 4;

/// Notes it for ever. A server that is not heard of for `absence` counts as gone.
pub(crate) async fn run(store: Store, clock: Arc<dyn Clock>, absence: Duration) {
    let apart = (absence / NOTES_PER_ABSENCE).min(APART_MAX);
    loop {
        match store.note_alive(clock.now()).await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            // The writer tells of it.
            Err(error) => tracing::debug!(%error, "it is not noted that the server lives"),
        }
        tokio::time::sleep(apart).await;
    }
}
