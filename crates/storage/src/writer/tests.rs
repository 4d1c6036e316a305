//! The failure rules of a group, on a real file.

use super::group::{GroupWriter, Listener};
use super::request::{Call, Request};
use super::tx::{Node, Tx};
use crate::failure::WriteError;
use crate::schema::api_keys;
use crate::startup::{self, OpenDatabase};
use crate::{Change, CommitListener, Committed, Refusal, StoreError};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use oneoff_domain::JobKey;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

type Answers = Arc<Mutex<Vec<(&'static str, Result<(), StoreError>)>>>;

#[derive(Default)]
struct Heard(Mutex<Vec<Change>>);

impl CommitListener for Heard {
    fn committed(&self, committed: Committed) {
        self.0.lock().unwrap().extend(committed.changes);
    }
}

struct Bench {
    _directory: tempfile::TempDir,
    _lock: Option<crate::lock::ServerLock>,
    connector: crate::connect::Connector,
    writer: GroupWriter,
    answers: Answers,
    heard: Arc<Heard>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut database = startup::open_locked(&directory.path().join("x.db")).unwrap();
        startup::migrate(&mut database).unwrap();
        let OpenDatabase { connector, conn, lock, .. } = database;
        let heard = Arc::new(Heard::default());
        let listener: Listener = Arc::new(OnceLock::new());
        listener.set(Arc::clone(&heard) as Arc<dyn CommitListener>).ok().unwrap();
        let node = Arc::new(Node::new("n".to_owned(), 1, oneoff_domain::Timestamp::from_micros_clamped(0)));
        let slow = Duration::from_secs(10);
        let writer = GroupWriter::new(connector.clone(), conn, node, listener, slow).unwrap();
        let answers = Answers::default();
        Self { _directory: directory, _lock: lock, connector, writer, answers, heard }
    }

    fn request<F>(&self, name: &'static str, body: F) -> Box<dyn Request>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<(), WriteError> + Send + 'static,
    {
        let answers = Arc::clone(&self.answers);
        Box::new(Call::new(body, move |result| answers.lock().unwrap().push((name, result))))
    }

    /// A request that stores an API key and notes a change.
    fn store(&self, name: &'static str) -> Box<dyn Request> {
        self.request(name, move |tx| insert(tx, name))
    }

    /// Runs a group and returns the answers by name.
    fn run(&mut self, requests: Vec<Box<dyn Request>>) -> Vec<(&'static str, Result<(), StoreError>)> {
        let mut waiting = requests.into_iter();
        self.writer.run(&mut || waiting.next());
        std::mem::take(&mut *self.answers.lock().unwrap())
    }

    /// The keys that another connection sees.
    fn stored(&self) -> Vec<String> {
        let mut conn = self.connector.writer().unwrap();
        api_keys::table.select(api_keys::id).order(api_keys::key).load(&mut conn).unwrap()
    }
}

fn insert(tx: &mut Tx<'_>, name: &str) -> Result<(), WriteError> {
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(name),
            api_keys::name.eq(name),
            api_keys::key_hash.eq(name),
            api_keys::key_prefix.eq(name),
            api_keys::scopes.eq("[]"),
            api_keys::is_active.eq(true),
            api_keys::created_at.eq(0_i64),
            api_keys::updated_at.eq(0_i64),
            api_keys::version.eq(1_i64),
        ))
        .execute(tx.conn)?;
    tx.effects.changes.push(Change::NotPending(JobKey(7)));
    Ok(())
}

fn refusal() -> WriteError {
    Refusal::IdempotencyMismatch.into()
}

