//! The real server as a child process.

use crate::database::Database;
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_micros(200);

/// A running server; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) listening_after: Duration,
}

/// The server's binary: the one named, or the one beside this program.
pub(crate) fn binary(named: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let path = std::env::current_exe()?.with_file_name("oneoff-server");
    anyhow::ensure!(path.exists(), "build the server too: {} is missing", path.display());
    Ok(path)
}

impl Server {
    /// Starts it on a free port and waits until it answers.
    pub(crate) fn start(binary: &Path, database: &Database) -> anyhow::Result<Server> {
        Self::start_with(binary, database, 0)
    }

    /// The same with settings by their environment variables.
    pub(crate) fn start_with_settings(
        binary: &Path,
        database: &Database,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Server> {
        let mut command = Command::new(binary);
        command.env_clear().envs(settings.iter().copied());
        Self::start_by(command, binary, database)
    }

    /// The same, with so many worker slots; 0 is the server's default.
    pub(crate) fn start_with(binary: &Path, database: &Database, workers: usize) -> anyhow::Result<Server> {
        let mut command = Command::new(binary);
        command.env_clear().env("WORKERS_COUNT", workers.to_string());
        Self::start_by(command, binary, database)
    }

    fn start_by(mut command: Command, binary: &Path, database: &Database) -> anyhow::Result<Server> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let began = Instant::now();
        let (setting, value) = database.setting();
        let mut child = command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOST", "127.0.0.1")
            .env("PORT", address.port().to_string())
            .env(setting, value)
            .env("LOG_LEVEL", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let _closed = std::io::stderr().write_all(format!("{line}\n").as_bytes());
                }
            });
        }
        let mut server = Server { child, address, listening_after: Duration::ZERO };
        // The port is taken before anything else is done: only an answer shows that it is served.
        while !answers(address) {
            if let Some(status) = server.child.try_wait()? {
                anyhow::bail!("the server ended with {status}");
            }
            anyhow::ensure!(began.elapsed() < START_TIMEOUT, "the server does not answer");
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
        server.listening_after = began.elapsed();
        Ok(server)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and reaped.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops it as an operator does, and waits for its end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let id = Pid::from_raw(self.child.id().try_into()?).context("no process id")?;
        kill_process(id, Signal::TERM)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// Whether the server answers a request.
fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(START_TIMEOUT))?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        std::io::Result::Ok(status)
    };
    ask().is_ok_and(|status| status == *b"HTTP/1.1 200")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
