//! What the dispatcher does with receivers of every kind.

use crate::world::{on_both, settings};
use oneoff_webhooks::WebhookSettings;
use std::time::Duration;

fn pausing_at_once() -> WebhookSettings {
    WebhookSettings { pause_after: Duration::from_millis(50), ..settings() }
}

on_both!(
    an_event_arrives_signed_so_that_receivers_verify_it(settings()),
    a_hanging_receiver_does_not_delay_the_others(WebhookSettings {
        timeout: Duration::from_secs(30),
        ..settings()
    }),
    a_later_event_of_a_job_waits_and_other_jobs_go_on(settings()),
    what_is_given_up_can_be_made_again_under_the_same_id(settings()),
    a_receiver_that_is_gone_is_switched_off_and_what_it_misses_is_kept(settings()),
    a_receiver_that_fails_for_long_is_switched_off(pausing_at_once()),
    what_was_under_way_at_a_kill_is_made_again(WebhookSettings {
        timeout: Duration::from_secs(30),
        ..settings()
    }),
    events_that_were_removed_unread_are_told_of(settings()),
    webhooks_want_some_projects_tags_and_types(settings()),
);

mod exercise {
    use crate::world::{PATIENCE, World, context, eventually, wall_now};
    use oneoff_domain::{Clock, Context, ProjectChange};
    use oneoff_fakes::{FakeReceiver, Reply};
    use oneoff_storage::webhooks::{PauseReason, RedeliverFilter};
    use oneoff_storage::{DeliveryStatus, RetentionPolicy};
    use oneoff_webhooks::WebhookPatch;
    use serde_json::Value;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    fn answering(status: u16) -> FakeReceiver {
        FakeReceiver::start(move |_| Reply::Status(status)).unwrap()
    }

