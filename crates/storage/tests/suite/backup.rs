//! Backups beside an open store and without one, and the way back: each is whole, or there is none.

use crate::fixture::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::{HoldReason, JobKey, JobStatus, Timestamp};
use oneoff_storage::*;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn scheduled(store: &Store) -> u64 {
    store.counters().await.unwrap().jobs[&JobStatus::Scheduled]
}

/// A backup of 500 jobs in a directory of its own, and the store that it was made of.
async fn backed_up() -> (TestStore, tempfile::TempDir, PathBuf) {
    let sqlite = TestStore::new();
    let jobs = (0..500).map(|second| new_job(at(second))).collect();
    sqlite.store.create_jobs(context(), noon(), jobs).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup.db");
    let copied = back_up(sqlite.store.path(), &backup, noon()).unwrap();
    assert_eq!((copied.path.as_path(), copied.jobs), (backup.as_path(), 500));
    assert_eq!(copied.bytes, std::fs::metadata(&backup).unwrap().len());
    (sqlite, directory, backup)
}

#[tokio::test]
async fn a_backup_beside_an_open_store_is_one_private_file_with_all_that_was_acknowledged() {
    let (sqlite, directory, backup) = backed_up().await;
    assert_eq!(names(directory.path()), ["backup.db"]);
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    create(&sqlite.store, new_job(at(1))).await;
    assert_eq!(scheduled(&sqlite.store).await, 501, "the store goes on");
    let target = directory.path().join("oneoff.db");
    restore(&backup, &target, noon()).unwrap();
    let restored = Store::open(StoreOptions::new(target), noon()).unwrap();
    assert_eq!(scheduled(&restored).await, 500);
    assert_eq!(restored.pending_window(None, at(1_000), 1_000).await.unwrap().len(), 500);
}

#[tokio::test]
async fn while_jobs_are_created_a_backup_holds_every_one_that_was_acknowledged_before() {
    let sqlite = TestStore::new();
    let store = sqlite.store.clone();
    let (send, mut receive) = tokio::sync::watch::channel(0_u64);
    let creating = tokio::spawn(async move {
        for count in 1.. {
            create(&store, new_job(at(count))).await;
            if send.send(count).is_err() {
                return count;
            }
        }
        0
    });
    let directory = tempfile::tempdir().unwrap();
    for round in 0..5 {
        receive.wait_for(|count| *count >= (round + 1) * 50).await.unwrap();
        let before = *receive.borrow();
        let (path, backup) = (sqlite.store.path().to_owned(), directory.path().join(format!("{round}.db")));
        let copied = tokio::task::spawn_blocking(move || back_up(&path, &backup, noon())).await.unwrap();
        // The one that is on its way may be in it, too.
        let after = *receive.borrow() + 1;
        let jobs = copied.unwrap().jobs;
        assert!((before..=after).contains(&jobs), "{jobs} jobs, of {before} to {after}");
    }
    drop(receive);
    creating.await.unwrap();
}

#[tokio::test]
async fn a_database_that_no_server_has_open_is_backed_up_too() {
    let (sqlite, directory, _) = backed_up().await;
    let path = sqlite.store.path().to_owned();
    sqlite.store.close();
    drop(sqlite.store);
    assert_eq!(back_up(&path, &directory.path().join("again.db"), noon()).unwrap().jobs, 500);
}

#[tokio::test]
async fn nothing_is_overwritten_and_what_is_in_the_way_is_named() {
    let (sqlite, directory, backup) = backed_up().await;
    let before = std::fs::read(&backup).unwrap();
    let database = sqlite.store.path().to_owned();
    let missing = directory.path().join("missing");
    let cases = [
        (backup.clone(), "overwrites nothing"),
        (database.clone(), "overwrites nothing"),
        (directory.path().to_owned(), "name a file in it"),
        (missing.join("x.db"), "does not exist"),
        (backup.join("x.db"), "is not a directory"),
    ];
    for (target, part) in cases {
        let error = back_up(&database, &target, noon()).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(target.to_str().unwrap()), "{error}");
    }
    assert_eq!(std::fs::read(&backup).unwrap(), before);
    assert_eq!(names(directory.path()), ["backup.db"]);
    let nothing = back_up(&missing.join("oneoff.db"), &directory.path().join("x.db"), noon()).unwrap_err();
    assert!(nothing.to_string().contains("missing"), "{nothing}");
    let empty = directory.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    let nothing = back_up(&empty, &directory.path().join("x.db"), noon()).unwrap_err();
    assert!(nothing.to_string().contains("there is no database"), "{nothing}");
    assert_eq!(std::fs::read(&empty).unwrap(), b"");
}

