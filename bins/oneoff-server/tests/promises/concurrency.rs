//! Many at once: a thousand creates beside a thousand reads, and nobody is turned away.

use crate::server::{Server, log_of, shell};
use oneoff_client::JobQuery;

const CLIENTS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_creates_and_a_thousand_reads_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let first = server.client.create_job(&shell("true", "in 300d")).await.unwrap();
    let mut requests = tokio::task::JoinSet::new();
    for index in 0..CLIENTS {
        let (client, id) = (server.client.clone(), first.id.clone());
        requests.spawn(async move { client.create_job(&shell("true", "in 300d")).await.map(|_| ()) });
        let client = server.client.clone();
        requests.spawn(async move {
            match index % 2 {
                0 => client.job(&id).await.map(|_| ()),
                _ => client.jobs(&JobQuery::default()).await.map(|_| ()),
            }
        });
    }
    while let Some(answer) = requests.join_next().await {
        answer.unwrap().unwrap();
    }
    let status = server.client.system_status().await.unwrap();
    assert_eq!(status.total_scheduled, CLIENTS as u64 + 1);
    let log = log_of(directory.path());
    assert!(!log.contains("locked") && !log.contains("ERROR"), "{log}");
}
