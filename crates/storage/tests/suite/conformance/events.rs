//! The outbox: in order, complete, read by cursor, and honest about what is not kept any more.

crate::conformance::on_both!(
    events_are_in_order_and_complete,
    a_cursor_beyond_what_is_kept_is_told_so,
    an_event_of_no_job_is_kept_as_it_was,
    the_listener_hears_every_commit_in_order,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    pub(crate) async fn events_are_in_order_and_complete(store: &Store) {
        let tasks: Vec<_> = (0..30)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let job = create(&store, new_job(at(1))).await;
                    let claimed = claim(&store, at(1), &job).await;
                    finish(&store, &claimed, AttemptOutcome::success(), at(2)).await;
                    job.id
                })
            })
            .collect();
        let mut ids = Vec::new();
        for task in tasks {
            ids.push(task.await.unwrap());
        }
        let mut events = Vec::new();
        let mut cursor = 0;
        loop {
            let page = events_after(store, cursor, 7).await.unwrap().unwrap();
            let Some(last) = page.last() else { break };
            cursor = last.sequence;
            events.extend(page);
        }
        let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, (1..=90).collect::<Vec<i64>>(), "without a gap");
        for id in ids {
            let mine: Vec<EventKind> = events
                .iter()
                .filter(|event| event.event.job_id == Some(id))
                .map(|event| event.event.kind)
                .collect();
            assert_eq!(mine, [EventKind::JobCreated, EventKind::JobStarted, EventKind::JobCompleted]);
        }
    }

    pub(crate) async fn a_cursor_beyond_what_is_kept_is_told_so(store: &Store) {
        assert_eq!(events_after(store, 0, 10).await.unwrap(), Some(Vec::new()));
        assert_eq!(events_after(store, 1, 10).await.unwrap(), None, "ahead of all events");
        for second in [0, 0, 100] {
            store.create_jobs(context(), at(second), vec![new_job(at(500))]).await.unwrap();
        }
        let policy =
            |before| RetentionPolicy { events_before: before, ..RetentionPolicy::keep_all(at(1_000)) };
        retain(store, policy(at(50))).await.unwrap();
        assert_eq!(events_after(store, 0, 10).await.unwrap(), None);
        assert_eq!(events_after(store, 1, 10).await.unwrap(), None);
        assert_eq!(events_after(store, 2, 10).await.unwrap().unwrap().len(), 1);
        retain(store, policy(at(500))).await.unwrap();
        assert_eq!(last_event_sequence(store).await.unwrap(), 3);
        assert_eq!(events_after(store, 1, 10).await.unwrap(), None);
        assert_eq!(events_after(store, 2, 10).await.unwrap().unwrap().len(), 1, "the newest stays");
        assert_eq!(events_after(store, 3, 10).await.unwrap(), Some(Vec::new()));
    }

    pub(crate) async fn an_event_of_no_job_is_kept_as_it_was(store: &Store) {
        let mut data = serde_json::Map::new();
        data.insert("step_seconds".to_owned(), 3600.into());
        let event = NewEvent {
            kind: EventKind::ClockStep,
            job_id: None,
            execution_id: None,
            project_id: "default".to_owned(),
            data,
        };
        store.record_event(at(3), event.clone()).await.unwrap();
        let events = events_after(store, 0, 10).await.unwrap().unwrap();
        assert_eq!(events, [Event { sequence: 1, at: at(3), event }]);
    }

    pub(crate) async fn the_listener_hears_every_commit_in_order(store: &Store) {
        let heard = HeardCommits::on(store);
        let tasks: Vec<_> = (0..200)
            .map(|second| {
                let store = store.clone();
                tokio::spawn(async move { create(&store, new_job(at(second))).await.key })
            })
            .collect();
        let mut created = Vec::new();
        for task in tasks {
            created.push(task.await.unwrap());
        }
        assert_eq!(last_event_sequence(store).await.unwrap(), 200);
        let commits = heard.0.lock().unwrap();
        let sequences: Vec<i64> = commits.iter().filter_map(|commit| commit.last_event_sequence).collect();
        assert!(
            (store.is_shared() || sequences.is_sorted()) && sequences.iter().max() == Some(&200),
            "{sequences:?}"
        );
        let keys = commits.iter().flat_map(|commit| &commit.changes).map(|change| match change {
            Change::Pending(pending) => pending.key,
            other => panic!("{other:?}"),
        });
        let mut keys: Vec<JobKey> = keys.collect();
        // A server has two connections to which jobs are written, and commits in any order.
        assert!(store.is_shared() || keys.is_sorted(), "in the order of the commits");
        keys.sort();
        created.sort();
        assert_eq!(keys, created);
    }
}
