//! Creating many jobs: all or none, each on its own, and repetitions of both, also after a crash in between.

crate::conformance::on_both!(
    many_jobs_are_created_or_none_and_the_one_that_is_refused_is_named,
    a_repeated_request_is_answered_as_before,
    jobs_on_their_own_are_stored_beside_those_that_are_refused,
    each_job_has_one_event,
    refusals_are_repeated_too,
    a_request_that_was_broken_off_between_slices_is_completed,
    another_request_under_the_same_key_is_refused,
    projects_that_are_not_allowed_are_not_found,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    fn named(name: &str) -> NewJob {
        let name = name.to_owned();
        job_with(at(60), move |definition| definition.external_id = Some(name))
    }

    async fn scheduled(store: &Store) -> u64 {
        store.counters().await.unwrap().jobs[&JobStatus::Scheduled]
    }

    fn words(outcomes: &[BulkOutcome]) -> Vec<&'static str> {
        let word = |outcome: &BulkOutcome| match outcome {
            BulkOutcome::Created(_) => "created",
            BulkOutcome::Earlier(_) => "earlier",
            BulkOutcome::Refused(Refusal::Duplicate { .. }) => "taken",
            BulkOutcome::Refused(Refusal::Invalid(_)) => "invalid",
            BulkOutcome::Refused(Refusal::NotFound { .. }) => "no project",
            BulkOutcome::Refused(_) => "refused",
            BulkOutcome::Failed(_) => "failed",
        };
        outcomes.iter().map(word).collect()
    }

    fn id_of(outcome: &BulkOutcome) -> JobId {
        match outcome {
            BulkOutcome::Created(job) => job.id,
            BulkOutcome::Earlier(id) => *id,
            other => panic!("{other:?}"),
        }
    }

    fn invalid() -> Refusal {
        let error = FieldError::new("/jobs/1/priority", "11 is out of range").with_hint("1 to 10");
        Refusal::Invalid(ValidationErrors::one(error))
    }

    pub(crate) async fn many_jobs_are_created_or_none_and_the_one_that_is_refused_is_named(store: &Store) {
        create(store, named("a")).await;
        let jobs = vec![named("b"), new_job(at(1)), named("a"), named("c")];
        let error = store.create_all(with_key("k", "f"), noon(), jobs).await.unwrap_err();
        let StoreError::Refused(Refusal::OfItem { index: 2, refusal }) = error else { panic!("{error:?}") };
        assert_eq!(*refusal, Refusal::Duplicate { field: "external_id", value: "a".to_owned() });
        assert_eq!(scheduled(store).await, 1);

        let jobs: Vec<NewJob> = (0..1200).map(|_| new_job(at(1))).collect();
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        let written = store.create_all(with_key("k", "f"), noon(), jobs).await.unwrap();
        assert!(!written.replayed, "the key of what was refused is free");
        assert_eq!(written.value.iter().map(id_of).collect::<Vec<_>>(), ids);
        assert_eq!(scheduled(store).await, 1201);
    }

    pub(crate) async fn a_repeated_request_is_answered_as_before(store: &Store) {
        let first = store.create_all(with_key("k", "f"), noon(), vec![named("a"), named("b")]).await.unwrap();
        let again = store.create_all(with_key("k", "f"), at(9), vec![named("a"), named("b")]).await.unwrap();
        assert_eq!((first.replayed, again.replayed), (false, true));
        assert_eq!(words(&again.value), ["earlier", "earlier"]);
        assert_eq!(
            again.value.iter().map(id_of).collect::<Vec<_>>(),
            first.value.iter().map(id_of).collect::<Vec<_>>()
        );
        let before = store.created_before(with_key("k", "f")).await.unwrap().unwrap();
        assert_eq!(words(&before), ["earlier", "earlier"]);
        assert!(store.created_before(with_key("other", "f")).await.unwrap().is_none());
        let ids: Vec<JobId> = before.iter().map(id_of).collect();
        store.change_job(context(), at(9), ids[0], delete()).await.unwrap();
        let found = store.jobs_by_id(ids.clone()).await.unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [ids[1]]);
    }

    pub(crate) async fn jobs_on_their_own_are_stored_beside_those_that_are_refused(store: &Store) {
        project(store, "other").await;
        create(store, named("a")).await;
        let other_project = job_with(at(1), |definition| {
            definition.external_id = Some("a".to_owned());
            definition.project_id = "other".to_owned();
        });
        let jobs = vec![
            Ok(named("b")),
            Err(invalid()),
            Ok(named("a")),
            Ok(named("b")),
            Ok(new_job(at(2))),
            Ok(other_project),
        ];
        let written = store.create_each(context(), noon(), jobs).await.unwrap();
        assert_eq!(words(&written.value), ["created", "invalid", "taken", "taken", "created", "created"]);
        for outcome in &written.value {
            let BulkOutcome::Created(job) = outcome else { continue };
            assert_eq!(job_now(store, job.id).await, **job);
        }
        assert_eq!(scheduled(store).await, 4);
        assert_eq!(store.pending_window(None, at(90), 10).await.unwrap().len(), 4);
    }

    pub(crate) async fn each_job_has_one_event(store: &Store) {
        let jobs = vec![Ok(named("a")), Ok(named("a")), Ok(named("b"))];
        store.create_each(context(), noon(), jobs).await.unwrap();
        store.create_all(context(), noon(), vec![named("c"), named("d")]).await.unwrap();
        let events = events_after(store, 0, 100).await.unwrap().unwrap();
        assert_eq!(events.len(), 4);
        assert!(events.iter().all(|event| event.event.kind == EventKind::JobCreated));
    }

    pub(crate) async fn refusals_are_repeated_too(store: &Store) {
        let theirs = Context { allowed_projects: Some(vec!["default".to_owned()]), ..with_key("k", "f") };
        let foreign = job_with(at(1), |definition| definition.project_id = "other".to_owned());
        let jobs = vec![Ok(named("a")), Err(invalid()), Ok(named("a")), Ok(foreign)];
        let first = store.create_each(theirs.clone(), noon(), jobs.clone()).await.unwrap();
        let again = store.create_each(theirs, at(5), jobs).await.unwrap();
        assert_eq!(words(&first.value), ["created", "invalid", "taken", "no project"]);
        assert_eq!(words(&again.value), ["earlier", "invalid", "taken", "no project"]);
        assert!(!first.replayed && again.replayed);
        let (BulkOutcome::Refused(first), BulkOutcome::Refused(again)) = (&first.value[1], &again.value[1])
        else {
            panic!("not refused")
        };
        assert_eq!(first, again);
        assert_eq!(scheduled(store).await, 1);
    }

    /// A request dies with the server between two slices. What the first slice made is what a shorter request with
    /// the same beginning makes.
    pub(crate) async fn a_request_that_was_broken_off_between_slices_is_completed(store: &Store) {
        let jobs: Vec<_> = (0..2100).map(|number| Ok(named(&number.to_string()))).collect();
        let slice = jobs[..1000].to_vec();
        let broken_off = store.create_each(with_key("k", "f"), noon(), slice).await.unwrap();
        assert_eq!(scheduled(store).await, 1000);

        let completed = store.create_each(with_key("k", "f"), at(1), jobs.clone()).await.unwrap();
        assert!(!completed.replayed, "some of it is new");
        assert_eq!(words(&completed.value)[..1000], ["earlier"; 1000]);
        assert_eq!(words(&completed.value)[1000..], ["created"; 1100]);
        assert_eq!(id_of(&completed.value[999]), id_of(&broken_off.value[999]));
        assert_eq!(scheduled(store).await, 2100);

        let again = store.create_each(with_key("k", "f"), at(2), jobs).await.unwrap();
        assert!(again.replayed);
        assert_eq!(words(&again.value), ["earlier"; 2100]);
        assert_eq!(scheduled(store).await, 2100);
    }

    pub(crate) async fn another_request_under_the_same_key_is_refused(store: &Store) {
        store.create_all(with_key("k", "f"), noon(), vec![new_job(at(1))]).await.unwrap();
        for outcome in [
            store.create_all(with_key("k", "g"), noon(), vec![new_job(at(1))]).await,
            store.create_each(with_key("k", "g"), noon(), vec![Ok(new_job(at(1)))]).await,
        ] {
            assert!(matches!(outcome, Err(StoreError::Refused(Refusal::IdempotencyMismatch))));
        }
        assert_eq!(scheduled(store).await, 1);
    }

    pub(crate) async fn projects_that_are_not_allowed_are_not_found(store: &Store) {
        let theirs = Context { allowed_projects: Some(vec!["other".to_owned()]), ..context() };
        let error = store.create_all(theirs.clone(), noon(), vec![new_job(at(1))]).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::OfItem { index: 0, .. })), "{error:?}");
        let written = store.create_each(theirs, noon(), vec![Ok(new_job(at(1)))]).await.unwrap();
        assert_eq!(words(&written.value), ["no project"]);
        assert_eq!(scheduled(store).await, 0);
    }
}
