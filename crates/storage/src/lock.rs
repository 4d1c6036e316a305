//! One server per file: an advisory lock beside the database, held for as long as the store is open.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// The lock. The system releases it when the file is closed, however the process ends.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Somebody else holds it.
    Held,
    /// The lock's file cannot be made.
    Io(std::io::Error),
}

/// Where the lock of a database lies.
pub(crate) fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

impl FileLock {
    /// Takes the lock of a database or says who else has it.
    pub(crate) fn take(database: &Path) -> Result<Self, LockError> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path(database));
        let file = file.map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}
