//! Leases of nodes: an epoch is renewed or given up, never both, and what a given-up one has claimed is closed once.
//! Another node is played by an earlier epoch of the same process.

crate::conformance::on_both!(
    a_lease_is_renewed_until_it_is_given_up,
    only_what_is_over_is_given_up_and_once,
    a_given_up_node_can_record_nothing_and_go_on_as_a_new_one,
    a_running_nodes_executions_are_not_closed,
    a_role_has_one_holder_and_its_term_rises_with_each_change,
    a_node_that_has_ended_gives_its_roles_away,
    the_list_names_this_node,
);

/// Of a file, where no two nodes write.
mod of_a_file {
    #[tokio::test]
    async fn a_claim_that_was_committed_too_late_is_closed_too() {
        let sqlite = crate::fixture::TestStore::new();
        super::exercise::a_claim_that_was_committed_too_late_is_closed_too(&sqlite.store).await;
    }
}

/// Of a server, where a claim looks at its epoch in its own transaction.
mod of_a_server {
    use super::exercise::report;
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    /// A server with jobs that a node left running which was given up, and the store of another node.
    async fn left_running(count: usize) -> (ServerStore, Store, Vec<ClaimedJob>) {
        let server = ServerStore::new();
        let mut claimed = Vec::new();
        for _ in 0..count {
            claimed.push(claim(&server.store, at(1), &create(&server.store, new_job(at(1))).await).await);
        }
        server.database.query("UPDATE epochs SET lease_until = 0").unwrap();
        assert!(server.store.give_up(at(2), server.store.epoch()).await.unwrap());
        let other = ServerStore::open(&server.database);
        (server, other, claimed)
    }

    fn ids(claimed: &[ClaimedJob]) -> Vec<ExecutionId> {
        claimed.iter().map(|claimed| claimed.execution_id).collect()
    }

