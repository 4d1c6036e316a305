//! Group commit on a server. Requests that can run together do so: what they need is locked and read for all of them,
//! and what they write goes as one statement for each kind of row. The others follow, each in a savepoint of its own.
//!
//! Where requests fail that ran together, nothing of them is kept and each runs again on its own, so that one does not
//! take the others with it.

mod at_once;
mod counts;
mod prepare;
mod wanted;

use super::connect::ServerConnector;
use super::follow;
use super::gathered::Gathered;
use super::known_keys::KnownKeys;
use super::shards::Shards;
use crate::ahead::{ChangedJobs, CommitCount};
use crate::connection::AnyConnection;
use crate::failure::{RowError, WriteError, disconnected, server_commit_failed, unavailable};
use crate::idempotency::Records;
use crate::rows::job::StoredJob;
use crate::writer::announce::Announcer;
use crate::writer::keys::Keys;
use crate::writer::request::{Needs, Request, scope_of};
use crate::writer::tx::{Effects, Node, Tx};
use crate::{Catalog, Change, Committed, StoreError};
use diesel::connection::{SimpleConnection, TransactionManager};
use oneoff_domain::JobKey;
use oneoff_faults::{Moment, Operations};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wanted::{Wanted, together};

const RECONNECT_FIRST: Duration = Duration::from_millis(20);
const RECONNECT_MAX: Duration = Duration::from_secs(2);
/// After so long a connection may have been closed by a server that was started anew, which takes longer: it is asked before
/// anything is written of which nobody could say then whether it was.
const IDLE: Duration = Duration::from_millis(20);

type WaitingJobs = HashMap<JobKey, Result<StoredJob, RowError>>;

/// A connection that writes, with what is known of its database.
struct Live {
    conn: AnyConnection,
    keys: Keys,
    unreadable: HashSet<JobKey>,
    claimed: HashMap<JobKey, StoredJob>,
    changed: ChangedJobs,
    records: Records,
    gathered: Gathered,
    waiting: WaitingJobs,
    type_rooms: Option<HashMap<String, usize>>,
    holds_epoch: Option<bool>,
    shards: Shards,
    /// Projects, tags and settings as the open transaction has them.
    catalog: Arc<Catalog>,
    /// The same, where it was read because other nodes have changed it, and nobody was told yet.
    learned: Option<Arc<Catalog>>,
}

enum Link {
    Up(Box<Live>),
    Down { retry_at: Instant, pause: Duration, error: StoreError },
}

/// Runs groups of requests on a server.
pub(crate) struct ServerGroups {
    link: Link,
    connector: ServerConnector,
    node: Arc<Node>,
    announcer: Announcer,
    commits: CommitCount,
    shards: Shards,
    keys: Keys,
    /// Whether the connection was never open: nothing can have been missed then.
    is_new: bool,
    /// When the connection last answered.
    answered_at: Instant,
}

impl ServerGroups {
    /// Groups on an open connection, and how to open another one.
    pub(crate) fn new(
        connector: ServerConnector,
        conn: AnyConnection,
        node: Arc<Node>,
        announcer: Announcer,
    ) -> Self {
        let commits = CommitCount::default();
        let (shards, keys) = (Shards::default(), Keys::drawn());
        let live = Live::new(conn, &commits, shards.clone(), keys.clone(), node.catalog.get());
        let link = Link::Up(Box::new(live));
        let answered_at = Instant::now();
        Self { link, connector, node, announcer, commits, shards, keys, is_new: false, answered_at }
    }

    /// Groups of the same node on a connection of their own, which is not open yet; with a number, of several.
    pub(crate) fn beside(&self, number: usize) -> Self {
        Self {
            link: Link::Down { retry_at: Instant::now(), pause: RECONNECT_FIRST, error: StoreError::Closed },
            connector: self.connector.clone(),
            node: Arc::clone(&self.node),
            announcer: self.announcer.beside(),
            commits: self.commits.clone(),
            shards: self.shards.beside(number),
            keys: self.keys.clone(),
            is_new: true,
            answered_at: Instant::now(),
        }
    }

    /// Counts the commits.
    pub(crate) fn commits(&self) -> CommitCount {
        self.commits.clone()
    }

    /// In how long the lost connection is opened anew; `None` unless it is lost.
    pub(crate) fn reopens_in(&self) -> Option<Duration> {
        match &self.link {
            Link::Up(_) => None,
            Link::Down { retry_at, .. } => Some(retry_at.saturating_duration_since(Instant::now())),
        }
    }

