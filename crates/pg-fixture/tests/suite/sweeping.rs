//! What is left of a server when its tests are gone: nothing.

use oneoff_pg_fixture::{Cluster, Settings};
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where a server of this process has its files.
fn directory_of(process: u32) -> PathBuf {
    let data = std::fs::read_link(format!("/proc/{process}/cwd")).unwrap();
    data.parent().unwrap().to_owned()
}

/// The processes that work in this directory.
fn processes_in(directory: &Path) -> Vec<PathBuf> {
    let entries = Path::new("/proc").read_dir().unwrap().flatten().map(|entry| entry.path());
    let is_in = |process: &PathBuf| {
        std::fs::read_link(process.join("cwd")).is_ok_and(|working| working.starts_with(directory))
    };
    entries.filter(is_in).collect()
}

fn wait_until_gone(directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while directory.exists() || !processes_in(directory).is_empty() {
        assert!(Instant::now() < deadline, "{directory:?} is left, and {:?}", processes_in(directory));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_that_is_dropped_is_gone_with_its_files() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let directory = directory_of(cluster.process_id().unwrap());
    assert!(processes_in(&directory).len() > 1, "the test sees the server's processes");
    drop(cluster);
    assert!(!directory.exists());
    assert_eq!(processes_in(&directory), Vec::<PathBuf>::new());
}

#[test]
fn a_server_of_a_thread_outlives_the_thread() {
    let cluster = std::thread::spawn(|| Cluster::start(&Settings::default()).unwrap()).join().unwrap();
    assert_eq!(cluster.database().unwrap().query("SELECT 1").unwrap(), "1");
}

/// Starts a server, says where, and waits to be killed.
#[test]
#[ignore = "is run by `a_server_is_gone_with_its_files_when_its_tests_are_killed`"]
fn wait_with_a_server() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    println!("\nserver {}", cluster.process_id().unwrap());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    std::process::exit(0);
}

fn end_of_tests(end: impl FnOnce(&mut std::process::Child)) {
    let mut tests = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sweeping::wait_with_a_server", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tests.stdout.take().unwrap()).lines();
    let server = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("server ")?.parse().ok());
    let directory = directory_of(server.unwrap());
    assert!(!processes_in(&directory).is_empty());
    end(&mut tests);
    tests.wait().unwrap();
    wait_until_gone(&directory);
}

#[test]
fn a_server_is_gone_with_its_files_when_its_tests_are_killed() {
    end_of_tests(|tests| tests.kill().unwrap());
}

#[test]
fn a_server_is_gone_with_its_files_when_its_tests_end_without_dropping_it() {
    end_of_tests(|tests| drop(tests.stdin.take()));
}
