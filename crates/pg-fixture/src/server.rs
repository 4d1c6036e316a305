//! The server's process: starting it, waiting until it is ready, and ending it in every way there is.

use crate::FixtureError;
use crate::binaries::Binaries;
use crate::process::wait_for;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// How long a start or an end may take on a busy machine.
const AT_MOST: Duration = Duration::from_secs(60);
/// What of the log is told when it does not start.
const LOG_TAIL_BYTES: usize = 2000;
/// What it says while processes of a server that was killed are not gone yet.
const STILL_IN_USE: &str = "pre-existing shared memory block";

/// The file that has a server be a replica.
const STANDBY: &str = "standby.signal";

/// How the server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Connections are cut, and all is written before it ends.
    Fast,
    /// It ends at once, and recovers from its log when it starts again.
    Immediate,
}

/// The server's process, while there is one.
#[derive(Debug)]
pub(crate) struct Server {
    binaries: Binaries,
    data: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl Server {
    pub(crate) fn new(binaries: Binaries, data: PathBuf, log: PathBuf) -> Self {
        Self { binaries, data, log, child: None }
    }

    /// Starts it, if it does not run, and waits until it takes connections.
    pub(crate) fn start(&mut self) -> Result<(), FixtureError> {
        let mut result = Ok(());
        let _ready = wait_for(AT_MOST, || {
            result = self.try_start();
            match &result {
                Err(FixtureError::NotReady { log }) if log.contains(STILL_IN_USE) => None,
                _ => Some(()),
            }
        });
        result
    }

    fn try_start(&mut self) -> Result<(), FixtureError> {
        if self.child.is_some() {
            return Ok(());
        }
        let files = |source| FixtureError::Files { path: self.log.clone(), source };
        let from = self.log.metadata().map_or(0, |metadata| metadata.len());
        let log = File::options().create(true).append(true).open(&self.log).map_err(files)?;
        let errors = log.try_clone().map_err(files)?;
        let mut command = self.binaries.command("postgres");
        command.arg("-D").arg(&self.data).stdin(Stdio::null()).stdout(log).stderr(errors);
        // Ctrl-C is for the tests: it would end the server under them.
        command.process_group(0);
        let program = command.get_program().into();
        let child = command.spawn().map_err(|source| FixtureError::Run { program, source })?;
        self.await_ready(child, from)
    }

    fn await_ready(&mut self, mut child: Child, log_from: u64) -> Result<(), FixtureError> {
        let is_ready = wait_for(AT_MOST, || {
            let has_ended = !matches!(child.try_wait(), Ok(None));
            match has_ended {
                true => Some(false),
                false => is_ready(&self.data, child.id()).then_some(true),
            }
        });
        if is_ready == Some(true) {
            self.child = Some(child);
            return Ok(());
        }
        drop(child.kill());
        drop(child.wait());
        Err(FixtureError::NotReady { log: tail(&self.log, log_from) })
    }

    /// Has it be a replica of nobody, or the primary again, from its next start on.
    pub(crate) fn set_replica(&self, is_replica: bool) -> Result<(), FixtureError> {
        let path = self.data.join(STANDBY);
        let done = match is_replica {
            true => File::create(&path).map(drop),
            false => std::fs::remove_file(&path),
        };
        done.map_err(|source| FixtureError::Files { path, source })
    }

    /// Stops it, if it runs, and waits until it is gone.
    pub(crate) fn stop(&mut self, shutdown: Shutdown) -> Result<(), FixtureError> {
        let signal = match shutdown {
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
        };
        // One that cannot be told has ended already.
        self.end(|server| kill_process(server, signal).unwrap_or_default())
    }

    /// Kills it and all of its processes.
    pub(crate) fn kill(&mut self) -> Result<(), FixtureError> {
        self.end(|server| {
            let processes = children_of(server);
            for process in std::iter::once(server).chain(processes) {
                kill_process(process, Signal::KILL).unwrap_or_default();
            }
        })
    }

    fn end(&mut self, signal: impl FnOnce(Pid)) -> Result<(), FixtureError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        signal(Pid::from_child(&child));
        if wait_for(AT_MOST, || (!matches!(child.try_wait(), Ok(None))).then_some(())).is_none() {
            self.child = Some(child);
            return Err(FixtureError::NotEnded);
        }
        Ok(())
    }

    /// The server's process id, while it runs.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

/// Whether the server of this process id says so in its file, whose eighth line is its state.
fn is_ready(data: &Path, process_id: u32) -> bool {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines();
    lines.next() == Some(process_id.to_string().as_str())
        && lines.nth(6).is_some_and(|state| ["ready", "standby"].contains(&state.trim()))
}

/// The end of what was written to the log since then.
fn tail(log: &Path, from: u64) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(0).max(bytes.len().saturating_sub(LOG_TAIL_BYTES));
    String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).trim().to_owned()
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let entries = Path::new("/proc").read_dir().into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| parent_of(*id) == Some(parent.as_raw_nonzero().get())).filter_map(Pid::from_raw).collect()
}

/// The parent of a process, which follows its state after the name in parentheses.
fn parent_of(process: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}
