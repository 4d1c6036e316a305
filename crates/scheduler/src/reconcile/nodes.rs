//! Takes over what other nodes changed, as if it were committed here.

use crate::core::Input;
use crate::driver::CoreStatus;
use crate::mailbox::Mailbox;
use oneoff_storage::{Change, CommitListener, Committed, Followed, Heard, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// When to look at the events although nobody said a word.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// When to read again what waits: a job that another node had locked may still wait.
const READ_AGAIN: Duration = Duration::from_secs(15);
/// Words that may wait to be heard.
const WORDS: usize = 1024;

/// Follows other nodes from an event on, for ever.
pub(crate) async fn run(store: Store, mailbox: Arc<Mailbox>, core: Arc<CoreStatus>, mut sequence: i64) {
    let (says, mut words) = mpsc::channel(WORDS);
    if store.hear_nodes(says).is_none() {
        return;
    }
    let mut read_again = Instant::now() + READ_AGAIN;
    loop {
        let heard = tokio::time::timeout(LOOK_AGAIN, words.recv()).await;
        match heard {
            Ok(Some(Heard::Connected)) => mailbox.send(Input::Reload),
            Ok(Some(Heard::Written)) => {
                mailbox.tell_unnumbered();
                continue;
            }
            Ok(Some(Heard::KeyFree(key))) => {
                mailbox.committed(Committed { changes: vec![Change::KeyFree(key)], ..Committed::default() });
                continue;
            }
            Ok(None) => return,
            Ok(Some(Heard::Numbered)) | Err(_) => {}
        }
        if read_again <= Instant::now() {
            read_again = Instant::now() + READ_AGAIN;
            mailbox.send(Input::Reload);
        }
        match follow(&store, &core, sequence).await {
            Ok(followed) => {
                sequence = followed;
                core.followed.store(followed, Ordering::Relaxed);
            }
            Err(StoreError::Closed) => return,
            Err(error) => tracing::debug!(%error, "what other nodes changed is not known yet"),
        }
    }
}

async fn follow(store: &Store, core: &CoreStatus, mut sequence: i64) -> Result<i64, StoreError> {
    loop {
        let has_queue = core.queued.load(Ordering::Relaxed) > 0;
        match store.follow_nodes(sequence, has_queue).await? {
            Followed::To { sequence: last, more: false } | Followed::Lost { sequence: last } => {
                return Ok(last);
            }
            Followed::To { sequence: last, more: true } => sequence = last,
        }
    }
}
