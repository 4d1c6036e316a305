//! Filters without an index: pages end after a bounded amount of work, with a cursor that goes on.

use crate::fixture::*;
use oneoff_domain::JobStatus;
use oneoff_storage::*;

/// More than a page looks at.
const OTHERS: usize = 5_500;

#[tokio::test]
async fn a_page_that_finds_little_ends_early_and_goes_on_behind_it() {
    let sqlite = TestStore::new();
    let store = &sqlite.store;
    let of_type = |job_type: &'static str| {
        job_with(at(60), move |definition| definition.job_type = job_type.to_owned())
    };
    let wanted = create(store, of_type("rare")).await;
    for _ in 0..OTHERS / 500 {
        let others = (0..500).map(|_| of_type("common")).collect();
        store.create_jobs(context(), noon(), others).await.unwrap();
    }
    for sort in [JobSort::CreatedAt, JobSort::ScheduledAt] {
        let filter = JobFilter { job_type: Some("rare".to_owned()), ..JobFilter::default() };
        let order = SortOrder::Descending;
        let first = PageRequest { sort, order, limit: 10, cursor: None, with_total: false };
        let mut page = store.jobs(filter.clone(), first.clone()).await.unwrap();
        let mut pages = 1;
        while page.items.is_empty() {
            assert!(pages <= OTHERS, "{sort:?}: it does not go on");
            let cursor = page.next_cursor.expect("there is more to look at");
            page = store
                .jobs(filter.clone(), PageRequest { cursor: Some(cursor), ..first.clone() })
                .await
                .unwrap();
            pages += 1;
        }
        assert_eq!(
            (page.items.iter().map(|job| job.id).collect::<Vec<_>>(), page.next_cursor),
            (vec![wanted.id], None),
            "{sort:?}"
        );
        assert!(pages > 1, "{sort:?}: a page looks at everything");
    }
    let request = PageRequest {
        sort: JobSort::CreatedAt,
        order: SortOrder::Descending,
        limit: 200,
        cursor: None,
        with_total: false,
    };
    // Most of them have no entry in the index yet.
    let filter = JobFilter { statuses: vec![JobStatus::Cancelled], ..JobFilter::default() };
    let page = store.search_jobs("grüße".to_owned(), filter, request).await.unwrap();
    assert!(page.items.is_empty() && page.next_cursor.is_some());
}

#[tokio::test]
async fn a_page_of_large_jobs_ends_early_and_the_next_one_goes_on() {
    let sqlite = TestStore::new();
    let store = &sqlite.store;
    let large = || {
        job_with(at(60), |definition| {
            definition.config.insert("script".to_owned(), "y".repeat(200_000).into());
        })
    };
    let mut created = Vec::new();
    for _ in 0..60 {
        created.push(create(store, large()).await.id);
    }
    for (sort, searches) in [
        (JobSort::CreatedAt, false),
        (JobSort::ScheduledAt, false),
        (JobSort::CreatedAt, true),
        (JobSort::ScheduledAt, true),
    ] {
        let mut request =
            PageRequest { sort, order: SortOrder::Ascending, limit: 200, cursor: None, with_total: false };
        let (mut seen, mut pages) = (Vec::new(), 0);
        loop {
            let page = match searches {
                true => store.search_jobs("grüße".to_owned(), JobFilter::default(), request.clone()).await,
                false => store.jobs(JobFilter::default(), request.clone()).await,
            };
            let page = page.unwrap();
            assert!(page.items.len() <= 25, "{sort:?} {searches}: {}", page.items.len());
            assert_eq!(page.bytes >= PAGE_BYTES, page.next_cursor.is_some(), "{sort:?} {searches}");
            seen.extend(page.items.into_iter().map(|job| job.id));
            pages += 1;
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                break;
            }
        }
        assert_eq!((&seen, pages), (&created, 3), "{sort:?} {searches}");
    }
}

#[tokio::test]
async fn a_page_tells_how_large_its_rows_are_where_a_search_looks_through_the_list() {
    let sqlite = TestStore::new();
    let store = &sqlite.store;
    let meant = |seconds, script: String| {
        job_with(at(seconds), move |definition| {
            definition.name = "meant".to_owned();
            definition.config.insert("script".to_owned(), script.into());
        })
    };
    let large = (0..30).map(|_| meant(60, "y".repeat(200_000))).collect();
    store.create_jobs(context(), noon(), large).await.unwrap();
    // More matches than are sorted.
    for _ in 0..3 {
        let small = (0..400).map(|_| meant(120, "y".to_owned())).collect();
        store.create_jobs(context(), noon(), small).await.unwrap();
    }
    let first = PageRequest {
        sort: JobSort::ScheduledAt,
        order: SortOrder::Ascending,
        limit: 50,
        cursor: None,
        with_total: true,
    };
    let search = |request| store.search_jobs("meant".to_owned(), JobFilter::default(), request);
    let full = search(first.clone()).await.unwrap();
    assert!(full.total_is_estimate, "it was looked through");
    assert_eq!(full.items.len(), PAGE_BYTES / 200_000 + 1);
    assert!((PAGE_BYTES..PAGE_BYTES + 210_000).contains(&full.bytes), "{}", full.bytes);
    let rest = search(PageRequest { cursor: full.next_cursor, ..first }).await.unwrap();
    let large = 30 - full.items.len();
    assert!((large * 200_000..large * 200_000 + 50_000).contains(&rest.bytes), "{}", rest.bytes);
}
