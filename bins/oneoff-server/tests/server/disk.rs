//! Disks that are full, read-only or gone under a real server: what is refused says so, nothing acknowledged is lost,
//! and the server goes on by itself once it can.

use crate::process::{Place, Serving, block_on, get, run_job, shell, wait_for, wait_for_status};
use crate::small_disk::{SmallDisk, on_small_disk};
use oneoff_api_types::{CreateJob, JobView};
use oneoff_client::{Client, ClientError};
use rustix::process::{Resource, Rlimit};

pub(crate) fn place_on(disk: &SmallDisk) -> Place {
    Place::new().with("DB_PATH", disk.path("oneoff.db").display())
}

pub(crate) fn large() -> CreateJob {
    let script = format!("true # {}", "y".repeat(50_000));
    CreateJob { scheduled_at: Some("in 300 days".to_owned()), ..shell(&script) }
}

pub(crate) fn problem(result: Result<JobView, ClientError>) -> (u16, String) {
    match result.unwrap_err() {
        ClientError::Problem { problem, .. } => (problem.status, problem.code),
        other => panic!("{other:?}"),
    }
}

/// Creates jobs until one is refused; answers those that were accepted.
pub(crate) fn create_until_refused(client: &Client, expected: (u16, &str)) -> Vec<String> {
    let mut accepted = Vec::new();
    loop {
        match block_on(client.create_job(&large())) {
            Ok(job) => accepted.push(job.id),
            refused => {
                let (status, code) = problem(refused);
                assert_eq!((status, code.as_str()), expected);
                return accepted;
            }
        }
        assert!(accepted.len() < 2_000, "it is never full");
    }
}

pub(crate) fn assert_all_there(client: &Client, ids: &[String]) {
    for id in ids {
        assert_eq!(block_on(client.job(id)).unwrap().id, *id);
    }
}

#[test]
fn on_a_full_disk_creates_are_507_and_running_work_is_recorded_once_there_is_room() {
    on_small_disk(8, |disk| {
        let place = place_on(disk);
        let serving = place.serve();
        let client = serving.client();
        let marker = place.directory.path().join("go");
        let script =
            format!("echo before; while [ ! -e {} ]; do sleep 0.05; done; echo after", marker.display());
        let long = block_on(client.create_job(&shell(&script))).unwrap();
        wait_for_status(&client, &long.id, "running");
        disk.fill_but(1024 * 1024);
        let accepted = create_until_refused(&client, (507, "storage_full"));
        for _ in 0..20 {
            assert_eq!(problem(block_on(client.create_job(&large()))), (507, "storage_full".to_owned()));
        }
        std::fs::write(&marker, "").unwrap();
        assert_eq!(get(serving.port(), "/health", &[]).0, 200, "what is there can be read");
        let answer = place.run(&["backup", &disk.path("backup.db").display().to_string()]);
        answer.fails(1, &["the disk of", "is full"]);
        assert!(!disk.path("backup.db").exists() && !disk.path("backup.db.oneoff-partial").exists());
        disk.free();
        wait_for_status(&client, &long.id, "completed");
        run_job(&client, &shell("true"));
        assert_all_there(&client, &accepted);
        serving.stop();
        let again = place.serve();
        assert_all_there(&again.client(), &accepted);
        assert_eq!(block_on(again.client().job(&long.id)).unwrap().status, "completed");
    });
}

#[test]
fn a_start_on_a_full_disk_says_so_and_succeeds_once_there_is_room() {
    on_small_disk(8, |disk| {
        let place = place_on(disk);
        disk.fill_but(0);
        place.run(&["serve"]).fails(1, &["cannot write to", "oneoff.db", "the disk is full"]);
        disk.free();
        let serving = place.serve();
        let job = block_on(serving.client().create_job(&large())).unwrap();
        serving.stop();
        disk.fill_but(0);
        place.run(&["serve"]).fails(1, &["oneoff.db", "the disk is full"]);
        disk.free();
        assert_all_there(&place.serve().client(), &[job.id]);
    });
}

#[test]
fn a_disk_that_becomes_read_only_refuses_writes_until_it_is_not() {
    on_small_disk(8, |disk| {
        let place = place_on(disk);
        let serving = place.serve();
        let client = serving.client();
        let before = block_on(client.create_job(&large())).unwrap();
        serving.stop();
        disk.remount("ro");
        place.run(&["serve"]).fails(1, &["oneoff.db", "read-only"]);
        let backup = place.directory.path().join("backup.db").display().to_string();
        let restored = Place::new();
        restored.run(&["restore", &disk.path("oneoff.db").display().to_string()]).succeeds();
        place.run(&["restore", &backup]).fails(1, &["oneoff.db"]);
        disk.remount("rw");
        let serving = place.serve();
        assert_all_there(&serving.client(), std::slice::from_ref(&before.id));
        assert_all_there(&restored.serve().client(), &[before.id]);
    });
}

