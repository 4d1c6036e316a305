//! The guardian with a real server process, which is this test's own program in another role.

use crate::support::{PATIENCE, eventually, execution_id, lives, processes_of, start_watched};
use oneoff_domain::ExecutionId;
use oneoff_executors::process::{Guardian, ProcessWatch, boot_time, guardian_main};
use oneoff_executors::{BaseEnvironment, ShellExecutor};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A filter that no test matches: given where this program is not to test but to play a role.
const AS_A_ROLE: &str = "as-a-role";

pub(crate) fn role(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, AS_A_ROLE, "--nocapture", "--test-threads=1"]);
    command
}

pub(crate) fn is_a_role() -> bool {
    std::env::args().any(|argument| argument == AS_A_ROLE)
}

pub(crate) fn guardian(token: &str) -> Guardian {
    let command = role("guardian::plays_the_guardian");
    Guardian::spawn(command.get_program(), command.get_args(), token).unwrap()
}

#[test]
fn plays_the_guardian() {
    if is_a_role() {
        let _nobody_asks = guardian_main();
        std::process::exit(0);
    }
}

#[tokio::test]
async fn plays_a_server() {
    if !is_a_role() {
        return;
    }
    let guardian = Arc::new(guardian(&execution_id().to_string()));
    let script =
        "setsid sleep 300 >/dev/null 2>&1 & sleep 300 & env -i /bin/sleep 300 & trap '' TERM; sleep 300; :";
    let shell = ShellExecutor::new(BaseEnvironment::of_this_process());
    let attempt = start_watched(&shell, &json!({"script": script}), guardian.clone());
    let id = attempt.id;
    eventually("its processes run", PATIENCE, || processes_of(id).len() == 4).await;
    println!("\nrunning {id} {}", guardian.process_id().unwrap());
    attempt.task.await.unwrap();
}

/// Waits until the guardian was told all that there is to tell it: it reads what it was told also when its server is gone.
fn is_told(guardian: &Guardian) {
    // Telling of a lease is waited for, but not for long.
    let renews_at_once = || {
        let asked = Instant::now();
        guardian.renew_lease(boot_time().after(10 * PATIENCE), PATIENCE);
        asked.elapsed() < Duration::from_millis(150)
    };
    assert!((0..100).any(|_| renews_at_once()), "it is never told");
}

#[tokio::test]
async fn plays_a_server_of_escapers() {
    if !is_a_role() {
        return;
    }
    let guardian = Arc::new(guardian(&execution_id().to_string()));
    // The leader overwrites its environment, and its child has none.
    let script = "exec perl -e '$|=1; $0=\"zzz9\"; system(\"env\", \"-i\", \"setsid\", \"sh\", \"-c\", \"echo \\$\\$; exec sleep 300\")'";
    let shell = ShellExecutor::new(BaseEnvironment::of_this_process());
    let mut attempt = start_watched(&shell, &json!({"script": script}), guardian.clone());
    let chunk = attempt.output.recv().await.unwrap();
    is_told(&guardian);
    println!("\nescaped {}", String::from_utf8_lossy(&chunk.bytes));
    attempt.task.await.unwrap();
}

/// A server with a running job.
struct Server {
    child: Child,
    execution_id: ExecutionId,
    guardian: i32,
}

impl Server {
    fn start() -> Self {
        let mut child = role("guardian::plays_a_server").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.starts_with("running 0")).expect("the server runs a job");
        let words: Vec<_> = line.split_whitespace().collect();
        Server { child, execution_id: words[1].parse().unwrap(), guardian: words[2].parse().unwrap() }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
    }
}

