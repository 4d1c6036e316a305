//! The nodes that share a database: each renews the lease of its epoch and gives up those that do not.
//!
//! Whether an epoch still holds is decided by its row: renewing it and giving it up are writes to it, so that of two at
//! the same moment one comes first and the other sees it.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::{instant, number, word};
use crate::schema::{epochs, running_jobs};
use crate::store::begin_epoch;
use crate::writer::lanes::Lane;
use crate::writer::tx::{Node, Tx};
use crate::{Store, StoreError, roles};
use diesel::prelude::*;
use oneoff_domain::{ExecutionId, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// For how long a node that has ended is listed.
const LISTED_AFTER_END: Duration = Duration::from_secs(24 * 3600);

/// A node that has begun and has no lease for so long never came up: it died or failed before. One that is only slow goes
/// on as another epoch.
const UNLEASED_MAX: Duration = Duration::from_secs(60);

/// What a node says of itself when it renews its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReport {
    /// Until when it may not be given up.
    pub lease_until: Timestamp,
    /// The version of its program.
    pub version: String,
    /// Its worker slots.
    pub slots: u32,
    /// Those in use.
    pub running: u32,
    /// By how much its clock is ahead of the database's, in microseconds, where that is measured.
    pub clock_offset_us: Option<i64>,
}

/// What came of renewing a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// It holds until the time that was reported.
    Renewed,
    /// The epoch was given up or ended: nothing that it claimed is its own any more. See [`Store::begin_new_epoch`].
    Fenced,
}

/// A node: the newest life of a server of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its name.
    pub node_id: String,
    /// This life of it.
    pub epoch: i64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it renewed its lease last.
    pub last_seen_at: Option<Timestamp>,
    /// Until when it may not be given up; `None` where there are no leases, or before the first.
    pub lease_until: Option<Timestamp>,
    /// When it ended or was given up.
    pub ended_at: Option<Timestamp>,
    /// The version of its program.
    pub version: Option<String>,
    /// Its worker slots.
    pub slots: Option<u32>,
    /// Those in use when it renewed its lease last.
    pub running: Option<u32>,
    /// By how much its clock is ahead of the database's, in microseconds.
    pub clock_offset_us: Option<i64>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = epochs)]
struct EpochRow {
    epoch: i64,
    node_id: String,
    started_at: i64,
    last_seen_at: Option<i64>,
    lease_until: Option<i64>,
    ended_at: Option<i64>,
    version: Option<String>,
    slots: Option<i64>,
    running: Option<i64>,
    clock_offset_us: Option<i64>,
}

impl EpochRow {
    fn holds_lease(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.lease_until.is_some_and(|until| until >= now.as_micros())
    }

    fn into_node(self) -> Result<NodeInfo, WriteError> {
        Ok(NodeInfo {
            node_id: self.node_id,
            epoch: self.epoch,
            started_at: instant(self.started_at),
            last_seen_at: self.last_seen_at.map(instant),
            lease_until: self.lease_until.map(instant),
            ended_at: self.ended_at.map(instant),
            version: self.version,
            slots: self.slots.map(|slots| number("epochs.slots", slots)).transpose()?,
            running: self.running.map(|running| number("epochs.running", running)).transpose()?,
            clock_offset_us: self.clock_offset_us,
        })
    }
}

/// The epochs that have not ended and may be given up: those whose lease is over, and of those without one the ones that
/// are before this epoch and began before this time.
#[diesel::dsl::auto_type]
fn may_be_given_up(now: i64, epoch_before: i64, began_before: i64) -> _ {
    let is_over = epochs::lease_until.lt(now);
    let is_earlier = epochs::epoch.lt(epoch_before).and(epochs::started_at.lt(began_before));
    let has_none = epochs::lease_until.is_null().and(is_earlier);
    epochs::ended_at.is_null().and(is_over.or(has_none))
}

impl Store {
    /// Writes what must not wait behind everything else that this node writes.
    pub(crate) async fn write_aside<T, F>(&self, operation: &'static str, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection, &Node) -> Result<T, WriteError> + Send + 'static,
    {
        let Some(server) = &self.inner.server else {
            let body = move |tx: &mut Tx<'_>| body(tx.conn, tx.node);
            return self.inner.writer.write(Lane::Attempts, body).await;
        };
        let node = Arc::clone(&self.inner.node);
        server.side.write(operation, move |conn| body(conn, &node)).await
    }

    /// The name of this node.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.inner.node.name
    }

