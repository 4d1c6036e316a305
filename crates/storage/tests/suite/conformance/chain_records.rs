//! Chains and their executions as records: kept, edited, listed, removed; what runs is a snapshot.

crate::conformance::on_both!(
    a_chain_is_kept_edited_and_removed,
    what_runs_is_a_snapshot,
    the_same_key_begins_one_execution,
    restricted_callers_see_their_projects,
    the_previous_link_is_told,
    pages_are_in_order,
    old_executions_are_removed,
);

pub(crate) mod exercise {
    use crate::conformance::chain_fixture::*;
    use crate::fixture::*;
    use bytes::Bytes;
    use oneoff_domain::*;
    use oneoff_storage::*;

    pub(crate) async fn a_chain_is_kept_edited_and_removed(store: &Store) {
        let chain = chain_of(store, vec![plain(), plain()]).await;
        assert_eq!(store.chain(chain.id).await.unwrap().as_ref(), Some(&chain));
        assert_eq!((chain.version, chain.created_by.as_deref()), (1, Some("local")));
        let missing = ChainLink { source: LinkSource::Job(job_id()), ..plain() };
        let wrong =
            ChainEdit { name: Some("new".to_owned()), links: Some(vec![missing]), ..ChainEdit::default() };
        let error = store.change_chain(context(), at(1), chain.id, wrong).await.unwrap_err();
        let StoreError::Refused(Refusal::Invalid(errors)) = error else { panic!("{error}") };
        assert_eq!(errors.0[0].pointer, "/links/0/job_id");
        assert_eq!(store.chain(chain.id).await.unwrap().as_ref(), Some(&chain), "all of an edit or nothing");
        let edit = ChainEdit { description: Some(Some("d".to_owned())), ..ChainEdit::default() };
        let stale = Context { if_match: Some(9), ..context() };
        let error = store.change_chain(stale.clone(), at(1), chain.id, edit.clone()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::VersionMismatch { expected: 9, actual: 1 })));
        let edited = store.change_chain(context(), at(1), chain.id, edit).await.unwrap();
        assert_eq!((edited.version, edited.description.as_deref()), (2, Some("d")));
        assert_eq!(store.chain(chain.id).await.unwrap().as_ref(), Some(&edited));
        assert!(store.delete_chain(stale, at(2), chain.id).await.is_err());
        assert_eq!(store.delete_chain(context(), at(2), chain.id).await.unwrap(), edited);
        assert_eq!(store.chain(chain.id).await.unwrap(), None);
        let kinds = event_kinds(store).await;
        assert_eq!(kinds, [EventKind::ChainCreated, EventKind::ChainUpdated, EventKind::ChainDeleted]);
        let error = store.delete_chain(context(), at(2), chain.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::NotFound { kind: "chain", .. })));
    }

    pub(crate) async fn what_runs_is_a_snapshot(store: &Store) {
        project(store, "other").await;
        let original = create(
            store,
            job_with(at(9000), |definition| {
                definition.name = "original".to_owned();
                definition.project_id = "other".to_owned();
                definition.external_id = Some("x".to_owned());
            }),
        )
        .await;
        let copy = || ChainLink { source: LinkSource::Job(original.id), ..plain() };
        let chain = chain_of(store, vec![plain(), copy()]).await;
        let (first, second) = (execute(store, &chain).await, execute(store, &chain).await);
        assert_eq!(first.links[1].source_job, Some(original.id));
        let rename = ChainEdit { links: Some(vec![plain()]), ..ChainEdit::default() };
        store.change_chain(context(), at(1), chain.id, rename).await.unwrap();
        store.delete_chain(context(), at(1), chain.id).await.unwrap();
        let unchanged = job_now(store, original.id).await;
        assert_eq!(unchanged, original, "it is copied, and neither started nor changed");
        store.change_job(context(), at(1), original.id, delete()).await.unwrap();
        for execution in [first, second] {
            run(store, &execution, AttemptOutcome::success(), 2).await;
            let job = active_job(store, &execution).await;
            assert_eq!(job.definition.name, "original");
            assert_eq!((job.definition.project_id.as_str(), job.definition.external_id), ("default", None));
            run(store, &execution, AttemptOutcome::success(), 4).await;
            assert_eq!(now(store, &execution).await.status, ChainStatus::Completed);
        }
        let chain = chain_of(store, vec![plain()]).await;
        let error = try_execute(store, context(), chain_id(), noon()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::NotFound { kind: "chain", .. })));
        let stale = Context { if_match: Some(2), ..context() };
        assert!(try_execute(store, stale, chain.id, noon()).await.is_err());
    }

    pub(crate) async fn the_same_key_begins_one_execution(store: &Store) {
        let chain = chain_of(store, vec![plain()]).await;
        let first = try_execute(store, with_key("k", "f"), chain.id, noon()).await.unwrap();
        let again = try_execute(store, with_key("k", "f"), chain.id, noon()).await.unwrap();
        assert_eq!((first.replayed, again.replayed), (false, true));
        assert_eq!(first.value, again.value);
        let other = try_execute(store, with_key("k", "g"), chain.id, noon()).await.unwrap_err();
        assert!(matches!(other, StoreError::Refused(Refusal::IdempotencyMismatch)));
        assert_eq!(count(store, EventKind::JobCreated).await, 1);
        let made = store.create_chain(with_key("c", "f"), noon(), new_chain(vec![plain()])).await.unwrap();
        let again = store.create_chain(with_key("c", "f"), noon(), new_chain(vec![plain()])).await.unwrap();
        assert_eq!((made.value.id, again.replayed), (again.value.id, true));
    }

    pub(crate) async fn restricted_callers_see_their_projects(store: &Store) {
        let only = |project: &str| Context { allowed_projects: Some(vec![project.to_owned()]), ..context() };
        let chain = chain_of(store, vec![plain()]).await;
        let execution = execute(store, &chain).await;
        project(store, "mine").await;
        let stranger = only("mine");
        let edit = ChainEdit { name: Some("x".to_owned()), ..ChainEdit::default() };
        assert!(store.change_chain(stranger.clone(), at(1), chain.id, edit).await.is_err());
        assert!(store.delete_chain(stranger.clone(), at(1), chain.id).await.is_err());
        assert!(try_execute(store, stranger.clone(), chain.id, noon()).await.is_err());
        assert!(store.cancel_chain_execution(stranger.clone(), at(1), execution.id).await.is_err());
        assert!(store.create_chain(stranger.clone(), noon(), new_chain(vec![plain()])).await.is_err());
        let foreign = create(store, new_job(at(9000))).await;
        let copy = ChainLink { source: LinkSource::Job(foreign.id), ..plain() };
        let mut theirs = new_chain(vec![copy.clone()]);
        theirs.project_id = "mine".to_owned();
        let error = store.create_chain(stranger.clone(), noon(), theirs.clone()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::Invalid(_))), "{error}");
        let theirs = store.create_chain(context(), noon(), theirs).await.unwrap().value;
        let error = try_execute(store, stranger, theirs.id, noon()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::Invalid(_))), "{error}");
        let filter =
            ChainFilter { allowed_projects: Some(vec!["mine".to_owned()]), ..ChainFilter::default() };
        let page = store.chains(filter, page(ChainSort::Name, SortOrder::Ascending, 10)).await.unwrap();
        assert_eq!(page.items, [theirs]);
        assert_eq!(page.total, Some(1));
    }

    pub(crate) async fn the_previous_link_is_told(store: &Store) {
        let skipped = link(RunIf::Failure, true, |_definition| ());
        let execution = begin(store, vec![plain(), skipped, plain()]).await;
        let origin = |index| Origin { kind: OriginKind::Chain, id: execution.id.to_string(), index };
        assert_eq!(store.previous_link(origin(0), 100).await.unwrap(), None);
        let claimed = start(store, &execution, 1).await;
        let chunk = |stream, offset, text: &'static str| NewOutputChunk {
            stream,
            offset,
            at: at(1),
            bytes: Bytes::from(text),
        };
        let mut end = ending(&claimed, AttemptOutcome::success().with_exit_code(Some(0)), at(2));
        end.output = vec![
            chunk(OutputStream::Stdout, 0, "one\n"),
            chunk(OutputStream::Stderr, 4, "noise"),
            chunk(OutputStream::Stdout, 9, "zwö\n"),
        ];
        // More line breaks than are read at a time.
        end.output.extend((0..9).map(|n| chunk(OutputStream::Stdout, 14 + 4 * n, "\n\r\n\n")));
        store.finish(end).await.unwrap();
        let told = store.previous_link(origin(2), 100).await.unwrap().unwrap();
        let expected = PreviousLink {
            status: LinkStatus::Completed,
            job_id: execution.links[0].job_id,
            execution_id: Some(claimed.execution_id),
            exit_code: Some(0),
            output: "one\nzwö".to_owned(),
            output_truncated: false,
        };
        assert_eq!(told, expected);
        let cut = store.previous_link(origin(2), 4).await.unwrap().unwrap();
        assert_eq!((cut.output.as_str(), cut.output_truncated), ("zwö", true));
        let unknown = Origin { kind: OriginKind::Chain, id: job_id().to_string(), index: 1 };
        assert_eq!(store.previous_link(unknown, 100).await.unwrap(), None);
    }

    pub(crate) async fn pages_are_in_order(store: &Store) {
        let mut all = Vec::new();
        for name in ["b", "a", "ü", "a", "c"] {
            let chain = NewChain { name: name.to_owned(), ..new_chain(vec![plain()]) };
            all.push(store.create_chain(context(), noon(), chain).await.unwrap().value);
        }
        let mut names = Vec::new();
        let mut request = page(ChainSort::Name, SortOrder::Ascending, 2);
        loop {
            let page = store.chains(ChainFilter::default(), request.clone()).await.unwrap();
            assert_eq!(page.total, Some(5));
            names.extend(page.items.into_iter().map(|chain| chain.name));
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                break;
            }
        }
        assert_eq!(names, ["a", "a", "b", "c", "ü"]);
        let mut executions = Vec::new();
        for chain in [&all[0], &all[1], &all[0]] {
            executions.push(execute(store, chain).await.id);
        }
        store.cancel_chain_execution(context(), at(1), executions[0]).await.unwrap();
        let list = async |filter: ChainExecutionFilter| {
            let mut request = page(ChainExecutionSort::CreatedAt, SortOrder::Descending, 1);
            let mut found = Vec::new();
            loop {
                let page = store.chain_executions(filter.clone(), request.clone()).await.unwrap();
                found.extend(page.items.into_iter().map(|execution| execution.id));
                request.cursor = page.next_cursor;
                if request.cursor.is_none() {
                    return found;
                }
            }
        };
        assert_eq!(
            list(ChainExecutionFilter::default()).await,
            [executions[2], executions[1], executions[0]]
        );
        let of_chain = ChainExecutionFilter { chain_id: Some(all[0].id), ..ChainExecutionFilter::default() };
        assert_eq!(list(of_chain).await, [executions[2], executions[0]]);
        let statuses = vec![ChainStatus::Cancelled];
        let cancelled = ChainExecutionFilter { statuses, ..ChainExecutionFilter::default() };
        assert_eq!(list(cancelled).await, [executions[0]]);
        let allowed_projects = Some(vec!["mine".to_owned()]);
        let none = ChainExecutionFilter { allowed_projects, ..ChainExecutionFilter::default() };
        assert!(list(none).await.is_empty());
    }

    pub(crate) async fn old_executions_are_removed(store: &Store) {
        let (old, new) = (begin(store, vec![plain()]).await, begin(store, vec![plain()]).await);
        run(store, &old, AttemptOutcome::success(), 1).await;
        run(store, &new, AttemptOutcome::success(), 100).await;
        let open = begin(store, vec![plain()]).await;
        let now_at = at(201);
        let policy = RetentionPolicy { jobs_before: at(50), ..RetentionPolicy::keep_all(now_at) };
        let mut removed = 0;
        loop {
            let slice = retain(store, policy.clone()).await.unwrap();
            removed += slice.records;
            if !slice.more {
                break;
            }
        }
        assert_eq!(removed, 1);
        assert_eq!(store.chain_execution(old.id).await.unwrap(), None);
        assert!(store.chain_execution(new.id).await.unwrap().is_some());
        assert!(store.chain_execution(open.id).await.unwrap().is_some());
    }
}
