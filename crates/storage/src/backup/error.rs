//! Why a backup was not made or not restored, each with what to do about it.

use crate::OpenError;
use crate::error::Source;
use crate::failure::{is_damage, is_full};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a backup was not made or not restored. Nothing was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be opened, or the backup is none.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to copy.
    #[error("there is no database at {path}: name it with DB_PATH")]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// There is no backup at this path.
    #[error("there is no backup at {path}")]
    NoBackup {
        /// The file.
        path: PathBuf,
    },
    /// Something has the name of the copy already.
    #[error("{path} exists, and a backup overwrites nothing: name another file, or remove that one first")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is a database, or a part of one, where the backup is to be restored.
    #[error(
        "{found} exists, and a restore overwrites nothing: stop the server, move {database} with its -wal and -shm away, \
         then restore again"
    )]
    InTheWay {
        /// What was found.
        found: PathBuf,
        /// The database it belongs to.
        database: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot write {path}: {hint}")]
    Place {
        /// The file.
        path: PathBuf,
        /// What to do.
        hint: String,
        /// The system's error.
        #[source]
        source: Source,
    },
    /// Another backup to the same name is being made.
    #[error("another process is writing {path}: wait for it, or name another file")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no room for the copy.
    #[error(
        "the disk of {path} is full: free some space, or name a file on another disk; nothing was left there"
    )]
    Full {
        /// The file that was to be written.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: Source,
    },
    /// What was read is damaged.
    #[error("{path} is damaged ({detail}): no copy was made of it; an older backup may be whole")]
    Damaged {
        /// The database or the backup.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The copy is not what it should be.
    #[error(
        "{path} was not written, as the copy does not pass its check ({detail}): {from} or the disk is damaged; an \
         older backup may be whole"
    )]
    BadCopy {
        /// The copy.
        path: PathBuf,
        /// What it was made of.
        from: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Anything else.
    #[error("cannot copy {path}")]
    Other {
        /// The file that was read.
        path: PathBuf,
        /// The database's error.
        #[source]
        source: Source,
    },
}

impl BackupError {
    /// What failed while `from` was copied to `to`.
    pub(super) fn of_copy(from: &Path, to: &Path, error: diesel::result::Error) -> Self {
        if is_full(&error) {
            return Self::Full { path: to.to_owned(), source: Arc::new(error) };
        }
        if is_damage(&error) {
            return Self::Damaged { path: from.to_owned(), detail: error.to_string() };
        }
        Self::Other { path: from.to_owned(), source: Arc::new(error) }
    }

    /// What failed while files were handled.
    pub(super) fn of_file(path: &Path, error: std::io::Error) -> Self {
        let path = path.to_owned();
        let directory = path.parent().unwrap_or(&path).display().to_string();
        let hint = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                return Self::Full { path, source: Arc::new(error) };
            }
            ErrorKind::NotFound => format!("the directory {directory} does not exist: make it first"),
            ErrorKind::NotADirectory => format!("{directory} is not a directory"),
            ErrorKind::IsADirectory => "it is a directory: name a file in it".to_owned(),
            ErrorKind::ReadOnlyFilesystem => "its file system is read-only".to_owned(),
            ErrorKind::PermissionDenied => "the user of this process may not write there".to_owned(),
            _ => "see the cause below".to_owned(),
        };
        Self::Place { path, hint, source: Arc::new(error) }
    }
}