    /// When this life of the node began, as all others see it.
    #[must_use]
    pub fn epoch_began_at(&self) -> Timestamp {
        self.inner.node.began_at()
    }

    /// Before which epoch and which time those without a lease are over. On a shared database they may not have got one
    /// yet; on another one all before this are over.
    fn unleased_before(&self, now: Timestamp) -> (i64, i64) {
        match self.is_shared() {
            true => (i64::MAX, now.saturating_sub(UNLEASED_MAX).as_micros()),
            false => (self.epoch(), i64::MAX),
        }
    }

    /// Renews the lease of this process, unless others have given it up.
    ///
    /// # Errors
    /// The database's.
    pub async fn heartbeat(&self, now: Timestamp, report: NodeReport) -> Result<Heartbeat, StoreError> {
        let body = move |conn: &mut AnyConnection, node: &Node| renew(conn, node.epoch(), now, &report);
        self.write_aside("heartbeat", body).await
    }

    /// Begins another epoch of this process, with a lease, and ends the one before if nobody has. What the one before
    /// has claimed is lost to this process: it must have ended all of it.
    ///
    /// # Errors
    /// The database's; the epoch is the one before then.
    pub async fn begin_new_epoch(&self, now: Timestamp, report: NodeReport) -> Result<i64, StoreError> {
        let body = move |conn: &mut AnyConnection, node: &Node| {
            end(conn, node.epoch(), now)?;
            let epoch = begin_epoch(conn, &node.name, now)?;
            renew(conn, epoch, now, &report)?;
            Ok(epoch)
        };
        let epoch = self.write_aside("new_epoch", body).await?;
        self.inner.node.begin(epoch, now);
        Ok(epoch)
    }

