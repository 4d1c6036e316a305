//! Test-only: a real server in this process, on a port and a database of its own, with the typed client.
//!
//! It runs on a thread with a runtime of its own, so that a test may block, and stops when it is dropped.

mod builder;
mod running;

pub use builder::Builder;
pub use running::TestServerError;

use oneoff_client::{Client, ClientSettings};
use running::Running;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A server that runs in this process.
pub struct TestServer {
    directory: TempDir,
    builder: Builder,
    running: Option<Running>,
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
        let (running, url) = Running::start(builder.settings(&directory.path().join("oneoff.db"))?).await?;
        let client = client(&url)?;
        Ok(Self { directory, builder, running: Some(running), url, client })
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

    /// The directory of the database, for files of the test as well.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.directory.path().join("oneoff.db")
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
        let (running, url) = Running::start(self.builder.settings(&self.database())?).await?;
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
