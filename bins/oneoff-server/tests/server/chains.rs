//! Chains on the built binary, on a file and on PostgreSQL: a `kill -9` in the middle, many at once, a cancel that ends
//! the processes, and what a link is told of the one before.

use crate::process::*;
use oneoff_api_types::{ChainExecutionView, ChainLinkRequest, CreateChain, CreateJob, ExecuteChain};
use oneoff_client::Client;
use oneoff_pg_fixture::{Database, shared_cluster};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where a server keeps its jobs, and a directory of the jobs' own.
struct Ground {
    place: Place,
    jobs: tempfile::TempDir,
    _database: Option<Database>,
}

impl Ground {
    /// One on a file and one on a server.
    fn each() -> [fn() -> Self; 2] {
        [Self::file, Self::server]
    }

    fn file() -> Self {
        Self { place: Place::new(), jobs: tempfile::tempdir().unwrap(), _database: None }
    }

    fn server() -> Self {
        let database = shared_cluster().unwrap().database().unwrap();
        let place = Place::bare().with("PORT", 0).with("DATABASE_URL", database.url());
        Self { place, jobs: tempfile::tempdir().unwrap(), _database: Some(database) }
    }

    /// What a dead node has left is soon taken over here, but a busy one might lose such a lease.
    fn with_short_lease(self) -> Self {
        if self._database.is_none() {
            return self;
        }
        Self { place: self.place.with("LEASE_SECONDS", 5), ..self }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.jobs.path().join(name)
    }

