//! Begins the write-ahead log anew after a commit that could not be synced.
//!
//! The kernel takes what it could not sync for written: the next sync succeeds and leaves it out, and with the power
//! goes whatever was appended behind that gap. So all that the log holds is copied to the database, and synced there,
//! before anything is appended.

use crate::StoreError;
use crate::failure::unavailable;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// A read is under way that needs the log as it is.
#[derive(Debug, thiserror::Error)]
#[error("a read needs the log of commits that could not be synced")]
struct LogInUse;

/// Copies the log to the database and empties it.
pub(super) fn begin(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let done: Checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(conn)?;
    if done.busy == 0 { Ok(()) } else { Err(unavailable(LogInUse)) }
}
