//! Webhooks: deliveries are made with the move of the cursor, claimed in the order of their lanes, and ended once.

crate::conformance::on_both!(
    deliveries_and_the_cursor_move_together_and_once,
    a_lane_goes_one_after_another_and_others_do_not_wait,
    an_attempt_is_ended_by_its_number_alone,
    what_was_claimed_by_a_process_that_is_gone_is_due_again,
    what_is_under_way_is_neither_recovered_nor_claimed_again,
    a_webhook_that_is_switched_off_gives_up_what_it_has,
    what_waits_behind_what_was_given_up_is_given_up_too_or_goes,
    what_is_told_of_a_webhook_is_of_its_project_alone,
    deliveries_go_by_age_and_with_their_webhook_but_not_while_they_are_pending,
    an_event_is_told_with_the_definition_of_its_time,
    a_deleted_webhook_gets_nothing_and_its_key_is_not_used_again,
);

/// Of a server, where the node before may still write.
mod of_a_server {
    use super::exercise::*;
    use crate::fixture::*;
    use oneoff_storage::DeliveryStatus;
    use oneoff_storage::webhooks::AttemptEnd;

    /// Waits until so many transactions wait for what another one has locked.
    fn until_so_many_wait(server: &ServerStore, count: &str) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while server.database.query(waiting).unwrap().trim() != count {
            assert!(std::time::Instant::now() < deadline, "they do not wait");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_attempt_that_ends_while_it_is_recovered_stays_as_it_ended() {
        let later = AttemptEnd::RetryAt(at(3600));
        for (how, status, next) in [
            (later, DeliveryStatus::Pending, Some(at(3600))),
            (AttemptEnd::Delivered, DeliveryStatus::Success, None),
        ] {
            let server = ServerStore::new();
            let (before, after) = (server.store.clone(), ServerStore::open(&server.database));
            let webhook = webhook(&before).await;
            make(&before, 0, 1, vec![delivery(&webhook, 1, "a")]).await;
            let due = claim_up_to(&before, &webhook, 2, 1).await.due.remove(0);
            // Whoever comes first for the row has it first.
            let held = server.database.hold("SELECT * FROM webhook_deliveries FOR UPDATE").unwrap();
            let ends = tokio::spawn(async move { end(&before, 3, &due, how).await });
            until_so_many_wait(&server, "1");
            let recovering = after.clone();
            let recovers =
                tokio::spawn(async move { recovering.recover_deliveries(at(4), Vec::new()).await.unwrap() });
            until_so_many_wait(&server, "2");
            drop(held);
            ends.await.unwrap();
            assert_eq!(recovers.await.unwrap(), 0);
            let ended = all(&server.store, &webhook).await.remove(0);
            assert_eq!((ended.status, ended.next_attempt_at), (status, next));
            after.close();
        }
    }
}

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::webhooks::*;
    use oneoff_storage::*;

    const URL: &str = "https://hooks.example.com/";

    fn id<T: std::str::FromStr>() -> T
    where
        T::Err: std::fmt::Debug,
    {
        job_id().to_string().parse().unwrap()
    }

    pub(super) async fn webhook(store: &Store) -> Webhook {
        let words = |word: &str| vec![word.to_owned()];
        let new = NewWebhook {
            id: id(),
            name: "hook".to_owned(),
            url: URL.to_owned(),
            events: words("*"),
            project_ids: Vec::new(),
            tags: Vec::new(),
            job_types: Vec::new(),
            preset: "generic".to_owned(),
            template: None,
            secret: None,
            is_active: true,
        };
        store.create_webhook(context(), noon(), new).await.unwrap().value
    }

    pub(super) fn delivery(webhook: &Webhook, sequence: i64, lane: &str) -> NewDelivery {
        NewDelivery {
            id: id(),
            webhook_key: webhook.key,
            event_sequence: sequence,
            event: "job.created".to_owned(),
            lane: lane.to_owned(),
            project_id: "default".to_owned(),
            payload: "{}".to_owned(),
            dead: None,
        }
    }

    pub(super) async fn make(store: &Store, from: i64, to: i64, new: Vec<NewDelivery>) -> bool {
        store.make_deliveries(at(1), from, to, new, None).await.unwrap()
    }

