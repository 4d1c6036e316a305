//! Tags of jobs.

crate::conformance::on_both!(
    a_tag_is_renamed_for_all_jobs_and_taken_from_them,
    tags_that_are_not_there_are_made_once,
    many_tags_are_one_change,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
        match result {
            Err(StoreError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn tagged(tags: &[&str]) -> NewJob {
        job_with(at(60), |definition| {
            definition.name = "x".to_owned();
            definition.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        })
    }

    async fn with_tag(store: &Store, id: &str) -> Vec<JobId> {
        let filter = JobFilter { tag_ids: vec![id.to_owned()], ..JobFilter::default() };
        let jobs = store.jobs(filter, page(JobSort::CreatedAt, SortOrder::Ascending, 200)).await.unwrap();
        assert_eq!(jobs.total, u64::try_from(jobs.items.len()).ok());
        jobs.items.into_iter().map(|job| job.id).collect()
    }

    async fn searched(store: &Store, text: &str) -> Vec<JobId> {
        let wanted = page(JobSort::CreatedAt, SortOrder::Ascending, 200);
        let found = store.search_jobs(text.to_owned(), JobFilter::default(), wanted).await.unwrap();
        found.items.into_iter().map(|job| job.id).collect()
    }

    pub(crate) async fn a_tag_is_renamed_for_all_jobs_and_taken_from_them(store: &Store) {
        tag(store, "first").await;
        tag(store, "second").await;
        let job = create(store, tagged(&["first", "second"])).await;
        let other = create(store, tagged(&["second"])).await;
        create(store, tagged(&[])).await;
        while store.fill_search().await.unwrap().more {}
        assert_eq!(with_tag(store, "first").await, [job.id]);
        assert_eq!(with_tag(store, "second").await, [job.id, other.id]);
        let renamed = TagChange { name: Some("nightly".to_owned()), ..TagChange::default() };
        store.update_tag(context(), at(1), "first".to_owned(), renamed).await.unwrap();
        assert_eq!(store.catalog().tags_of(&job.definition.tags)[0].name, "nightly");
        assert_eq!(searched(store, "nightly").await, [job.id], "it is found by its new name");
        assert_eq!(searched(store, "ightl secon").await, [job.id]);
        assert!(searched(store, "first").await.is_empty(), "and not by its old one");
        let edit = |job: &Job| {
            let definition = JobDefinition { tags: vec!["first".to_owned()], ..job.definition.clone() };
            let change = change(job.state.edit()?, "job.update", EventKind::JobUpdated);
            Ok(JobChange { definition: Some(definition), ..change })
        };
        store.change_job(context(), at(1), other.id, Box::new(edit)).await.unwrap();
        assert_eq!(with_tag(store, "first").await, [job.id, other.id]);
        assert_eq!(with_tag(store, "second").await, [job.id]);
        store.delete_tag(context(), at(2), "first".to_owned()).await.unwrap();
        assert!(store.catalog().tags_of(&job_now(store, other.id).await.definition.tags).is_empty());
        assert!(with_tag(store, "first").await.is_empty() && searched(store, "nightly").await.is_empty());
        store.change_job(context(), at(3), job.id, delete()).await.unwrap();
        assert!(with_tag(store, "second").await.is_empty());
        let unknown = store.delete_tag(context(), at(2), "first".to_owned()).await;
        assert!(matches!(refusal(unknown), Refusal::NotFound { kind: "tag", .. }));
    }

    pub(crate) async fn tags_that_are_not_there_are_made_once(store: &Store) {
        let named = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect::<Vec<_>>()
        };
        let others = store.ensure_tags(context(), noon(), named(&[("i1", "a"), ("i2", "b")])).await.unwrap();
        assert!(others.is_empty());
        let others =
            store.ensure_tags(context(), noon(), named(&[("i3", "b"), ("i4", "c"), ("i5", "c")])).await;
        assert_eq!(others.unwrap(), named(&[("i3", "i2"), ("i5", "i4")]));
        assert_eq!(store.catalog().tag_named("c").unwrap().id, "i4");
        assert_eq!(store.catalog().tags.len(), 8 + 3);
    }

    pub(crate) async fn many_tags_are_one_change(store: &Store) {
        let named: Vec<(String, String)> = (0..50).map(|n| (format!("i{n}"), format!("name {n}"))).collect();
        let before = store.catalog().version;
        store.ensure_tags(context(), noon(), named.clone()).await.unwrap();
        assert_eq!(store.catalog().version, before + 1, "the writer reads all of it with each version");
        assert_eq!(store.catalog().tags.len(), 8 + 50);
        let made = AuditFilter { actions: vec!["tag.create".to_owned()], ..AuditFilter::default() };
        assert_eq!(store.audit_entries(context(), made, 200, None).await.unwrap().items.len(), 50);
        store.ensure_tags(context(), noon(), named).await.unwrap();
        assert_eq!(store.catalog().version, before + 1, "nothing was to be made");
    }
}
