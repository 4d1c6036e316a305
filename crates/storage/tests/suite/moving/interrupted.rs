//! `kill -9` at any moment, and going on.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const FILE: &str = "ONEOFF_MOVING_TEST_FILE";
const URL: &str = "ONEOFF_MOVING_TEST_URL";

/// The child: moves, and prints a line after each slice.
#[test]
#[ignore = "is the child of the test below"]
fn child_that_moves() {
    let (Some(file), Some(url)) = (std::env::var_os(FILE), std::env::var_os(URL)) else { return };
    let url = url.into_string().unwrap();
    let options = MoveOptions { slice_rows: 2, ..MoveOptions::new(file, DatabaseUrl::new(&url).unwrap()) };
    let done = move_data(&options, at(1_000), &mut |progress| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "slice={:?} {}", progress.stage, progress.table).unwrap();
        stdout.flush().unwrap();
    });
    println!("done={done:?}");
}

/// Lets a process move, and kills it after so many slices. Answers what it said last, or all it did.
fn killed_after(slices: usize, file: &Filled, database: &Database) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "moving::interrupted::child_that_moves", "--nocapture"])
        .env(FILE, file.path())
        .env(URL, database.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = |line: &String| line.contains("slice=") || line.contains("done=");
    let said: Vec<_> = lines.filter(said).take(slices).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_moving_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    let (file, database) = (filled().await, empty());
    let (mut rounds, mut copied) = (0, 0);
    loop {
        // Each goes a little further: from the first slice to the middle of the comparison.
        let said = killed_after(1 + rounds * 2, &file, &database);
        copied += said.iter().filter(|line| line.contains("Copying")).count();
        let Some(last) = said.last() else { panic!("it said nothing") };
        if last.contains("done=") {
            assert!(last.contains("Ok("), "{last}");
            break;
        }
        let refused = open_server(&database).err().unwrap();
        assert!(matches!(refused, OpenError::HalfMoved { .. }), "{refused:?}");
        assert!(refused.to_string().contains("migrate-data"), "{refused}");
        let server = server_options(&database);
        let beside = Store::open_beside(&server).err().unwrap();
        assert!(matches!(beside, OpenError::HalfMoved { .. }), "a key would be in the way: {beside:?}");
        let looked = Store::look_at_server(&server).unwrap_err();
        assert!(matches!(looked, OpenError::HalfMoved { .. }), "{looked:?}");
        rounds += 1;
        assert!(rounds < 60);
    }
    assert!(rounds >= 5 && copied > 20, "{rounds} rounds, {copied} slices");
    let whole = empty();
    moved(&file.options(&whole));
    for table in
        ["job_states", "job_definitions", "attempts", "events", "output_chunks", "arrivals", "epochs"]
    {
        let rows =
            format!("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) || count(*) FROM {table} AS t");
        assert_eq!(database.query(&rows).unwrap(), whole.query(&rows).unwrap(), "{table}");
    }
    let keys = "SELECT string_agg(sequencename || last_value, ' ' ORDER BY sequencename) FROM pg_sequences
        WHERE sequencename NOT LIKE 'new_events%'";
    assert_eq!(database.query(keys).unwrap(), whole.query(keys).unwrap());
    open_server(&database).unwrap().close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_moving_that_was_finished_is_left_alone() {
    let (file, database) = (filled().await, empty());
    let first = moved(&file.options(&database));
    let outcome = move_quietly(&file.options(&database)).unwrap();
    assert_eq!(outcome, MoveOutcome::FinishedBefore { at: at(1_000) });
    let verify = MoveOptions { verify_only: true, ..file.options(&database) };
    assert_eq!(move_quietly(&verify).unwrap(), MoveOutcome::Moved(first));
    let store = open_server(&database).unwrap();
    create(&store, new_job(at(1))).await;
    store.close();
    let outcome = move_quietly(&file.options(&database)).unwrap();
    assert_eq!(outcome, MoveOutcome::FinishedBefore { at: at(1_000) });
    assert!(matches!(move_quietly(&verify).unwrap_err(), MoveError::UsedSince { .. }));
}
