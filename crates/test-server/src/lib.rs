//! Test-only: a real server in this process, on a port and a database of its own, with the typed client. The database is
//! a file, or one on the PostgreSQL server that `DATABASE_URL` names in the environment of the tests.
//!
//! It runs on a thread with a runtime of its own, so that a test may block, and stops when it is dropped.

mod builder;
mod database;
mod running;

pub use builder::Builder;
pub use database::DATABASE_URL;
pub use running::TestServerError;

use database::TestDatabase;
use oneoff_client::{Client, ClientSettings};
use running::Running;
use std::path::Path;
use tempfile::TempDir;

/// A server that runs in this process.
pub struct TestServer {
    builder: Builder,
    // Before what it uses.
    running: Option<Running>,
    database: TestDatabase,
    directory: TempDir,
    url: String,
    client: Client,
}

impl TestServer {
    /// A server with the settings that suit tests: a free port, a grace of one second.
    ///
    /// # Errors
    /// The server cannot start.
    pub async fn start() -> Result<Self, TestServerError> {
        Self::builder().start().await
    }

    /// A server with other settings.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    async fn begin(builder: Builder) -> Result<Self, TestServerError> {
        let directory = tempfile::tempdir().map_err(TestServerError::Directory)?;
        let database = match builder.has_database() {
            true => TestDatabase::file(directory.path()),
            false => TestDatabase::create(directory.path())?,
        };
        let (running, url) = Running::start(builder.settings(&database)?).await?;
        let client = client(&url)?;
        Ok(Self { builder, running: Some(running), database, directory, url, client })
    }

    /// A client of the server. After [`Self::restart`], ask for it again: the port is another one.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The URL of the server, with its base path and without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A directory of the test's own, which also has the database where that is a file.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Stops the server as SIGTERM does, and waits until it has stopped. The database stays.
    ///
    /// # Errors
    /// The server failed.
    pub async fn stop(&mut self) -> Result<(), TestServerError> {
        match self.running.take() {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    /// Stops the server, if it runs, and starts it again on the same database.
    ///
    /// # Errors
    /// The server failed or cannot start.
    pub async fn restart(&mut self) -> Result<(), TestServerError> {
        self.stop().await?;
        let (running, url) = Running::start(self.builder.settings(&self.database)?).await?;
        self.client = client(&url)?;
        self.running = Some(running);
        self.url = url;
        Ok(())
    }
}

fn client(url: &str) -> Result<Client, TestServerError> {
    let url = url.parse().map_err(TestServerError::Url)?;
    Client::new(ClientSettings::new(url)).map_err(TestServerError::Client)
}
