//! Opening: each way in which a file can be wrong is refused with what to do, and nothing is changed.

use crate::fixture::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::JobStatus;
use oneoff_storage::*;
use std::path::Path;

fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
}

fn error(options: StoreOptions) -> OpenError {
    match Store::open(options, noon()) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[test]
fn each_opening_is_a_new_epoch() {
    let sqlite = TestStore::new();
    assert_eq!(sqlite.store.epoch(), 1);
    assert_eq!(sqlite.reopen().store.epoch(), 2);
}

#[test]
fn a_second_server_is_refused_until_the_first_has_stopped() {
    let sqlite = TestStore::new();
    let options = options(&sqlite.directory);
    let refused = error(options.clone());
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("another server is using the database"), "{refused}");
    assert!(refused.to_string().contains("DB_PATH"), "{refused}");
    assert!(matches!(Store::migrate_up(&options), Err(MigrateError::Open(OpenError::InUse { .. }))));
    assert!(matches!(
        Store::migrate_down(&options, noon()),
        Err(MigrateError::Open(OpenError::InUse { .. }))
    ));
    drop(sqlite.store);
    Store::open(options, noon()).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    let sqlite = TestStore::new();
    let options = options(&sqlite.directory);
    sqlite.store.close();
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')";
    connect(&options.path).batch_execute(newer).unwrap();
    let refused = error(options);
    assert!(matches!(refused, OpenError::TooNew { .. }), "{refused:?}");
    assert!(refused.to_string().contains("20990101000000"), "{refused}");
    assert!(refused.to_string().contains("restore a backup"), "{refused}");
}

#[test]
fn a_file_of_another_kind_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(&directory);
    let long_text = "not a database ".repeat(100);
    for content in ["x", long_text.as_str(), "SQLite format 3\0 but no more"] {
        std::fs::write(&options.path, content).unwrap();
        let refused = error(options.clone());
        assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
        assert!(refused.to_string().contains("is not a OneOff database or is damaged"), "{refused}");
        assert_eq!(std::fs::read_to_string(&options.path).unwrap(), content);
    }
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(&directory);
    connect(&options.path).batch_execute("CREATE TABLE theirs (x)").unwrap();
    let before = std::fs::read(&options.path).unwrap();
    let refused = error(options.clone());
    assert!(refused.to_string().contains("another program"), "{refused}");
    assert_eq!(std::fs::read(&options.path).unwrap(), before);
    std::fs::remove_file(&options.path).unwrap();
    connect(&options.path).batch_execute("PRAGMA application_id = 77; VACUUM").unwrap();
    assert!(matches!(error(options), OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let sqlite = TestStore::new();
    let options = options(&sqlite.directory);
    let new = (0..500).map(|second| new_job(at(second))).collect();
    sqlite.store.create_jobs(context(), noon(), new).await.unwrap();
    sqlite.store.close();
    drop(sqlite.store);
    let whole = std::fs::read(&options.path).unwrap();
    let page = 4096;
    assert!(whole.len() > 60 * page, "the log was written back when the file was closed");
    let overwritten = {
        let mut bytes = whole.clone();
        bytes[page..40 * page].fill(0xA5);
        bytes
    };
    let cut = whole[..whole.len() / 2 / page * page].to_vec();
    for (what, content) in [("overwritten", overwritten), ("cut", cut)] {
        std::fs::write(&options.path, content).unwrap();
        let refused = error(options.clone());
        assert!(matches!(refused, OpenError::Damaged { .. }), "{what}: {refused:?}");
        assert!(refused.to_string().contains("restore a backup"), "{refused}");
    }
    std::fs::write(&options.path, whole).unwrap();
    let healed = Store::open(options, noon()).unwrap();
    assert_eq!(healed.counters().await.unwrap().jobs[&JobStatus::Scheduled], 500);
}

#[test]
fn a_place_that_cannot_be_written_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let cases = [
        (directory.path().join("missing/oneoff.db"), "mkdir -p"),
        (directory.path().to_owned(), "it is a directory"),
        (file.join("oneoff.db"), "is not a directory"),
    ];
    for (path, hint) in cases {
        let refused = error(StoreOptions::new(&path));
        assert!(matches!(refused, OpenError::NotWritable { .. }), "{}: {refused:?}", path.display());
        assert!(refused.to_string().contains(hint), "{refused}");
        assert!(refused.to_string().contains("DB_PATH"), "{refused}");
    }
    // Nobody can make files there, not even root; in a container the whole of it may be read-only.
    let refused = error(StoreOptions::new("/sys/oneoff.db")).to_string();
    assert!(refused.contains("chown -R USER /sys") || refused.contains("read-only"), "{refused}");
}

#[test]
fn a_path_with_odd_characters_is_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a %20?mode=memory#ü & 'b'.db");
    let store = Store::open(StoreOptions::new(&path), noon()).unwrap();
    assert_eq!(store.path(), path);
    drop(store);
    assert!(path.exists());
}

#[tokio::test]
async fn keys_are_made_beside_a_running_server_and_without_one() {
    let key = |id: &str| NewApiKey {
        id: id.to_owned(),
        name: "ci".to_owned(),
        key_hash: format!("hash {id}"),
        key_prefix: "oo".to_owned(),
        scopes: vec!["admin".to_owned()],
        project_ids: None,
        expires_at: None,
    };
    let directory = tempfile::tempdir().unwrap();
    let options = options(&directory);
    let keys = Store::open_beside(&options).unwrap();
    keys.create_api_key(context(), noon(), key("1")).await.unwrap();
    let store = Store::open(options.clone(), noon()).unwrap();
    assert_eq!(store.epoch(), 1, "making keys begins no epoch");
    assert!(store.api_key_by_hash("hash 1".to_owned()).await.unwrap().is_some());
    let beside = Store::open_beside(&options).unwrap();
    beside.create_api_key(context(), noon(), key("2")).await.unwrap();
    assert!(store.api_key_by_hash("hash 2".to_owned()).await.unwrap().is_some());
    create(&store, new_job(at(1))).await;
    assert!(beside.api_key_by_hash("hash 2".to_owned()).await.unwrap().is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_the_servers_user_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(directory.path().join("oneoff.db")), noon()).unwrap();
    store.ping().await.unwrap();
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?} is {mode:o}", file.path());
    }
}
