//! Days go by on the clock of the dispatcher: a receiver that fails all that time is given up delivery by delivery, then
//! altogether, and what it missed is there to be made again until it is too old.

use crate::world::on_both;
use oneoff_webhooks::WebhookSettings;

on_both!(a_receiver_that_fails_for_days_is_switched_off_and_made_up_for(WebhookSettings::default()));

mod exercise {
    use crate::trouble::Gated;
    use crate::world::{World, context, eventually};
    use oneoff_domain::{Clock as _, Timestamp};
    use oneoff_fakes::{FakeReceiver, Reply};
    use oneoff_storage::webhooks::{PauseReason, RedeliverFilter};
    use oneoff_storage::{DeliveryStatus, RetentionPolicy, Webhook};
    use oneoff_webhooks::WebhookPatch;
    use oneoff_webhooks::schedule::RETRIES_AFTER_SECONDS;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Sets the clock ahead, and has the dispatcher look at it.
    async fn advance_to(world: &World, other: &Webhook, at: Timestamp) {
        world.clock.advance(at.since(world.clock.now()));
        let patch = WebhookPatch { name: Some("looked at".to_owned()), ..WebhookPatch::default() };
        world.webhooks.update(context(), other.id, patch).await.unwrap();
    }

    /// Waits until the newest delivery was attempted so often.
    async fn attempted(world: &World, webhook: &Webhook, attempts: u32) -> DeliveryStatus {
        eventually(async || {
            let newest = world.deliveries(webhook).await.pop()?;
            let is_recorded = newest.attempts == attempts && newest.response_code.is_some();
            // While an attempt is under way it has no time for the next.
            let is_over = newest.status != DeliveryStatus::Pending || newest.next_attempt_at.is_some();
            (is_recorded && is_over).then_some(newest.status)
        })
        .await
    }

    async fn remove_old(world: &World) {
        let now = world.clock.now();
        let before = now.saturating_sub(30 * DAY);
        let policy = RetentionPolicy { deliveries_before: before, ..RetentionPolicy::keep_all(now) };
        while world.store.retain(policy.clone()).await.unwrap().more {}
    }

    pub(crate) async fn a_receiver_that_fails_for_days_is_switched_off_and_made_up_for(world: World) {
        let is_well = Arc::new(AtomicBool::new(false));
        let well = Arc::clone(&is_well);
        let receiver = FakeReceiver::start(move |_| {
            if well.load(Ordering::SeqCst) { Reply::Status(200) } else { Reply::Status(503) }
        });
        let receiver = receiver.unwrap();
        let webhook = world.webhook(receiver.url(), &["job.created"]).await;
        let watcher = Gated::open();
        let other = world.webhook(watcher.receiver.url(), &["webhook.paused"]).await;
        let began = world.clock.now();
        world.run_job().await;
        assert_eq!(attempted(&world, &webhook, 1).await, DeliveryStatus::Pending);
        let failing_since = world.webhook_now(&webhook).await.failing_since;
        assert!(failing_since.is_some_and(|since| since >= began));
        let first_at = world.clock.now();
        let mut attempts = 1;
        for after in RETRIES_AFTER_SECONDS {
            assert_eq!(receiver.received().len(), attempts, "nothing is sent before its time");
            // Each is up to a tenth of its distance late.
            let latest = first_at.saturating_add(Duration::from_secs(after + after / 10 + 1));
            advance_to(&world, &other, latest).await;
            attempts += 1;
            let status = attempted(&world, &webhook, u32::try_from(attempts).unwrap()).await;
            let is_last = attempts > RETRIES_AFTER_SECONDS.len();
            assert_eq!(status, if is_last { DeliveryStatus::Failed } else { DeliveryStatus::Pending });
        }
        for hours in [48, 71] {
            advance_to(&world, &other, began.saturating_add(hours * HOUR)).await;
            world.run_job().await;
            attempted(&world, &webhook, 1).await;
            let now = world.webhook_now(&webhook).await;
            assert_eq!((now.is_active, now.failing_since), (true, failing_since), "after {hours} hours");
        }
        advance_to(&world, &other, began.saturating_add(73 * HOUR)).await;
        let off =
            eventually(async || Some(world.webhook_now(&webhook).await).filter(|now| !now.is_active)).await;
        assert_eq!(off.paused_reason, Some(PauseReason::Failing));
        assert!(off.paused_at.is_some_and(|at| at >= began.saturating_add(3 * DAY)));
        world.settled(&other, 1).await;
        let sent = receiver.received().len();
        world.run_job().await;
        let dead = world.settled(&webhook, 4).await;
        assert!(dead.iter().all(|delivery| delivery.status == DeliveryStatus::Failed));
        assert_eq!(receiver.received().len(), sent, "one that is off is told of nothing");
        is_well.store(true, Ordering::SeqCst);
        let patch = WebhookPatch { is_active: Some(true), ..WebhookPatch::default() };
        world.webhooks.update(context(), webhook.id, patch).await.unwrap();
        let failed = RedeliverFilter { status: DeliveryStatus::Failed, from: None, to: None };
        world.webhooks.redeliver_many(context(), webhook.id, failed).await.unwrap();
        let made_up = world.settled(&webhook, 4).await;
        assert!(made_up.iter().all(|delivery| delivery.status == DeliveryStatus::Success));
        assert_eq!(world.webhook_now(&webhook).await.failing_since, None);
        let over = world.clock.now();
        advance_to(&world, &other, over.saturating_add(29 * DAY)).await;
        world.run_job().await;
        world.settled(&webhook, 5).await;
        remove_old(&world).await;
        assert_eq!(world.deliveries(&webhook).await.len(), 5);
        advance_to(&world, &other, over.saturating_add(31 * DAY)).await;
        remove_old(&world).await;
        assert_eq!(world.deliveries(&webhook).await.len(), 1, "the newest is kept");
    }
}
