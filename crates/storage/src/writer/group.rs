//! Group commit: requests are run one after another, each in its own savepoint, and committed together.
//!
//! Inside a group only refusals of the domain, violated constraints and panics are answered alone. Any other
//! error ends the whole group, because SQLite may have rolled all of it back: the connection is dropped and
//! opened anew, and everybody in the group gets that error. A commit that fails has an unknown outcome, unless
//! the disk is full.
//! Nothing here knows threads or channels, so the same code can run on a caller's thread.

use super::announce::Announcer;
use super::live::{Live, run_one};
use super::log_anew;
use super::machine::{Machine, RealMachine};
use super::request::{Request, scope_of};
use super::tx::{Effects, Node};
use crate::ahead::CommitCount;
use crate::connect::{ConnectError, Connector};
use crate::connection::AnyConnection;
use crate::failure::{Consequence, commit_failed, unavailable};
use crate::idempotency::Records;
use crate::output;
use crate::rows::pending;
use crate::statement;
use crate::{Change, CommitListener, Committed, StoreError};
use diesel::connection::TransactionManager;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use oneoff_faults::{Moment, Operations, Sabotage};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

const REOPEN_FIRST: Duration = Duration::from_millis(10);
const REOPEN_MAX: Duration = Duration::from_secs(1);

/// Who is told of commits.
pub(crate) type Listener = Arc<OnceLock<Arc<dyn CommitListener>>>;

/// So many arrivals are moved together. Few where histories are simulated, so that they come by it.
const ARRIVALS_MOVED: i64 = if cfg!(any(test, feature = "inline")) { 16 } else { 4096 };

/// A read is under way that needs the log as it is.
#[derive(Debug, thiserror::Error)]
#[error("a read needs the log of commits that could not be synced")]
struct LogInUse;

enum Link {
    Up(Box<Live>),
    /// Lost. It is opened anew by the first group after `retry_at`.
    Down {
        retry_at: Instant,
        pause: Duration,
        error: StoreError,
    },
}

/// Runs groups of requests.
pub(crate) struct GroupWriter {
    // Before the connector, which keeps the file open for as long as a connection is.
    link: Link,
    connector: Connector,
    machine: Arc<dyn Machine>,
    commits: CommitCount,
    node: Arc<Node>,
    announcer: Announcer,
    is_disk_full: bool,
    /// Whether a commit failed to be synced, and the log was not begun anew since.
    doubts_log: bool,
}

impl GroupWriter {
    /// A writer on an open connection, and how to open another one.
    pub(crate) fn new(
        connector: Connector,
        conn: AnyConnection,
        node: Arc<Node>,
        listener: Listener,
        slow_commit: Duration,
    ) -> QueryResult<Self> {
        let commits = CommitCount::default();
        let live = Live::new(conn, &commits)?;
        node.catalog.offer(&live.catalog);
        let link = Link::Up(Box::new(live));
        let machine = Arc::new(RealMachine);
        let announcer = Announcer::new(listener, slow_commit);
        Ok(Self {
            link,
            connector,
            machine,
            commits,
            node,
            announcer,
            is_disk_full: false,
            doubts_log: false,
        })
    }

    /// The same on another machine.
    #[cfg(any(test, feature = "inline"))]
    pub(crate) fn on(self, machine: Arc<dyn Machine>) -> Self {
        Self { machine, ..self }
    }

    /// Opens further connections to the same file.
    pub(crate) fn connector(&self) -> Connector {
        self.connector.clone()
    }

    /// Counts the commits.
    pub(crate) fn commits(&self) -> CommitCount {
        self.commits.clone()
    }

    /// The number of the last event; 0 while the connection is lost.
    pub(crate) fn last_event(&self) -> i64 {
        match &self.link {
            Link::Up(live) => live.keys.last_event().unwrap_or(0),
            Link::Down { .. } => 0,
        }
    }

    /// The connection between two groups, unless it is lost.
    pub(crate) fn connection(&mut self) -> Option<&mut SqliteConnection> {
        match &mut self.link {
            Link::Up(live) => live.conn.sqlite().ok(),
            Link::Down { .. } => None,
        }
    }

    /// Whether the disk was full since this was asked last.
    pub(crate) fn found_disk_full(&mut self) -> bool {
        std::mem::take(&mut self.is_disk_full)
    }

    /// In how long the lost connection is opened anew; `None` unless it is lost.
    pub(crate) fn reopens_in(&self) -> Option<Duration> {
        match &self.link {
            Link::Up(_) => None,
            Link::Down { retry_at, .. } => Some(retry_at.saturating_duration_since(self.machine.now())),
        }
    }

