//! A server that executes chains is killed around every commit that writes of them. The next one goes on: each link
//! runs once and in order, but for the attempt that was lost with the server.

use crate::side_by_side;
use oneoff_api_types::{
    ChainExecutionView, ChainLinkRequest, CreateChain, CreateJob, ExecuteChain, UpdateChain,
};
use oneoff_client::{ChainExecutionQuery, ChainQuery, Client, ClientError};
use oneoff_domain::{Clock as _, ExecutionStatus, Job, Reason};
use oneoff_faults::points;
use oneoff_pg_fixture::{Cluster, Settings};
use oneoff_scheduler::SystemClock;
use oneoff_storage::{ExecutionFilter, ExecutionSort, JobFilter, JobSort, PageRequest, SortOrder, Store};
use oneoff_torture::plan::{KillAt, LifePlan};
use oneoff_torture::server::{Place, Server, Started};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a chain may take until it is over.
const WITHIN: Duration = Duration::from_secs(60);
const LINKS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_of_chains_breaks_no_promise() {
    every_point(None, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_of_chains_breaks_no_promise_on_postgres() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    // Most of the time is spent on waiting for the end of a lease.
    every_point(Some(Arc::new(cluster)), 6).await;
}

async fn every_point(cluster: Option<Arc<Cluster>>, at_a_time: usize) {
    let one = |number, point| one_point(number, point, cluster.clone());
    side_by_side::walk(points::points_of_chains(), at_a_time, one).await;
}

/// Kills a server at this point, and looks at what the next one makes of it.
async fn one_point(number: usize, point: String, cluster: Option<Arc<Cluster>>) {
    let directory = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_oneoff-armed-server").into();
    let database = cluster.as_ref().map(|cluster| cluster.database().unwrap());
    let place = match &database {
        Some(database) => Place::on_postgres(program, directory.path().to_owned(), database.url().to_owned()),
        None => Place::with_file(program, directory.path().to_owned()),
    };
    // A step is passed for each link that ends; which of them, changes from point to point.
    let passing = if point.starts_with("chain_step") { 1 + number as u64 % 4 } else { 1 };
    let kill = KillAt { point: point.clone(), passing, after: Duration::ZERO };
    let on_server = database.is_some();
    let plan = LifePlan { kill: Some(kill), on_server, ..LifePlan::default() };
    let Started::Listening(mut server) = Server::start(&place, &plan).await.unwrap() else {
        panic!("{point}: it does not listen")
    };
    // It ends with the server, or the server outlives it and is not killed at all.
    let worked = work(&server.client).await;
    assert!(worked.is_err(), "{point}: no workload came by");
    tokio::time::timeout(WITHIN, server.death()).await.expect(&point).expect(&point);

    let unarmed = LifePlan { on_server, ..LifePlan::default() };
    let Started::Listening(mut server) = Server::start(&place, &unarmed).await.unwrap() else {
        panic!("{point}: it does not listen again")
    };
    let executions = work(&server.client).await.unwrap_or_else(|error| panic!("{point}: {error}"));
    judge(&point, &executions);
    let chains = server.client.chains(&ChainQuery::default()).await.unwrap().data;
    assert_eq!(chains.iter().map(|chain| chain.description.as_deref()).collect::<Vec<_>>(), [Some("edited")]);
    let all = server.client.chain_executions(&ChainExecutionQuery::default()).await.unwrap().data;
    assert_eq!(all.len(), executions.len(), "{point}");
    server.stop().await.unwrap();
    judge_store(&point, &place, &executions).await;
}

fn link(number: usize) -> ChainLinkRequest {
    let script = format!(
        "say() {{ echo \"$ONEOFF_CHAIN_EXECUTION_ID $1 $ONEOFF_EXECUTION_ID\" >> journal; }}; \
         [ \"$ONEOFF_CHAIN_LINK\" = {number} ] || exit 9; say begin; sleep 0.05; say end"
    );
    let config = json!({ "script": script });
    let job = CreateJob {
        job_type: "shell".to_owned(),
        config: config.as_object().unwrap().clone(),
        ..CreateJob::default()
    };
    ChainLinkRequest { job: Some(job), ..ChainLinkRequest::default() }
}

fn chain(name: &str) -> CreateChain {
    let links = (1..=LINKS).map(link).collect();
    CreateChain { name: name.to_owned(), links: Some(links), ..CreateChain::default() }
}

/// Does all that can be done with chains. Done again with the next server, it does nothing twice.
async fn work(client: &Client) -> Result<Vec<ChainExecutionView>, ClientError> {
    let kept = client.create_chain_with_key(&chain("kept"), "kept").await?;
    let removed = match client.create_chain_with_key(&chain("removed"), "removed").await {
        Err(error) if error.status() == Some(404) => None,
        made => Some(made?),
    };
    let edit = UpdateChain { description: Some(Some("edited".to_owned())), ..UpdateChain::default() };
    client.update_chain(&kept.id, &edit, None).await?;
    if let Some(removed) = removed {
        client.delete_chain(&removed.id, None).await?;
    }
    let start = ExecuteChain::default();
    let mut ids = Vec::new();
    for key in ["first", "second", "cancelled"] {
        ids.push(client.execute_chain_with_key(&kept.id, &start, key).await?.id);
    }
    match client.cancel_chain_execution(&ids[2]).await {
        // It was over before, or the last server had heard of the cancel.
        Err(error) if error.status() == Some(409) => {}
        answer => drop(answer?),
    }
    let mut executions = Vec::new();
    for id in ids {
        executions.push(client.chain_execution_after(&id, WITHIN).await?);
    }
    Ok(executions)
}

fn judge(point: &str, executions: &[ChainExecutionView]) {
    for execution in &executions[..2] {
        assert_eq!(execution.status, "completed", "{point}: {execution:?}");
        assert!(execution.links.iter().all(|link| link.status == "completed"), "{point}: {execution:?}");
    }
    let last = &executions[2];
    assert!(["completed", "cancelled"].contains(&last.status.as_str()), "{point}: {last:?}");
}

fn page<S>(sort: S) -> PageRequest<S> {
    PageRequest { sort, order: SortOrder::Ascending, limit: 200, cursor: None, with_total: false }
}

/// Each link has one job, and as many executions as one and those that were lost.
async fn judge_store(point: &str, place: &Place, executions: &[ChainExecutionView]) {
    let options = place.store().unwrap();
    let store =
        tokio::task::spawn_blocking(move || Store::open(options, SystemClock.now())).await.unwrap().unwrap();
    assert_eq!(store.inconsistencies().await.unwrap(), Vec::<String>::new(), "{point}");
    let jobs: Vec<Job> = store.jobs(JobFilter::default(), page(JobSort::CreatedAt)).await.unwrap().items;
    let expected = executions.iter().flat_map(|execution| &execution.links);
    let mut expected: Vec<&str> = expected.filter_map(|link| link.job_id.as_deref()).collect();
    let ids: Vec<String> = jobs.iter().map(|job| job.id.to_string()).collect();
    let mut found: Vec<&str> = ids.iter().map(String::as_str).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "{point}: each link has its one job");
    let attempts =
        store.executions(ExecutionFilter::default(), page(ExecutionSort::StartedAt)).await.unwrap().items;
    let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
    for attempt in &attempts {
        let was_lost = matches!(attempt.reason, Some(Reason::Lost | Reason::Shutdown));
        assert_ne!(attempt.status, ExecutionStatus::Running, "{point}");
        if let Some(id) = ids.iter().find(|id| **id == attempt.job_id.to_string()).filter(|_| !was_lost) {
            *kept.entry(id).or_default() += 1;
        }
    }
    assert!(kept.values().all(|count| *count == 1), "{point}: {attempts:?}");
    let journal = std::fs::read_to_string(place.journal()).unwrap_or_default();
    for execution in executions.iter().filter(|execution| execution.status == "completed") {
        judge_order(point, execution, &journal);
    }
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
}

/// The last execution of each link begins after that of the one before has ended.
fn judge_order(point: &str, execution: &ChainExecutionView, journal: &str) {
    let line = |word: &str, link: usize| {
        let id = execution.links[link].execution_id.as_deref().unwrap();
        let wanted = format!("{} {word} {id}", execution.id);
        let place = journal.lines().position(|line| line == wanted);
        place.unwrap_or_else(|| panic!("{point}: no `{wanted}` in {journal}"))
    };
    for link in 0..LINKS {
        assert!(line("begin", link) < line("end", link), "{point}: {journal}");
        if link > 0 {
            assert!(line("end", link - 1) < line("begin", link), "{point}: {journal}");
        }
    }
}
