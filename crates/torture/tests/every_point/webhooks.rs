//! A server that delivers webhooks is killed around every commit that writes of deliveries. The next one goes on: each
//! event arrives or is a dead letter, those of a job in their order, and nothing comes again of which it was recorded that
//! it has arrived.

use crate::side_by_side;
use oneoff_api_types::{CreateJob, DeliveryView, Redeliver, WebhookRequest, WebhookView};
use oneoff_client::{Client, ClientError, DeliveryQuery};
use oneoff_domain::Clock as _;
use oneoff_fakes::{FakeReceiver, Received, Reply};
use oneoff_faults::points;
use oneoff_pg_fixture::{Cluster, Settings};
use oneoff_scheduler::SystemClock;
use oneoff_storage::webhooks::DeliveryFilter;
use oneoff_storage::{DeliveryStatus, Store};
use oneoff_torture::plan::{KillAt, LifePlan};
use oneoff_torture::server::{Place, Server, Started};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long all deliveries may take.
const WITHIN: Duration = Duration::from_secs(60);
const JOBS: usize = 2;
/// Each comes once of a job, also of one whose attempt was lost with a server.
const EVENTS: [&str; 2] = ["job.created", "job.completed"];
/// Webhooks by what their receiver does until it is well: it takes everything, fails, or says that it is gone. Each wants
/// so many of the events.
const WEBHOOKS: [(&str, usize); 3] = [("well", 2), ("failing", 1), ("gone", 2)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_of_webhooks_breaks_no_promise() {
    every_point(points::points_of_webhooks(), None, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_of_webhooks_breaks_no_promise_on_postgres() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    // The listener of commits is told nothing that another database could be told otherwise.
    let points = points::points_of_webhooks().into_iter().filter(|point| !point.ends_with("after_listener"));
    // Most of the time is spent on waiting for the end of a lease.
    every_point(points.collect(), Some(Arc::new(cluster)), 7).await;
}

async fn every_point(points: Vec<String>, cluster: Option<Arc<Cluster>>, at_a_time: usize) {
    let one = |number, point| one_point(number, point, cluster.clone());
    side_by_side::walk(points, at_a_time, one).await;
}

/// Where a server is killed, one life after another.
fn kills(number: usize, point: &str) -> Vec<KillAt> {
    let kill = |point: &str, passing| KillAt { point: point.to_owned(), passing, after: Duration::ZERO };
    // Which passing of it, changes from point to point.
    let passing = match point.split('.').next().unwrap() {
        "webhook_pause" | "webhook_recover" => 1,
        "webhook_dead" | "webhook_intake" => 1 + number as u64 % 2,
        _ => 1 + number as u64 % 4,
    };
    // What is taken up is what was under way when a server was killed before.
    let before = point.starts_with("webhook_recover").then(|| kill("webhook_claim.after_commit", 2));
    before.into_iter().chain([kill(point, passing)]).collect()
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
    let receiver = Receiver::start();
    let mut over = Vec::new();
    for kill in kills(number, &point) {
        let plan = LifePlan { kill: Some(kill), on_server: place.is_shared(), ..LifePlan::default() };
        // It may be killed before it listens.
        if let Started::Listening(mut server) = Server::start(&place, &plan).await.unwrap() {
            let worked = work(&server.client, &receiver).await;
            assert!(worked.is_err(), "{point}: no workload came by");
            tokio::time::timeout(WITHIN, server.death()).await.expect(&point).expect(&point);
        }
        over.push(Recorded::now(&place, &receiver).await);
    }
    let unarmed = LifePlan { on_server: place.is_shared(), ..LifePlan::default() };
    let Started::Listening(mut server) = Server::start(&place, &unarmed).await.unwrap() else {
        panic!("{point}: it does not listen again")
    };
    let deliveries = work(&server.client, &receiver).await.unwrap_or_else(|error| panic!("{point}: {error}"));
    server.stop().await.unwrap();
    let received = receiver.receiver.received();
    over.iter().for_each(|recorded| recorded.check_never_again(&point, &received));
    judge(&point, &deliveries, &received);
    let store = open(&place).await;
    assert_eq!(store.inconsistencies().await.unwrap(), Vec::<String>::new(), "{point}");
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
}

/// A receiver that does as the path of a webhook says, until it is well.
struct Receiver {
    receiver: FakeReceiver,
    is_well: Arc<AtomicBool>,
}

impl Receiver {
    fn start() -> Self {
        let is_well = Arc::new(AtomicBool::new(false));
        let well = Arc::clone(&is_well);
        let receiver = FakeReceiver::start(move |request| match request.line.as_str() {
            _ if well.load(Ordering::SeqCst) => Reply::Status(200),
            "POST /failing" => Reply::Status(500),
            "POST /gone" => Reply::Status(410),
            _ => Reply::Status(200),
        });
        Self { receiver: receiver.unwrap(), is_well }
    }
}

/// Lets webhooks be told of jobs, and has made again what they did not take. Done again with the next server, it goes on
/// where it was left.
async fn work(client: &Client, receiver: &Receiver) -> Result<Vec<DeliveryView>, ClientError> {
    let mut webhooks = Vec::new();
    for (name, events) in WEBHOOKS {
        webhooks.push(webhook(client, receiver, name, events).await?);
    }
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
    until_over(client, &webhooks).await?;
    receiver.is_well.store(true, Ordering::SeqCst);
    for webhook in &webhooks {
        let on = WebhookRequest { is_active: Some(true), ..WebhookRequest::default() };
        client.update_webhook(&webhook.id, &on).await?;
        client.redeliver_many_with_key(&webhook.id, &Redeliver::default(), &webhook.name).await?;
    }
    until_over(client, &webhooks).await
}

async fn webhook(
    client: &Client,
    receiver: &Receiver,
    name: &str,
    events: usize,
) -> Result<WebhookView, ClientError> {
    let known = client.webhooks().await?.data.into_iter().find(|webhook| webhook.name == name);
    if let Some(webhook) = known {
        return Ok(webhook);
    }
    let new = WebhookRequest {
        name: Some(name.to_owned()),
        url: Some(format!("{}/{name}", receiver.receiver.url())),
        events: Some(EVENTS[..events].iter().map(|&event| event.to_owned()).collect()),
        // None is made: nodes on a server have no key to seal one with.
        secret: Some(String::new()),
        ..WebhookRequest::default()
    };
    client.create_webhook(&new).await
}

/// Waits until all deliveries are made, and none is still to be sent.
async fn until_over(client: &Client, webhooks: &[WebhookView]) -> Result<Vec<DeliveryView>, ClientError> {
    let deadline = Instant::now() + WITHIN;
    let count: usize = WEBHOOKS.iter().map(|(_, events)| JOBS * events).sum();
    let query = DeliveryQuery { limit: Some(200), ..DeliveryQuery::default() };
    loop {
        let mut all = Vec::new();
        for webhook in webhooks {
            all.extend(client.webhook_deliveries(&webhook.id, &query).await?.data);
        }
        if all.len() >= count && all.iter().all(|delivery| delivery.status != "pending") {
            return Ok(all);
        }
        assert!(Instant::now() < deadline, "it is not over: {all:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open(place: &Place) -> Store {
    let options = place.store().unwrap();
    tokio::task::spawn_blocking(move || Store::open(options, SystemClock.now())).await.unwrap().unwrap()
}

/// What had arrived as the database had it when a server died, and how often each had come by then.
struct Recorded(BTreeMap<String, usize>);

impl Recorded {
    async fn now(place: &Place, receiver: &Receiver) -> Self {
        let store = open(place).await;
        let arrived = DeliveryFilter { statuses: vec![DeliveryStatus::Success], ..DeliveryFilter::default() };
        let mut recorded = BTreeMap::new();
        for webhook in store.webhooks().await.unwrap() {
            let page =
                store.deliveries(webhook.id, arrived.clone(), 200, None, false).await.unwrap().unwrap();
            let ids = page.items.iter().map(|delivery| delivery.id.to_string());
            let received = receiver.receiver.received();
            recorded.extend(ids.map(|id| (id.clone(), times(&received, &id))));
        }
        tokio::task::spawn_blocking(move || store.close()).await.unwrap();
        Self(recorded)
    }

    fn check_never_again(&self, point: &str, received: &[Received]) {
        for (id, before) in &self.0 {
            assert_eq!(times(received, id), *before, "{point}: {id} had arrived");
        }
    }
}

/// How often a delivery has come.
fn times(received: &[Received], id: &str) -> usize {
    received.iter().filter(|request| request.header("webhook-id") == id).count()
}

fn judge(point: &str, deliveries: &[DeliveryView], received: &[Received]) {
    let undelivered: Vec<_> = deliveries.iter().filter(|delivery| delivery.status != "success").collect();
    assert!(undelivered.is_empty(), "{point}: {undelivered:?}");
    let made: BTreeSet<_> =
        deliveries.iter().map(|delivery| (&delivery.webhook_id, delivery.event_sequence)).collect();
    let expected: usize = WEBHOOKS.iter().map(|(_, events)| JOBS * events).sum();
    assert_eq!((deliveries.len(), made.len()), (expected, expected), "{point}: each event once");
    // The first time that each was taken, by webhook and job.
    let mut taken: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for request in received.iter().filter(|request| request.acknowledged.is_some()) {
        if known.insert(request.header("webhook-id")) {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let job = body["data"]["job"]["id"].as_str().unwrap().to_owned();
            taken.entry((request.line.clone(), job)).or_default().push(request.header("x-oneoff-event"));
        }
    }
    assert_eq!(known.len(), expected, "{point}: each keeps its id");
    for ((line, job), events) in taken {
        let (_, wanted) = WEBHOOKS.iter().find(|(name, _)| line.ends_with(name)).unwrap();
        assert_eq!(events, EVENTS[..*wanted], "{point}: {line} {job}");
    }
}
