//! `kill -9` under load: every job that was acknowledged is there afterwards.

use crate::fixture::*;
use oneoff_domain::JobId;
use oneoff_storage::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const FILE: &str = "ONEOFF_KILL_TEST_FILE";

/// The child: creates jobs as fast as it can and prints the ids of those that are acknowledged.
#[test]
#[ignore = "is the child of the test below"]
fn child_that_creates() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let store = Store::open(StoreOptions::new(path), noon()).unwrap();
    runtime.block_on(async {
        for _ in 0..32 {
            let store = store.clone();
            tokio::spawn(async move {
                loop {
                    let job = create(&store, new_job(at(1))).await;
                    let mut stdout = std::io::stdout().lock();
                    writeln!(stdout, "id={}", job.id).unwrap();
                    stdout.flush().unwrap();
                }
            });
        }
        std::future::pending::<()>().await;
    });
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = options(&directory).path;
    let mut acknowledged: Vec<JobId> = Vec::new();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "kill::child_that_creates", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ids =
            |line: std::io::Result<String>| -> Option<JobId> { line.ok()?.split_once("id=")?.1.parse().ok() };
        acknowledged.extend(lines.by_ref().filter_map(ids).take(300 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had still written before it died counts, too; its last line may be cut.
        acknowledged.extend(lines.filter_map(ids));
    }
    assert!(acknowledged.len() >= 1_800, "{} ids", acknowledged.len());
    let store = Store::open(StoreOptions::new(&path), noon()).unwrap();
    assert_eq!(store.epoch(), 4);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        for id in acknowledged {
            assert!(store.job(id).await.unwrap().is_some(), "{id} was acknowledged and is lost");
        }
        let jobs: u64 = store.counters().await.unwrap().jobs.values().sum();
        let waiting = store.pending_window(None, at(10), 1_000_000).await.unwrap();
        assert_eq!(u64::try_from(waiting.len()).unwrap(), jobs);
    });
}