#[tokio::test]
async fn what_an_interrupted_backup_left_is_used_up_by_the_next() {
    let (sqlite, directory, _) = backed_up().await;
    let target = directory.path().join("next.db");
    let partial = directory.path().join("next.db.oneoff-partial");
    std::fs::write(&partial, vec![7; 3_000_000]).unwrap();
    let other = std::fs::File::open(&partial).unwrap();
    other.lock().unwrap();
    let busy = back_up(sqlite.store.path(), &target, noon()).unwrap_err();
    assert!(matches!(busy, BackupError::Busy { .. }), "{busy}");
    drop(other);
    assert_eq!(back_up(sqlite.store.path(), &target, noon()).unwrap().jobs, 500);
    assert_eq!(names(directory.path()), ["backup.db", "next.db"]);
}

/// A link under the name of the half copy must not lead a backup to another file.
#[tokio::test]
async fn a_half_copy_is_never_written_through_a_link() {
    let (sqlite, directory, _) = backed_up().await;
    let victim = directory.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, directory.path().join("next.db.oneoff-partial")).unwrap();
    back_up(sqlite.store.path(), &directory.path().join("next.db"), noon()).unwrap_err();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
}

/// Overwrites pages in the middle of a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let pages = bytes.len() / 4096;
    bytes[pages / 3 * 4096..pages / 2 * 4096].fill(0xA5);
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn no_copy_is_made_of_what_is_damaged() {
    let (sqlite, directory, backup) = backed_up().await;
    let path = sqlite.store.path().to_owned();
    sqlite.store.close();
    drop(sqlite.store);
    damage(&path);
    let error = back_up(&path, &directory.path().join("x.db"), noon()).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert!(error.contains(backup.to_str().unwrap()), "the last whole backup is named: {error}");
    damage(&backup);
    let error = restore(&backup, &directory.path().join("oneoff.db"), noon()).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert_eq!(names(directory.path()), ["backup.db", "oneoff.db.lock"]);
}

#[tokio::test]
async fn a_restore_overwrites_no_database_and_no_log_of_one() {
    let (sqlite, directory, backup) = backed_up().await;
    let running = restore(&backup, sqlite.store.path(), noon()).unwrap_err().to_string();
    assert!(running.contains("another server is using the database"), "{running}");
    let path = sqlite.store.path().to_owned();
    sqlite.store.close();
    drop(sqlite.store);
    let before = std::fs::read(&path).unwrap();
    let refused = restore(&backup, &path, noon()).unwrap_err().to_string();
    assert!(refused.contains("overwrites nothing") && refused.contains(path.to_str().unwrap()), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    for suffix in ["-wal", "-journal"] {
        let target = directory.path().join("other.db");
        let log = directory.path().join(format!("other.db{suffix}"));
        std::fs::write(&log, "left of another database").unwrap();
        let refused = restore(&backup, &target, noon()).unwrap_err().to_string();
        assert!(refused.contains(log.to_str().unwrap()), "{refused}");
        std::fs::remove_file(log).unwrap();
    }
    assert_eq!(names(directory.path()), ["backup.db", "other.db.lock"]);
}

#[tokio::test]
async fn what_is_no_backup_is_not_restored() {
    let (_sqlite, directory, backup) = backed_up().await;
    let other = directory.path().join("other.db");
    let target = directory.path().join("target.db");
    let cases: [(&dyn Fn(), &str); 5] = [
        (&|| std::fs::write(&other, "").unwrap(), "empty or the database of another program"),
        (&|| std::fs::write(&other, "a diary\n".repeat(1000)).unwrap(), "not a OneOff database"),
        (&|| connect(&other).batch_execute("CREATE TABLE theirs (x)").unwrap(), "another program"),
        (
            &|| {
                std::fs::copy(&backup, &other).unwrap();
                let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')";
                connect(&other).batch_execute(newer).unwrap();
            },
            "newer OneOff",
        ),
        (
            &|| {
                std::fs::copy(&backup, &other).unwrap();
                let file = std::fs::File::options().write(true).open(&other).unwrap();
                file.set_len(80 * 4096).unwrap();
            },
            "damaged",
        ),
    ];
    for (prepare, part) in cases {
        let _may_be_missing = std::fs::remove_file(&other);
        prepare();
        let before = std::fs::read(&other).unwrap();
        let error = restore(&other, &target, noon()).unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
        assert_eq!(std::fs::read(&other).unwrap(), before);
    }
    for missing in [directory.path().join("missing.db"), directory.path().to_owned()] {
        let error = restore(&missing, &target, noon()).unwrap_err();
        assert!(matches!(error, BackupError::NoBackup { .. }), "{error}");
    }
    assert_eq!(names(directory.path()), ["backup.db", "other.db", "target.db.lock"]);
}

#[tokio::test]
async fn copied_files_of_a_database_with_their_log_can_be_restored() {
    let (sqlite, directory, _) = backed_up().await;
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", sqlite.store.path().display());
        std::fs::copy(from, directory.path().join(format!("raw.db{suffix}"))).unwrap();
    }
    let restored = restore(&directory.path().join("raw.db"), &directory.path().join("oneoff.db"), noon());
    assert_eq!(restored.unwrap().jobs, 500);
}

