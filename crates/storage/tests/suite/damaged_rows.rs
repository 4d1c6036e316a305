//! Rows that were altered from outside: the job they belong to is named, and nobody else is kept from working.

use crate::fixture::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::{AttemptOutcome, ExecutionStatus, JobStatus, OnCrash};
use oneoff_storage::*;

fn alter(sqlite: &TestStore, sql: &str) {
    let path = sqlite.store.path().to_str().unwrap().to_owned();
    SqliteConnection::establish(&path).unwrap().batch_execute(sql).unwrap();
}

/// Every column of a definition that can be unreadable.
const BROKEN: [&str; 6] = [
    "config = '{broken'",
    "tags = '7'",
    "on_crash = 'sometimes'",
    "max_retries = -1",
    "retry_exit_codes = '['",
    "metadata = ''",
];

fn break_definition(sqlite: &TestStore, job: &oneoff_domain::Job, assignment: &str) {
    alter(sqlite, &format!("UPDATE job_definitions SET {assignment} WHERE job_key = {}", job.key.0));
}

#[tokio::test]
async fn the_other_due_jobs_start_beside_one_that_cannot_be_read() {
    for assignment in BROKEN {
        let sqlite = TestStore::new();
        let mut jobs = Vec::new();
        for _ in 0..6 {
            jobs.push(create(&sqlite.store, new_job(at(2))).await);
        }
        break_definition(&sqlite, &jobs[0], assignment);
        let window = sqlite.store.pending_window(None, at(10), 100).await.unwrap();
        assert_eq!(window.len(), 6);
        let requests = window
            .iter()
            .map(|job| ClaimRequest { job: job.key, due_at: job.due_at, execution_id: execution_id() })
            .collect();
        let results = sqlite.store.claim(|| at(10), requests).await.unwrap();
        assert_eq!(results[0], ClaimResult::Unreadable(jobs[0].key), "{assignment}");
        for result in &results[1..] {
            assert!(matches!(result, ClaimResult::Claimed(_)), "{assignment}: {result:?}");
        }
        let counters = sqlite.store.counters().await.unwrap();
        assert_eq!((counters.jobs[&JobStatus::Scheduled], counters.jobs[&JobStatus::Running]), (1, 5));
    }
}

#[tokio::test]
async fn it_is_listed_by_a_name_that_says_so_and_can_be_deleted() {
    let sqlite = TestStore::new();
    let bad = create(&sqlite.store, new_job(at(2))).await;
    let good = create(&sqlite.store, new_job(at(3))).await;
    break_definition(&sqlite, &bad, "config = '{broken'");
    let listed = sqlite.store.jobs(JobFilter::default(), page(JobSort::CreatedAt, SortOrder::Ascending, 9));
    let listed = listed.await.unwrap().items;
    let ids: Vec<_> = listed.iter().map(|job| job.id).collect();
    assert_eq!(ids, [bad.id, good.id]);
    assert_eq!(listed[0].definition.name, "Grüße 🌍 (unreadable: job_definitions.config)");
    assert!(listed[0].definition.config.is_empty());
    assert_eq!(listed[0].definition.tags, bad.definition.tags, "the rest of it is read");
    assert_eq!(listed[1], good);
    assert_eq!(job_now(&sqlite.store, bad.id).await, listed[0]);

    sqlite.store.change_job(context(), at(4), bad.id, delete()).await.unwrap();
    assert!(sqlite.store.job(bad.id).await.unwrap().is_none());
    let waiting = sqlite.store.pending_window(None, at(10), 9).await.unwrap();
    assert_eq!(waiting.iter().map(|job| job.key).collect::<Vec<_>>(), [good.key]);
    assert_eq!(sqlite.store.counters().await.unwrap().jobs[&JobStatus::Scheduled], 1);
}

#[tokio::test]
async fn it_can_be_cancelled_but_not_edited() {
    let sqlite = TestStore::new();
    let bad = create(&sqlite.store, new_job(at(2))).await;
    break_definition(&sqlite, &bad, "config = '{broken'");
    let edit: Decide = Box::new(|job| {
        let definition = Some(job.definition.clone());
        let change = change(job.state.edit()?, "job.edit", oneoff_domain::EventKind::JobUpdated);
        Ok(JobChange { definition, ..change })
    });
    let refused = sqlite.store.change_job(context(), at(3), bad.id, edit).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused:?}");
    let cancelled = sqlite.store.change_job(context(), at(3), bad.id, cancel()).await.unwrap().value;
    assert_eq!(cancelled.state.status, JobStatus::Cancelled);
    assert_eq!(sqlite.store.pending_window(None, at(10), 9).await.unwrap(), []);
}

