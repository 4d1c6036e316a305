//! Databases: apart from each other, quick to fill, gone with their tests.

use crate::run;
use oneoff_pg_fixture::{Cluster, FixtureError, Settings, Shutdown, shared_cluster};
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn each_is_empty_and_owned_by_a_plain_user() {
    let cluster = shared_cluster().unwrap();
    let (one, other) = (cluster.database().unwrap(), cluster.database().unwrap());
    run(one.url(), "CREATE TABLE mine (key BIGINT); CREATE EXTENSION pg_trgm").await.unwrap();
    assert!(run(other.url(), "SELECT key FROM mine").await.is_err(), "databases are apart");
    assert_eq!(one.query("SELECT count(*) FROM mine").unwrap(), "0");
    if let Some(by_socket) = cluster.socket_url(&one) {
        let user =
            "DO $$ BEGIN ASSERT NOT (SELECT usesuper FROM pg_user WHERE usename = current_user); END $$";
        run(&by_socket, user).await.unwrap();
        run(&by_socket, "INSERT INTO mine VALUES (1)").await.unwrap();
        assert_eq!(one.query("SELECT * FROM mine").unwrap(), "1", "it is the same database");
    }
}

#[tokio::test]
async fn a_template_is_filled_once_and_copied_as_often_as_asked_for() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let filled = AtomicUsize::new(0);
    let fill = |url: &str| {
        filled.fetch_add(1, Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(url, "CREATE TABLE filled (key BIGINT); INSERT INTO filled VALUES (7)"))
    };
    let copies: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| cluster.database_from("seven", fill).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for copy in &copies {
        assert_eq!(copy.query("SELECT key FROM filled").unwrap(), "7");
    }
    assert_eq!(filled.load(Ordering::Relaxed), 1);
    let refused = cluster.database_from("broken", |_url| Err("no such table")).unwrap_err().to_string();
    assert!(refused.contains("broken") && refused.contains("no such table"), "{refused}");
    cluster.database_from("broken", |_url| Ok::<(), String>(())).unwrap();
}

#[tokio::test]
async fn one_that_is_dropped_is_gone_though_somebody_is_connected() {
    let cluster = shared_cluster().unwrap();
    let kept = cluster.database().unwrap();
    let database = cluster.database().unwrap();
    let there = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", database.name());
    let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    assert_eq!(kept.query(&there).unwrap(), "1");
    drop(database);
    assert_eq!(kept.query(&there).unwrap(), "0");
    assert!(connection.await.unwrap().is_err());
    drop(client);
}

#[tokio::test]
async fn a_server_of_somebody_else_is_used_and_left_alone() {
    let own = Cluster::start(&Settings::default()).unwrap();
    let lent = own.database().unwrap();
    lent.query("ALTER ROLE oneoff CREATEDB").unwrap();
    let cluster = Cluster::of_url(lent.url()).unwrap();
    let database = cluster.database_from("one", |_url| Ok::<(), String>(())).unwrap();
    run(database.url(), "CREATE TABLE mine (key BIGINT)").await.unwrap();
    assert!(!cluster.is_own());
    assert!(matches!(cluster.stop(Shutdown::Fast), Err(FixtureError::NotOurs)));
    assert!(matches!(cluster.kill(), Err(FixtureError::NotOurs)));
    drop(database);
    drop(cluster);
    let made = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'";
    assert_eq!(lent.query(made).unwrap(), "1", "only what was lent");
    assert!(matches!(Cluster::of_url("nowhere"), Err(FixtureError::Url(_))));
}
