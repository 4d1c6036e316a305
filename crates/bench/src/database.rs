//! The database that a scenario works on: a file of its own, or one of a PostgreSQL server that it is given empty.

use oneoff_storage::{DatabaseUrl, StoreOptions};
use std::path::{Path, PathBuf};

/// Where jobs are stored.
#[derive(Clone)]
pub(crate) enum Database {
    /// In a file.
    File(PathBuf),
    /// On a server, with a password perhaps.
    Server(String),
}

impl Database {
    /// How this process opens it. Each opening of a server's database is a node of its own.
    pub(crate) fn options(&self) -> anyhow::Result<StoreOptions> {
        Ok(match self {
            Self::File(path) => StoreOptions::new(path.clone()),
            Self::Server(url) => {
                StoreOptions { server: Some(DatabaseUrl::new(url)?), ..StoreOptions::new("") }
            }
        })
    }

    /// The setting by which a server opens it.
    pub(crate) fn setting(&self) -> (&'static str, &Path) {
        match self {
            Self::File(path) => ("DB_PATH", path),
            Self::Server(url) => ("DATABASE_URL", Path::new(url)),
        }
    }

    /// The file, where it is one.
    pub(crate) fn file(&self) -> anyhow::Result<&Path> {
        match self {
            Self::File(path) => Ok(path),
            Self::Server(_) => anyhow::bail!("this is measured of a file only"),
        }
    }
}