/// Holds everything until then, a slice at a time; answers how many in each.
async fn hold_all(store: &Store, due_until: Timestamp, limit: usize) -> Vec<usize> {
    let hold = OverdueHold { reason: HoldReason::Restore, due_until };
    let (mut held, mut after): (_, Option<(Timestamp, JobKey)>) = (Vec::new(), None);
    loop {
        let slice = store.hold_overdue(at(2_000), hold, after, limit).await.unwrap();
        held.push(slice.held);
        after = slice.next;
        if after.is_none() {
            return held;
        }
    }
}

#[tokio::test]
async fn overdue_jobs_are_held_in_slices_and_a_second_time_does_nothing() {
    let (_sqlite, directory, backup) = backed_up().await;
    let target = directory.path().join("oneoff.db");
    restore(&backup, &target, at(900)).unwrap();
    let store = Store::open(StoreOptions::new(&target), noon()).unwrap();
    let restore = store.unsettled_restore().await.unwrap().unwrap();
    assert_eq!((restore.restored_at, restore.backup), (at(900), backup.display().to_string()));
    assert_eq!(hold_all(&store, at(299), 120).await, [120, 120, 60]);
    assert_eq!(hold_all(&store, at(299), 120).await, [0]);
    assert_eq!(scheduled(&store).await, 200);
    assert_eq!(store.pending_window(None, at(1_000), 1_000).await.unwrap().len(), 200);
    let held = || HeldFor { reason: HoldReason::Restore, project: None, after: 0, limit: 200 };
    let preview = store.preview_release_held(context(), held()).await.unwrap();
    let first = store.release_held(context(), noon(), held()).await.unwrap();
    assert_eq!((preview, first.released, first.skipped), (first, 200, 0));
    let rest = HeldFor { after: first.next.unwrap(), ..held() };
    let rest = store.release_held(context(), noon(), rest).await.unwrap();
    assert_eq!((rest.released, rest.next), (100, None));
    assert_eq!(scheduled(&store).await, 500);
    assert_eq!(store.pending_window(None, at(1_000), 1_000).await.unwrap().len(), 500);
    assert_eq!(store.release_held(context(), noon(), held()).await.unwrap(), ReleasedSlice::default());
    store.settle_restore(at(2_001)).await.unwrap();
    assert_eq!(store.unsettled_restore().await.unwrap(), None);
}

