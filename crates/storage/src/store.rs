//! The store: its public methods.

use crate::ahead::{CommitCount, ReadAhead};
use crate::connection::AnyConnection;
use crate::lock::ServerLock;
use crate::postgres::ServerSide;
use crate::postgres::clock::time_of_server;
use crate::reader::Reader;
use crate::schema::{catalog_versions, epochs};
use crate::startup::{self, OpenDatabase};
use crate::wal_guard::WalGuard;
use crate::writer::Writer;
use crate::writer::group::{GroupWriter, Listener};
use crate::writer::lanes::Lane;
use crate::writer::request::Needs;
use crate::writer::tx::{Node, Tx};
use crate::*;
use diesel::prelude::*;
use oneoff_domain::{Clock, Context, ExecutionId, Job, JobId, NewEvent, Timestamp};
use oneoff_faults::Sabotage;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Everything durable. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    pub(crate) node: Arc<Node>,
    pub(crate) listener: Listener,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) commits: CommitCount,
    pub(crate) lock: Mutex<Option<ServerLock>>,
    /// Of a store that is on a server.
    pub(crate) server: Option<ServerSide>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn close(&self) {
        self.writer.close();
        self.reader.close();
        if let Some(server) = &self.server {
            server.side.close();
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// The epoch of this process.
pub(crate) fn begin_epoch(conn: &mut AnyConnection, node: &str, now: Timestamp) -> QueryResult<i64> {
    // Who pauses a project tells the epochs that there are. This one is either among them or knows it from the beginning.
    catalog::write::alone(conn)?;
    let version: i64 = catalog_versions::table.find(1).select(catalog_versions::version).get_result(conn)?;
    diesel::insert_into(epochs::table)
        .values((
            epochs::node_id.eq(node),
            epochs::started_at.eq(now.as_micros()),
            epochs::catalog_version.eq(version),
        ))
        .returning(epochs::epoch)
        .get_result(conn)
}

impl Store {
    /// Opens the file, migrates it, and begins a new epoch. Blocks.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub fn open(mut options: StoreOptions, now: Timestamp) -> Result<Store, OpenError> {
        if let Some(url) = options.server.take() {
            return postgres::open::open(url, options, |_conn| Ok(now));
        }
        let mut database = startup::open_locked(&options.path)?;
        startup::migrate(&mut database)?;
        let OpenDatabase { path, connector, mut conn, lock } = database;
        let failed = |error| startup::query_error(&path, error);
        backup::mark::clear(&mut conn).map_err(failed)?;
        oneoff_faults::reach("epoch.before_commit");
        let epoch = begin_epoch(&mut conn, &options.node_name, now).map_err(failed)?;
        oneoff_faults::reach("epoch.after_commit");
        let node = Arc::new(Node::new(options.node_name, epoch, now));
        let listener: Listener = Arc::new(OnceLock::new());
        let reader = Reader::new(&connector, options.readers);
        let files = connector.clone();
        let group =
            GroupWriter::new(connector, conn, Arc::clone(&node), Arc::clone(&listener), options.slow_commit);
        let group = group.map_err(failed)?;
        let commits = group.commits();
        let real_path = std::fs::canonicalize(&path).unwrap_or_else(|_gone| path.clone());
        let guard = WalGuard::new(&real_path, files, reader.gate());
        let writer = Writer::start(group, options.max_waiting_writes, guard)
            .map_err(|error| OpenError::Other { path: path.clone(), source: Arc::new(error) })?;
        let lock = Mutex::new(lock);
        let inner = Inner { path, node, listener, writer, reader, commits, lock, server: None };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// The same by a clock, where that of a server counts by the server's: other nodes, whose clocks may differ, judge by
    /// it whether this one is there yet.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub fn open_by(mut options: StoreOptions, local: &dyn Clock) -> Result<Store, OpenError> {
        match options.server.take() {
            Some(url) => postgres::open::open(url, options, |conn| time_of_server(conn, local)),
            None => Self::open(options, local.now()),
        }
    }

    /// Opens the API keys of a file, which a server may have open at the same time. Makes and migrates the
    /// file where that is due and no server runs; the database of a server is migrated in any case, as a node that
    /// starts would. Begins no epoch. Blocks.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub fn open_beside(options: &StoreOptions) -> Result<ApiKeyStore, OpenError> {
        match &options.server {
            Some(url) => postgres::open::beside(url),
            None => Ok(ApiKeyStore::of_file(startup::open_beside(&options.path)?)),
        }
    }

    /// Who is told of commits from now on. Set once, before the first write.
    pub fn listen(&self, listener: Arc<dyn CommitListener>) {
        if self.inner.listener.set(listener).is_err() {
            tracing::error!("a second listener of commits is ignored");
        }
    }

    /// The epoch of this process, above that of every process before.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.inner.node.epoch()
    }

    /// Whether other nodes may use the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.inner.server.is_some()
    }

    /// The absolute path of the database; of one on a server, its address.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.inner.path
    }

    /// Stores jobs: all of them or none. With an idempotency key that was used before, returns what it made.
    ///
    /// # Errors
    /// [`Refusal::Duplicate`] of an `external_id`, [`Refusal::IdempotencyMismatch`],
    /// [`Refusal::NotFound`] of a project that the actor may not touch, or the database's.
    pub async fn create_jobs(
        &self,
        context: Context,
        now: Timestamp,
        jobs: Vec<NewJob>,
    ) -> Result<Written<Vec<Job>>, StoreError> {
        if self.is_shared() && job_write::are_unnamed(&jobs) {
            let needs = Needs::Records(idempotency::hash_of(&context).into_iter().collect());
            let size = jobs.len();
            let body = move |tx: &mut Tx<'_>| job_write::create(tx, &context, now, jobs.clone());
            return self.inner.writer.write_together(Lane::New, size, needs, body).await;
        }
        let is_one = jobs.len() == 1;
        let body = move |tx: &mut Tx<'_>| job_write::create(tx, &context, now, jobs);
        match is_one {
            true => self.inner.writer.write_or_refuse(Lane::Api, body).await,
            false => self.inner.writer.write(Lane::Api, body).await,
        }
    }

    /// Changes a job: `decide` sees it inside the transaction and says what it becomes. The version check of
    /// the context, the idempotency record, the audit row and the event are in the same transaction.
    /// Answers the job after the change (of a deleted one, as it last was).
    ///
    /// # Errors
    /// What `decide` refuses, [`Refusal::NotFound`], [`Refusal::VersionMismatch`],
    /// [`Refusal::IdempotencyMismatch`], [`Refusal::Duplicate`], or the database's.
    pub async fn change_job(
        &self,
        context: Context,
        now: Timestamp,
        id: JobId,
        decide: Decide,
    ) -> Result<Written<Job>, StoreError> {
        let body = move |tx: &mut Tx<'_>| job_write::change(tx, &context, now, id, decide);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Claims due jobs, each on its own terms, in one commit. `now` is asked within the transaction: what ended before
    /// it did so before the claimed jobs start.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim(
        &self,
        now: impl Fn() -> Timestamp + Send + 'static,
        requests: Vec<ClaimRequest>,
    ) -> Result<Vec<ClaimResult>, StoreError> {
        if self.is_shared() {
            let needs = Needs::Waiting(requests.iter().map(|request| request.job).collect());
            let size = requests.len();
            let claim_all = move |tx: &mut Tx<'_>| claim::claim(tx, &now, &requests, ReadAhead::default());
            let body = move |tx: &mut Tx<'_>| tx.kept_unless(Sabotage::ClaimOutsideTransaction, &claim_all);
            return self.inner.writer.write_together(Lane::Attempts, size, needs, body).await;
        }
        let read = ahead::read_ahead(&self.inner, &requests).await;
        let claim_all = move |tx: &mut Tx<'_>| claim::claim(tx, &now, &requests, read);
        let body = move |tx: &mut Tx<'_>| tx.kept_unless(Sabotage::ClaimOutsideTransaction, claim_all);
        self.inner.writer.write_or_refuse(Lane::Attempts, body).await
    }

    /// How many jobs of a type may run at once, on all nodes together, where the store is shared and nothing else is stored
    /// as a setting. Set once, before the first claim; all nodes should say the same.
    pub fn limit_types(&self, limits: std::collections::BTreeMap<String, usize>) {
        self.inner.node.limit_types(limits);
    }

    /// Records the end of an attempt and the job's next state.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish(&self, finish: Finish) -> Result<FinishResult, StoreError> {
        if self.is_shared() {
            let needs = Needs::Running(finish.fence.job);
            let body = move |tx: &mut Tx<'_>| finish::finish(tx, &finish);
            return self.inner.writer.write_together(Lane::Attempts, 1, needs, body).await;
        }
        let body = move |tx: &mut Tx<'_>| finish::finish(tx, &finish);
        self.inner.writer.write_or_refuse(Lane::Attempts, body).await
    }

    /// Appends output of a running attempt. `output_bytes` is what it wrote so far in all. A chunk that is
    /// stored already is left as it is, so an append may be repeated.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the attempt does not run any more, or the database's.
    pub async fn append_output(
        &self,
        execution: ExecutionId,
        chunks: Vec<NewOutputChunk>,
        output_bytes: i64,
    ) -> Result<(), StoreError> {
        let body = move |tx: &mut Tx<'_>| output::append(tx, execution, &chunks, output_bytes);
        self.inner.writer.write_or_refuse(Lane::Output, body).await
    }

    /// The executions that earlier epochs left running, without changing anything: their processes are to be
    /// ended before [`Self::close_lost`].
    ///
    /// # Errors
    /// The database's.
    pub async fn lost_executions(&self) -> Result<Vec<ExecutionId>, StoreError> {
        let epoch = self.epoch();
        self.inner.reader.read(move |conn| recover::lost(conn, epoch)).await
    }

    /// Closes executions of epochs that are over as `lost` and lets their jobs follow `on_crash`. Where nodes share the
    /// store those that somebody else has locked are left out, and can be closed later.
    ///
    /// # Errors
    /// The database's.
    pub async fn close_lost(
        &self,
        now: Timestamp,
        executions: Vec<ExecutionId>,
    ) -> Result<Vec<LostExecution>, StoreError> {
        let body = move |tx: &mut Tx<'_>| recover::close(tx, now, &executions, None);
        self.inner.writer.write(Lane::Attempts, body).await
    }

    /// Writes an event that belongs to no job.
    ///
    /// # Errors
    /// The database's.
    pub async fn record_event(&self, now: Timestamp, event: NewEvent) -> Result<(), StoreError> {
        self.inner.writer.write(Lane::Api, move |tx: &mut Tx<'_>| tx.record(now, &event)).await
    }

    /// Removes one slice of what is older than the policy keeps, a few milliseconds' worth.
    ///
    /// # Errors
    /// The database's.
    pub async fn retain(&self, policy: RetentionPolicy) -> Result<RetentionSlice, StoreError> {
        self.inner.writer.write(Lane::Retention, move |tx: &mut Tx<'_>| retain::retain(tx, &policy)).await
    }

    /// Ends the writer after what waits is committed. Later calls answer [`StoreError::Closed`]. Blocks.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Connects to the database of a server, changes nothing, and says what is there; `None` of a file, which only
    /// opening it would tell.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub fn look_at_server(options: &StoreOptions) -> Result<Option<AboutServer>, OpenError> {
        options.server.as_ref().map(postgres::open::look_at).transpose()
    }

    /// Applies every migration that is missing, without opening a store.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn migrate_up(options: &StoreOptions) -> Result<Vec<MigrationStep>, MigrateError> {
        if let Some(url) = &options.server {
            return postgres::open::migrate_up(url);
        }
        let mut database = startup::open_locked(&options.path)?;
        migrations::apply(&mut database.conn).map_err(MigrateError::Failed)
    }

    /// Names the migration that [`Self::migrate_down`] would undo.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn last_migration(options: &StoreOptions) -> Result<Option<MigrationStep>, MigrateError> {
        if let Some(url) = &options.server {
            return migrations::last(&mut postgres::open::connection(url)?).map_err(MigrateError::Failed);
        }
        let mut database = startup::open_locked(&options.path)?;
        migrations::last(&mut database.conn).map_err(MigrateError::Failed)
    }

    /// Undoes the last migration, unless a server, or a node that holds a lease `now`, uses the database.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn migrate_down(options: &StoreOptions, now: Timestamp) -> Result<MigrationStep, MigrateError> {
        let undone = match &options.server {
            Some(url) => migrations::undo(&mut postgres::open::unused(url, now)?),
            None => migrations::undo(&mut startup::open_locked(&options.path)?.conn),
        };
        let undone = undone.map_err(MigrateError::Failed)?;
        undone.ok_or(MigrateError::NothingToUndo)
    }
}
