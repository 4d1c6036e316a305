//! Webhooks as records: secrets that are sealed, changed over and never seen, and what a test says.

use crate::world::{on_both, settings};

on_both!(
    a_secret_is_sealed_and_changed_over_with_two_signatures(settings()),
    a_test_tells_the_truth_and_keeps_nothing(settings()),
    presets_are_sent_in_their_form(settings()),
    an_audit_entry_tells_of_another_secret_without_it(settings()),
    an_audit_entry_names_what_is_made_again(settings()),
    one_that_is_limited_to_projects_touches_only_theirs(settings()),
    there_are_so_many_and_no_more(settings()),
);

mod exercise {
    use crate::world::{World, context};
    use oneoff_domain::limits::WEBHOOKS_MAX;
    use oneoff_domain::{Context, EventKind};
    use oneoff_fakes::{FakeReceiver, Reply};
    use oneoff_secrets::SecretString;
    use oneoff_storage::webhooks::RedeliverFilter;
    use oneoff_storage::{AuditFilter, DeliveryStatus};
    use oneoff_webhooks::{SecretDraft, WebhookDraft, WebhookPatch};
    use serde_json::{Value, json};

    fn receiver(status: u16) -> FakeReceiver {
        FakeReceiver::start(move |_| Reply::With(status, String::new(), "hello".to_owned())).unwrap()
    }

    pub(crate) async fn a_secret_is_sealed_and_changed_over_with_two_signatures(world: World) {
        let receiver = receiver(200);
        let made = world.made(receiver.url(), &["job.failed"], |_| {}).await;
        let (old, id) = (made.secret.unwrap(), made.webhook.value.id);
        assert!(old.expose().starts_with("whsec_"));
        let stored = made.webhook.value.secret.unwrap();
        assert!(stored.starts_with("v1:") && !stored.contains(&old.expose()[6..]));
        let rotated = world.webhooks.rotate_secret(context(), id, None, None).await.unwrap();
        let new = rotated.secret.unwrap();
        assert_ne!(new.expose(), old.expose());
        world.webhooks.test(&context(), id, None).await.unwrap();
        let request = receiver.received().remove(0);
        let (message, at) =
            (request.header("webhook-id"), request.header("webhook-timestamp").parse().unwrap());
        let sign = |secret: &str| {
            standardwebhooks::Webhook::new(secret).unwrap().sign(message, at, &request.body).unwrap()
        };
        assert_eq!(
            request.header("webhook-signature"),
            format!("{} {}", sign(new.expose()), sign(old.expose()))
        );
        let ended = world.webhooks.rotate_secret(context(), id, None, Some(0)).await.unwrap();
        assert_eq!(ended.webhook.value.previous_secret_until, None);
        world.webhooks.test(&context(), id, None).await.unwrap();
        let signature = receiver.received().remove(1).header("webhook-signature").to_owned();
        assert!(!signature.contains(' '), "one alone");
        for bad in [-1, i64::MAX] {
            assert!(world.webhooks.rotate_secret(context(), id, None, Some(bad)).await.is_err(), "{bad}");
        }
        let unsigned =
            world.made(receiver.url(), &["job.failed"], |draft| draft.secret = SecretDraft::None).await;
        assert!(unsigned.secret.is_none() && unsigned.webhook.value.secret.is_none());
    }

    /// What the newest audit entry says was before, and after.
    async fn audited(world: &World, action: &str) -> (Option<Value>, Option<Value>) {
        let filter = AuditFilter { actions: vec![action.to_owned()], ..AuditFilter::default() };
        let page = world.store.audit_entries(context(), filter, 1, None).await.unwrap();
        let entry = page.items.into_iter().next().unwrap();
        (entry.before, entry.after)
    }

    pub(crate) async fn an_audit_entry_tells_of_another_secret_without_it(world: World) {
        let id = world.webhook("http://127.0.0.1:9/", &["*"]).await.id;
        let rotated = world.webhooks.rotate_secret(context(), id, None, Some(60)).await.unwrap();
        let until = rotated.webhook.value.previous_secret_until.unwrap().to_string();
        let (before, after) = audited(&world, "webhook.rotate_secret").await;
        assert_eq!(before, Some(json!({ "previous_secret_until": null })));
        assert_eq!(after, Some(json!({ "previous_secret_until": until, "secret_replaced": true })));
        let update = async |secret| {
            let patch = WebhookPatch { secret, ..WebhookPatch::default() };
            world.webhooks.update(context(), id, patch).await.unwrap();
            audited(&world, "webhook.update").await
        };
        let own = || SecretDraft::Text(SecretString::new("hunter2 of my own"));
        let (before, after) = update(own()).await;
        assert_eq!(before, Some(json!({ "previous_secret_until": until })));
        assert_eq!(after, Some(json!({ "previous_secret_until": null, "secret_replaced": true })));
        let none = (Some(json!({ "has_secret": true })), Some(json!({ "has_secret": false })));
        assert_eq!(update(SecretDraft::None).await, none);
        let one = (Some(json!({ "has_secret": false })), Some(json!({ "has_secret": true })));
        assert_eq!(update(own()).await, one);
    }

