//! One server per file: locks that are held for as long as the store is open, by name and by identity.
//!
//! The lock beside the database, named after the real path, is found through symbolic links and is there before
//! the database is. The lock of the database file itself is also found through hard links, and when the file
//! beside it was deleted.

use crate::database_file::{DatabaseFile, private};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The locks. The system releases them when the process ends, however it does.
#[derive(Debug)]
pub(crate) struct ServerLock {
    _beside: File,
    database: Arc<DatabaseFile>,
}

/// Why the lock was not taken.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Somebody else holds it.
    Held,
    /// A file cannot be made or locked.
    Io(std::io::Error),
}

impl From<std::io::Error> for LockError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// The path without symbolic links. Of a file that is not there only its directory is resolved.
pub(crate) fn real_path(path: &Path) -> std::io::Result<PathBuf> {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Err(error), Some(directory), Some(name)) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(directory.canonicalize()?.join(name))
        }
        (found, _, _) => found,
    }
}

/// Takes the lock beside a database, which need not be there.
pub(crate) fn hold_beside(database: &Path) -> Result<File, LockError> {
    let mut path = OsString::from(database);
    path.push(".lock");
    let file = private().create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Held),
        Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
    }
}

impl ServerLock {
    /// Takes the locks of a database, which is made if it is not there, or says that somebody else has them.
    /// Answers the real path, too.
    pub(crate) fn take(database: &Path) -> Result<(Self, PathBuf), LockError> {
        let before = real_path(database)?;
        let mut beside = hold_beside(&before)?;
        let file = DatabaseFile::open(database)?;
        // A link to a file that was not there leads to it only now.
        let real = real_path(database)?;
        if real != before {
            beside = hold_beside(&real)?;
        }
        if !file.serve()? {
            return Err(LockError::Held);
        }
        Ok((Self { _beside: beside, database: file }, real))
    }

    /// The file that is locked.
    pub(crate) fn database(&self) -> Arc<DatabaseFile> {
        Arc::clone(&self.database)
    }
}

impl Drop for ServerLock {
    fn drop(&mut self) {
        self.database.stop_serving();
    }
}
