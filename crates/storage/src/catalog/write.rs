//! One way to change the catalog: alone, from what it is within the transaction, and told to everybody with the commit.

use super::{Catalog, load};
use crate::audit::{self, Deed};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::statement;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Change, Refusal, Store, StoreError, Written, idempotency};
use diesel::prelude::*;
use oneoff_domain::{Context, DEFAULT_PROJECT, EventKind, NewEvent, Timestamp};
use serde_json::{Map, Value};
use std::sync::Arc;

/// How often a change is tried that other nodes are in the way of: a deadlock is told like an outage.
const TRIES: usize = 3;

/// Who changes the catalog waits for whoever else does. `Catalog` in ASCII.
const ALONE: &str = "SELECT pg_advisory_xact_lock(18897006756782439)";

statement::statement!(RaiseVersion, "UPDATE catalog_versions SET version = version + 1 WHERE key = 1");

// A claim that is under way holds the row of its epoch. So this waits for it, and one that begins later sees the number.
const TELL_NODES: &str = "UPDATE epochs SET catalog_version = (SELECT version FROM catalog_versions) \
    WHERE epoch IN (SELECT epoch FROM epochs WHERE ended_at IS NULL ORDER BY epoch FOR UPDATE)";

/// Waits for whoever else changes the catalog, and lets others wait until the transaction ends.
pub(crate) fn alone(conn: &mut AnyConnection) -> QueryResult<()> {
    if let AnyConnection::Postgres(server) = conn {
        diesel::sql_query(ALONE).execute(server)?;
    }
    Ok(())
}

/// Locks the catalog and reads it, to be changed.
pub(super) fn to_change(tx: &mut Tx<'_>) -> Result<Catalog, WriteError> {
    alone(tx.conn)?;
    Ok(load(tx.conn)?)
}

/// Makes what was changed known. It is the last that a request does: nothing of it can fail after that.
pub(crate) fn publish(tx: &mut Tx<'_>) -> Result<Arc<Catalog>, WriteError> {
    statement::run::<RaiseVersion>(tx.conn, &[])?;
    if let AnyConnection::Postgres(server) = tx.conn {
        diesel::sql_query(TELL_NODES).execute(server)?;
    }
    let catalog = Arc::new(load(tx.conn)?);
    tx.effects.changes.push(Change::Catalog(Arc::clone(&catalog)));
    tx.effects.operations.add("catalog");
    *tx.catalog = Arc::clone(&catalog);
    Ok(catalog)
}

/// What was done to a record of the catalog.
pub(super) struct Done<'a> {
    pub(super) event: EventKind,
    pub(super) action: &'static str,
    pub(super) kind: &'static str,
    pub(super) id: &'a str,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

/// Writes the event, the audit row and the idempotency record of it, and makes it known.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    done: Done<'_>,
) -> Result<Arc<Catalog>, WriteError> {
    tell(tx, context, now, done)?;
    publish(tx)
}

/// Writes the event, the audit row and the idempotency record of it.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    done: Done<'_>,
) -> Result<(), WriteError> {
    let Done { event, action, kind, id, before, after } = done;
    let project = if kind == "project" { id } else { DEFAULT_PROJECT };
    let mut data = Map::new();
    data.insert("id".to_owned(), Value::from(id));
    data.insert(kind.to_owned(), after.clone().or_else(|| before.clone()).unwrap_or_default());
    let told =
        NewEvent { kind: event, job_id: None, execution_id: None, project_id: project.to_owned(), data };
    tx.record(now, &told)?;
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => {
            let (before, after) = audit::changed(before, after);
            (Some(before), Some(after))
        }
        made_or_removed => made_or_removed,
    };
    let deed = Deed {
        action,
        kind,
        id: id.to_owned(),
        project: (kind == "project").then_some(id),
        before: before.as_ref(),
        after: after.as_ref(),
    };
    audit::record(tx, context, now, deed)?;
    idempotency::record(tx, context, now, &[id])
}

/// What an earlier request with the same idempotency key made, as it is now.
pub(super) fn earlier<T: Clone>(
    tx: &mut Tx<'_>,
    context: &Context,
    find: impl Fn(&Catalog, &str) -> Option<T>,
) -> Result<Option<T>, WriteError> {
    let Some(ids) = idempotency::earlier_subjects::<String>(tx, context)? else { return Ok(None) };
    let id = ids.into_iter().next().unwrap_or_default();
    let catalog = load(tx.conn)?;
    match find(&catalog, &id) {
        Some(found) => Ok(Some(found)),
        None => Err(Refusal::Removed { id }.into()),
    }
}

/// Checks the version that the caller expects.
pub(super) fn check_version(context: &Context, actual: i64) -> Result<(), Refusal> {
    match context.if_match {
        Some(expected) if expected != actual => Err(Refusal::VersionMismatch { expected, actual }),
        _ => Ok(()),
    }
}

impl Store {
    /// Changes the catalog.
    pub(super) async fn change_catalog<T, F>(&self, body: F) -> Result<Written<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<Written<T>, WriteError> + Send + Sync + 'static,
    {
        let body = Arc::new(body);
        let mut tries = 1;
        loop {
            let of_try = Arc::clone(&body);
            let of_tx = move |tx: &mut Tx<'_>| {
                let before = Arc::clone(tx.catalog);
                // What is undone with the request was not known to anybody.
                of_try(tx).inspect_err(|_undone| *tx.catalog = before)
            };
            let written = self.inner.writer.write(Lane::Api, of_tx).await;
            match written {
                Err(StoreError::Unavailable(_)) if self.is_shared() && tries < TRIES => tries += 1,
                written => return written,
            }
        }
    }
}
