//! Starting, stopping, killing and settings.

use crate::run;
use oneoff_pg_fixture::{Cluster, FixtureError, Settings, Shutdown};

/// A way to end a server.
type End = fn(&Cluster) -> Result<(), FixtureError>;

#[tokio::test]
async fn what_was_committed_is_there_after_each_kind_of_end() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    run(database.url(), "CREATE TABLE kept (number BIGINT)").await.unwrap();
    let mut process = cluster.process_id();
    let ends: [(&str, End); 3] = [
        ("fast", |cluster| cluster.stop(Shutdown::Fast)),
        ("immediate", |cluster| cluster.stop(Shutdown::Immediate)),
        ("kill", Cluster::kill),
    ];
    for (number, (name, end)) in ends.into_iter().enumerate() {
        let (_held, connection) =
            tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.unwrap();
        run(database.url(), &format!("INSERT INTO kept VALUES ({number})")).await.unwrap();
        end(&cluster).unwrap();
        assert_eq!(cluster.process_id(), None);
        assert!(connection.await.is_err(), "{name}: who was connected is told");
        assert!(run(database.url(), "SELECT 1").await.is_err(), "{name}: nobody answers");
        cluster.resume().unwrap();
        assert_ne!(cluster.process_id(), process, "{name}");
        process = cluster.process_id();
        assert_eq!(database.query("SELECT count(*) FROM kept").unwrap(), (number + 1).to_string(), "{name}");
    }
    cluster.resume().unwrap();
    assert_eq!(cluster.process_id(), process, "one that runs is not started again");
    cluster.restart(Shutdown::Fast).unwrap();
    assert_ne!(cluster.process_id(), process);
}

#[tokio::test]
async fn settings_reach_the_server() {
    let settings = Settings {
        is_durable: true,
        connections_max: 17,
        shared_buffers_mib: 9,
        parameters: vec![("cluster_name".to_owned(), "it's ours".to_owned())],
        needs_password: true,
        ..Settings::default()
    };
    let cluster = Cluster::start(&settings).unwrap();
    let database = cluster.database().unwrap();
    for (name, value) in
        [("fsync", "on"), ("max_connections", "17"), ("shared_buffers", "9MB"), ("cluster_name", "it's ours")]
    {
        assert_eq!(database.query(&format!("SHOW {name}")).unwrap(), value, "{name}");
    }
    run(database.url(), "SELECT 1").await.unwrap();
    let wrong = database.url().replace(":only-for-tests@", ":wrong@");
    assert_ne!(wrong, database.url());
    assert!(run(&wrong, "SELECT 1").await.is_err(), "the password is looked at");
    assert!(cluster.tls_url(&database).is_none());
    let fast = Cluster::start(&Settings::default()).unwrap();
    assert_eq!(fast.database().unwrap().query("SHOW fsync").unwrap(), "off");
}

#[test]
fn one_that_does_not_start_says_why() {
    let parameters = vec![("no_such_parameter".to_owned(), "1".to_owned())];
    let error = Cluster::start(&Settings { parameters, ..Settings::default() }).unwrap_err();
    assert!(error.to_string().contains("no_such_parameter"), "{error}");
}

#[test]
fn statements_that_fail_say_why() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let error = cluster.database().unwrap().query("SELECT nothing FROM nowhere").unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
}
