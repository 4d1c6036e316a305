//! What a request sees of the group's transaction: the connection, and where to note what it changed.

use super::keys::Keys;
use crate::ahead::ChangedJobs;
use crate::catalog::CatalogCell;
use crate::chains::step;
use crate::connection::AnyConnection;
use crate::failure::{RowError, WriteError};
use crate::idempotency::Records;
use crate::postgres::gathered::Gathered;
use crate::postgres::locks;
use crate::rows::job::StoredJob;
use crate::rows::{event, pending};
use crate::run_counters::RunsEnded;
use crate::statement::Rows;
use crate::{Catalog, Change, Committed, PendingJob};
use diesel::connection::TransactionManager;
use diesel::prelude::*;
use oneoff_domain::{EventKind, ExecutionId, Job, JobId, JobKey, JobStatus, NewEvent, Timestamp};
use oneoff_faults::{Operations, Sabotage, breaks};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// What a request changed, beside rows. It counts only when the request's savepoint is released.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// For the due queue.
    pub(crate) changes: Vec<Change>,
    /// By how much the number of jobs in each status changed.
    pub(crate) counts: BTreeMap<JobStatus, i64>,
    /// Jobs of which an event was written, but for those that are new.
    pub(crate) touched: Vec<JobId>,
    /// The events of records other than jobs.
    pub(crate) records: Vec<EventKind>,
    /// Whether an event was written.
    pub(crate) wrote_event: bool,
    /// Executions that ended.
    pub(crate) runs: RunsEnded,
    /// Bytes of output that are kept from now on, less those that are not any more.
    pub(crate) output_bytes: i64,
    /// The hashes of the idempotency keys that were recorded.
    pub(crate) idempotency_hashes: Vec<i64>,
    /// What was done, for the kill points of a test build.
    pub(crate) operations: Operations,
}

impl Effects {
    /// Whether anything was changed that counts.
    pub(crate) fn is_any(&self) -> bool {
        self.wrote_event || self.output_bytes != 0 || !self.changes.is_empty() || !self.counts.is_empty()
    }

    /// Adds what a later request changed.
    pub(crate) fn merge(&mut self, later: Effects) {
        self.changes.extend(later.changes);
        self.touched.extend(later.touched);
        self.records.extend(later.records);
        for (status, difference) in later.counts {
            *self.counts.entry(status).or_default() += difference;
        }
        self.runs.merge(later.runs);
        self.wrote_event |= later.wrote_event;
        self.output_bytes += later.output_bytes;
        self.operations.merge(later.operations);
    }

    /// Notes that a job left one status for another; `None` is its creation or removal.
    pub(crate) fn count(&mut self, from: Option<JobStatus>, to: Option<JobStatus>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            *self.counts.entry(from).or_default() -= 1;
        }
        if let Some(to) = to {
            *self.counts.entry(to).or_default() += 1;
        }
    }
}

/// Who writes: this process.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its name in executions.
    pub(crate) name: String,
    epoch: AtomicI64,
    began_at: AtomicI64,
    is_shared: bool,
    type_limits: OnceLock<BTreeMap<String, usize>>,
    /// The newest projects, tags and settings that are known.
    pub(crate) catalog: CatalogCell,
}

impl Node {
    pub(crate) fn new(name: String, epoch: i64, began_at: Timestamp) -> Self {
        Self {
            name,
            epoch: AtomicI64::new(epoch),
            began_at: AtomicI64::new(began_at.as_micros()),
            is_shared: false,
            type_limits: OnceLock::new(),
            catalog: CatalogCell::default(),
        }
    }

    /// The same, of a database to which others may write, too.
    pub(crate) fn sharing(name: String, epoch: i64, began_at: Timestamp) -> Self {
        Self { is_shared: true, ..Self::new(name, epoch, began_at) }
    }

    /// Its epoch.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// When its epoch began.
    pub(crate) fn began_at(&self) -> Timestamp {
        Timestamp::from_micros_clamped(self.began_at.load(Ordering::Acquire))
    }

    /// What is written from now on is of another epoch.
    pub(crate) fn begin(&self, epoch: i64, now: Timestamp) {
        self.began_at.store(now.as_micros(), Ordering::Release);
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Takes over what was committed of projects, tags and settings.
    pub(crate) fn learn(&self, committed: &Committed) {
        for change in &committed.changes {
            if let Change::Catalog(catalog) = change {
                self.catalog.offer(catalog);
            }
        }
    }

    /// How many jobs of a type may run at once, on all nodes together, unless something else is stored. Set once.
    pub(crate) fn limit_types(&self, limits: BTreeMap<String, usize>) {
        let _set_before = self.type_limits.set(limits);
    }

    /// The types that are limited.
    pub(crate) fn type_limits<'a>(&'a self, catalog: &'a Catalog) -> Option<&'a BTreeMap<String, usize>> {
        let limits = catalog.live.type_limits.as_ref().or_else(|| self.type_limits.get());
        limits.filter(|limits| !limits.is_empty())
    }

    /// Whether others may write to the same database.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }
}

/// The transaction as a request sees it.
pub(crate) struct Tx<'a> {
    /// The connection, inside the request's savepoint.
    pub(crate) conn: &'a mut AnyConnection,
    /// Where rows are gathered that are written together with those of other requests.
    pub(crate) gathered: Option<&'a mut Gathered>,
    /// The next free keys.
    pub(crate) keys: &'a mut Keys,
    /// Who writes.
    pub(crate) node: &'a Node,
    /// The jobs of which the log says already that they cannot be read.
    pub(crate) unreadable: &'a mut HashSet<JobKey>,
    /// Jobs as they were claimed, so that they need not be read again to be finished. A job that is not here is
    /// read; whatever else changes a job takes it out.
    pub(crate) claimed: &'a mut HashMap<JobKey, StoredJob>,
    /// Jobs that wait and are locked for the claims that run together; `None` where each claim locks its own.
    pub(crate) waiting: Option<&'a mut HashMap<JobKey, Result<StoredJob, RowError>>>,
    /// How many jobs of limited types may still be started, where this transaction has counted those of all nodes.
    pub(crate) type_rooms: &'a mut Option<HashMap<String, usize>>,
    /// Whether this node's epoch was not given up, and cannot be before the transaction ends; `None` is not looked yet.
    pub(crate) holds_epoch: &'a mut Option<bool>,
    /// What was changed lately, for those who read ahead of a claim.
    pub(crate) changed: &'a mut ChangedJobs,
    /// Projects, tags and settings as they are in this transaction.
    pub(crate) catalog: &'a mut Arc<Catalog>,
    /// Where the records of idempotency keys are.
    pub(crate) idempotency: &'a mut Records,
    /// What the request changed so far.
    pub(crate) effects: Effects,
}

