//! Gauges of the nodes that share the database.

use oneoff_scheduler::{NodeHealth, NodeStatus};
use std::collections::HashSet;

/// More nodes than that have no gauges of their own: each is a label.
const NODES_MAX: usize = 100;

/// Says what the gauges are.
pub(crate) fn describe() {
    metrics::describe_gauge!("oneoff_nodes", "Nodes that share the database, by health");
    metrics::describe_gauge!("oneoff_node_up", "Whether the node holds its lease");
    metrics::describe_gauge!("oneoff_node_slots", "Worker slots of the node");
    metrics::describe_gauge!("oneoff_node_running", "Worker slots of the node in use when it was seen last");
    metrics::describe_gauge!(
        "oneoff_node_clock_offset_seconds",
        "By how much the clock of the node is ahead of the database's"
    );
    metrics::describe_counter!(
        "oneoff_lease_renewal_failures_total",
        "Renewals of this node's lease that failed"
    );
    metrics::describe_counter!("oneoff_node_given_up_total", "How often this node was given up by others");
    metrics::describe_counter!("oneoff_nodes_given_up_total", "Nodes that this one has given up");
    metrics::describe_counter!(
        "oneoff_rescued_attempts_total",
        "Attempts of other nodes that this one has recorded as lost, by what became of their jobs"
    );
}

/// Sets them.
pub(crate) fn note(nodes: &[NodeStatus]) {
    for health in NodeHealth::ALL {
        let count = nodes.iter().filter(|node| node.health == health).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("oneoff_nodes", "health" => health.as_str()).set(count);
    }
    let mut named = HashSet::new();
    for NodeStatus { info, health } in nodes.iter().take(NODES_MAX) {
        // Of nodes that were given the same name, each has gauges of its own.
        let is_first = named.insert(info.node_id.as_str());
        let name = match is_first {
            true => info.node_id.clone(),
            false => format!("{} (epoch {})", info.node_id, info.epoch),
        };
        let name = || name.clone();
        let is_up = *health != NodeHealth::Gone;
        metrics::gauge!("oneoff_node_up", "node" => name()).set(u8::from(is_up));
        if let Some(slots) = info.slots {
            metrics::gauge!("oneoff_node_slots", "node" => name()).set(slots);
        }
        if let Some(running) = info.running {
            let running = if is_up { running } else { 0 };
            metrics::gauge!("oneoff_node_running", "node" => name()).set(running);
        }
        if let Some(offset_us) = info.clock_offset_us {
            let seconds = offset_us as f64 / 1e6;
            metrics::gauge!("oneoff_node_clock_offset_seconds", "node" => name()).set(seconds);
        }
    }
}
