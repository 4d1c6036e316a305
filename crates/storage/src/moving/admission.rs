//! Whether a database may become the target of a moving: nobody else moves to it, and it is empty.

use super::error::MoveError;
use super::source::START;
use super::target::{Line, Number, ONLY};
use super::unit::Unit;
use crate::OpenError;
use crate::connection::AnyConnection;
use crate::schema::{moving, moving_tables};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Held by the session that moves. `OneOffMv` in ASCII.
const ALONE: &str = "SELECT pg_try_advisory_lock(5723938105741362550) AS is_alone";

/// A server notices within this time that the client of a session is gone.
const LOCK_AT_MOST: Duration = Duration::from_secs(5);
const LOCK_AGAIN: Duration = Duration::from_millis(50);

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    is_alone: bool,
}

/// Keeps other movings away. What is left of one that was killed is given a moment to end.
pub(super) fn lock(conn: &mut AnyConnection) -> QueryResult<bool> {
    let deadline = Instant::now() + LOCK_AT_MOST;
    loop {
        let Answer { is_alone } = diesel::sql_query(ALONE).get_result(conn)?;
        if is_alone || Instant::now() >= deadline {
            return Ok(is_alone);
        }
        std::thread::sleep(LOCK_AGAIN);
    }
}

/// Tables of somebody else's would be taken for ours, or be in the way.
pub(super) fn refuse_foreign(conn: &mut AnyConnection, url: &str) -> Result<(), MoveError> {
    let others = "SELECT CASE WHEN to_regclass('__diesel_schema_migrations') IS NULL THEN min(tablename)::text END AS line \
        FROM pg_tables WHERE schemaname = current_schema()";
    let found: QueryResult<Line> = diesel::sql_query(others).get_result(conn);
    let source = |error| OpenError::Server { url: url.to_owned(), source: Arc::new(error) };
    match found.map_err(source)?.line {
        Some(table) => {
            Err(MoveError::NotEmpty { url: url.to_owned(), found: format!("it has a table {table}") })
        }
        None => Ok(()),
    }
}

/// The answer is what was found there, if it is not empty.
pub(super) fn begin(
    conn: &mut PgConnection,
    units: &[Unit],
    source: &str,
    now: i64,
) -> QueryResult<Option<String>> {
    // Each start of a server writes to this table, and looks for a moving then.
    conn.batch_execute("LOCK TABLE epochs IN EXCLUSIVE MODE")?;
    let of_migrations = ["job_counters", "output_totals", "projects", "tags", "catalog_versions"];
    let moved = units.iter().map(|unit| unit.target).filter(|table| !of_migrations.contains(table));
    for table in moved.chain(["new_events"]) {
        let query = format!("SELECT count(*) AS number FROM (SELECT 1 FROM \"{table}\" LIMIT 1) AS rows");
        let found: Number = diesel::sql_query(query).get_result(conn)?;
        if found.number != Some(0) {
            let found = if table == "epochs" { "a server was started on it" } else { "it has rows in" };
            let table = if table == "epochs" { String::new() } else { format!(" {table}") };
            return Ok(Some(format!("{found}{table}")));
        }
    }
    let emptied: Vec<String> = of_migrations.iter().map(|table| format!("DELETE FROM {table}")).collect();
    conn.batch_execute(&emptied.join("; "))?;
    let begun = (moving::key.eq(ONLY), moving::source.eq(source), moving::started_at.eq(now));
    diesel::insert_into(moving::table).values(begun).execute(conn)?;
    let of_unit = |unit: &Unit| {
        (
            moving_tables::name.eq(unit.source),
            moving_tables::last_first.eq(START.0),
            moving_tables::last_second.eq(START.1),
            moving_tables::rows_moved.eq(0),
            moving_tables::texts_replaced.eq(0),
            moving_tables::is_complete.eq(false),
        )
    };
    let tables: Vec<_> = units.iter().map(of_unit).collect();
    diesel::insert_into(moving_tables::table).values(tables).execute(conn)?;
    Ok(None)
}
