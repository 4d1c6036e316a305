//! What many, repeated and interrupted deliveries must not do to each other, and to what else the server does.

use crate::world::{on_both, settings};
use oneoff_webhooks::WebhookSettings;
use std::time::Duration;

fn giving_up_after(timeout: Duration) -> WebhookSettings {
    WebhookSettings { timeout, ..settings() }
}

on_both!(
    what_is_repeated_under_a_key_is_made_again_once(settings()),
    a_status_counts_also_where_the_body_does_not_come(giving_up_after(Duration::from_secs(5))),
    a_commit_makes_a_part_of_what_many_webhooks_are_told(settings()),
    what_was_still_to_be_sent_at_a_pause_is_no_obstacle_later(giving_up_after(Duration::from_millis(700))),
    a_lost_key_is_not_replaced_in_silence(settings()),
);

mod exercise {
    use crate::world::{PATIENCE, World, context, eventually};
    use oneoff_domain::{Context, IdempotencyKey};
    use oneoff_fakes::{FakeReceiver, Reply};
    use oneoff_storage::DeliveryStatus;
    use oneoff_storage::webhooks::RedeliverFilter;
    use oneoff_webhooks::{Sealing, SecretDraft, WebhookDraft, WebhookPatch};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn answering(status: u16) -> FakeReceiver {
        FakeReceiver::start(move |_| Reply::Status(status)).unwrap()
    }

    pub(crate) async fn what_is_repeated_under_a_key_is_made_again_once(world: World) {
        let receiver = answering(200);
        let webhook = world.webhook(receiver.url(), &["job.*"]).await;
        world.run_job().await;
        let first = world.settled(&webhook, 3).await;
        let under = |key: &str| {
            let (key, fingerprint) = (key.to_owned(), key.to_owned());
            Context { idempotency_key: Some(IdempotencyKey { key, fingerprint }), ..context() }
        };
        let arrived = RedeliverFilter { status: DeliveryStatus::Success, from: None, to: None };
        for round in 0..3 {
            let one = world.webhooks.redeliver(under("one"), webhook.id, first[0].id).await.unwrap();
            assert_eq!(one.replayed, round > 0);
            world.settled(&webhook, 3).await;
            let many = world.webhooks.redeliver_many(under("many"), webhook.id, arrived).await.unwrap();
            assert_eq!((many.value.redelivered, many.replayed), (3, round > 0));
            world.settled(&webhook, 3).await;
        }
        let attempts: Vec<u32> = world.settled(&webhook, 3).await.iter().map(|d| d.attempts).collect();
        assert_eq!(attempts, [3, 2, 2]);
        assert_eq!(receiver.received().len(), 7);
    }

    pub(crate) async fn a_status_counts_also_where_the_body_does_not_come(world: World) {
        let receiver = FakeReceiver::start(|_| Reply::Stall(200, PATIENCE)).unwrap();
        let webhook = world.webhook(receiver.url(), &["job.created"]).await;
        world.run_job().await;
        let delivery = world.settled(&webhook, 1).await.remove(0);
        assert_eq!(
            (delivery.status, delivery.attempts, delivery.response_code),
            (DeliveryStatus::Success, 1, Some(200))
        );
        assert_eq!(receiver.received().len(), 1, "what was acknowledged is not sent again");
    }

    pub(crate) async fn a_commit_makes_a_part_of_what_many_webhooks_are_told(mut world: World) {
        const WEBHOOKS: usize = 30;
        let receiver = answering(200);
        let mut webhooks = Vec::new();
        for _ in 0..WEBHOOKS {
            webhooks.push(world.webhook(receiver.url(), &["job.*"]).await);
        }
        world.drain().await;
        for _ in 0..4 {
            world.run_job().await;
        }
        while world.store.number_events().await.unwrap().more {}
        world.start();
        let mut made_at = BTreeMap::new();
        for webhook in &webhooks {
            for delivery in world.settled(webhook, 12).await {
                *made_at.entry(delivery.created_at).or_insert(0) += 1;
            }
        }
        let most = made_at.values().max().copied().unwrap_or_default();
        assert!(
            most <= 100 + WEBHOOKS,
            "{most} deliveries were made together, and claims of jobs wait for a commit"
        );
    }

    pub(crate) async fn what_was_still_to_be_sent_at_a_pause_is_no_obstacle_later(world: World) {
        let is_well = Arc::new(AtomicBool::new(false));
        let now_well = Arc::clone(&is_well);
        let receiver = FakeReceiver::start(move |_| {
            if now_well.load(Ordering::SeqCst) { Reply::Status(200) } else { Reply::Hang(PATIENCE) }
        });
        let receiver = receiver.unwrap();
        let webhook = world.webhook(receiver.url(), &["job.*"]).await;
        let job = world.run_job().await;
        eventually(async || (world.deliveries(&webhook).await.len() == 3).then_some(())).await;
        // So many of one job that they are given up in several parts.
        let lane: Vec<_> = (0..900_i64).map(|n| world.delivery(&webhook, 1_000_000 + n, job)).collect();
        world.make(lane).await;
        let switch = async |is_active| {
            let patch = WebhookPatch { is_active: Some(is_active), ..WebhookPatch::default() };
            world.webhooks.update(context(), webhook.id, patch).await.unwrap();
        };
        switch(false).await;
        let given_up = world.settled(&webhook, 903).await;
        assert!(given_up.iter().all(|delivery| delivery.status == DeliveryStatus::Failed));
        is_well.store(true, Ordering::SeqCst);
        switch(true).await;
        world.webhooks.redeliver(context(), webhook.id, given_up[902].id).await.unwrap();
        assert_eq!(world.settled(&webhook, 903).await[902].status, DeliveryStatus::Success);
    }

    pub(crate) async fn a_lost_key_is_not_replaced_in_silence(world: World) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oneoff.key");
        let server = || world.webhooks_with(Sealing::in_file(path.clone()));
        let draft = || WebhookDraft {
            name: "hook".to_owned(),
            url: "http://127.0.0.1:9/".to_owned(),
            events: vec!["*".to_owned()],
            ..WebhookDraft::default()
        };
        server().create(context(), draft()).await.unwrap();
        std::fs::rename(&path, directory.path().join("elsewhere")).unwrap();
        let refused = server().create(context(), draft()).await.unwrap_err();
        assert!(refused.to_string().contains("cannot be kept"), "{refused}");
        assert!(!path.exists(), "what the other one sealed could not be opened any more");
        let unsigned = WebhookDraft { secret: SecretDraft::None, ..draft() };
        server().create(context(), unsigned).await.unwrap();
        std::fs::rename(directory.path().join("elsewhere"), &path).unwrap();
        server().create(context(), draft()).await.unwrap();
    }
}
