//! Settings of a test server.

use crate::database::TestDatabase;
use crate::{TestServer, TestServerError};
use oneoff_server::{Settings, Sources};
use std::collections::BTreeMap;

/// Settings of a test server, over those that suit tests.
#[derive(Debug, Clone)]
pub struct Builder {
    given: BTreeMap<String, String>,
}

impl Default for Builder {
    fn default() -> Self {
        let given =
            [("HOST", "127.0.0.1"), ("PORT", "0"), ("SHUTDOWN_GRACE_SECONDS", "1"), ("ENVIRONMENT", "test")];
        Self { given: given.map(|(name, value)| (name.to_owned(), value.to_owned())).into() }
    }
}

impl Builder {
    /// A setting by the name of its environment variable: `WORKERS_COUNT`.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.insert(name.into(), value.into());
        self
    }

    /// Starts the server on a database of its own.
    ///
    /// # Errors
    /// The settings are wrong or the server cannot start.
    pub async fn start(self) -> Result<TestServer, TestServerError> {
        TestServer::begin(self).await
    }

    /// Whether the test names its database itself.
    pub(crate) fn has_database(&self) -> bool {
        ["DB_PATH", "DATABASE_URL"].iter().any(|name| self.given.contains_key(*name))
    }

    pub(crate) fn settings(&self, database: &TestDatabase) -> Result<Settings, TestServerError> {
        let mut flags = self.given.clone();
        if !self.has_database() {
            let (name, value) = database.setting();
            flags.insert(name.to_owned(), value);
        }
        Ok(Settings::load(&Sources { flags, ..Sources::default() })?)
    }
}