    /// Opens the lost connection anew where it is time, although nobody writes: a commit of unknown outcome may have
    /// taken effect, and the listener is to know.
    pub(crate) fn mend(&mut self) {
        if let Err(error) = self.connect() {
            tracing::debug!(%error, "the database is not open again yet");
        }
    }

    /// Runs the requests that `next` yields as one transaction and answers them.
    pub(crate) fn run(&mut self, next: &mut dyn FnMut() -> Option<Box<dyn Request>>) {
        let mut requests = Vec::new();
        let (node, machine) = (Arc::clone(&self.node), Arc::clone(&self.machine));
        let began = Instant::now();
        let ended = match self.connect() {
            Ok(live) => execute(live, &node, machine.as_ref(), next, &mut requests),
            Err(error) => {
                requests.extend(std::iter::from_fn(next));
                let _scope = scope_of(&requests);
                self.announcer.failed(&error, requests.len());
                return answer_error(requests, &error);
            }
        };
        // A commit to a file that nobody finds any more is not acknowledged.
        let ended = ended.and_then(|done| self.connector.condition().check_commit().map(|()| done));
        match ended {
            Ok((committed, operations)) => {
                {
                    let _scope = scope_of(&requests);
                    self.announcer.succeeded(began.elapsed(), requests.len());
                }
                if committed != Committed::default() {
                    self.node.learn(&committed);
                    self.announcer.tell(|listener| listener.committed(committed));
                }
                operations.reach(Moment::AfterListener);
                for request in requests {
                    request.answer();
                }
                operations.reach(Moment::AfterAnswer);
                self.move_arrivals();
            }
            Err(error) => {
                let _scope = scope_of(&requests);
                let error = self.connector.condition().told(error);
                self.announcer.failed(&error, requests.len());
                self.link = self.link_after(&error);
                answer_error(requests, &error);
            }
        }
    }

    /// Moves what has begun to wait to where it is clustered, once it is worth a commit of its own. Nobody waits for
    /// it, and nothing is lost with it when it fails.
    fn move_arrivals(&mut self) {
        let Link::Up(live) = &mut self.link else { return };
        if live.arrivals < ARRIVALS_MOVED {
            return;
        }
        // Another process may write, too: a transaction that began by reading could not go on to write then.
        let machine = &self.machine;
        let moving = |conn: &mut AnyConnection| -> QueryResult<usize> {
            let moved = pending::move_arrivals(conn, ARRIVALS_MOVED)?;
            machine.moves_arrivals()?;
            oneoff_faults::reach("arrivals.before_commit");
            Ok(moved)
        };
        match live.conn.write_transaction(moving) {
            Ok(moved) => {
                oneoff_faults::reach("arrivals.after_commit");
                let moved = i64::try_from(moved).unwrap_or(i64::MAX);
                // Those that ended their waiting in between were counted, too.
                live.arrivals = if moved < ARRIVALS_MOVED { 0 } else { live.arrivals - moved };
            }
            Err(error) => {
                let error = StoreError::from(error);
                self.announcer.failed(&error, 0);
                self.link = self.link_after(&error);
            }
        }
    }

    /// What follows a failed group. On a full disk the new connection is opened before the old one is closed:
    /// the last one to close removes the index of the log, and there would be no room for a new index.
    fn link_after(&mut self, error: &StoreError) -> Link {
        self.is_disk_full = matches!(error, StoreError::Full(_));
        self.doubts_log |= matches!(error, StoreError::OutcomeUnknown(_));
        match error {
            StoreError::Full(_) => self.reopen().ok(),
            _ => None,
        }
        .map_or_else(
            || Link::Down { retry_at: self.machine.now(), pause: REOPEN_FIRST, error: error.clone() },
            |live| Link::Up(Box::new(live)),
        )
    }

    /// The connection, opened anew where it was lost.
    fn connect(&mut self) -> Result<&mut Live, StoreError> {
        if let Link::Down { retry_at, pause, error } = &self.link {
            let now = self.machine.now();
            if now < *retry_at {
                return Err(while_down(error));
            }
            let (pause, earlier) = (*pause, error.clone());
            self.link = match self.reopen() {
                Ok(live) => {
                    let changes = vec![Change::Catalog(Arc::clone(&live.catalog))];
                    let committed = Committed { changes, ..Committed::default() };
                    self.node.learn(&committed);
                    self.announcer.tell(|listener| listener.reopened());
                    self.announcer.tell(|listener| listener.committed(committed));
                    Link::Up(Box::new(live))
                }
                Err(error) => {
                    let next_pause = (pause * 2).min(REOPEN_MAX);
                    // On a full disk opening fails with another error than the one that says so.
                    let error = if matches!(earlier, StoreError::Full(_)) { earlier } else { error };
                    Link::Down { retry_at: now + pause, pause: next_pause, error }
                }
            };
        }
        match &mut self.link {
            Link::Up(live) => Ok(live),
            Link::Down { error, .. } => Err(while_down(error)),
        }
    }