    pub(super) async fn claim_up_to(store: &Store, webhook: &Webhook, second: u64, room: usize) -> Claimed {
        let rooms = vec![(webhook.key, room)];
        let claims = Claims { rooms, until: at(second + 90), under_way: Vec::new() };
        store.claim_deliveries(at(second), claims).await.unwrap()
    }

    fn ended(due: &DueDelivery, end: AttemptEnd) -> EndedAttempt {
        EndedAttempt {
            claimed: due.claimed(),
            webhook_key: due.webhook.key,
            end,
            request: Some(AttemptedRequest {
                url: URL.to_owned(),
                headers: vec![("a".to_owned(), "b".to_owned())],
            }),
            response: Some(AttemptedResponse { code: 200, headers: Vec::new(), body: "ok".to_owned() }),
            error: None,
            duration_us: 7,
        }
    }

    const NEVER: PausePolicy = PausePolicy { failing_before: Timestamp::EPOCH };

    async fn recorded(store: &Store, second: u64, due: &DueDelivery, end: AttemptEnd) -> Recorded {
        store.end_delivery_attempt(at(second), ended(due, end), NEVER).await.unwrap()
    }

    pub(super) async fn end(store: &Store, second: u64, due: &DueDelivery, end: AttemptEnd) {
        assert_eq!(recorded(store, second, due, end).await, Recorded::Yes);
    }

    pub(super) async fn all(store: &Store, webhook: &Webhook) -> Vec<DeliveryRecord> {
        let page =
            store.deliveries(webhook.id, DeliveryFilter::default(), 200, None, true).await.unwrap().unwrap();
        assert_eq!(page.total, u64::try_from(page.items.len()).ok());
        page.items.into_iter().rev().collect()
    }

    pub(crate) async fn deliveries_and_the_cursor_move_together_and_once(store: &Store) {
        let webhook = webhook(store).await;
        create(store, new_job(at(500))).await;
        let newest = last_event_sequence(store).await.unwrap();
        let intake = store.webhook_intake(100, 0, |_, _| true).await.unwrap();
        assert_eq!((intake.cursor, intake.next, intake.newest, intake.lost), (0, newest, newest, None));
        assert_eq!(intake.records.len(), 2, "the webhook itself and the job");
        assert!(intake.records[1].job.is_some());
        assert!(make(store, 0, newest, vec![delivery(&webhook, 2, "a")]).await);
        assert!(!make(store, 0, newest, vec![delivery(&webhook, 2, "a")]).await, "somebody was faster");
        assert!(!make(store, 1, newest, vec![delivery(&webhook, 3, "a")]).await);
        assert_eq!(all(store, &webhook).await.len(), 1);
        let intake = store.webhook_intake(100, 0, |_, _| true).await.unwrap();
        assert_eq!((intake.cursor, intake.records.len()), (newest, 0));
        let backlog = |second| async move { store.gauges(at(second)).await.unwrap().webhooks };
        assert_eq!(backlog(0).await, WebhookBacklog::default(), "the delivery is due later");
        let due = WebhookBacklog { due: 1, oldest_due_at: Some(at(1)), ..WebhookBacklog::default() };
        assert_eq!(backlog(100).await, due);
        create(store, new_job(at(500))).await;
        last_event_sequence(store).await.unwrap();
        assert_eq!(backlog(100).await.events, 1);
        let gauges = store.gauges(at(100)).await.unwrap();
        assert_eq!((gauges.next_due, gauges.last_event), (Some(at(500)), newest + 1));
        assert_eq!(gauges.unnumbered_events, store.is_shared().then_some(0));
        assert!(gauges.space.database_bytes > 0);
    }

