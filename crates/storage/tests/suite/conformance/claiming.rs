//! Claiming: one claim wins, lateness policies, concurrency keys, what the runner gets.

crate::conformance::on_both!(
    a_claimed_job_runs_and_its_execution_is_there,
    of_many_claims_one_wins,
    a_claim_for_another_time_is_gone,
    a_job_that_is_too_late_is_missed,
    one_job_of_a_key_runs_at_a_time,
    a_batch_is_claimed_in_its_order,
    cancel_and_claim_never_both_win,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    pub(crate) async fn a_claimed_job_runs_and_its_execution_is_there(store: &Store) {
        let heard = HeardCommits::on(store);
        let job = create(store, new_job(at(1))).await;
        heard.changes();
        let now = at(3);
        let claimed = claim(store, now, &job).await;
        let fence = Fence { job: job.key, run: 1, attempt: 0, epoch: store.epoch() };
        assert_eq!((claimed.fence, claimed.scheduled_for), (fence, at(1)));
        assert_eq!(claimed.job, job_now(store, job.id).await);
        assert_eq!(claimed.job.state.status, JobStatus::Running);
        assert_eq!(claimed.job.last_execution, Some(claimed.execution_id));
        assert_eq!(heard.changes(), [Change::NotPending(job.key)]);
        assert_eq!(store.next_due().await.unwrap(), None);
        let execution = store.execution(claimed.execution_id).await.unwrap().unwrap();
        assert_eq!((execution.job_id, execution.job_name.as_str()), (job.id, "Grüße 🌍"));
        assert_eq!(execution.status, ExecutionStatus::Running);
        assert_eq!((execution.scheduled_for, execution.started_at), (at(1), now));
        assert_eq!((execution.lateness_us, execution.revision), (2_000_000, 1));
        assert_eq!((execution.run, execution.attempt, execution.worker.as_str()), (1, 0, "local"));
        assert_eq!((execution.reason, execution.completed_at, execution.duration_us), (None, None, None));
    }

    pub(crate) async fn of_many_claims_one_wins(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let (store, job) = (store.clone(), job.clone());
                tokio::spawn(async move { try_claim(&store, at(1), &job).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                ClaimResult::Claimed(_) => won += 1,
                other => assert_eq!(other, ClaimResult::Gone(job.key)),
            }
        }
        assert_eq!(won, 1);
        let all = store
            .executions(ExecutionFilter::default(), page(ExecutionSort::StartedAt, SortOrder::Ascending, 10))
            .await
            .unwrap();
        assert_eq!(all.items.len(), 1);
    }

    pub(crate) async fn a_claim_for_another_time_is_gone(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let request = |job, due_at| ClaimRequest { job, due_at, execution_id: execution_id() };
        let requests = vec![request(job.key, at(2)), request(JobKey(999), at(1))];
        let results = store.claim(|| at(5), requests).await.unwrap();
        assert_eq!(results, [ClaimResult::Gone(job.key), ClaimResult::Gone(JobKey(999))]);
        assert_eq!(job_now(store, job.id).await, job);
    }

    pub(crate) async fn a_job_that_is_too_late_is_missed(store: &Store) {
        let heard = HeardCommits::on(store);
        let policy = |on_late| {
            job_with(at(0), move |definition| {
                definition.max_lateness_seconds = Some(5);
                definition.on_late = on_late;
            })
        };
        let (skip, run) =
            (create(store, policy(OnLate::Skip)).await, create(store, policy(OnLate::Run)).await);
        heard.changes();
        assert_eq!(try_claim(store, at(6), &skip).await, ClaimResult::Missed(skip.key));
        assert_eq!(heard.changes(), [Change::NotPending(skip.key)]);
        assert_eq!(job_now(store, skip.id).await.state.status, JobStatus::Missed);
        assert_eq!(event_kinds(store).await.last(), Some(&EventKind::JobMissed));
        assert!(matches!(try_claim(store, at(6), &run).await, ClaimResult::Claimed(_)));
    }

    pub(crate) async fn one_job_of_a_key_runs_at_a_time(store: &Store) {
        let heard = HeardCommits::on(store);
        let keyed = || job_with(at(1), |definition| definition.concurrency_key = Some("db".to_owned()));
        let (first, second) = (create(store, keyed()).await, create(store, keyed()).await);
        let claimed = claim(store, at(1), &first).await;
        assert_eq!(try_claim(store, at(1), &second).await, ClaimResult::KeyBusy(second.key));
        assert_eq!(job_now(store, second.id).await, second, "it still waits");
        heard.changes();
        finish(store, &claimed, AttemptOutcome::success(), at(2)).await;
        assert_eq!(heard.changes(), [Change::KeyFree("db".to_owned())]);
        assert!(matches!(try_claim(store, at(2), &second).await, ClaimResult::Claimed(_)));
    }

    pub(crate) async fn a_batch_is_claimed_in_its_order(store: &Store) {
        let new = (0..300).map(|second| new_job(at(second))).collect();
        let jobs = store.create_jobs(context(), noon(), new).await.unwrap().value;
        let requests = jobs.iter().rev().map(|job| ClaimRequest {
            job: job.key,
            due_at: job.state.due_at().unwrap(),
            execution_id: execution_id(),
        });
        let results = store.claim(|| at(400), requests.collect()).await.unwrap();
        let claimed: Vec<JobKey> = results
            .into_iter()
            .map(|result| match result {
                ClaimResult::Claimed(claimed) => claimed.job.key,
                other => panic!("{other:?}"),
            })
            .collect();
        let expected: Vec<JobKey> = jobs.iter().rev().map(|job| job.key).collect();
        assert_eq!(claimed, expected);
        assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Running], 300);
    }

    pub(crate) async fn cancel_and_claim_never_both_win(store: &Store) {
        for round in 0..20 {
            let job = create(store, new_job(at(round))).await;
            let other = store.clone();
            let id = job.id;
            let cancelling =
                tokio::spawn(async move { other.change_job(context(), at(50), id, cancel()).await });
            let claimed = try_claim(store, at(50), &job).await;
            cancelling.await.unwrap().unwrap();
            let state = job_now(store, job.id).await.state;
            match claimed {
                ClaimResult::Claimed(_) => {
                    assert_eq!((state.status, state.cancel_requested), (JobStatus::Running, true));
                }
                other => {
                    assert_eq!(other, ClaimResult::Gone(job.key));
                    assert_eq!(state.status, JobStatus::Cancelled);
                }
            }
        }
    }
}
