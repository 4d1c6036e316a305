//! Finishing: the outcome is recorded once, by its own attempt only; retries wait; events tell of it.

crate::conformance::on_both!(
    an_outcome_is_recorded_with_all_it_says,
    a_failure_waits_for_its_retry,
    the_last_failure_is_final,
    a_wrong_fence_records_nothing,
    an_attempt_ends_once,
    a_cancelled_attempt_ends_as_cancelled,
    a_finished_job_runs_again_as_a_new_run,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use bytes::Bytes;
    use oneoff_domain::*;
    use oneoff_storage::*;
    use serde_json::json;

    pub(crate) async fn an_outcome_is_recorded_with_all_it_says(store: &Store) {
        let heard = HeardCommits::on(store);
        let job = create(store, new_job(at(1))).await;
        let claimed = claim(store, at(1), &job).await;
        heard.changes();
        let mut end = ending(&claimed, AttemptOutcome::failed(Reason::ExitCode, "exit 3 – nö"), at(9));
        end.outcome = end.outcome.with_exit_code(Some(3)).with_result(json!({ "signal": null }));
        let chunk =
            NewOutputChunk { stream: OutputStream::Stderr, offset: 0, at: at(8), bytes: Bytes::from("out") };
        end.output = vec![chunk];
        (end.output_bytes, end.output_truncated) = (500, true);
        let FinishResult::Recorded(finished) = store.finish(end).await.unwrap() else { panic!("fenced") };
        assert_eq!(finished.state.status, JobStatus::Failed);
        assert_eq!(*finished, job_now(store, job.id).await);
        let execution = store.execution(claimed.execution_id).await.unwrap().unwrap();
        assert_eq!((execution.status, execution.reason), (ExecutionStatus::Failed, Some(Reason::ExitCode)));
        assert_eq!((execution.exit_code, execution.error.as_deref()), (Some(3), Some("exit 3 – nö")));
        assert_eq!((execution.completed_at, execution.duration_us), (Some(at(9)), Some(1_500)));
        assert_eq!((execution.output_bytes, execution.output_truncated), (500, true));
        assert_eq!(execution.result, Some(json!({ "signal": null })));
        let output = store.output(claimed.execution_id, 0, 100).await.unwrap().unwrap();
        assert_eq!(output.slices[0].bytes, "out");
        assert!(output.complete);
        let events = events_after(store, 0, 10).await.unwrap().unwrap();
        let last = &events.last().unwrap().event;
        assert_eq!((last.kind, last.execution_id), (EventKind::JobFailed, Some(claimed.execution_id)));
        assert_eq!(last.data["reason"], "exit_code");
        assert_eq!((&last.data["exit_code"], &last.data["attempt"]), (&json!(3), &json!(0)));
        assert_eq!(last.data["next_attempt_at"], json!(null));
        assert_eq!(heard.changes(), [], "nothing waits for it");
    }

    pub(crate) async fn a_failure_waits_for_its_retry(store: &Store) {
        let heard = HeardCommits::on(store);
        let retrying = job_with(at(1), |definition| {
            definition.retry.max_retries = 2;
            definition.concurrency_key = Some("k".to_owned());
        });
        let job = create(store, retrying).await;
        let claimed = claim(store, at(1), &job).await;
        heard.changes();
        let failure = AttemptOutcome::failed(Reason::Transport, "no route");
        let waiting = finish(store, &claimed, failure, at(2)).await;
        assert_eq!((waiting.state.status, waiting.state.attempt), (JobStatus::Scheduled, 1));
        assert_eq!(waiting.state.next_attempt_at, Some(at(12)));
        assert_eq!(waiting.state.scheduled_at, Some(at(1)), "its own time is kept");
        let changes = heard.changes();
        assert_eq!(changes[0], Change::KeyFree("k".to_owned()));
        let Change::Pending(pending) = &changes[1] else { panic!("{changes:?}") };
        assert_eq!((pending.key, pending.due_at), (job.key, at(12)));
        assert_eq!(store.next_due().await.unwrap(), Some(at(12)));
        assert_eq!(event_kinds(store).await.last(), Some(&EventKind::JobRetrying));
        let second = claim(store, at(12), &waiting).await;
        assert_eq!((second.fence.run, second.fence.attempt), (1, 1));
        assert_eq!(second.job.state.next_attempt_at, None);
    }

    pub(crate) async fn the_last_failure_is_final(store: &Store) {
        let job = create(store, job_with(at(1), |definition| definition.retry.max_retries = 1)).await;
        let mut now = job;
        for attempt in 0..2 {
            let claimed = claim(store, now.state.due_at().unwrap(), &now).await;
            assert_eq!(claimed.fence.attempt, attempt);
            now = finish(store, &claimed, AttemptOutcome::failed(Reason::ExitCode, "x"), at(100)).await;
        }
        assert_eq!(now.state.status, JobStatus::Failed);
        assert_eq!(store.next_due().await.unwrap(), None);
    }

    pub(crate) async fn a_wrong_fence_records_nothing(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let claimed = claim(store, at(1), &job).await;
        let right = claimed.fence;
        let wrong = [
            Fence { run: 2, ..right },
            Fence { attempt: 1, ..right },
            Fence { epoch: right.epoch - 1, ..right },
            Fence { job: JobKey(right.job.0 + 1), ..right },
        ];
        for fence in wrong {
            let end = Finish { fence, ..ending(&claimed, AttemptOutcome::success(), at(2)) };
            assert_eq!(store.finish(end).await.unwrap(), FinishResult::Fenced, "{fence:?}");
        }
        let other =
            Finish { execution_id: execution_id(), ..ending(&claimed, AttemptOutcome::success(), at(2)) };
        assert_eq!(store.finish(other).await.unwrap(), FinishResult::Fenced);
        assert_eq!(job_now(store, job.id).await, claimed.job);
        assert_eq!(event_kinds(store).await.len(), 2);
        finish(store, &claimed, AttemptOutcome::success(), at(2)).await;
    }

    pub(crate) async fn an_attempt_ends_once(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let claimed = claim(store, at(1), &job).await;
        let finished = finish(store, &claimed, AttemptOutcome::success(), at(2)).await;
        let again = ending(&claimed, AttemptOutcome::failed(Reason::ExitCode, "x"), at(3));
        assert_eq!(store.finish(again).await.unwrap(), FinishResult::Fenced);
        assert_eq!(job_now(store, job.id).await, finished);
    }

    pub(crate) async fn a_cancelled_attempt_ends_as_cancelled(store: &Store) {
        let job = create(store, job_with(at(1), |definition| definition.retry.max_retries = 5)).await;
        let claimed = claim(store, at(1), &job).await;
        let asked = store.change_job(context(), at(2), job.id, cancel()).await.unwrap().value;
        assert_eq!((asked.state.status, asked.state.cancel_requested), (JobStatus::Running, true));
        let ended = finish(store, &claimed, AttemptOutcome::cancelled(), at(3)).await;
        assert_eq!((ended.state.status, ended.state.cancel_requested), (JobStatus::Cancelled, false));
    }

    pub(crate) async fn a_finished_job_runs_again_as_a_new_run(store: &Store) {
        let job = create(store, new_job(at(1))).await;
        let first = claim(store, at(1), &job).await;
        finish(store, &first, AttemptOutcome::success(), at(2)).await;
        let execute = |job: &Job| Ok(change(job.state.execute(at(5))?, "job.execute", EventKind::JobUpdated));
        let again = store.change_job(context(), at(5), job.id, Box::new(execute)).await.unwrap().value;
        let second = claim(store, at(5), &again).await;
        assert_eq!((second.fence.run, second.fence.attempt), (2, 0));
        let stale = ending(&first, AttemptOutcome::failed(Reason::ExitCode, "late"), at(6));
        assert_eq!(store.finish(stale).await.unwrap(), FinishResult::Fenced);
        finish(store, &second, AttemptOutcome::success(), at(6)).await;
    }
}
