//! The real server as a child process.

use anyhow::Context as _;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) began: Instant,
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
    pub(crate) fn start(binary: &Path, database: &Path) -> anyhow::Result<Server> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let began = Instant::now();
        let mut child = Command::new(binary)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOST", "127.0.0.1")
            .env("PORT", address.port().to_string())
            .env("DB_PATH", database)
            .env("LOG_LEVEL", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let _closed =
                        std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
                }
            });
        }
        let server = Server { child, address, began };
        while std::net::TcpStream::connect(address).is_err() {
            anyhow::ensure!(began.elapsed() < START_TIMEOUT, "the server does not listen");
            std::thread::sleep(Duration::from_micros(500));
        }
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
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
