//! The database on a server that is filled: how far that is stands in it, and is written with the rows.

use super::admission;
use super::cell::{checksum_sql, copy_format};
use super::error::MoveError;
use super::source::{Place, Slice};
use super::unit::Unit;
use crate::connection::AnyConnection;
use crate::schema::{moving, moving_tables};
use crate::{DatabaseUrl, OpenError, migrations};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::DatabaseErrorInformation;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use std::path::PathBuf;
use std::sync::Arc;

/// A statement over a whole table takes as long as it takes.
const SETTINGS: &str =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '30s'";

/// The only row of `moving`.
pub(super) const ONLY: i64 = 1;

/// The database that is filled.
pub(super) struct Target {
    url: DatabaseUrl,
    conn: PgConnection,
}

/// The moving that a database is the target of.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = moving)]
pub(super) struct Begun {
    pub(super) source: String,
    pub(super) started_at: i64,
    pub(super) finished_at: Option<i64>,
}

/// How far a table is.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = moving_tables)]
pub(super) struct TableProgress {
    last_first: i64,
    last_second: i64,
    pub(super) rows_moved: i64,
    pub(super) texts_replaced: i64,
    pub(super) is_complete: bool,
}

impl TableProgress {
    /// Where its last row is.
    pub(super) fn last(&self) -> Place {
        (self.last_first, self.last_second)
    }
}

#[derive(QueryableByName)]
pub(super) struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) number: Option<i64>,
}

#[derive(QueryableByName)]
pub(super) struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) line: Option<String>,
}

#[derive(QueryableByName)]
pub(super) struct Checked {
    #[diesel(sql_type = BigInt)]
    pub(super) id: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) checksum: i64,
}

impl Target {
    /// Connects, migrates, and keeps other movings away.
    pub(super) fn open(url: &DatabaseUrl) -> Result<Self, MoveError> {
        let shown = url.to_string();
        let of_source = |source| OpenError::Server { url: shown.clone(), source };
        let mut conn = crate::postgres::open::connection(url)?;
        conn.batch_execute(SETTINGS).map_err(|error| of_source(Arc::new(error)))?;
        let encoding: Line = diesel::sql_query("SELECT current_setting('server_encoding') AS line")
            .get_result(&mut conn)
            .map_err(|error| of_source(Arc::new(error)))?;
        if let Some(encoding) = encoding.line.filter(|encoding| encoding != "UTF8") {
            return Err(MoveError::Encoding { url: shown, encoding });
        }
        if !admission::lock(&mut conn).map_err(|error| of_source(Arc::new(error)))? {
            return Err(MoveError::Busy { url: shown });
        }
        // Before the table of migrations is made.
        admission::refuse_foreign(&mut conn, &shown)?;
        if let Some(newest) = migrations::newest_unknown(&mut conn).map_err(of_source)? {
            return Err(OpenError::TooNew { path: PathBuf::from(shown), newest }.into());
        }
        migrations::apply(&mut conn).map_err(of_source)?;
        match conn {
            AnyConnection::Postgres(conn) => Ok(Self { url: url.clone(), conn }),
            AnyConnection::Sqlite(_) => Err(MoveError::NotMoved { url: shown }),
        }
    }

    /// The address, without the password.
    pub(super) fn shown_url(&self) -> String {
        self.url.to_string()
    }

    /// What an error of the server means.
    pub(super) fn failed(&self, error: diesel::result::Error) -> MoveError {
        MoveError::Server { url: self.shown_url(), source: Arc::new(error) }
    }

    /// The moving of which this is the target, if it is one.
    pub(super) fn begun(&mut self) -> Result<Option<Begun>, MoveError> {
        let found = moving::table.find(ONLY).select(Begun::as_select()).get_result(&mut self.conn);
        found.optional().map_err(|error| self.failed(error))
    }

    /// Begins a moving to a database that holds nothing. A server that starts meanwhile either is seen or sees this.
    pub(super) fn begin(&mut self, units: &[Unit], source: &str, now: i64) -> Result<(), MoveError> {
        let begun = self.conn.transaction(|conn| admission::begin(conn, units, source, now));
        match begun.map_err(|error| self.failed(error))? {
            None => Ok(()),
            Some(found) => Err(MoveError::NotEmpty { url: self.shown_url(), found }),
        }
    }

