//! The mark of a backup, in the header of its file: what tells it from a database that a server works on, and from a
//! plain copy of one, which may miss what was in the log.

use super::partial::Partial;
use crate::connect::address;
use crate::connection::AnyConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

/// The user version of a backup: `Back` in ASCII. That of a database is 0.
const USER_VERSION: u32 = 0x4261_636B;
/// Where an SQLite file has its user version (<https://sqlite.org/fileformat2.html#the_database_header>).
const USER_VERSION_AT: std::ops::Range<usize> = 60..64;

/// Whether a file that begins like this is a backup.
pub(super) fn is_in(header: &[u8]) -> bool {
    header.get(USER_VERSION_AT) == Some(&USER_VERSION.to_be_bytes())
}

/// Opens a copy that nobody else knows yet for writing.
pub(super) fn open(copy: &Partial) -> QueryResult<AnyConnection> {
    let failed = diesel::result::Error::QueryBuilderError;
    let place = address(copy.path()).map_err(|error| failed(error.into()))?;
    let connected = SqliteConnection::establish(&format!("{place}?mode=rw"));
    let mut conn = AnyConnection::Sqlite(connected.map_err(|error| failed(error.into()))?);
    // A journal in a file would stay behind if this were interrupted. The copy is thrown away then.
    conn.batch_execute("PRAGMA journal_mode = MEMORY")?;
    Ok(conn)
}

/// Marks a copy as a backup.
pub(super) fn set(copy: &Partial) -> QueryResult<()> {
    open(copy)?.batch_execute(&format!("PRAGMA user_version = {USER_VERSION}"))
}

/// Takes the mark from a file that becomes a database, if it has one.
pub(crate) fn clear(conn: &mut AnyConnection) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        user_version: i64,
    }
    let found: Found = diesel::sql_query("PRAGMA user_version").get_result(conn)?;
    match found.user_version == i64::from(USER_VERSION) {
        true => conn.batch_execute("PRAGMA user_version = 0"),
        false => Ok(()),
    }
}
