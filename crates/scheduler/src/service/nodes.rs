//! What the service says of the nodes that share the store.

use super::Service;
use crate::{NodeHealth, NodeStatus};
use oneoff_domain::Timestamp;
use oneoff_storage::NodeInfo;
use std::time::Duration;

/// Who asks for the nodes is answered within this time, with this node alone where the database says nothing.
const PATIENCE: Duration = Duration::from_secs(2);

impl Service {
    /// The nodes that share the store, by name; this one alone where it is not shared, or does not answer.
    pub async fn nodes(&self) -> Vec<NodeStatus> {
        let inner = &self.inner;
        let now = self.now();
        let stored = match inner.store.is_shared() || inner.settings.always_keep_lease {
            true => match tokio::time::timeout(PATIENCE, inner.store.nodes(now)).await {
                Ok(Ok(stored)) => stored,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the other nodes are not known");
                    Vec::new()
                }
                Err(_elapsed) => {
                    tracing::debug!("the other nodes are not known: the database does not answer in time");
                    Vec::new()
                }
            },
            false => Vec::new(),
        };
        let this = self.this_node(now);
        let mut nodes = Vec::with_capacity(stored.len().max(1));
        for info in stored.into_iter().filter(|info| info.epoch != this.info.epoch) {
            nodes.push(NodeStatus { health: NodeHealth::of(&info, now), info });
        }
        nodes.push(this);
        nodes.sort_by(|NodeStatus { info: one, .. }, NodeStatus { info: other, .. }| {
            (&one.node_id, one.epoch).cmp(&(&other.node_id, other.epoch))
        });
        nodes
    }

    /// This node alone, as it knows itself. Asks nobody.
    #[must_use]
    pub fn own_node(&self) -> NodeStatus {
        self.this_node(self.now())
    }

    fn this_node(&self, now: Timestamp) -> NodeStatus {
        let inner = &self.inner;
        let count = |count: usize| Some(u32::try_from(count).unwrap_or(u32::MAX));
        let info = NodeInfo {
            node_id: inner.store.node_id().to_owned(),
            epoch: inner.store.epoch(),
            started_at: inner.store.epoch_began_at(),
            last_seen_at: Some(now),
            lease_until: None,
            ended_at: None,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            slots: count(inner.core_status.workers()),
            running: count(*inner.running.count().borrow()),
            clock_offset_us: inner.store.clock_offset_us(),
        };
        let is_held = inner.held.holds(inner.clock.boot_time());
        NodeStatus { health: if is_held { NodeHealth::by_clock(&info) } else { NodeHealth::Late }, info }
    }
}
