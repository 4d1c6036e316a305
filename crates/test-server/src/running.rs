//! The thread on which a test server runs.

use oneoff_server::{ServerError, Settings, SettingsError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Why a test server cannot start, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestServerError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No directory for the database.
    #[error("no directory for the database")]
    Directory(#[source] std::io::Error),
    /// The PostgreSQL server that the environment names has no database for it.
    #[error("cannot create a database on the server of DATABASE_URL")]
    Database(#[source] oneoff_pg_fixture::FixtureError),
    /// The thread or its runtime.
    #[error("cannot start the server's thread")]
    Thread(#[source] std::io::Error),
    /// The port.
    #[error(transparent)]
    Listen(#[from] oneoff_server::listen::ListenError),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server's own URL cannot be read.
    #[error("the server's URL cannot be read")]
    Url(#[source] url::ParseError),
    /// The client.
    #[error("the client cannot be made")]
    Client(#[source] oneoff_client::ClientError),
    /// The thread panicked.
    #[error("the server's thread panicked")]
    Panicked,
}

/// A server's thread, and the means to end it.
pub(crate) struct Running {
    stop: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<Result<(), TestServerError>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) async fn start(settings: Settings) -> Result<(Self, String), TestServerError> {
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("test-server".to_owned())
            .spawn(move || {
                let _nobody_waits = end.send(serve(settings, stopped, ready));
            })
            .map_err(TestServerError::Thread)?;
        let running = Self { stop: Some(stop), ended, thread: Some(thread) };
        match is_ready.await {
            Ok(url) => Ok((running, url)),
            Err(_it_failed) => Err(running.stop().await.err().unwrap_or(TestServerError::Panicked)),
        }
    }

    pub(crate) async fn stop(mut self) -> Result<(), TestServerError> {
        drop(self.stop.take());
        (&mut self.ended).await.unwrap_or(Err(TestServerError::Panicked))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _its_panic_was_printed = thread.join();
        }
    }
}

fn serve(
    settings: Settings,
    stopped: oneshot::Receiver<()>,
    ready: oneshot::Sender<String>,
) -> Result<(), TestServerError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().map_err(TestServerError::Thread)?;
    runtime.block_on(async {
        let listener = oneoff_server::listen::bind(&settings)?;
        let shutdown = async {
            let _dropped_or_sent = stopped.await;
        };
        let server = oneoff_server::start(settings, listener, None, shutdown).await?;
        let _nobody_waits = ready.send(server.url().to_owned());
        Ok(server.ended().await?)
    })
}
