//! `/readyz` and `/livez` of the real server: 200 only while the node can do its work, with what is wrong, and an answer in
//! time.

use crate::disk::{create_until_refused, place_on};
use crate::hung_cluster::Hung;
use crate::process::*;
use crate::small_disk::on_small_disk;
use oneoff_pg_fixture::{Cluster, Database, Settings, Shutdown, shared_cluster};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What an answer may take that is promised within about a second, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(12);

fn ask(port: u16, path: &str) -> (u16, Value) {
    let asked = Instant::now();
    let answer = send(port, "GET", path, &[], &Value::Null);
    assert!(asked.elapsed() < SOON, "{path} took {:?}", asked.elapsed());
    answer
}

fn place(database: &Database) -> Place {
    Place::bare().with("PORT", 0).with("DATABASE_URL", database.url()).with("LEASE_SECONDS", 5)
}

/// Waits until the node is ready, alive all the time.
fn is_ready(server: &Serving) {
    wait_for(|| {
        assert_eq!(ask(server.port(), "/livez").0, 200);
        (ask(server.port(), "/readyz").0 == 200).then_some(())
    });
}

/// Waits until it is not, for this of its components, and answers all of them.
fn is_not_ready(server: &Serving, component: &str) -> Value {
    is_not_ready_but(server, component, &[])
}

/// The same while others of them are well.
fn is_not_ready_but(server: &Serving, component: &str, well: &[&str]) -> Value {
    let health = wait_for(|| {
        assert_eq!(ask(server.port(), "/livez").0, 200);
        let (status, health) = ask(server.port(), "/readyz");
        let is_failing = health["components"][component]["status"] == "failing";
        assert_eq!(status == 503, health["status"] == "failing", "{health}");
        assert!(!is_failing || status == 503, "{health}");
        let is_well = |name: &&str| health["components"][*name] == json!({"status": "ok"});
        (is_failing && well.iter().all(is_well)).then_some(health)
    });
    assert!(health["components"][component]["message"].is_string(), "{health}");
    health["components"].clone()
}

#[test]
fn a_server_that_takes_no_writes_can_be_read_and_is_not_ready() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    let server = place(&database).serve();
    is_ready(&server);
    let only_reads = |is_on: &str| {
        database.query(&format!("ALTER SYSTEM SET default_transaction_read_only = {is_on}")).unwrap();
        database.query("SELECT pg_reload_conf()").unwrap();
    };
    only_reads("on");
    is_not_ready_but(&server, "database_write", &["database_read"]);
    // And nobody starts what this node cannot record.
    is_not_ready(&server, "lease");
    only_reads("off");
    is_ready(&server);
    cluster.restart_as_replica(true).unwrap();
    is_not_ready(&server, "database_write");
    cluster.restart_as_replica(false).unwrap();
    is_ready(&server);
    // Connections that nobody has used since the restart may break yet.
    wait_for(|| block_on(server.client().create_job(&shell("true"))).ok());
}

#[test]
fn a_node_whose_user_may_not_write_a_table_is_not_ready() {
    let database = shared_cluster().unwrap().database().unwrap();
    let server = place(&database).serve();
    is_ready(&server);
    database.query("REVOKE INSERT ON job_states FROM oneoff").unwrap();
    let components = is_not_ready_but(&server, "database_write", &["lease"]);
    let message = components["database_write"]["message"].as_str().unwrap();
    assert!(message.ends_with("job_states"), "{message}");
    database.query("GRANT INSERT ON job_states TO oneoff").unwrap();
    is_ready(&server);
}

#[test]
fn a_node_that_has_lost_its_lease_is_not_ready() {
    let database = shared_cluster().unwrap().database().unwrap();
    let server = place(&database).serve();
    is_ready(&server);
    let held = database.hold("SELECT * FROM epochs FOR UPDATE").unwrap();
    is_not_ready_but(&server, "lease", &["database_read"]);
    drop(held);
    is_ready(&server);
}

#[test]
fn a_node_whose_database_hangs_or_is_gone_says_so_in_time() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    let server = place(&database).serve();
    is_ready(&server);
    {
        let _hung = Hung::hang(&cluster);
        is_not_ready(&server, "database_read");
        is_not_ready(&server, "lease");
    }
    is_ready(&server);
    cluster.stop(Shutdown::Fast).unwrap();
    is_not_ready(&server, "database_read");
    cluster.resume().unwrap();
    is_ready(&server);
}

#[test]
fn a_server_on_a_full_disk_is_not_ready() {
    on_small_disk(8, |disk| {
        let server = place_on(disk).serve();
        wait_for(|| {
            let (status, health) = ask(server.port(), "/readyz");
            let small = &health["components"]["disk"]["status"];
            (status == 200 && health["status"] == "degraded" && small == "degraded").then_some(())
        });
        disk.fill_but(1024 * 1024);
        create_until_refused(&server.client(), (507, "storage_full"));
        is_not_ready_but(&server, "disk", &["database_read"]);
        disk.free();
        is_ready(&server);
    });
}
