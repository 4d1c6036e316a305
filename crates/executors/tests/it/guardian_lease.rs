//! A server that is stopped in its tracks loses its processes with its lease, and goes on afterwards. The server is this
//! test's own program in another role.

use crate::guardian::{guardian, is_a_role, role, signal};
use crate::support::{PATIENCE, eventually, execution_id, lives, processes_of, start_watched};
use oneoff_domain::ExecutionId;
use oneoff_executors::process::{Guardian, boot_time};
use oneoff_executors::{BaseEnvironment, ShellExecutor};
use serde_json::json;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(12);
const ENDING: Duration = Duration::from_secs(9);

fn renew(guardian: &Guardian) {
    guardian.renew_lease(boot_time().after(LEASE), ENDING);
}

#[tokio::test(flavor = "multi_thread")]
async fn plays_a_server_with_a_lease() {
    if !is_a_role() {
        return;
    }
    let guardian = Arc::new(guardian(&execution_id().to_string()));
    let renewing = Arc::clone(&guardian);
    std::thread::spawn(move || {
        loop {
            renew(&renewing);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let script = "setsid sleep 300 >/dev/null 2>&1 & env -i setsid /bin/sleep 300 >/dev/null 2>&1 & echo $!; \
                  trap '' TERM; sleep 300; :";
    let shell = ShellExecutor::new(BaseEnvironment::of_this_process());
    loop {
        renew(&guardian);
        let mut attempt = start_watched(&shell, &json!({"script": script}), guardian.clone());
        let bare = attempt.output.recv().await.unwrap();
        let id = attempt.id;
        eventually("its processes run", PATIENCE, || processes_of(id).len() == 3).await;
        print!("\nruns {id} {}", String::from_utf8_lossy(&bare.bytes));
        let outcome = attempt.task.await.unwrap();
        println!("\nover {:?}", outcome.reason);
    }
}

struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What a server runs: the execution, and a process that carries no mark of it.
type Runs = (ExecutionId, i32);

impl Server {
    fn start() -> Self {
        let mut child =
            role("guardian_lease::plays_a_server_with_a_lease").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn says(&mut self, word: &str) -> String {
        let said = |line: String| line.strip_prefix(word).map(|rest| rest.trim().to_owned());
        self.lines.find_map(|line| said(line.unwrap())).expect("the server goes on")
    }

    fn runs(&mut self) -> Runs {
        let said = self.says("runs ");
        let (id, bare) = said.split_once(' ').unwrap();
        (id.parse().unwrap(), bare.parse().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }
}

fn nothing_is_left_of((id, bare): Runs) -> bool {
    processes_of(id).is_empty() && !lives(bare)
}

#[tokio::test]
async fn a_stopped_server_loses_its_processes_before_its_lease_and_goes_on_afterwards() {
    let mut server = Server::start();
    let first = server.runs();
    assert!(lives(first.1));
    signal(server.pid(), "-STOP");
    let lease_until = boot_time().after(LEASE);
    eventually("nothing is left", LEASE, || nothing_is_left_of(first)).await;
    assert!(boot_time() < lease_until, "before anybody else may take the job over");
    signal(server.pid(), "-CONT");
    assert_eq!(server.says("over "), "Signal");
    let second = server.runs();
    assert!(!nothing_is_left_of(second), "a renewed lease is as good as the first");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    eventually("nothing is left", PATIENCE, || nothing_is_left_of(second)).await;
}

#[tokio::test]
async fn what_starts_without_a_lease_ends_at_once() {
    let guardian = Arc::new(guardian(&execution_id().to_string()));
    guardian.renew_lease(boot_time(), ENDING);
    let shell = ShellExecutor::new(BaseEnvironment::of_this_process());
    let script = json!({"script": "sleep 300"});
    let attempt = start_watched(&shell, &script, guardian.clone());
    let outcome = tokio::time::timeout(PATIENCE, attempt.task).await.expect("it ends").unwrap();
    assert_eq!(outcome.reason, oneoff_domain::Reason::Signal);
    // However long a busy machine takes to start it.
    guardian.renew_lease(boot_time().after(ENDING + PATIENCE), ENDING);
    let attempt = start_watched(&shell, &json!({"script": "exit 3"}), guardian.clone());
    let outcome = tokio::time::timeout(PATIENCE, attempt.task).await.expect("it ends").unwrap();
    assert_eq!(outcome.exit_code, Some(3), "it was let be");
    guardian.shutdown();
}