    /// How far a unit is.
    pub(super) fn progress(&mut self, unit: &Unit) -> Result<TableProgress, MoveError> {
        let found = moving_tables::table
            .find(unit.source)
            .select(TableProgress::as_select())
            .get_result(&mut self.conn);
        found.map_err(|error| self.failed(error))
    }

    /// Writes a slice and how far its unit is then, both or neither.
    pub(super) fn write(
        &mut self,
        unit: &Unit,
        before: &TableProgress,
        slice: &Slice,
    ) -> Result<TableProgress, MoveError> {
        let rows = i64::try_from(slice.rows.len()).unwrap_or(i64::MAX);
        let after = TableProgress {
            last_first: slice.last.0,
            last_second: slice.last.1,
            rows_moved: before.rows_moved + rows,
            texts_replaced: before.texts_replaced + slice.replaced,
            is_complete: !slice.more,
        };
        let copy = copy_format(&slice.rows);
        let written = self.conn.transaction(|conn| {
            if rows > 0 {
                unit.append(conn, &copy)?;
            }
            note(conn, unit, before, &after)
        });
        written.map_err(|error| MoveError::Write {
            table: unit.target,
            url: self.shown_url(),
            detail: detail_of(&error),
            source: Arc::new(error),
        })?;
        Ok(after)
    }

    /// Lets keys of new rows begin above those that were moved, and plans be made for what is there now.
    pub(super) fn set_keys(&mut self, last_epoch: i64) -> Result<(), MoveError> {
        let set = self.conn.transaction(|conn| {
            conn.batch_execute(SET_KEYS)?;
            let epochs = "SELECT setval(pg_get_serial_sequence('epochs', 'epoch'), greatest($1, \
                (SELECT max(epoch) FROM epochs), (SELECT max(epoch) FROM attempts), 1)) AS number";
            diesel::sql_query(epochs).bind::<BigInt, _>(last_epoch).get_result::<Number>(conn)
        });
        set.map_err(|error| self.failed(error))?;
        self.conn.batch_execute("ANALYZE").map_err(|error| self.failed(error))
    }

    /// Lets servers start.
    pub(super) fn finish(&mut self, now: i64) -> Result<(), MoveError> {
        let finished =
            diesel::update(moving::table.find(ONLY)).set(moving::finished_at.eq(now)).execute(&mut self.conn);
        finished.map(drop).map_err(|error| self.failed(error))
    }

    /// A number that a query answers as `number`; 0 if it is empty.
    pub(super) fn number(&mut self, query: &str) -> Result<i64, MoveError> {
        let found: Number =
            diesel::sql_query(query).get_result(&mut self.conn).map_err(|error| self.failed(error))?;
        Ok(found.number.unwrap_or(0))
    }

    /// Lines that a query answers as `line`.
    pub(super) fn lines(&mut self, query: &str) -> Result<Vec<String>, MoveError> {
        let lines: Vec<Line> =
            diesel::sql_query(query).load(&mut self.conn).map_err(|error| self.failed(error))?;
        Ok(lines.into_iter().filter_map(|line| line.line).collect())
    }

    /// The checksums of some rows.
    pub(super) fn checksums(&mut self, unit: &Unit, ids: &[i64]) -> Result<Vec<Checked>, MoveError> {
        let (table, id, checksum) = (unit.target, unit.id, checksum_sql(&unit.columns));
        let query = format!(
            "SELECT \"{id}\" AS id, {checksum} AS checksum FROM \"{table}\" WHERE \"{id}\" = ANY($1)"
        );
        let found = diesel::sql_query(query).bind::<Array<BigInt>, _>(ids).load(&mut self.conn);
        found.map_err(|error| self.failed(error))
    }
}

/// What of a server's error names the row.
fn detail_of(error: &diesel::result::Error) -> String {
    let diesel::result::Error::DatabaseError(_, information) = error else { return String::new() };
    let information: &dyn DatabaseErrorInformation = information.as_ref();
    information.details().map(|detail| format!(" ({detail})")).unwrap_or_default()
}

