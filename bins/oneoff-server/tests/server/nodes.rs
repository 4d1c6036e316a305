//! Several servers on one PostgreSQL database: they start together, and what one is asked for holds on all.

use crate::process::*;
use oneoff_api_types::{CreateJob, JobView};
use oneoff_client::{Client, ExecutionQuery, OutputRequest};
use oneoff_pg_fixture::{Database, shared_cluster};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

fn database() -> Database {
    shared_cluster().unwrap().database().unwrap()
}

fn place(database: &Database, name: &str) -> Place {
    Place::bare().with("PORT", 0).with("DATABASE_URL", database.url()).with("NODE_NAME", name)
}

/// Two nodes, and a directory of the jobs' own.
struct Pair {
    nodes: [Serving; 2],
    _places: [Place; 2],
    directory: tempfile::TempDir,
    _database: Database,
}

impl Pair {
    fn start(settings: &[(&str, &str)]) -> Self {
        let database = database();
        let with_settings =
            |place: Place| settings.iter().fold(place, |place, (name, value)| place.with(name, value));
        let places = ["east", "west"].map(|name| with_settings(place(&database, name)));
        let nodes = places.each_ref().map(Place::serve);
        Self { nodes, _places: places, directory: tempfile::tempdir().unwrap(), _database: database }
    }

    fn clients(&self) -> [Client; 2] {
        [self.nodes[0].client(), self.nodes[1].client()]
    }

    /// A file of the jobs.
    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Starts a job, and answers its execution and the client of the node that does not run it.
    fn run_for_the_other(&self, job: &CreateJob) -> (JobView, String, Client) {
        let [east, west] = self.clients();
        let job = block_on(east.create_job(job)).unwrap();
        wait_for_status(&east, &job.id, "running");
        let query = ExecutionQuery { job_id: Some(job.id.clone()), ..ExecutionQuery::default() };
        let execution = block_on(east.executions(&query)).unwrap().data.remove(0);
        let other = if execution.worker == "east" { west } else { east };
        (job, execution.id, other)
    }
}

/// How many of these jobs ran at most at a time, and how many in all, by what each wrote at its begin and end.
fn most_at_once(log: &str) -> (i32, usize) {
    let (mut now, mut most) = (0, 0);
    let text = std::fs::read_to_string(log).unwrap_or_default();
    for line in text.lines() {
        now += if line == "+" { 1 } else { -1 };
        most = most.max(now);
    }
    (most, text.lines().filter(|line| *line == "-").count())
}

fn logging(log: &str) -> CreateJob {
    shell(&format!("echo + >> {log}; sleep 0.2; echo - >> {log}"))
}

