//! Keeps the write-ahead log from growing without bound.
//!
//! SQLite begins the log anew only at a write that finds nobody reading in it. Reads that overlap each other all
//! the time never let that happen, and the log grows for as long as they last. So when it is longer than it
//! should ever be, reads wait at their gate for the moment that the writer needs.

use crate::read_gate::ReadGate;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A longer log is begun anew. `journal_size_limit` of the writer is the same, so the file is cut to it then.
pub(crate) const WAL_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The length of the log is not asked for more often.
const LOOK_APART: Duration = Duration::from_millis(20);
/// How long the writer waits for reads to end. Reads are bounded in rows and bytes, and take milliseconds.
const QUIET_AT_MOST: Duration = Duration::from_millis(250);
/// When to try again, after somebody else's read was in the way.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often the log tells of somebody else's read.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Watches the log, on the writer's thread.
pub(crate) struct WalGuard {
    wal: PathBuf,
    gate: Arc<ReadGate>,
    look_at: Instant,
    tell_at: Instant,
}

/// The log of a database.
pub(crate) fn wal_path(database: &Path) -> PathBuf {
    let mut name = OsString::from(database.as_os_str());
    name.push("-wal");
    PathBuf::from(name)
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl WalGuard {
    /// For the database at this real path, before whose reads this gate stands.
    pub(crate) fn new(database: &Path, gate: Arc<ReadGate>) -> Self {
        let now = Instant::now();
        Self { wal: wal_path(database), gate, look_at: now, tell_at: now }
    }

    /// Lets the next write begin the log anew, if it is too long. Outside of any transaction.
    pub(crate) fn look(&mut self, conn: &mut SqliteConnection) {
        let now = Instant::now();
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_APART;
        let bytes = std::fs::metadata(&self.wal).map_or(0, |metadata| metadata.len());
        if bytes <= WAL_MAX_BYTES {
            return;
        }
        // The file is cut by the next write, if this succeeds.
        self.look_at = now + TRY_AGAIN;
        let quiet = self.gate.quiet(QUIET_AT_MOST);
        let checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(conn);
        drop(quiet);
        self.tell(bytes, checkpoint);
    }

    fn tell(&mut self, bytes: u64, checkpoint: QueryResult<Checkpoint>) {
        let now = Instant::now();
        let Checkpoint { busy, log, checkpointed } = match checkpoint {
            Ok(done) if done.busy == 0 && done.log == done.checkpointed => {
                return tracing::debug!(bytes, "the write-ahead log begins anew");
            }
            Ok(part) => part,
            Err(error) => return tracing::warn!(%error, bytes, "cannot checkpoint the write-ahead log"),
        };
        if now >= self.tell_at {
            self.tell_at = now + TELL_AGAIN;
            tracing::warn!(
                bytes,
                busy,
                log,
                checkpointed,
                "the write-ahead log is long, because a long read is under way: a backup, or another program"
            );
        }
    }
}