    pub(crate) async fn a_lane_goes_one_after_another_and_others_do_not_wait(store: &Store) {
        let webhook = webhook(store).await;
        let new = [(1, "a"), (2, "a"), (3, "b"), (4, "a")].map(|(at, lane)| delivery(&webhook, at, lane));
        make(store, 0, 4, new.to_vec()).await;
        let first = claim_up_to(store, &webhook, 2, 8).await;
        assert_eq!(first.due.iter().map(|due| due.id).collect::<Vec<_>>(), [new[0].id, new[2].id]);
        assert!(claim_up_to(store, &webhook, 3, 8).await.due.is_empty());
        end(store, 4, &first.due[0], AttemptEnd::RetryAt(at(50))).await;
        assert!(claim_up_to(store, &webhook, 49, 8).await.due.is_empty());
        let again = claim_up_to(store, &webhook, 50, 8).await;
        assert_eq!((again.due[0].id, again.due[0].attempts, again.due[0].tries), (new[0].id, 2, 1));
        assert_eq!(again.due[0].first_attempt_at, at(2));
        end(store, 51, &again.due[0], AttemptEnd::GivenUp).await;
        let next = claim_up_to(store, &webhook, 51, 8).await;
        assert_eq!(next.due.iter().map(|due| due.id).collect::<Vec<_>>(), [new[1].id]);
        end(store, 52, &next.due[0], AttemptEnd::Delivered).await;
        assert_eq!(claim_up_to(store, &webhook, 52, 8).await.due[0].id, new[3].id);
        let statuses: Vec<_> =
            all(store, &webhook).await.into_iter().map(|delivery| delivery.status).collect();
        let (pending, success, failed) =
            (DeliveryStatus::Pending, DeliveryStatus::Success, DeliveryStatus::Failed);
        assert_eq!(statuses, [failed, success, pending, pending]);
        // What is made again goes before what comes after it in its lane, and that waits for it.
        let dead = store.redeliver(context(), at(53), webhook.id, new[0].id).await.unwrap().value;
        assert_eq!((dead.status, dead.attempts), (pending, 2));
        let due = claim_up_to(store, &webhook, 54, 8).await.due;
        assert_eq!((due[0].id, due[0].tries, due[0].attempts), (new[0].id, 0, 3));
    }

    pub(crate) async fn an_attempt_is_ended_by_its_number_alone(store: &Store) {
        let webhook = webhook(store).await;
        make(store, 0, 1, vec![delivery(&webhook, 1, "a")]).await;
        let due = claim_up_to(store, &webhook, 2, 1).await.due.remove(0);
        let stale = DueDelivery { attempts: 7, ..due.clone() };
        assert_eq!(recorded(store, 3, &stale, AttemptEnd::Delivered).await, Recorded::No);
        assert_eq!(all(store, &webhook).await[0].status, DeliveryStatus::Pending);
        end(store, 4, &due, AttemptEnd::Delivered).await;
        assert_eq!(recorded(store, 5, &due, AttemptEnd::GivenUp).await, Recorded::No);
        let delivery = all(store, &webhook).await.remove(0);
        assert_eq!((delivery.status, delivery.completed_at), (DeliveryStatus::Success, Some(at(4))));
        assert_eq!((delivery.response_code, delivery.response_body.as_deref()), (Some(200), Some("ok")));
        assert_eq!(delivery.request_headers, [("a".to_owned(), "b".to_owned())]);
    }

    pub(crate) async fn what_was_claimed_by_a_process_that_is_gone_is_due_again(store: &Store) {
        let webhook = webhook(store).await;
        make(store, 0, 1, vec![delivery(&webhook, 1, "a")]).await;
        let due = claim_up_to(store, &webhook, 2, 1).await.due.remove(0);
        assert_eq!(store.recover_deliveries(at(3), Vec::new()).await.unwrap(), 1);
        assert_eq!(recorded(store, 3, &due, AttemptEnd::Delivered).await, Recorded::No);
        assert_eq!(claim_up_to(store, &webhook, 3, 1).await.due[0].attempts, 2);
        let late = claim_up_to(store, &webhook, 3 + 90, 1).await;
        assert_eq!(late.due[0].attempts, 3, "nobody ended it in time");
        assert_eq!(late.next, [(webhook.key, Some(at(93 + 90)))]);
    }