#[tokio::test]
async fn a_hold_is_not_released_where_others_may_not_or_the_job_has_no_time() {
    let sqlite = TestStore::new();
    create(&sqlite.store, held_job(None, None)).await;
    let timed = create(&sqlite.store, held_job(Some(at(5)), None)).await;
    let held = || HeldFor { reason: HoldReason::Manual, project: None, after: 0, limit: 10 };
    let stranger = oneoff_domain::Context { allowed_projects: Some(vec!["other".to_owned()]), ..context() };
    assert_eq!(sqlite.store.release_held(stranger, noon(), held()).await.unwrap(), ReleasedSlice::default());
    let slice = sqlite.store.release_held(context(), noon(), held()).await.unwrap();
    assert_eq!((slice.released, slice.skipped), (1, 1));
    assert_eq!(job_now(&sqlite.store, timed.id).await.state.status, JobStatus::Scheduled);
    let gate = HeldFor { reason: HoldReason::Gate, ..held() };
    assert_eq!(sqlite.store.release_held(context(), noon(), gate).await.unwrap(), ReleasedSlice::default());
}

#[tokio::test]
async fn an_overdue_job_that_cannot_be_read_keeps_no_other_from_being_held() {
    let sqlite = TestStore::new();
    let mut jobs = Vec::new();
    for second in 0..5 {
        jobs.push(create(&sqlite.store, new_job(at(second))).await);
    }
    let broken = format!("UPDATE job_states SET run = -1 WHERE key = {}", jobs[2].key.0);
    connect(sqlite.store.path()).batch_execute(&broken).unwrap();
    assert_eq!(hold_all(&sqlite.store, at(100), 2).await, [2, 1, 1]);
    assert_eq!(hold_all(&sqlite.store, at(100), 2).await, [0]);
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_begun_anew_in_silence_where_there_is_a_backup() {
    let (sqlite, _backups, backup) = backed_up().await;
    let TestStore { directory, store } = sqlite;
    let options = StoreOptions::new(store.path());
    store.close();
    drop(store);
    let note = directory.path().join("oneoff.db.last-backup");
    let empty = || std::fs::write(&options.path, "").unwrap();
    let gone = || std::fs::remove_file(&options.path).unwrap();
    let cases: [(&dyn Fn(), &str); 2] = [(&empty, "is empty"), (&gone, "is missing")];
    for (lose, found) in cases {
        lose();
        let before = names(directory.path());
        let Err(refused) = Store::open(options.clone(), noon()) else { panic!("opened, though it {found}") };
        let told = refused.to_string();
        for part in [found, &format!("oneoff-server restore {}", backup.display()), note.to_str().unwrap()] {
            assert!(told.contains(part), "`{part}` is not in {told}");
        }
        assert!(Store::open_beside(&options).is_err() && Store::migrate_up(&options).is_err());
        assert_eq!(names(directory.path()), before);
    }
    restore(&backup, &options.path, noon()).unwrap();
    let restored = Store::open(options.clone(), noon()).unwrap();
    assert_eq!(scheduled(&restored).await, 500);
    restored.close();
    drop(restored);
    // A reader that is closed a moment later takes the log with it.
    let log = directory.path().join("oneoff.db-wal");
    let deadline = Instant::now() + Duration::from_secs(30);
    while log.exists() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Whoever wants to begin anew removes the note as well.
    gone();
    std::fs::remove_file(note).unwrap();
    assert_eq!(scheduled(&Store::open(options, noon()).unwrap()).await, 0);
}

/// The user version in the header.
fn mark_of(path: &Path) -> [u8; 4] {
    std::fs::read(path).unwrap()[60..64].try_into().unwrap()
}

#[tokio::test]
async fn a_backup_is_marked_and_what_a_server_works_on_is_not() {
    let (sqlite, directory, backup) = backed_up().await;
    assert_eq!(mark_of(&backup), *b"Back");
    assert_eq!(mark_of(sqlite.store.path()), [0; 4]);
    let target = directory.path().join("target.db");
    restore(&backup, &target, noon()).unwrap();
    assert_eq!(mark_of(&target), [0; 4]);
    let again = directory.path().join("again.db");
    back_up(&backup, &again, noon()).unwrap();
    assert_eq!((mark_of(&backup), mark_of(&again)), (*b"Back", *b"Back"));
    let served = Store::open(StoreOptions::new(&again), noon()).unwrap();
    served.close();
    drop(served);
    assert_eq!(mark_of(&again), [0; 4]);
}