    pub(crate) async fn an_audit_entry_names_what_is_made_again(world: World) {
        let receiver = receiver(200);
        let webhook = world.webhook(receiver.url(), &["job.*"]).await;
        world.run_job().await;
        let first = world.settled(&webhook, 3).await;
        world.webhooks.redeliver(context(), webhook.id, first[1].id).await.unwrap();
        let one = json!({
            "deliveries": 1, "delivery_ids": [first[1].id.to_string()], "event": "job.started",
        });
        assert_eq!(audited(&world, "webhook.redeliver").await, (None, Some(one)));
        world.settled(&webhook, 3).await;
        for _ in 0..20 {
            world.run_job().await;
        }
        let all = world.settled(&webhook, 63).await;
        let arrived =
            RedeliverFilter { status: DeliveryStatus::Success, from: Some(first[0].created_at), to: None };
        world.webhooks.redeliver_many(context(), webhook.id, arrived).await.unwrap();
        let ids: Vec<String> = all.iter().take(50).map(|delivery| delivery.id.to_string()).collect();
        let from = first[0].created_at.to_string();
        let many = json!({
            "deliveries": 63, "delivery_ids": ids, "filter": { "status": "success", "from": from, "to": null },
        });
        assert_eq!(audited(&world, "webhook.redeliver").await, (None, Some(many)));
    }

    pub(crate) async fn a_test_tells_the_truth_and_keeps_nothing(world: World) {
        let receiver = receiver(503);
        let webhook = world.webhook(receiver.url(), &["*"]).await;
        let dry = Context { dry_run: true, ..context() };
        let preview = world.webhooks.test(&dry, webhook.id, Some(EventKind::JobFailed)).await.unwrap();
        assert!(preview.sent.is_none() && preview.body.contains("job.failed"));
        assert_eq!(receiver.received().len(), 0);
        let tested = world.webhooks.test(&context(), webhook.id, None).await.unwrap();
        let sent = tested.sent.unwrap();
        assert!(!sent.is_delivered());
        let response = sent.response.unwrap();
        assert_eq!((response.code, response.body.as_str()), (503, "hello"));
        assert_eq!(sent.error.as_deref(), Some("HTTP 503"));
        let body: Value = serde_json::from_str(&tested.body).unwrap();
        assert_eq!((&body["event"], &body["data"]), (&"test".into(), &serde_json::json!({})));
        assert_eq!(world.deliveries(&webhook).await.iter().filter(|d| d.event == "test").count(), 0);
    }

    pub(crate) async fn presets_are_sent_in_their_form(world: World) {
        let receiver = receiver(200);
        for preset in ["slack", "discord", "teams", "ntfy"] {
            let url = format!("{}/topic", receiver.url());
            let made =
                world.made(&url, &["job.failed"], |draft| draft.preset = Some(preset.to_owned())).await;
            world.webhooks.test(&context(), made.webhook.value.id, Some(EventKind::JobFailed)).await.unwrap();
        }
        let received = receiver.received();
        let lines: Vec<&str> = received.iter().map(|request| request.line.as_str()).collect();
        assert_eq!(lines, ["POST /topic", "POST /topic", "POST /topic", "POST /"]);
        let body = |index: usize| serde_json::from_slice::<Value>(&received[index].body).unwrap();
        assert_eq!(body(0)["text"], "Job failed: Nightly backup");
        assert_eq!(body(3)["topic"], "topic");
    }

    pub(crate) async fn one_that_is_limited_to_projects_touches_only_theirs(world: World) {
        let all = world.webhook("http://127.0.0.1:9/", &["*"]).await;
        let limited = Context { allowed_projects: Some(vec!["p".to_owned()]), ..context() };
        assert!(world.webhooks.get(&limited, all.id).await.is_err());
        assert_eq!(world.webhooks.list(&limited).await.unwrap().len(), 0);
        let mut draft = WebhookDraft {
            name: "own".to_owned(),
            url: "http://127.0.0.1:9/".to_owned(),
            events: vec!["*".to_owned()],
            ..WebhookDraft::default()
        };
        assert!(
            world.webhooks.create(limited.clone(), draft.clone()).await.is_err(),
            "it would be told of all"
        );
        draft.project_ids = vec!["p".to_owned()];
        let own = world.webhooks.create(limited.clone(), draft).await.unwrap().webhook.value;
        assert_eq!(world.webhooks.list(&limited).await.unwrap(), std::slice::from_ref(&own));
        assert!(world.webhooks.delete(limited.clone(), all.id).await.is_err());
        let patch = oneoff_webhooks::WebhookPatch { project_ids: Some(Vec::new()), ..Default::default() };
        assert!(world.webhooks.update(limited.clone(), own.id, patch).await.is_err());
        world.webhooks.delete(limited, own.id).await.unwrap();
    }

    pub(crate) async fn there_are_so_many_and_no_more(world: World) {
        for _ in 0..WEBHOOKS_MAX {
            world.webhook("http://127.0.0.1:9/", &["job.failed"]).await;
        }
        let draft = WebhookDraft {
            name: "one more".to_owned(),
            url: "http://127.0.0.1:9/".to_owned(),
            events: vec!["*".to_owned()],
            ..WebhookDraft::default()
        };
        let error = world.webhooks.create(context(), draft).await.unwrap_err();
        assert!(error.to_string().contains("100 webhooks"), "{error}");
    }
}
