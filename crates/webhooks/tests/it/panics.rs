//! An attempt that panics: it is not made again at once, to panic again, but when its claim is over.

use crate::world::{on_both, settings};

on_both!(what_panics_is_left_until_its_claim_is_over(settings()));

mod exercise {
    use crate::world::{World, context, eventually, settings};
    use oneoff_fakes::{FakeReceiver, Reply};
    use oneoff_storage::DeliveryStatus;
    use oneoff_webhooks::WebhookPatch;
    use std::time::Duration;

    pub(crate) async fn what_panics_is_left_until_its_claim_is_over(world: World) {
        let receiver = FakeReceiver::start(|_| Reply::Status(200)).unwrap();
        let webhook = world.webhook(receiver.url(), &["job.created"]).await;
        world.random.panic_once();
        world.run_job().await;
        eventually(async || (!world.random.is_to_panic()).then_some(())).await;
        let left = |delivery: &oneoff_storage::webhooks::DeliveryRecord| {
            (delivery.status, delivery.attempts) == (DeliveryStatus::Pending, 1)
        };
        // One is sent at a time, so that whatever would be made again at once goes before the last of these.
        for others in 1..=3 {
            world.run_job().await;
            eventually(async || {
                let all = world.deliveries(&webhook).await;
                let arrived = all.iter().filter(|delivery| delivery.status == DeliveryStatus::Success);
                assert!(left(&all[0]), "{:?}", all[0]);
                (arrived.count() == others).then_some(())
            })
            .await;
        }
        assert_eq!(receiver.received().len(), 4);
        world.clock.advance(settings().timeout + Duration::from_secs(61));
        // Whoever changes a webhook has the dispatcher look at the clock.
        let patch = WebhookPatch { name: Some("looked at".to_owned()), ..WebhookPatch::default() };
        world.webhooks.update(context(), webhook.id, patch).await.unwrap();
        let again = world.settled(&webhook, 4).await.remove(0);
        assert_eq!((again.status, again.attempts), (DeliveryStatus::Success, 2));
        assert_eq!(receiver.received().len(), 5);
    }
}
