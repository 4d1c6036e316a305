//! Backups: a complete copy of a database in one file, made beside a running server, and the way back.

mod check;
mod error;
mod partial;
mod restore;

pub(crate) mod last;
pub(crate) mod mark;

pub use error::BackupError;
pub use restore::restore;

use crate::connection::AnyConnection;
use crate::startup;
use diesel::prelude::*;
use diesel::sql_types::Text;
use last::LastBackup;
use oneoff_domain::Timestamp;
use partial::Partial;
use std::path::{Path, PathBuf};

/// A copy that is on stable storage and was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How many jobs it holds.
    pub jobs: u64,
}

/// Writes everything that `database` holds to the new file `target`: every write that was acknowledged before
/// this was called, and of later ones a consistent part. A server may have the database open. Blocks.
///
/// The file appears under its name only when it is whole, synced and checked. What an interrupted call leaves
/// is removed by the next one with the same target.
///
/// # Errors
/// [`BackupError`], whose text says what to do. There is no file at `target` then.
pub fn back_up(database: &Path, target: &Path, now: Timestamp) -> Result<Copied, BackupError> {
    let mut source = startup::open_existing(database)?;
    let partial = Partial::begin(target)?;
    copy(&mut source.conn, &source.path, &partial)?;
    oneoff_faults::reach("backup.after_copy");
    mark::set(&partial).map_err(|error| BackupError::of_copy(&source.path, target, error))?;
    let jobs = check::check(&source.path, &partial)?;
    oneoff_faults::reach("backup.after_check");
    let (path, bytes) = partial.keep(["backup.after_sync", "backup.after_rename"])?;
    let made = LastBackup { path: path.clone(), made_at: now };
    if let Err(error) = last::record(&source.path, &made) {
        tracing::warn!(%error, "the backup is made, but where it is could not be noted beside the database");
    }
    Ok(Copied { path, bytes, jobs })
}

/// Copies what one transaction sees. The copy has no free pages and no log beside it.
fn copy(source: &mut AnyConnection, path: &Path, partial: &Partial) -> Result<(), BackupError> {
    let syncing = partial.sync_meanwhile();
    let copied = diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(partial.name()?).execute(source);
    syncing.end();
    copied.map(drop).map_err(|error| BackupError::of_copy(path, partial.target(), error))
}
