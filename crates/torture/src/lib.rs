//! Kills a server at every point there is, restarts it on the same database, and lets one oracle judge whether it
//! kept all its promises; and does worse to several nodes that share one.
//!
//! The only package that arms `oneoff-faults`. It is built on its own, never along with the workspace.

pub mod campaign;
pub mod copies;
pub mod evidence;
pub mod gather;
pub mod history;
pub mod ledger;
pub mod nodes;
pub mod oracle;
pub mod plan;
mod processes;
pub mod random;
pub mod server;
pub mod workload;
