//! A file system that is really full: every refused write says so, and nothing of it is there afterwards.

use crate::fixture::*;
use oneoff_domain::{AttemptOutcome, JobStatus};
use oneoff_storage::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set where a test runs in a name space of its own, in which it may mount.
const NESTED: &str = "ONEOFF_TEST_IN_NAMESPACE";

/// A file system of a few megabytes.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where this process may not mount one; then the test has run, in a name space of its own, or failed.
    fn mount(mebibytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(directory.path());
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        if mounted {
            return Some(Self { directory });
        }
        let needs = "this test has to mount a file system: run it as root, or allow user name spaces";
        assert!(std::env::var_os(NESTED).is_none(), "{needs}");
        let thread = std::thread::current();
        let mut again = Command::new("unshare");
        again.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
        again.args(["--exact", thread.name().unwrap(), "--nocapture"]).env(NESTED, "yes");
        let ended = again.status().unwrap_or_else(|error| panic!("{needs}: {error}"));
        assert!(ended.success(), "{needs}; or it failed there");
        None
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.directory.path()).status();
        assert!(unmounted.unwrap().success() || std::thread::panicking());
    }
}

fn large_job() -> NewJob {
    job_with(at(1), |definition| {
        definition.metadata.insert("x".to_owned(), "y".repeat(50_000).into());
    })
}

/// Jobs in the files as recovery finds them after a crash at this moment.
async fn jobs_after_a_crash(database: &Path) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let copy = options(&directory);
    let with_log = |path: &Path| [path.to_owned(), PathBuf::from(format!("{}-wal", path.display()))];
    let read = || with_log(database).map(|file| std::fs::read(file).unwrap_or_default());
    // A crash is one moment, but the log may be copied into the database while the two are read.
    let mut files = read();
    loop {
        let again = read();
        if files == again {
            break;
        }
        files = again;
    }
    for (path, bytes) in with_log(&copy.path).into_iter().zip(files) {
        std::fs::write(path, bytes).unwrap();
    }
    let recovered = Store::open(copy, noon()).unwrap();
    recovered.counters().await.unwrap().jobs[&JobStatus::Scheduled]
}

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_as_such_and_later_succeed_again() {
    let Some(disk) = SmallDisk::mount(5) else { return };
    let ballast = disk.path("ballast");
    std::fs::write(&ballast, vec![1; 1_500_000]).unwrap();
    let database = disk.path("oneoff.db");
    let store = Store::open(StoreOptions::new(&database), noon()).unwrap();
    let (mut stored, mut refused) = (0_u64, 0);
    for _ in 0..300 {
        match store.create_jobs(context(), noon(), vec![large_job()]).await {
            Ok(_) => stored += 1,
            Err(StoreError::Full(_)) => {
                refused += 1;
                if refused % 10 == 1 {
                    assert_eq!(jobs_after_a_crash(&database).await, stored);
                }
            }
            Err(other) => panic!("after {stored} jobs and {refused} refusals: {other:?}"),
        }
    }
    assert!(stored > 10 && refused > 100, "{stored} stored, {refused} refused");
    std::fs::remove_file(&ballast).unwrap();
    create(&store, large_job()).await;
    stored += 1;
    assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Scheduled], stored);
    drop(store);
    let again = Store::open(StoreOptions::new(&database), noon()).unwrap();
    assert_eq!(again.counters().await.unwrap().jobs[&JobStatus::Scheduled], stored);
    drop(again);
}

#[tokio::test]
async fn the_log_of_the_store_does_not_fill_a_small_disk() {
    let Some(disk) = SmallDisk::mount(16) else { return };
    let database = disk.path("oneoff.db");
    let store = Store::open(StoreOptions::new(&database), noon()).unwrap();
    // Each leaves ten times as much in the log as it is large, and together four times the disk.
    for _ in 0..1_500 {
        create(&store, new_job(at(1))).await;
    }
    let log = || std::fs::metadata(disk.path("oneoff.db-wal")).unwrap().len();
    assert!(log() < 8 * 1024 * 1024, "{} bytes", log());
}

#[tokio::test]
async fn what_was_too_large_for_the_disk_leaves_room_for_what_is_not() {
    let Some(disk) = SmallDisk::mount(16) else { return };
    let store = Store::open(StoreOptions::new(disk.path("oneoff.db")), noon()).unwrap();
    let mut stored = 0_u64;
    for _ in 0..3 {
        for _ in 0..10 {
            create(&store, large_job()).await;
            stored += 1;
        }
        let too_many = std::iter::repeat_with(large_job).take(500).collect();
        let refused = store.create_jobs(context(), noon(), too_many).await.unwrap_err();
        assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
        assert_eq!(store.counters().await.unwrap().jobs[&JobStatus::Scheduled], stored);
        assert_eq!(jobs_after_a_crash(&disk.path("oneoff.db")).await, stored);
    }
    // In the log they are together twice as long as the disk.
    for _ in 0..750 {
        create(&store, new_job(at(1))).await;
        stored += 1;
    }
    assert_eq!(jobs_after_a_crash(&disk.path("oneoff.db")).await, stored);
}

#[tokio::test]
async fn retention_and_recovery_without_room_do_nothing_by_halves_and_all_of_it_with_room() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    let database = disk.path("oneoff.db");
    let store = Store::open(StoreOptions::new(&database), noon()).unwrap();
    for _ in 0..40 {
        let old = claim(&store, at(1), &create(&store, large_job()).await).await;
        finish(&store, &old, AttemptOutcome::success(), at(2)).await;
    }
    let running = claim(&store, at(1), &create(&store, large_job()).await).await;
    store.close();
    let store = Store::open(StoreOptions::new(&database), noon()).unwrap();
    assert_eq!(store.lost_executions().await.unwrap(), [running.execution_id]);
    let ballast = disk.path("ballast");
    let fill = |step: usize| {
        let mut file = std::fs::File::options().create(true).append(true).open(&ballast).unwrap();
        while std::io::Write::write_all(&mut file, &vec![1; step]).is_ok() {}
    };
    fill(4096);
    let policy = RetentionPolicy { jobs_before: at(50), ..RetentionPolicy::keep_all(at(1_000)) };
    for _ in 0..20 {
        // The log may have had room for some of it.
        fill(4096);
        if let Err(error) = store.retain(policy.clone()).await {
            assert!(matches!(error, StoreError::Full(_)), "{error:?}");
        }
        if let Err(error) = store.close_lost(at(60), vec![running.execution_id]).await {
            assert!(matches!(error, StoreError::Full(_)), "{error:?}");
        }
        assert_eq!(store.inconsistencies().await.unwrap(), Vec::<String>::new());
    }
    let refused = store.create_jobs(context(), noon(), vec![large_job()]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    std::fs::remove_file(&ballast).unwrap();
    while store.retain(policy.clone()).await.unwrap().more {}
    store.close_lost(at(60), vec![running.execution_id]).await.unwrap();
    assert_eq!(store.lost_executions().await.unwrap(), []);
    let counted = store.counters().await.unwrap().jobs;
    assert_eq!((counted[&JobStatus::Completed], counted[&JobStatus::Scheduled]), (0, 1), "{counted:?}");
    assert_eq!(store.inconsistencies().await.unwrap(), Vec::<String>::new());
}