    fn reopen(&mut self) -> Result<Live, StoreError> {
        let mut conn = self.machine.connect(&self.connector).map_err(|error| match error {
            ConnectError::Misplaced(error) => StoreError::Replaced(Arc::new(error)),
            error => unavailable(error),
        })?;
        if self.doubts_log {
            if !log_anew::begin(&mut conn)? {
                return Err(unavailable(LogInUse));
            }
            self.doubts_log = false;
        }
        Ok(Live::new(AnyConnection::Sqlite(conn), &self.commits)?)
    }
}

/// What requests are answered while there is no connection. None of them was begun.
fn while_down(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full(_) | StoreError::Replaced(_) => error.clone(),
        _ => StoreError::Unavailable(Arc::new(error.clone())),
    }
}

fn answer_error(requests: Vec<Box<dyn Request>>, error: &StoreError) {
    for request in requests {
        request.answer_error(error.clone());
    }
}

/// Runs what `next` yields and commits it. Every request that was taken is in `requests` afterwards.
fn execute(
    live: &mut Live,
    node: &Node,
    machine: &dyn Machine,
    next: &mut dyn FnMut() -> Option<Box<dyn Request>>,
    requests: &mut Vec<Box<dyn Request>>,
) -> Result<(Committed, Operations), StoreError> {
    if let Err(error) = live.conn.begin_write() {
        requests.extend(std::iter::from_fn(next));
        return Err(error.into());
    }
    let mut effects = Effects::default();
    while let Some(mut request) = next() {
        let outcome = run_one(live, node, request.as_mut());
        match outcome {
            Ok(made) => effects.merge(made),
            Err(Consequence::Alone(error)) => request.fail(error),
            Err(Consequence::Group(error)) => {
                requests.push(request);
                return Err(roll_back(live, error));
            }
        }
        requests.push(request);
    }
    if oneoff_faults::breaks(Sabotage::AcknowledgeBeforeCommit) {
        requests.drain(..).for_each(|request| request.answer());
    }
    match finish(live, machine, effects) {
        Ok(ended) => Ok(ended),
        Err(error) => Err(roll_back(live, error)),
    }
}

statement::statement!(AddToCounter, "UPDATE job_counters SET jobs = jobs + ? WHERE status = ? AND shard = 0");

/// Sums up what the group changed, and commits.
fn finish(
    live: &mut Live,
    machine: &dyn Machine,
    effects: Effects,
) -> Result<(Committed, Operations), StoreError> {
    let conn = &mut live.conn;
    for (status, difference) in effects.counts {
        if difference != 0 {
            statement::run::<AddToCounter>(conn, &[difference.into(), status.as_str().into()])?;
        }
    }
    effects.runs.write(conn)?;
    output::add_to_total(conn, effects.output_bytes)?;
    if let Records::OfFile(index) = &mut live.idempotency {
        index.step(conn)?;
    }
    let last_event_sequence = match effects.wrote_event {
        true => live.keys.last_event(),
        false => None,
    };
    effects.operations.reach(Moment::BeforeCommit);
    machine.commit(conn).map_err(commit_failed)?;
    live.changed.committed();
    effects.operations.reach(Moment::AfterCommit);
    if effects.operations.fails(Moment::AfterCommit) {
        return Err(commit_failed(diesel::result::Error::BrokenTransactionManager));
    }
    let (changes, touched, records) = (effects.changes, effects.touched, effects.records);
    let committed = Committed { changes, touched, records, last_event_sequence, wrote_unnumbered: false };
    live.count_arrivals(&committed);
    Ok((committed, effects.operations))
}

/// Rolls back as far as that is still possible. The connection is dropped afterwards in any case.
fn roll_back(live: &mut Live, error: StoreError) -> StoreError {
    if let Err(rollback) = AnyConnection::rollback_transaction(&mut live.conn) {
        tracing::debug!(%rollback, "nothing was left to roll back");
    }
    error
}
