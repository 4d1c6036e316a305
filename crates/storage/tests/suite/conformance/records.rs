//! Projects and settings; what a paused project keeps from starting; what becomes of the jobs of one that is
//! deleted; the sums of what ended.

crate::conformance::on_both!(
    there_are_a_default_project_and_the_tags_of_v1,
    a_project_is_made_changed_and_found,
    names_are_taken_once_and_versions_are_checked,
    a_repeated_request_makes_one_project,
    nothing_of_a_paused_project_is_claimed,
    jobs_go_to_projects_that_are_there_and_open,
    a_project_with_jobs_is_deleted_only_with_a_word_about_them,
    the_jobs_of_a_deleted_project_are_moved_or_deleted,
    a_removal_that_was_broken_off_goes_on,
    settings_are_stored_together_and_taken_back,
    every_change_of_a_record_has_an_event_and_an_audit_row,
    what_ended_is_summed_up,
    a_refused_change_is_not_known_to_anybody,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    fn named(name: &str) -> ProjectChange {
        ProjectChange { name: Some(name.to_owned()), ..ProjectChange::default() }
    }

    fn pause(is_paused: bool) -> ProjectChange {
        ProjectChange { is_paused: Some(is_paused), ..ProjectChange::default() }
    }

    async fn change_project(store: &Store, id: &str, change: ProjectChange) -> Result<Project, StoreError> {
        let written = store.update_project(context(), at(5), id.to_owned(), change, "project.update").await?;
        Ok(written.value)
    }

    fn of(project: &str, due: Timestamp) -> NewJob {
        job_with(due, |definition| definition.project_id = project.to_owned())
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
        match result {
            Err(StoreError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) async fn there_are_a_default_project_and_the_tags_of_v1(store: &Store) {
        let catalog = store.catalog();
        assert_eq!(catalog.projects.len(), 1);
        let project = &catalog.projects[DEFAULT_PROJECT];
        assert_eq!((project.name.as_str(), project.color.as_deref()), ("Default Project", Some("#6366f1")));
        assert!(!project.is_paused && !project.is_archived && project.description.is_some());
        let mut names: Vec<&str> = catalog.tags.values().map(|tag| tag.name.as_str()).collect();
        names.sort_unstable();
        let of_v1 = "backup cleanup deployment maintenance migration production staging testing";
        assert_eq!(names.join(" "), of_v1);
        assert!(catalog.tags.values().all(|tag| tag.is_default && tag.color.is_some()));
        assert_eq!(*catalog, *store.read_catalog().await.unwrap());
    }

    pub(crate) async fn a_project_is_made_changed_and_found(store: &Store) {
        let change = ProjectChange {
            description: Some(Some("Grüße 🌍".to_owned())),
            icon: Some(Some(String::new())),
            ..named("one")
        };
        let made = store.create_project(context(), noon(), "p1".to_owned(), change).await.unwrap().value;
        assert_eq!((made.version, made.icon.as_deref()), (1, None), "nothing is no icon");
        assert_eq!(store.catalog().projects["p1"], made);
        let cleared = ProjectChange { description: Some(None), is_archived: Some(true), ..named("two") };
        let changed = change_project(store, "p1", cleared.clone()).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.description.as_deref()), ("two", None));
        assert!(changed.is_archived && changed.version == 2 && changed.updated_at == at(5));
        let same = change_project(store, "p1", cleared).await.unwrap();
        assert_eq!(same, changed, "what changes nothing makes no new version");
        assert_eq!(store.read_catalog().await.unwrap().projects["p1"], changed);
    }

    pub(crate) async fn names_are_taken_once_and_versions_are_checked(store: &Store) {
        project(store, "a").await;
        project(store, "b").await;
        let taken = store.create_project(context(), noon(), "c".to_owned(), named("a")).await;
        assert!(matches!(refusal(taken), Refusal::Taken { kind: "project", field: "name", .. }));
        assert!(matches!(refusal(change_project(store, "b", named("a")).await), Refusal::Taken { .. }));
        let old = Context { if_match: Some(7), ..context() };
        let mismatch = store.update_project(old, at(1), "a".to_owned(), named("x"), "project.update").await;
        assert_eq!(refusal(mismatch), Refusal::VersionMismatch { expected: 7, actual: 1 });
        assert!(matches!(refusal(change_project(store, "none", named("x")).await), Refusal::NotFound { .. }));
        let theirs = Context { allowed_projects: Some(vec!["b".to_owned()]), ..context() };
        let barred =
            store.update_project(theirs.clone(), at(1), "a".to_owned(), named("x"), "project.update").await;
        assert!(matches!(refusal(barred), Refusal::NotFound { .. }), "what they may not touch is not there");
        let made = store.create_project(theirs, noon(), "d".to_owned(), named("d")).await;
        assert!(matches!(refusal(made), Refusal::Barred { .. }));
        let archived = ProjectChange { is_archived: Some(true), ..ProjectChange::default() };
        assert!(matches!(refusal(change_project(store, "default", archived).await), Refusal::Invalid(_)));
    }

    pub(crate) async fn a_repeated_request_makes_one_project(store: &Store) {
        let make = |id: &str, name: &str, fingerprint: &str| {
            store.create_project(with_key("k", fingerprint), noon(), id.to_owned(), named(name))
        };
        let first = make("p1", "one", "f").await.unwrap();
        let again = make("p2", "one", "f").await.unwrap();
        assert!(!first.replayed && again.replayed);
        assert_eq!(again.value, first.value);
        assert_eq!(refusal(make("p3", "other", "g").await), Refusal::IdempotencyMismatch);
        store.begin_project_removal(context(), at(1), "p1".to_owned(), JobsOfProject::Refuse).await.unwrap();
        assert!(matches!(refusal(make("p2", "one", "f").await), Refusal::Removed { .. }));
    }

    pub(crate) async fn nothing_of_a_paused_project_is_claimed(store: &Store) {
        let heard = HeardCommits::on(store);
        project(store, "p").await;
        let (job, other) = (create(store, of("p", at(1))).await, create(store, new_job(at(1))).await);
        let running = claim(store, at(2), &create(store, of("p", at(1))).await).await;
        heard.changes();
        change_project(store, "p", pause(true)).await.unwrap();
        let told = heard.changes();
        let [Change::Catalog(catalog)] = told.as_slice() else { panic!("{told:?}") };
        assert!(catalog.is_paused("p") && !catalog.is_paused("default"));
        assert_eq!(try_claim(store, at(3), &job).await, ClaimResult::Paused(job.key));
        assert!(matches!(try_claim(store, at(3), &other).await, ClaimResult::Claimed(_)));
        assert_eq!(job_now(store, job.id).await, job, "it waits as before");
        let ended = finish(store, &running, AttemptOutcome::success(), at(4)).await;
        assert_eq!(ended.state.status, JobStatus::Completed, "what runs goes on");
        change_project(store, "p", pause(false)).await.unwrap();
        assert!(matches!(try_claim(store, at(6), &job).await, ClaimResult::Claimed(_)));
        let late = job_with(at(1), |definition| {
            definition.project_id = "p".to_owned();
            definition.max_lateness_seconds = Some(10);
            definition.on_late = OnLate::Skip;
        });
        let late = create(store, late).await;
        change_project(store, "p", pause(true)).await.unwrap();
        assert_eq!(try_claim(store, at(100), &late).await, ClaimResult::Paused(late.key));
        change_project(store, "p", pause(false)).await.unwrap();
        assert_eq!(try_claim(store, at(100), &late).await, ClaimResult::Missed(late.key));
    }

    pub(crate) async fn jobs_go_to_projects_that_are_there_and_open(store: &Store) {
        let unknown = store.create_jobs(context(), noon(), vec![of("none", at(1))]).await;
        let Refusal::Invalid(errors) = refusal(unknown) else { panic!() };
        assert_eq!(errors.0[0].pointer, "/project_id");
        project(store, "p").await;
        let job = create(store, of("p", at(1))).await;
        let archived = ProjectChange { is_archived: Some(true), ..ProjectChange::default() };
        change_project(store, "p", archived).await.unwrap();
        let closed = store.create_jobs(context(), noon(), vec![of("p", at(1))]).await;
        let Refusal::Invalid(errors) = refusal(closed) else { panic!() };
        assert!(errors.to_string().contains("archived"), "{errors}");
        assert!(matches!(try_claim(store, at(2), &job).await, ClaimResult::Claimed(_)), "what is there runs");
    }

    pub(crate) async fn a_project_with_jobs_is_deleted_only_with_a_word_about_them(store: &Store) {
        let begin = |id: &str, jobs: JobsOfProject| {
            store.begin_project_removal(context(), at(9), id.to_owned(), jobs)
        };
        project(store, "p").await;
        project(store, "empty").await;
        let job = create(store, of("p", at(1))).await;
        let refused = refusal(begin("p", JobsOfProject::Refuse).await);
        assert_eq!(refused, Refusal::ProjectHasJobs { id: "p".to_owned() });
        assert!(refused.to_string().contains("jobs=move"), "{refused}");
        claim(store, at(2), &job).await;
        assert_eq!(
            refusal(begin("p", JobsOfProject::Delete).await),
            Refusal::ProjectRuns { id: "p".to_owned() }
        );
        assert_eq!(refusal(begin("default", JobsOfProject::Delete).await), Refusal::DefaultProject);
        for to in ["p", "none"] {
            let move_to = begin("p", JobsOfProject::Move(to.to_owned())).await;
            let Refusal::Invalid(errors) = refusal(move_to) else { panic!() };
            assert_eq!(errors.0[0].pointer, "move_to");
        }
        assert!(matches!(refusal(begin("none", JobsOfProject::Refuse).await), Refusal::NotFound { .. }));
        let dry = Context { dry_run: true, ..context() };
        let tried = store.begin_project_removal(dry, at(9), "empty".to_owned(), JobsOfProject::Refuse).await;
        assert_eq!(tried.unwrap(), ProjectRemoval::Gone);
        assert!(store.catalog().projects.contains_key("empty"), "nothing was done");
        assert_eq!(begin("empty", JobsOfProject::Refuse).await.unwrap(), ProjectRemoval::Gone);
        assert!(!store.catalog().projects.contains_key("empty"));
    }

    async fn remove(store: &Store, id: &str, jobs: JobsOfProject) -> Result<(), StoreError> {
        let mut state = store.begin_project_removal(context(), at(9), id.to_owned(), jobs.clone()).await?;
        while state != ProjectRemoval::Gone {
            state = store.go_on_with_project_removal(context(), at(9), id.to_owned(), jobs.clone()).await?;
        }
        Ok(())
    }

    pub(crate) async fn the_jobs_of_a_deleted_project_are_moved_or_deleted(store: &Store) {
        project(store, "p").await;
        project(store, "q").await;
        let waiting = create(store, of("p", at(60))).await;
        let ended = create(store, of("p", at(1))).await;
        let claimed = claim(store, at(2), &ended).await;
        finish(store, &claimed, AttemptOutcome::success(), at(3)).await;
        let many = (0..450).map(|number| of("p", at(number))).collect();
        store.create_jobs(context(), noon(), many).await.unwrap();
        let before = store.counters().await.unwrap();
        remove(store, "p", JobsOfProject::Move("q".to_owned())).await.unwrap();
        assert_eq!(store.counters().await.unwrap(), before);
        assert_eq!(job_now(store, waiting.id).await.definition.project_id, "q");
        let moved = job_now(store, ended.id).await;
        assert_eq!((moved.definition.project_id.as_str(), moved.state.status), ("q", JobStatus::Completed));
        let of_q = JobFilter { project_id: Some("q".to_owned()), ..JobFilter::default() };
        for sort in [JobSort::CreatedAt, JobSort::ScheduledAt] {
            let listed = store.jobs(of_q.clone(), page(sort, SortOrder::Ascending, 200)).await.unwrap();
            assert_eq!((listed.total, listed.total_is_estimate), (Some(452), false));
        }
        assert!(matches!(
            try_claim(store, at(99), &job_now(store, waiting.id).await).await,
            ClaimResult::Claimed(_)
        ));
        let running = refusal(remove(store, "q", JobsOfProject::Delete).await);
        assert_eq!(running, Refusal::ProjectRuns { id: "q".to_owned() });
        project(store, "r").await;
        let gone = create(store, of("r", at(1))).await;
        remove(store, "r", JobsOfProject::Delete).await.unwrap();
        assert_eq!(store.job(gone.id).await.unwrap(), None);
        assert!(!store.catalog().projects.contains_key("r"));
    }

    pub(crate) async fn a_removal_that_was_broken_off_goes_on(store: &Store) {
        project(store, "p").await;
        let many = (0..250).map(|number| of("p", at(number))).collect();
        store.create_jobs(context(), noon(), many).await.unwrap();
        let begun =
            store.begin_project_removal(context(), at(9), "p".to_owned(), JobsOfProject::Delete).await;
        assert_eq!(begun.unwrap(), ProjectRemoval::More(0));
        let step = store.go_on_with_project_removal(context(), at(9), "p".to_owned(), JobsOfProject::Delete);
        assert_eq!(step.await.unwrap(), ProjectRemoval::More(200));
        // The server dies here. The project is there, closed, and keeps what is left.
        let project = store.read_catalog().await.unwrap().projects["p"].clone();
        assert!(project.is_archived && project.is_paused);
        assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Scheduled], 50);
        remove(store, "p", JobsOfProject::Delete).await.unwrap();
        assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Scheduled], 0);
    }

    pub(crate) async fn settings_are_stored_together_and_taken_back(store: &Store) {
        let set = |pairs: &[(&str, Option<&str>)]| {
            let changes = pairs.iter().map(|(key, value)| SettingChange {
                key: (*key).to_owned(),
                value: value.map(str::to_owned),
            });
            store.set_settings(context(), at(1), changes.collect())
        };
        assert_eq!(store.catalog().live, LiveSettings::default());
        set(&[("workers_count", Some("3")), ("default_priority", Some("9"))]).await.unwrap();
        let catalog = store.catalog();
        assert_eq!((catalog.live.workers_count, catalog.live.default_priority), (Some(3), Some(9)));
        assert_eq!(catalog.settings["workers_count"].updated_at, at(1));
        let version = catalog.version;
        set(&[("workers_count", Some("3"))]).await.unwrap();
        assert_eq!(store.catalog().version, version, "nothing has changed");
        set(&[("workers_count", None), ("reserved_slots", Some("1"))]).await.unwrap();
        let live = store.read_catalog().await.unwrap().live.clone();
        let expected =
            LiveSettings { default_priority: Some(9), reserved_slots: Some(1), ..LiveSettings::default() };
        assert_eq!(live, expected);
    }

    pub(crate) async fn every_change_of_a_record_has_an_event_and_an_audit_row(store: &Store) {
        project(store, "p").await;
        change_project(store, "p", pause(true)).await.unwrap();
        tag(store, "t").await;
        let renamed = TagChange { name: Some("u".to_owned()), ..TagChange::default() };
        store.update_tag(context(), at(1), "t".to_owned(), renamed).await.unwrap();
        store.delete_tag(context(), at(1), "t".to_owned()).await.unwrap();
        let one = SettingChange { key: "workers_count".to_owned(), value: Some("2".to_owned()) };
        store.set_settings(context(), at(1), vec![one]).await.unwrap();
        store.begin_project_removal(context(), at(1), "p".to_owned(), JobsOfProject::Refuse).await.unwrap();
        use EventKind::*;
        let expected = [
            ProjectCreated,
            ProjectUpdated,
            TagCreated,
            TagUpdated,
            TagDeleted,
            SettingsUpdated,
            ProjectDeleted,
        ];
        assert_eq!(event_kinds(store).await, expected);
        let events = events_after(store, 0, 100).await.unwrap().unwrap();
        assert_eq!(events[1].event.project_id, "p");
        assert_eq!(events[1].event.data["project"]["is_paused"], true);
        assert!(expected.iter().all(|kind| kind.changes_catalog()));
    }

    pub(crate) async fn what_ended_is_summed_up(store: &Store) {
        let none = store.run_numbers(at(9)).await.unwrap();
        assert_eq!(none, RunNumbers::default());
        let end = async |now: Timestamp, outcome: AttemptOutcome, duration_us: i64| {
            let claimed = claim(store, now, &create(store, new_job(now)).await).await;
            store.finish(Finish { duration_us, ..ending(&claimed, outcome, now) }).await.unwrap();
        };
        let hour = 3600;
        end(at(1), AttemptOutcome::success(), 1_000).await;
        end(at(2), AttemptOutcome::success(), 3_000).await;
        end(at(3), AttemptOutcome::failed(Reason::ExitCode, "x"), 5_000).await;
        end(at(4), AttemptOutcome::cancelled(), 5_000).await;
        let today = store.run_numbers(at(10)).await.unwrap();
        assert_eq!((today.completed_today, today.failed_recent), (2, 1));
        assert!((today.avg_duration_us - 2_000.0).abs() < 0.001, "{today:?}");
        // Noon has passed by thirteen hours: another day, and still less than a day ago.
        let tomorrow = store.run_numbers(at(13 * hour)).await.unwrap();
        assert_eq!((tomorrow.completed_today, tomorrow.failed_recent), (0, 1));
        let later = store.run_numbers(at(26 * hour)).await.unwrap();
        assert_eq!((later.completed_today, later.failed_recent), (0, 0));
        // The same row is used again after 25 hours, and what comes late does not disturb it.
        end(at(25 * hour), AttemptOutcome::success(), 2_000).await;
        end(at(20), AttemptOutcome::success(), 2_000).await;
        let again = store.run_numbers(at(25 * hour)).await.unwrap();
        assert_eq!(again.completed_today, 1);
        assert!((again.avg_duration_us - 2_000.0).abs() < 0.001, "{again:?}");
    }

    pub(crate) async fn a_refused_change_is_not_known_to_anybody(store: &Store) {
        // The first of them is made before the last is refused: there would be too many.
        let room = limits::ALL_TAGS_MAX - store.catalog().tags.len();
        let names = |range: std::ops::Range<usize>| {
            range.map(|number| (format!("i{number}"), format!("n{number}"))).collect::<Vec<_>>()
        };
        let before = store.catalog();
        assert!(matches!(
            refusal(store.ensure_tags(context(), noon(), names(0..room + 1)).await),
            Refusal::TooMany { .. }
        ));
        assert_eq!(*store.catalog(), *before);
        assert_eq!(*store.read_catalog().await.unwrap(), *before);
        let unknown = store.create_jobs(context(), noon(), vec![of("none", at(1))]).await;
        assert!(matches!(refusal(unknown), Refusal::Invalid(_)), "nor to the writer");
        project(store, "p").await;
        assert_eq!(store.catalog().version, before.version + 1);
    }
}

/// A pause on one node is obeyed by another that has not heard of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_obeyed_by_nodes_that_have_not_heard_of_it() {
    use crate::fixture::*;
    use oneoff_domain::ProjectChange;
    use oneoff_storage::ClaimResult;
    let one = ServerStore::new();
    let other = ServerStore::open(&one.database);
    project(&one.store, "p").await;
    let job = job_with(at(1), |definition| definition.project_id = "p".to_owned());
    let job = create(&one.store, job).await;
    assert!(!other.catalog().projects.contains_key("p"), "it has not heard");
    let pause = |is_paused| {
        let change = ProjectChange { is_paused: Some(is_paused), ..ProjectChange::default() };
        one.store.update_project(context(), at(2), "p".to_owned(), change, "project.pause")
    };
    pause(true).await.unwrap();
    assert_eq!(try_claim(&other, at(3), &job).await, ClaimResult::Paused(job.key));
    assert!(other.catalog().is_paused("p"), "and has learned it by the claim");
    pause(false).await.unwrap();
    assert!(matches!(try_claim(&other, at(3), &job).await, ClaimResult::Claimed(_)));
    other.close();
}
