//! The step from one link to the next is part of what ends the job of the one, whatever ends it.

crate::conformance::on_both!(
    links_run_one_after_another,
    a_failure_ends_the_chain_and_runs_its_handlers,
    a_tolerated_failure_does_not,
    a_retry_is_the_links_own,
    what_ends_between_attempts_keeps_the_exit_code,
    a_held_link_lets_its_chain_wait,
    a_missed_link_is_a_failure,
    a_deleted_and_a_cancelled_job_are_failures_of_their_links,
    a_cancel_ends_the_job_that_waits_and_skips_the_rest,
    a_cancel_waits_for_the_job_that_runs,
    a_lost_attempt_goes_on_in_its_link,
    a_job_that_runs_again_does_not_step_again,
    a_chain_whose_links_are_all_skipped_is_over_at_once,
);

pub(crate) mod exercise {
    use crate::conformance::chain_fixture::*;
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    pub(crate) async fn links_run_one_after_another(store: &Store) {
        use LinkStatus::{Completed, Running, Scheduled, Waiting};
        let heard = HeardCommits::on(store);
        let execution = begin(store, vec![plain(), plain(), plain()]).await;
        assert_eq!(execution, now(store, &execution).await);
        assert_eq!(execution.status, ChainStatus::Scheduled);
        assert_eq!(statuses(&execution), [Scheduled, Waiting, Waiting]);
        assert_eq!(execution.links[1].job(), None);
        assert_eq!(store.job(execution.links[1].job_id).await.unwrap(), None);
        let first = active_job(store, &execution).await;
        let origin = Origin { kind: OriginKind::Chain, id: execution.id.to_string(), index: 0 };
        assert_eq!((first.id, first.origin.as_ref()), (execution.links[0].job_id, Some(&origin)));
        assert_eq!(first.state.scheduled_at, Some(noon()));
        let claimed = claim(store, at(1), &first).await;
        let running = now(store, &execution).await;
        assert_eq!((running.status, running.started_at), (ChainStatus::Running, Some(at(1))));
        assert_eq!(statuses(&running), [Running, Waiting, Waiting]);
        assert_eq!(running.links[0].execution_id, Some(claimed.execution_id));
        heard.changes();
        let outcome = AttemptOutcome::success().with_exit_code(Some(0));
        finish(store, &claimed, outcome, at(2)).await;
        let stepped = now(store, &execution).await;
        assert_eq!(statuses(&stepped), [Completed, Scheduled, Waiting]);
        assert_eq!((stepped.links[0].exit_code, stepped.links[0].ended_at), (Some(0), Some(at(2))));
        let second = active_job(store, &execution).await;
        let pending: Vec<_> = heard.changes();
        assert!(
            matches!(&pending[..], [Change::Pending(next)] if next.key == second.key && next.due_at == at(2)),
            "the commit that ends the one tells of the other: {pending:?}"
        );
        run(store, &execution, AttemptOutcome::success(), 3).await;
        run(store, &execution, AttemptOutcome::success(), 5).await;
        let over = now(store, &execution).await;
        assert_eq!((over.status, over.ended_at), (ChainStatus::Completed, Some(at(6))));
        assert_eq!(statuses(&over), [Completed, Completed, Completed]);
        let started = over.links.iter().map(|link| link.started_at).collect::<Vec<_>>();
        assert_eq!(started, [Some(at(1)), Some(at(3)), Some(at(5))]);
        assert_eq!(count(store, EventKind::JobCreated).await, 3);
        assert_eq!(count(store, EventKind::ChainExecutionStarted).await, 1);
        assert_eq!(event_kinds(store).await.last(), Some(&EventKind::ChainExecutionCompleted));
    }