#[tokio::test]
async fn its_lost_attempt_is_closed_and_the_job_fails() {
    let sqlite = TestStore::new();
    let retrying = |definition: &mut oneoff_domain::JobDefinition| definition.on_crash = OnCrash::Retry;
    let bad = claim(&sqlite.store, at(1), &create(&sqlite.store, job_with(at(1), retrying)).await).await;
    let asked = claim(&sqlite.store, at(1), &create(&sqlite.store, new_job(at(1))).await).await;
    let good = claim(&sqlite.store, at(1), &create(&sqlite.store, new_job(at(1))).await).await;
    sqlite.store.change_job(context(), at(2), asked.job.id, cancel()).await.unwrap();
    let sqlite = sqlite.reopen();
    break_definition(&sqlite, &bad.job, "config = '{broken'");
    break_definition(&sqlite, &asked.job, "config = '{broken'");
    let lost = sqlite.store.lost_executions().await.unwrap();
    assert_eq!(lost, [bad.execution_id, asked.execution_id, good.execution_id]);
    let closed = sqlite.store.close_lost(at(5), lost).await.unwrap();
    let statuses: Vec<_> = closed.iter().map(|lost| lost.job.state.status).collect();
    assert_eq!(statuses, [JobStatus::Failed, JobStatus::Cancelled, JobStatus::Scheduled]);
    let execution = sqlite.store.execution(bad.execution_id).await.unwrap().unwrap();
    assert_eq!(execution.status, ExecutionStatus::Failed);
    assert_eq!(sqlite.store.lost_executions().await.unwrap(), []);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_left_out_and_stops_nobody() {
    let sqlite = TestStore::new();
    let bad = claim(&sqlite.store, at(1), &create(&sqlite.store, new_job(at(1))).await).await;
    let due = create(&sqlite.store, new_job(at(1))).await;
    let good = create(&sqlite.store, new_job(at(1))).await;
    let sqlite = sqlite.reopen();
    let keys = format!("({}, {})", bad.job.key.0, due.key.0);
    alter(&sqlite, &format!("UPDATE running_jobs SET run = -1 WHERE job_key IN {keys}"));
    alter(&sqlite, &format!("UPDATE job_states SET run = -1 WHERE key IN {keys}"));
    for table in ["arrivals", "pending_jobs"] {
        alter(&sqlite, &format!("UPDATE {table} SET priority = -9 WHERE job_key = {}", good.key.0));
    }
    let lost = sqlite.store.lost_executions().await.unwrap();
    assert_eq!(sqlite.store.close_lost(at(5), lost).await.unwrap(), []);
    assert_eq!(sqlite.store.lost_executions().await.unwrap(), [], "the attempt is closed");
    assert_eq!(
        sqlite.store.lost_executions_of(bad.fence.epoch).await.unwrap(),
        [],
        "and its job does not run"
    );
    assert_eq!(sqlite.store.counters().await.unwrap().jobs[&JobStatus::Running], 0);
    let window = sqlite.store.pending_window(None, at(10), 9).await.unwrap();
    assert_eq!(window.iter().map(|job| job.key).collect::<Vec<_>>(), [due.key, good.key]);
    assert_eq!(try_claim(&sqlite.store, at(10), &due).await, ClaimResult::Unreadable(due.key));
    assert!(matches!(try_claim(&sqlite.store, at(10), &good).await, ClaimResult::Claimed(_)));
    let listed = sqlite.store.jobs(JobFilter::default(), page(JobSort::CreatedAt, SortOrder::Ascending, 9));
    let listed = listed.await.unwrap().items;
    assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [good.id]);
}

#[tokio::test]
async fn an_execution_that_cannot_be_read_stops_no_list() {
    let sqlite = TestStore::new();
    let mut done = Vec::new();
    for _ in 0..3 {
        let claimed = claim(&sqlite.store, at(1), &create(&sqlite.store, new_job(at(1))).await).await;
        finish(&sqlite.store, &claimed, AttemptOutcome::success(), at(2)).await;
        done.push(claimed.execution_id);
    }
    alter(&sqlite, &format!("UPDATE attempts SET result = '{{' WHERE id = '{}'", done[0]));
    alter(&sqlite, &format!("UPDATE attempts SET status = 'odd' WHERE id = '{}'", done[1]));
    let wanted = page(ExecutionSort::StartedAt, SortOrder::Ascending, 9);
    let listed = sqlite.store.executions(ExecutionFilter::default(), wanted).await.unwrap().items;
    assert_eq!(listed.iter().map(|execution| execution.id).collect::<Vec<_>>(), [done[0], done[2]]);
    assert!(listed[0].error.as_ref().unwrap().contains("attempts.result"), "{:?}", listed[0]);
}
