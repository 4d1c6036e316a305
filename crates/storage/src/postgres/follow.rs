//! What other nodes changed: read from the numbered events, so that nothing is missed, and told like a commit of this
//! node's own.

use crate::change::{Change, Committed};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::{pending, word};
use crate::schema::{arrivals, job_holds, job_states};
use crate::{Store, StoreError, catalog, queue, statement};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use oneoff_domain::{EventKind, JobKey};
use std::collections::HashSet;
use std::sync::Arc;

diesel::allow_tables_to_appear_in_same_query!(arrivals, job_states);

/// Events that are read at once.
const SLICE: i64 = 5_000;

/// What was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// Events up to this one; there may be more.
    To {
        /// The number of the last.
        sequence: i64,
        /// Whether there may be more.
        more: bool,
    },
    /// What came after the cursor is not kept any more. Everything is to be looked at again, and followed from here on.
    Lost {
        /// The number of the newest event.
        sequence: i64,
    },
}

#[derive(Debug, QueryableByName)]
struct FollowedEvent {
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    job_id: Option<String>,
    #[diesel(sql_type = Bool)]
    is_own: bool,
}

statement::statement!(
    After,
    "SELECT sequence, kind, job_id, (epoch IS NOT DISTINCT FROM ?) AS is_own \
     FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?"
);

impl Store {
    /// Tells the listener of commits what other nodes changed after this event. Which jobs they started is told where
    /// jobs wait for a slot of this node, `has_queue`; otherwise it finds out when it claims them.
    ///
    /// # Errors
    /// The database's.
    pub async fn follow_nodes(&self, after: i64, has_queue: bool) -> Result<Followed, StoreError> {
        let own = self.epoch();
        let (followed, committed) =
            self.inner.reader.read_first(move |conn| follow(conn, own, after, has_queue)).await?;
        self.inner.node.learn(&committed);
        match (self.inner.listener.get(), followed) {
            (Some(listener), Followed::To { .. }) if committed != Committed::default() => {
                listener.committed(committed);
            }
            (Some(listener), Followed::Lost { .. }) => listener.reopened(),
            _ => {}
        }
        Ok(followed)
    }
}

fn follow(
    conn: &mut AnyConnection,
    own: i64,
    after: i64,
    has_queue: bool,
) -> Result<(Followed, Committed), WriteError> {
    let AnyConnection::Postgres(server) = conn else {
        return Ok((Followed::To { sequence: after, more: false }, Committed::default()));
    };
    let values = [own.into(), after.into(), SLICE.into()];
    let events: Vec<FollowedEvent> = statement::rows_of::<After, _>(server, &values)?;
    let first = events.first().map(|event| event.sequence);
    if first.is_some_and(|first| first != after + 1) {
        let sequence = crate::outbox::last_sequence(conn)?;
        return Ok((Followed::Lost { sequence }, Committed::default()));
    }
    let more = i64::try_from(events.len()).is_ok_and(|read| read == SLICE);
    let Some(last) = events.last().map(|event| event.sequence) else {
        return Ok((Followed::To { sequence: after, more: false }, Committed::default()));
    };
    let mut committed = Committed { last_event_sequence: Some(last), ..Committed::default() };
    let (mut requeued, mut seen, mut may_cancel) = (HashSet::new(), HashSet::new(), false);
    let mut may_change_catalog = false;
    for event in events.iter().filter(|event| !event.is_own) {
        let Some(id) = &event.job_id else {
            // A newer node may have records that this one knows nothing of.
            if let Ok(kind) = event.kind.parse::<EventKind>() {
                may_change_catalog |= kind.changes_catalog();
                committed.records.push(kind);
            }
            continue;
        };
        let kind: EventKind = word("events.kind", &event.kind)?;
        if seen.insert(id.as_str()) {
            committed.touched.push(word("events.job_id", id)?);
        }
        may_cancel |= kind == EventKind::JobUpdated;
        if lets_wait_or_not(kind) || (has_queue && kind == EventKind::JobStarted) {
            requeued.insert(id.as_str());
        }
    }
    committed.changes = waiting(conn, &requeued.into_iter().collect::<Vec<_>>())?;
    if may_change_catalog {
        committed.changes.push(Change::Catalog(Arc::new(catalog::load(conn)?)));
    }
    if may_cancel {
        committed.changes.extend(queue::cancelled(conn, own)?.into_iter().map(Change::Cancelled));
    }
    Ok((Followed::To { sequence: last, more }, committed))
}

/// Whether a job may wait after an event of this kind, or not any more, which a claim would not find out by itself.
fn lets_wait_or_not(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::JobStarted | EventKind::JobCompleted | EventKind::JobFailed | EventKind::JobMissed
    )
}

/// What of these jobs waits now, and which of them do not.
fn waiting(conn: &mut AnyConnection, ids: &[&str]) -> Result<Vec<Change>, WriteError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let jobs: Vec<(i64, Option<i64>)> = job_states::table
        .left_join(arrivals::table.on(arrivals::job_key.eq(job_states::key)))
        .filter(job_states::id.eq_any(ids))
        .select((job_states::key, arrivals::job_key.nullable()))
        .load(conn)?;
    let keys: Vec<i64> = jobs.iter().filter_map(|(_, waits)| *waits).collect();
    let mut changes: Vec<Change> = jobs
        .iter()
        .filter(|(_, waits)| waits.is_none())
        .map(|(key, _)| Change::NotPending(JobKey(*key)))
        .collect();
    changes.extend(pending::by_keys(conn, &keys)?.into_iter().map(Change::Pending));
    let ends: Vec<Option<i64>> = job_holds::table
        .filter(job_holds::job_key.eq_any(jobs.iter().map(|(key, _)| *key).collect::<Vec<_>>()))
        .filter(job_holds::until.is_not_null())
        .select(job_holds::until)
        .load(conn)?;
    changes
        .extend(ends.into_iter().flatten().min().map(|until| Change::HoldEnds(crate::rows::instant(until))));
    Ok(changes)
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "the statement answers how many it told of")]
    told: i64,
}

/// Tells other nodes, when this transaction commits, which concurrency keys it makes free.
pub(super) fn tell_free_keys(conn: &mut AnyConnection, changes: &[Change]) -> QueryResult<()> {
    let AnyConnection::Postgres(server) = conn else { return Ok(()) };
    let freed = changes.iter().filter_map(|change| match change {
        Change::KeyFree(key) => Some(key.as_str()),
        _ => None,
    });
    let freed: Vec<&str> = freed.collect();
    if freed.is_empty() {
        return Ok(());
    }
    let tell = "SELECT count(pg_notify('oneoff_keys', key)) AS told FROM unnest($1) AS key";
    diesel::sql_query(tell).bind::<Array<Text>, _>(freed).get_result::<Told>(server).map(drop)
}
