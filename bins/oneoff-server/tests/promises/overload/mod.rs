//! More than a server on one core can do, from every side at once: memory stays bounded, whoever is turned away is
//! told when to come back, what was accepted is there, and jobs start on time again when it is over.
//!
//! `ONEOFF_OVERLOAD_SECONDS` is how long it lasts; 120 is the long form.

mod clients;
pub(crate) mod observe;
mod wire;

use crate::server::{Server, log_of};
use clients::{Flood, Tally};
use observe::{Probe, Started, Watch};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const SECONDS: u64 = 20;
/// When lateness must be as usual again.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long it is watched after that.
const AFTERWARDS: Duration = Duration::from_secs(8);
/// What a server in a test build may take. It takes some 30 MiB when nothing happens.
const RESIDENT_MAX_BYTES: u64 = 600 * 1024 * 1024;
/// Lateness when nothing else happens, of a test build on one core beside other tests.
const USUAL_LATENESS_MS: f64 = 250.0;

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no settings, and the long form is asked for by hand"
)]
fn seconds() -> u64 {
    std::env::var("ONEOFF_OVERLOAD_SECONDS").map_or(SECONDS, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_overload_is_refused_in_order_and_over_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_on_one_core(directory.path());
    let watch = Watch::begin(server.process_id());
    let probe = Probe::begin(server.client.clone(), Duration::from_secs(seconds()));
    sleep(Duration::from_secs(2)).await;
    let flood = Flood::begin(server.address);
    sleep(Duration::from_secs(seconds())).await;
    let tally = flood.end().await;
    let ended = Instant::now();
    // Jobs are created some time before they are due.
    sleep(RECOVERY + AFTERWARDS - observe::AHEAD).await;
    let starts = probe.end().await;
    let resident = watch.end().await;
    let during: Vec<&Started> = starts.iter().filter(|start| start.due < ended).collect();
    let later: Vec<&Started> = starts.iter().filter(|start| start.due > ended + RECOVERY).collect();
    println!(
        "{tally:#?}\n{}\n{}",
        observe::summary("during", &during),
        observe::summary("afterwards", &later)
    );
    println!("resident: {resident:?}");
    check(&tally);
    assert!(resident.most_bytes < RESIDENT_MAX_BYTES, "{resident:?}");
    assert!(during.len() > 3, "{} of the jobs that were accepted meanwhile started", during.len());
    assert!(later.len() > 10, "only {} jobs afterwards", later.len());
    let late = later.iter().filter(|start| start.lateness_ms > USUAL_LATENESS_MS).count();
    // The median: a pause of half a second, for another test on the same core, makes five of them late.
    assert!(late * 2 < later.len(), "{late} late, {}", observe::summary("afterwards", &later));
    let status = server.client.system_status().await.unwrap();
    let kept: u64 = status.jobs.values().sum();
    assert!(kept >= tally.accepted, "{kept} jobs are there, {} were accepted", tally.accepted);
    let log = log_of(directory.path());
    assert!(!log.contains("panicked"), "{log}");
}

fn check(tally: &Tally) {
    assert!(tally.accepted > 100, "{tally:?}");
    assert!(tally.refused > 0, "the server was not overloaded: {tally:?}");
    assert_eq!(tally.refused_without_retry_after, 0, "{tally:?}");
    assert_eq!(tally.other_answers, Vec::<String>::new(), "{tally:?}");
    assert!(tally.polled > 0 && tally.dripped > 0, "{tally:?}");
}