    pub(crate) async fn a_failure_ends_the_chain_and_runs_its_handlers(store: &Store) {
        use LinkStatus::{Completed, Failed, Skipped};
        let handler = link(RunIf::Failure, true, |_definition| ());
        let always = link(RunIf::Always, true, |_definition| ());
        let execution = begin(store, vec![plain(), plain(), handler, plain(), always]).await;
        run(store, &execution, AttemptOutcome::success(), 1).await;
        run(store, &execution, failed(), 3).await;
        assert_eq!(active_job(store, &execution).await.id, execution.links[2].job_id);
        run(store, &execution, AttemptOutcome::success(), 5).await;
        assert_eq!(active_job(store, &execution).await.id, execution.links[4].job_id);
        run(store, &execution, AttemptOutcome::success(), 7).await;
        let over = now(store, &execution).await;
        assert_eq!(over.status, ChainStatus::Failed);
        assert_eq!(statuses(&over), [Completed, Failed, Completed, Skipped, Completed]);
        let reasons: Vec<_> = over.links.iter().map(|link| link.reason.as_deref()).collect();
        let success = Some("success");
        assert_eq!(reasons, [success, Some("exit_code"), success, Some("earlier_failure"), success]);
        assert_eq!(over.links[1].exit_code, Some(3));
        let events = events_after(store, 0, 100).await.unwrap().unwrap();
        let last = &events.last().unwrap().event;
        assert_eq!((last.kind, &last.data["failed_link"]), (EventKind::ChainExecutionFailed, &2.into()));
    }

    pub(crate) async fn a_tolerated_failure_does_not(store: &Store) {
        let tolerated = link(RunIf::Success, false, |_definition| ());
        let execution = begin(store, vec![tolerated, plain()]).await;
        run(store, &execution, failed(), 1).await;
        run(store, &execution, AttemptOutcome::success(), 3).await;
        let over = now(store, &execution).await;
        assert_eq!(over.status, ChainStatus::Completed);
        assert_eq!(statuses(&over), [LinkStatus::Failed, LinkStatus::Completed]);
    }

    pub(crate) async fn a_retry_is_the_links_own(store: &Store) {
        let patient = link(RunIf::Success, true, |definition| definition.retry.max_retries = 1);
        let execution = begin(store, vec![patient, plain()]).await;
        let job = run(store, &execution, failed(), 1).await;
        assert_eq!(job.state.status, JobStatus::Scheduled);
        let waiting = now(store, &execution).await;
        assert_eq!(statuses(&waiting), [LinkStatus::Scheduled, LinkStatus::Waiting]);
        assert_eq!(waiting.links[0].reason.as_deref(), Some("exit_code"));
        let second = claim(store, job.state.due_at().unwrap(), &job).await;
        finish(store, &second, AttemptOutcome::success(), at(99)).await;
        let stepped = now(store, &execution).await;
        assert_eq!(statuses(&stepped), [LinkStatus::Completed, LinkStatus::Scheduled]);
        assert_eq!(stepped.links[0].execution_id, Some(second.execution_id));
        assert_eq!(stepped.links[0].started_at, Some(at(1)), "that of its first attempt");
    }

    pub(crate) async fn what_ends_between_attempts_keeps_the_exit_code(store: &Store) {
        let patient = || link(RunIf::Success, true, |definition| definition.retry.max_retries = 1);
        let execution = begin(store, vec![patient(), plain()]).await;
        let job = run(store, &execution, failed(), 1).await;
        store.cancel_chain_execution(context(), at(2), execution.id).await.unwrap();
        let over = now(store, &execution).await;
        let first = &over.links[0];
        assert_eq!((first.status, first.reason.as_deref()), (LinkStatus::Cancelled, Some("cancelled")));
        assert_eq!((first.exit_code, first.execution_id.is_some()), (Some(3), true));
        assert_eq!(job.state.status, JobStatus::Scheduled);
    }

