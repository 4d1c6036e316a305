//! Recovery: attempts of an earlier epoch are closed as lost, once, and their jobs follow `on_crash`.

use crate::fixture::*;
use oneoff_domain::*;
use oneoff_storage::*;

#[tokio::test]
async fn lost_attempts_are_closed_and_their_jobs_follow_on_crash() {
    let before = TestStore::new();
    let keyed = job_with(at(1), |definition| definition.concurrency_key = Some("k".to_owned()));
    let retried = claim(&before.store, at(1), &create(&before.store, keyed).await).await;
    let failing = job_with(at(1), |definition| definition.on_crash = OnCrash::Fail);
    let failed = claim(&before.store, at(1), &create(&before.store, failing).await).await;
    let cancelled = claim(&before.store, at(1), &create(&before.store, new_job(at(1))).await).await;
    before.store.change_job(context(), at(2), cancelled.job.id, cancel()).await.unwrap();
    assert_eq!(before.store.lost_executions().await.unwrap(), [], "its own attempts are not lost");

    let after = before.reopen();
    let heard = HeardCommits::on(&after.store);
    let lost = after.store.lost_executions().await.unwrap();
    assert_eq!(lost, [retried.execution_id, failed.execution_id, cancelled.execution_id]);
    let closed = after.store.close_lost(at(10), lost.clone()).await.unwrap();
    let statuses: Vec<JobStatus> = closed.iter().map(|lost| lost.job.state.status).collect();
    assert_eq!(statuses, [JobStatus::Scheduled, JobStatus::Failed, JobStatus::Cancelled]);
    assert_eq!((closed[0].job.state.attempt, closed[0].job.state.due_at()), (1, Some(at(10))));
    let changes = heard.changes();
    assert_eq!(changes[0], Change::KeyFree("k".to_owned()));
    assert!(matches!(&changes[1], Change::Pending(pending) if pending.due_at == at(10)), "{changes:?}");
    let execution = after.store.execution(retried.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.reason), (ExecutionStatus::Failed, Some(Reason::Lost)));
    assert_eq!(execution.completed_at, Some(at(10)));
    let kinds = event_kinds(&after.store).await;
    let last = [EventKind::JobRetrying, EventKind::JobFailed, EventKind::JobCancelled];
    assert_eq!(kinds[kinds.len() - 3..], last);

    assert_eq!(after.store.lost_executions().await.unwrap(), []);
    assert_eq!(after.store.close_lost(at(11), lost).await.unwrap(), [], "once");
    let stale = ending(&retried, AttemptOutcome::success(), at(12));
    assert_eq!(after.store.finish(stale).await.unwrap(), FinishResult::Fenced);
    let second = claim(&after.store, at(12), &closed[0].job).await;
    assert_eq!((second.fence.attempt, second.fence.epoch), (1, 2));
}

#[tokio::test]
async fn attempts_of_this_epoch_are_never_closed_as_lost() {
    let sqlite = TestStore::new();
    let claimed = claim(&sqlite.store, at(1), &create(&sqlite.store, new_job(at(1))).await).await;
    assert_eq!(sqlite.store.close_lost(at(2), vec![claimed.execution_id]).await.unwrap(), []);
    finish(&sqlite.store, &claimed, AttemptOutcome::success(), at(2)).await;
}
