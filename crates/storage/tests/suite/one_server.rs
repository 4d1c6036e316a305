//! One server per file, by whatever name it is reached, and the locks of the one that runs are left alone.

use crate::fixture::*;
use oneoff_storage::*;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str = "ONEOFF_SECOND_SERVER_TEST_FILE";

/// The child: says whether it may open the file.
#[test]
#[ignore = "is the child of the tests below"]
fn child_that_opens() {
    let Some(path) = std::env::var_os(FILE) else { return };
    match Store::open(StoreOptions::new(path), noon()) {
        Ok(_) => println!("child: opened"),
        Err(OpenError::InUse { .. }) => println!("child: in use"),
        Err(error) => println!("child: {error:?}"),
    }
}

fn in_another_process(path: &Path) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "one_server::child_that_opens", "--ignored", "--nocapture"]).env(FILE, path);
    let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
    let line = output.lines().find_map(|line| line.split("child: ").nth(1));
    line.unwrap_or_else(|| panic!("{output}")).to_owned()
}

fn is_refused_here(path: &Path) -> bool {
    match Store::open(StoreOptions::new(path), noon()) {
        Ok(_) => false,
        Err(OpenError::InUse { .. }) => true,
        Err(error) => panic!("{error:?}"),
    }
}

/// Other names of the store's file.
fn other_names(sqlite: &TestStore) -> Vec<PathBuf> {
    let directory = sqlite.directory.path();
    let file = options(&sqlite.directory).path;
    let linked = directory.join("linked");
    std::os::unix::fs::symlink(directory, &linked).unwrap();
    std::os::unix::fs::symlink(&file, directory.join("symbolic.db")).unwrap();
    std::fs::hard_link(&file, directory.join("hard.db")).unwrap();
    vec![
        file,
        directory.join("symbolic.db"),
        directory.join("hard.db"),
        linked.join("oneoff.db"),
        linked.join("symbolic.db"),
    ]
}

#[test]
fn a_second_server_is_refused_by_every_name_of_the_file() {
    let sqlite = TestStore::new();
    let names = other_names(&sqlite);
    for delete_lock in [false, true] {
        if delete_lock {
            std::fs::remove_file(sqlite.directory.path().join("oneoff.db.lock")).unwrap();
        }
        for name in &names {
            assert!(is_refused_here(name), "{}, lock deleted: {delete_lock}", name.display());
            assert_eq!(in_another_process(name), "in use", "{}, lock deleted: {delete_lock}", name.display());
        }
    }
    drop(sqlite.store);
    for name in &names {
        assert_eq!(in_another_process(name), "opened", "{}", name.display());
        assert!(!is_refused_here(name), "{}", name.display());
    }
}

#[test]
fn a_link_to_a_file_that_is_not_there_yet_is_one_file_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = options(&directory).path;
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let store = Store::open(StoreOptions::new(&link), noon()).unwrap();
    assert!(file.exists());
    for name in [&file, &link] {
        assert!(is_refused_here(name), "{}", name.display());
        assert_eq!(in_another_process(name), "in use", "{}", name.display());
    }
    drop(store);
}

#[test]
fn a_database_that_was_deleted_under_its_server_is_not_made_anew() {
    let sqlite = TestStore::new();
    let file = options(&sqlite.directory).path;
    std::fs::remove_file(&file).unwrap();
    assert!(is_refused_here(&file));
    assert_eq!(in_another_process(&file), "in use");
    assert!(!file.exists());
}

/// The record locks that this process has on a file.
fn record_locks(path: &Path) -> usize {
    let inode = format!(":{} ", std::fs::metadata(path).unwrap().ino());
    let process = format!(" {} ", std::process::id());
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let ours = |line: &&str| line.contains("POSIX") && line.contains(&process) && line.contains(&inode);
    locks.lines().filter(ours).count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_locks_of_the_database_survive_whoever_else_looks_at_it_in_this_process() {
    let sqlite = TestStore::new();
    let file = options(&sqlite.directory).path;
    let job = create(&sqlite.store, new_job(at(1))).await;
    assert!(record_locks(&file) > 0, "an open database is locked");
    for name in other_names(&sqlite) {
        assert!(is_refused_here(&name));
        assert!(record_locks(&file) > 0, "after a second server was refused by {}", name.display());
    }
    let keys = Store::open_beside(&StoreOptions::new(&file)).unwrap();
    assert!(record_locks(&file) > 0, "after somebody opened it beside");
    drop(keys);
    assert!(record_locks(&file) > 0, "after somebody closed it beside");
    job_now(&sqlite.store, job.id).await;
    let keys = Store::open_beside(&StoreOptions::new(&file)).unwrap();
    drop(sqlite.store);
    assert!(record_locks(&file) > 0, "the one beside has it open still");
    drop(keys);
    assert_eq!(record_locks(&file), 0);
}