    pub(crate) async fn a_held_link_lets_its_chain_wait(store: &Store) {
        let execution = begin(store, vec![plain(), plain()]).await;
        let job = active_job(store, &execution).await;
        let hold = Hold { reason: HoldReason::Manual, by: "local".to_owned(), at: at(1), until: None };
        let held = move |job: &Job| Ok(change(job.state.hold(hold)?, "job.hold", EventKind::JobHeld));
        let held = store.change_job(context(), at(1), job.id, Box::new(held)).await.unwrap().value;
        assert!(matches!(try_claim(store, at(2), &held).await, ClaimResult::Gone(_)));
        assert_eq!(statuses(&now(store, &execution).await), [LinkStatus::Scheduled, LinkStatus::Waiting]);
        let release = |job: &Job| {
            Ok(change(job.state.release(HoldReason::Manual)?, "job.release", EventKind::JobReleased))
        };
        store.change_job(context(), at(3), job.id, Box::new(release)).await.unwrap();
        run(store, &execution, AttemptOutcome::success(), 4).await;
        assert_eq!(statuses(&now(store, &execution).await), [LinkStatus::Completed, LinkStatus::Scheduled]);
        // A chain whose job is held can be cancelled.
        let execution = begin(store, vec![plain()]).await;
        let job = active_job(store, &execution).await;
        let hold = Hold { reason: HoldReason::Manual, by: "local".to_owned(), at: at(1), until: None };
        let held = move |job: &Job| Ok(change(job.state.hold(hold)?, "job.hold", EventKind::JobHeld));
        store.change_job(context(), at(1), job.id, Box::new(held)).await.unwrap();
        let over = store.cancel_chain_execution(context(), at(2), execution.id).await.unwrap().value;
        assert_eq!(over.status, ChainStatus::Cancelled);
    }

    pub(crate) async fn a_missed_link_is_a_failure(store: &Store) {
        let strict = link(RunIf::Success, true, |definition| {
            definition.max_lateness_seconds = Some(5);
            definition.on_late = OnLate::Skip;
        });
        let execution = begin(store, vec![strict, plain()]).await;
        let job = active_job(store, &execution).await;
        assert!(matches!(try_claim(store, at(60), &job).await, ClaimResult::Missed(_)));
        let over = now(store, &execution).await;
        assert_eq!(over.status, ChainStatus::Failed);
        assert_eq!(statuses(&over), [LinkStatus::Failed, LinkStatus::Skipped]);
        assert_eq!(over.links[0].reason.as_deref(), Some("missed"));
    }

    pub(crate) async fn a_deleted_and_a_cancelled_job_are_failures_of_their_links(store: &Store) {
        for (decide, reason) in [(cancel as fn() -> Decide, "cancelled"), (delete, "deleted")] {
            let execution = begin(store, vec![plain(), plain()]).await;
            let job = active_job(store, &execution).await;
            store.change_job(context(), at(1), job.id, decide()).await.unwrap();
            let over = now(store, &execution).await;
            assert_eq!(over.status, ChainStatus::Failed, "{reason}");
            assert_eq!(statuses(&over), [LinkStatus::Cancelled, LinkStatus::Skipped]);
            assert_eq!(over.links[0].reason.as_deref(), Some(reason));
        }
    }

