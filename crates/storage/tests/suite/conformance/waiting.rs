//! What waits: windows by due time, overdue jobs, the next due time, holds that end.

crate::conformance::on_both!(
    a_window_holds_what_is_due_in_order,
    overdue_jobs_are_counted_up_to_a_limit,
    the_next_due_time_is_the_earliest,
    the_next_start_is_of_no_paused_project,
    holds_end_in_order_one_line_per_job,
    what_others_hold_is_not_looked_at,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    pub(crate) async fn a_window_holds_what_is_due_in_order(store: &Store) {
        // Over several hours, before the epoch too, and several at the same instant.
        let dues = [5, 3_600, 7_205, 5, 0, 90_000, 7_200, 3_599, 5];
        let mut new: Vec<NewJob> = dues.iter().map(|second| new_job(at(*second))).collect();
        new.push(new_job(Timestamp::from_micros(-5).unwrap()));
        new.push(new_job(Timestamp::MAX));
        let jobs = store.create_jobs(context(), noon(), new).await.unwrap().value;
        let mut expected: Vec<(Timestamp, JobKey)> =
            jobs.iter().map(|job| (job.state.due_at().unwrap(), job.key)).collect();
        expected.sort();
        let all = store.pending_window(None, Timestamp::MAX, 100).await.unwrap();
        let found: Vec<_> = all.iter().map(|pending| (pending.due_at, pending.key)).collect();
        assert_eq!(found, expected);
        assert_eq!((all[0].priority, all[0].job_type.as_str()), (7, "shell"));
        for limit in 1..4 {
            let (mut after, mut walked) = (None, Vec::new());
            loop {
                let window = store.pending_window(after, at(7_200), limit).await.unwrap();
                let Some(last) = window.last() else { break };
                after = Some((last.due_at, last.key));
                walked.extend(window.into_iter().map(|pending| (pending.due_at, pending.key)));
            }
            let within: Vec<_> = expected.iter().copied().filter(|(due, _)| *due <= at(7_200)).collect();
            assert_eq!(walked, within, "by {limit}");
        }
    }

    pub(crate) async fn overdue_jobs_are_counted_up_to_a_limit(store: &Store) {
        let new = (0..20).map(|hour| new_job(at(hour * 3600))).collect();
        store.create_jobs(context(), noon(), new).await.unwrap();
        assert_eq!(store.count_overdue(noon(), 100).await.unwrap(), 0, "what is due now is not overdue");
        assert_eq!(store.count_overdue(at(3600 * 5 + 1), 100).await.unwrap(), 6);
        assert_eq!(store.count_overdue(Timestamp::MAX, 7).await.unwrap(), 7);
    }

    pub(crate) async fn the_next_due_time_is_the_earliest(store: &Store) {
        assert_eq!(store.next_due().await.unwrap(), None);
        for second in [900, 300, 600] {
            create(store, new_job(at(second))).await;
        }
        assert_eq!(store.next_due().await.unwrap(), Some(at(300)));
    }

    async fn pause(store: &Store, id: &str, is_paused: bool) {
        let change = ProjectChange { is_paused: Some(is_paused), ..ProjectChange::default() };
        store.update_project(context(), noon(), id.to_owned(), change, "project.pause").await.unwrap();
    }

    /// What waits lies in two places on a file, to one of which it is moved when much of it has come.
    pub(crate) async fn the_next_start_is_of_no_paused_project(store: &Store) {
        let start = || async { store.next_start().await.unwrap() };
        for id in ["nightly", "weekly"] {
            project(store, id).await;
        }
        assert_eq!(start().await, None);
        let many = (0..2_500).map(|second| job_with(at(second), |job| job.project_id = "nightly".to_owned()));
        store.create_jobs(context(), noon(), many.collect()).await.unwrap();
        create(store, job_with(at(9_000), |job| job.project_id = "weekly".to_owned())).await;
        assert_eq!(start().await, Some(at(0)));
        pause(store, "nightly", true).await;
        assert_eq!(start().await, Some(at(9_000)), "behind all those of the project that is paused");
        assert_eq!(store.gauges(noon()).await.unwrap().next_due, Some(at(9_000)));
        assert_eq!(store.next_due().await.unwrap(), Some(at(0)), "they wait all the same");
        create(store, new_job(at(20_000))).await;
        create(store, job_with(at(5_000), |job| job.project_id = "nightly".to_owned())).await;
        assert_eq!(start().await, Some(at(9_000)));
        pause(store, "weekly", true).await;
        assert_eq!(start().await, Some(at(20_000)));
        pause(store, "default", true).await;
        assert_eq!(start().await, None);
        pause(store, "nightly", false).await;
        assert_eq!(start().await, Some(at(0)));
    }

    pub(crate) async fn what_others_hold_is_not_looked_at(store: &Store) {
        project(store, "own").await;
        let of = |id: &str, reason: HoldReason| {
            let mut job = held_job(Some(at(5)), None);
            job.definition.project_id = id.to_owned();
            job.state.holds[0].reason = reason;
            job
        };
        let mut jobs: Vec<NewJob> = (0..50).map(|_| of("default", HoldReason::Manual)).collect();
        jobs.extend((0..4).map(|_| of("own", HoldReason::Gate)));
        jobs.extend((0..3).map(|_| of("own", HoldReason::Manual)));
        store.create_jobs(context(), noon(), jobs).await.unwrap();
        let caller = || Context { allowed_projects: Some(vec!["own".to_owned()]), ..context() };
        let slice = |after: i64| HeldFor {
            reason: HoldReason::Manual,
            project: Some("own".to_owned()),
            after,
            limit: 2,
        };
        let preview = store.preview_release_held(caller(), slice(0)).await.unwrap();
        let first = store.release_held(caller(), noon(), slice(0)).await.unwrap();
        assert_eq!((first.released, first.skipped), (2, 0), "what else is held in the project is passed by");
        assert_eq!(preview, first);
        let rest = store.release_held(caller(), noon(), slice(first.next.unwrap())).await.unwrap();
        assert_eq!((rest.released, rest.skipped, rest.next), (1, 0, None));
        let elsewhere = HeldFor { project: Some("default".to_owned()), ..slice(0) };
        let hidden = store.release_held(caller(), noon(), elsewhere).await.unwrap();
        assert_eq!((hidden.released, hidden.skipped), (0, 0), "what they may not touch is left out");
        let all = HeldFor { project: None, limit: 200, ..slice(0) };
        assert_eq!(store.release_held(context(), noon(), all).await.unwrap().released, 50);
    }

    pub(crate) async fn holds_end_in_order_one_line_per_job(store: &Store) {
        let late = create(store, held_job(Some(at(1)), Some(at(50)))).await;
        create(store, held_job(Some(at(1)), None)).await;
        let mut twice = held_job(None, Some(at(40)));
        let gate = Hold { reason: HoldReason::Gate, until: Some(at(45)), ..twice.state.holds[0].clone() };
        twice.state.holds.push(gate);
        let twice = create(store, twice).await;
        assert_eq!(store.holds_ending(10).await.unwrap(), [(twice.id, at(40)), (late.id, at(50))]);
        assert_eq!(store.holds_ending(1).await.unwrap(), [(twice.id, at(40))]);
    }
}
