//! The name of this node among those that share a database.

use crate::settings::Settings;
use oneoff::{NodeHealth, NodeStatus};

/// The name that is set. With PostgreSQL, where none is: the host's and the port, which no other process of the host
/// has, whatever starts it anew. A file has one server, and its name is nobody's question.
pub(crate) fn of(settings: &Settings, port: u16) -> Option<String> {
    let of_host = || settings.database_url.as_ref().map(|_shared| format!("{}:{port}", host_name()));
    settings.node_name.clone().or_else(of_host)
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "node".to_owned() } else { name }
}

/// Says so where another node of this name is alive. Nothing is mixed up by that: what a node runs and its lease belong
/// to its epoch. After a crash it is this node's own last life, until its lease is over.
pub(crate) fn warn_of_namesakes(nodes: &[NodeStatus], epoch: i64) {
    let Some(own) = nodes.iter().find(|node| node.info.epoch == epoch) else { return };
    let is_namesake = |node: &&NodeStatus| {
        node.info.node_id == own.info.node_id && node.info.epoch != epoch && node.health != NodeHealth::Gone
    };
    if let Some(other) = nodes.iter().find(is_namesake) {
        tracing::warn!(
            node = %own.info.node_id,
            epoch,
            other_epoch = other.info.epoch,
            "another node of this name holds a lease: if it is the last life of this one, which did not end in good \
             order, that is over soon; if it runs, give each a NODE_NAME of its own, so that people can tell them apart"
        );
    }
}
