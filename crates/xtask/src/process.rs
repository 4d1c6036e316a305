//! Running other programs: to their end, with their lines looked at on the way, or in the background.

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long lines are awaited after a program has ended. Only a process that it left behind can hold them.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Runs a program to its end; that it fails is an error which names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.status().with_context(|| format!("cannot run `{name}`"))?;
    if !status.success() {
        bail!("`{name}` ended with {status}");
    }
    Ok(())
}

/// Runs a program to its end, passes each line of its standard output on, and shows it to `look`.
pub(crate) fn run_watched(command: &mut Command, mut look: impl FnMut(&str)) -> Result<ExitStatus> {
    let name = describe(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{name}`"))?;
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || stdout.into_iter().for_each(|stdout| send_lines(stdout, &sender)));
    let mut status = None;
    let mut deadline = None;
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => {
                println!("{line}");
                look(&line);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if status.is_none() {
                    status = child.try_wait()?;
                    deadline = status.map(|_| Instant::now() + LAST_LINES);
                }
                if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                    println!("`{name}` has ended, but left a process behind that holds its output");
                    break;
                }
            }
        }
    }
    status.map_or_else(|| Ok(child.wait()?), Ok)
}

fn send_lines(stdout: ChildStdout, lines: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
        if lines.send(text).is_err() {
            return;
        }
        line.clear();
    }
}

/// The program and its arguments, as one would type them.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A program in the background, in a process group of its own, so that Ctrl-C reaches it only through us.
pub(crate) struct Background {
    child: Child,
    name: String,
}

impl Background {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let name = describe(command);
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        Ok(Self { child: child.with_context(|| format!("cannot run `{name}`"))?, name })
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks all of its processes to end.
    pub(crate) fn ask_to_stop(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Asks it to end, and ends it when `grace` is over.
    pub(crate) fn stop(&mut self, grace: Duration) -> Result<ExitStatus> {
        self.ask_to_stop()?;
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("`{}` did not stop within {} s and is killed", self.name, grace.as_secs());
        self.signal(Signal::KILL)?;
        Ok(self.child.wait()?)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        match id.map(|id| kill_process_group(id, signal)) {
            Some(Err(error)) if error != rustix::io::Errno::SRCH => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The exit code that a shell would show.
pub(crate) fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{Background, exit_code, run, run_watched};
    use std::process::Command;
    use std::time::{Duration, Instant};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_names_the_program() {
        run(&mut shell("true")).unwrap();
        let error = run(&mut shell("exit 3")).unwrap_err().to_string();
        assert!(error.contains("`sh -c exit 3`") && error.contains('3'), "{error}");
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"));
    }

    #[test]
    fn lines_are_seen_and_the_status_is_kept() {
        let mut lines = Vec::new();
        let status = run_watched(&mut shell("echo a; echo b; exit 2"), |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["a", "b"]);
        assert_eq!(exit_code(status.unwrap()), 2);
    }

    #[test]
    fn a_process_left_behind_does_not_hold_us() {
        let start = Instant::now();
        run_watched(&mut shell("sleep 30 & echo started"), |_| ()).unwrap();
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_whole_group_is_stopped_with_its_code() {
        let mut background = Background::start(&mut shell("trap 'exit 7' TERM; sleep 30 & wait")).unwrap();
        while !has_children(background.child.id()) {
            std::thread::yield_now();
        }
        let status = background.stop(Duration::from_secs(10)).unwrap();
        assert_eq!(exit_code(status), 7);
        assert!(background.ended().unwrap().is_some());
    }

    fn has_children(id: u32) -> bool {
        let path = format!("/proc/{id}/task/{id}/children");
        std::fs::read_to_string(path).map_or(true, |children| !children.trim().is_empty())
    }

    #[test]
    fn what_ignores_the_request_is_killed() {
        let mut background =
            Background::start(&mut shell("trap '' TERM; while :; do sleep 1; done")).unwrap();
        while !has_children(background.child.id()) {
            std::thread::yield_now();
        }
        assert_eq!(exit_code(background.stop(Duration::from_millis(200)).unwrap()), 128 + 9);
    }
}