    pub(crate) async fn a_cancel_ends_the_job_that_waits_and_skips_the_rest(store: &Store) {
        let always = link(RunIf::Always, true, |_definition| ());
        let chain = chain_of(store, vec![plain(), always]).await;
        let execution = try_execute(store, context(), chain.id, at(3600)).await.unwrap().value;
        let stale = Context { if_match: Some(7), ..context() };
        assert!(store.cancel_chain_execution(stale, at(1), execution.id).await.is_err());
        let cancelled = store.cancel_chain_execution(context(), at(1), execution.id).await.unwrap().value;
        assert_eq!(cancelled, now(store, &execution).await);
        assert_eq!((cancelled.status, cancelled.ended_at), (ChainStatus::Cancelled, Some(at(1))));
        assert_eq!(statuses(&cancelled), [LinkStatus::Cancelled, LinkStatus::Skipped]);
        assert_eq!(cancelled.links[1].reason.as_deref(), Some("chain_cancelled"));
        let job = job_now(store, execution.links[0].job_id).await;
        assert_eq!(job.state.status, JobStatus::Cancelled);
        assert_eq!(store.next_due().await.unwrap(), None, "nothing waits for it");
        let error = store.cancel_chain_execution(context(), at(2), execution.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::Over { .. })), "{error}");
        assert_eq!(count(store, EventKind::ChainExecutionCancelled).await, 1);
    }

    pub(crate) async fn a_cancel_waits_for_the_job_that_runs(store: &Store) {
        let always = link(RunIf::Always, true, |_definition| ());
        let execution = begin(store, vec![plain(), always]).await;
        let claimed = start(store, &execution, 1).await;
        let heard = HeardCommits::on(store);
        for _ in 0..2 {
            let asked = store.cancel_chain_execution(context(), at(2), execution.id).await.unwrap().value;
            assert_eq!((asked.status, asked.cancel_requested), (ChainStatus::Running, true));
            assert_eq!(statuses(&asked), [LinkStatus::Running, LinkStatus::Skipped]);
        }
        let changes = heard.changes();
        let told = changes.iter().filter(|change| matches!(change, Change::Cancelled(_))).count();
        assert_eq!(told, 1, "the runner is told: {changes:?}");
        finish(store, &claimed, AttemptOutcome::cancelled(), at(3)).await;
        let over = now(store, &execution).await;
        assert_eq!((over.status, over.ended_at), (ChainStatus::Cancelled, Some(at(3))));
        assert_eq!(statuses(&over), [LinkStatus::Cancelled, LinkStatus::Skipped]);
    }

    pub(crate) async fn a_lost_attempt_goes_on_in_its_link(store: &Store) {
        let execution = begin(store, vec![plain(), plain()]).await;
        let claimed = start(store, &execution, 1).await;
        let shutdown = AttemptOutcome::failed(Reason::Lost, "lost");
        finish(store, &claimed, shutdown, at(2)).await;
        let again = now(store, &execution).await;
        assert_eq!(statuses(&again), [LinkStatus::Scheduled, LinkStatus::Waiting]);
        run(store, &execution, AttemptOutcome::success(), 3).await;
        let stepped = now(store, &execution).await;
        assert_eq!(statuses(&stepped), [LinkStatus::Completed, LinkStatus::Scheduled]);
        let strict = link(RunIf::Success, true, |definition| definition.on_crash = OnCrash::Fail);
        let execution = begin(store, vec![strict, plain()]).await;
        let claimed = start(store, &execution, 1).await;
        finish(store, &claimed, AttemptOutcome::failed(Reason::Lost, "lost"), at(2)).await;
        assert_eq!(now(store, &execution).await.status, ChainStatus::Failed);
    }

    pub(crate) async fn a_job_that_runs_again_does_not_step_again(store: &Store) {
        let execution = begin(store, vec![plain(), plain()]).await;
        let first = run(store, &execution, AttemptOutcome::success(), 1).await;
        let before = now(store, &execution).await;
        let execute = |job: &Job| Ok(change(job.state.execute(at(5))?, "job.execute", EventKind::JobUpdated));
        let again = store.change_job(context(), at(5), first.id, Box::new(execute)).await.unwrap().value;
        let second = claim(store, at(5), &again).await;
        finish(store, &second, failed(), at(6)).await;
        store.change_job(context(), at(7), first.id, delete()).await.unwrap();
        assert_eq!(now(store, &execution).await, before);
        run(store, &execution, AttemptOutcome::success(), 8).await;
        assert_eq!(now(store, &execution).await.status, ChainStatus::Completed);
    }

    pub(crate) async fn a_chain_whose_links_are_all_skipped_is_over_at_once(store: &Store) {
        let execution = begin(store, vec![link(RunIf::Failure, true, |_definition| ())]).await;
        assert_eq!(execution.status, ChainStatus::Completed);
        assert_eq!(statuses(&execution), [LinkStatus::Skipped]);
        assert_eq!(execution, now(store, &execution).await);
        assert_eq!(count(store, EventKind::JobCreated).await, 0);
    }
}
