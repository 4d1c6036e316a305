//! A server with keys, as a stranger to the source finds one: an address and a key.

use crate::http;
use crate::process::Background;
use crate::suites::postgres::DATABASE_URL;
use crate::workspace::{Profile, Workspace};
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const LOG_LINES_SHOWN: usize = 40;

/// A server that runs.
pub(super) struct Server {
    process: Background,
    folder: PathBuf,
    address: SocketAddr,
    key: String,
}

impl Server {
    /// Starts one on a fresh database, with these settings beside the usual ones.
    pub(super) fn start(workspace: &Workspace, settings: &[(&str, &str)]) -> Result<Self> {
        let folder = workspace.clients_folder().join("server");
        if folder.is_dir() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let program = workspace.program(Profile::Dev, "oneoff-server");
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.args(arguments).current_dir(&folder).env_remove(DATABASE_URL);
            command.env("ONEOFF_HOST", "127.0.0.1").env("ONEOFF_PORT", address.port().to_string());
            command.env("ONEOFF_DB_PATH", folder.join("oneoff.db")).env("ONEOFF_AUTH_ENABLED", "true");
            command.env("ONEOFF_LOG_LEVEL", "info").env("ONEOFF_SHUTDOWN_GRACE_SECONDS", "1");
            command.envs(settings.iter().copied());
            command
        };
        let log = File::create(folder.join("log"))?;
        let process = Background::start(command(&["serve"]).stderr(log))?;
        let mut server = Self { process, folder: folder.clone(), address, key: String::new() };
        server.wait_until_ready()?;
        let made = command(&["keys", "create", "--admin"]).output()?;
        if !made.status.success() {
            bail!("no key could be made: {}", String::from_utf8_lossy(&made.stderr));
        }
        server.key = String::from_utf8(made.stdout)?.trim().to_owned();
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while http::get(self.address, "/readyz").map_or(true, |(status, _)| status != 200) {
            if let Some(status) = self.process.ended()? {
                bail!("the server ended with {status}:\n{}", self.log());
            }
            if Instant::now() > deadline {
                bail!("the server does not answer:\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The document that describes its API.
    pub(super) fn document(&self) -> Result<String> {
        match http::get(self.address, "/api/openapi.json")? {
            (200, document) => Ok(document),
            (status, _) => bail!("/api/openapi.json is answered with {status}"),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells a program where the server is, and its key.
    pub(super) fn name_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("ONEOFF_URL", self.url()).env("ONEOFF_KEY", &self.key)
    }

    /// Whether its key is still one.
    pub(super) fn accepts_key(&self) -> Result<bool> {
        let header = format!("Authorization: Bearer {}\r\n", self.key);
        Ok(http::get_with(self.address, "/api/api-keys", &header)?.0 == 200)
    }

    /// The last lines of its log.
    pub(super) fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default();
        format!("the log of the server ends with:\n{}", last.join("\n"))
    }

    /// Stops it, and fails where it failed.
    pub(super) fn stop(mut self) -> Result<()> {
        if let Some(status) = self.process.ended()? {
            bail!("the server ended by itself with {status}:\n{}", self.log());
        }
        let status = self.process.stop(PATIENCE)?;
        match status.success() {
            true => Ok(()),
            false => bail!("the server ended with {status}:\n{}", self.log()),
        }
    }
}
