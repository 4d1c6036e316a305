//! What is left of a round beside the database: logs, and the main tables as text where a promise was broken.

use anyhow::Result;
use oneoff_pg_fixture::Database;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The database as it is, beside the logs: it is gone with the cluster.
pub(super) async fn dump(database: Arc<Database>, directory: &Path) -> Option<PathBuf> {
    let path = directory.join("tables.txt");
    let tables = ["epochs", "roles", "attempts", "running_jobs", "arrivals", "events"];
    let mut text = String::new();
    for table in tables {
        let (database, query) = (Arc::clone(&database), format!("SELECT * FROM {table} ORDER BY 1"));
        let rows = tokio::task::spawn_blocking(move || database.query(&query)).await.ok()?.ok()?;
        text.push_str(&format!("== {table}\n{rows}\n"));
    }
    tokio::fs::write(&path, text).await.ok()?;
    Some(path)
}

/// The logs of all nodes.
pub(super) async fn logs(directory: &Path) -> Result<String> {
    let mut entries = tokio::fs::read_dir(directory).await?;
    let mut text = String::new();
    while let Some(entry) = entries.next_entry().await? {
        if entry.path().extension().is_some_and(|extension| extension == "log") {
            text.push_str(&tokio::fs::read_to_string(entry.path()).await?);
        }
    }
    Ok(text)
}
