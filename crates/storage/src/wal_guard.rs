//! Keeps the write-ahead log from growing without bound.
//!
//! SQLite begins the log anew only at a write that finds nobody reading in it. Reads that overlap each other all
//! the time never let that happen, and the log grows for as long as they last. So when it is longer than it
//! should ever be, reads wait at their gate for the moment that the writer needs.
//!
//! On a small disk the log has to leave room for the database into which it is copied. There it is kept short, and
//! its file is cut each time.

use crate::StoreError;
use crate::connect::{BUSY_TIMEOUT, Connector};
use crate::log_tail;
use crate::read_gate::ReadGate;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A longer log is begun anew. `journal_size_limit` of the writer is the same, so the file is cut to it then.
pub(crate) const WAL_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// With less room than this on its disk, the log is kept short.
const SMALL_DISK_BYTES: u64 = 64 * 1024 * 1024;
/// How long it may be then.
const SHORT_WAL_BYTES: u64 = 4 * 1024 * 1024;
/// The length of the log is not asked for more often, where there is room.
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
    connector: Connector,
    gate: Arc<ReadGate>,
    is_disk_full: bool,
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
    /// For the database at this real path, to which this opens connections, and before whose reads this gate stands.
    pub(crate) fn new(database: &Path, connector: Connector, gate: Arc<ReadGate>) -> Self {
        let now = Instant::now();
        let wal = wal_path(database);
        Self { wal, connector, gate, is_disk_full: false, look_at: now, tell_at: now }
    }

    /// A write found no room on the disk.
    pub(crate) fn disk_is_full(&mut self) {
        self.is_disk_full = true;
    }

    /// Lets the next write begin the log anew, if it is too long. Outside of any transaction.
    pub(crate) fn look(&mut self, conn: &mut SqliteConnection) {
        let now = Instant::now();
        if now < self.look_at {
            return;
        }
        let bytes = std::fs::metadata(&self.wal).map_or(0, |metadata| metadata.len());
        match self.room_bytes() {
            Some(room) if self.is_disk_full || (room < SMALL_DISK_BYTES && is_long_for(bytes, room)) => {
                self.empty(conn, now, bytes);
            }
            // Little is left: the next group may already be too much.
            Some(room) if room < SMALL_DISK_BYTES => {}
            _ if bytes > WAL_MAX_BYTES => self.begin_anew(conn, now, bytes),
            _ => self.look_at = now + LOOK_APART,
        }
    }

    /// What the disk of the log has left.
    fn room_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(self.wal.parent()?).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Lets the next write begin the log anew, whose file stays as long as it is.
    fn begin_anew(&mut self, conn: &mut SqliteConnection, now: Instant, bytes: u64) {
        // The file is cut by the next write, if this succeeds.
        self.look_at = now + TRY_AGAIN;
        let quiet = self.gate.quiet(QUIET_AT_MOST);
        let checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(conn);
        drop(quiet);
        self.tell(bytes, checkpoint);
    }

    /// Copies the whole log into the database and gives its room back to the disk.
    fn empty(&mut self, conn: &mut SqliteConnection, now: Instant, bytes: u64) {
        self.look_at = now + LOOK_APART;
        let gate = Arc::clone(&self.gate);
        let quiet = gate.quiet(QUIET_AT_MOST);
        let emptied = truncate(conn).or_else(|error| {
            tracing::debug!(%error, bytes, "there is no room to copy the write-ahead log");
            let cut_bytes = log_tail::cut(conn, &self.connector, &self.wal)?;
            tracing::debug!(cut_bytes, "what a failed transaction left in the write-ahead log is given back");
            truncate(conn)
        });
        drop(quiet);
        match emptied {
            Ok(done) if done.busy == 0 => self.is_disk_full = false,
            // Somebody reads in it, or copies it just now.
            Ok(_busy) => {}
            Err(error) => {
                self.look_at = now + TRY_AGAIN;
                tracing::debug!(%error, bytes, "the write-ahead log keeps its room on the full disk");
            }
        }
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

/// Whether a log of this length may be more than the database has room for.
fn is_long_for(bytes: u64, room_bytes: u64) -> bool {
    bytes > SHORT_WAL_BYTES.min(room_bytes)
}

/// Copies the log and cuts its file, unless somebody is in the way; waits for nobody.
fn truncate(conn: &mut SqliteConnection) -> Result<Checkpoint, StoreError> {
    conn.batch_execute("PRAGMA busy_timeout = 0")?;
    let done = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(conn);
    conn.batch_execute(BUSY_TIMEOUT)?;
    Ok(done?)
}
