//! Chains to put into stores, and their executions.

use crate::fixture::*;
use oneoff_domain::*;
use oneoff_storage::*;

pub(crate) fn chain_id() -> ChainId {
    job_id().to_string().parse().unwrap()
}

pub(crate) fn link(run_if: RunIf, stop_on_failure: bool, edit: impl FnOnce(&mut JobDefinition)) -> ChainLink {
    let mut definition = definition();
    edit(&mut definition);
    ChainLink {
        id: job_id().to_string(),
        source: LinkSource::Definition(Box::new(definition)),
        rule: LinkRule { run_if, stop_on_failure },
        created_at: noon(),
    }
}

pub(crate) fn plain() -> ChainLink {
    link(RunIf::Success, true, |_definition| ())
}

pub(crate) fn new_chain(links: Vec<ChainLink>) -> NewChain {
    let project_id = "default".to_owned();
    NewChain { id: chain_id(), name: "nächtlich 🌙".to_owned(), description: None, project_id, links }
}

pub(crate) async fn chain_of(store: &Store, links: Vec<ChainLink>) -> Chain {
    store.create_chain(context(), noon(), new_chain(links)).await.unwrap().value
}

pub(crate) async fn try_execute(
    store: &Store,
    context: Context,
    chain_id: ChainId,
    scheduled_at: Timestamp,
) -> Result<Written<ChainExecution>, StoreError> {
    let id = job_id().to_string().parse().unwrap();
    let new = NewChainExecution { id, chain_id, scheduled_at };
    store.execute_chain(context, noon(), new, job_id).await
}

pub(crate) async fn execute(store: &Store, chain: &Chain) -> ChainExecution {
    try_execute(store, context(), chain.id, noon()).await.unwrap().value
}

pub(crate) async fn begin(store: &Store, links: Vec<ChainLink>) -> ChainExecution {
    let chain = chain_of(store, links).await;
    execute(store, &chain).await
}

pub(crate) async fn now(store: &Store, execution: &ChainExecution) -> ChainExecution {
    store.chain_execution(execution.id).await.unwrap().unwrap()
}

pub(crate) fn statuses(execution: &ChainExecution) -> Vec<LinkStatus> {
    execution.links.iter().map(|link| link.status).collect()
}

/// The job of the active link.
pub(crate) async fn active_job(store: &Store, execution: &ChainExecution) -> Job {
    let execution = now(store, execution).await;
    job_now(store, execution.active_link().unwrap().job_id).await
}

/// Claims the job of the active link.
pub(crate) async fn start(store: &Store, execution: &ChainExecution, second: u64) -> ClaimedJob {
    let job = active_job(store, execution).await;
    claim(store, at(second), &job).await
}

/// Runs the job of the active link.
pub(crate) async fn run(
    store: &Store,
    execution: &ChainExecution,
    outcome: AttemptOutcome,
    second: u64,
) -> Job {
    let claimed = start(store, execution, second).await;
    finish(store, &claimed, outcome, at(second + 1)).await
}

pub(crate) fn failed() -> AttemptOutcome {
    AttemptOutcome::failed(Reason::ExitCode, "exit 3").with_exit_code(Some(3))
}

pub(crate) async fn count(store: &Store, kind: EventKind) -> usize {
    event_kinds(store).await.into_iter().filter(|found| *found == kind).count()
}