    /// Opens the connection where it is lost and it is time. Whether it is open.
    pub(crate) fn open(&mut self) -> bool {
        if let Link::Up(live) = &mut self.link
            && self.answered_at.elapsed() > IDLE
            && let Err(gone) = live.conn.batch_execute("SELECT 1")
        {
            let (retry_at, pause) = (Instant::now(), RECONNECT_FIRST);
            self.link = Link::Down { retry_at, pause, error: disconnected(gone) };
        }
        if let Link::Down { retry_at, pause, error } = &self.link {
            if Instant::now() < *retry_at {
                return false;
            }
            let pause = *pause;
            tracing::debug!(%error, "the connection that writes is opened anew");
            self.link = match self.connector.writer() {
                Ok(conn) => {
                    if !std::mem::take(&mut self.is_new) {
                        self.announcer.tell(|listener| listener.reopened());
                    }
                    let (shards, keys) = (self.shards.clone(), self.keys.clone());
                    Link::Up(Box::new(Live::new(conn, &self.commits, shards, keys, self.node.catalog.get())))
                }
                Err(error) => Link::Down {
                    retry_at: Instant::now() + pause,
                    pause: (pause * 2).min(RECONNECT_MAX),
                    error: unavailable(error),
                },
            };
        }
        matches!(self.link, Link::Up(_))
    }

    /// Runs the requests that `next` yields as one transaction and answers them. Where the connection is not
    /// [open](Self::open) all of them fail.
    pub(crate) fn run(&mut self, next: &mut dyn FnMut() -> Option<Box<dyn Request>>) {
        let began = Instant::now();
        let mut requests: Vec<Box<dyn Request>> = std::iter::from_fn(next).collect();
        if requests.is_empty() {
            return;
        }
        let node = Arc::clone(&self.node);
        let scope = scope_of(&requests);
        let ended = match &mut self.link {
            Link::Up(live) => live.execute(&node, &mut requests),
            Link::Down { error: error @ StoreError::Unavailable(_), .. } => Err(error.clone()),
            Link::Down { error, .. } => Err(StoreError::Unavailable(Arc::new(error.clone()))),
        };
        match ended {
            Ok((committed, operations)) => {
                self.answered_at = Instant::now();
                self.announcer.succeeded(began.elapsed(), requests.len());
                drop(scope);
                if committed != Committed::default() {
                    self.node.learn(&committed);
                    self.announcer.tell(|listener| listener.committed(committed));
                }
                operations.reach(Moment::AfterListener);
                requests.into_iter().for_each(Request::answer);
                operations.reach(Moment::AfterAnswer);
            }
            Err(error) => {
                self.announcer.failed(&error, requests.len());
                if let Link::Up(_) = &self.link {
                    let (retry_at, pause) = (Instant::now(), RECONNECT_FIRST);
                    self.link = Link::Down { retry_at, pause, error: error.clone() };
                }
                requests.into_iter().for_each(|request| request.answer_error(error.clone()));
            }
        }
    }
}

impl Live {
    fn new(
        conn: AnyConnection,
        commits: &CommitCount,
        shards: Shards,
        keys: Keys,
        catalog: Arc<Catalog>,
    ) -> Self {
        Self {
            conn,
            keys,
            unreadable: HashSet::new(),
            claimed: HashMap::new(),
            changed: ChangedJobs::new(commits.clone()),
            records: Records::OfServer(KnownKeys::default()),
            gathered: Gathered::default(),
            waiting: HashMap::new(),
            type_rooms: None,
            holds_epoch: None,
            shards,
            catalog,
            learned: None,
        }
    }

    /// Runs and commits. An error is one of the connection, and everybody's.
    fn execute(
        &mut self,
        node: &Node,
        requests: &mut [Box<dyn Request>],
    ) -> Result<(Committed, Operations), StoreError> {
        let known = node.catalog.get();
        if known.version > self.catalog.version {
            self.catalog = known;
        }
        let (mut chosen, wanted) = together(requests);
        if wanted.locks_nothing() && chosen.iter().all(|chosen| *chosen) {
            let done = self.execute_at_once(node, requests, &wanted)?;
            if let Some(done) = done {
                return Ok(done);
            }
        }
        let mut effects = Effects::default();
        self.begin()?;
        let run_together = self.run_together(node, requests, &mut chosen, &wanted, &mut effects);
        let is_done = run_together.is_ok();
        if let Err(error) = run_together {
            tracing::debug!(%error, "requests that ran together failed: each runs again on its own");
            self.claimed.clear();
            effects = Effects::default();
            AnyConnection::rollback_transaction(&mut self.conn).map_err(disconnected)?;
            self.begin()?;
        }
        for (request, _) in requests.iter_mut().zip(&chosen).filter(|(_, chosen)| !(**chosen && is_done)) {
            self.run_alone(node, request.as_mut(), &mut effects)?;
        }
        self.finish(node, effects)
    }