impl Tx<'_> {
    /// Where rows are written that nobody reads before the requests that run together are done.
    pub(crate) fn rows(&mut self) -> Rows<'_> {
        Rows { conn: self.conn, gathered: self.gathered.as_deref_mut() }
    }

    /// Whether what was claimed in this epoch is this node's to end. Where others may give it up, they wait for this
    /// transaction then.
    pub(crate) fn holds(&mut self, epoch: i64) -> QueryResult<bool> {
        if epoch != self.node.epoch() {
            return Ok(!self.node.is_shared());
        }
        if let Some(holds) = *self.holds_epoch {
            return Ok(holds);
        }
        let holds = locks::epoch(self.conn, epoch)?.is_some();
        *self.holds_epoch = Some(holds);
        Ok(holds)
    }

    /// A key for a job, which is also that of its first definition.
    pub(crate) fn new_job_key(&mut self) -> QueryResult<JobKey> {
        self.new_definition_key().map(JobKey)
    }

    /// A key for a definition.
    pub(crate) fn new_definition_key(&mut self) -> QueryResult<i64> {
        self.keys.definition(self.conn)
    }

    /// A key for an attempt.
    pub(crate) fn new_attempt_key(&mut self) -> QueryResult<i64> {
        self.keys.attempt(self.conn)
    }

    /// Runs a part of the transaction. A test build that breaks this promise undoes what it wrote.
    pub(crate) fn kept_unless<T>(
        &mut self,
        promise: Sabotage,
        part: impl FnOnce(&mut Self) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        if !breaks(promise) {
            return part(self);
        }
        AnyConnection::begin_transaction(self.conn)?;
        let result = part(self);
        AnyConnection::rollback_transaction(self.conn)?;
        self.effects = Effects::default();
        result
    }

    /// Writes an event.
    pub(crate) fn record(&mut self, now: Timestamp, event: &NewEvent) -> Result<(), WriteError> {
        let number = match self.keys.event() {
            Some(sequence) => event::Number::Given(sequence),
            None => event::Number::Later { epoch: self.node.epoch() },
        };
        event::insert(&mut self.rows(), number, now, event)?;
        self.effects.wrote_event = true;
        if event.job_id.is_none() {
            self.effects.records.push(event.kind);
        }
        if event.kind != EventKind::JobCreated {
            self.effects.touched.extend(event.job_id);
        }
        Ok(())
    }

    /// Writes an event of a job, after all else that changes of it: the job of a chain's link takes its chain along.
    pub(crate) fn record_job(
        &mut self,
        now: Timestamp,
        kind: EventKind,
        job: &Job,
        execution: Option<ExecutionId>,
        mut data: Map<String, Value>,
    ) -> Result<(), WriteError> {
        // Readers come later, when the job may have another one.
        if kind.job_status() != Some(job.state.status) {
            data.insert("status".to_owned(), job.state.status.as_str().into());
        }
        if kind == EventKind::JobDeleted {
            let definition = &job.definition;
            data.insert("name".to_owned(), definition.name.as_str().into());
            data.insert("type".to_owned(), definition.job_type.as_str().into());
            let tags = self.catalog.tags_of(&definition.tags).into_iter().map(|tag| tag.name);
            data.insert("tags".to_owned(), tags.collect());
        }
        let event = NewEvent {
            kind,
            job_id: Some(job.id),
            execution_id: execution,
            project_id: job.definition.project_id.clone(),
            data,
        };
        self.record(now, &event)?;
        match &job.origin {
            None => Ok(()),
            Some(_) => step::follow(self, now, kind, job, execution, &event.data),
        }
    }

    /// Lets a job wait, and says so.
    pub(crate) fn wait(&mut self, pending: PendingJob) -> Result<(), WriteError> {
        pending::insert(&mut self.rows(), &pending)?;
        self.effects.changes.push(Change::Pending(pending));
        Ok(())
    }

    /// Ends a job's waiting for `due_at`, and says so.
    pub(crate) fn stop_waiting(&mut self, job: JobKey, due_at: Timestamp) -> Result<(), WriteError> {
        pending::delete(&mut self.rows(), job, due_at)?;
        self.effects.changes.push(Change::NotPending(job));
        Ok(())
    }
}
