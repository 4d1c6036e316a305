//! What goes wrong around a PostgreSQL server: transactions that somebody leaves open, no connection left, a server that
//! takes no writes. Requests are answered in time with what is wrong, and all goes on by itself when that is over.

use crate::hung_cluster::Hung;
use crate::process::*;
use oneoff_api_types::CreateJob;
use oneoff_client::Client;
use oneoff_pg_fixture::{Cluster, Database, Settings, shared_cluster};
use std::path::Path;
use std::time::{Duration, Instant};

/// No request takes longer, whatever holds the database up.
const BOUND: Duration = Duration::from_secs(12);

fn own_cluster() -> (Cluster, Database) {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    (cluster, database)
}

fn place(database: &Database) -> Place {
    Place::bare().with("PORT", 0).with("DATABASE_URL", database.url())
}

/// Creates a job, and answers what went wrong. It does not take long in any case.
fn try_to_create(client: &Client) -> Result<(), String> {
    let asked = Instant::now();
    let answer = create(client);
    assert!(asked.elapsed() < BOUND, "an answer took {:?}", asked.elapsed());
    answer
}

fn create(client: &Client) -> Result<(), String> {
    let answer = block_on(client.create_job(&shell("true")));
    answer.map(drop).map_err(|error| error.problem().map(|problem| problem.code.clone()).unwrap_or_default())
}

fn goes_on(client: &Client) {
    wait_for(|| try_to_create(client).ok());
    assert_eq!(run_job(client, &shell("true")).status, "completed");
}

fn is_refused(client: &Client) {
    wait_for(|| (try_to_create(client) == Err("storage_unavailable".to_owned())).then_some(()));
}

#[test]
fn a_transaction_that_is_left_open_with_a_snapshot_disturbs_nobody() {
    let database = shared_cluster().unwrap().database().unwrap();
    let server = place(&database).serve();
    let client = server.client();
    run_job(&client, &shell("true"));
    let _held = database
        .hold("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM job_states, arrivals")
        .unwrap();
    for _ in 0..20 {
        assert_eq!(run_job(&client, &shell("true")).status, "completed");
    }
}

/// A job that goes on until somebody makes this file: then it is over at once.
fn until_there_is(file: &Path) -> CreateJob {
    shell(&format!("while [ ! -e {} ]; do sleep 0.05; done; echo done", file.display()))
}

#[test]
fn tables_that_somebody_locks_are_told_of_in_time_and_nothing_is_lost() {
    let database = shared_cluster().unwrap().database().unwrap();
    let server = place(&database).serve();
    let client = server.client();
    run_job(&client, &shell("true"));
    let directory = tempfile::tempdir().unwrap();
    for table in ["new_events", "job_counters", "arrivals", "job_states"] {
        let go = directory.path().join(table);
        let long = block_on(client.create_job(&until_there_is(&go))).unwrap();
        wait_for_status(&client, &long.id, "running");
        let held = database.hold(&format!("LOCK TABLE {table} IN EXCLUSIVE MODE")).unwrap();
        std::fs::write(&go, "").unwrap();
        is_refused(&client);
        drop(held);
        wait_for_status(&client, &long.id, "completed");
        goes_on(&client);
    }
}

#[test]
fn the_row_of_a_job_that_somebody_locks_delays_that_job_and_no_other() {
    let database = shared_cluster().unwrap().database().unwrap();
    let server = place(&database).serve();
    let client = server.client();
    let directory = tempfile::tempdir().unwrap();
    let go = directory.path().join("go");
    let long = block_on(client.create_job(&until_there_is(&go))).unwrap();
    wait_for_status(&client, &long.id, "running");
    let held = database.hold("SELECT * FROM running_jobs FOR UPDATE").unwrap();
    std::fs::write(&go, "").unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        assert_eq!(run_job(&client, &shell("true")).status, "completed");
    }
    assert_eq!(block_on(client.job(&long.id)).unwrap().status, "running", "its end cannot be recorded");
    drop(held);
    wait_for_status(&client, &long.id, "completed");
}

#[test]
fn rows_of_counters_that_somebody_locks_are_gone_around() {
    let database = shared_cluster().unwrap().database().unwrap();
    let server = place(&database).serve();
    let client = server.client();
    run_job(&client, &shell("true"));
    let in_use = "SELECT shard FROM job_counters WHERE status = 'completed' AND jobs > 0";
    let lock = format!("SELECT * FROM job_counters WHERE shard IN ({in_use}) FOR UPDATE");
    let held = database.hold(&lock).unwrap();
    goes_on(&client);
    for _ in 0..10 {
        try_to_create(&client).unwrap();
    }
    drop(held);
    // All that was created is over in a moment, and was counted once, in whichever row.
    let counted = "SELECT status, sum(jobs) FROM job_counters GROUP BY status HAVING sum(jobs) <> 0";
    let there = "SELECT 'completed', count(*) FROM job_states";
    let ask = |sql| database.query(sql).unwrap();
    wait_for(|| (ask(counted) == ask(there)).then_some(()));
}

