//! Moving a database file to a server: everything arrives, also when it is interrupted, and nothing else is let in.

mod differing;
mod interrupted;
mod refused;
mod round_trip;

use crate::fixture::*;
use bytes::Bytes;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::*;
use oneoff_pg_fixture::{Database, shared_cluster};
use oneoff_storage::moving::*;
use oneoff_storage::*;
use std::path::{Path, PathBuf};

/// A file with a record of every kind, and no server that uses it.
pub(crate) struct Filled {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) running: Vec<ExecutionId>,
    pub(crate) waiting: Vec<Job>,
    pub(crate) held: JobId,
    pub(crate) failed: JobId,
}

impl Filled {
    pub(crate) fn path(&self) -> PathBuf {
        options(&self.directory).path
    }

    pub(crate) fn options(&self, to: &Database) -> MoveOptions {
        MoveOptions { slice_rows: 3, ..MoveOptions::new(self.path(), url(to)) }
    }
}

pub(crate) fn url(database: &Database) -> DatabaseUrl {
    DatabaseUrl::new(database.url()).unwrap()
}

pub(crate) fn empty() -> Database {
    shared_cluster().unwrap().database().unwrap()
}

pub(crate) fn alter(path: &Path, sql: &str) {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
}

pub(crate) fn move_quietly(options: &MoveOptions) -> Result<MoveOutcome, MoveError> {
    move_data(options, at(1_000), &mut |_progress| {})
}

pub(crate) fn moved(options: &MoveOptions) -> Moved {
    match move_quietly(options).unwrap() {
        MoveOutcome::Moved(moved) => moved,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn edit(name: &'static str) -> Decide {
    Box::new(move |job| {
        let definition = Some(JobDefinition { name: name.to_owned(), ..job.definition.clone() });
        Ok(JobChange { definition, ..change(job.state.edit()?, "job.edit", EventKind::JobUpdated) })
    })
}

pub(crate) fn execute_again(now: Timestamp) -> Decide {
    Box::new(move |job| Ok(change(job.state.execute(now)?, "job.execute", EventKind::JobUpdated)))
}

fn chunk(offset: i64, bytes: &'static [u8]) -> NewOutputChunk {
    NewOutputChunk { stream: OutputStream::Stdout, offset, at: at(2), bytes: Bytes::from_static(bytes) }
}

/// Runs a job that was made for it, with output.
async fn run(store: &Store, outcome: AttemptOutcome) -> Job {
    let claimed = claim(store, at(1), &create(store, new_job(at(1))).await).await;
    store
        .append_output(claimed.execution_id, vec![chunk(0, b"a\0\xff"), chunk(3, b"end\n")], 7)
        .await
        .unwrap();
    let mut end = ending(&claimed, outcome, at(3));
    end.output_bytes = 7;
    match store.finish(end).await.unwrap() {
        FinishResult::Recorded(job) => *job,
        FinishResult::Fenced => panic!("fenced"),
    }
}

pub(crate) async fn filled() -> Filled {
    let TestStore { directory, store } = TestStore::new();
    let keyed = |definition: &mut JobDefinition| {
        definition.concurrency_key = Some("k".to_owned());
        definition.external_id = Some("x 🌍".to_owned());
        definition.on_crash = OnCrash::Retry;
    };
    let first = store.create_jobs(with_key("once", "f"), noon(), vec![job_with(at(1), keyed)]).await.unwrap();
    let retried = claim(&store, at(1), &first.value[0]).await.execution_id;
    let fails = |definition: &mut JobDefinition| definition.on_crash = OnCrash::Fail;
    let lost = claim(&store, at(1), &create(&store, job_with(at(1), fails)).await).await.execution_id;
    run(&store, AttemptOutcome::success()).await;
    let failed = run(&store, AttemptOutcome::failed(Reason::ExitCode, "häl lo")).await;
    let deleted = run(&store, AttemptOutcome::success()).await;
    store.change_job(context(), at(4), deleted.id, delete()).await.unwrap();
    let cancelled = create(&store, new_job(at(9))).await;
    store.change_job(context(), at(2), cancelled.id, cancel()).await.unwrap();
    let held = create(&store, held_job(Some(at(7)), Some(at(99)))).await;
    create(&store, held_job(None, None)).await;
    let mut waiting = Vec::new();
    for second in 10..20 {
        waiting.push(create(&store, new_job(at(second))).await);
    }
    store.change_job(context(), at(4), waiting[1].id, edit("edited")).await.unwrap();
    let key = NewApiKey {
        id: "k1".to_owned(),
        name: "ci".to_owned(),
        key_hash: "h".to_owned(),
        key_prefix: "p".to_owned(),
        scopes: vec!["read".to_owned()],
        project_ids: Some(vec!["default".to_owned()]),
        expires_at: None,
    };
    store.create_api_key(context(), noon(), key).await.unwrap();
    let session =
        NewSession { token_hash: "s".to_owned(), api_key_id: "k1".to_owned(), expires_at: at(1_000_000) };
    store.sign_in(context(), noon(), session).await.unwrap();
    store.close();
    // What time and a restore would bring: some of what waits is clustered, and output of a removed execution is left.
    alter(
        &options(&directory).path,
        "INSERT OR IGNORE INTO pending_jobs SELECT due_at / 3600000000, * FROM
            (SELECT job_key, due_at, priority, job_type, project_id, concurrency_key FROM arrivals WHERE job_key % 2 = 0);
         DELETE FROM arrivals WHERE job_key IN (SELECT job_key FROM pending_jobs);
         INSERT INTO removed_output VALUES (700);
         INSERT INTO output_chunks (execution_key, start_offset, stream, written_at, bytes) VALUES (700, 0, 'stdout', 1, x'00');
         UPDATE output_totals SET bytes = bytes + 1;
         UPDATE api_keys SET replaced_by = 'k2';
         INSERT INTO restores (restored_at, backup, settled_at) VALUES (1, '/b', 2);",
    );
    Filled { directory, running: vec![retried, lost], waiting, held: held.id, failed: failed.id }
}

pub(crate) fn server_options(database: &Database) -> StoreOptions {
    StoreOptions { server: Some(url(database)), ..StoreOptions::new("") }
}

pub(crate) fn open_server(database: &Database) -> Result<Store, OpenError> {
    Store::open(server_options(database), at(2_000))
}
