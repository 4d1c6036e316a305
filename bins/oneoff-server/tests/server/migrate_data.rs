//! `migrate-data` as people use it: what it says, and what it refuses.

use crate::process::{Place, block_on, run_job, shell};
use oneoff_api_types::CreateJob;
use oneoff_pg_fixture::{Database, shared_cluster};

fn empty() -> Database {
    shared_cluster().unwrap().database().unwrap()
}

/// A database with a job that ran and one that waits, which no server uses.
fn filled() -> Place {
    let place = Place::new();
    let serving = place.serve();
    run_job(&serving.client(), &shell("echo out"));
    let later = CreateJob { scheduled_at: Some("in 300 days".to_owned()), ..shell("true") };
    block_on(serving.client().create_job(&later)).unwrap();
    serving.stop();
    place
}

#[test]
fn a_database_is_moved_once_and_compared_as_often_as_one_likes() {
    let (place, database) = (filled(), empty());
    let file = place.database().display().to_string();
    let moved = place.run(&["migrate-data", "--from", &file, "--to", database.url()]);
    moved.succeeds();
    for part in ["2 jobs (1 completed, 1 scheduled)", &file, "both are the same", "none with", "DATABASE_URL"]
    {
        assert!(moved.stdout.contains(part), "`{part}` is not in {moved:?}");
    }
    assert!(moved.stderr.starts_with("copied ") && !moved.stderr.contains('\u{1b}'), "{moved:?}");
    assert_eq!(
        database.query("SELECT convert_from(bytes, 'UTF8') FROM output_chunks").unwrap().trim(),
        "out"
    );
    let again = place.run(&["migrate-data", "--from", &file, "--to", database.url()]);
    again.succeeds();
    assert!(
        again.stdout.contains("was moved to") && again.stdout.contains("nothing was done now"),
        "{again:?}"
    );
    // By the settings, the environment and nothing else.
    let place = place.with("DATABASE_URL", database.url());
    let compared = place.run(&["migrate-data", "--verify-only"]);
    compared.succeeds();
    assert!(
        compared.stdout.starts_with("compared ") && !compared.stdout.contains("Start servers"),
        "{compared:?}"
    );
    database.query("DELETE FROM audit_entries WHERE key = 1").unwrap();
    place.run(&["migrate-data", "--verify-only"]).fails(1, &["audit_entries", "key 1 is missing"]);
}

#[test]
fn what_cannot_be_moved_is_refused_and_no_password_is_shown() {
    let place = filled();
    place.run(&["migrate-data"]).fails(1, &["--to", "DATABASE_URL"]);
    place.run(&["migrate-data", "--to", "x", "--form", "y"]).fails(2, &["--from"]);
    for to in [
        "mysql://me:hidden@db/x",
        "",
        "oneoff.db",
        "postgres://me:hidden%zz@127.0.0.1:1/x",
        "postgres://me:hidden@127.0.0.1:1/x",
        "postgres://me:hid/hidden@127.0.0.1:1/x",
        "postgres://127.0.0.1:1/x?password=hidden",
        "postgres://127.0.0.1:1/x?password=hidden&what=hidden",
    ] {
        let answer = place.run(&["migrate-data", "--to", to]);
        answer.fails(1, &["oneoff-server: "]);
        assert!(!format!("{answer:?}").contains("hidden"), "{to}: {answer:?}");
    }
    let missing = place.run(&["migrate-data", "--from", "missing.db", "--to", "postgres://127.0.0.1:1/x"]);
    missing.fails(1, &["there is no database at", "missing.db", "--from"]);
    let serving = place.serve();
    let in_use = place.run(&["migrate-data", "--to", "postgres://127.0.0.1:1/x"]);
    in_use.fails(1, &["another server is using the database"]);
    serving.stop();
}
