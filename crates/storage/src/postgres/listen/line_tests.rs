//! A server that is gone without a word.

use super::line::{Line, LineError, Patience};
use super::outbox::Outbox;
use crate::postgres::address::DatabaseUrl;
use oneoff_pg_fixture::{Cluster, Settings};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;
use tokio::sync::mpsc::channel;
use tokio::time::timeout;

#[tokio::test]
async fn a_server_that_does_not_answer_is_found_out() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    let url = DatabaseUrl::new(&database.url_with(&[("application_name", "silent")])).unwrap();
    let mut outbox = Outbox::new(channel(1).0);
    let mut line = Line::open(&url, &mut outbox).await.unwrap();
    line.patience =
        Patience { ask_every: Duration::from_millis(1), answer_within: Duration::from_millis(100) };
    let process = "SELECT pid FROM pg_stat_activity WHERE application_name = 'silent'";
    let process = database.query(process).unwrap().trim().parse().ok().and_then(Pid::from_raw).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let error = timeout(Duration::from_secs(30), line.hear(&mut outbox)).await;
    // The server could not end otherwise.
    kill_process(process, Signal::CONT).unwrap();
    assert!(matches!(error, Ok(LineError::Silent)), "{error:?}");
}
