//! What is not moved, and whereto nothing is moved: nothing is changed then, and the text says what to do.

use super::*;

fn refusal(options: &MoveOptions) -> MoveError {
    move_quietly(options).unwrap_err()
}

/// Nothing was made on the server.
fn is_untouched(database: &Database) -> bool {
    database.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap() == "0"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_source_that_is_missing_foreign_old_new_in_use_or_a_backup() {
    let database = empty();
    let directory = tempfile::tempdir().unwrap();
    let from = |name: &str| MoveOptions::new(directory.path().join(name), url(&database));
    std::fs::write(directory.path().join("empty.db"), "").unwrap();
    for name in ["missing.db", "empty.db", "no/such/directory.db", "."] {
        assert!(matches!(refusal(&from(name)), MoveError::NoDatabase { .. }), "{name}");
    }
    assert!(!directory.path().join("missing.db").exists());
    std::fs::write(directory.path().join("text.db"), "x".repeat(5_000)).unwrap();
    assert!(matches!(refusal(&from("text.db")), MoveError::Open(OpenError::Damaged { .. })));
    alter(&directory.path().join("other.db"), "CREATE TABLE t (a)");
    assert!(matches!(refusal(&from("other.db")), MoveError::Open(OpenError::Damaged { .. })));

    let sqlite = TestStore::new();
    let path = options(&sqlite.directory).path;
    let in_use = refusal(&MoveOptions::new(&path, url(&database)));
    assert!(matches!(in_use, MoveError::Open(OpenError::InUse { .. })), "{in_use:?}");
    create(&sqlite.store, new_job(at(1))).await;
    let backup = directory.path().join("backup.db");
    back_up(&path, &backup, noon()).unwrap();
    let refused = refusal(&from("backup.db"));
    assert!(matches!(refused, MoveError::IsBackup { .. }), "{refused:?}");
    assert!(refused.to_string().contains("oneoff-server restore"), "{refused}");
    sqlite.store.close();
    Store::migrate_down(&options(&sqlite.directory), noon()).unwrap();
    let old = refusal(&MoveOptions::new(&path, url(&database)));
    assert!(matches!(old, MoveError::Outdated { .. }), "{old:?}");
    assert!(old.to_string().contains("oneoff-server migrate"), "{old}");
    Store::migrate_up(&options(&sqlite.directory)).unwrap();
    alter(&path, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    let new = refusal(&MoveOptions::new(&path, url(&database)));
    assert!(matches!(new, MoveError::Open(OpenError::TooNew { .. })), "{new:?}");
    assert!(is_untouched(&database));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_was_used_belongs_to_others_or_takes_no_writes() {
    let file = filled().await;
    let used = empty();
    open_server(&used).unwrap().close();
    let refused = refusal(&file.options(&used));
    assert!(refused.to_string().contains("a server was started on it"), "{refused}");
    let foreign = empty();
    foreign.query("CREATE TABLE theirs (a int)").unwrap();
    let refused = refusal(&file.options(&foreign));
    assert!(refused.to_string().contains("table theirs"), "{refused}");
    assert_eq!(foreign.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap(), "1");
    let keys = empty();
    let migrated = StoreOptions { server: Some(url(&keys)), ..StoreOptions::new("") };
    Store::migrate_up(&migrated).unwrap();
    keys.query("INSERT INTO api_keys (id, name, key_hash, key_prefix, scopes, is_active, created_at, updated_at, version)
            VALUES ('a', 'a', 'a', 'a', '[]', TRUE, 1, 1, 1)")
        .unwrap();
    let refused = refusal(&file.options(&keys));
    assert!(refused.to_string().contains("api_keys"), "{refused}");
    assert_eq!(keys.query("SELECT sum(1) FROM job_counters").unwrap(), "7", "as it was");

    let database = empty();
    let read_only = database.url_with(&[("options", "-cdefault_transaction_read_only=on")]);
    let options = MoveOptions::new(file.path(), DatabaseUrl::new(&read_only).unwrap());
    assert!(matches!(refusal(&options), MoveError::Open(OpenError::Server { .. })));
    let nobody = "postgres://me:hidden@127.0.0.1:1/x";
    let options = MoveOptions::new(file.path(), DatabaseUrl::new(nobody).unwrap());
    let refused = refusal(&options);
    assert!(matches!(refused, MoveError::Open(OpenError::Unreachable { .. })), "{refused:?}");
    assert!(!format!("{refused:?} {refused}").contains("hidden"), "{refused:?}");
    assert!(is_untouched(&database));
    let verify = MoveOptions { verify_only: true, ..file.options(&database) };
    assert!(matches!(refusal(&verify), MoveError::NotMoved { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_part_of_another_file_or_of_another_state_of_this_one() {
    let (file, other, database) = (filled().await, filled().await, empty());
    moved(&file.options(&database));
    assert!(matches!(refusal(&other.options(&database)), MoveError::OtherSource { .. }));
    // The same file by another name is the same.
    let copy = file.directory.path().join("copy.db");
    std::fs::copy(file.path(), &copy).unwrap();
    let by_copy = MoveOptions::new(&copy, url(&database));
    assert!(matches!(move_quietly(&by_copy).unwrap(), MoveOutcome::FinishedBefore { .. }));
    Store::open(options(&file.directory), at(3_000)).unwrap().close();
    assert!(matches!(refusal(&file.options(&database)), MoveError::OtherSource { .. }), "a server used it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_moving_and_a_server_at_the_same_time() {
    let (file, other, database) = (filled().await, filled().await, empty());
    let mut looked = 0;
    let outcome = move_data(&file.options(&database), at(1_000), &mut |_progress| {
        if looked == 3 {
            assert!(matches!(refusal(&other.options(&database)), MoveError::Busy { .. }));
            assert!(matches!(refusal(&file.options(&database)), MoveError::Open(OpenError::InUse { .. })));
            let served = Store::open(options(&file.directory), at(1)).err().unwrap();
            assert!(matches!(served, OpenError::InUse { .. }), "{served:?}");
            let started = open_server(&database).err().unwrap();
            assert!(matches!(started, OpenError::HalfMoved { .. }), "{started:?}");
        }
        looked += 1;
    });
    assert!(matches!(outcome.unwrap(), MoveOutcome::Moved(_)));
    assert!(looked > 3);
    let epochs = "SELECT count(*) FROM epochs";
    assert_eq!(database.query(epochs).unwrap(), "1", "the server that was refused left none");
}
