//! What the guardian process does: it listens to the server, and when the server is gone it ends whatever
//! the server has started.
//!
//! The server writes lines: `token T`, `start EXECUTION GROUP TICKS` with the moment when the group's leader
//! was started, 0 if it is not known, `end EXECUTION`, `quit`. The end of the input without `quit` is the
//! server's death.

use super::end::{Ended, end_marked};
use super::scan::Marks;
use super::stat::Identity;
use rustix::process::Pid;
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long the guardian tries to end what does not go, such as a process that waits for a dead disk.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer lines are no words of a server.
const LINE_MAX_BYTES: u64 = 1024;

/// The guardian process: reads standard input to its end. Call it first thing in `main`, before any runtime
/// or thread is started, and return what it returns.
#[must_use]
pub fn guardian_main() -> ExitCode {
    outlive_signals();
    let (goodbye, known) = listen(std::io::stdin().lock());
    let ended = end(&known, PATIENCE);
    if ended.left > 0 || (ended.found > 0 && !goodbye) {
        let Ended { found, left } = ended;
        let _nobody_reads = writeln!(
            std::io::stderr(),
            "oneoff guardian: the server is gone; of its jobs, {found} processes were left over and {left} would not end",
        );
    }
    if ended.left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A signal that stops a whole service, or a terminal that closes, must not take the guardian before it has
/// seen the server go: it is the end of the input that ends it.
fn outlive_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        let _stays_deadly = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
    }
}

/// What the server has said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    token: Option<String>,
    /// The leader of each group, whose number is the group's.
    groups: HashMap<String, Identity>,
}

/// Reads to the end of the input or to `quit`, and tells whether it was `quit`.
pub(crate) fn listen(mut input: impl BufRead) -> (bool, Known) {
    let mut known = Known::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut input, LINE_MAX_BYTES).read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) => return (false, known),
            Ok(_) => {}
        }
        // A line that was cut short by the server's death says nothing for certain.
        let Some(text) = line.strip_suffix(b"\n").and_then(|text| std::str::from_utf8(text).ok()) else {
            continue;
        };
        match text.split_once(' ').unwrap_or((text, "")) {
            ("quit", _) => return (true, known),
            ("token", token) if !token.is_empty() => known.token = Some(token.to_owned()),
            ("end", execution) => drop(known.groups.remove(execution)),
            ("start", rest) => {
                if let Some((execution, leader)) = parse_start(rest) {
                    known.groups.insert(execution, leader);
                }
            }
            _ => {}
        }
    }
}

fn parse_start(rest: &str) -> Option<(String, Identity)> {
    let mut words = rest.split(' ');
    let (execution, group, start_ticks) = (words.next()?, words.next()?, words.next()?);
    let pid = group.parse().ok().filter(|group| *group > 1).and_then(Pid::from_raw)?;
    let leader = Identity { pid, start_ticks: start_ticks.parse().ok()? };
    words.next().is_none().then(|| (execution.to_owned(), leader))
}

/// Ends everything that the server has started. After a goodbye nothing should be left but what a job has
/// hidden in the background, and that does not outlive the server either.
pub(crate) fn end(known: &Known, within: Duration) -> Ended {
    #[cfg(not(target_os = "linux"))]
    end_registered_blindly(known);
    let leaders = known.groups.iter().map(|(execution, leader)| (*leader, execution.clone()));
    let marks = Marks {
        executions: known.groups.keys().cloned().collect(),
        instance: known.token.clone(),
        processes: leaders.collect(),
        ..Marks::default()
    };
    let groups = known.groups.values().map(|leader| leader.pid.as_raw_nonzero().get()).collect();
    end_marked(marks, &groups, within)
}

/// Where no environment can be read, a registered group is ended as it is. The server says `end` before it
/// gives a group's number back, so that the number can only be another's after a crash in that very moment.
#[cfg(not(target_os = "linux"))]
fn end_registered_blindly(known: &Known) {
    for leader in known.groups.values() {
        let _gone_already = rustix::process::kill_process_group(leader.pid, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(input: &str) -> (bool, Known) {
        listen(input.as_bytes())
    }

    #[test]
    fn the_server_is_understood() {
        let (goodbye, known) = heard("token t\nstart a 100 7\nstart b 200 8\nend a\n");
        assert!(!goodbye);
        let leader = Identity { pid: Pid::from_raw(200).unwrap(), start_ticks: 8 };
        assert_eq!(
            known,
            Known { token: Some("t".to_owned()), groups: HashMap::from([("b".to_owned(), leader)]) }
        );
        assert!(heard("token t\nquit\nstart a 100 0\n").0);
    }

    #[test]
    fn a_broken_line_says_nothing() {
        let long = format!("start {} 100 0\n", "x".repeat(5000));
        for line in [
            "start a\n",
            "start a b 0\n",
            "start a 1 0\n",
            "start a -5 0\n",
            "start a 100\n",
            "start a 100 -1\n",
            "start a 100 1 2\n",
            "nonsense\n",
            "\n",
            "start a 100 0",
            &long,
        ] {
            assert_eq!(heard(line), (false, Known::default()), "{line:?}");
        }
        assert_eq!(listen(&b"start \xff 100 0\nquit\n"[..]), (true, Known::default()));
    }
}
