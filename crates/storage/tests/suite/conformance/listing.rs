//! Lists: every row once and in order, whatever the filter, sorting and page size.

crate::conformance::on_both!(
    pages_of_jobs_hold_every_match_once_in_order,
    a_cursor_that_is_none_is_refused,
    a_page_is_stable_while_jobs_are_added,
    executions_are_listed_by_start,
    totals_are_exact_to_ten_thousand,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    async fn all_jobs(
        store: &Store,
        filter: &JobFilter,
        mut request: PageRequest<JobSort>,
    ) -> (Vec<Job>, u64) {
        let mut items = Vec::new();
        loop {
            let page = store.jobs(filter.clone(), request.clone()).await.unwrap();
            assert!(page.items.len() <= usize::try_from(request.limit).unwrap());
            items.extend(page.items);
            let Some(cursor) = page.next_cursor else { return (items, page.total.unwrap()) };
            request.cursor = Some(cursor);
        }
    }

    /// Jobs of several statuses, types, projects and times, some of them without one.
    async fn variety(store: &Store) -> Vec<Job> {
        project(store, "other").await;
        tag(store, "t1").await;
        tag(store, "t2").await;
        for index in 0..40_u64 {
            let mut new = job_with(at(index * 977 % 13 * 1_000), |definition| {
                definition.project_id = if index % 3 == 0 { "other" } else { "default" }.to_owned();
                definition.job_type = if index % 2 == 0 { "http" } else { "shell" }.to_owned();
                definition.tags = [(5, "t1"), (4, "t2")]
                    .iter()
                    .filter(|(every, _)| index % every == 0)
                    .map(|(_, tag)| (*tag).to_owned())
                    .collect();
                definition.priority = u8::try_from(index % 9 + 1).unwrap();
                definition.external_id = (index == 6).then(|| "order".to_owned());
            });
            if index % 10 == 9 {
                new = held_job((index % 20 == 9).then(|| at(index)), None);
            }
            let job = create(store, new).await;
            if index % 7 == 3 && job.state.status == JobStatus::Scheduled {
                let elsewhere = at(index * 331 % 11 * 1_000);
                let shift = move |job: &Job| {
                    Ok(change(job.state.reschedule(elsewhere, None)?, "job.update", EventKind::JobUpdated))
                };
                store.change_job(context(), at(1), job.id, Box::new(shift)).await.unwrap();
                continue;
            }
            if index % 4 == 1 && job.state.status == JobStatus::Scheduled {
                let claimed = claim(store, at(20_000), &job).await;
                let outcome = if index % 8 == 1 {
                    AttemptOutcome::success()
                } else {
                    AttemptOutcome::failed(Reason::ExitCode, "x")
                };
                finish(store, &claimed, outcome, at(20_001)).await;
            }
        }
        all_jobs(store, &JobFilter::default(), page(JobSort::CreatedAt, SortOrder::Ascending, 200)).await.0
    }

    fn matches(filter: &JobFilter, job: &Job) -> bool {
        let at = job.state.scheduled_at;
        (filter.statuses.is_empty() || filter.statuses.contains(&job.state.status))
            && filter.job_type.as_ref().is_none_or(|wanted| *wanted == job.definition.job_type)
            && filter.project_id.as_ref().is_none_or(|wanted| *wanted == job.definition.project_id)
            && filter
                .external_id
                .as_ref()
                .is_none_or(|wanted| Some(wanted) == job.definition.external_id.as_ref())
            && (filter.tag_ids.is_empty() || filter.tag_ids.iter().any(|id| job.definition.tags.contains(id)))
            && filter.scheduled_from.is_none_or(|from| at.is_some_and(|at| at >= from))
            && filter.scheduled_to.is_none_or(|to| at.is_some_and(|at| at <= to))
    }

    fn expected(jobs: &[Job], filter: &JobFilter, sort: JobSort, order: SortOrder) -> Vec<JobId> {
        let mut found: Vec<&Job> = jobs.iter().filter(|job| matches(filter, job)).collect();
        let sign = if order == SortOrder::Ascending { 1 } else { -1 };
        found.sort_by_key(|job| {
            let at = match sort {
                JobSort::ScheduledAt => job.state.scheduled_at,
                JobSort::CreatedAt => Some(Timestamp::EPOCH),
                JobSort::Priority => Timestamp::from_micros(job.definition.priority.into()),
            };
            (at.is_none(), at.map(|at| sign * at.as_micros()), sign * job.key.0)
        });
        found.iter().map(|job| job.id).collect()
    }

    pub(crate) async fn pages_of_jobs_hold_every_match_once_in_order(store: &Store) {
        let jobs = variety(store).await;
        assert_eq!(jobs.len(), 40);
        let any = JobFilter::default;
        let filters = [
            any(),
            JobFilter { statuses: vec![JobStatus::Scheduled], ..any() },
            JobFilter { statuses: vec![JobStatus::Held, JobStatus::Failed, JobStatus::Held], ..any() },
            JobFilter { statuses: vec![JobStatus::Completed, JobStatus::Failed], ..any() },
            JobFilter { statuses: vec![JobStatus::Missed], ..any() },
            JobFilter { job_type: Some("http".to_owned()), ..any() },
            JobFilter { project_id: Some("other".to_owned()), statuses: vec![JobStatus::Scheduled], ..any() },
            JobFilter { external_id: Some("order".to_owned()), ..any() },
            JobFilter { project_id: Some("other".to_owned()), ..any() },
            JobFilter { tag_ids: vec!["t1".to_owned()], ..any() },
            JobFilter { tag_ids: vec!["t1".to_owned(), "t2".to_owned(), "t3".to_owned()], ..any() },
            JobFilter {
                tag_ids: vec!["t2".to_owned()],
                project_id: Some("other".to_owned()),
                statuses: vec![JobStatus::Scheduled, JobStatus::Completed],
                ..any()
            },
            JobFilter { tag_ids: vec!["unknown".to_owned()], ..any() },
            JobFilter { external_id: Some("none".to_owned()), ..any() },
            JobFilter { scheduled_from: Some(at(3_000)), scheduled_to: Some(at(9_000)), ..any() },
            JobFilter { scheduled_to: Some(at(2_000)), statuses: vec![JobStatus::Held], ..any() },
        ];
        for filter in &filters {
            for sort in [JobSort::CreatedAt, JobSort::ScheduledAt, JobSort::Priority] {
                for order in [SortOrder::Ascending, SortOrder::Descending] {
                    let wanted = expected(&jobs, filter, sort, order);
                    for limit in [1, 3, 200] {
                        let (found, total) = all_jobs(store, filter, page(sort, order, limit)).await;
                        let found: Vec<JobId> = found.iter().map(|job| job.id).collect();
                        assert_eq!(found, wanted, "{filter:?} {sort:?} {order:?} by {limit}");
                        assert_eq!(total, u64::try_from(wanted.len()).unwrap(), "{filter:?}");
                    }
                }
            }
        }
    }

    pub(crate) async fn a_cursor_that_is_none_is_refused(store: &Store) {
        for cursor in ["", "x", "c12", "s00000000000000000000000000000000z", "' OR 1=1 --", "🌍"] {
            let mut request = page(JobSort::CreatedAt, SortOrder::Ascending, 5);
            request.cursor = Some(cursor.to_owned());
            let error = store.jobs(JobFilter::default(), request).await.unwrap_err();
            let StoreError::Refused(Refusal::Invalid(errors)) = error else { panic!("{error:?}") };
            assert_eq!(errors.0[0].pointer, "cursor");
        }
    }

    pub(crate) async fn a_page_is_stable_while_jobs_are_added(store: &Store) {
        for second in 0..6 {
            create(store, new_job(at(second))).await;
        }
        let mut request = page(JobSort::CreatedAt, SortOrder::Descending, 3);
        let first = store.jobs(JobFilter::default(), request.clone()).await.unwrap();
        create(store, new_job(at(9))).await;
        request.cursor = first.next_cursor;
        let second = store.jobs(JobFilter::default(), request).await.unwrap();
        let keys: Vec<i64> = first.items.iter().chain(&second.items).map(|job| job.key.0).collect();
        assert_eq!(keys, [6, 5, 4, 3, 2, 1]);
        assert_eq!(second.next_cursor, None);
    }

    pub(crate) async fn executions_are_listed_by_start(store: &Store) {
        let mut ids = Vec::new();
        let retrying = job_with(at(0), |definition| definition.retry.max_retries = 10);
        let mut job = create(store, retrying).await;
        for round in 0..5 {
            let claimed = claim(store, at(1_000 * (round + 1)), &job).await;
            ids.push(claimed.execution_id);
            let failure = AttemptOutcome::failed(Reason::ExitCode, "x");
            job = finish(store, &claimed, failure, at(1_000 * (round + 1))).await;
        }
        let running = claim(store, at(9_000), &create(store, new_job(at(1))).await).await.execution_id;
        let list = |filter: ExecutionFilter, order| async move {
            let (mut items, mut request) = (Vec::new(), page(ExecutionSort::StartedAt, order, 2));
            loop {
                let page = store.executions(filter.clone(), request.clone()).await.unwrap();
                items.extend(page.items.iter().map(|execution| execution.id));
                let Some(cursor) = page.next_cursor else { break (items, page.total.unwrap()) };
                request.cursor = Some(cursor);
            }
        };
        let of_job = ExecutionFilter { job_id: Some(job.id), ..ExecutionFilter::default() };
        assert_eq!(list(of_job.clone(), SortOrder::Ascending).await, (ids.clone(), 5));
        let mut newest_first = ids.clone();
        newest_first.reverse();
        assert_eq!(list(of_job, SortOrder::Descending).await.0, newest_first);
        let unknown = ExecutionFilter { job_id: Some(job_id()), ..ExecutionFilter::default() };
        assert_eq!(list(unknown, SortOrder::Ascending).await, (Vec::new(), 0));
        let statuses = vec![ExecutionStatus::Running];
        let only_running = ExecutionFilter { statuses, ..ExecutionFilter::default() };
        assert_eq!(list(only_running, SortOrder::Ascending).await, (vec![running], 1));
        let between = ExecutionFilter {
            started_from: Some(at(2_000)),
            started_to: Some(at(4_000)),
            statuses: vec![ExecutionStatus::Failed],
            ..ExecutionFilter::default()
        };
        assert_eq!(list(between, SortOrder::Ascending).await, (ids[1..4].to_vec(), 3));
    }

    pub(crate) async fn totals_are_exact_to_ten_thousand(store: &Store) {
        let new = (0..10_000).map(|second| new_job(at(second))).collect();
        store.create_jobs(context(), noon(), new).await.unwrap();
        let total = |filter: JobFilter| async move {
            let request = page(JobSort::CreatedAt, SortOrder::Ascending, 1);
            let page = store.jobs(filter, request).await.unwrap();
            (page.total, page.total_is_estimate)
        };
        let shell = || JobFilter { job_type: Some("shell".to_owned()), ..JobFilter::default() };
        assert_eq!(total(JobFilter::default()).await, (Some(10_000), false));
        assert_eq!(total(shell()).await, (Some(10_000), false));
        create(store, new_job(at(1))).await;
        assert_eq!(total(JobFilter::default()).await, (Some(10_000), true));
        assert_eq!(total(shell()).await, (Some(10_000), true));
    }
}
