//! The built server as a child process, with the typed client.

use oneoff_api_types::{CreateJob, JobView};
use oneoff_client::{Client, ClientSettings};
use serde_json::{Map, json};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_oneoff-server");

/// A running server; `kill -9`ed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
}

impl Server {
    /// Starts it on the database in `directory`, and waits until it listens.
    pub(crate) fn start(directory: &Path) -> Server {
        Self::start_by(Command::new(BINARY), directory)
    }

    /// The same, on one processor core.
    pub(crate) fn start_on_one_core(directory: &Path) -> Server {
        let mut command = Command::new("taskset");
        command.args(["-c", "0", BINARY]);
        Self::start_by(command, directory)
    }

    fn start_by(mut command: Command, directory: &Path) -> Server {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log =
            std::fs::File::options().create(true).append(true).open(directory.join("server.log")).unwrap();
        let mut child = command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOST", "127.0.0.1")
            .env("PORT", address.port().to_string())
            .env("DB_PATH", directory.join("oneoff.db"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}: {}", log_of(directory));
            std::thread::sleep(Duration::from_millis(2));
        }
        let url = format!("http://{address}").parse().unwrap();
        let client = Client::new(ClientSettings::new(url)).unwrap();
        Server { child, address, client }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What the servers of a test have logged.
pub(crate) fn log_of(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("server.log")).unwrap_or_default()
}

/// A shell job.
pub(crate) fn shell(script: &str, at: &str) -> CreateJob {
    let mut config = Map::new();
    config.insert("script".to_owned(), json!(script));
    CreateJob {
        job_type: "shell".to_owned(),
        config,
        scheduled_at: Some(at.to_owned()),
        ..CreateJob::default()
    }
}

/// Asks for the job until it is as `wanted`; fails when that takes longer than 30 seconds.
pub(crate) async fn job_when(
    client: &Client,
    id: &str,
    what: &str,
    wanted: impl Fn(&JobView) -> bool,
) -> JobView {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let job = client.job(id).await.unwrap();
        if wanted(&job) {
            return job;
        }
        assert!(Instant::now() < deadline, "not {what}: {job:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The processes whose environment carries this text.
pub(crate) fn processes_with(text: &str) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let carries = |path: &PathBuf| {
        std::fs::read(path.join("environ"))
            .is_ok_and(|environ| environ.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    processes.map(|entry| entry.path()).filter(carries).collect()
}
