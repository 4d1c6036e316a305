//! Databases that are migrated, refused or shared.

use crate::process::{Place, run_job, shell};

#[test]
fn migrate_goes_up_and_one_step_down_only_when_it_is_confirmed() {
    let place = Place::new();
    let up = place.run(&["migrate"]);
    up.succeeds();
    assert!(up.stdout.contains("applied "), "{up:?}");
    let again = place.run(&["migrate", "--direction", "up"]);
    again.succeeds();
    assert!(again.stdout.contains("up to date"), "{again:?}");
    let last = up.stdout.lines().last().unwrap().trim_start_matches("applied ").to_owned();
    place.run(&["migrate", "--direction", "down"]).fails(1, &[&last, "--yes"]);
    let still = place.run(&["migrate"]);
    assert!(still.stdout.contains("up to date"), "{still:?}");
    let down = place.run(&["migrate", "--direction", "down", "--yes"]);
    down.succeeds();
    assert!(down.stdout.contains(&format!("undid {last}")), "{down:?}");
    let up_again = place.run(&["migrate"]);
    assert!(up_again.stdout.contains(&format!("applied {last}")), "{up_again:?}");
    place.run(&["migrate", "--direction", "sideways"]).fails(2, &["sideways"]);
}

#[test]
fn a_second_server_on_the_same_file_is_refused() {
    let place = Place::new();
    let first = place.serve();
    let second = place.run(&["serve"]);
    second.fails(1, &["another server is using the database", "oneoff.db", "DB_PATH"]);
    assert_eq!(second.stderr.matches("another server").count(), 1, "{second:?}");
    run_job(&first.client(), &shell("true"));
}

#[test]
fn a_damaged_file_is_refused_and_not_changed() {
    let place = Place::new();
    let text = "this is a diary, not a database\n".repeat(500);
    std::fs::write(place.database(), &text).unwrap();
    place.run(&["serve"]).fails(1, &["is not a OneOff database or is damaged", "oneoff.db"]);
    assert_eq!(std::fs::read_to_string(place.database()).unwrap(), text);
}

#[test]
fn a_path_that_cannot_be_written_is_named() {
    let place = Place::new();
    let file = place.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.join("x.db"), place.directory.path().join("missing/x.db"), "/proc/x.db".into()] {
        let path = path.display().to_string();
        let answer = place.run(&["serve", "--db-path", &path]);
        answer.fails(1, &[&path]);
        assert!(!answer.stderr.contains("Error {") && answer.stderr.lines().count() <= 3, "{answer:?}");
    }
}

#[test]
fn jobs_are_there_after_a_restart_and_the_start_counts_them() {
    let place = Place::new();
    let first = place.serve();
    let job = run_job(&first.client(), &shell("echo hello"));
    assert_eq!(job.status, "completed");
    first.stop();
    let mut second = place.serve();
    let log = second.log();
    let line = log.iter().find(|line| line.contains("listening on")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&entry["jobs"], &entry["overdue"]), (&1.into(), &0.into()), "{line}");
    let database = std::fs::canonicalize(place.database()).unwrap();
    assert_eq!(entry["database"], database.display().to_string());
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_not_changed() {
    let place = Place::new();
    let up = place.run(&["migrate"]);
    let name = up.stdout.lines().last().unwrap().trim_start_matches("applied ");
    let version: String = name.split('_').next().unwrap().chars().filter(char::is_ascii_digit).collect();
    let newer = format!("9{}", &version[1..]);
    let bytes = std::fs::read(place.database()).unwrap();
    let changed = replaced(&bytes, version.as_bytes(), newer.as_bytes());
    assert_ne!(bytes, changed, "{version} is not in the file");
    std::fs::write(place.database(), &changed).unwrap();
    for arguments in [&["serve"][..], &["migrate"], &["keys", "create", "--name", "x"]] {
        place.run(arguments).fails(1, &["was written by a newer OneOff", "oneoff.db"]);
    }
    assert_eq!(std::fs::read(place.database()).unwrap(), changed);
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(old.len()) {
        if bytes[at..].starts_with(old) {
            changed[at..at + new.len()].copy_from_slice(new);
        }
    }
    changed
}
