//! Retention of jobs and of output: all that belongs to a job goes with it, in slices, and the numbers stay right.

crate::conformance::on_both!(
    jobs_that_ended_long_ago_go_with_everything,
    an_event_names_the_jobs_that_were_removed,
    a_job_with_much_output_goes_in_slices,
    output_of_a_deleted_job_goes_after_it,
    the_oldest_output_goes_beyond_the_total,
    a_cut_of_running_output_stays_marked,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use bytes::Bytes;
    use oneoff_domain::*;
    use oneoff_storage::*;

    const MIB: usize = 1024 * 1024;

    fn jobs_before(time: Timestamp) -> RetentionPolicy {
        RetentionPolicy { jobs_before: time, ..RetentionPolicy::keep_all(at(1_000)) }
    }

    fn output_up_to(bytes: u64) -> RetentionPolicy {
        RetentionPolicy { output_max_bytes: Some(bytes), ..RetentionPolicy::keep_all(at(1_000)) }
    }

    /// Applies a policy until there is nothing more to do: what it did, and in how many slices.
    async fn retain(store: &Store, policy: RetentionPolicy) -> (RetentionSlice, usize) {
        let mut sum = RetentionSlice::default();
        for slices in 1..1_000 {
            sum += crate::fixture::retain(store, policy.clone()).await.unwrap();
            if !sum.more {
                return (sum, slices);
            }
        }
        panic!("it does not come to an end: {sum:?}");
    }

    fn chunk(offset: usize, length: usize) -> NewOutputChunk {
        let offset = i64::try_from(offset).unwrap();
        NewOutputChunk {
            stream: OutputStream::Stdout,
            offset,
            at: at(1),
            bytes: Bytes::from(vec![b'x'; length]),
        }
    }

    /// A job that ran and wrote so many pieces of so many bytes.
    async fn ran(store: &Store, ended: Timestamp, pieces: usize, length: usize) -> ClaimedJob {
        let claimed = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        let mut end = ending(&claimed, AttemptOutcome::success(), ended);
        end.output = (0..pieces).map(|piece| chunk(piece * length, length)).collect();
        end.output_bytes = i64::try_from(pieces * length).unwrap();
        store.finish(end).await.unwrap();
        claimed
    }

    async fn kept_bytes(store: &Store, execution: ExecutionId) -> usize {
        let page = store.output(execution, 0, usize::MAX).await.unwrap().unwrap();
        page.slices.iter().map(|slice| slice.bytes.len()).sum()
    }

    async fn total_bytes(store: &Store) -> usize {
        usize::try_from(store.space().await.unwrap().output_bytes).unwrap()
    }

    pub(crate) async fn jobs_that_ended_long_ago_go_with_everything(store: &Store) {
        let old = ran(store, at(2), 2, 100).await;
        let edited = job_with(at(1), |definition| definition.external_id = Some("taken".to_owned()));
        let cancelled = create(store, edited).await;
        store.change_job(context(), at(3), cancelled.id, cancel()).await.unwrap();
        let late = job_with(at(1), |definition| {
            definition.max_lateness_seconds = Some(1);
            definition.on_late = OnLate::Skip;
        });
        let missed = create(store, late).await;
        assert!(matches!(try_claim(store, at(9), &missed).await, ClaimResult::Missed(_)));
        let young = ran(store, at(100), 1, 100).await;
        let waiting = create(store, new_job(at(1))).await;
        let held = create(store, held_job(None, None)).await;
        let running = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        let (sum, _) = retain(store, jobs_before(at(50))).await;
        assert_eq!((sum.jobs, sum.executions, sum.output_bytes), (3, 1, 200));
        for gone in [old.job.id, cancelled.id, missed.id] {
            assert_eq!(store.job(gone).await.unwrap(), None);
        }
        assert_eq!(store.execution(old.execution_id).await.unwrap(), None);
        for kept in [young.job.id, waiting.id, held.id, running.job.id] {
            job_now(store, kept).await;
        }
        assert_eq!(total_bytes(store).await, 100);
        let counts = store.counters().await.unwrap().jobs;
        let count = |status| counts[&status];
        assert_eq!((count(JobStatus::Completed), count(JobStatus::Cancelled)), (1, 0));
        assert_eq!((count(JobStatus::Missed), count(JobStatus::Scheduled)), (0, 1));
        assert_eq!((count(JobStatus::Held), count(JobStatus::Running)), (1, 1));
        create(store, job_with(at(1), |definition| definition.external_id = Some("taken".to_owned()))).await;
    }

    pub(crate) async fn an_event_names_the_jobs_that_were_removed(store: &Store) {
        let mut ids = Vec::new();
        for _ in 0..120 {
            ids.push(ran(store, at(2), 0, 0).await.job.id.to_string());
        }
        let before = last_event_sequence(store).await.unwrap();
        let (sum, slices) = retain(store, jobs_before(at(50))).await;
        assert_eq!(sum.jobs, 120);
        let events = events_after(store, before, 1_000).await.unwrap().unwrap();
        assert!(events.len() <= slices && events.len() < 20, "no flood: {} events", events.len());
        let mut named = Vec::new();
        for Event { event, .. } in events {
            assert_eq!((event.kind, event.job_id), (EventKind::JobsRemoved, None));
            assert_eq!(event.data["reason"], "retention");
            named.extend(
                event.data["job_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()),
            );
        }
        assert_eq!(named, ids, "each once, in the order of their ends");
        let (again, _) = retain(store, jobs_before(at(50))).await;
        assert_eq!(again, RetentionSlice::default());
        assert_eq!(last_event_sequence(store).await.unwrap(), before + i64::try_from(slices - 1).unwrap());
    }

    pub(crate) async fn a_job_with_much_output_goes_in_slices(store: &Store) {
        let job = ran(store, at(2), 100, MIB / 10).await;
        let first = crate::fixture::retain(store, jobs_before(at(50))).await.unwrap();
        assert!(first.more && first.jobs == 0, "{first:?}");
        assert!(first.output_bytes > 0 && first.output_bytes < 3 * MIB as u64, "{first:?}");
        job_now(store, job.job.id).await;
        let cut = store.execution(job.execution_id).await.unwrap().unwrap();
        assert!(cut.output_truncated, "what is left of it says that it is not all");
        let (rest, slices) = retain(store, jobs_before(at(50))).await;
        assert_eq!((rest.jobs, rest.executions), (1, 1));
        assert!(slices >= 3, "{slices}");
        assert_eq!(store.job(job.job.id).await.unwrap(), None);
        assert_eq!(total_bytes(store).await, 0);
    }

    pub(crate) async fn output_of_a_deleted_job_goes_after_it(store: &Store) {
        let job = ran(store, at(2), 100, MIB / 10).await;
        store.change_job(context(), at(3), job.job.id, delete()).await.unwrap();
        assert_eq!(store.job(job.job.id).await.unwrap(), None);
        assert_eq!(store.execution(job.execution_id).await.unwrap(), None);
        assert_eq!(store.output(job.execution_id, 0, 10).await.unwrap(), None);
        assert_eq!(total_bytes(store).await, 100 * (MIB / 10), "not in the same commit");
        let other = ran(store, at(2), 1, 10).await;
        let (sum, slices) = retain(store, RetentionPolicy::keep_all(at(9))).await;
        assert!(slices >= 3 && sum.output_bytes == 100 * (MIB / 10) as u64, "{slices} {sum:?}");
        assert_eq!(total_bytes(store).await, 10);
        assert_eq!(kept_bytes(store, other.execution_id).await, 10);
    }

    pub(crate) async fn the_oldest_output_goes_beyond_the_total(store: &Store) {
        let first = ran(store, at(2), 3, 1_000).await;
        let second = ran(store, at(3), 3, 1_000).await;
        let (sum, _) = retain(store, output_up_to(6_000)).await;
        assert_eq!(sum, RetentionSlice::default());
        let (sum, _) = retain(store, output_up_to(2_500)).await;
        assert_eq!(sum.output_bytes, 4_000);
        assert_eq!(total_bytes(store).await, 2_000);
        let page = store.output(first.execution_id, 0, 10).await.unwrap().unwrap();
        assert!(page.slices.is_empty() && page.complete, "{page:?}");
        assert_eq!((page.total_bytes, page.next_offset), (3_000, 3_000));
        let page = store.output(second.execution_id, 0, 9_999).await.unwrap().unwrap();
        let offsets: Vec<i64> = page.slices.iter().map(|slice| slice.offset).collect();
        assert_eq!((offsets, page.complete), (vec![1_000, 2_000], true));
        for execution in [first.execution_id, second.execution_id] {
            let execution = store.execution(execution).await.unwrap().unwrap();
            assert_eq!((execution.output_truncated, execution.output_bytes), (true, 3_000));
        }
    }

    pub(crate) async fn a_cut_of_running_output_stays_marked(store: &Store) {
        let claimed = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        store.append_output(claimed.execution_id, vec![chunk(0, 1_000)], 1_000).await.unwrap();
        store.append_output(claimed.execution_id, vec![chunk(0, 1_000)], 1_000).await.unwrap();
        assert_eq!(total_bytes(store).await, 1_000, "what was stored already is not counted again");
        retain(store, output_up_to(1)).await;
        let mut end = ending(&claimed, AttemptOutcome::success(), at(2));
        end.output_bytes = 1_000;
        store.finish(end).await.unwrap();
        assert!(store.execution(claimed.execution_id).await.unwrap().unwrap().output_truncated);
        assert_eq!(total_bytes(store).await, 0);
    }
}
