//! Gives back what a transaction that failed left behind the end of the write-ahead log.
//!
//! A transaction that found the disk full has filled it with frames that count for nothing. SQLite overwrites them
//! in time, but until then there is no room to copy the log into the database, and so none to begin the log anew.

use crate::StoreError;
use crate::connect::Connector;
use crate::failure::unavailable;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;
use std::fs::OpenOptions;
use std::path::Path;

/// The header of a log, and of each of its frames (<https://sqlite.org/fileformat2.html#wal_file_format>).
const LOG_HEADER_BYTES: u64 = 32;
const FRAME_HEADER_BYTES: u64 = 24;

#[derive(QueryableByName)]
struct Frames {
    #[diesel(sql_type = Integer)]
    log: i32,
}

#[derive(QueryableByName)]
struct PageSize {
    #[diesel(sql_type = Integer)]
    page_size: i32,
}

/// Cuts the log to the end of its last commit; answers how many bytes were given back. Outside of any transaction.
pub(crate) fn cut(conn: &mut SqliteConnection, connector: &Connector, wal: &Path) -> Result<u64, StoreError> {
    // Nobody else appends meanwhile, in whatever process.
    conn.immediate_transaction(|_conn| {
        let end_bytes = end_of_commits(connector)?;
        // SQLite locks the database and the index of the log, but never the log: it may be opened and closed here.
        let log = OpenOptions::new().write(true).open(wal).map_err(unavailable)?;
        let bytes = log.metadata().map_err(unavailable)?.len();
        if bytes > end_bytes {
            log.set_len(end_bytes).map_err(unavailable)?;
        }
        Ok(bytes.saturating_sub(end_bytes))
    })
}

/// Asked by a connection of its own: one that is in a transaction cannot be asked.
fn end_of_commits(connector: &Connector) -> Result<u64, StoreError> {
    let mut conn = connector.plain().map_err(unavailable)?;
    // Before its first read a connection does not know the size of the pages.
    conn.batch_execute("PRAGMA busy_timeout = 100; SELECT 1 FROM sqlite_master")?;
    let PageSize { page_size } = diesel::sql_query("PRAGMA page_size").get_result(&mut conn)?;
    let Frames { log } = diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(&mut conn)?;
    let frames = u64::try_from(log).map_err(unavailable)?;
    let page_bytes = u64::try_from(page_size).map_err(unavailable)?;
    Ok(if frames == 0 { 0 } else { LOG_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + page_bytes) })
}
