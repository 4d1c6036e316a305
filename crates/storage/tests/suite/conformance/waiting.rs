//! What waits: windows by due time, overdue jobs, the next due time, holds that end.

crate::conformance::on_both!(
    a_window_holds_what_is_due_in_order,
    overdue_jobs_are_counted_up_to_a_limit,
    the_next_due_time_is_the_earliest,
    holds_end_in_order_one_line_per_job,
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