    /// Closes what is left of an epoch, as the server comes to know that nobody has it locked any more.
    async fn close_the_rest(store: &Store, epoch: i64) -> usize {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let mut closed = 0;
        loop {
            let lost = store.lost_executions_of(epoch).await.unwrap();
            if lost.is_empty() {
                return closed;
            }
            assert!(std::time::Instant::now() < deadline, "nobody has it locked");
            closed += store.close_lost(at(4), lost).await.unwrap().len();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_row_that_somebody_has_locked_keeps_no_other_job_from_being_rescued() {
        let rows = [
            "attempts WHERE key = (SELECT max(execution_key) FROM running_jobs)",
            "running_jobs WHERE execution_key = (SELECT max(execution_key) FROM running_jobs)",
            "job_states WHERE key = (SELECT max(job_key) FROM running_jobs)",
        ];
        for row in rows {
            let (server, other, claimed) = left_running(4).await;
            let held = server.database.hold(&format!("SELECT * FROM {row} FOR UPDATE")).unwrap();
            let closed = other.close_lost(at(3), ids(&claimed)).await.unwrap();
            let closed: Vec<ExecutionId> = closed.iter().map(|closed| closed.execution_id).collect();
            assert_eq!(closed, ids(&claimed[..3]), "{row}");
            assert_eq!(other.lost_executions_of(server.store.epoch()).await.unwrap(), ids(&claimed[3..]));
            drop(held);
            assert_eq!(close_the_rest(&other, server.store.epoch()).await, 1, "{row}");
            other.close();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_job_that_cannot_be_read_is_closed_once_and_not_looked_for_again() {
        let (server, other, claimed) = left_running(2).await;
        let bad = claimed[0].job.key.0;
        let alter = |sql: &str| drop(server.database.query(sql).unwrap());
        alter(&format!("UPDATE job_states SET run = -1 WHERE key = {bad}"));
        alter(&format!("UPDATE running_jobs SET run = -1 WHERE job_key = {bad}"));
        alter(&format!("INSERT INTO busy_keys (job_key, concurrency_key) VALUES ({bad}, 'k')"));
        let heard = HeardCommits::on(&other);
        let closed = other.close_lost(at(3), ids(&claimed)).await.unwrap();
        assert_eq!(closed.iter().map(|lost| lost.execution_id).collect::<Vec<_>>(), ids(&claimed[1..]));
        assert_eq!(other.lost_executions_of(server.store.epoch()).await.unwrap(), []);
        assert_eq!(other.epochs_to_close().await.unwrap(), Vec::<i64>::new());
        assert!(heard.changes().contains(&Change::KeyFree("k".to_owned())));
        let counted = "SELECT sum(jobs) FROM job_counters WHERE status = 'running'";
        assert_eq!(server.database.query(counted).unwrap().trim(), "0");
        other.close();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_attempt_that_two_nodes_close_at_once_is_closed_once() {
        let (server, one, claimed) = left_running(1).await;
        let two = ServerStore::open(&server.database);
        let held = server.database.hold("SELECT * FROM attempts FOR UPDATE").unwrap();
        let close = |store: &Store| {
            let (store, lost) = (store.clone(), ids(&claimed));
            tokio::spawn(async move { store.close_lost(at(3), lost).await.unwrap().len() })
        };
        let both = [close(&one), close(&two)];
        // They wait for the row, or have gone around it.
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while server.database.query(waiting).unwrap().trim() != "2"
            && !both.iter().all(tokio::task::JoinHandle::is_finished)
        {}
        drop(held);
        let [first, second] = both;
        let at_once = first.await.unwrap() + second.await.unwrap();
        let later = close_the_rest(&one, server.store.epoch()).await;
        assert_eq!(at_once + later, 1);
        assert_eq!(
            server.database.query("SELECT count(*) FROM attempts WHERE status = 'failed'").unwrap().trim(),
            "1"
        );
        one.close();
        two.close();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_node_that_never_came_up_is_given_up_after_a_while() {
        let server = ServerStore::new();
        let other = ServerStore::open(&server.database);
        let ghost = server.store.epoch();
        let began = other.nodes(noon()).await.unwrap()[0].started_at;
        let after = |seconds| began.saturating_add(std::time::Duration::from_secs(seconds));
        assert_eq!(other.lapsed(after(60)).await.unwrap(), Vec::<i64>::new(), "it may still come up");
        assert_eq!(other.lapsed(after(61)).await.unwrap(), [ghost]);
        assert!(!other.give_up(after(60), ghost).await.unwrap());
        assert!(other.give_up(after(61), ghost).await.unwrap());
        let late = server.store.heartbeat(after(62), report(after(82))).await.unwrap();
        assert_eq!(late, Heartbeat::Fenced, "if it does, it goes on as another epoch");
        other.close();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_node_that_was_given_up_claims_nothing() {
        let server = ServerStore::new();
        let job = create(&server.store, new_job(at(1))).await;
        let lapsed = "UPDATE epochs SET lease_until = 0";
        server.database.query(lapsed).unwrap();
        assert!(server.store.give_up(at(2), server.store.epoch()).await.unwrap());
        assert_eq!(try_claim(&server.store, at(3), &job).await, ClaimResult::Gone(job.key));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_node_that_was_given_up_ends_nothing_before_its_attempts_are_closed_either() {
        let server = ServerStore::new();
        let store = &server.store;
        let claimed = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        server.database.query("UPDATE epochs SET lease_until = 0").unwrap();
        assert!(store.give_up(at(2), store.epoch()).await.unwrap());
        let late = ending(&claimed, AttemptOutcome::success(), at(3));
        assert_eq!(store.finish(late.clone()).await.unwrap(), FinishResult::Fenced);
        // Of the same job twice in a group, one runs on its own.
        let both = tokio::join!(store.finish(late.clone()), store.finish(late.clone()));
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (FinishResult::Fenced, FinishResult::Fenced));
        let given_up = store.epoch();
        store.begin_new_epoch(at(4), report(at(24))).await.unwrap();
        assert_eq!(store.finish(late).await.unwrap(), FinishResult::Fenced, "in another epoch");
        assert_eq!(store.lost_executions_of(given_up).await.unwrap(), [claimed.execution_id]);
        assert_eq!(store.close_lost(at(5), vec![claimed.execution_id]).await.unwrap().len(), 1);
    }
}

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    const NONE: [i64; 0] = [];

    pub(super) fn report(lease_until: Timestamp) -> NodeReport {
        NodeReport {
            lease_until,
            version: "2.0.0".to_owned(),
            slots: 32,
            running: 3,
            clock_offset_us: Some(-250),
        }
    }

    /// Renews the lease of this process.
    async fn beat(store: &Store, now: Timestamp, lease_until: Timestamp) -> Heartbeat {
        store.heartbeat(now, report(lease_until)).await.unwrap()
    }

    /// From now on this process is another node. Answers the epoch before, which lives on as if it were another process.
    async fn become_another(store: &Store, now: Timestamp, lease_until: Timestamp) -> i64 {
        let before = store.epoch();
        let began = store.begin_new_epoch(now, report(lease_until)).await.unwrap();
        assert!(began > before && store.epoch() == began);
        before
    }

    pub(crate) async fn a_lease_is_renewed_until_it_is_given_up(store: &Store) {
        assert_eq!(beat(store, at(0), at(20)).await, Heartbeat::Renewed);
        assert_eq!(beat(store, at(30), at(50)).await, Heartbeat::Renewed, "late, but nobody has given it up");
        let epoch = store.epoch();
        assert!(!store.give_up(at(50), epoch).await.unwrap(), "it holds to its last moment");
        assert!(store.give_up(at(51), epoch).await.unwrap());
        assert_eq!(beat(store, at(51), at(70)).await, Heartbeat::Fenced);
        assert!(!store.give_up(at(90), epoch).await.unwrap(), "once");
    }

    pub(crate) async fn only_what_is_over_is_given_up_and_once(store: &Store) {
        beat(store, at(0), at(20)).await;
        let before = become_another(store, at(1), at(100)).await;
        assert_eq!(store.lapsed(at(90)).await.unwrap(), NONE, "it ended when another one began");
        assert!(!store.give_up(at(90), before).await.unwrap());
        let own = store.epoch();
        assert_eq!(store.lapsed(at(500)).await.unwrap(), NONE, "never this process itself");
        assert!(store.give_up(at(101), own).await.unwrap(), "as another node would");
    }

    pub(crate) async fn a_given_up_node_can_record_nothing_and_go_on_as_a_new_one(store: &Store) {
        beat(store, at(0), at(20)).await;
        let stale = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        store.give_up(at(21), store.epoch()).await.unwrap();
        let before = become_another(store, at(22), at(42)).await;
        assert_eq!(store.epochs_to_close().await.unwrap(), [before]);
        assert_eq!(store.lost_executions_of(before).await.unwrap(), [stale.execution_id]);
        let closed = store.close_lost(at(22), vec![stale.execution_id]).await.unwrap();
        assert_eq!((closed.len(), closed[0].job.state.status), (1, JobStatus::Scheduled));
        assert_eq!(store.close_lost(at(23), vec![stale.execution_id]).await.unwrap(), [], "once");
        assert_eq!(store.epochs_to_close().await.unwrap(), NONE);
        let late = ending(&stale, AttemptOutcome::success(), at(23));
        assert_eq!(store.finish(late.clone()).await.unwrap(), FinishResult::Fenced);
        let second = claim(store, at(24), &closed[0].job).await;
        assert_eq!(second.fence.epoch, store.epoch());
        assert_eq!(
            store.finish(late).await.unwrap(),
            FinishResult::Fenced,
            "also while another attempt runs"
        );
        finish(store, &second, AttemptOutcome::success(), at(25)).await;
    }

    pub(crate) async fn a_claim_that_was_committed_too_late_is_closed_too(store: &Store) {
        beat(store, at(0), at(20)).await;
        let job = create(store, new_job(at(1))).await;
        store.give_up(at(21), store.epoch()).await.unwrap();
        let too_late = claim(store, at(22), &job).await;
        let before = become_another(store, at(23), at(43)).await;
        assert_eq!(store.epochs_to_close().await.unwrap(), [before]);
        assert_eq!(store.lost_executions_of(before).await.unwrap(), [too_late.execution_id]);
        assert_eq!(store.close_lost(at(24), vec![too_late.execution_id]).await.unwrap().len(), 1);
    }

    pub(crate) async fn a_running_nodes_executions_are_not_closed(store: &Store) {
        beat(store, at(0), at(20)).await;
        let claimed = claim(store, at(1), &create(store, new_job(at(1))).await).await;
        assert_eq!(store.epochs_to_close().await.unwrap(), NONE);
        assert_eq!(store.close_lost(at(90), vec![claimed.execution_id]).await.unwrap(), []);
        finish(store, &claimed, AttemptOutcome::success(), at(2)).await;
    }

    pub(crate) async fn a_role_has_one_holder_and_its_term_rises_with_each_change(store: &Store) {
        beat(store, at(0), at(20)).await;
        let lead = async |now: u64, until: u64| store.lead("retention", at(now), at(until)).await.unwrap();
        assert_eq!(lead(0, 20).await, Some(Term(1)));
        assert_eq!(lead(5, 25).await, Some(Term(1)), "renewed");
        assert_eq!(store.lead("events", at(5), at(25)).await.unwrap(), Some(Term(1)), "each role for itself");
        store.give_up(at(21), store.epoch()).await.unwrap();
        assert_eq!(lead(22, 42).await, None, "not for one who was given up");
        become_another(store, at(26), at(46)).await;
        assert_eq!(lead(26, 46).await, Some(Term(2)));
        store.resign("retention").await.unwrap();
        assert_eq!(lead(27, 47).await, Some(Term(2)), "nobody was in between");
    }

    pub(crate) async fn a_node_that_has_ended_gives_its_roles_away(store: &Store) {
        beat(store, at(0), at(20)).await;
        assert_eq!(store.lead("retention", at(0), at(20)).await.unwrap(), Some(Term(1)));
        store.end_epoch(at(1)).await.unwrap();
        assert_eq!(beat(store, at(2), at(22)).await, Heartbeat::Fenced, "it has ended");
        assert_eq!(store.lapsed(at(90)).await.unwrap(), NONE);
        become_another(store, at(2), at(22)).await;
        assert_eq!(store.lead("retention", at(2), at(22)).await.unwrap(), Some(Term(2)));
    }

    pub(crate) async fn the_list_names_this_node(store: &Store) {
        beat(store, at(3), at(23)).await;
        let nodes = store.nodes(at(4)).await.unwrap();
        let this = NodeInfo {
            node_id: store.node_id().to_owned(),
            epoch: store.epoch(),
            started_at: nodes[0].started_at,
            last_seen_at: Some(at(3)),
            lease_until: Some(at(23)),
            ended_at: None,
            version: Some("2.0.0".to_owned()),
            slots: Some(32),
            running: Some(3),
            clock_offset_us: Some(-250),
        };
        assert_eq!(nodes, [this]);
    }
}
