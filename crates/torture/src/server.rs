//! The armed server as a child process: started with a plan, watched until it dies, and killed.

use crate::plan::LifePlan;
use anyhow::{Context as _, Result, bail};
use oneoff_client::{Client, ClientSettings};
use oneoff_storage::{DatabaseUrl, StoreOptions};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

/// How long a start may take, on a machine that does other things as well.
const START: Duration = Duration::from_secs(60);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The lease of a server with a shared database: the shortest there is.
pub(crate) const LEASE: Duration = Duration::from_secs(5);
/// How many attempts a server runs at the same time.
pub(crate) const SLOTS: usize = 32;
/// How long a stop by SIGTERM may take.
const STOP: Duration = Duration::from_secs(60);

/// How servers are started: the program, and where their database and their log are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The armed server.
    pub program: PathBuf,
    /// Its database, where that is a file, its log and the journal of its jobs.
    pub directory: PathBuf,
    /// The address of the database, where that is on a PostgreSQL server.
    pub database_url: Option<String>,
    /// The name of the node, where there are several.
    pub node: Option<String>,
    /// How long a client waits for an answer.
    pub patience: Duration,
}

impl Place {
    /// With a file as the database.
    #[must_use]
    pub fn with_file(program: PathBuf, directory: PathBuf) -> Self {
        Self { program, directory, database_url: None, node: None, patience: PATIENCE }
    }

    /// With a database on a PostgreSQL server.
    #[must_use]
    pub fn on_postgres(program: PathBuf, directory: PathBuf, url: String) -> Self {
        Self { database_url: Some(url), ..Self::with_file(program, directory) }
    }

    /// Whether others may use the database at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.database_url.is_some()
    }

    /// The database, where that is a file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.directory.join("oneoff.db")
    }

    /// How the database is opened.
    ///
    /// # Errors
    /// Its address cannot be read.
    pub fn store(&self) -> Result<StoreOptions> {
        Ok(match &self.database_url {
            Some(url) => {
                StoreOptions::on_server(DatabaseUrl::new(url).context("the address of the database")?)
            }
            None => StoreOptions::new(self.database()),
        })
    }

    /// What jobs have written down.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.directory.join("journal")
    }

    /// What all servers have logged; each node has a log of its own.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.node.as_deref().unwrap_or("server")))
    }
}

/// A server that listens.
pub struct Server {
    child: Child,
    /// A client of it.
    pub client: Client,
}

/// What came of a start.
pub enum Started {
    /// It listens.
    Listening(Server),
    /// It was killed at a point before it listened.
    Killed,
}

impl Server {
    /// Starts a server and waits until it listens or is killed.
    ///
    /// # Errors
    /// It ended in any other way, or takes too long.
    pub async fn start(place: &Place, plan: &LifePlan) -> Result<Started> {
        let mut child = command(place, plan).spawn().context("the armed server cannot be started")?;
        let listening = follow_log(&mut child, place.log())?;
        tokio::select! {
            Ok(url) = listening => {
                let mut settings = ClientSettings::new(url.parse().context("the server's URL")?);
                settings.timeouts.request = place.patience;
                Ok(Started::Listening(Server { child, client: Client::new(settings)? }))
            }
            status = child.wait() => match was_killed(status?) {
                true => Ok(Started::Killed),
                false => bail!("the server does not start: see {}", place.log().display()),
            },
            () = tokio::time::sleep(START) => bail!("the server does not listen after {START:?}"),
        }
    }

    /// Waits until the server has been killed, at a point or by [`Self::kill`].
    ///
    /// # Errors
    /// It ended in any other way.
    pub async fn death(&mut self) -> Result<()> {
        let status = self.child.wait().await?;
        if was_killed(status) {
            return Ok(());
        }
        bail!("the server was not killed: it ended with {status}")
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// The system's.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("the server cannot be killed")
    }

    /// Stops it in the middle of whatever it does, until [`Self::go_on`]: nothing of it runs, and nothing of it ends.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Self::pause`].
    ///
    /// # Errors
    /// It has ended.
    pub fn go_on(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(pid.context("the server has ended")?, signal).context("the server cannot be told")
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system's.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Tells it to stop, as a service manager does.
    ///
    /// # Errors
    /// It has ended.
    pub fn tell_to_stop(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Stops it as a service manager does.
    ///
    /// # Errors
    /// It does not stop, or says that it failed.
    pub async fn stop(&mut self) -> Result<()> {
        self.tell_to_stop()?;
        let status = tokio::time::timeout(STOP, self.child.wait()).await.context("it does not stop")??;
        if !status.success() {
            bail!("the server stopped with {status}");
        }
        Ok(())
    }
}

pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

fn command(place: &Place, plan: &LifePlan) -> Command {
    let mut command = Command::new(&place.program);
    command
        .env_clear()
        .envs(plan.environment())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .env("LOG_FORMAT", "json")
        .env("SHUTDOWN_GRACE_SECONDS", "20")
        .env("WORKERS_COUNT", SLOTS.to_string())
        .env("WEBHOOK_RETRY_SECONDS", "1")
        .current_dir(&place.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    match &place.database_url {
        Some(url) => command.env("DATABASE_URL", url).env("LEASE_SECONDS", LEASE.as_secs().to_string()),
        None => command.env("DB_PATH", place.database()),
    };
    command.envs(place.node.iter().map(|name| ("NODE_NAME", name)));
    command
}

/// Copies the server's log into a file, and resolves with its URL when it says that it listens; with an
/// error when it ends before.
fn follow_log(child: &mut Child, log: PathBuf) -> Result<oneshot::Receiver<String>> {
    let stderr = child.stderr.take().context("the server has no log")?;
    let (found, listening) = oneshot::channel();
    tokio::spawn(async move {
        let mut found = Some(found);
        let mut lines = BufReader::new(stderr).lines();
        let Ok(mut file) = open(&log).await else { return };
        while let Ok(Some(line)) = lines.next_line().await {
            let _kept_for_people = file.write_all(format!("{line}\n").as_bytes()).await;
            let _kept_for_people = file.flush().await;
            if let Some(url) = url_of(&line)
                && let Some(found) = found.take()
            {
                let _nobody_waits = found.send(url);
            }
        }
    });
    Ok(listening)
}

async fn open(log: &Path) -> std::io::Result<tokio::fs::File> {
    tokio::fs::File::options().create(true).append(true).open(log).await
}

fn url_of(line: &str) -> Option<String> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_listening = entry.get("message")?.as_str()?.starts_with("listening on");
    is_listening.then(|| entry.get("url")?.as_str().map(str::to_owned))?
}