    pub(crate) async fn what_is_under_way_is_neither_recovered_nor_claimed_again(store: &Store) {
        let webhook = webhook(store).await;
        make(store, 0, 2, vec![delivery(&webhook, 1, "a"), delivery(&webhook, 2, "b")]).await;
        let due = claim_up_to(store, &webhook, 2, 2).await.due;
        let under_way = vec![due[0].claimed()];
        assert_eq!(store.recover_deliveries(at(3), under_way.clone()).await.unwrap(), 1, "the other one");
        let rooms = vec![(webhook.key, 8)];
        let claims = Claims { rooms, until: at(900), under_way: under_way.clone() };
        // Long after the time at which it would be given up.
        let claimed = store.claim_deliveries(at(500), claims).await.unwrap();
        assert_eq!(claimed.due.iter().map(|due| due.id).collect::<Vec<_>>(), [due[1].id]);
        assert_eq!(claimed.next, [(webhook.key, Some(at(900)))], "nor is it waited for");
        end(store, 501, &due[0], AttemptEnd::Delivered).await;
        assert_eq!(all(store, &webhook).await[0].status, DeliveryStatus::Success);
        // An attempt of the same delivery that somebody else has begun since is another one.
        let stale = vec![due[1].claimed()];
        assert_eq!(store.recover_deliveries(at(502), stale).await.unwrap(), 1);
    }

