//! Begins the write-ahead log anew after a commit that could not be synced, and after a server that died, because
//! that may have been its last one.
//!
//! The kernel takes what it could not sync for written: the next sync succeeds and leaves it out, and with the power
//! goes whatever was appended behind that gap. So all that the log holds is copied to the database, and synced there,
//! before anything is appended.

use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Copies the log to the database and empties it. `false` while somebody reads what needs the log as it is.
pub(crate) fn begin(conn: &mut SqliteConnection) -> QueryResult<bool> {
    let done: Checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(conn)?;
    Ok(done.busy == 0)
}
