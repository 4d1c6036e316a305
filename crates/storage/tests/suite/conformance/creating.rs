//! Creating jobs: what is read is what was written; names are unique; a repeated request is done once.

crate::conformance::on_both!(
    a_job_is_read_as_it_was_written,
    all_jobs_are_created_or_none,
    an_external_id_is_taken_within_its_project_only,
    a_repeated_create_makes_nothing_new,
    concurrent_creates_with_one_key_make_one_job,
    a_project_that_is_not_allowed_is_not_found,
    a_held_job_may_have_no_time,
    an_api_key_is_found_by_its_hash,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;
    use serde_json::json;

    pub(crate) async fn a_job_is_read_as_it_was_written(store: &Store) {
        let mut new = job_with(at(60), |definition| {
            definition.retry =
                RetryPolicy { max_retries: 3, exit_codes: Some(vec![-1, 75]), ..RetryPolicy::default() };
            definition.max_lateness_seconds = Some(5);
            definition.on_late = OnLate::Skip;
            definition.on_crash = OnCrash::Fail;
            definition.concurrency_key = Some("key \u{0} 🌍".replace('\u{0}', "''\""));
            definition.external_id = Some("order-1".to_owned());
            definition.metadata.insert("deep".to_owned(), json!({ "list": [1, null, "ü"] }));
        });
        new.origin = Some(Origin { kind: OriginKind::Chain, id: "x".to_owned(), index: 0 });
        let created = create(store, new.clone()).await;
        assert_eq!(created.id, new.id);
        assert_eq!(created.definition, new.definition);
        assert_eq!(created.state, new.state);
        assert_eq!(created.origin, new.origin);
        assert_eq!((created.revision, created.created_at, created.updated_at), (1, noon(), noon()));
        assert_eq!(created.created_by.as_deref(), Some("local"));
        assert_eq!(job_now(store, new.id).await, created);
        assert_eq!(store.job(job_id()).await.unwrap(), None);
    }

    pub(crate) async fn all_jobs_are_created_or_none(store: &Store) {
        let first = new_job(at(1));
        let mut twin = new_job(at(2));
        twin.id = first.id;
        let error = store
            .create_jobs(context(), noon(), vec![new_job(at(0)), first.clone(), twin])
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::Duplicate { field: "id", .. })), "{error:?}");
        assert_eq!(store.job(first.id).await.unwrap(), None);
        assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Scheduled], 0);
        assert_eq!(last_event_sequence(store).await.unwrap(), 0);
        assert_eq!(store.next_due().await.unwrap(), None);
    }

    pub(crate) async fn an_external_id_is_taken_within_its_project_only(store: &Store) {
        let named = |project: &str| {
            let project = project.to_owned();
            job_with(at(1), move |definition| {
                definition.external_id = Some("order-1".to_owned());
                definition.project_id = project;
            })
        };
        project(store, "other").await;
        create(store, named("default")).await;
        create(store, named("other")).await;
        let error = store.create_jobs(context(), noon(), vec![named("default")]).await.unwrap_err();
        let StoreError::Refused(Refusal::Duplicate { field, value }) = error else { panic!("{error:?}") };
        assert_eq!((field, value.as_str()), ("external_id", "order-1"));
    }

    pub(crate) async fn a_repeated_create_makes_nothing_new(store: &Store) {
        let request = with_key("k", "f1");
        let first = store.create_jobs(request.clone(), noon(), vec![new_job(at(1))]).await.unwrap();
        assert!(!first.replayed);
        store.change_job(context(), at(1), first.value[0].id, cancel()).await.unwrap();
        let again = store.create_jobs(request, at(2), vec![new_job(at(9))]).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.value[0].id, first.value[0].id);
        assert_eq!(again.value[0].state.status, JobStatus::Cancelled, "the job as it is now");
        let other = store.create_jobs(with_key("k", "f2"), at(2), vec![new_job(at(9))]).await.unwrap_err();
        assert!(matches!(other, StoreError::Refused(Refusal::IdempotencyMismatch)));
        let actor = Actor::ApiKey { id: "1".to_owned(), name: "n".to_owned() };
        let somebody_else = Context { actor, ..with_key("k", "f1") };
        assert!(!store.create_jobs(somebody_else, at(2), vec![new_job(at(9))]).await.unwrap().replayed);
    }

    pub(crate) async fn concurrent_creates_with_one_key_make_one_job(store: &Store) {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.create_jobs(with_key("k", "f"), noon(), vec![new_job(at(1))]).await
                })
            })
            .collect();
        let mut ids = std::collections::BTreeSet::new();
        let mut made = 0;
        for task in tasks {
            let written = task.await.unwrap().unwrap();
            ids.insert(written.value[0].id);
            made += usize::from(!written.replayed);
        }
        assert_eq!((ids.len(), made), (1, 1));
        assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Scheduled], 1);
    }

    pub(crate) async fn a_project_that_is_not_allowed_is_not_found(store: &Store) {
        let theirs = Context { allowed_projects: Some(vec!["other".to_owned()]), ..context() };
        let error = store.create_jobs(theirs.clone(), noon(), vec![new_job(at(1))]).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::NotFound { kind: "project", .. })));
        let ours = create(store, new_job(at(1))).await;
        let error = store.change_job(theirs, noon(), ours.id, cancel()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::NotFound { kind: "job", .. })));
        assert_eq!(job_now(store, ours.id).await, ours);
    }

    pub(crate) async fn a_held_job_may_have_no_time(store: &Store) {
        let until = Some(at(30));
        let created = create(store, held_job(None, until)).await;
        assert_eq!(created.state.scheduled_at, None);
        assert_eq!(job_now(store, created.id).await, created);
        assert_eq!(store.next_due().await.unwrap(), None, "it does not wait");
        assert_eq!(store.holds_ending(10).await.unwrap(), [(created.id, at(30))]);
    }

    pub(crate) async fn an_api_key_is_found_by_its_hash(store: &Store) {
        let key = NewApiKey {
            id: "id".to_owned(),
            name: "ci".to_owned(),
            key_hash: "abc".to_owned(),
            key_prefix: "oo_live_1".to_owned(),
            scopes: vec!["read".to_owned(), "write".to_owned()],
            project_ids: None,
            expires_at: Some(at(5)),
        };
        let stored = store.create_api_key(context(), noon(), key.clone()).await.unwrap().value;
        assert_eq!((stored.name.as_str(), stored.created_at), ("ci", noon()));
        assert_eq!(store.api_key_by_hash("abc".to_owned()).await.unwrap(), Some(stored));
        assert_eq!(store.api_key_by_hash("abd".to_owned()).await.unwrap(), None);
        assert!(store.create_api_key(context(), noon(), key).await.is_err(), "the same key twice");
    }
}
