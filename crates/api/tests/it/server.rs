//! The real server over TCP: it serves, streams, and stops within its time.

use crate::harness::{Harness, settings};
use oneoff_api::{ApiSettings, serve};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

fn start(harness: &Harness, settings: ApiSettings) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        stopped.await.unwrap();
    };
    let ended = actix_web::rt::spawn(serve(listener, settings, harness.service.clone(), shutdown));
    Running { address, stop, ended }
}

async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until `part` was received.
async fn read_until(stream: &mut TcpStream, part: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(part) {
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut buffer));
        let count = read.await.unwrap_or_else(|_| panic!("no `{part}` in {text}")).unwrap();
        assert_ne!(count, 0, "the connection ended without `{part}`: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

#[actix_web::test]
async fn a_stop_ends_streams_long_polls_and_idle_connections() {
    let harness = Harness::start().await;
    let server = start(&harness, settings());
    let job = harness.api().await.created(&crate::harness::waiting()).await;
    let id = job["id"].as_str().unwrap();

    let host = "Host: localhost\r\n\r\n";
    let mut idle = send(server.address, &format!("GET /health HTTP/1.1\r\n{host}")).await;
    read_until(&mut idle, "OK").await;
    let mut events = send(server.address, &format!("GET /api/events HTTP/1.1\r\n{host}")).await;
    read_until(&mut events, ": connected").await;
    let mut poll = send(server.address, &format!("GET /api/jobs/{id}?wait=60s HTTP/1.1\r\n{host}")).await;
    // Connections go round the workers (four at most): once each has answered two later ones, one after
    // the other, the poll is under way.
    for _ in 0..8 {
        let mut probe = send(server.address, &format!("GET /livez HTTP/1.1\r\n{host}")).await;
        read_until(&mut probe, "OK").await;
    }

    server.stop.send(()).unwrap();
    let mut rest = String::new();
    tokio::time::timeout(Duration::from_secs(30), events.read_to_string(&mut rest)).await.unwrap().unwrap();
    let answer = read_until(&mut poll, "\"status\":\"scheduled\"").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    tokio::time::timeout(Duration::from_secs(10), server.ended).await.expect("it drains").unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[actix_web::test]
async fn beside_the_base_path_it_says_where_everything_is() {
    let harness = Harness::start().await;
    let server = start(&harness, ApiSettings { base_path: "/oneoff".to_owned(), ..settings() });
    let mut stream = send(server.address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = read_until(&mut stream, "request_id").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("below /oneoff/"), "{answer}");
    let named = "GET /x/y?z HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine-1\r\n\r\n";
    let answer = read_until(&mut send(server.address, named).await, "request_id").await;
    assert!(answer.contains("\"request_id\":\"mine-1\""), "{answer}");
    assert!(answer.contains("x-request-id: mine-1"), "{answer}");
    let foreign = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let answer = read_until(&mut send(server.address, foreign).await, "host_refused").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[actix_web::test]
async fn head_has_the_length_and_no_body() {
    let harness = Harness::start().await;
    let server = start(&harness, settings());
    let mut stream =
        send(server.address, "HEAD /api/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let answer = answer.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("content-length: "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}
