//! The condition of the database file while it is open: whether it is still at its place, and whether it was found
//! to be damaged.

use crate::StoreError;
use crate::database_file::DatabaseFile;
use crate::error::Source;
use crate::open::Remedy;
use crate::wal_guard::wal_path;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What is known of the file.
#[derive(Debug)]
pub(crate) struct Condition {
    path: PathBuf,
    log: PathBuf,
    file: Arc<DatabaseFile>,
    /// A log that was removed does not come back: another one would not go on where it ended.
    is_log_gone: AtomicBool,
    damage: OnceLock<StoreError>,
}

/// The file is not where it was.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} was moved, removed or replaced under the server: nothing is written any more, and what was written last may \
     not be found again; put the file back, or stop the server and {remedy}"
)]
pub(crate) struct Misplaced {
    path: PathBuf,
    remedy: Remedy,
}

/// The file cannot be read as what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}; while no server runs, {remedy}")]
struct Damaged {
    path: PathBuf,
    remedy: Remedy,
    source: Source,
}

impl Condition {
    /// Of the file that is at this real path.
    pub(crate) fn new(path: &Path, file: Arc<DatabaseFile>) -> Self {
        let (path, log) = (path.to_owned(), wal_path(path));
        Self { path, log, file, is_log_gone: AtomicBool::new(false), damage: OnceLock::new() }
    }

    /// The file that connections are opened to.
    pub(crate) fn file(&self) -> &Arc<DatabaseFile> {
        &self.file
    }

    fn misplaced(&self, path: &Path) -> Misplaced {
        Misplaced { path: path.to_owned(), remedy: Remedy::for_database(&self.path) }
    }

    /// Whether the path leads to the file, so that a connection may be opened by it.
    pub(crate) fn check_place(&self) -> Result<(), Misplaced> {
        if self.is_log_gone.load(Ordering::Relaxed) {
            return Err(self.misplaced(&self.log));
        }
        if self.file.is_at(&self.path) { Ok(()) } else { Err(self.misplaced(&self.path)) }
    }

    /// Whether what was just committed can be found again: in the file that the path leads to, or in its log.
    pub(crate) fn check_commit(&self) -> Result<(), StoreError> {
        // Of a file that cannot be asked about, nothing is known; only one that is not there is gone.
        let is_gone = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        if std::fs::metadata(&self.log).is_err_and(|error| is_gone(&error)) && self.file.is_at(&self.path) {
            self.is_log_gone.store(true, Ordering::Relaxed);
        }
        self.check_place().map_err(|error| StoreError::Replaced(Arc::new(error)))
    }

    /// The error as callers get it: damage is told with the file and what to do, and remembered.
    pub(crate) fn told(&self, error: StoreError) -> StoreError {
        let StoreError::Corrupt(source) = &error else { return error };
        if !source.is::<diesel::result::Error>() {
            return error;
        }
        let damage = self.damage.get_or_init(|| {
            let (path, source) = (self.path.clone(), Arc::clone(source));
            let damage = Damaged { remedy: Remedy::for_database(&path), path, source };
            tracing::error!(%damage, "the database is damaged: what touches the damaged part fails");
            StoreError::Corrupt(Arc::new(damage))
        });
        damage.clone()
    }

    /// Whether everything is as it should be, as far as is known.
    pub(crate) fn health(&self) -> Result<(), StoreError> {
        if let Some(damage) = self.damage.get() {
            return Err(damage.clone());
        }
        self.check_place().map_err(|error| StoreError::Replaced(Arc::new(error)))
    }
}
