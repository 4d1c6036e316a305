//! Starts the built binary, reads what it says, and ends it.

use oneoff_api_types::{CreateJob, JobView};
use oneoff_client::{Client, ClientSettings, Waited};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A directory with a database, and the environment in which commands run there.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    environment: BTreeMap<String, String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut environment = BTreeMap::new();
        environment.insert("PORT".to_owned(), "0".to_owned());
        environment.insert("DB_PATH".to_owned(), directory.path().join("oneoff.db").display().to_string());
        environment.insert("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned());
        Self { directory, environment }
    }

    /// An empty environment, with only what finds programs.
    pub(crate) fn bare() -> Self {
        let mut place = Self::new();
        place.environment.retain(|name, _| name == "PATH");
        place
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.insert(name.to_owned(), value.to_string());
        self
    }

    pub(crate) fn setting(&self, name: &str) -> &str {
        &self.environment[name]
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("oneoff.db")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oneoff-server"));
        command.args(arguments).env_clear().envs(&self.environment).current_dir(self.directory.path());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Answer::from(self.command(arguments).output().unwrap())
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self) -> Serving {
        Self::serve_by(self.command(&[]))
    }

    /// The same by a command of its own.
    pub(crate) fn serve_by(mut command: Command) -> Serving {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let mut serving = Serving { child, receiver, log: Vec::new(), url: String::new() };
        let line = serving.wait_for_line("listening on");
        let entry: Value = serde_json::from_str(&line).unwrap();
        serving.url = entry["url"].as_str().unwrap().to_owned();
        serving
    }
}

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Answer {
    /// It failed with this code and says all of this.
    pub(crate) fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in {self:?}");
        }
    }

    pub(crate) fn succeeds(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
    }
}

/// A server that listens. Dropping kills it.
pub(crate) struct Serving {
    pub(crate) child: Child,
    receiver: Receiver<String>,
    log: Vec<String>,
    pub(crate) url: String,
}

impl Serving {
    pub(crate) fn port(&self) -> u16 {
        let authority = self.url.trim_start_matches("http://").split('/').next().unwrap();
        authority.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(ClientSettings::new(self.url.parse().unwrap())).unwrap()
    }

    /// Waits for a log line that contains `part`.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.receiver.recv_timeout(left) else {
                panic!("no `{part}` in the log: {:#?}", self.log);
            };
            self.log.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// All log lines until now.
    pub(crate) fn log(&mut self) -> Vec<String> {
        self.log.extend(self.receiver.try_iter());
        self.log.clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for(|| self.child.try_wait().unwrap())
    }

    /// Stops it as a service manager does, and waits.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        let status = self.wait();
        let log = self.log();
        assert!(status.success(), "{status:?} {log:#?}");
        log
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}

/// Waits for something to be there.
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A request by hand: the status and the whole answer.
pub(crate) fn get(port: u16, path: &str, headers: &[&str]) -> (u16, String) {
    let mut stream = TcpStream::connect(("localhost", port)).unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// Sends a request with a JSON body, to localhost unless the headers name another host; its answer as JSON.
pub(crate) fn send(port: u16, method: &str, path: &str, headers: &[&str], body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(("localhost", port)).unwrap();
    let names_host = headers.iter().any(|header| header.starts_with("Host:"));
    let host = if names_host { String::new() } else { format!("Host: localhost:{port}\r\n") };
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let about_body = match body.len() {
        0 => String::new(),
        bytes => format!("Content-Type: application/json\r\nContent-Length: {bytes}\r\n"),
    };
    let head = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}{about_body}\r\n");
    write!(stream, "{head}{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Runs a future of the client.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn shell(script: &str) -> CreateJob {
    let Value::Object(config) = json!({ "script": script }) else { unreachable!() };
    job("shell", config)
}

pub(crate) fn job(job_type: &str, config: Map<String, Value>) -> CreateJob {
    CreateJob {
        job_type: job_type.to_owned(),
        config,
        scheduled_at: Some("now".to_owned()),
        ..CreateJob::default()
    }
}

/// Creates a job and waits for its end.
pub(crate) fn run_job(client: &Client, job: &CreateJob) -> JobView {
    block_on(async {
        let created = client.create_job(job).await.unwrap();
        match client.wait_for_job(&created.id, Some(PATIENCE)).await.unwrap() {
            Waited::Over(job) => *job,
            Waited::TimedOut => panic!("the job did not end"),
        }
    })
}

/// Waits until a job has this status.
pub(crate) fn wait_for_status(client: &Client, id: &str, status: &str) {
    wait_for(|| block_on(async { (client.job(id).await.unwrap().status == status).then_some(()) }));
}
