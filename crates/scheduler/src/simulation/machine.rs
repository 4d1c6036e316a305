//! A place for databases of histories: a directory in memory where there is one, and a file that is migrated once
//! and copied for each history.

use super::clock::SimulatedClock;
use oneoff_domain::{Clock, Timestamp};
use oneoff_storage::inline::{Commits, NoFaults};
use oneoff_storage::{Store, StoreOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static DIRECTORIES: AtomicU64 = AtomicU64::new(0);

/// Why no history can be simulated at all.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A file cannot be written.
    #[error("cannot write the databases of simulated histories into {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The first database cannot be made.
    #[error("cannot make the database that histories begin with")]
    Open(#[from] oneoff_storage::OpenError),
    /// The runtime that timers need cannot be made.
    #[error("cannot make a runtime")]
    Runtime(#[source] std::io::Error),
}

/// A directory of databases, removed at the end, and the bytes of a new database.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    template: Vec<u8>,
}

impl Place {
    pub(super) fn new() -> Result<Self, SetUpError> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
        let directory = parent.join(format!("oneoff-simulation-{}-{number}", std::process::id()));
        let failed = |source| SetUpError::Io { path: directory.clone(), source };
        std::fs::create_dir_all(&directory).map_err(failed)?;
        let mut place = Self { directory: directory.clone(), template: Vec::new() };
        let file = directory.join("template.db");
        let now: Timestamp = SimulatedClock::default().now();
        let (store, _inline) =
            Store::open_inline(StoreOptions::new(&file), now, Commits::AtOnce, Arc::new(NoFaults))?;
        drop(store);
        place.template = std::fs::read(&file).map_err(failed)?;
        Ok(place)
    }

    /// A new database, in place of the last one.
    pub(super) fn database(&self) -> Result<PathBuf, SetUpError> {
        let file = self.directory.join("history.db");
        for beside in ["", "-wal", "-shm"] {
            let path = self.directory.join(format!("history.db{beside}"));
            if path.exists() {
                std::fs::remove_file(&path).map_err(|source| SetUpError::Io { path, source })?;
            }
        }
        std::fs::write(&file, &self.template)
            .map_err(|source| SetUpError::Io { path: file.clone(), source })?;
        Ok(file)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::debug!(%error, "the directory of a simulation stays");
        }
    }
}
