//! Gauges of the nodes that share the database.

use crate::exposition::Exposition;
use oneoff_scheduler::{NodeHealth, NodeStatus};
use std::collections::HashSet;

/// More nodes than that have no gauges of their own: each is a label.
const NODES_MAX: usize = 100;

/// Writes them out.
pub(crate) fn write(text: &mut Exposition, nodes: &[NodeStatus]) {
    let by_health = NodeHealth::ALL.map(|health| {
        let count = nodes.iter().filter(|node| node.health == health).count();
        (health.as_str().to_owned(), f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
    });
    text.gauges("oneoff_nodes", "Nodes that share the database, by health", "health", &by_health);
    let named = named(nodes);
    let gauges = |of: fn(&NodeStatus) -> Option<f64>| {
        let values = named.iter().filter_map(|(name, node)| Some((name.clone(), of(node)?)));
        values.collect::<Vec<_>>()
    };
    let up = gauges(|node| Some(f64::from(u8::from(is_up(node)))));
    text.gauges("oneoff_node_up", "Whether the node holds its lease", "node", &up);
    let slots = gauges(|node| node.info.slots.map(f64::from));
    text.gauges("oneoff_node_slots", "Worker slots of the node", "node", &slots);
    let running =
        gauges(|node| node.info.running.map(|count| f64::from(if is_up(node) { count } else { 0 })));
    let help = "Worker slots of the node in use when it was seen last";
    text.gauges("oneoff_node_running", help, "node", &running);
    let offsets = gauges(|node| node.info.clock_offset_us.map(|offset_us| offset_us as f64 / 1e6));
    let help = "By how much the clock of the node is ahead of the database's";
    text.gauges("oneoff_node_clock_offset_seconds", help, "node", &offsets);
}

fn is_up(node: &NodeStatus) -> bool {
    node.health != NodeHealth::Gone
}

/// The nodes with what they are called.
fn named(nodes: &[NodeStatus]) -> Vec<(String, &NodeStatus)> {
    let mut names = HashSet::new();
    let name_of = |node: &NodeStatus| {
        let info = &node.info;
        // Of nodes that were given the same name, each has gauges of its own.
        match names.insert(info.node_id.clone()) {
            true => info.node_id.clone(),
            false => format!("{} (epoch {})", info.node_id, info.epoch),
        }
    };
    let all: Vec<String> = nodes.iter().take(NODES_MAX).map(name_of).collect();
    all.into_iter().zip(nodes).collect()
}
