//! The server that the tests of one program share.

use crate::{Cluster, FixtureError, Settings};
use std::sync::OnceLock;

/// The variable that names a server for tests, which is then used instead of one of their own.
pub const TEST_DATABASE_URL: &str = "ONEOFF_TEST_DATABASE_URL";

/// The server that the tests of this program share, started at its first use. Each test has a database of its own there.
///
/// # Errors
/// There is no PostgreSQL, or it did not start; the same each time.
pub fn shared_cluster() -> Result<&'static Cluster, FixtureError> {
    static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| of_environment().map_err(|error| error.to_string()));
    shared.as_ref().map_err(|error| FixtureError::Shared(error.clone()))
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
fn of_environment() -> Result<Cluster, FixtureError> {
    match std::env::var(TEST_DATABASE_URL) {
        Ok(url) if !url.is_empty() => Cluster::of_url(&url),
        _ => Cluster::start(&Settings::default()),
    }
}
