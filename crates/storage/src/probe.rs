//! Whether the store can do its work at this moment: a write that changes nothing of weight, what this user may not do,
//! and what room the disk has.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::moving;
use crate::schema::epochs;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Store, StoreError};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use oneoff_domain::Timestamp;

const DENIED: &str = "SELECT c.relname::text AS name FROM pg_catalog.pg_class c \
    WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema()) \
    AND c.relkind IN ('r', 'p') AND c.relname::text = ANY ($1) \
    AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) \
    ORDER BY 1";

#[derive(QueryableByName)]
struct Denied {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The tables that this user of the server may not read and write.
fn denied(conn: &mut PgConnection) -> QueryResult<Vec<String>> {
    let query = diesel::sql_query(DENIED).bind::<Array<Text>, _>(moving::tables());
    let rows: Vec<Denied> = query.load(conn)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

fn write(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<String>, WriteError> {
    let own = epochs::table.find(tx.node.epoch());
    match tx.conn {
        // A row that stays as it is would not be written.
        AnyConnection::Sqlite(conn) => {
            diesel::update(own).set(epochs::last_seen_at.eq(now.as_micros())).execute(conn)?;
            Ok(Vec::new())
        }
        // When it was seen last is said together with its lease.
        AnyConnection::Postgres(conn) => {
            diesel::update(own).set(epochs::node_id.eq(epochs::node_id)).execute(conn)?;
            Ok(denied(conn)?)
        }
    }
}

impl Store {
    /// Writes, through the same writer as everything else, and answers the tables that this user may not read and write.
    ///
    /// # Errors
    /// The database's: it does not take writes.
    pub async fn probe_write(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        self.inner.writer.write(Lane::Attempts, move |tx: &mut Tx<'_>| write(tx, now)).await
    }

    /// What the disk of the database has left; `None` of a database on a server, and where that is not known.
    #[must_use]
    pub fn disk_free_bytes(&self) -> Option<u64> {
        if self.is_shared() {
            return None;
        }
        let found = rustix::fs::statvfs(self.inner.path.parent()?).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }
}
