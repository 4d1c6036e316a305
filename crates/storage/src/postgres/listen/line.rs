//! One connection on which a server says what nodes tell each other.

use super::Heard;
use super::outbox::Outbox;
use super::parameters::{Parameters, ParametersError};
use super::tls::{self, Attempts, TlsError};
use crate::postgres::address::DatabaseUrl;
use crate::postgres::connect::PARAMETERS;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Notification, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// For all hosts of the address together; each has its own `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

const WRITTEN: &str = "oneoff_written";
const NUMBERED: &str = "oneoff_events";
const KEY_FREE: &str = "oneoff_keys";

/// How a server that is gone without a word is found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// How often it is asked whether it is still there.
    pub(super) ask_every: Duration,
    /// How long it may take to answer.
    pub(super) answer_within: Duration,
}

const PATIENCE: Patience =
    Patience { ask_every: Duration::from_secs(10), answer_within: Duration::from_secs(5) };

type Link = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Why nothing is heard.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The address.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// What it says of TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What the server or the network says.
    #[error("hearing other nodes failed")]
    Server(#[from] tokio_postgres::Error),
    /// Somebody ended it.
    #[error("the server closed the connection")]
    Closed,
    /// Nobody ended it.
    #[error("the server does not answer")]
    Silent,
    /// The process ends.
    #[error("the address could not be read")]
    Stopped(#[from] tokio::task::JoinError),
}

/// An open connection.
pub(super) struct Line {
    client: Client,
    link: Link,
    pub(super) patience: Patience,
}

struct Prepared {
    config: Config,
    tls: MakeRustlsConnect,
    attempts: Attempts,
}

#[expect(
    clippy::disallowed_methods,
    reason = "libpq reads it for the other connections: all are of one server"
)]
fn of_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn prepare(url: &DatabaseUrl) -> Result<Prepared, LineError> {
    let parameters = Parameters::of(url.with_password(), &PARAMETERS, of_environment)?;
    let (tls, attempts) = tls::set_up(&parameters)?;
    Ok(Prepared { config: parameters.config()?, tls, attempts })
}

impl Prepared {
    async fn attempt(&self, mode: SslMode) -> Result<(Client, Link), tokio_postgres::Error> {
        self.config.clone().ssl_mode(mode).connect(self.tls.clone()).await
    }

    async fn connect(&self) -> Result<(Client, Link), tokio_postgres::Error> {
        match (self.attempt(self.attempts.first).await, self.attempts.then) {
            (Err(error), Some(mode)) => self.attempt(mode).await.or(Err(error)),
            (connected, _) => connected,
        }
    }
}

impl Line {
    /// Connects, and listens from then on. Files are read anew: certificates may have been replaced.
    pub(super) async fn open(url: &DatabaseUrl, outbox: &mut Outbox) -> Result<Self, LineError> {
        let url = url.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare(&url)).await??;
        let connecting = timeout(CONNECT_TIMEOUT, Box::pin(prepared.connect()));
        let (client, link) = connecting.await.map_err(|_elapsed| LineError::Silent)??;
        let mut line = Self { client, link, patience: PATIENCE };
        // A server may be set to close connections that do nothing.
        let listen =
            format!("SET idle_session_timeout = 0; LISTEN {WRITTEN}; LISTEN {NUMBERED}; LISTEN {KEY_FREE}");
        line.run(&listen, outbox).await?;
        Ok(line)
    }

    /// Passes on what is said, as long as the connection lasts.
    pub(super) async fn hear(&mut self, outbox: &mut Outbox) -> LineError {
        let ended = async {
            loop {
                drive(&mut self.link, outbox, sleep(self.patience.ask_every)).await?;
                self.run("", outbox).await?;
            }
        };
        let Err::<Infallible, _>(error) = ended.await;
        error
    }

    async fn run(&mut self, sql: &str, outbox: &mut Outbox) -> Result<(), LineError> {
        let running = timeout(self.patience.answer_within, self.client.batch_execute(sql));
        let ran = drive(&mut self.link, outbox, running).await?;
        Ok(ran.map_err(|_elapsed| LineError::Silent)??)
    }
}

/// Passes on what is said until the work is done. Nothing arrives on a connection that is not driven.
async fn drive<T>(
    link: &mut Link,
    outbox: &mut Outbox,
    work: impl Future<Output = T>,
) -> Result<T, LineError> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            message = poll_fn(|context| link.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(said))) => pass_on(&said, outbox),
                Some(Ok(_notice)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(LineError::Closed),
            },
            () = outbox.deliver(), if outbox.is_waiting() => {}
            done = &mut work => return Ok(done),
        }
    }
}

fn pass_on(said: &Notification, outbox: &mut Outbox) {
    match said.channel() {
        WRITTEN => outbox.say(Heard::Written),
        NUMBERED => outbox.say(Heard::Numbered),
        KEY_FREE => outbox.say(Heard::KeyFree(said.payload().to_owned())),
        _ => {}
    }
}
