//! The audit log: what an entry tells of a job, and how entries are found among many.

crate::conformance::on_both!(
    a_change_of_a_job_is_told_before_and_after,
    a_made_job_is_told_from_its_first_revision,
    entries_are_found_by_each_filter_and_by_time,
    a_page_of_a_rare_kind_ends_with_a_place_to_go_on,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;
    use serde_json::{Value, json};

    async fn entries(store: &Store, filter: AuditFilter) -> Vec<AuditEntry> {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.audit_entries(context(), filter.clone(), 3, cursor).await.unwrap();
            found.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return found;
            }
        }
    }

    pub(crate) async fn a_change_of_a_job_is_told_before_and_after(store: &Store) {
        let mut new = new_job(at(60));
        new.definition.config = json!({"url": "x", "headers": {"A": "hunter2"}}).as_object().unwrap().clone();
        let job = create(store, new).await;
        let edit: Decide = Box::new(|job: &Job| {
            let mut definition = job.definition.clone();
            definition.priority = 9;
            definition.config = json!({"url": "y", "headers": {"A": "hunter3"}}).as_object().unwrap().clone();
            let state = JobState { version: job.state.version + 1, ..job.state.clone() };
            Ok(JobChange {
                definition: Some(definition),
                ..change(state, "job.update", EventKind::JobUpdated)
            })
        });
        let context = Context {
            actor: Actor::ApiKey { id: "k1".to_owned(), name: "ci".to_owned() },
            request_id: Some("r1".to_owned()),
            client_address: Some("192.0.2.1".to_owned()),
            ..context()
        };
        store.change_job(context.clone(), at(1), job.id, edit).await.unwrap();
        store.change_job(context, at(2), job.id, cancel()).await.unwrap();
        let log = entries(store, AuditFilter::default()).await;
        assert_eq!(
            log.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(),
            ["job.cancel", "job.update", "job.create"]
        );
        let update = &log[1];
        let masked = json!({"A": "[redacted]"});
        assert_eq!(update.before, Some(json!({"priority": 7, "config": {"url": "x", "headers": masked}})));
        assert_eq!(update.after, Some(json!({"priority": 9, "config": {"url": "y", "headers": masked}})));
        assert_eq!((update.actor.as_str(), update.actor_key.as_deref()), ("key:ci", Some("k1")));
        assert_eq!(
            (update.request_id.as_deref(), update.client_address.as_deref()),
            (Some("r1"), Some("192.0.2.1"))
        );
        let status = |value: &Option<Value>| value.as_ref().unwrap()["status"].clone();
        assert_eq!((status(&log[0].before), status(&log[0].after)), (json!("scheduled"), json!("cancelled")));
    }

    pub(crate) async fn a_made_job_is_told_from_its_first_revision(store: &Store) {
        let job = create(store, new_job(at(60))).await;
        let edit: Decide = Box::new(|job: &Job| {
            let definition = JobDefinition { name: "later".to_owned(), ..job.definition.clone() };
            let state = JobState { version: job.state.version + 1, ..job.state.clone() };
            Ok(JobChange {
                definition: Some(definition),
                ..change(state, "job.update", EventKind::JobUpdated)
            })
        });
        store.change_job(context(), at(1), job.id, edit).await.unwrap();
        let made = AuditFilter { actions: vec!["job.create".to_owned()], ..AuditFilter::default() };
        let log = entries(store, made).await;
        assert_eq!(log[0].after.as_ref().unwrap()["name"], job.definition.name.as_str());
        assert_eq!(log[0].before, None);
    }

    pub(crate) async fn entries_are_found_by_each_filter_and_by_time(store: &Store) {
        project(store, "a").await;
        project(store, "b").await;
        let mut ids = Vec::new();
        for minute in 0..10 {
            let days = at(minute * 3 * 24 * 3600);
            let context = Context { request_id: Some(format!("r{minute}")), ..context() };
            let job = job_with(at(40 * 24 * 3600), |job| {
                job.project_id = if minute < 5 { "a" } else { "b" }.to_owned()
            });
            ids.push(store.create_jobs(context, days, vec![job]).await.unwrap().value[0].id.to_string());
        }
        let count = |filter| async { entries(store, filter).await.len() };
        assert_eq!(count(AuditFilter::default()).await, 12, "and two projects");
        let none = || AuditFilter { subject_kind: Some("job".to_owned()), ..AuditFilter::default() };
        assert_eq!(count(AuditFilter { request_id: Some("r3".to_owned()), ..none() }).await, 1);
        assert_eq!(count(AuditFilter { subject_id: Some(ids[4].clone()), ..none() }).await, 1);
        assert_eq!(count(AuditFilter { project_id: Some("a".to_owned()), ..none() }).await, 5);
        assert_eq!(count(AuditFilter { subject_kind: Some("job".to_owned()), ..none() }).await, 10);
        assert_eq!(count(AuditFilter { actor: Some("nobody".to_owned()), ..none() }).await, 0);
        let days = |count: u64| Some(at(count * 24 * 3600));
        for (from, to, expected) in [
            (days(0), days(27), 10),
            (days(3), days(6), 2),
            (days(4), days(5), 0),
            (days(27), None, 1),
            (None, days(0), 1),
            (days(28), None, 0),
            (days(9), days(3), 0),
        ] {
            assert_eq!(count(AuditFilter { from, to, ..none() }).await, expected, "{from:?} {to:?}");
        }
        let restricted = Context { allowed_projects: Some(vec!["b".to_owned()]), ..context() };
        let seen = store.audit_entries(restricted, none(), 200, None).await.unwrap().items;
        assert_eq!(seen.len(), 5);
        let wrong = store.audit_entries(context(), none(), 3, Some("x".to_owned())).await;
        assert!(matches!(wrong, Err(StoreError::Refused(Refusal::Invalid(_)))));
    }

    pub(crate) async fn a_page_of_a_rare_kind_ends_with_a_place_to_go_on(store: &Store) {
        let job = create(store, new_job(at(60))).await;
        store.change_job(context(), at(1), job.id, cancel()).await.unwrap();
        for _ in 0..12 {
            store.create_jobs(context(), at(2), (0..1_000).map(|_| new_job(at(60))).collect()).await.unwrap();
        }
        let rare = AuditFilter { actions: vec!["job.cancel".to_owned()], ..AuditFilter::default() };
        assert_eq!(entries(store, rare).await.len(), 1);
    }
}
