//! Test-only: a real PostgreSQL server on a directory, a socket and a port of its own, with a fresh database for each
//! test. It can be stopped, restarted and killed, and leaves neither processes nor files behind.

mod binaries;
mod certificates;
mod cluster;
mod database;
mod error;
mod held;
mod process;
mod server;
mod settings;
mod shared;
mod sweeper;

pub use certificates::Certificates;
pub use cluster::Cluster;
pub use database::Database;
pub use error::FixtureError;
pub use held::HeldTransaction;
pub use server::Shutdown;
pub use settings::Settings;
pub use shared::{TEST_DATABASE_URL, shared_cluster};
