//! A database that is moved, removed, replaced or damaged while it is open: what cannot be found again is not
//! acknowledged, and what cannot be read is not guessed.

use crate::fixture::*;
use oneoff_domain::JobStatus;
use oneoff_storage::*;
use std::path::{Path, PathBuf};

fn beside(path: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", path.display()).into()
}

async fn try_create(store: &Store) -> Result<(), StoreError> {
    store.create_jobs(context(), noon(), vec![new_job(at(1))]).await.map(drop)
}

async fn scheduled(store: &Store) -> u64 {
    store.counters().await.unwrap().jobs[&JobStatus::Scheduled]
}

fn assert_replaced<T: std::fmt::Debug>(result: Result<T, StoreError>, path: &Path) {
    let Err(error @ StoreError::Replaced(_)) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn nothing_is_acknowledged_to_a_file_that_was_moved_until_it_is_back() {
    let sqlite = TestStore::new();
    let path = sqlite.store.path().to_owned();
    try_create(&sqlite.store).await.unwrap();
    sqlite.store.ping().await.unwrap();
    let away = beside(&path, ".away");
    std::fs::rename(&path, &away).unwrap();
    assert_replaced(sqlite.store.ping().await, &path);
    for _ in 0..3 {
        assert_replaced(try_create(&sqlite.store).await, &path);
    }
    std::fs::rename(&away, &path).unwrap();
    let deadline = std::time::Instant::now() + seconds(20);
    while let Err(error) = try_create(&sqlite.store).await {
        assert!(
            matches!(error, StoreError::Replaced(_)) && std::time::Instant::now() < deadline,
            "{error:?}"
        );
    }
    sqlite.store.ping().await.unwrap();
    // The first of those that failed was written before it was noticed; the others never were.
    let jobs = scheduled(&sqlite.store).await;
    assert!((2..=3).contains(&jobs), "{jobs}");
    assert_eq!(scheduled(&sqlite.reopen().store).await, jobs);
}

#[tokio::test]
async fn another_database_at_its_place_is_not_touched() {
    let other = TestStore::new();
    try_create(&other.store).await.unwrap();
    let copy = other.directory.path().join("copy.db");
    back_up(other.store.path(), &copy, noon()).unwrap();
    let sqlite = TestStore::new();
    let path = sqlite.store.path().to_owned();
    try_create(&sqlite.store).await.unwrap();
    std::fs::rename(&copy, &path).unwrap();
    let before = std::fs::read(&path).unwrap();
    for _ in 0..3 {
        assert_replaced(try_create(&sqlite.store).await, &path);
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_log_that_was_removed_is_noticed_and_nothing_of_it_is_lost_by_a_restart() {
    let sqlite = TestStore::new();
    let path = sqlite.store.path().to_owned();
    for _ in 0..10 {
        try_create(&sqlite.store).await.unwrap();
    }
    std::fs::remove_file(beside(&path, "-wal")).unwrap();
    for _ in 0..3 {
        assert_replaced(try_create(&sqlite.store).await, &beside(&path, "-wal"));
    }
    assert!(sqlite.store.ping().await.is_err());
    assert!(!beside(&path, "-wal").exists(), "no second log was begun beside the first");
    let again = sqlite.reopen();
    let jobs = scheduled(&again.store).await;
    assert!((10..=11).contains(&jobs), "{jobs}");
}

/// A database of a few megabytes, which is not checked as a whole when it is opened.
async fn large() -> (TestStore, Vec<oneoff_domain::Job>) {
    let sqlite = TestStore::new();
    let pad = |definition: &mut oneoff_domain::JobDefinition| {
        definition.metadata.insert("x".to_owned(), "y".repeat(3_000).into());
    };
    let new = (0..3_000).map(|second| job_with(at(second), pad)).collect();
    let jobs = sqlite.store.create_jobs(context(), noon(), new).await.unwrap().value;
    (sqlite, jobs)
}

#[tokio::test]
async fn damage_that_comes_up_at_run_time_fails_what_touches_it_and_is_told_by_health() {
    let (sqlite, jobs) = large().await;
    let TestStore { directory, store } = sqlite;
    let path = store.path().to_owned();
    store.close();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    // Pages of definitions, but for the first and the last, which are looked at when it is opened.
    let is_padded = |page: &&mut [u8]| page.iter().filter(|byte| **byte == b'y').count() > 2_000;
    let padded: Vec<&mut [u8]> = bytes.chunks_mut(4096).filter(is_padded).collect();
    let (pages, middle) = (padded.len(), 100..padded.len() - 100);
    for (number, page) in padded.into_iter().enumerate() {
        if middle.contains(&number) && number % 10 == 0 {
            page[..200].fill(0xA5);
        }
    }
    assert!(pages > 1_000, "{pages} pages");
    std::fs::write(&path, bytes).unwrap();
    let store = Store::open(options(&directory), noon()).unwrap();
    store.ping().await.unwrap();
    let (mut read, mut damaged) = (0, Vec::new());
    for job in &jobs {
        match store.job(job.id).await {
            Ok(found) => {
                assert_eq!(found.as_ref(), Some(job), "nothing is guessed");
                read += 1;
            }
            Err(error @ StoreError::Corrupt(_)) => damaged.push(error),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(read > 1_000 && damaged.len() > 50, "{read} read, {} damaged", damaged.len());
    let told = damaged[0].to_string();
    assert!(told.contains(path.to_str().unwrap()) && told.contains("restore a backup"), "{told}");
    assert!(matches!(store.ping().await, Err(StoreError::Corrupt(_))));
    let error = back_up(&path, &directory.path().join("backup.db"), noon()).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    try_create(&store).await.unwrap();
}

#[tokio::test]
async fn a_large_database_that_is_cut_is_refused_at_once_with_the_newest_backup() {
    let (sqlite, _jobs) = large().await;
    let TestStore { directory, store } = sqlite;
    let path = store.path().to_owned();
    let backup = directory.path().join("nightly.db");
    back_up(&path, &backup, noon()).unwrap();
    store.close();
    drop(store);
    let bytes = std::fs::metadata(&path).unwrap().len();
    for cut in [bytes - 4096, bytes - 1, bytes / 2, 4096, 512, 100] {
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_len(cut).unwrap();
        drop(file);
        let Err(refused) = Store::open(options(&directory), noon()) else { panic!("opened at {cut}") };
        assert!(matches!(refused, OpenError::Damaged { .. }), "{cut}: {refused:?}");
        let told = refused.to_string();
        assert!(told.contains(&format!("restore {}", backup.display())), "{told}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), cut, "it is left as it is");
    }
    // Also when nobody noted it: it is found beside the database.
    std::fs::remove_file(beside(&path, ".last-backup")).unwrap();
    // The database of another server, which is newer, is none, nor is one that was restored.
    let another = StoreOptions::new(directory.path().join("another.db"));
    restore(&backup, &another.path, noon()).unwrap();
    Store::open(another, noon()).unwrap().close();
    Store::open(StoreOptions::new(directory.path().join("new.db")), noon()).unwrap().close();
    let Err(refused) = Store::open(options(&directory), noon()) else { panic!("opened") };
    assert!(refused.to_string().contains(backup.to_str().unwrap()), "{refused}");
    std::fs::remove_file(&backup).unwrap();
    let Err(refused) = Store::open(options(&directory), noon()) else { panic!("opened") };
    assert!(!refused.to_string().contains("nightly.db"), "{refused}");
}

/// The files of a database as a crash leaves them, with all that was written in the log.
async fn crashed() -> (tempfile::TempDir, StoreOptions, u64) {
    let sqlite = TestStore::new();
    for _ in 0..20 {
        try_create(&sqlite.store).await.unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let copy = options(&directory);
    for suffix in ["", "-wal"] {
        std::fs::copy(beside(sqlite.store.path(), suffix), beside(&copy.path, suffix)).unwrap();
    }
    (directory, copy, 20)
}

#[tokio::test]
async fn a_database_without_its_first_file_is_refused_and_the_log_is_left() {
    let (_directory, options, _) = crashed().await;
    let log = beside(&options.path, "-wal");
    let before = std::fs::read(&log).unwrap();
    std::fs::remove_file(&options.path).unwrap();
    for _ in 0..2 {
        let Err(refused) = Store::open(options.clone(), noon()) else { panic!("opened") };
        assert!(refused.to_string().contains("its log"), "{refused}");
        assert_eq!(std::fs::read(&log).unwrap(), before);
    }
}

/// A log with a broken end is what a crash leaves, so the transactions before it are taken, each whole.
#[tokio::test]
async fn of_a_log_that_is_cut_or_altered_only_whole_transactions_before_it_are_taken() {
    type Break = fn(&mut Vec<u8>);
    let breaks: [Break; 5] = [
        |log| log.truncate(log.len() - 1),
        |log| log.truncate(log.len() / 2),
        |log| log.truncate(31),
        |log| {
            let middle = log.len() / 2;
            log[middle] ^= 1;
        },
        |log| {
            let last = log.len() - 10;
            log[last] ^= 0x80;
        },
    ];
    let (_directory, whole, jobs) = crashed().await;
    let healed = Store::open(whole, noon()).unwrap();
    assert_eq!(scheduled(&healed).await, jobs);
    for (number, alter) in breaks.into_iter().enumerate() {
        let (_directory, options, jobs) = crashed().await;
        let log = beside(&options.path, "-wal");
        let mut bytes = std::fs::read(&log).unwrap();
        alter(&mut bytes);
        std::fs::write(&log, bytes).unwrap();
        match Store::open(options, noon()) {
            Ok(store) => {
                let counted = scheduled(&store).await;
                assert!(counted < jobs, "{number}: {counted}");
                let waiting = store.pending_window(None, at(10), 100).await.unwrap();
                assert_eq!(u64::try_from(waiting.len()).unwrap(), counted, "{number}");
                for job in waiting {
                    try_claim_key(&store, job).await;
                }
            }
            Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "{number}: {error:?}"),
        }
    }
}

async fn try_claim_key(store: &Store, job: PendingJob) {
    let request = ClaimRequest { job: job.key, due_at: job.due_at, execution_id: execution_id() };
    let result = store.claim(|| at(5), vec![request]).await.unwrap().remove(0);
    assert!(matches!(result, ClaimResult::Claimed(_)), "{result:?}");
}
