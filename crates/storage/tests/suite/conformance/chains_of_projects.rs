//! What becomes of the chains of a project that is archived or deleted.

crate::conformance::on_both!(
    a_chain_that_runs_goes_on_when_its_project_is_archived,
    chains_of_a_deleted_project_are_moved_or_deleted,
);

pub(crate) mod exercise {
    use crate::conformance::chain_fixture::*;
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;

    fn of(project: &str) -> NewChain {
        let inline = link(RunIf::Success, true, |definition| definition.project_id = project.to_owned());
        NewChain { project_id: project.to_owned(), ..new_chain(vec![inline.clone(), inline]) }
    }

    async fn make(store: &Store, project: &str) -> Chain {
        store.create_chain(context(), noon(), of(project)).await.unwrap().value
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
        match result {
            Err(StoreError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn remove(store: &Store, id: &str, jobs: JobsOfProject) -> Result<(), StoreError> {
        let mut state = store.begin_project_removal(context(), at(9), id.to_owned(), jobs.clone()).await?;
        while state != ProjectRemoval::Gone {
            state = store.go_on_with_project_removal(context(), at(9), id.to_owned(), jobs.clone()).await?;
        }
        Ok(())
    }

    pub(crate) async fn a_chain_that_runs_goes_on_when_its_project_is_archived(store: &Store) {
        project(store, "p").await;
        let chain = make(store, "p").await;
        let execution = execute(store, &chain).await;
        let archived = ProjectChange { is_archived: Some(true), ..ProjectChange::default() };
        store.update_project(context(), at(1), "p".to_owned(), archived, "project.update").await.unwrap();
        run(store, &execution, AttemptOutcome::success(), 2).await;
        run(store, &execution, AttemptOutcome::success(), 4).await;
        assert_eq!(now(store, &execution).await.status, ChainStatus::Completed);
        let again = refusal(try_execute(store, context(), chain.id, noon()).await);
        assert!(matches!(again, Refusal::Invalid(_)), "{again:?}");
        let another = refusal(store.create_chain(context(), noon(), of("p")).await);
        assert!(matches!(another, Refusal::Invalid(_)), "{another:?}");
    }

    pub(crate) async fn chains_of_a_deleted_project_are_moved_or_deleted(store: &Store) {
        project(store, "p").await;
        project(store, "q").await;
        let mut chains = Vec::new();
        for _ in 0..45 {
            chains.push(make(store, "p").await);
        }
        let execution = execute(store, &chains[0]).await;
        for jobs in [JobsOfProject::Delete, JobsOfProject::Move("q".to_owned())] {
            assert_eq!(refusal(remove(store, "p", jobs).await), Refusal::ProjectRuns { id: "p".to_owned() });
        }
        run(store, &execution, AttemptOutcome::success(), 2).await;
        run(store, &execution, AttemptOutcome::success(), 4).await;
        let refused = refusal(remove(store, "p", JobsOfProject::Refuse).await);
        assert_eq!(refused, Refusal::ProjectHasJobs { id: "p".to_owned() });
        remove(store, "p", JobsOfProject::Move("q".to_owned())).await.unwrap();
        for chain in &chains {
            let moved = store.chain(chain.id).await.unwrap().unwrap();
            assert_eq!((moved.project_id.as_str(), moved.version), ("q", 2));
        }
        let again = execute(store, &store.chain(chains[44].id).await.unwrap().unwrap()).await;
        assert_eq!(active_job(store, &again).await.definition.project_id, "q");
        run(store, &again, failed(), 6).await;
        remove(store, "q", JobsOfProject::Delete).await.unwrap();
        assert_eq!(store.chain(chains[7].id).await.unwrap(), None);
        assert_eq!(count(store, EventKind::ChainDeleted).await, 45);
        assert!(!store.catalog().projects.contains_key("q"));
    }
}