    pub(crate) async fn an_event_arrives_signed_so_that_receivers_verify_it(world: World) {
        let receiver = answering(204);
        let made = world.made(receiver.url(), &["job.completed"], |_| {}).await;
        let secret = made.secret.unwrap();
        let job = world.run_job().await;
        let delivery = world.settled(&made.webhook.value, 1).await.remove(0);
        assert_eq!(
            (delivery.status, delivery.attempts, delivery.response_code),
            (DeliveryStatus::Success, 1, Some(204))
        );
        let request = receiver.received().remove(0);
        assert_eq!(request.line, "POST /");
        assert_eq!(request.header("x-oneoff-event"), "job.completed");
        assert_eq!(request.header("x-oneoff-delivery"), delivery.id.to_string());
        assert_eq!(request.header("webhook-id"), delivery.id.to_string());
        assert!(request.header("x-oneoff-signature").starts_with("sha256="));
        let verifier = standardwebhooks::Webhook::new(secret.expose()).unwrap();
        let id = request.header("webhook-id");
        let at = request.header("webhook-timestamp").parse().unwrap();
        assert_eq!(request.header("webhook-signature"), verifier.sign(id, at, &request.body).unwrap());
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["event"], "job.completed");
        assert_eq!(body["data"]["job"]["id"], job.to_string());
        assert_eq!(body["data"]["job"]["status"], "completed");
        assert_eq!(body["data"]["execution"]["status"], "completed");
        assert_eq!(body["data"]["execution"]["duration_ms"], 1.5);
        assert_eq!(delivery.payload.as_bytes(), request.body);
    }

    pub(crate) async fn a_hanging_receiver_does_not_delay_the_others(world: World) {
        let hanging = FakeReceiver::start(|_| Reply::Hang(PATIENCE)).unwrap();
        let well = answering(200);
        for _ in 0..20 {
            world.webhook(hanging.url(), &["job.*"]).await;
        }
        let webhook = world.webhook(well.url(), &["job.*"]).await;
        for _ in 0..10 {
            world.run_job().await;
        }
        world.settled(&webhook, 30).await;
        assert!(hanging.received().len() <= 64, "no more than there is room for");
    }

    pub(crate) async fn a_later_event_of_a_job_waits_and_other_jobs_go_on(world: World) {
        let stuck = Arc::new(std::sync::Mutex::new(None::<String>));
        let first = Arc::clone(&stuck);
        let (tries, others) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let have_all_others_come = Arc::new(AtomicBool::new(false));
        let all_others = Arc::clone(&have_all_others_come);
        let receiver = FakeReceiver::start(move |request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let job = body["data"]["job"]["id"].as_str().unwrap().to_owned();
            let stuck = first.lock().unwrap().get_or_insert_with(|| job.clone()).clone();
            if stuck != job {
                others.fetch_add(1, Ordering::SeqCst);
                return Reply::Status(200);
            }
            if body["event"] != "job.created" {
                return Reply::Status(200);
            }
            // The last try is over once the others have arrived, however long they take.
            if tries.fetch_add(1, Ordering::SeqCst) == 4 {
                let deadline = Instant::now() + PATIENCE / 4;
                while others.load(Ordering::SeqCst) < 6 && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(2));
                }
                all_others.store(others.load(Ordering::SeqCst) == 6, Ordering::SeqCst);
            }
            Reply::Status(500)
        });
        let receiver = receiver.unwrap();
        let webhook = world.webhook(receiver.url(), &["job.created", "job.started", "job.completed"]).await;
        for _ in 0..3 {
            world.run_job().await;
        }
        let deliveries = world.settled(&webhook, 9).await;
        let stuck = stuck.lock().unwrap().clone().unwrap();
        let failed: Vec<_> =
            deliveries.iter().filter(|delivery| delivery.status == DeliveryStatus::Failed).collect();
        assert_eq!((failed.len(), failed[0].attempts), (1, 5), "the first and four more");
        assert!(failed[0].payload.contains(&stuck) && failed[0].error.as_deref() == Some("HTTP 500"));
        let received = receiver.received();
        let is_of_stuck = |body: &[u8]| String::from_utf8_lossy(body).contains(&stuck);
        let of_stuck: Vec<&str> = received
            .iter()
            .filter(|request| is_of_stuck(&request.body))
            .map(|request| request.header("x-oneoff-event"))
            .collect();
        let created = ["job.created"; 5];
        assert_eq!(of_stuck, [&created[..], &["job.started", "job.completed"]].concat());
        assert!(have_all_others_come.load(Ordering::SeqCst), "before the last try was over");
        let others_done = received.iter().rposition(|request| !is_of_stuck(&request.body)).unwrap();
        let stuck_done = received.iter().rposition(|request| is_of_stuck(&request.body)).unwrap();
        assert!(others_done < stuck_done, "the other jobs did not wait");
    }

    pub(crate) async fn what_is_given_up_can_be_made_again_under_the_same_id(world: World) {
        let is_well = Arc::new(AtomicBool::new(false));
        let now_well = Arc::clone(&is_well);
        let receiver = FakeReceiver::start(move |_| {
            if now_well.load(Ordering::SeqCst) { Reply::Status(200) } else { Reply::Status(503) }
        });
        let receiver = receiver.unwrap();
        let webhook = world.webhook(receiver.url(), &["job.*"]).await;
        world.run_job().await;
        let dead = world.settled(&webhook, 3).await;
        assert!(dead.iter().all(|delivery| delivery.status == DeliveryStatus::Failed));
        assert!(world.webhook_now(&webhook).await.failing_since.is_some());
        is_well.store(true, Ordering::SeqCst);
        let again = world.webhooks.redeliver(context(), webhook.id, dead[0].id).await.unwrap().value;
        assert_eq!(again.status, DeliveryStatus::Pending);
        eventually(async || {
            let delivery = world.store.delivery(webhook.id, dead[0].id).await.unwrap().unwrap();
            (delivery.status == DeliveryStatus::Success).then_some(())
        })
        .await;
        let failed = RedeliverFilter { status: DeliveryStatus::Failed, from: None, to: None };
        let dry = Context { dry_run: true, ..context() };
        let would = world.webhooks.redeliver_many(dry, webhook.id, failed).await.unwrap().value;
        let done = world.webhooks.redeliver_many(context(), webhook.id, failed).await.unwrap().value;
        assert_eq!((done.redelivered, done.more, would), (2, false, done));
        let all = world.settled(&webhook, 3).await;
        assert!(
            all.iter().all(|delivery| delivery.status == DeliveryStatus::Success && delivery.attempts == 6)
        );
        assert_eq!(world.webhook_now(&webhook).await.failing_since, None);
        let last: Vec<String> = receiver
            .received()
            .into_iter()
            .rev()
            .take(3)
            .map(|r| r.header("webhook-id").to_owned())
            .collect();
        let expected: Vec<String> = all.iter().rev().map(|delivery| delivery.id.to_string()).collect();
        assert_eq!(last, expected);
    }

    pub(crate) async fn a_receiver_that_is_gone_is_switched_off_and_what_it_misses_is_kept(world: World) {
        let receiver = answering(410);
        let webhook = world.webhook(receiver.url(), &["job.*"]).await;
        let watcher = answering(200);
        let watching = world.webhook(watcher.url(), &["webhook.paused"]).await;
        world.run_job().await;
        world.settled(&webhook, 3).await;
        let off = world.webhook_now(&webhook).await;
        assert_eq!((off.is_active, off.paused_reason), (false, Some(PauseReason::Gone)));
        world.run_job().await;
        let all = world.settled(&webhook, 6).await;
        assert!(all.iter().all(|delivery| delivery.status == DeliveryStatus::Failed));
        assert_eq!(all[5].attempts, 0);
        assert!(all[5].error.as_deref().unwrap().contains("410"), "{:?}", all[5].error);
        assert_eq!(receiver.received().len(), 1);
        world.settled(&watching, 1).await;
        let told: Value = serde_json::from_slice(&watcher.received()[0].body).unwrap();
        assert_eq!(told["data"]["details"]["reason"], "gone");
        let refused = world.webhooks.redeliver(context(), webhook.id, all[0].id).await.unwrap_err();
        assert!(refused.to_string().contains("switched off"), "{refused}");
        let patch = WebhookPatch { is_active: Some(true), ..WebhookPatch::default() };
        let on = world.webhooks.update(context(), webhook.id, patch).await.unwrap().value;
        assert_eq!(
            (on.is_active, on.paused_reason, on.paused_at, on.failing_since),
            (true, None, None, None)
        );
    }

    pub(crate) async fn a_receiver_that_fails_for_long_is_switched_off(world: World) {
        let receiver = answering(500);
        let webhook = world.webhook(receiver.url(), &["job.*"]).await;
        world.run_job().await;
        let off = eventually(async || {
            let now = world.webhook_now(&webhook).await;
            (!now.is_active).then_some(now)
        })
        .await;
        assert_eq!(off.paused_reason, Some(PauseReason::Failing));
        let all = world.settled(&webhook, 3).await;
        assert!(all.iter().all(|delivery| delivery.status == DeliveryStatus::Failed));
    }

    pub(crate) async fn what_was_under_way_at_a_kill_is_made_again(mut world: World) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let receiver = FakeReceiver::start(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::Hang(PATIENCE),
            _ => Reply::Status(200),
        });
        let receiver = receiver.unwrap();
        let webhook = world.webhook(receiver.url(), &["job.completed"]).await;
        world.run_job().await;
        eventually(async || (count.load(Ordering::SeqCst) == 1).then_some(())).await;
        world.kill().await;
        world.start();
        let delivery = world.settled(&webhook, 1).await.remove(0);
        assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Success, 2));
        let ids: Vec<String> =
            receiver.received().iter().map(|r| r.header("webhook-id").to_owned()).collect();
        assert_eq!(ids, [delivery.id.to_string(), delivery.id.to_string()]);
        world.drain().await;
    }

    pub(crate) async fn events_that_were_removed_unread_are_told_of(mut world: World) {
        let receiver = answering(200);
        let webhook = world.webhook(receiver.url(), &["job.completed", "webhook.events_lost"]).await;
        world.run_job().await;
        world.settled(&webhook, 1).await;
        world.drain().await;
        for _ in 0..3 {
            world.run_job().await;
        }
        while world.store.number_events().await.unwrap().more {}
        let later = crate::world::RealClock.now().saturating_add(Duration::from_secs(3600));
        let policy = RetentionPolicy { events_before: later, ..RetentionPolicy::keep_all(later) };
        while world.store.retain(policy.clone()).await.unwrap().more {}
        world.start();
        let deliveries = world.settled(&webhook, 3).await;
        let told = deliveries.iter().find(|delivery| delivery.event == "webhook.events_lost").unwrap();
        let told: Value = serde_json::from_str(&told.payload).unwrap();
        assert_eq!(told["data"]["details"]["count"], 8, "all but the newest");
        assert_eq!(world.webhooks.counts().lost_events, 8);
    }

    pub(crate) async fn webhooks_want_some_projects_tags_and_types(world: World) {
        let receiver = answering(200);
        for project in ["p", "x"] {
            let change = ProjectChange { name: Some(project.to_owned()), ..ProjectChange::default() };
            let made = world.store.create_project(context(), wall_now(), project.to_owned(), change);
            made.await.unwrap();
        }
        let tags = ["t", "x"].map(|name| (format!("id of {name}"), name.to_owned()));
        world.store.ensure_tags(context(), wall_now(), tags.to_vec()).await.unwrap();
        let picky = world
            .made(receiver.url(), &["job.completed"], |draft| {
                draft.project_ids = vec!["p".to_owned()];
                draft.tags = vec!["t".to_owned()];
                draft.job_types = vec!["http".to_owned()];
            })
            .await
            .webhook
            .value;
        let all = world.webhook(receiver.url(), &["job.completed"]).await;
        for (project, tag, job_type) in
            [("p", "t", "http"), ("x", "t", "http"), ("p", "x", "http"), ("p", "t", "shell")]
        {
            world
                .run_job_with(|definition| {
                    definition.project_id = project.to_owned();
                    definition.tags = vec![format!("id of {tag}")];
                    definition.job_type = job_type.to_owned();
                })
                .await;
        }
        world.settled(&all, 4).await;
        assert_eq!(world.settled(&picky, 1).await[0].project_id, "p");
    }
}