/// Lets the server write no file beyond so many bytes: a write fails as on a broken disk, with `EFBIG`.
fn limit_writes(serving: &Serving, bytes: Option<u64>) {
    let process = rustix::process::Pid::from_child(&serving.child);
    let limit = Rlimit { current: bytes, maximum: None };
    rustix::process::prlimit(Some(process), Resource::Fsize, limit).unwrap();
}

#[test]
fn while_writes_fail_with_disk_errors_outcomes_are_unknown_and_afterwards_all_goes_on() {
    let place = Place::new();
    let mut by_shell = place.command(&[]);
    let server = by_shell.get_program().to_owned();
    let environment: Vec<_> =
        by_shell.get_envs().map(|(n, v)| (n.to_owned(), v.unwrap().to_owned())).collect();
    by_shell = std::process::Command::new("sh");
    by_shell.args(["-c", "trap '' XFSZ; exec \"$0\""]).arg(server).env_clear().envs(environment);
    let serving = Place::serve_by(by_shell);
    let client = serving.client();
    let marker = place.directory.path().join("go");
    let script = format!("while [ ! -e {} ]; do sleep 0.05; done; echo done >> {0}", marker.display());
    let long = block_on(client.create_job(&shell(&script))).unwrap();
    wait_for_status(&client, &long.id, "running");
    let before = block_on(client.create_job(&large())).unwrap();
    limit_writes(&serving, Some(4096));
    for _ in 0..5 {
        let (status, code) = problem(block_on(client.create_job(&large())));
        assert!(
            status == 503 && ["outcome_unknown", "storage_unavailable"].contains(&code.as_str()),
            "{code}"
        );
    }
    assert_eq!(block_on(client.job(&before.id)).unwrap().status, "scheduled", "what is there can be read");
    limit_writes(&serving, None);
    std::fs::write(&marker, "").unwrap();
    wait_for_status(&client, &long.id, "completed");
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), "done\n");
    wait_for(|| block_on(client.create_job(&large())).ok());
    run_job(&client, &shell("true"));
    serving.stop();
    assert_all_there(&place.serve().client(), &[before.id]);
}

#[test]
fn a_database_that_is_removed_under_the_server_is_told_and_nothing_is_acknowledged() {
    let place = Place::new();
    let mut serving = place.serve();
    let client = serving.client();
    run_job(&client, &shell("true"));
    assert_eq!(get(serving.port(), "/health", &[]).0, 200);
    let away = place.directory.path().join("away");
    std::fs::rename(place.database(), &away).unwrap();
    let health = get(serving.port(), "/health", &[]);
    assert!(health.0 == 503 && health.1.contains("the database file is gone"), "{health:?}");
    for _ in 0..3 {
        assert_eq!(problem(block_on(client.create_job(&large()))), (500, "storage_replaced".to_owned()));
    }
    let line = serving.wait_for_line("was moved, removed or replaced under the server");
    assert!(line.contains("oneoff.db"), "{line}");
    std::fs::rename(&away, place.database()).unwrap();
    wait_for(|| block_on(client.create_job(&large())).ok());
    run_job(&client, &shell("true"));
    assert_eq!(get(serving.port(), "/health", &[]).0, 200);
}

#[test]
fn a_damaged_database_is_refused_with_the_newest_backup_by_which_it_can_be_restored() {
    let place = Place::new();
    let serving = place.serve();
    let job = block_on(serving.client().create_job(&large())).unwrap();
    let backup = place.directory.path().join("nightly.db");
    place.run(&["backup", &backup.display().to_string()]).succeeds();
    serving.stop();
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[..100].fill(0),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| {
            let middle = bytes.len() / 2 / 4096 * 4096;
            bytes[4096..middle].fill(0xA5);
        },
        |bytes| *bytes = b"a diary, not a database\n".repeat(1_000),
    ];
    let whole = std::fs::read(place.database()).unwrap();
    for damage in damages {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        std::fs::write(place.database(), &bytes).unwrap();
        let restore = format!("oneoff-server restore {}", backup.display());
        place.run(&["serve"]).fails(1, &["damaged", "oneoff.db", "nothing was changed", &restore]);
        assert_eq!(std::fs::read(place.database()).unwrap(), bytes);
    }
    for file in ["oneoff.db", "oneoff.db-wal", "oneoff.db-shm"] {
        let _may_be_missing = std::fs::remove_file(place.directory.path().join(file));
    }
    place.run(&["restore", &backup.display().to_string()]).succeeds();
    let restored = place.serve();
    assert_all_there(&restored.client(), &[job.id]);
}
