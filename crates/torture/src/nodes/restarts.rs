//! Restarts of the database under its nodes.

use super::campaign::Ground;
use crate::random::Choices;
use crate::workload::Quota;
use anyhow::Result;
use oneoff_pg_fixture::{Cluster, Shutdown};
use std::sync::Arc;
use std::time::Duration;

const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Restarts the database twice, when a third and two thirds of the jobs are made: once in good order, once by a crash.
pub(super) async fn restart_twice(
    ground: Arc<Ground>,
    cluster: Arc<Cluster>,
    quota: Quota,
    choices: Choices,
) -> Result<Vec<&'static str>> {
    let mut kinds = [(Shutdown::Fast, "fast"), (Shutdown::Immediate, "immediate")];
    choices.shuffle(&mut kinds);
    let mut done = Vec::new();
    for (third, (shutdown, kind)) in (1..).zip(kinds) {
        while quota.count() * 3 < quota.jobs() * third {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let down = Duration::from_millis(choices.below(3_000));
        let _alone = ground.database.write().await;
        let cluster = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || {
            cluster.stop(shutdown)?;
            std::thread::sleep(down);
            cluster.resume()
        })
        .await??;
        done.push(kind);
    }
    Ok(done)
}
