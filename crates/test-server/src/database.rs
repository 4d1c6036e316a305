//! The database of one test server: a file in its directory, or where `DATABASE_URL` names a PostgreSQL server, a fresh
//! database there.

use crate::TestServerError;
use oneoff_pg_fixture::{Cluster, Database};
use std::path::{Path, PathBuf};

/// The variable that has test servers run on PostgreSQL. The user in it must be allowed to create databases.
pub const DATABASE_URL: &str = "DATABASE_URL";

/// The database of one test server, which is gone when this is dropped.
#[derive(Debug)]
pub(crate) enum TestDatabase {
    File(PathBuf),
    Server(Database),
}

impl TestDatabase {
    /// A fresh one, by the environment of the tests.
    #[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
    pub(crate) fn create(directory: &Path) -> Result<Self, TestServerError> {
        match std::env::var(DATABASE_URL) {
            Ok(url) if !url.is_empty() => {
                let database = Cluster::of_url(&url).and_then(|cluster| cluster.database());
                database.map(Self::Server).map_err(TestServerError::Database)
            }
            _ => Ok(Self::file(directory)),
        }
    }

    /// A file, which the server makes.
    pub(crate) fn file(directory: &Path) -> Self {
        Self::File(directory.join("oneoff.db"))
    }

    /// The setting that names it, and its value.
    pub(crate) fn setting(&self) -> (&'static str, String) {
        match self {
            Self::File(path) => ("DB_PATH", path.display().to_string()),
            Self::Server(database) => (DATABASE_URL, database.url().to_owned()),
        }
    }
}
