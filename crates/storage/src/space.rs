//! How much space the store takes.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::schema::output_totals;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

/// How much space the store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// The database as of the last commit, without its log.
    pub database_bytes: u64,
    /// The part of it that holds nothing: it is used again, or given back to the file system. Of a server's database it
    /// is not known.
    pub free_bytes: Option<u64>,
    /// The write-ahead log. That of a server is not the database's alone.
    pub wal_bytes: Option<u64>,
    /// Output of executions that is kept.
    pub output_bytes: u64,
}

/// Pages of the database.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub(crate) struct Pages {
    #[diesel(sql_type = BigInt)]
    pub(crate) page_count: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) freelist_count: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) page_size: i64,
}

const PAGES: &str = "SELECT page_count, freelist_count, page_size \
    FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";

#[derive(QueryableByName)]
struct ServerBytes {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// The bytes of a server's database. What is free in it is not known without a walk through all of it.
fn server_bytes(conn: &mut PgConnection) -> QueryResult<i64> {
    let found = diesel::sql_query("SELECT pg_database_size(current_database()) AS bytes");
    found.get_result(conn).map(|ServerBytes { bytes }| bytes)
}

/// The pages, as this connection sees them.
pub(crate) fn pages(conn: &mut SqliteConnection) -> QueryResult<Pages> {
    diesel::sql_query(PAGES).get_result(conn)
}

/// Bytes of output that are kept in all.
pub(crate) fn output_bytes(conn: &mut AnyConnection) -> QueryResult<i64> {
    // A file has one row, and a server few.
    let rows: Vec<i64> = output_totals::table.select(output_totals::bytes).load(conn)?;
    Ok(rows.into_iter().sum())
}

/// All but the log, which is a file of its own.
pub(crate) fn space(conn: &mut AnyConnection) -> Result<Space, WriteError> {
    let bytes = |count: i64| u64::try_from(count).unwrap_or(0);
    let (database, free) = match conn {
        AnyConnection::Sqlite(conn) => {
            let Pages { page_count, freelist_count, page_size } = pages(conn)?;
            (page_count.saturating_mul(page_size), Some(freelist_count.saturating_mul(page_size)))
        }
        AnyConnection::Postgres(conn) => (server_bytes(conn)?, None),
    };
    Ok(Space {
        database_bytes: bytes(database),
        free_bytes: free.map(bytes),
        wal_bytes: None,
        output_bytes: bytes(output_bytes(conn)?),
    })
}

/// Free pages that stay for what comes next, whatever the size of the database.
const KEPT_PAGES: i64 = 1024;
/// The share of the database that may be free: one in so many pages.
const KEPT_SHARE: i64 = 16;
/// Pages that are given back at a time.
const GIVEN_PAGES: i64 = 128;

/// Gives some of what is free back to the file system, when it is more than is soon used again; answers whether
/// there is more of it.
pub(crate) fn give_back(conn: &mut AnyConnection) -> QueryResult<bool> {
    // A server does so by itself.
    let AnyConnection::Sqlite(conn) = conn else { return Ok(false) };
    let Pages { page_count, freelist_count, .. } = pages(conn)?;
    let too_many = freelist_count - KEPT_PAGES.max(page_count / KEPT_SHARE);
    if too_many <= 0 {
        return Ok(false);
    }
    // Only a statement that is stepped to its end gives back as many pages as it says; this does so.
    conn.batch_execute(&format!("PRAGMA incremental_vacuum({})", too_many.min(GIVEN_PAGES)))?;
    Ok(too_many > GIVEN_PAGES)
}