#[test]
fn totals_of_output_that_somebody_locks_are_gone_around() {
    let database = shared_cluster().unwrap().database().unwrap();
    let server = place(&database).serve();
    let client = server.client();
    run_job(&client, &shell("echo first"));
    let held = database.hold("SELECT * FROM output_totals FOR UPDATE").unwrap();
    for _ in 0..5 {
        assert_eq!(run_job(&client, &shell("echo another")).status, "completed");
    }
    drop(held);
    let total = database.query("SELECT sum(bytes) FROM output_totals").unwrap();
    assert_eq!(total, database.query("SELECT sum(length(bytes)) FROM output_chunks").unwrap());
}

#[test]
fn without_a_free_connection_a_start_says_so_and_a_node_that_runs_goes_on_when_there_is_one() {
    let (_cluster, database) = own_cluster();
    let limit = |connections: i32| {
        database.query(&format!("ALTER ROLE oneoff CONNECTION LIMIT {connections}")).unwrap();
    };
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'oneoff'";
    limit(0);
    place(&database)
        .run(&["serve"])
        .fails(1, &["cannot connect to the database", "too many connections for role"]);
    limit(-1);
    let server = place(&database).serve();
    let client = server.client();
    let long = block_on(client.create_job(&shell("sleep 3; echo done"))).unwrap();
    wait_for_status(&client, &long.id, "running");
    limit(0);
    database.query(cut).unwrap();
    is_refused(&client);
    wait_for(|| (get(server.port(), "/readyz", &[]).0 == 503).then_some(()));
    limit(-1);
    goes_on(&client);
    wait_for_status(&client, &long.id, "completed");
    wait_for(|| (get(server.port(), "/readyz", &[]).0 == 200).then_some(()));
}

#[test]
fn a_server_that_takes_no_writes_is_refused_at_start_and_told_of_while_running() {
    let (_cluster, database) = own_cluster();
    let name = database.name();
    let refuses = ["refuses writes", "replica, or read-only", "name the primary"];
    database.query(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).unwrap();
    place(&database).run(&["serve"]).fails(1, &refuses);
    place(&database).run(&["check-config", "--connect"]).fails(1, &refuses);
    let only_reads = |is_on: bool| {
        let to = if is_on { "on" } else { "off" };
        database.query(&format!("ALTER SYSTEM SET default_transaction_read_only = {to}")).unwrap();
        database.query("SELECT pg_reload_conf()").unwrap();
    };
    database.query("BEGIN READ WRITE; ALTER ROLE oneoff RESET ALL; COMMIT").unwrap();
    database.query(&format!("BEGIN READ WRITE; ALTER DATABASE {name} RESET ALL; COMMIT")).unwrap();
    let server = place(&database).serve();
    let client = server.client();
    goes_on(&client);
    only_reads(true);
    is_refused(&client);
    only_reads(false);
    goes_on(&client);
}

#[test]
fn a_replica_is_refused_at_start_and_a_node_goes_on_when_there_is_a_primary_again() {
    let (cluster, database) = own_cluster();
    let server = place(&database).serve();
    let client = server.client();
    let long = block_on(client.create_job(&shell("sleep 6; echo done"))).unwrap();
    wait_for_status(&client, &long.id, "running");
    cluster.restart_as_replica(true).unwrap();
    place(&database).run(&["serve"]).fails(1, &["refuses writes", "replica, or read-only"]);
    is_refused(&client);
    wait_for(|| (get(server.port(), "/api/jobs", &[]).0 == 200).then_some(()));
    cluster.restart_as_replica(false).unwrap();
    goes_on(&client);
    wait_for_status(&client, &long.id, "completed");
}