    pub(crate) async fn a_webhook_that_is_switched_off_gives_up_what_it_has(store: &Store) {
        let webhook = webhook(store).await;
        make(store, 0, 2, vec![delivery(&webhook, 1, "a"), delivery(&webhook, 2, "a")]).await;
        let due = claim_up_to(store, &webhook, 2, 1).await.due.remove(0);
        let gone = PauseReason::Gone;
        assert_eq!(recorded(store, 3, &due, AttemptEnd::Gone).await, Recorded::AndPaused(gone));
        let off = store.webhook(webhook.id).await.unwrap().unwrap();
        assert_eq!((off.is_active, off.paused_reason, off.paused_at), (false, Some(gone), Some(at(3))));
        assert!(off.version > webhook.version);
        let claimed = claim_up_to(store, &webhook, 4, 8).await;
        assert_eq!((claimed.due.len(), claimed.next), (0, vec![(webhook.key, None)]));
        let rest = all(store, &webhook).await.remove(1);
        assert_eq!((rest.status, rest.attempts), (DeliveryStatus::Failed, 0));
        assert!(rest.error.unwrap().contains("410"));
        assert!(event_kinds(store).await.contains(&EventKind::WebhookPaused));
        let refused = store.redeliver(context(), at(5), webhook.id, rest.id).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(Refusal::Invalid(_))));
    }

    async fn switch(store: &Store, webhook: &Webhook, second: u64, is_active: bool) {
        let decide: WebhookDecide = Box::new(move |before| {
            let webhook = Webhook { is_active, ..before.clone() };
            Ok(WebhookChange { webhook, action: "webhook.update" })
        });
        store.change_webhook(context(), at(second), webhook.id, decide).await.unwrap();
    }

    pub(crate) async fn what_waits_behind_what_was_given_up_is_given_up_too_or_goes(store: &Store) {
        let webhook = webhook(store).await;
        make(store, 0, 500, (1..=500).map(|at| delivery(&webhook, at, "a")).collect()).await;
        let first = claim_up_to(store, &webhook, 2, 8).await.due.remove(0);
        end(store, 3, &first, AttemptEnd::RetryAt(at(90))).await;
        claim_up_to(store, &webhook, 4, 8).await;
        let of = async |status| {
            let filter = DeliveryFilter { statuses: vec![status], ..DeliveryFilter::default() };
            store.deliveries(webhook.id, filter, 1, None, true).await.unwrap().unwrap().total.unwrap()
        };
        switch(store, &webhook, 5, false).await;
        let part = claim_up_to(store, &webhook, 6, 8).await;
        assert_eq!(part.next, [(webhook.key, Some(at(6)))], "there is more to give up");
        let (given_up, left) = (of(DeliveryStatus::Failed).await, of(DeliveryStatus::Pending).await);
        assert!(given_up > 0 && left > 0, "{given_up} {left}");
        // Switched on in between: what is left goes, though what was before it will never end.
        switch(store, &webhook, 7, true).await;
        assert_eq!(claim_up_to(store, &webhook, 8, 8).await.due.len(), 1);
        store.recover_deliveries(at(9), Vec::new()).await.unwrap();
        switch(store, &webhook, 10, false).await;
        for second in 11..20 {
            claim_up_to(store, &webhook, second, 8).await;
        }
        assert_eq!((of(DeliveryStatus::Failed).await, of(DeliveryStatus::Pending).await), (500, 0));
    }

    pub(crate) async fn what_is_told_of_a_webhook_is_of_its_project_alone(store: &Store) {
        for (projects, told) in [(vec!["p"], "p"), (vec![], ""), (vec!["p", "x"], "")] {
            let made = webhook(store).await;
            let projects: Vec<String> = projects.into_iter().map(str::to_owned).collect();
            let decide: WebhookDecide = Box::new(move |before| {
                let webhook = Webhook { project_ids: projects, ..before.clone() };
                Ok(WebhookChange { webhook, action: "webhook.update" })
            });
            store.change_webhook(context(), at(1), made.id, decide).await.unwrap();
            last_event_sequence(store).await.unwrap();
            let events = events_after(store, 0, 100).await.unwrap().unwrap();
            let last = events.last().unwrap();
            assert_eq!((last.event.kind, last.event.project_id.as_str()), (EventKind::WebhookUpdated, told));
        }
    }

    pub(crate) async fn deliveries_go_by_age_and_with_their_webhook_but_not_while_they_are_pending(
        store: &Store,
    ) {
        let (webhook, other) = (webhook(store).await, webhook(store).await);
        let new = vec![delivery(&webhook, 1, "a"), delivery(&webhook, 2, "b"), delivery(&other, 1, "a")];
        make(store, 0, 2, new).await;
        let due = claim_up_to(store, &webhook, 2, 1).await.due.remove(0);
        end(store, 3, &due, AttemptEnd::Delivered).await;
        let before =
            |time| RetentionPolicy { deliveries_before: time, ..RetentionPolicy::keep_all(at(9_000)) };
        retain(store, before(at(3))).await.unwrap();
        assert_eq!(all(store, &webhook).await.len(), 2);
        assert_eq!(retain(store, before(at(4))).await.unwrap().records, 1);
        retain(store, before(at(8_000))).await.unwrap();
        assert_eq!(all(store, &webhook).await.len(), 1, "it is still to be sent");
        store.delete_webhook(context(), at(5), webhook.id).await.unwrap();
        assert_eq!(
            store.deliveries(webhook.id, DeliveryFilter::default(), 9, None, false).await.unwrap(),
            None
        );
        assert_eq!(retain(store, before(noon())).await.unwrap().records, 1);
        assert_eq!(all(store, &other).await.len(), 1);
    }

    pub(crate) async fn an_event_is_told_with_the_definition_of_its_time(store: &Store) {
        webhook(store).await;
        let job = create(store, job_with(at(500), |definition| definition.name = "before".to_owned())).await;
        let edit: Decide = Box::new(|job| {
            let mut definition = job.definition.clone();
            definition.name = "after".to_owned();
            let mut state = job.state.clone();
            state.version += 1;
            Ok(JobChange {
                definition: Some(definition),
                ..change(state, "job.update", EventKind::JobUpdated)
            })
        });
        store.change_job(context(), at(9), job.id, edit).await.unwrap();
        last_event_sequence(store).await.unwrap();
        let intake = store.webhook_intake(100, 0, |_, _| true).await.unwrap();
        let names: Vec<String> =
            intake.records.into_iter().filter_map(|r| Some(r.job?.definition.name)).collect();
        assert_eq!(names, ["before", "after"]);
    }

    pub(crate) async fn a_deleted_webhook_gets_nothing_and_its_key_is_not_used_again(store: &Store) {
        let gone = webhook(store).await;
        store.delete_webhook(context(), at(1), gone.id).await.unwrap();
        make(store, 0, 1, vec![delivery(&gone, 1, "a")]).await;
        let next = webhook(store).await;
        assert!(next.key > gone.key);
        assert!(all(store, &next).await.is_empty());
        assert!(matches!(
            store.delete_webhook(context(), at(2), gone.id).await,
            Err(StoreError::Refused(Refusal::NotFound { .. }))
        ));
    }
}