#[test]
fn a_refusal_a_constraint_and_a_panic_are_answered_alone() {
    let mut bench = Bench::new();
    let requests = vec![
        bench.store("a"),
        bench.request("refused", |tx| insert(tx, "refused").and(Err(refusal()))),
        bench.request("twin", |tx| insert(tx, "twin").and_then(|()| insert(tx, "a"))),
        bench.request("panics", |tx| {
            insert(tx, "panics")?;
            panic!("on purpose")
        }),
        bench.store("b"),
    ];
    let answers = bench.run(requests);
    let names: Vec<_> = answers.iter().map(|(name, result)| (*name, result.is_ok())).collect();
    assert_eq!(names, [("a", true), ("refused", false), ("twin", false), ("panics", false), ("b", true)]);
    assert!(matches!(answers[1].1, Err(StoreError::Refused(Refusal::IdempotencyMismatch))));
    assert!(matches!(answers[2].1, Err(StoreError::Unavailable(_))));
    assert_eq!(bench.stored(), ["a", "b"], "their savepoints were rolled back");
    assert_eq!(bench.heard.0.lock().unwrap().len(), 2, "changes of those who succeeded only");
}

#[test]
fn a_full_disk_ends_the_whole_group_and_the_writer_recovers() {
    let mut bench = Bench::new();
    let fill = |tx: &mut Tx<'_>| {
        // No page more than there are now: the next one is one too many, as on a full disk.
        tx.conn.batch_execute("PRAGMA max_page_count = 1")?;
        tx.conn.batch_execute("CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(100000))")?;
        Ok(())
    };
    let requests = vec![bench.store("before"), bench.request("fills", fill), bench.store("after")];
    let answers = bench.run(requests);
    assert_eq!(answers.len(), 2, "the third was not taken any more");
    for (name, result) in answers {
        assert!(matches!(result, Err(StoreError::Full(_))), "{name}: {result:?}");
    }
    assert_eq!(bench.stored(), Vec::<String>::new());
    assert_eq!(bench.heard.0.lock().unwrap().len(), 0);
    let again = vec![bench.store("again")];
    let answers = bench.run(again);
    assert!(answers[0].1.is_ok(), "without a restart: {answers:?}");
    assert_eq!(bench.stored(), ["again"]);
}

#[test]
fn a_failed_commit_is_an_unknown_outcome_for_everybody() {
    let mut bench = Bench::new();
    let orphan = |tx: &mut Tx<'_>| {
        tx.conn.batch_execute(
            "PRAGMA defer_foreign_keys = ON;
             INSERT INTO busy_keys (job_key, concurrency_key) VALUES (12345, 'x')",
        )?;
        Ok(())
    };
    let requests = vec![bench.store("a"), bench.request("orphan", orphan), bench.store("b")];
    let answers = bench.run(requests);
    assert_eq!(answers.len(), 3);
    for (name, result) in answers {
        assert!(matches!(result, Err(StoreError::OutcomeUnknown(_))), "{name}: {result:?}");
    }
    assert_eq!(bench.heard.0.lock().unwrap().len(), 0);
    let next = vec![bench.store("next")];
    assert!(bench.run(next)[0].1.is_ok());
    assert_eq!(bench.stored(), ["next"]);
}

#[test]
fn while_the_file_is_away_the_writer_answers_and_then_it_recovers() {
    let mut bench = Bench::new();
    let file = bench._directory.path().join("x.db");
    let moved = bench._directory.path().join("moved.db");
    let break_it = |tx: &mut Tx<'_>| {
        tx.conn.batch_execute("SELECT * FROM no_such_table")?;
        Ok(())
    };
    let broken = vec![bench.request("broken", break_it)];
    assert!(matches!(bench.run(broken)[0].1, Err(StoreError::Unavailable(_))));
    std::fs::rename(&file, &moved).unwrap();
    for _ in 0..3 {
        let away = vec![bench.store("away")];
        assert!(matches!(bench.run(away)[0].1, Err(StoreError::Replaced(_))));
    }
    assert!(!file.exists(), "no empty database was made in its place");
    std::fs::rename(&moved, &file).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let back = vec![bench.store("back")];
        if bench.run(back)[0].1.is_ok() {
            break;
        }
        assert!(Instant::now() < deadline, "it did not recover");
        std::thread::yield_now();
    }
    assert_eq!(bench.stored(), ["back"]);
}
