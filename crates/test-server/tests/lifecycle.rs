//! A test server starts, answers, starts again on its database, and goes away.

use oneoff_test_server::TestServer;
use std::net::TcpStream;

fn address(server: &TestServer) -> String {
    server.url().trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn it_answers_and_goes_away_when_it_is_dropped() {
    let server = TestServer::builder().setting("WORKERS_COUNT", "3").start().await.unwrap();
    assert_eq!(server.client().worker_status().await.unwrap().total_workers, 3);
    let (address, directory) = (address(&server), server.directory().to_owned());
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!directory.exists());
}

#[tokio::test]
async fn two_run_beside_each_other_and_a_restart_keeps_the_database() {
    let mut first = TestServer::start().await.unwrap();
    let second = TestServer::start().await.unwrap();
    assert_ne!(first.url(), second.url());
    let before = first.client().system_status().await.unwrap();
    first.restart().await.unwrap();
    let after = first.client().system_status().await.unwrap();
    assert_eq!(after.database, before.database);
    assert_ne!(after.started_at, before.started_at);
    first.stop().await.unwrap();
    assert!(TcpStream::connect(address(&first)).is_err());
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let wrong = TestServer::builder().setting("PORT", "x").start().await.err().unwrap();
    assert!(wrong.to_string().contains("PORT=x"), "{wrong}");
    let nowhere = TestServer::builder().setting("DB_PATH", "/proc/nowhere/x.db").start().await.err().unwrap();
    assert!(nowhere.to_string().contains("/proc/nowhere/x.db"), "{nowhere}");
}
