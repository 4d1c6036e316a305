//! Removes what is older than its retention, a slice at a time.

use crate::Retention;
use crate::core::{Alarm, Input};
use crate::lease::Leadership;
use crate::mailbox::Mailbox;
use crate::reconcile::bell::Bell;
use oneoff_domain::{Clock, Timestamp};
use oneoff_storage::{RetentionPolicy, RetentionSlice, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// When to look again after everything old is gone, at the latest: output may have grown beyond its total.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Where something is kept for a short time, it is kept for at most this part of it longer.
const LOOKS_PER_RETENTION: u32 = 20;
const BACKOFF: Duration = Duration::from_secs(60);

/// Looks whenever it is told to, for ever, and removes something while this node has the role. The first time is at start, unless the clock is doubted then.
pub(crate) async fn run(
    store: Store,
    clock: Arc<dyn Clock>,
    mailbox: Arc<Mailbox>,
    look: Arc<Bell>,
    keep: Retention,
    leadership: Arc<Leadership>,
) {
    mailbox.send(Input::SetAlarm(Alarm::Retention, clock.now()));
    loop {
        let now = look.heard().await;
        let keep = keep.with(&store.catalog().live);
        if !leadership.is_held(clock.as_ref()) {
            mailbox.send(Input::SetAlarm(Alarm::Retention, clock.now().saturating_add(look_again(&keep))));
            continue;
        }
        let next = match remove_old(&store, now, &keep).await {
            Ok(()) => clock.now().saturating_add(look_again(&keep)),
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot remove what is too old");
                clock.now().saturating_add(BACKOFF)
            }
        };
        mailbox.send(Input::SetAlarm(Alarm::Retention, next));
    }
}

fn look_again(keep: &Retention) -> Duration {
    (keep.shortest() / LOOKS_PER_RETENTION).clamp(Duration::from_secs(1), LOOK_AGAIN)
}

async fn remove_old(store: &Store, now: Timestamp, keep: &Retention) -> Result<(), StoreError> {
    let mut removed = RetentionSlice::default();
    let policy = policy(now, keep);
    loop {
        removed += store.retain(policy.clone()).await?;
        if !removed.more {
            break;
        }
        tokio::task::yield_now().await;
    }
    let RetentionSlice { jobs, executions, records, output_bytes, .. } = removed;
    if jobs + executions + records > 0 || output_bytes > 0 {
        tracing::debug!(
            jobs,
            executions,
            records,
            output_bytes,
            "removed what was older than its retention, or beyond the total of output"
        );
    }
    Ok(())
}

fn policy(now: Timestamp, keep: &Retention) -> RetentionPolicy {
    RetentionPolicy {
        now,
        jobs_before: now.saturating_sub(keep.jobs),
        executions_before: now.saturating_sub(keep.executions),
        events_before: now.saturating_sub(keep.events),
        audit_before: now.saturating_sub(keep.audit),
        idempotency_before: now.saturating_sub(keep.idempotency),
        deliveries_before: now.saturating_sub(keep.deliveries),
        output_max_bytes: keep.output_max_bytes,
    }
}
