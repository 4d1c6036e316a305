//! Many at once: a thousand creates beside a thousand reads, and nobody is turned away.

use crate::server::{Server, log_of, shell};
use oneoff_client::{Client, ClientError, JobQuery, new_idempotency_key};
use std::time::Duration;

const CLIENTS: usize = 1_000;
/// How often a request is sent again that is turned away.
const AGAIN_MAX: usize = 100;

enum Request {
    Create { key: String },
    Job { id: String },
    Jobs,
}

impl Request {
    async fn send(&self, client: &Client) -> Result<(), ClientError> {
        match self {
            Self::Create { key } => {
                client.create_job_with_key(&shell("true", "in 300d"), key).await.map(drop)
            }
            Self::Job { id } => client.job(id).await.map(drop),
            Self::Jobs => client.jobs(&JobQuery::default()).await.map(drop),
        }
    }

    /// Sends it until it is taken, and answers how often it was turned away.
    async fn until_taken(self, client: Client) -> usize {
        let mut refused = 0;
        loop {
            match self.send(&client).await {
                Ok(()) => return refused,
                Err(error) => assert!(error.status() == Some(503) && refused < AGAIN_MAX, "{error:?}"),
            }
            refused += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Sends them all to a server of its own, and answers how often one was turned away.
async fn refused_of_all_at_once() -> usize {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let first = server.client.create_job(&shell("true", "in 300d")).await.unwrap();
    let mut requests = tokio::task::JoinSet::new();
    for index in 0..CLIENTS {
        let create = Request::Create { key: new_idempotency_key().unwrap() };
        requests.spawn(create.until_taken(server.client.clone()));
        let read = match index % 2 {
            0 => Request::Job { id: first.id.clone() },
            _ => Request::Jobs,
        };
        requests.spawn(read.until_taken(server.client.clone()));
    }
    let refused = requests.join_all().await.into_iter().sum();
    let status = server.client.system_status().await.unwrap();
    assert_eq!(status.total_scheduled, CLIENTS as u64 + 1);
    let log = log_of(directory.path());
    assert!(!log.contains("locked") && !log.contains("ERROR"), "{log}");
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_creates_and_a_thousand_reads_at_once() {
    let mut refused = Vec::new();
    // A machine that stands still for a while turns some away, but not every time.
    while refused.len() < 5 {
        refused.push(refused_of_all_at_once().await);
        if refused.contains(&0) {
            return;
        }
    }
    panic!("turned away: {refused:?}");
}
