//! Why there is no server to test with.

use std::io;
use std::path::PathBuf;

/// Why there is no server to test with, or why it did not do what a test asked of it.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The machine has no PostgreSQL.
    #[error(
        "PostgreSQL is not installed: there is no initdb in /usr/lib/postgresql/*/bin or PATH. On Debian or Ubuntu: \
         apt-get install postgresql postgresql-contrib. Or name a server for tests in ONEOFF_TEST_DATABASE_URL"
    )]
    NotInstalled,
    /// PostgreSQL refuses to run as root, and the machine has no other user for it.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as"
    )]
    NoUser,
    /// Files of the server could not be written.
    #[error("cannot write {path}: {source}")]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{program} failed: {output}")]
    Failed {
        /// The program.
        program: PathBuf,
        /// What it wrote.
        output: String,
    },
    /// The server did not become ready.
    #[error("PostgreSQL did not become ready: {log}")]
    NotReady {
        /// The end of its log.
        log: String,
    },
    /// A transaction could not be begun, or what it was to do failed.
    #[error("the transaction could not be begun and held")]
    NotHeld,
    /// The server did not end.
    #[error("PostgreSQL did not end")]
    NotEnded,
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// There is no address in the URL.
    #[error("the URL of the server for tests cannot be read: {0}")]
    Url(#[from] url::ParseError),
    /// What a template is made with failed.
    #[error("the template {template} could not be filled: {error}")]
    Template {
        /// Its name.
        template: String,
        /// What failed.
        error: String,
    },
    /// A server that somebody else started is neither stopped nor killed.
    #[error("this server was not started by the tests: it is not theirs to stop")]
    NotOurs,
    /// The shared server could not be started before.
    #[error("the server that the tests of this program share did not start: {0}")]
    Shared(String),
}
