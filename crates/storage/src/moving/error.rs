//! Why a database was not moved, each with what to do about it.

use crate::OpenError;
use crate::error::Source;
use std::path::PathBuf;

/// Why a database was not moved. The file is as it was, and a server does not start on a target that is not complete.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The file or the server cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to move.
    #[error("there is no database at {path}: name it with --from")]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is that of a backup.
    #[error(
        "{path} is a backup, and its overdue jobs may have run since it was made: restore it first with \
         `oneoff-server restore {path} --db-path FILE`, then move FILE"
    )]
    IsBackup {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by an older program.
    #[error(
        "the database {path} was written by an older OneOff: make a backup, bring it up to this version with \
         `oneoff-server migrate --db-path {path}`, then move it"
    )]
    Outdated {
        /// The file.
        path: PathBuf,
    },
    /// The database on the server cannot hold every text.
    #[error(
        "the database {url} has the encoding {encoding}: make one with `CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0`"
    )]
    Encoding {
        /// Its address.
        url: String,
        /// What it has.
        encoding: String,
    },
    /// There is something in the database on the server already.
    #[error(
        "the database {url} is not empty ({found}): make a new one with `CREATE DATABASE` and name that with --to; \
         nothing was changed"
    )]
    NotEmpty {
        /// Its address.
        url: String,
        /// What was found.
        found: String,
    },
    /// The database on the server holds another file, or an earlier state of this one.
    #[error(
        "the database {url} holds what was moved from another file, or from this one before a server used it again: \
         make a new one with `CREATE DATABASE` and name that with --to; nothing was changed"
    )]
    OtherSource {
        /// Its address.
        url: String,
    },
    /// Somebody else moves to the same database.
    #[error("another process is moving a database to {url}: wait for it")]
    Busy {
        /// Its address.
        url: String,
    },
    /// There is nothing to compare.
    #[error("nothing was moved to the database {url} completely: run this without --verify-only")]
    NotMoved {
        /// Its address.
        url: String,
    },
    /// What was moved has been used since.
    #[error(
        "a server was started on the database {url} since it was moved: it cannot be compared with the file any more"
    )]
    UsedSince {
        /// Its address.
        url: String,
    },
    /// Rows of the file hold what their columns cannot.
    #[error(
        "rows of {path} are damaged: {}; repair or remove them with `sqlite3`, after a backup, then run this again",
        .rows.join("; ")
    )]
    DamagedRows {
        /// The file.
        path: PathBuf,
        /// The first of them, each with its table, key and column.
        rows: Vec<String>,
    },
    /// The server did not take rows.
    #[error("cannot write {table} to {url}{detail}: run this again to go on from here")]
    Write {
        /// The table.
        table: &'static str,
        /// The address.
        url: String,
        /// Which row, where the server says so.
        detail: String,
        /// The server's error.
        #[source]
        source: Source,
    },
    /// The server did not answer.
    #[error("the database {url} failed: run this again to go on from here")]
    Server {
        /// Its address.
        url: String,
        /// The server's error.
        #[source]
        source: Source,
    },
    /// Both databases are not the same.
    #[error(
        "the database {url} is not the same as the file: {}; make a new one with `CREATE DATABASE` and move again",
        .differences.join("; ")
    )]
    Different {
        /// Its address.
        url: String,
        /// What differs.
        differences: Vec<String>,
    },
}
