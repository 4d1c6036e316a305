//! The file that is moved: locked against servers, read through one transaction, and never written.

use super::cell::{Cell, Cells, hex};
use super::error::MoveError;
use super::unit::Unit;
use crate::backup::last;
use crate::connect::{APPLICATION_ID, BUSY_TIMEOUT, address};
use crate::connection::AnyConnection;
use crate::lock::{LockError, ServerLock, real_path};
use crate::{OpenError, migrations, startup};
use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use ring::digest::{Context, SHA256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A slice ends after the row that makes it longer than this.
const SLICE_BYTES: usize = 4 * 1024 * 1024;
/// So many damaged rows are named.
const NAMED_MAX: usize = 10;

/// A place in the order of a unit: its one or two numbers.
pub(super) type Place = (i64, i64);

/// Before every row.
pub(super) const START: Place = (i64::MIN, i64::MIN);

/// Rows that follow each other.
#[derive(Debug)]
pub(super) struct Slice {
    /// The values of the columns of the unit.
    pub(super) rows: Vec<Vec<Cell>>,
    /// Where the last one is.
    pub(super) last: Place,
    /// How many texts in them had to be changed.
    pub(super) replaced: i64,
    /// Whether there may be more.
    pub(super) more: bool,
}

/// The file.
pub(super) struct SourceFile {
    /// The absolute path.
    pub(super) path: PathBuf,
    // Before the lock, which keeps the file open for as long as a connection is.
    conn: SqliteConnection,
    _lock: ServerLock,
}

#[derive(QueryableByName)]
struct ApplicationId {
    #[diesel(sql_type = Integer)]
    application_id: i32,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

/// What tells a file and its state from every other one: when its migrations were applied, each life of a server with
/// it, the ids of its first and last records, and how much was ever written. A copy of the file is the same; one that a server used since is not.
const IDENTITY: [&str; 4] = [
    "SELECT version || ' ' || run_on AS line FROM __diesel_schema_migrations ORDER BY version",
    "SELECT epoch || ' ' || node_id || ' ' || started_at || ' ' || coalesce(ended_at, '-') AS line FROM epochs
        ORDER BY epoch",
    "SELECT (SELECT min(id) FROM job_states) || ' ' || (SELECT max(id) FROM job_states) AS line
        UNION ALL SELECT (SELECT min(id) FROM attempts) || ' ' || (SELECT max(id) FROM attempts)",
    "SELECT coalesce((SELECT max(key) FROM job_definitions), 0) || ' ' || coalesce((SELECT max(key) FROM attempts), 0)
        || ' ' || coalesce((SELECT max(sequence) FROM events), 0) || ' '
        || coalesce((SELECT max(id) FROM api_keys), 0) AS line",
];

impl SourceFile {
    /// Opens the file, if no server uses it and this program's version wrote it last.
    pub(super) fn open(path: &Path) -> Result<Self, MoveError> {
        let path = std::path::absolute(path).unwrap_or_else(|_unknown| path.to_owned());
        if !std::fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() > 0) {
            return Err(MoveError::NoDatabase { path });
        }
        if path.canonicalize().is_ok_and(|real| last::is_backup(&real)) {
            return Err(MoveError::IsBackup { path });
        }
        let io = |source| OpenError::Other { path: path.clone(), source: Arc::new(source) };
        let (lock, real) = ServerLock::take(&path).map_err(|error| match error {
            LockError::Held => OpenError::InUse { path: path.clone() },
            LockError::Io(error) => io(error),
        })?;
        startup::check_file(&path, &real_path(&real).map_err(io)?, &lock.database())?;
        let conn = connect(&path, &real)?;
        Ok(Self { path, conn, _lock: lock })
    }

    /// What an error of reading means.
    pub(super) fn failed(&self, error: diesel::result::Error) -> MoveError {
        startup::query_error(&self.path, error).into()
    }

    /// What tells it from other files, and from an earlier or later state of itself.
    pub(super) fn fingerprint(&mut self) -> Result<String, MoveError> {
        let mut sum = Context::new(&SHA256);
        for query in IDENTITY {
            let lines: Vec<Line> =
                diesel::sql_query(query).load(&mut self.conn).map_err(|error| self.failed(error))?;
            for line in lines {
                sum.update(line.line.unwrap_or_default().as_bytes());
                sum.update(b"\n");
            }
        }
        Ok(hex(sum.finish().as_ref()))
    }

    /// A number that a query answers as `number`; 0 if it is empty.
    pub(super) fn number(&mut self, query: &str) -> Result<i64, MoveError> {
        let found: Number =
            diesel::sql_query(query).get_result(&mut self.conn).map_err(|error| self.failed(error))?;
        Ok(found.number.unwrap_or(0))
    }

    /// How many rows a table has.
    pub(super) fn count(&mut self, unit: &Unit) -> Result<i64, MoveError> {
        self.number(&format!("SELECT count(*) AS number FROM \"{}\"", unit.source))
    }

    /// Lines that a query answers as `line`.
    pub(super) fn lines(&mut self, query: &str) -> Result<Vec<String>, MoveError> {
        let lines: Vec<Line> =
            diesel::sql_query(query).load(&mut self.conn).map_err(|error| self.failed(error))?;
        Ok(lines.into_iter().filter_map(|line| line.line).collect())
    }

    /// The rows of a unit that follow a place, at most `limit`. What has not ended has ended at `ended_at`.
    pub(super) fn slice(
        &mut self,
        unit: &Unit,
        after: Place,
        limit: i64,
        ended_at: i64,
    ) -> Result<Slice, MoveError> {
        let read = read_slice(&mut self.conn, unit, after, limit, ended_at);
        let (slice, damaged) = read.map_err(|error| self.failed(error))?;
        match damaged.is_empty() {
            true => Ok(slice),
            false => Err(MoveError::DamagedRows { path: self.path.clone(), rows: damaged }),
        }
    }
}

/// Opens the file for reading only: the log beside it is read and stays as it is.
fn connect(path: &Path, real: &Path) -> Result<SqliteConnection, MoveError> {
    let other = |source| OpenError::Other { path: path.to_owned(), source };
    let failed = |error| startup::query_error(path, error);
    let place = address(real).map_err(|error| other(Arc::new(error)))?;
    let conn =
        SqliteConnection::establish(&format!("{place}?mode=ro")).map_err(|error| other(Arc::new(error)))?;
    let mut conn = AnyConnection::Sqlite(conn);
    conn.batch_execute(BUSY_TIMEOUT).map_err(failed)?;
    conn.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY")
        .map_err(failed)?;
    let found: ApplicationId =
        diesel::sql_query("PRAGMA application_id").get_result(&mut conn).map_err(failed)?;
    if found.application_id != APPLICATION_ID {
        return Err(startup::damaged(path, "it is empty or the database of another program").into());
    }
    let migrated = |error| startup::migration_error(path, error);
    if let Some(newest) = migrations::newest_unknown(&mut conn).map_err(migrated)? {
        return Err(OpenError::TooNew { path: path.to_owned(), newest }.into());
    }
    if migrations::is_behind(&mut conn).map_err(migrated)? {
        return Err(MoveError::Outdated { path: path.to_owned() });
    }
    // All that is read is of one moment.
    conn.batch_execute("BEGIN").map_err(failed)?;
    match conn {
        AnyConnection::Sqlite(conn) => Ok(conn),
        AnyConnection::Postgres(_) => Err(MoveError::NoDatabase { path: path.to_owned() }),
    }
}

fn query_of(unit: &Unit) -> String {
    let order: Vec<_> = unit.order.iter().map(|name| format!("\"{name}\"")).collect();
    let order = order.join(", ");
    let places = if unit.order.len() == 2 { "(?, ?)" } else { "(?)" };
    let columns: Vec<_> = unit.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let (columns, table) = (columns.join(", "), unit.source);
    format!("SELECT {order}, {columns} FROM \"{table}\" WHERE ({order}) > {places} ORDER BY {order} LIMIT ?")
}

fn read_slice(
    conn: &mut SqliteConnection,
    unit: &Unit,
    after: Place,
    limit: i64,
    ended_at: i64,
) -> QueryResult<(Slice, Vec<String>)> {
    let mut query = diesel::sql_query(query_of(unit)).into_boxed().bind::<BigInt, _>(after.0);
    if unit.order.len() == 2 {
        query = query.bind::<BigInt, _>(after.1);
    }
    let query = query.bind::<BigInt, _>(limit);
    let mut slice = Slice { rows: Vec::new(), last: after, replaced: 0, more: false };
    let (mut damaged, mut bytes, mut read) = (Vec::new(), 0, 0);
    for row in query.load_iter::<Cells, DefaultLoadingMode>(conn)? {
        let mut cells = row?.0.into_iter();
        let place: Vec<Cell> = cells.by_ref().take(unit.order.len()).collect();
        match place_of(&place) {
            Some(place) => slice.last = place,
            None => {
                damaged.push(format!("{} has a row without a number as its key: {place:?}", unit.source));
                break;
            }
        }
        read += 1;
        match row_of(unit, cells, ended_at) {
            Ok(row) => {
                bytes += row.iter().map(Cell::bytes).sum::<usize>();
                slice.replaced +=
                    row.iter().map(|cell| i64::from(matches!(cell, Cell::Text(_, true)))).sum::<i64>();
                slice.rows.push(row);
            }
            Err(detail) => damaged.push(format!("{} {}: {detail}", unit.source, named(slice.last, unit))),
        }
        if bytes > SLICE_BYTES || damaged.len() >= NAMED_MAX {
            slice.more = true;
            break;
        }
    }
    slice.more |= read == limit;
    Ok((slice, damaged))
}

fn place_of(cells: &[Cell]) -> Option<Place> {
    match cells {
        [Cell::Number(one)] => Some((*one, i64::MIN)),
        [Cell::Number(one), Cell::Number(other)] => Some((*one, *other)),
        _ => None,
    }
}

/// How people find a row.
fn named(place: Place, unit: &Unit) -> String {
    match unit.order {
        [_, id] => format!("{id} {}", place.1),
        _ => format!("{} {}", unit.id, place.0),
    }
}

fn row_of(unit: &Unit, cells: impl Iterator<Item = Cell>, ended_at: i64) -> Result<Vec<Cell>, String> {
    let of_column = |(column, cell): (&super::columns::ColumnInfo, Cell)| {
        let cell = match cell {
            Cell::Null if unit.ends == Some(column.name) => Cell::Number(ended_at),
            cell => cell,
        };
        cell.of(column).map_err(|found| format!("{} holds {found}", column.name))
    };
    unit.columns.iter().zip(cells).map(of_column).collect()
}
