//! Webhooks of the real server: what a kill leaves, on a file and with two nodes on PostgreSQL.

use crate::process::*;
use oneoff_api_types::{DeliveryView, WebhookRequest};
use oneoff_client::{Client, DeliveryQuery};
use oneoff_fakes::{FakeReceiver, Received, Reply};
use oneoff_pg_fixture::shared_cluster;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const JOBS: usize = 20;

/// A receiver that takes two of three requests.
fn receiver() -> FakeReceiver {
    let count = AtomicUsize::new(0);
    let start = FakeReceiver::start(move |_| match count.fetch_add(1, Ordering::SeqCst) % 12 {
        1 | 5 => Reply::Status(500),
        7 => Reply::Close,
        9 => Reply::Hang(Duration::from_secs(20)),
        _ => Reply::Status(200),
    });
    start.unwrap()
}

fn create_webhook(client: &Client, receiver: &FakeReceiver) -> String {
    let webhook = WebhookRequest {
        name: Some("hook".to_owned()),
        url: Some(receiver.url().to_owned()),
        events: Some(vec!["job.*".to_owned()]),
        ..WebhookRequest::default()
    };
    block_on(client.create_webhook(&webhook)).unwrap().id
}

fn deliveries(client: &Client, webhook: &str) -> Vec<DeliveryView> {
    let query = DeliveryQuery { limit: Some(200), ..DeliveryQuery::default() };
    let mut all = block_on(client.webhook_deliveries(webhook, &query)).unwrap().data;
    all.reverse();
    all
}

/// Jobs that are over: a kill finds none of them running, which would give it another attempt.
fn run_jobs(client: &Client) -> BTreeSet<String> {
    let jobs: BTreeSet<String> =
        (0..JOBS).map(|_| block_on(client.create_job(&shell("true"))).unwrap().id).collect();
    jobs.iter().for_each(|id| wait_for_status(client, id, "completed"));
    jobs
}

/// Waits until all three events of each job have arrived.
fn wait_until_delivered(client: &Client, webhook: &str) -> Vec<DeliveryView> {
    let deadline = std::time::Instant::now() + 3 * PATIENCE;
    loop {
        let all = deliveries(client, webhook);
        if all.len() == JOBS * 3 && all.iter().all(|delivery| delivery.status == "success") {
            return all;
        }
        assert!(std::time::Instant::now() < deadline, "{all:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Nothing is missing, nothing that was recorded as arrived came again, and each job was told in order.
fn check(all: &[DeliveryView], received: &[Received], jobs: &BTreeSet<String>, kills: usize) {
    let mut by_id: BTreeMap<&str, Vec<&Received>> = BTreeMap::new();
    for request in received {
        by_id.entry(request.header("webhook-id")).or_default().push(request);
    }
    let mut of_jobs: BTreeMap<&str, Vec<&DeliveryView>> = BTreeMap::new();
    for delivery in all {
        of_jobs.entry(delivery.payload["data"]["job"]["id"].as_str().unwrap()).or_default().push(delivery);
    }
    assert_eq!(of_jobs.keys().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(), *jobs);
    let mut twice = 0;
    for of_job in of_jobs.values() {
        let events: Vec<&str> = of_job.iter().map(|delivery| delivery.event_type.as_str()).collect();
        assert_eq!(events, ["job.created", "job.started", "job.completed"]);
        for delivery in of_job {
            let taken = by_id[delivery.id.as_str()].iter().filter(|r| r.acknowledged.is_some()).count();
            assert!(taken >= 1, "{delivery:?}");
            twice += taken - 1;
        }
        for pair in of_job.windows(2) {
            let taken = by_id[pair[0].id.as_str()].iter().filter_map(|r| r.acknowledged).min().unwrap();
            let began = by_id[pair[1].id.as_str()].iter().map(|r| r.arrived).min().unwrap();
            assert!(taken < began, "{pair:?}");
        }
    }
    // Only an answer that nobody lived to read may be followed by another attempt: at most what was under way.
    assert!(twice <= kills * 8, "{twice} were taken twice");
}

fn quick(place: Place) -> Place {
    place.with("WEBHOOK_RETRY_SECONDS", "1,2,3,4,5,6,7,8,9,10,12,14,16").with("WEBHOOK_TIMEOUT_SECONDS", 1)
}

#[test]
fn a_server_that_is_killed_loses_no_delivery_and_repeats_none_that_arrived() {
    let place = quick(Place::new());
    let receiver = receiver();
    let server = place.serve();
    let client = server.client();
    let webhook = create_webhook(&client, &receiver);
    let jobs = run_jobs(&client);
    wait_for(|| (receiver.received().len() > 10).then_some(()));
    server.signal("KILL");
    drop(server);
    let mut server = place.serve();
    wait_for(|| (receiver.received().len() > 40).then_some(()));
    server.signal("KILL");
    server.wait();
    drop(server);
    let server = place.serve();
    let client = server.client();
    let all = wait_until_delivered(&client, &webhook);
    assert!(place.directory.path().join("oneoff.key").exists());
    check(&all, &receiver.received(), &jobs, 2);
    server.stop();
}

#[test]
fn another_node_delivers_when_the_one_that_did_is_killed() {
    let database = shared_cluster().unwrap().database().unwrap();
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "07".repeat(32)).unwrap();
    let place = |name: &str| {
        let place =
            Place::bare().with("PORT", 0).with("DATABASE_URL", database.url()).with("NODE_NAME", name);
        quick(place).with("LEASE_SECONDS", 15).with("SEALING_KEY_FILE", key.path().display())
    };
    let (east, west) = (place("east"), place("west"));
    let (mut first, second) = (east.serve(), west.serve());
    let receiver = receiver();
    wait_for(|| first.log().iter().any(|line| line.contains("\"role\":\"webhooks\"")).then_some(()));
    let webhook = create_webhook(&second.client(), &receiver);
    let jobs = run_jobs(&second.client());
    wait_for(|| (receiver.received().len() > 10).then_some(()));
    first.signal("KILL");
    first.wait();
    let all = wait_until_delivered(&second.client(), &webhook);
    check(&all, &receiver.received(), &jobs, 1);
    second.stop();
}