#[test]
fn nodes_that_start_at_once_on_an_empty_database_all_come_up_and_migrate_it_once() {
    for names in [&["one", "two"][..], &["one", "two", "three"]] {
        let database = database();
        let nodes: Vec<Serving> = std::thread::scope(|scope| {
            let starts = names.iter().map(|name| scope.spawn(|| place(&database, name).serve()));
            let starts: Vec<_> = starts.collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let client = nodes[0].client();
        let listed = wait_for(|| {
            let nodes = block_on(client.worker_status()).unwrap().nodes;
            Some(nodes)
                .filter(|nodes| nodes.len() == names.len() && nodes.iter().all(|node| node.health == "ok"))
        });
        let epochs: BTreeSet<i64> = listed.iter().map(|node| node.epoch).collect();
        assert_eq!(epochs.len(), names.len());
        let applied = "SELECT count(*), count(DISTINCT version) FROM __diesel_schema_migrations";
        let (all, distinct) = database
            .query(applied)
            .unwrap()
            .split_once('|')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        assert_eq!(all, distinct);
        for node in &nodes {
            assert_eq!(run_job(&node.client(), &shell("true")).status, "completed");
        }
    }
}

#[test]
fn a_limit_of_a_job_type_holds_over_all_nodes() {
    let pair = Pair::start(&[("TYPE_LIMITS", "shell=2")]);
    let log = pair.file("log");
    for client in pair.clients() {
        for _ in 0..8 {
            block_on(client.create_job(&logging(&log))).unwrap();
        }
    }
    wait_for(|| (most_at_once(&log).1 == 16).then_some(()));
    assert_eq!(most_at_once(&log), (2, 16));
}

#[test]
fn jobs_of_one_concurrency_key_run_one_after_another_wherever_they_run() {
    let pair = Pair::start(&[]);
    let log = pair.file("log");
    let keyed = CreateJob { concurrency_key: Some("k".to_owned()), ..logging(&log) };
    for client in pair.clients() {
        for _ in 0..6 {
            block_on(client.create_job(&keyed)).unwrap();
        }
    }
    wait_for(|| (most_at_once(&log).1 == 12).then_some(()));
    assert_eq!(most_at_once(&log), (1, 12));
}

/// The queue of a full node is read anew only every 15 seconds.
#[test]
fn a_job_that_another_node_has_started_does_not_wait_for_a_slot_of_a_full_one() {
    let pair = Pair::start(&[("WORKERS_COUNT", "1")]);
    let [east, west] = pair.clients();
    let queued = |client: &Client| block_on(client.worker_status()).unwrap().queued_jobs;
    let long = || block_on(east.create_job(&shell("sleep 60"))).unwrap().id;
    let [first, second] = [long(), long()];
    for job in [&first, &second] {
        wait_for_status(&east, job, "running");
    }
    let third = long();
    for client in [&east, &west] {
        wait_for(|| (queued(client) == 1).then_some(()));
    }
    block_on(east.cancel_job(&first)).unwrap();
    wait_for_status(&east, &third, "running");
    let started = Instant::now();
    for client in [&east, &west] {
        wait_for(|| (queued(client) == 0).then_some(()));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "it was told after {:?}", started.elapsed());
}

/// How long it takes until the process of a job is gone that is cancelled on the node that does not run it.
fn ends_by_the_other(pair: &Pair, number: usize) -> Duration {
    let pid = pair.file(&format!("pid{number}"));
    let (job, _, other) =
        pair.run_for_the_other(&shell(&format!("echo $$ > {pid}.new; mv {pid}.new {pid}; sleep 60")));
    let process = wait_for(|| std::fs::read_to_string(&pid).ok()).trim().to_owned();
    let process = Path::new("/proc").join(process);
    assert!(process.exists());
    let asked = Instant::now();
    block_on(other.cancel_job(&job.id)).unwrap();
    wait_for(|| (!process.exists()).then_some(()));
    let took = asked.elapsed();
    wait_for_status(&other, &job.id, "cancelled");
    took
}

#[test]
fn a_cancel_on_one_node_ends_the_process_on_the_other_within_a_second() {
    let pair = Pair::start(&[]);
    let promised = Duration::from_secs(1);
    let mut took = Vec::new();
    // The best of a few: a busy machine pauses, but not every time.
    while took.len() < 5 && took.iter().all(|took| *took >= promised) {
        took.push(ends_by_the_other(&pair, took.len()));
    }
    assert!(took.iter().any(|took| *took < promised), "{took:?}");
}

#[test]
fn output_of_a_job_on_one_node_is_followed_live_on_the_other() {
    let pair = Pair::start(&[]);
    let gate = pair.file("gate");
    let step =
        |number: usize| format!("echo step {number}; while [ ! -e {gate}{number} ]; do sleep 0.05; done");
    let script = (0..3).map(step).collect::<Vec<_>>().join("; ");
    let (job, execution, other) = pair.run_for_the_other(&shell(&script));
    let mut offset = 0;
    for number in 0..3 {
        let wait = Some(Duration::from_secs(30));
        let asked = Instant::now();
        let page =
            block_on(other.output(&execution, OutputRequest { offset, wait, ..OutputRequest::default() }))
                .unwrap();
        let text: String = page.chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!((text, page.complete), (format!("step {number}\n"), false));
        assert!(asked.elapsed() < Duration::from_secs(15), "it came while it ran: {:?}", asked.elapsed());
        assert_eq!(block_on(other.job(&job.id)).unwrap().status, "running");
        offset = page.next_offset;
        std::fs::write(format!("{gate}{number}"), "").unwrap();
    }
    let wait = Some(Duration::from_secs(30));
    let end = block_on(other.output(&execution, OutputRequest { offset, wait, ..OutputRequest::default() }))
        .unwrap();
    assert!(end.complete && end.chunks.is_empty());
}

#[test]
fn a_key_that_is_taken_from_the_database_is_refused_by_all_nodes_in_a_moment() {
    let database = database();
    let place = |name| place(&database, name).with("AUTH_ENABLED", "true");
    let nodes = ["east", "west"].map(|name| place(name).serve());
    let made = place("x").run(&["keys", "create", "--name", "me", "--scopes", "read"]);
    made.succeeds();
    let header = format!("Authorization: Bearer {}", made.stdout.trim());
    let codes = || nodes.each_ref().map(|node| get(node.port(), "/api/jobs", &[&header]).0);
    assert_eq!(codes(), [200, 200]);
    database.query("DELETE FROM api_keys").unwrap();
    // The one that knows it first may have been asked too often by then.
    wait_for(|| codes().iter().all(|code| [401, 429].contains(code)).then_some(()));
}