    fn forget_others(&mut self) {
        if let Records::OfServer(known) = &mut self.records {
            known.clear();
        }
        self.type_rooms = None;
        self.holds_epoch = None;
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.forget_others();
        self.conn.begin_write().map_err(disconnected)
    }

    /// Locks and reads what the requests need, runs them, and writes what they gathered.
    fn run_together(
        &mut self,
        node: &Node,
        requests: &mut [Box<dyn Request>],
        chosen: &mut [bool],
        wanted: &Wanted,
        effects: &mut Effects,
    ) -> Result<(), WriteError> {
        self.prepare(node.epoch(), wanted)?;
        for (request, chosen) in requests.iter_mut().zip(chosen).filter(|(_, chosen)| **chosen) {
            // Somebody else has the job locked, or it does not run any more: this waits on its own.
            let is_locked = match request.needs() {
                Some(Needs::Running(job)) => self.claimed.contains_key(job),
                _ => true,
            };
            if !is_locked {
                *chosen = false;
                continue;
            }
            self.gather(node, request.as_mut(), effects)?;
        }
        Ok(self.gathered.write(&mut self.conn)?)
    }

    fn run_alone(
        &mut self,
        node: &Node,
        request: &mut dyn Request,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        AnyConnection::begin_transaction(&mut self.conn).map_err(disconnected)?;
        match self.run(node, request, false) {
            Ok(made) => {
                effects.merge(made);
                AnyConnection::commit_transaction(&mut self.conn).map_err(disconnected)
            }
            Err(error) => {
                request.fail(error.into());
                // The savepoint is gone only where the connection is.
                AnyConnection::rollback_transaction(&mut self.conn).map_err(disconnected)
            }
        }
    }

    fn run(&mut self, node: &Node, request: &mut dyn Request, together: bool) -> Result<Effects, WriteError> {
        let Self {
            conn,
            keys,
            unreadable,
            claimed,
            changed,
            catalog,
            records,
            gathered,
            waiting,
            type_rooms,
            holds_epoch,
            ..
        } = self;
        let (gathered, waiting) = if together { (Some(gathered), Some(waiting)) } else { (None, None) };
        let effects = Effects::default();
        let mut tx = Tx {
            conn,
            gathered,
            keys,
            node,
            unreadable,
            claimed,
            waiting,
            type_rooms,
            holds_epoch,
            changed,
            catalog,
            idempotency: records,
            effects,
        };
        let result = catch_unwind(AssertUnwindSafe(|| request.run(&mut tx)));
        let effects = tx.effects;
        let result = result.unwrap_or_else(|panic| Err(WriteError::panicked(panic.as_ref())));
        match result {
            Ok(()) => Ok(effects),
            Err(error) => {
                effects.idempotency_hashes.iter().for_each(|hash| records.forget(*hash));
                // Its lock may go with the savepoint.
                *holds_epoch = None;
                Err(error)
            }
        }
    }

    fn finish(&mut self, node: &Node, effects: Effects) -> Result<(Committed, Operations), StoreError> {
        self.count(node, &effects)?;
        follow::tell_free_keys(&mut self.conn, &effects.changes)?;
        effects.operations.reach(Moment::BeforeCommit);
        AnyConnection::commit_transaction(&mut self.conn).map_err(server_commit_failed)?;
        self.committed(effects)
    }

    fn committed(&mut self, effects: Effects) -> Result<(Committed, Operations), StoreError> {
        self.changed.committed();
        effects.operations.reach(Moment::AfterCommit);
        if effects.operations.fails(Moment::AfterCommit) {
            return Err(server_commit_failed(diesel::result::Error::BrokenTransactionManager));
        }
        let Effects { mut changes, touched, records, operations, wrote_event, .. } = effects;
        changes.extend(self.learned.take().map(Change::Catalog));
        let committed =
            Committed { changes, touched, records, last_event_sequence: None, wrote_unnumbered: wrote_event };
        Ok((committed, operations))
    }
}
