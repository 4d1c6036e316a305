//! `kill -9` of a server under load, round after round: nothing acknowledged is lost, nothing overlaps, and
//! `on_crash: fail` means at most once.

use crate::server::{Server, log_of, shell};
use oneoff_api_types::CreateJob;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 20;
/// Creators that work side by side.
const CREATORS: u64 = 6;

/// Writes down its start and end, and whether a process of an earlier attempt of its job is still alive.
fn script(directory: &Path) -> String {
    format!(
        r#"cd '{}'
for process in $(cat "pids.$ONEOFF_JOB_ID" 2>/dev/null); do
  # A zombie is dead: it only waits for its parent to take note.
  case "$(cut -d' ' -f3 "/proc/$process/stat" 2>/dev/null)" in ''|Z|X) ;; *) echo "overlap $ONEOFF_JOB_ID" >> journal ;; esac
done
echo $$ > "pids.$ONEOFF_JOB_ID"
echo "start $ONEOFF_JOB_ID" >> journal
sleep 0.2 &
echo $! >> "pids.$ONEOFF_JOB_ID"
wait
rm -f "pids.$ONEOFF_JOB_ID"
echo "end $ONEOFF_JOB_ID" >> journal"#,
        directory.display()
    )
}

/// Jobs that were answered with 201, and whether they may run at most once.
type Acknowledged = Arc<Mutex<HashMap<String, bool>>>;

async fn create_until_killed(server: &Server, directory: &Path, round: u64, acknowledged: &Acknowledged) {
    let script = script(directory);
    let mut creators = tokio::task::JoinSet::new();
    for creator in 0..CREATORS {
        let (client, script, acknowledged) = (server.client.clone(), script.clone(), acknowledged.clone());
        creators.spawn(async move {
            for index in 0_u64.. {
                let once = (creator + index) % 3 == 0;
                let at = ["now", "in 150ms", "in 400ms", "in 1s"][((index + creator) % 4) as usize];
                let on_crash = if once { "fail" } else { "retry" };
                let job = CreateJob { on_crash: Some(on_crash.to_owned()), ..shell(&script, at) };
                match client.create_job(&job).await {
                    Ok(job) => acknowledged.lock().unwrap().insert(job.id, once),
                    Err(_killed) => return,
                };
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        });
    }
    // Another moment in each round: from soon after the start to in the midst of running jobs.
    tokio::time::sleep(Duration::from_millis(120 + (round * 137) % 700)).await;
    creators.detach_all();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_rounds_of_kill_lose_nothing_and_overlap_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let server = Server::start(directory.path());
        create_until_killed(&server, directory.path(), round, &acknowledged).await;
        server.kill();
    }
    let server = Server::start(directory.path());
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > 100, "only {} jobs were made", acknowledged.len());
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut crashed = 0;
    for (id, once) in &acknowledged {
        let job = loop {
            let job = server.client.job(id).await.expect("an acknowledged job exists");
            if matches!(job.status.as_str(), "completed" | "failed") {
                break job;
            }
            assert!(Instant::now() < deadline, "not over: {job:?}\n{}", log_of(directory.path()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(*once || job.status == "completed", "a job with on_crash=retry ended as {}", job.status);
        crashed += u32::from(job.attempt > 0 || job.status == "failed");
    }
    assert!(crashed > 10, "only {crashed} attempts were hit: the test did not kill in the midst of work");
    check_journal(&std::fs::read_to_string(directory.path().join("journal")).unwrap(), &acknowledged);
}

fn check_journal(journal: &str, acknowledged: &HashMap<String, bool>) {
    let of = |word: &str| -> Vec<&str> {
        journal.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect()
    };
    assert!(of("overlap").is_empty(), "attempts overlapped: {:?}", of("overlap"));
    let mut started = HashSet::new();
    for id in of("start") {
        let again = !started.insert(id);
        assert!(!(again && acknowledged.get(id) == Some(&true)), "{id} has on_crash=fail and ran twice");
    }
    for (id, once) in acknowledged {
        assert!(*once || of("end").contains(&id.as_str()), "{id} never came to its end");
    }
}
