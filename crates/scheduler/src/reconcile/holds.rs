//! Releases holds that end by themselves.

use crate::core::{Alarm, Input};
use crate::mailbox::Mailbox;
use crate::reconcile::bell::Bell;
use crate::service::release;
use oneoff_domain::{Actor, Clock, Context, Timestamp};
use oneoff_storage::{Store, StoreError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

const SLICE: usize = 200;
const BACKOFF: Duration = Duration::from_secs(5);

/// Looks at start and whenever it is told to, for ever.
pub(crate) async fn run(store: Store, clock: Arc<dyn Clock>, mailbox: Arc<Mailbox>, look: Arc<Bell>) {
    let mut now = clock.now();
    loop {
        let next = match release_ended(&store, now).await {
            Ok(next) => next,
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot release holds that ended");
                Some(clock.now().saturating_add(BACKOFF))
            }
        };
        if let Some(at) = next {
            mailbox.send(Input::SetAlarm(Alarm::Holds, at));
        }
        now = look.heard().await;
    }
}

/// Releases what has ended; answers when the next hold ends.
async fn release_ended(store: &Store, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    // What cannot be released keeps no other hold from ending.
    let mut skipped = HashSet::new();
    loop {
        let mut holds = store.holds_ending(SLICE + skipped.len()).await?;
        holds.retain(|(id, _)| !skipped.contains(id));
        let Some((_, next)) =
            holds.iter().find(|(_, until)| *until > now).copied().or(holds.first().copied())
        else {
            return Ok(None);
        };
        let ended: Vec<_> = holds.iter().filter(|(_, until)| *until <= now).map(|(id, _)| *id).collect();
        if ended.is_empty() {
            return Ok(Some(next));
        }
        for id in ended {
            let context = Context::new(Actor::System);
            match store.change_job(context, now, id, Box::new(move |job| release::ended(job, now))).await {
                Ok(_) => {}
                Err(StoreError::Refused(_)) => drop(skipped.insert(id)),
                Err(error @ StoreError::Corrupt(_)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(job = %id, error, "a hold does not end: its job cannot be read");
                    skipped.insert(id);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