pub(crate) fn signal(pid: i32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// Whether a process is so far that it catches the signals that it is to outlive.
fn outlives_signals(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
    // SIGTERM, SIGINT, SIGHUP and SIGQUIT.
    caught.is_some_and(|caught| [15, 2, 1, 3].iter().all(|signal| caught & (1 << (signal - 1)) != 0))
}

#[tokio::test]
async fn all_ends_within_a_second_of_the_servers_death() {
    let mut took = Vec::new();
    // The best of a few: a busy machine pauses, but not every time.
    while took.len() < 5 && took.iter().all(|took| *took >= Duration::from_secs(1)) {
        let mut server = Server::start();
        assert_eq!(processes_of(server.execution_id).len(), 4);
        let began = Instant::now();
        server.kill();
        let (id, guardian) = (server.execution_id, server.guardian);
        eventually("no process is left", PATIENCE, || processes_of(id).is_empty()).await;
        took.push(began.elapsed());
        eventually("the guardian has gone", PATIENCE, || !lives(guardian)).await;
    }
    assert!(took.iter().any(|took| *took < Duration::from_secs(1)), "all gone after {took:?}");
}

#[tokio::test]
async fn processes_without_their_environment_end_with_the_server() {
    let mut server = role("guardian::plays_a_server_of_escapers").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let escaper = lines.find_map(|line| line.strip_prefix("escaped ")?.parse::<i32>().ok()).unwrap();
    assert!(lives(escaper));
    server.kill().unwrap();
    server.wait().unwrap();
    eventually("no process is left", PATIENCE, || !lives(escaper)).await;
}

#[test]
fn a_guardian_that_does_not_answer_does_not_hold_up_the_end() {
    // The second one does not even read: what it is told fills the pipe.
    for told in [0, 3000] {
        let guardian = guardian("a-token-of-nobody");
        let pid = i32::try_from(guardian.process_id().unwrap()).unwrap();
        signal(pid, "-STOP");
        (0..told).for_each(|_| guardian.started(execution_id(), 1_999_999, 0));
        let began = Instant::now();
        guardian.shutdown();
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it was reaped");
    }
}

#[tokio::test]
async fn the_guardian_outlives_signals_that_are_not_for_it() {
    let mut server = Server::start();
    eventually("it is so far", PATIENCE, || outlives_signals(server.guardian)).await;
    for name in ["-TERM", "-INT", "-HUP", "-QUIT"] {
        signal(server.guardian, name);
    }
    server.kill();
    let id = server.execution_id;
    eventually("no process is left", PATIENCE, || processes_of(id).is_empty()).await;
}

#[tokio::test]
async fn a_guardian_that_dies_is_started_again_and_told_everything() {
    let mut server = Server::start();
    let first = server.guardian;
    signal(first, "-KILL");
    let parent = server.child.id().to_string();
    let second = || {
        let found = Command::new("pgrep").args(["-P", &parent, "-f", "plays_the_guardian"]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().trim().parse::<i32>().ok().filter(|pid| *pid != first)
    };
    eventually("a second guardian runs", PATIENCE, || second().is_some_and(outlives_signals)).await;
    assert_eq!(processes_of(server.execution_id).len(), 4, "the job goes on");
    // It may not have read all yet, and must end all the same: the server's words wait in the pipe.
    server.kill();
    let id = server.execution_id;
    eventually("no process is left", PATIENCE, || processes_of(id).is_empty()).await;
}

#[test]
fn a_guardian_says_goodbye_at_once() {
    let guardian = guardian("a-token-of-nobody");
    let pid = i32::try_from(guardian.process_id().unwrap()).unwrap();
    let variables = guardian.environment();
    assert_eq!(variables, [("ONEOFF_INSTANCE".to_owned(), "a-token-of-nobody".to_owned())]);
    guardian.started(execution_id(), 1_999_999, 0);
    let began = Instant::now();
    guardian.shutdown();
    guardian.shutdown();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it was reaped");
}

#[test]
fn a_token_must_be_one_word_and_a_program_must_exist() {
    for token in ["", "a b", "a\nquit", "a\0"] {
        assert!(Guardian::spawn("/bin/true", [""; 0], token).is_err(), "{token:?}");
    }
    assert!(Guardian::spawn("/no/such/program", [""; 0], "t").is_err());
}
