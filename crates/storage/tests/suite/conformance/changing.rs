//! Changing jobs: versions, revisions, holds, what waits, deletion, repeated requests.

crate::conformance::on_both!(
    a_change_is_seen_and_raises_the_version,
    a_version_that_has_passed_is_refused,
    an_edit_is_a_new_revision,
    moving_a_job_moves_what_waits,
    a_hold_stops_a_job_and_its_release_lets_it_wait,
    a_refusal_of_the_domain_changes_nothing,
    a_deleted_job_is_gone_with_its_executions,
    a_repeated_change_is_done_once,
    every_change_leaves_an_audit_row_and_an_event,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    pub(crate) async fn a_change_is_seen_and_raises_the_version(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let written = store.change_job(context(), at(5), job.id, cancel()).await.unwrap();
        assert!(!written.replayed);
        let changed = written.value;
        assert_eq!((changed.state.status, changed.state.version), (JobStatus::Cancelled, 2));
        assert_eq!(changed.updated_at, at(5));
        assert_eq!(job_now(store, job.id).await, changed);
    }

    pub(crate) async fn a_version_that_has_passed_is_refused(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let expecting = |version| Context { if_match: Some(version), ..context() };
        let error = store.change_job(expecting(7), noon(), job.id, cancel()).await.unwrap_err();
        let StoreError::Refused(refusal) = error else { panic!("{error:?}") };
        assert_eq!(refusal, Refusal::VersionMismatch { expected: 7, actual: 1 });
        store.change_job(expecting(1), noon(), job.id, cancel()).await.unwrap();
    }

    pub(crate) async fn an_edit_is_a_new_revision(store: &Store) {
        project(store, "other").await;
        let heard = HeardCommits::on(store);
        let job = create(store, new_job(at(1))).await;
        heard.changes();
        let edit = |job: &Job| {
            let mut definition = job.definition.clone();
            definition.name = "new".to_owned();
            definition.priority = 1;
            definition.project_id = "other".to_owned();
            let change = change(job.state.edit()?, "job.update", EventKind::JobUpdated);
            Ok(JobChange { definition: Some(definition), ..change })
        };
        let edited = store.change_job(context(), at(1), job.id, Box::new(edit)).await.unwrap().value;
        assert_eq!((edited.revision, edited.definition.name.as_str()), (2, "new"));
        assert_eq!(job_now(store, job.id).await, edited);
        let changes = heard.changes();
        let [Change::Pending(pending)] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!((pending.priority, pending.due_at), (1, at(1)));
        let filter = JobFilter { project_id: Some("other".to_owned()), ..JobFilter::default() };
        let found = store.jobs(filter, page(JobSort::CreatedAt, SortOrder::Ascending, 5)).await.unwrap();
        assert_eq!(found.items, [edited]);
    }

    pub(crate) async fn moving_a_job_moves_what_waits(store: &Store) {
        let heard = HeardCommits::on(store);
        let job = create(store, new_job(at(10))).await;
        heard.changes();
        let later = at(100_000);
        let shift = move |job: &Job| {
            Ok(change(job.state.reschedule(later, None)?, "job.update", EventKind::JobUpdated))
        };
        let moved = store.change_job(context(), at(1), job.id, Box::new(shift)).await.unwrap().value;
        let changes = heard.changes();
        let [Change::Pending(pending)] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!((pending.key, pending.due_at), (job.key, later));
        assert_eq!(store.next_due().await.unwrap(), Some(later));
        assert_eq!(try_claim(store, at(10), &job).await, ClaimResult::Gone(job.key), "not for the old time");
        assert!(matches!(try_claim(store, later, &moved).await, ClaimResult::Claimed(_)));
    }

    pub(crate) async fn a_hold_stops_a_job_and_its_release_lets_it_wait(store: &Store) {
        let heard = HeardCommits::on(store);
        let job = create(store, new_job(at(10))).await;
        heard.changes();
        for (reason, until) in [(HoldReason::Manual, None), (HoldReason::Gate, Some(at(77)))] {
            let hold = Hold { reason, by: "key:ci".to_owned(), at: at(1), until };
            let add = move |job: &Job| Ok(change(job.state.hold(hold)?, "job.hold", EventKind::JobHeld));
            store.change_job(context(), at(1), job.id, Box::new(add)).await.unwrap();
        }
        assert_eq!(heard.changes(), [Change::NotPending(job.key), Change::HoldEnds(at(77))]);
        let held = job_now(store, job.id).await;
        assert_eq!(held.state.holds.len(), 2);
        assert_eq!(try_claim(store, at(10), &job).await, ClaimResult::Gone(job.key));
        for reason in [HoldReason::Gate, HoldReason::Manual] {
            let release = move |job: &Job| {
                Ok(change(job.state.release(reason)?, "job.release", EventKind::JobReleased))
            };
            store.change_job(context(), at(2), job.id, Box::new(release)).await.unwrap();
        }
        let released = job_now(store, job.id).await;
        assert_eq!((released.state.status, released.state.holds.len()), (JobStatus::Scheduled, 0));
        let changes = heard.changes();
        let [Change::Pending(pending)] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(pending.due_at, at(10));
        assert_eq!(store.holds_ending(10).await.unwrap(), []);
    }

    pub(crate) async fn a_refusal_of_the_domain_changes_nothing(store: &Store) {
        let heard = HeardCommits::on(store);
        let job = create(store, new_job(at(1))).await;
        let claimed = claim(store, at(1), &job).await;
        let events = event_kinds(store).await;
        heard.changes();
        let error = store.change_job(context(), at(2), job.id, delete()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::Illegal(_))), "{error:?}");
        assert_eq!(job_now(store, job.id).await, claimed.job);
        assert_eq!(event_kinds(store).await, events);
        assert_eq!(heard.changes(), []);
        let missing = store.change_job(context(), at(2), job_id(), delete()).await.unwrap_err();
        assert!(matches!(missing, StoreError::Refused(Refusal::NotFound { kind: "job", .. })));
    }

    pub(crate) async fn a_deleted_job_is_gone_with_its_executions(store: &Store) {
        let heard = HeardCommits::on(store);
        let job = create(store, job_with(at(1), |definition| definition.retry.max_retries = 1)).await;
        let claimed = claim(store, at(1), &job).await;
        let failure = AttemptOutcome::failed(Reason::ExitCode, "no");
        let waiting = finish(store, &claimed, failure, at(2)).await;
        assert_eq!(waiting.state.status, JobStatus::Scheduled);
        heard.changes();
        let last = store.change_job(context(), at(3), job.id, delete()).await.unwrap().value;
        assert_eq!(last, waiting, "as it last was");
        assert_eq!(heard.changes(), [Change::NotPending(job.key)]);
        assert_eq!(store.job(job.id).await.unwrap(), None);
        assert_eq!(store.execution(claimed.execution_id).await.unwrap(), None);
        assert_eq!(store.next_due().await.unwrap(), None);
        assert!(store.counters().await.unwrap().jobs.values().all(|count| *count == 0));
        assert_eq!(event_kinds(store).await.last(), Some(&EventKind::JobDeleted));
    }

    pub(crate) async fn a_repeated_change_is_done_once(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let request = Context { if_match: Some(1), ..with_key("k", "f") };
        store.change_job(request.clone(), at(1), job.id, cancel()).await.unwrap();
        let again = store.change_job(request, at(2), job.id, cancel()).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.value.state.version, 2);
        let other = create(store, new_job(at(1))).await;
        for (id, fingerprint) in [(job.id, "other"), (other.id, "f")] {
            let error = store.change_job(with_key("k", fingerprint), at(3), id, cancel()).await.unwrap_err();
            assert!(matches!(error, StoreError::Refused(Refusal::IdempotencyMismatch)), "{error:?}");
        }
    }

    pub(crate) async fn every_change_leaves_an_audit_row_and_an_event(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        store.change_job(context(), at(1), job.id, cancel()).await.unwrap();
        store.change_job(context(), at(2), job.id, delete()).await.unwrap();
        let kinds = [EventKind::JobCreated, EventKind::JobCancelled, EventKind::JobDeleted];
        assert_eq!(event_kinds(store).await, kinds);
        let old = at(100);
        let policy =
            RetentionPolicy { events_before: old, audit_before: old, ..RetentionPolicy::keep_all(old) };
        let slice = retain(store, policy).await.unwrap();
        assert_eq!(slice.records, 5, "three audit rows, and three events but for the newest");
    }
}
