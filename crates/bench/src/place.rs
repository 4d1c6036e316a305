//! Where a scenario works: a directory of its own, and perhaps filled databases that are kept for the next one.

use crate::database::Database;
use crate::fill::content::Content;
use crate::fill::store;
use anyhow::Context as _;
use oneoff_storage::Store;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A kept file is used for this long: after it, jobs that were filled in as far ahead come due.
const KEPT_FOR: Duration = Duration::from_secs(30 * 60);

/// Where a scenario works.
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    /// Where filled databases are kept.
    pub(crate) prepared: Option<PathBuf>,
    /// The database of a server that is worked on in place of a file.
    pub(crate) server: Option<String>,
}

impl Place {
    pub(crate) fn database(&self) -> Database {
        match &self.server {
            Some(url) => Database::Server(url.clone()),
            None => Database::File(self.file()),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("oneoff.db")
    }

    /// A store with this content: a copy of the kept one, or a new one that is filled and kept.
    pub(crate) async fn store(&self, content: Content) -> anyhow::Result<Store> {
        self.fill(content).await?;
        store::open(&self.database())
    }

    /// A closed database with this content.
    pub(crate) async fn fill(&self, content: Content) -> anyhow::Result<()> {
        let Some(prepared) = self.prepared.as_ref().filter(|_| self.server.is_none()) else {
            return self.fill_anew(content).await;
        };
        std::fs::create_dir_all(prepared).with_context(|| format!("making {}", prepared.display()))?;
        let kept = prepared.join(content.file_name());
        if !is_fresh(&kept) {
            self.fill_anew(content).await?;
            // Under its name it is whole: a fill that was interrupted is not taken for one.
            let part = prepared.join(format!("part-{}.db", std::process::id()));
            copy(&self.file(), &part)?;
            std::fs::rename(&part, &kept)?;
            return Ok(());
        }
        copy(&kept, &self.file())
    }

    async fn fill_anew(&self, content: Content) -> anyhow::Result<()> {
        let store = store::open(&self.database())?;
        content.fill(&store).await?;
        store::settle(&store).await?;
        // Closing moves everything from the log into the file.
        tokio::task::spawn_blocking(move || store.close()).await?;
        match self.database() {
            Database::File(path) => File::open(path)?.sync_all()?,
            Database::Server(_) => {}
        }
        Ok(())
    }
}

fn is_fresh(file: &Path) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < KEPT_FOR))
}

/// Copies a closed database, down to the disk: writing it out later would disturb what is measured.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let log = PathBuf::from(format!("{}-wal", from.display()));
    let unfinished = log.metadata().is_ok_and(|log| log.len() > 0);
    anyhow::ensure!(!unfinished, "{} is open, or was not closed", from.display());
    std::fs::copy(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    File::open(to)?.sync_all()?;
    Ok(())
}
