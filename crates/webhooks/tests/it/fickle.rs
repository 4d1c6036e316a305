//! Five hundred deliveries to a receiver that fails, hangs, redirects, breaks off and says that it is gone, as a seed has
//! it, while the dispatcher is killed again and again: each event is delivered or a dead letter, those of a job arrive in
//! their order, and nothing that was acknowledged comes a second time.

use crate::world::{on_both, settings};
use oneoff_webhooks::WebhookSettings;
use std::time::Duration;

on_both!(five_hundred_deliveries(WebhookSettings { timeout: Duration::from_millis(700), ..settings() }));

mod exercise {
    use crate::world::{World, context, eventually};
    use oneoff_domain::{DeliveryId, Random};
    use oneoff_fakes::{FakeReceiver, Received, Reply, SeededRandom};
    use oneoff_storage::webhooks::{DeliveryRecord, RedeliverFilter};
    use oneoff_storage::{DeliveryStatus, Webhook};
    use oneoff_webhooks::WebhookPatch;
    use std::collections::{BTreeMap, BTreeSet, HashMap};
    use std::time::Duration;

    const JOBS: usize = 84;
    const WEBHOOKS: usize = 2;
    const SEED: u64 = 20_261_122;

    fn fickle() -> FakeReceiver {
        let random = SeededRandom::new(SEED);
        let start = FakeReceiver::start(move |_request| match random.next_u64() % 100 {
            0..60 => Reply::Status(200),
            60..72 => Reply::Status(500),
            72..78 => {
                Reply::With(302, "Location: http://127.0.0.1:1/elsewhere\r\n".to_owned(), String::new())
            }
            78..84 => Reply::Close,
            84..90 => Reply::With(429, "Retry-After: 0.05\r\n".to_owned(), "slow down".to_owned()),
            90..94 => Reply::Status(404),
            94..97 => Reply::Hang(Duration::from_secs(5)),
            97..98 => Reply::Status(410),
            _ => Reply::With(200, String::new(), "x".repeat(100_000)),
        });
        start.unwrap()
    }

    fn ids_of(deliveries: &[DeliveryRecord]) -> BTreeSet<DeliveryId> {
        let failed = deliveries.iter().filter(|delivery| delivery.status == DeliveryStatus::Failed);
        failed.map(|delivery| delivery.id).collect()
    }

    /// As an operator would: switches a webhook on again that was switched off, and has its dead letters made again.
    async fn look_after(world: &World, webhook: &Webhook, dead: &mut BTreeSet<DeliveryId>) {
        let now = world.webhook_now(webhook).await;
        if now.is_active {
            return;
        }
        assert!(now.paused_reason.is_some() && now.paused_at.is_some());
        let patch = WebhookPatch { is_active: Some(true), ..WebhookPatch::default() };
        world.webhooks.update(context(), webhook.id, patch).await.unwrap();
        dead.extend(ids_of(&world.deliveries(webhook).await));
        let failed = RedeliverFilter { status: DeliveryStatus::Failed, from: None, to: None };
        world.webhooks.redeliver_many(context(), webhook.id, failed).await.unwrap();
    }

    fn job_of(delivery: &DeliveryRecord) -> String {
        let payload: serde_json::Value = serde_json::from_str(&delivery.payload).unwrap();
        payload["data"]["job"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn five_hundred_deliveries(mut world: World) {
        let receiver = fickle();
        let mut webhooks = Vec::new();
        for number in 0..WEBHOOKS {
            webhooks.push(world.webhook(&format!("{}/{number}", receiver.url()), &["job.*"]).await);
        }
        let mut dead = BTreeSet::new();
        for number in 0..JOBS {
            world.run_job().await;
            if number % 20 == 10 {
                world.kill().await;
                world.start();
            }
        }
        let mut all: HashMap<i64, Vec<DeliveryRecord>> = HashMap::new();
        eventually(async || {
            for webhook in &webhooks {
                look_after(&world, webhook, &mut dead).await;
                all.insert(webhook.key, world.deliveries(webhook).await);
            }
            let is_over = |delivery: &DeliveryRecord| delivery.status != DeliveryStatus::Pending;
            all.values().all(|all| all.len() == JOBS * 3 && all.iter().all(is_over)).then_some(())
        })
        .await;
        world.drain().await;

        let received = receiver.received();
        let mut by_id: BTreeMap<&str, Vec<&Received>> = BTreeMap::new();
        for request in &received {
            by_id.entry(request.header("webhook-id")).or_default().push(request);
        }
        assert!(received.len() > JOBS * 3 * WEBHOOKS, "some were tried again");
        for deliveries in all.values() {
            dead.extend(ids_of(deliveries));
            for delivery in deliveries {
                check_alone(delivery, by_id.get(delivery.id.to_string().as_str()), &dead);
            }
            check_order(deliveries, &by_id, &dead);
        }
    }

    /// What arrived was acknowledged once, and what was not is a dead letter.
    fn check_alone(
        delivery: &DeliveryRecord,
        requests: Option<&Vec<&Received>>,
        dead: &BTreeSet<DeliveryId>,
    ) {
        let requests = requests.map(Vec::as_slice).unwrap_or_default();
        let acknowledged: Vec<_> = requests.iter().filter(|request| request.acknowledged.is_some()).collect();
        match delivery.status {
            DeliveryStatus::Success => {
                // The dispatcher may have been killed after an answer that nobody read.
                assert!(!acknowledged.is_empty(), "{delivery:?}");
                let last = requests.last().unwrap();
                assert!(last.acknowledged.is_some(), "nothing comes after it was recorded: {delivery:?}");
            }
            _ => assert!(dead.contains(&delivery.id)),
        }
        let recorded: BTreeSet<_> = requests.iter().map(|request| request.body.as_slice()).collect();
        assert!(recorded.len() <= 1, "the same body at each attempt");
    }

    /// No event of a job was sent before the one before it was acknowledged or given up.
    fn check_order(
        deliveries: &[DeliveryRecord],
        by_id: &BTreeMap<&str, Vec<&Received>>,
        dead: &BTreeSet<DeliveryId>,
    ) {
        let mut jobs: BTreeMap<String, Vec<&DeliveryRecord>> = BTreeMap::new();
        for delivery in deliveries {
            jobs.entry(job_of(delivery)).or_default().push(delivery);
        }
        assert_eq!(jobs.len(), JOBS);
        for of_job in jobs.values() {
            let events: Vec<&str> = of_job.iter().map(|delivery| delivery.event.as_str()).collect();
            assert_eq!(events, ["job.created", "job.started", "job.completed"]);
            for pair in of_job.windows(2) {
                let (before, after) = (pair[0], pair[1]);
                if dead.contains(&before.id) || dead.contains(&after.id) {
                    continue;
                }
                let requests = |delivery: &DeliveryRecord| &by_id[delivery.id.to_string().as_str()];
                let arrived =
                    requests(before).iter().filter_map(|request| request.acknowledged).min().unwrap();
                let began = requests(after).iter().map(|request| request.arrived).min().unwrap();
                assert!(arrived < began, "{before:?} {after:?}");
            }
        }
    }
}
