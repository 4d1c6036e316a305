//! `backup` and `restore` as people use them: beside a server under load, and after its database is gone.

use crate::process::{PATIENCE, Place, block_on, job, shell, wait_for, wait_for_status};
use oneoff_api_types::{CreateJob, ReleaseJobs};
use oneoff_client::Waited;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn at(when: &str) -> CreateJob {
    CreateJob { scheduled_at: Some(when.to_owned()), ..shell("true") }
}

/// The same directory with another database.
fn other(place: &Place, name: &str) -> String {
    place.directory.path().join(name).display().to_string()
}

#[test]
fn a_backup_beside_a_server_under_load_is_restored_with_every_acknowledged_job() {
    let place = Place::new();
    let serving = place.serve();
    let client = serving.client();
    let stop = Arc::new(AtomicBool::new(false));
    let creating = {
        let (client, stop) = (client.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut ids = Vec::new();
            block_on(async {
                while !stop.load(Ordering::Relaxed) {
                    ids.push(client.create_job(&at("in 300 days")).await.unwrap().id);
                }
            });
            ids
        })
    };
    let before = block_on(client.create_job(&at("in 200 days"))).unwrap();
    let backup = other(&place, "backup.db");
    let answer = place.run(&["backup", &backup]);
    stop.store(true, Ordering::Relaxed);
    let created = creating.join().unwrap();
    answer.succeeds();
    assert!(answer.stdout.starts_with("backed up ") && answer.stdout.contains(&backup), "{answer:?}");
    assert_eq!(answer.stdout.lines().count(), 1, "{answer:?}");
    place.run(&["backup", &backup]).fails(1, &["overwrites nothing", &backup]);
    place.run(&["restore", &backup]).fails(1, &["another server is using the database"]);
    serving.stop();
    place.run(&["restore", &backup]).fails(1, &["overwrites nothing", "oneoff.db"]);
    let place = place.with("DB_PATH", "restored.db");
    let answer = place.run(&["restore", &backup]);
    answer.succeeds();
    let restored = place.serve();
    assert_eq!(block_on(restored.client().job(&before.id)).unwrap().status, "scheduled");
    let known: Vec<_> = created.iter().filter(|id| block_on(restored.client().job(id)).is_ok()).collect();
    assert!(
        known.iter().zip(&created).all(|(known, created)| **known == *created),
        "a gap in what was created"
    );
}

#[test]
fn after_a_restore_overdue_jobs_wait_for_somebody_who_releases_them() {
    let place = Place::new();
    let serving = place.serve();
    let client = serving.client();
    let marker = other(&place, "ran");
    let due = CreateJob { scheduled_at: Some("in 10s".to_owned()), ..shell(&format!("echo x >> {marker}")) };
    let due = block_on(client.create_job(&due)).unwrap();
    let held = block_on(client.create_job(&at("in 300 days"))).unwrap();
    let backup = other(&place, "backup.db");
    place.run(&["backup", &backup]).succeeds();
    // It runs after the backup was made: in the backup it waits.
    wait_for_status(&client, &due.id, "completed");
    serving.stop();
    for file in ["oneoff.db", "oneoff.db-wal", "oneoff.db-shm"] {
        let _may_be_missing = std::fs::remove_file(place.directory.path().join(file));
    }
    let answer = place.run(&["restore", &backup]);
    answer.succeeds();
    assert!(answer.stdout.contains("oneoff jobs release --all --reason restore"), "{answer:?}");
    let mut restored = place.serve();
    let client = restored.client();
    let job = block_on(client.job(&due.id)).unwrap();
    assert_eq!((job.status.as_str(), job.holds[0].reason.as_str()), ("held", "restore"));
    assert_eq!(block_on(client.job(&held.id)).unwrap().status, "scheduled");
    let log = restored.log();
    assert!(log.iter().any(|line| line.contains("the database was restored")), "{log:#?}");
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), "x\n", "it did not run again");
    let release = ReleaseJobs { reason: "restore".to_owned() };
    let preview = block_on(client.release_jobs(&release, true)).unwrap();
    assert_eq!((preview.released, preview.more), (1, false));
    assert_eq!(block_on(client.job(&due.id)).unwrap().status, "held", "a preview changes nothing");
    assert_eq!(block_on(client.release_jobs(&release, false)).unwrap(), preview);
    match block_on(client.wait_for_job(&due.id, Some(PATIENCE))).unwrap() {
        Waited::Over(job) => assert_eq!(job.status, "completed"),
        Waited::TimedOut => panic!("it did not run"),
    }
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), "x\nx\n");
}