    fn lines(&self, name: &str) -> Vec<String> {
        lines(&self.path(name))
    }
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A job that a link defines.
fn link_of(job: CreateJob) -> ChainLinkRequest {
    let job = CreateJob { scheduled_at: None, ..job };
    ChainLinkRequest { job: Some(job), ..ChainLinkRequest::default() }
}

fn link(script: &str) -> ChainLinkRequest {
    link_of(shell(script))
}

fn begin(client: &Client, links: Vec<ChainLinkRequest>) -> ChainExecutionView {
    let chain = CreateChain { name: "a chain".to_owned(), links: Some(links), ..CreateChain::default() };
    block_on(async {
        let chain = client.create_chain(&chain).await.unwrap();
        client.execute_chain(&chain.id, &ExecuteChain::default()).await.unwrap()
    })
}

/// Waits until it is over.
fn end(client: &Client, id: &str) -> ChainExecutionView {
    let over = block_on(client.chain_execution_after(id, PATIENCE)).unwrap();
    assert!(over.ended_at.is_some(), "{over:?}");
    over
}

fn statuses(execution: &ChainExecutionView) -> Vec<&str> {
    execution.links.iter().map(|link| link.status.as_str()).collect()
}

/// A chain of five is killed in the middle of its third link, and goes on there.
fn a_kill_in_the_third_of_five_goes_on_at_the_third(ground: &Ground, on_crash: &str) {
    let ran = ground.path("ran");
    let step = |number: u8| link(&format!("echo {number} >> {}", ran.display()));
    // The first attempt hangs, and the next one does not.
    let mut third = link(&format!("echo 3 >> {0}; [ $(grep -c 3 {0}) -gt 1 ] || sleep 600", ran.display()));
    third.job.as_mut().unwrap().on_crash = Some(on_crash.to_owned());
    let mut server = ground.place.serve();
    let execution = begin(&server.client(), vec![step(1), step(2), third, step(4), step(5)]);
    wait_for(|| (ground.lines("ran").len() == 3).then_some(()));
    server.child.kill().unwrap();
    server.child.wait().unwrap();

    let server = ground.place.serve();
    let over = end(&server.client(), &execution.id);
    let (status, ran, links) = match on_crash {
        "retry" => ("completed", vec!["1", "2", "3", "3", "4", "5"], vec!["completed"; 5]),
        _ => ("failed", vec!["1", "2", "3"], vec!["completed", "completed", "failed", "skipped", "skipped"]),
    };
    assert_eq!(over.status, status, "{over:?}");
    assert_eq!(ground.lines("ran"), ran);
    assert_eq!(statuses(&over), links);
    for (was, is) in execution.links.iter().zip(&over.links) {
        assert_eq!(was.sequence_order, is.sequence_order);
    }
    if on_crash == "fail" {
        assert_eq!(over.links[2].reason.as_deref(), Some("lost"));
        assert!(over.detail.unwrap().contains("link 3"));
        assert!(over.links[3].detail.as_deref().unwrap().contains("stops the chain"));
    }
}

#[test]
fn a_kill_in_the_middle_of_the_third_of_five_goes_on_at_the_third() {
    for ground in Ground::each() {
        a_kill_in_the_third_of_five_goes_on_at_the_third(&ground().with_short_lease(), "retry");
    }
}

#[test]
fn a_kill_in_the_middle_fails_the_chain_where_its_link_says_so() {
    for ground in Ground::each() {
        a_kill_in_the_third_of_five_goes_on_at_the_third(&ground().with_short_lease(), "fail");
    }
}

#[test]
fn fifty_chain_executions_at_once_each_run_in_order() {
    for ground in Ground::each() {
        let ground = ground();
        let server = ground.place.serve();
        let client = server.client();
        let step = |number: u8| {
            link(&format!("echo {number} >> {}/$ONEOFF_CHAIN_EXECUTION_ID", ground.jobs.path().display()))
        };
        let links = (1..=4).map(step).collect();
        let chain = CreateChain { name: "fifty".to_owned(), links: Some(links), ..CreateChain::default() };
        let ids: Vec<String> = block_on(async {
            let chain = client.create_chain(&chain).await.unwrap();
            let mut ids = Vec::new();
            for _ in 0..50 {
                ids.push(client.execute_chain(&chain.id, &ExecuteChain::default()).await.unwrap().id);
            }
            ids
        });
        for id in ids {
            assert_eq!(end(&client, &id).status, "completed");
            assert_eq!(ground.lines(&id), ["1", "2", "3", "4"], "{id}");
        }
        let page = block_on(client.chain_executions(&oneoff_client::ChainExecutionQuery {
            limit: Some(50),
            statuses: vec!["completed".to_owned()],
            ..oneoff_client::ChainExecutionQuery::default()
        }));
        assert_eq!(page.unwrap().data.len(), 50);
    }
}

#[test]
fn a_cancel_in_the_middle_ends_the_processes_and_skips_the_rest() {
    for ground in Ground::each() {
        let ground = ground();
        let server = ground.place.serve();
        let client = server.client();
        let pids = ground.path("pids");
        let hang = link(&format!("echo $$ >> {0}; sleep 600 & echo $! >> {0}; wait", pids.display()));
        let mut always = link(&format!("echo no >> {}", ground.path("after").display()));
        always.run_if = Some("always".to_owned());
        let execution = begin(&client, vec![link("true"), hang, always]);
        wait_for(|| (ground.lines("pids").len() == 2).then_some(()));
        let over = block_on(client.cancel_chain_execution(&execution.id)).unwrap();
        assert_eq!(over.status, "cancelled", "{over:?}");
        assert_eq!(statuses(&over), ["completed", "cancelled", "skipped"]);
        for pid in ground.lines("pids") {
            assert!(!is_alive(&pid), "stopped means stopped");
        }
        assert!(ground.lines("after").is_empty());
        let again = block_on(client.cancel_chain_execution(&execution.id)).unwrap_err();
        assert_eq!(again.status(), Some(409), "{again}");
    }
}

#[test]
fn a_link_reads_what_the_one_before_wrote() {
    let ground = Ground::file();
    let server = ground.place.serve();
    let client = server.client();
    let (address, request) = receiver();
    let told = ground.path("told");
    let mut first = link("echo 'a \"b\"'; echo $(id -u | tr -d 0-9)ü; exit 7");
    first.stop_on_failure = Some(false);
    let second = link(&format!(
        "printf '%s|%s|%s|%s|%s' \"$ONEOFF_PREVIOUS_STATUS\" \"$ONEOFF_PREVIOUS_EXIT_CODE\" \
         \"$ONEOFF_PREVIOUS_OUTPUT\" \"$ONEOFF_PREVIOUS_OUTPUT_TRUNCATED\" \"$ONEOFF_CHAIN_LINK\" > {}; echo 'x/../y z'",
        told.display()
    ));
    let config = json!({
        "url": format!("http://{address}/in/{{{{previous.output}}}}?code={{{{previous.exit_code}}}}"),
        "method": "POST",
        "headers": { "X-Previous": "{{previous.status}}" },
        "body": { "output": "{{previous.output}}", "code": "{{previous.exit_code}}" },
    });
    let third = link_of(job("http", config.as_object().unwrap().clone()));
    let execution = begin(&client, vec![first, second, third]);
    let over = end(&client, &execution.id);
    assert_eq!(over.status, "completed", "{over:?}");
    assert_eq!((over.links[0].status.as_str(), over.links[0].exit_code), ("failed", Some(7)));
    let told = std::fs::read_to_string(told).unwrap();
    assert_eq!(told, "failed|7|a \"b\"\nü|false|2");
    let request = request.join().unwrap();
    assert!(request.starts_with("POST /in/x%2F..%2Fy%20z?code=0 HTTP/1.1\r\n"), "{request}");
    assert!(request.to_ascii_lowercase().contains("x-previous: completed\r\n"), "{request}");
    assert!(request.ends_with(r#"{"output":"x/../y z","code":0}"#), "{request}");
}

#[test]
fn a_link_starts_within_milliseconds_of_the_end_of_the_one_before() {
    let ground = Ground::file();
    let server = ground.place.serve();
    let client = server.client();
    let execution = begin(&client, (0..10).map(|_| link("true")).collect());
    let over = end(&client, &execution.id);
    let mut gaps: Vec<Duration> = over
        .links
        .windows(2)
        .map(|pair| {
            let at =
                |text: &Option<String>| text.as_ref().unwrap().parse::<oneoff_domain::Timestamp>().unwrap();
            let micros = at(&pair[1].started_at).micros_since(at(&pair[0].ended_at));
            Duration::from_micros(u64::try_from(micros).unwrap())
        })
        .collect();
    gaps.sort();
    // The least, as the machine of a test does other things, too: who waited for a time would do so always.
    assert!(gaps[0] < Duration::from_millis(100), "{gaps:?}");
}

#[test]
fn a_chain_starts_at_its_time_and_survives_a_restart_before_it() {
    let ground = Ground::file();
    let server = ground.place.serve();
    let client = server.client();
    let began = Instant::now();
    let chain = CreateChain {
        name: "later".to_owned(),
        links: Some(vec![link("true"), link("true")]),
        ..CreateChain::default()
    };
    let start = ExecuteChain { scheduled_at: Some("in 3s".to_owned()), ..ExecuteChain::default() };
    let execution = block_on(async {
        let chain = client.create_chain(&chain).await.unwrap();
        client.execute_chain(&chain.id, &start).await.unwrap()
    });
    assert_eq!(
        (execution.status.as_str(), execution.message.as_deref()),
        ("scheduled", Some("Chain execution started"))
    );
    server.stop();
    let server = ground.place.serve();
    let over = end(&server.client(), &execution.id);
    assert_eq!(over.status, "completed");
    assert!(began.elapsed() >= Duration::from_secs(3));
    assert!(over.started_at.unwrap() >= execution.scheduled_at);
}

/// One that has ended is there until whoever is its parent now has asked for it.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Takes one request, and answers it.
fn receiver() -> (std::net::SocketAddr, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let request = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while !is_whole(&bytes) {
            let read = stream.read(&mut buffer).unwrap();
            assert_ne!(read, 0, "the request ends early");
            bytes.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        String::from_utf8(bytes).unwrap()
    });
    (address, request)
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}
