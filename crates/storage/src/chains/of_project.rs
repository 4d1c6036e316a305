//! The chains of a project that is deleted.

use super::records;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::schema::{chain_executions, chains};
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::{Context, Timestamp};

/// The ids of the first chains of a project, in the order of their creation.
pub(crate) fn ids(conn: &mut AnyConnection, project: &str, limit: i64) -> QueryResult<Vec<String>> {
    let of_project = chains::table.filter(chains::project_id.eq(project));
    of_project.order(chains::key).limit(limit).select(chains::id).load(conn)
}

/// Whether a chain of the project runs, or is yet to run: its next jobs would be of a project that is gone.
pub(crate) fn has_active(conn: &mut AnyConnection, project: &str) -> QueryResult<bool> {
    let active = chain_executions::table
        .filter(chain_executions::project_id.eq(project))
        .filter(chain_executions::ended_at.is_null())
        .limit(1)
        .select(chain_executions::key);
    Ok(!active.load::<i64>(conn)?.is_empty())
}

/// Gives a slice of them to another project, or deletes them; answers how many.
pub(crate) fn take_slice(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    (project, to): (&str, Option<&str>),
    limit: i64,
) -> Result<usize, WriteError> {
    let ids = ids(tx.conn, project, limit)?;
    for id in &ids {
        let id = crate::rows::word("chains.id", id)?;
        match to {
            Some(to) => records::move_to(tx, context, now, id, to)?,
            None => drop(records::delete(tx, context, now, id)?),
        }
    }
    Ok(ids.len())
}
