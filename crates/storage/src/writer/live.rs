//! A connection that writes with what is kept in memory of its database, and how one request runs on it.

use super::keys::Keys;
use super::request::Request;
use super::tx::{Effects, Node, Tx};
use crate::ahead::{ChangedJobs, CommitCount};
use crate::connection::AnyConnection;
use crate::failure::{Consequence, WriteError};
use crate::idempotency::Records;
use crate::idempotency_index::IdempotencyIndex;
use crate::rows::job::StoredJob;
use crate::rows::pending;
use crate::{Catalog, Change, Committed, catalog};
use diesel::prelude::*;
use oneoff_domain::JobKey;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The connection, and what the writer knows of its database.
pub(super) struct Live {
    pub(super) conn: AnyConnection,
    pub(super) keys: Keys,
    unreadable: HashSet<JobKey>,
    type_rooms: Option<HashMap<String, usize>>,
    claimed: HashMap<JobKey, StoredJob>,
    pub(super) changed: ChangedJobs,
    /// Projects, tags and settings as the open transaction has them.
    pub(super) catalog: Arc<Catalog>,
    pub(super) idempotency: Records,
    /// At least as many as there are arrivals that were not moved yet.
    pub(super) arrivals: i64,
}

impl Live {
    pub(super) fn new(mut conn: AnyConnection, commits: &CommitCount) -> QueryResult<Self> {
        let keys = Keys::load(&mut conn)?;
        let arrivals = pending::count_arrivals(&mut conn)?;
        let idempotency = Records::OfFile(IdempotencyIndex::load(&mut conn)?);
        let catalog = Arc::new(catalog::load(&mut conn)?);
        Ok(Self {
            conn,
            keys,
            type_rooms: None,
            unreadable: HashSet::new(),
            claimed: HashMap::new(),
            changed: ChangedJobs::new(commits.clone()),
            catalog,
            idempotency,
            arrivals,
        })
    }

    /// Counts what a commit lets wait.
    pub(super) fn count_arrivals(&mut self, committed: &Committed) {
        let arrived = committed.changes.iter().filter(|change| matches!(change, Change::Pending(_))).count();
        self.arrivals += i64::try_from(arrived).unwrap_or(i64::MAX);
    }
}

/// Runs one request. Unless it refuses before it writes anything, it runs in a savepoint, which is rolled back when
/// it fails.
pub(super) fn run_one(
    live: &mut Live,
    node: &Node,
    request: &mut dyn Request,
) -> Result<Effects, Consequence> {
    let keys_before = live.keys.clone();
    let Live { conn, keys, type_rooms, unreadable, claimed, changed, catalog, idempotency, .. } = live;
    let refuses_first = request.refuses_first();
    let mut effects = Effects::default();
    // Nobody gives up who has the file.
    let mut holds_epoch = Some(true);
    let mut run = |conn: &mut AnyConnection| {
        let effects_before = Effects::default();
        let mut tx = Tx {
            conn,
            gathered: None,
            waiting: None,
            type_rooms,
            holds_epoch: &mut holds_epoch,
            keys,
            node,
            unreadable,
            claimed,
            changed,
            catalog,
            idempotency,
            effects: effects_before,
        };
        let result = catch_unwind(AssertUnwindSafe(|| request.run(&mut tx)));
        effects = tx.effects;
        result.unwrap_or_else(|panic| Err(WriteError::panicked(panic.as_ref())))
    };
    let result = if refuses_first { run(conn) } else { conn.transaction(run) };
    let Err(error) = result else { return Ok(effects) };
    live.keys = keys_before;
    effects.idempotency_hashes.iter().for_each(|hash| live.idempotency.forget(*hash));
    let is_left_half_done = refuses_first && (effects.is_any() || matches!(error, WriteError::Panicked(_)));
    match Consequence::from(error) {
        Consequence::Alone(error) if is_left_half_done => Err(Consequence::Group(error)),
        consequence => Err(consequence),
    }
}
