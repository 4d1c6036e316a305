//! Concurrency keys where several nodes share a server: who waited for a key starts after the one that had it.

use crate::fixture::*;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oneoff_domain::*;
use oneoff_storage::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(conn: &mut PgConnection, of: &str) -> i64 {
    let counted: Count =
        diesel::sql_query(format!("SELECT count(*) AS count FROM {of}")).get_result(conn).unwrap();
    counted.count
}

fn keyed(edit: impl FnOnce(&mut JobDefinition)) -> NewJob {
    job_with(at(1), |definition| {
        definition.concurrency_key = Some("db".to_owned());
        edit(definition);
    })
}

/// Claims a job while another node frees its key, in a transaction that is committed at the second 20.
async fn claim_while_the_key_is_freed(server: &ServerStore, job: &Job) -> ClaimResult {
    let mut other_node = PgConnection::establish(server.database.url()).unwrap();
    let mut observer = PgConnection::establish(server.database.url()).unwrap();
    other_node.batch_execute("BEGIN; DELETE FROM busy_keys").unwrap();
    let seconds = Arc::new(AtomicU64::new(10));
    let (store, clock) = (server.store.clone(), Arc::clone(&seconds));
    let (key, due_at, execution_id) = (job.key, job.state.due_at().unwrap(), execution_id());
    let request = ClaimRequest { job: key, due_at, execution_id };
    let claiming = tokio::spawn(async move {
        store.claim(move || at(clock.load(Ordering::SeqCst)), vec![request]).await.unwrap().remove(0)
    });
    let deadline = Instant::now() + crate::fixture::seconds(30);
    while count(
        &mut observer,
        "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    ) == 0
    {
        assert!(Instant::now() < deadline, "the claim does not wait for the key");
    }
    seconds.store(20, Ordering::SeqCst);
    other_node.batch_execute("COMMIT").unwrap();
    claiming.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waited_for_its_key_starts_when_it_has_it() {
    let server = ServerStore::new();
    claim(&server.store, at(1), &create(&server.store, keyed(|_plain| ())).await).await;
    let second = create(&server.store, keyed(|_plain| ())).await;
    let claimed = claim_while_the_key_is_freed(&server, &second).await;
    let ClaimResult::Claimed(claimed) = claimed else { panic!("{claimed:?}") };
    let execution = server.store.execution(claimed.execution_id).await.unwrap().unwrap();
    assert_eq!(execution.started_at, at(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waited_too_long_for_its_key_is_missed_and_leaves_the_key() {
    let server = ServerStore::new();
    claim(&server.store, at(1), &create(&server.store, keyed(|_plain| ())).await).await;
    let second = keyed(|definition| {
        definition.max_lateness_seconds = Some(12);
        definition.on_late = OnLate::Skip;
    });
    let second = create(&server.store, second).await;
    assert_eq!(claim_while_the_key_is_freed(&server, &second).await, ClaimResult::Missed(second.key));
    let mut conn = PgConnection::establish(server.database.url()).unwrap();
    assert_eq!(count(&mut conn, "busy_keys"), 0);
}