#[test]
fn after_downtime_a_setting_holds_what_is_too_late() {
    let place = Place::new().with("HOLD_OVERDUE_AFTER_SECONDS", 1);
    let serving = place.serve();
    let due = block_on(serving.client().create_job(&CreateJob {
        scheduled_at: Some("in 5s".to_owned()),
        ..job("http", serde_json::json!({"url": "http://localhost:9/"}).as_object().unwrap().clone())
    }));
    // Killed before the job was due, and away until the job is a second late.
    let created = Instant::now();
    drop(serving);
    wait_for(|| (created.elapsed() > Duration::from_millis(6_200)).then_some(()));
    let serving = place.serve();
    let job = block_on(serving.client().job(&due.unwrap().id)).unwrap();
    assert_eq!((job.status.as_str(), job.holds[0].reason.as_str()), ("held", "downtime"));
    let wrong = Place::new().with("HOLD_OVERDUE_AFTER_SECONDS", "-1").run(&["serve"]);
    wrong.fails(1, &["HOLD_OVERDUE_AFTER_SECONDS=-1", "0 holds none"]);
}

#[test]
fn a_backup_needs_a_database_and_a_restore_a_backup() {
    let place = Place::new();
    place.run(&["backup"]).fails(2, &["PATH"]);
    place.run(&["restore"]).fails(2, &["BACKUP"]);
    place.run(&["backup", "x.db"]).fails(1, &["there is no database at", "oneoff.db"]);
    place.run(&["restore", "x.db"]).fails(1, &["there is no backup at", "x.db"]);
    place.run(&["restore", "."]).fails(1, &["there is no backup at"]);
    assert!(!place.database().exists());
}

#[test]
fn a_killed_backup_leaves_nothing_that_has_the_name_of_one() {
    let place = Place::new();
    let serving = place.serve();
    let client = serving.client();
    block_on(async {
        for _ in 0..50 {
            client.create_job(&at("in 300 days")).await.unwrap();
        }
    });
    let backup = place.directory.path().join("backup.db");
    for delay_ms in [0, 5, 10, 20, 40, 80] {
        let mut child = place.command(&["backup", &backup.display().to_string()]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        if backup.exists() {
            let place = Place::new();
            place.run(&["restore", &backup.display().to_string()]).succeeds();
            std::fs::remove_file(&backup).unwrap();
        }
    }
    place.run(&["backup", &backup.display().to_string()]).succeeds();
    let left = place.directory.path().join("backup.db.oneoff-partial");
    assert!(!left.exists());
}

#[test]
fn a_plain_copy_is_restored_with_a_warning_and_a_backup_without() {
    let place = Place::new();
    let serving = place.serve();
    block_on(serving.client().create_job(&at("in 300 days"))).unwrap();
    serving.stop();
    let (copy, backup) = (other(&place, "copy.db"), other(&place, "backup.db"));
    std::fs::copy(place.database(), &copy).unwrap();
    place.run(&["backup", &backup]).succeeds();
    let place = place.with("DB_PATH", "first.db");
    let answer = place.run(&["restore", &copy]);
    answer.succeeds();
    assert!(answer.stderr.contains("was not made by `oneoff-server backup`"), "{answer:?}");
    let place = place.with("DB_PATH", "second.db");
    let answer = place.run(&["restore", &backup]);
    answer.succeeds();
    assert_eq!(answer.stderr, "");
}
