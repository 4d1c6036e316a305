//! Text search: what is found, in which order, and that the index may be behind, filled, or both.

crate::conformance::on_both!(
    names_tags_external_ids_and_ids_are_found,
    a_search_is_the_same_with_any_part_of_the_jobs_indexed,
    pages_follow_each_other_in_either_order_and_without_gaps,
    filters_and_totals_hold_for_a_search,
    edited_and_deleted_jobs_are_found_as_they_are_now,
    a_job_made_after_one_was_deleted_is_not_taken_for_it,
    words_too_short_for_the_index_and_signs_are_found,
    what_cannot_be_looked_for_is_refused,
    many_matches_by_scheduled_time_are_looked_through,
    common_pieces_that_do_not_meet_end_the_search,
    parts_of_the_index_are_merged_in_small_steps,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    fn named(name: impl Into<String>) -> NewJob {
        let name = name.into();
        job_with(at(60), move |definition| {
            definition.name = name;
            definition.tags = Vec::new();
        })
    }

    fn page(sort: JobSort, order: SortOrder, limit: u32) -> PageRequest<JobSort> {
        PageRequest { sort, order, limit, cursor: None, with_total: false }
    }

    fn latest() -> PageRequest<JobSort> {
        page(JobSort::CreatedAt, SortOrder::Descending, 200)
    }

    /// All pages, put together.
    async fn all(
        store: &Store,
        text: &str,
        filter: JobFilter,
        mut request: PageRequest<JobSort>,
    ) -> Vec<Job> {
        let mut jobs = Vec::new();
        loop {
            let page = store.search_jobs(text.to_owned(), filter.clone(), request.clone()).await.unwrap();
            assert!(page.items.len() <= usize::try_from(request.limit).unwrap());
            jobs.extend(page.items);
            assert!(request.cursor != page.next_cursor || page.next_cursor.is_none(), "it does not go on");
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                return jobs;
            }
        }
    }

    async fn found(store: &Store, text: &str) -> Vec<String> {
        let jobs = all(store, text, JobFilter::default(), latest()).await;
        jobs.into_iter().map(|job| job.definition.name).collect()
    }

    /// How far an index is behind to which nothing was done yet: that of a server never is.
    fn behind(store: &Store, unindexed: u64) -> u64 {
        if store.is_shared() { 0 } else { unindexed }
    }

    async fn fill(store: &Store) {
        while store.fill_search().await.unwrap().more {}
        assert_eq!(store.search_lag().await.unwrap(), SearchLag::default());
    }

    pub(crate) async fn names_tags_external_ids_and_ids_are_found(store: &Store) {
        tag(store, "weekly").await;
        tag(store, "Été").await;
        create(store, named("Nightly backup of Müller")).await;
        let other = job_with(at(1), |definition| {
            definition.name = "report".to_owned();
            definition.external_id = Some("Order-4711".to_owned());
            definition.tags = vec!["weekly".to_owned(), "Été".to_owned()];
        });
        let other = create(store, other).await;
        for is_filled in [false, true] {
            for text in ["backup", "BACKUP", "ackup", "müller NIGHTLY", "MÜLL"] {
                assert_eq!(found(store, text).await, ["Nightly backup of Müller"], "{text} {is_filled}");
            }
            for text in ["order-4711", "4711", "weekly", "ÉTÉ", "report week 471"] {
                assert_eq!(found(store, text).await, ["report"], "{text} {is_filled}");
            }
            for text in ["monthly", "backup weekly", "reports", "backupof"] {
                assert!(found(store, text).await.is_empty(), "{text} {is_filled}");
            }
            let id = other.id.to_string();
            assert_eq!(found(store, &id).await, ["report"]);
            assert_eq!(found(store, &id.replace('-', "").to_uppercase()).await, ["report"]);
            assert_eq!(found(store, &id[..28]).await.len(), 2, "they were made together");
            fill(store).await;
        }
    }

    pub(crate) async fn a_search_is_the_same_with_any_part_of_the_jobs_indexed(store: &Store) {
        let name = |number: usize| format!("job {number} of group {}", number % 7);
        let expected: Vec<String> = (0..1500).rev().filter(|number| number % 7 == 3).map(name).collect();
        for numbers in [0..600, 600..1500] {
            let is_first = numbers.start == 0;
            let jobs = numbers.map(|number| named(name(number))).collect();
            store.create_jobs(context(), noon(), jobs).await.unwrap();
            if is_first {
                assert_eq!(store.search_lag().await.unwrap().unindexed, behind(store, 600));
                fill(store).await;
            }
        }
        assert_eq!(store.search_lag().await.unwrap().unindexed, behind(store, 900));
        assert_eq!(found(store, "group 3").await.len(), found(store, "3 group").await.len());
        let exact = |names: Vec<String>| -> Vec<String> {
            names.into_iter().filter(|name| name.ends_with("group 3")).collect()
        };
        assert_eq!(exact(found(store, "group 3").await), expected);
        fill(store).await;
        assert_eq!(exact(found(store, "group 3").await), expected);
        assert_eq!(found(store, "1499").await, [name(1499)]);
    }

    pub(crate) async fn pages_follow_each_other_in_either_order_and_without_gaps(store: &Store) {
        let due = |number: u64| at(60 + (number * 7919) % 300);
        let jobs = (0..300).map(|number| {
            job_with(due(number), |definition| {
                definition.name = format!("page {}", if number % 3 == 0 { "yes" } else { "no" })
            })
        });
        let created = store.create_jobs(context(), noon(), jobs.collect()).await.unwrap().value;
        let mut meant: Vec<Job> =
            created.into_iter().filter(|job| job.definition.name == "page yes").collect();
        for is_filled in [false, true] {
            for (sort, order) in [
                (JobSort::CreatedAt, SortOrder::Ascending),
                (JobSort::CreatedAt, SortOrder::Descending),
                (JobSort::ScheduledAt, SortOrder::Ascending),
                (JobSort::ScheduledAt, SortOrder::Descending),
            ] {
                match sort {
                    JobSort::CreatedAt => meant.sort_by_key(|job| job.key.0),
                    JobSort::Priority => meant.sort_by_key(|job| (job.definition.priority, job.key.0)),
                    JobSort::ScheduledAt => meant.sort_by_key(|job| (job.state.scheduled_at, job.key.0)),
                }
                if order == SortOrder::Descending {
                    meant.reverse();
                }
                for limit in [1, 7, 100, 200] {
                    let jobs = all(store, "yes", JobFilter::default(), page(sort, order, limit)).await;
                    assert_eq!(jobs, meant, "{sort:?} {order:?} {limit} {is_filled}");
                }
            }
            fill(store).await;
        }
    }

    pub(crate) async fn filters_and_totals_hold_for_a_search(store: &Store) {
        project(store, "even").await;
        project(store, "odd").await;
        let jobs = (0..40).map(|number| {
            job_with(at(number), |definition| {
                definition.name = format!("filter {number}");
                definition.project_id = if number % 2 == 0 { "even" } else { "odd" }.to_owned();
            })
        });
        let created = store.create_jobs(context(), noon(), jobs.collect()).await.unwrap().value;
        for job in &created[..10] {
            store.change_job(context(), at(1), job.id, cancel()).await.unwrap();
        }
        fill(store).await;
        let filter = JobFilter {
            statuses: vec![JobStatus::Scheduled],
            project_id: Some("even".to_owned()),
            job_type: Some("shell".to_owned()),
            scheduled_from: Some(at(12)),
            scheduled_to: Some(at(20)),
            external_id: None,
            allowed_projects: None,
            tag_ids: Vec::new(),
        };
        for sort in [JobSort::CreatedAt, JobSort::ScheduledAt] {
            let request = PageRequest { with_total: true, ..page(sort, SortOrder::Ascending, 3) };
            let page = store.search_jobs("filter".to_owned(), filter.clone(), request.clone()).await.unwrap();
            assert_eq!((page.items.len(), page.total, page.total_is_estimate), (3, Some(5), false));
            let names: Vec<String> = all(store, "filter", filter.clone(), request)
                .await
                .into_iter()
                .map(|job| job.definition.name)
                .collect();
            assert_eq!(names, ["filter 12", "filter 14", "filter 16", "filter 18", "filter 20"]);
        }
        let cancelled = JobFilter { statuses: vec![JobStatus::Cancelled], ..JobFilter::default() };
        assert_eq!(all(store, "filter", cancelled, latest()).await.len(), 10);
        let other = JobFilter { job_type: Some("http".to_owned()), ..JobFilter::default() };
        assert!(all(store, "filter", other, latest()).await.is_empty());
    }

    fn rename(name: &'static str) -> Decide {
        Box::new(move |job| {
            let definition = JobDefinition { name: name.to_owned(), ..job.definition.clone() };
            let state = JobState { version: job.state.version + 1, ..job.state.clone() };
            Ok(JobChange {
                definition: Some(definition),
                ..change(state, "job.update", EventKind::JobUpdated)
            })
        })
    }

    pub(crate) async fn edited_and_deleted_jobs_are_found_as_they_are_now(store: &Store) {
        let first = create(store, named("first name")).await;
        let second = create(store, named("second name")).await;
        fill(store).await;
        store.change_job(context(), at(1), first.id, rename("changed title")).await.unwrap();
        for is_filled in [false, true] {
            assert_eq!(found(store, "name").await, ["second name"], "{is_filled}");
            assert_eq!(found(store, "title").await, ["changed title"], "{is_filled}");
            assert_eq!(found(store, "e").await, ["second name", "changed title"], "in the order of creation");
            let ascending = page(JobSort::CreatedAt, SortOrder::Ascending, 1);
            let jobs = all(store, "e", JobFilter::default(), ascending).await;
            assert_eq!(jobs[0].id, first.id);
            fill(store).await;
        }
        store.change_job(context(), at(2), first.id, rename("third name")).await.unwrap();
        store.change_job(context(), at(2), first.id, rename("fourth name")).await.unwrap();
        fill(store).await;
        assert_eq!(found(store, "name").await, ["second name", "fourth name"]);
        assert!(found(store, "third").await.is_empty());
        for id in [first.id, second.id] {
            store.change_job(context(), at(3), id, delete()).await.unwrap();
            assert_eq!(store.search_lag().await.unwrap().has_removed, !store.is_shared());
        }
        for _ in 0..2 {
            assert!(found(store, "name").await.is_empty());
            fill(store).await;
        }
        let slice = store.fill_search().await.unwrap();
        assert_eq!(slice, SearchSlice::default());
    }

    pub(crate) async fn a_job_made_after_one_was_deleted_is_not_taken_for_it(store: &Store) {
        let old = create(store, named("old backup")).await;
        fill(store).await;
        store.change_job(context(), at(1), old.id, delete()).await.unwrap();
        create(store, named("new report")).await;
        let expected = match store.is_shared() {
            true => SearchSlice::default(),
            false => SearchSlice { indexed: 1, removed: 1, more: false },
        };
        assert_eq!(store.fill_search().await.unwrap(), expected);
        assert!(found(store, "backup").await.is_empty());
        assert_eq!(found(store, "report").await, ["new report"]);
    }

    pub(crate) async fn words_too_short_for_the_index_and_signs_are_found(store: &Store) {
        let names = [
            "100% of it",
            "a_b",
            "it's \"quoted\"",
            "x* OR NEAR(y)",
            "日本語のジョブ",
            "🌍🚀✨ launch",
            "-minus",
            "a\\b",
        ];
        for name in names {
            create(store, named(name)).await;
        }
        for is_filled in [false, true] {
            for (text, expected) in [
                ("%", "100% of it"),
                ("100%", "100% of it"),
                ("_", "a_b"),
                ("a_b", "a_b"),
                ("'", "it's \"quoted\""),
                ("it's", "it's \"quoted\""),
                ("\"quoted\"", "it's \"quoted\""),
                ("x* or near(y)", "x* OR NEAR(y)"),
                ("日本", "日本語のジョブ"),
                ("語のジョブ", "日本語のジョブ"),
                ("🚀", "🌍🚀✨ launch"),
                ("🌍🚀✨", "🌍🚀✨ launch"),
                ("-min", "-minus"),
                ("a\\b", "a\\b"),
            ] {
                assert_eq!(found(store, text).await, [expected], "{text} {is_filled}");
            }
            for text in ["100_", "a%b", "%%%", "___", "\"\"\"", "'''", "🌍🌍🌍"] {
                assert!(found(store, text).await.is_empty(), "{text} {is_filled}");
            }
            fill(store).await;
        }
    }

    pub(crate) async fn what_cannot_be_looked_for_is_refused(store: &Store) {
        create(store, named("x".repeat(256))).await;
        assert_eq!(found(store, &"x".repeat(256)).await.len(), 1);
        for text in ["", "   ", "\u{3000}", "a\0b", &"x".repeat(257)] {
            let error = store.search_jobs(text.to_owned(), JobFilter::default(), latest()).await.unwrap_err();
            let StoreError::Refused(Refusal::Invalid(errors)) = error else { panic!("{error:?}") };
            assert_eq!(errors.0[0].pointer, "search");
        }
        let request = PageRequest { cursor: Some("x".to_owned()), ..latest() };
        for sort in [JobSort::CreatedAt, JobSort::ScheduledAt] {
            let request = PageRequest { sort, ..request.clone() };
            let error = store.search_jobs("x".to_owned(), JobFilter::default(), request).await.unwrap_err();
            assert!(matches!(error, StoreError::Refused(Refusal::Invalid(_))), "{error:?}");
        }
    }

    pub(crate) async fn many_matches_by_scheduled_time_are_looked_through(store: &Store) {
        let jobs: Vec<NewJob> = (0..2500)
            .map(|number| {
                job_with(at(5000 - number), |definition| definition.name = format!("many {number}"))
            })
            .collect();
        store.create_jobs(context(), noon(), jobs).await.unwrap();
        fill(store).await;
        let request =
            PageRequest { with_total: true, ..page(JobSort::ScheduledAt, SortOrder::Ascending, 200) };
        let first =
            store.search_jobs("many".to_owned(), JobFilter::default(), request.clone()).await.unwrap();
        assert!(first.total_is_estimate && first.total >= Some(200), "{:?}", first.total);
        let names: Vec<String> = all(store, "many", JobFilter::default(), request)
            .await
            .into_iter()
            .map(|job| job.definition.name)
            .collect();
        assert_eq!(names.len(), 2500);
        assert_eq!((names[0].as_str(), names[2499].as_str()), ("many 2499", "many 0"));
    }

    pub(crate) async fn common_pieces_that_do_not_meet_end_the_search(store: &Store) {
        let jobs = (0..3000)
            .map(|number| named(if number % 2 == 0 { "alpha beta" } else { "gamma delta" }))
            .collect();
        store.create_jobs(context(), noon(), jobs).await.unwrap();
        fill(store).await;
        assert!(found(store, "alpha delta").await.is_empty());
        assert_eq!(found(store, "alpha beta").await.len(), 1500);
    }

    pub(crate) async fn parts_of_the_index_are_merged_in_small_steps(store: &Store) {
        assert!(!store.merge_search().await.unwrap(), "there is nothing to merge");
        for part in 0..20 {
            let jobs = (0..100).map(|number| named(format!("merge {part} {number}"))).collect();
            store.create_jobs(context(), noon(), jobs).await.unwrap();
            fill(store).await;
        }
        let mut steps = 0;
        while store.merge_search().await.unwrap() {
            steps += 1;
            assert!(steps < 1000, "it does not end");
        }
        assert_eq!(steps > 0, !store.is_shared(), "a server merges its index itself");
        assert_eq!(found(store, "merge 19").await.len(), 119);
    }
}