/// Of eight jobs of a node that is killed, others have locked one.
#[test]
fn a_row_that_somebody_locks_holds_up_the_rescue_of_no_other_job() {
    let database = shared_cluster().unwrap().database().unwrap();
    // The one that rescues keeps its lease however busy the machine is.
    let node = |name: &str, lease: u32| place(&database).with("NODE_NAME", name).with("LEASE_SECONDS", lease);
    let (first, second) = (node("first", 5), node("second", 40));
    let dying = first.serve();
    let jobs: Vec<String> = (0..8)
        .map(|_| block_on(dying.client().create_job(&shell("[ -e gone ] || sleep 60"))).unwrap().id)
        .collect();
    jobs.iter().for_each(|job| wait_for_status(&dying.client(), job, "running"));
    let other = second.serve();
    let last = "SELECT max(execution_key) FROM running_jobs";
    let held = database.hold(&format!("SELECT * FROM attempts WHERE key = ({last}) FOR UPDATE")).unwrap();
    dying.signal("KILL");
    // Jobs, not attempts, of which there may be more: their number rises to that of all and stays.
    let lost = "SELECT count(DISTINCT job_key) FROM attempts WHERE reason = 'lost'";
    let killed = Instant::now();
    wait_for(|| (database.query(lost).unwrap().trim() == "7").then_some(()));
    assert!(killed.elapsed() < Duration::from_secs(25), "{:?}", killed.elapsed());
    drop(held);
    wait_for(|| (database.query(lost).unwrap().trim() == "8").then_some(()));
    let rescued = || {
        let (_, text) = get(other.port(), "/metrics", &[]);
        let counted = text.split_once("\noneoff_rescued_attempts_total{outcome=\"again\"} ")?.1;
        counted.lines().next()?.parse::<u32>().ok()
    };
    wait_for(|| (rescued()? >= 8).then_some(()));
}

/// After a restart of PostgreSQL only one connection of the node that writes is open again, and no other can be.
#[test]
fn jobs_are_made_by_the_connection_that_is_there_when_there_are_no_others() {
    let (_cluster, database) = own_cluster();
    let server = place(&database).serve();
    let client = server.client();
    run_job(&client, &shell("true"));
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'oneoff'";
    database.query(cut).unwrap();
    try_to_create(&client).unwrap();
    database.query("ALTER ROLE oneoff CONNECTION LIMIT 0").unwrap();
    std::thread::scope(|scope| {
        let creates: Vec<_> = (0..8).map(|_| scope.spawn(|| try_to_create(&client))).collect();
        for create in creates {
            assert_eq!(create.join().unwrap(), Ok(()));
        }
    });
}

/// PostgreSQL hangs with connections open: who asks is answered in time all the same, what was refused is not made when it
/// goes on, and the node can be stopped.
#[test]
fn a_server_that_hangs_holds_up_neither_requests_nor_the_end_of_a_node() {
    let (cluster, database) = own_cluster();
    let mut server = place(&database).with("SHUTDOWN_GRACE_SECONDS", 1).serve();
    let client = server.client();
    run_job(&client, &shell("true"));
    let hung = Hung::hang(&cluster);
    // So long that every writer asks whether its connection is still there before it takes anything.
    std::thread::sleep(Duration::from_millis(100));
    let asked = Instant::now();
    let (client, port) = (server.client(), server.port());
    std::thread::scope(|scope| {
        let writes: Vec<_> = (0..8).map(|_| scope.spawn(|| create(&client))).collect();
        let read = |path: &'static str| scope.spawn(move || get(port, path, &[]).0);
        let reads: Vec<_> = (0..6).map(|_| read("/api/jobs")).collect();
        let status = read("/api/workers/status");
        assert_eq!(status.join().unwrap(), 200);
        assert!(asked.elapsed() < Duration::from_secs(6), "the list of nodes took {:?}", asked.elapsed());
        for read in reads {
            assert_eq!(read.join().unwrap(), 503);
        }
        for write in writes {
            let refused = write.join().unwrap().unwrap_err();
            // Whoever came later than the others by seconds need not even wait.
            assert!(["storage_unavailable", "overloaded"].contains(&refused.as_str()), "{refused}");
        }
    });
    assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());
    drop(hung);
    wait_for(|| (get(server.port(), "/api/jobs", &[]).0 == 200).then_some(()));
    goes_on(&client);
    let made = database.query("SELECT count(*) FROM job_states").unwrap();
    assert_eq!(made.trim(), "3", "what was refused is not made afterwards");
    let hung = Hung::hang(&cluster);
    let write = std::thread::spawn({
        let client = server.client();
        move || drop(create(&client))
    });
    let stopping = Instant::now();
    server.signal("TERM");
    let ended = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(50));
        server.child.try_wait().unwrap()
    });
    let ended = ended.take_while(|_| stopping.elapsed() < Duration::from_secs(60)).find_map(|status| status);
    assert!(ended.is_some_and(|status| status.success()), "{ended:?} after {:?}", stopping.elapsed());
    write.join().unwrap();
    drop(hung);
}