    /// Ends the epoch of this process, which has nothing under way any more, and lets its roles go.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_epoch(&self, now: Timestamp) -> Result<(), StoreError> {
        let body = move |conn: &mut AnyConnection, node: &Node| Ok(end(conn, node.epoch(), now)?);
        self.write_aside("end_epoch", body).await
    }

    /// The nodes, by name: of each its newest epoch, unless that has ended for more than a day; and of the others those
    /// that hold a lease, which are nodes of the same name. On a database that is not shared it is this one.
    ///
    /// # Errors
    /// The database's.
    pub async fn nodes(&self, now: Timestamp) -> Result<Vec<NodeInfo>, StoreError> {
        let (is_shared, epoch) = (self.is_shared(), self.epoch());
        let listed_since = now.saturating_sub(LISTED_AFTER_END).as_micros();
        let query = move |conn: &mut AnyConnection| {
            let newest_first = epochs::table.select(EpochRow::as_select()).order(epochs::epoch.desc());
            let rows = match is_shared {
                true => {
                    let is_listed = epochs::ended_at.is_null().or(epochs::ended_at.ge(listed_since));
                    newest_first.filter(is_listed).load(conn)?
                }
                false => newest_first.filter(epochs::epoch.eq(epoch)).load(conn)?,
            };
            let mut known = HashSet::new();
            let newest =
                rows.into_iter().filter(|row| known.insert(row.node_id.clone()) || row.holds_lease(now));
            let mut nodes = newest.map(EpochRow::into_node).collect::<Result<Vec<_>, _>>()?;
            nodes.sort_by(|one, other| (&one.node_id, one.epoch).cmp(&(&other.node_id, other.epoch)));
            Ok(nodes)
        };
        self.inner.reader.read(query).await
    }

    /// The other epochs that may be given up now: their lease is over, or they have none although they began a while
    /// ago; on a database that is not shared, although they are earlier.
    ///
    /// # Errors
    /// The database's.
    pub async fn lapsed(&self, now: Timestamp) -> Result<Vec<i64>, StoreError> {
        let (own, (epoch, began)) = (self.epoch(), self.unleased_before(now));
        let query = move |conn: &mut AnyConnection| {
            let lapsed = epochs::table
                .filter(may_be_given_up(now.as_micros(), epoch, began))
                .filter(epochs::epoch.ne(own));
            Ok(lapsed.select(epochs::epoch).order(epochs::epoch).load(conn)?)
        };
        self.inner.reader.read_first(query).await
    }

    /// Gives an epoch up, unless it has renewed its lease or ended since it was found: `true` if it was this call that
    /// ended it. Its node is [`Heartbeat::Fenced`] from now on, and what it has claimed may be closed.
    ///
    /// # Errors
    /// The database's.
    pub async fn give_up(&self, now: Timestamp, epoch: i64) -> Result<bool, StoreError> {
        let (before, began) = self.unleased_before(now);
        let body = move |conn: &mut AnyConnection, _node: &Node| {
            let given_up = diesel::update(epochs::table)
                .filter(epochs::epoch.eq(epoch))
                .filter(may_be_given_up(now.as_micros(), before, began))
                .set(epochs::ended_at.eq(now.as_micros()))
                .execute(conn)?;
            Ok(given_up == 1)
        };
        self.write_aside("give_up", body).await
    }

    /// The epochs that have ended, this one's left out, and of which executions are still recorded as running: those of
    /// a node that was given up, or whose claim was committed after that.
    ///
    /// # Errors
    /// The database's.
    pub async fn epochs_to_close(&self) -> Result<Vec<i64>, StoreError> {
        let own = self.epoch();
        let query = move |conn: &mut AnyConnection| {
            let ended = epochs::table.filter(epochs::ended_at.is_not_null()).select(epochs::epoch);
            let open = running_jobs::table
                .filter(running_jobs::epoch.ne(own))
                .filter(running_jobs::epoch.eq_any(ended));
            Ok(open.select(running_jobs::epoch).distinct().order(running_jobs::epoch).load(conn)?)
        };
        self.inner.reader.read_first(query).await
    }

    /// The executions of an epoch that are recorded as running, oldest first. Once the epoch has ended, and what is left
    /// of their processes on this machine too, [`Store::close_lost`] closes them.
    ///
    /// # Errors
    /// The database's.
    pub async fn lost_executions_of(&self, epoch: i64) -> Result<Vec<ExecutionId>, StoreError> {
        let query = move |conn: &mut AnyConnection| {
            let running = running_jobs::table.filter(running_jobs::epoch.eq(epoch));
            let ids: Vec<String> =
                running.order(running_jobs::execution_key).select(running_jobs::execution_id).load(conn)?;
            let ids = ids.into_iter().map(|id| word("running_jobs.execution_id", &id));
            Ok(ids.collect::<Result<Vec<_>, _>>()?)
        };
        self.inner.reader.read_first(query).await
    }
}

/// The names of the nodes that hold a lease.
pub(crate) fn holding(conn: &mut AnyConnection, now: Timestamp) -> QueryResult<Vec<String>> {
    let held =
        epochs::table.filter(epochs::ended_at.is_null()).filter(epochs::lease_until.ge(now.as_micros()));
    held.select(epochs::node_id).order(epochs::node_id).load(conn)
}

fn renew(
    conn: &mut AnyConnection,
    epoch: i64,
    now: Timestamp,
    report: &NodeReport,
) -> Result<Heartbeat, WriteError> {
    let held = epochs::table.filter(epochs::epoch.eq(epoch)).filter(epochs::ended_at.is_null());
    let renewed = diesel::update(held)
        .set((
            epochs::last_seen_at.eq(now.as_micros()),
            epochs::lease_until.eq(report.lease_until.as_micros()),
            epochs::version.eq(&report.version),
            epochs::slots.eq(i64::from(report.slots)),
            epochs::running.eq(i64::from(report.running)),
            epochs::clock_offset_us.eq(report.clock_offset_us),
        ))
        .execute(conn)?;
    Ok(if renewed == 1 { Heartbeat::Renewed } else { Heartbeat::Fenced })
}

fn end(conn: &mut AnyConnection, epoch: i64, now: Timestamp) -> QueryResult<()> {
    let held = epochs::table.filter(epochs::epoch.eq(epoch)).filter(epochs::ended_at.is_null());
    diesel::update(held).set(epochs::ended_at.eq(now.as_micros())).execute(conn)?;
    roles::release_all(conn, epoch)
}
