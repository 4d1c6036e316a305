//! A server that delivers webhooks is killed around every commit that writes of deliveries. The next one goes on: each
//! event arrives, those of a job in their order, and nothing is lost or made twice.

use oneoff_api_types::{CreateJob, Redeliver, WebhookRequest};
use oneoff_client::{Client, ClientError, DeliveryQuery};
use oneoff_domain::Clock as _;
use oneoff_fakes::{FakeReceiver, Received, Reply};
use oneoff_faults::armed;
use oneoff_pg_fixture::{Cluster, Settings};
use oneoff_scheduler::SystemClock;
use oneoff_storage::Store;
use oneoff_torture::plan::{KillAt, LifePlan};
use oneoff_torture::server::{Place, Server, Started};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long all deliveries may take.
const WITHIN: Duration = Duration::from_secs(60);
const JOBS: usize = 3;
const EVENTS: [&str; 3] = ["job.created", "job.started", "job.completed"];
/// Attempts of a webhook that are under way at the same time: so many may be lost with a server and are made again.
const UNDER_WAY: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_of_webhooks_breaks_no_promise() {
    every_point(None, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_of_webhooks_breaks_no_promise_on_postgres() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    // Most of the time is spent on waiting for the end of a lease.
    every_point(Some(Arc::new(cluster)), 6).await;
}

async fn every_point(cluster: Option<Arc<Cluster>>, side_by_side: usize) {
    let mut points = armed::points_of_webhooks().into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < side_by_side
            && let Some((number, point)) = points.next()
        {
            running.spawn(one_point(number, point, cluster.clone()));
        }
        match running.join_next().await {
            Some(done) => done.unwrap(),
            None => return,
        }
    }
}

async fn life(place: &Place, point: Option<(&str, u64)>) -> Started {
    let kill = point.map(|(point, passing)| {
        let point = point.to_owned();
        KillAt { point, passing, after: Duration::ZERO }
    });
    let plan = LifePlan { kill, on_server: place.is_shared(), ..LifePlan::default() };
    Server::start(place, &plan).await.unwrap()
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
    let receiver = FakeReceiver::start(|_| Reply::Status(200)).unwrap();
    // What is taken up is what a server has left that was killed before.
    let is_of_recovery = point.starts_with("webhook_recover");
    let mut killed_at = vec![(point.as_str(), 1)];
    if is_of_recovery {
        killed_at.insert(0, ("webhook_claim.after_commit", 1));
    } else if !point.starts_with("webhook_redeliver") {
        // Which of them, changes from point to point.
        killed_at[0].1 = 1 + number as u64 % 3;
    }
    let lives = killed_at.len();
    for (at, passing) in killed_at {
        // It may be killed before it listens.
        let Started::Listening(mut server) = life(&place, Some((at, passing))).await else { continue };
        let worked = work(&server.client, receiver.url()).await;
        assert!(worked.is_err(), "{point}: no workload came by {at}");
        tokio::time::timeout(WITHIN, server.death()).await.expect(&point).expect(&point);
    }
    let Started::Listening(mut server) = life(&place, None).await else {
        panic!("{point}: it does not listen again")
    };
    let webhook =
        work(&server.client, receiver.url()).await.unwrap_or_else(|error| panic!("{point}: {error}"));
    let deliveries = deliveries(&server.client, &webhook).await.unwrap();
    server.stop().await.unwrap();
    judge(&point, &deliveries, &receiver.received(), lives);
    let options = place.store().unwrap();
    let store =
        tokio::task::spawn_blocking(move || Store::open(options, SystemClock.now())).await.unwrap().unwrap();
    assert_eq!(store.inconsistencies().await.unwrap(), Vec::<String>::new(), "{point}");
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
}

/// Lets a webhook be told of jobs, all of it twice. Done again with the next server, it does nothing twice but that.
async fn work(client: &Client, url: &str) -> Result<String, ClientError> {
    let known = client.webhooks().await?.data.into_iter().next();
    let webhook = match known {
        Some(webhook) => webhook,
        None => {
            let new = WebhookRequest {
                name: Some("hook".to_owned()),
                url: Some(url.to_owned()),
                events: Some(EVENTS.map(str::to_owned).to_vec()),
                // None is made: nodes on a server have no key to seal one with.
                secret: Some(String::new()),
                ..WebhookRequest::default()
            };
            client.create_webhook(&new).await?
        }
    };
    for number in 0..JOBS {
        let config = json!({ "script": "true" });
        let job = CreateJob {
            job_type: "shell".to_owned(),
            config: config.as_object().unwrap().clone(),
            immediate: Some(true),
            ..CreateJob::default()
        };
        client.create_job_with_key(&job, &format!("job {number}")).await?;
    }
    let count = JOBS * EVENTS.len();
    until_told(client, &webhook.id, count).await?;
    let arrived = Redeliver { status: Some("success".to_owned()), ..Redeliver::default() };
    client.redeliver_many_with_key(&webhook.id, &arrived, "again").await?;
    until_told(client, &webhook.id, count).await?;
    Ok(webhook.id)
}

async fn deliveries(
    client: &Client,
    webhook: &str,
) -> Result<Vec<oneoff_api_types::DeliveryView>, ClientError> {
    let query = DeliveryQuery { limit: Some(200), ..DeliveryQuery::default() };
    Ok(client.webhook_deliveries(webhook, &query).await?.data)
}

/// Waits until so many have arrived, and none is still to be sent.
async fn until_told(client: &Client, webhook: &str, count: usize) -> Result<(), ClientError> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let all = deliveries(client, webhook).await?;
        if all.len() >= count && all.iter().all(|delivery| delivery.status == "success") {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "it is not told: {all:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn judge(point: &str, deliveries: &[oneoff_api_types::DeliveryView], received: &[Received], lives: usize) {
    let made: BTreeSet<i64> = deliveries.iter().map(|delivery| delivery.event_sequence).collect();
    assert_eq!((deliveries.len(), made.len()), (JOBS * EVENTS.len(), JOBS * EVENTS.len()), "{point}");
    let mut arrived: BTreeMap<&str, usize> = BTreeMap::new();
    let mut of_jobs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in received {
        let times = arrived.entry(request.header("webhook-id")).or_default();
        *times += 1;
        if *times == 1 {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let job = body["data"]["job"]["id"].as_str().unwrap().to_owned();
            of_jobs.entry(job).or_default().push(request.header("x-oneoff-event").to_owned());
        }
    }
    for events in of_jobs.values() {
        assert_eq!(*events, EVENTS, "{point}: those of a job arrive in their order");
    }
    let ids: BTreeSet<&str> = deliveries.iter().map(|delivery| delivery.id.as_str()).collect();
    assert_eq!(arrived.keys().copied().collect::<BTreeSet<_>>(), ids, "{point}: each keeps its id");
    // Each arrives, and once again as it was asked for; beyond that, what was under way when a server died.
    assert!(arrived.values().all(|times| *times >= 2), "{point}: {arrived:?}");
    let more: usize = arrived.values().map(|times| times - 2).sum();
    assert!(more <= lives * UNDER_WAY, "{point}: {arrived:?}");
}