/// Fails if the unit is not where it was thought to be.
fn note(
    conn: &mut PgConnection,
    unit: &Unit,
    before: &TableProgress,
    after: &TableProgress,
) -> QueryResult<()> {
    let as_before = moving_tables::table
        .find(unit.source)
        .filter(moving_tables::last_first.eq(before.last_first))
        .filter(moving_tables::last_second.eq(before.last_second))
        .filter(moving_tables::is_complete.eq(false));
    let noted = diesel::update(as_before)
        .set((
            moving_tables::last_first.eq(after.last_first),
            moving_tables::last_second.eq(after.last_second),
            moving_tables::rows_moved.eq(after.rows_moved),
            moving_tables::texts_replaced.eq(after.texts_replaced),
            moving_tables::is_complete.eq(after.is_complete),
        ))
        .execute(conn)?;
    if noted == 1 { Ok(()) } else { Err(diesel::result::Error::NotFound) }
}

/// Output of a removed execution still carries its key. A sequence begins with 1.
const SET_KEYS: &str = "
    SELECT setval('job_definition_keys', greatest(
        (SELECT max(key) FROM job_definitions), (SELECT max(job_key) FROM job_definitions),
        (SELECT max(key) FROM job_states), 1));
    SELECT setval('attempt_keys', greatest(
        (SELECT max(key) FROM attempts), (SELECT max(execution_key) FROM removed_output),
        (SELECT max(execution_key) FROM output_chunks), (SELECT max(execution_key) FROM running_jobs), 1));
    SELECT setval(pg_get_serial_sequence('job_holds', 'key'), greatest((SELECT max(key) FROM job_holds), 1));
    SELECT setval(pg_get_serial_sequence('output_chunks', 'key'), greatest((SELECT max(key) FROM output_chunks), 1));
    SELECT setval(pg_get_serial_sequence('audit_entries', 'key'), greatest((SELECT max(key) FROM audit_entries), 1));
    SELECT setval(pg_get_serial_sequence('idempotency_records', 'key'),
        greatest((SELECT max(key) FROM idempotency_records), 1));
    SELECT setval(pg_get_serial_sequence('job_counters', 'key'), greatest((SELECT max(key) FROM job_counters), 1));
    SELECT setval(pg_get_serial_sequence('run_counters', 'key'), greatest((SELECT max(key) FROM run_counters), 1));
    SELECT setval(pg_get_serial_sequence('projects', 'key'), greatest((SELECT max(key) FROM projects), 1));
    SELECT setval(pg_get_serial_sequence('tags', 'key'), greatest((SELECT max(key) FROM tags), 1));
    SELECT setval(pg_get_serial_sequence('settings', 'key'), greatest((SELECT max(key) FROM settings), 1));
    SELECT setval(pg_get_serial_sequence('api_keys', 'key'), greatest((SELECT max(key) FROM api_keys), 1));
    SELECT setval(pg_get_serial_sequence('sessions', 'key'), greatest((SELECT max(key) FROM sessions), 1));
    SELECT setval(pg_get_serial_sequence('setup_links', 'key'), greatest((SELECT max(key) FROM setup_links), 1));
    SELECT setval(pg_get_serial_sequence('restores', 'key'), greatest((SELECT max(key) FROM restores), 1));
    SELECT setval(pg_get_serial_sequence('chains', 'key'), greatest((SELECT max(key) FROM chains), 1));
    SELECT setval(pg_get_serial_sequence('chain_executions', 'key'), greatest((SELECT max(key) FROM chain_executions), 1));
    SELECT setval(pg_get_serial_sequence('chain_execution_links', 'key'),
        greatest((SELECT max(key) FROM chain_execution_links), 1));
    SELECT setval(pg_get_serial_sequence('webhooks', 'key'),
        greatest((SELECT max(key) FROM webhooks), (SELECT max(webhook_key) FROM removed_webhooks), 1));
    SELECT setval(pg_get_serial_sequence('webhook_deliveries', 'key'),
        greatest((SELECT max(key) FROM webhook_deliveries), 1));
";
