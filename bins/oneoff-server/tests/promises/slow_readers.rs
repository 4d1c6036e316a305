//! Clients that ask for large pages and take in nothing of them: memory stays bounded, and others are served.

use crate::overload::observe::Watch;
use crate::server::{Server, shell};
use oneoff_api_types::CreateJob;
use oneoff_client::JobQuery;
use serde_json::{Map, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

const JOBS: usize = 100;
const CONFIG_BYTES: usize = 250_000;
const CLIENTS: usize = 40;
/// Without a bound it would be twice as much as all pages: some 2,000 MB.
const RESIDENT_MAX_BYTES: u64 = 500 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_of_large_pages_do_not_fill_the_memory() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut config = Map::new();
    config.insert("url".to_owned(), json!("http://127.0.0.1:9/"));
    config.insert("method".to_owned(), json!("POST"));
    config.insert("body".to_owned(), json!("y".repeat(CONFIG_BYTES)));
    let job = CreateJob { job_type: "http".to_owned(), config, ..shell("true", "in 300d") };
    for _ in 0..JOBS {
        server.client.create_job(&job).await.unwrap();
    }
    let watch = Watch::begin(server.process_id());
    let mut readers = Vec::new();
    for _ in 0..CLIENTS {
        readers.push(ask(&server).await);
    }
    let mut refused = 0;
    for reader in &mut readers {
        refused += usize::from(status_of(reader).await == 503);
    }
    assert!(refused > 0 && refused < CLIENTS - 4, "{refused} of {CLIENTS} were turned away");
    let asked = Instant::now();
    let health = timeout(Duration::from_secs(15), server.client.system_status()).await;
    assert!(health.expect("others wait").is_ok(), "{:?}", asked.elapsed());
    sleep(Duration::from_secs(1)).await;
    drop(readers);
    let resident = watch.end().await;
    assert!(resident.most_bytes < RESIDENT_MAX_BYTES, "{resident:?}");
    // Those who are gone have given their room back.
    let deadline = Instant::now() + Duration::from_secs(10);
    let all = loop {
        match server.client.jobs(&JobQuery { limit: Some(200), ..JobQuery::default() }).await {
            Ok(page) => break page,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert!(all.data.len() < JOBS && all.next_cursor.is_some(), "a page of {} jobs", all.data.len());
}

/// Asks for a page over a connection that takes in little.
async fn ask(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let request = format!("GET /api/jobs?limit=200 HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The status of the answer, of which no more is read.
async fn status_of(stream: &mut TcpStream) -> u16 {
    let mut begin = [0; 12];
    timeout(Duration::from_secs(30), stream.read_exact(&mut begin)).await.expect("no answer").unwrap();
    String::from_utf8_lossy(&begin).rsplit(' ').next().unwrap().parse().unwrap()
}
