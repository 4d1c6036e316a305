//! Opening a store: options, and what can be wrong with the file, each with what to do about it.

use crate::DatabaseUrl;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database of a server, in place of a file.
    pub server: Option<DatabaseUrl>,
    /// The database file. Its directory must exist; the file is made when it does not.
    pub path: PathBuf,
    /// Read connections.
    pub readers: u32,
    /// Writes that may wait before new ones are refused as [`crate::StoreError::Overloaded`].
    pub max_waiting_writes: usize,
    /// A commit that takes longer is logged as a warning.
    pub slow_commit: Duration,
    /// The name of this node in executions.
    pub node_name: String,
}

impl StoreOptions {
    /// The usual options for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            server: None,
            path: path.into(),
            readers: 4,
            max_waiting_writes: 10_000,
            slow_commit: Duration::from_secs(1),
            node_name: "local".to_owned(),
        }
    }

    /// The usual options for the database of a server.
    pub fn on_server(url: DatabaseUrl) -> Self {
        Self { server: Some(url), ..Self::new(PathBuf::new()) }
    }

    /// The database, to be shown: a path, or an address without its password.
    #[must_use]
    pub fn database(&self) -> String {
        self.server.as_ref().map_or_else(|| self.path.display().to_string(), ToString::to_string)
    }
}

/// What to do about a damaged database, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// The damaged file.
    database: PathBuf,
    /// The newest backup that is known and still there.
    pub backup: Option<PathBuf>,
}

impl Remedy {
    pub(crate) fn for_database(database: &Path) -> Self {
        Self { database: database.to_owned(), backup: crate::backup::last::newest(database) }
    }
}

impl Display for Remedy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("restore a backup")?;
        let Some(backup) = &self.backup else { return Ok(()) };
        let (database, backup) = (self.database.display(), backup.display());
        write!(
            f,
            " (the newest that is known is {backup}: move {database} and {database}-wal away, then `oneoff-server restore {backup}`)"
        )
    }
}

/// A step that migration took or would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStep {
    /// The migration's name, the same for every database.
    pub name: String,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file was written by a newer program.
    #[error(
        "the database {path} was written by a newer OneOff (it has migration {newest}): start that version, or restore a backup made before the upgrade"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The migration that this program does not know.
        newest: String,
    },
    /// The file is not a database or is damaged.
    #[error(
        "the file {path} is not a OneOff database or is damaged ({detail}): nothing was changed; {remedy}, or move the file away to start empty"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found.
        detail: String,
        /// What to do.
        remedy: Remedy,
    },
    /// The file is not there or is empty, although a backup of it was made.
    #[error(
        "the database {path} is {found}, although a backup of it was made: it was removed or cut, or its disk is not mounted; nothing was changed; {remedy}, or remove {note} to start empty"
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// `missing` or `empty`.
        found: &'static str,
        /// What tells of the backup.
        note: PathBuf,
        /// What to do.
        remedy: Remedy,
    },
    /// Another server has the file open.
    #[error("another server is using the database {path}: stop it first, or name another file with DB_PATH")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Other nodes use the database of a server, which is to be changed under them.
    #[error("nodes are using the database {url}: stop them first ({nodes})")]
    InUseByNodes {
        /// Its address, without the password.
        url: String,
        /// Their names.
        nodes: String,
    },
    /// The directory or the file cannot be written or made.
    #[error("cannot write to {path}: {hint}")]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What to do.
        hint: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// No server answers there, or it lets nobody in.
    #[error(
        "cannot connect to the database {url}: check DATABASE_URL, and that the server runs and lets this user in"
    )]
    Unreachable {
        /// Its address, without the password.
        url: String,
        /// What the server or the network said.
        #[source]
        source: crate::error::Source,
    },
    /// The database is being filled from a file.
    #[error(
        "the database {url} is only partly filled: `oneoff-server migrate-data` was interrupted or still runs; wait for it, \
         or run it again with the same --from and --to to finish it"
    )]
    HalfMoved {
        /// Its address, without the password.
        url: String,
    },
    /// The server cannot be used.
    #[error("cannot use the database {url}")]
    Server {
        /// Its address, without the password.
        url: String,
        /// Why.
        #[source]
        source: crate::error::Source,
    },
    /// Anything else.
    #[error("cannot open the database {path}")]
    Other {
        /// The file.
        path: PathBuf,
        /// The database's error.
        #[source]
        source: crate::error::Source,
    },
}

/// Why a migration failed. Nothing of the failed step remains.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A step failed.
    #[error("the migration failed; nothing of the failed step remains")]
    Failed(#[source] crate::error::Source),
    /// There is no step to undo.
    #[error("there is no migration to undo")]
    NothingToUndo,
}
