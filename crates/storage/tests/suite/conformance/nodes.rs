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
