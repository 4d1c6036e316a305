//! Several nodes on one PostgreSQL server, under load, while they are killed, paused and cut off from the database, and
//! the database itself is restarted. The same oracle judges what is left.

mod campaign;
mod node;
mod proxy;
mod readiness;
mod remains;
mod report;
mod restarts;
mod round;
mod trouble;

pub use campaign::{Machines, NodesCampaign};
pub use report::{NodesReport, NodesRound};
pub use trouble::{Trouble, troubles};
