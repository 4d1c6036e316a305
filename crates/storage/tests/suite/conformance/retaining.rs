//! Retention: what is too old goes, in slices, and nothing else does.

crate::conformance::on_both!(
    only_what_is_old_is_removed,
    a_job_takes_along_what_was_dated_ahead_of_its_later_attempts,
    retention_goes_on_until_nothing_is_old,
    an_idempotency_key_is_forgotten_with_its_record,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use bytes::Bytes;
    use oneoff_domain::*;
    use oneoff_storage::*;

    /// Jobs stay.
    fn before(time: Timestamp) -> RetentionPolicy {
        RetentionPolicy {
            executions_before: time,
            events_before: time,
            audit_before: time,
            idempotency_before: time,
            ..RetentionPolicy::keep_all(at(1_000))
        }
    }

    pub(crate) async fn only_what_is_old_is_removed(store: &Store) {
        let old = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        let mut end = ending(&old, AttemptOutcome::success(), at(2));
        let bytes = Bytes::from_static(b"x");
        end.output = vec![NewOutputChunk { stream: OutputStream::Stdout, offset: 0, at: at(2), bytes }];
        store.finish(end).await.unwrap();
        let young = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        finish(store, &young, AttemptOutcome::success(), at(100)).await;
        let running = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        let slice = retain(store, before(at(50))).await.unwrap();
        assert_eq!((slice.executions, slice.more), (1, false));
        assert_eq!(store.execution(old.execution_id).await.unwrap(), None);
        assert_eq!(store.output(old.execution_id, 0, 10).await.unwrap(), None);
        assert_eq!(job_now(store, old.job.id).await.last_execution, None);
        assert_eq!(job_now(store, young.job.id).await.last_execution, Some(young.execution_id));
        assert!(store.execution(running.execution_id).await.unwrap().is_some(), "it still runs");
        finish(store, &running, AttemptOutcome::success(), at(101)).await;
    }

    /// The clock was set back after the first attempt, so that the later ones are older by their dates.
    pub(crate) async fn a_job_takes_along_what_was_dated_ahead_of_its_later_attempts(store: &Store) {
        let job = create(store, job_with(at(1), |definition| definition.retry.max_retries = 2)).await;
        let failed = || AttemptOutcome::failed(Reason::ExitCode, "it failed");
        let first = claim(store, at(100), &job).await;
        finish(store, &first, failed(), at(100)).await;
        let second = claim(store, at(1), &job_now(store, job.id).await).await;
        finish(store, &second, failed(), at(2)).await;
        let third = claim(store, at(60), &job_now(store, job.id).await).await;
        retain(store, before(at(50))).await.unwrap();
        assert_eq!(store.execution(second.execution_id).await.unwrap(), None);
        finish(store, &third, AttemptOutcome::success(), at(61)).await;
        retain(store, before(at(70))).await.unwrap();
        assert!(store.execution(first.execution_id).await.unwrap().is_some(), "it is not old by its date");
        let jobs_too = RetentionPolicy { jobs_before: at(70), ..before(at(70)) };
        while retain(store, jobs_too.clone()).await.unwrap().more {}
        assert!(store.job(job.id).await.unwrap().is_none());
        assert_eq!(store.inconsistencies().await.unwrap(), Vec::<String>::new());
    }

    pub(crate) async fn retention_goes_on_until_nothing_is_old(store: &Store) {
        let new = (0..450).map(|_| new_job(at(1))).collect();
        let jobs = store.create_jobs(context(), noon(), new).await.unwrap().value;
        for job in &jobs {
            let claimed = claim(store, at(1), job).await;
            finish(store, &claimed, AttemptOutcome::success(), at(2)).await;
        }
        let (mut executions, mut records, mut slices) = (0, 0, 0);
        loop {
            let slice = retain(store, before(at(50))).await.unwrap();
            executions += slice.executions;
            records += slice.records;
            slices += 1;
            if !slice.more {
                break;
            }
        }
        assert_eq!((executions, records), (450, 450 * 3 + 450 - 1), "the newest event stays");
        assert!(slices >= 3, "{slices} slices");
        assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Completed], 450, "jobs stay");
    }

    pub(crate) async fn an_idempotency_key_is_forgotten_with_its_record(store: &Store) {
        let request = || store.create_jobs(with_key("k", "f"), noon(), vec![new_job(at(1))]);
        request().await.unwrap();
        assert!(request().await.unwrap().replayed);
        retain(store, before(at(50))).await.unwrap();
        assert!(!request().await.unwrap().replayed);
    }
}
