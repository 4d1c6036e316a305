//! What the guardian process does: it listens to the server, and when the server is gone, or has not renewed its
//! lease, it ends whatever the server has started.
//!
//! The server writes lines: `token T`, `start EXECUTION GROUP TICKS` with the moment when the group's leader
//! was started, 0 if it is not known, `end EXECUTION`, `lease MICROSECONDS` of boot time until when what it has started
//! may live, `quit`. The end of the input without `quit` is the server's death.

use super::boot::boot_time;
use super::end::{Ended, end_marked};
use super::guardian_ear::{Ear, Heard, is_ready};
use super::scan::Marks;
use super::stat::Identity;
use oneoff_domain::BootTime;
use rustix::event::PollFlags;
use rustix::process::Pid;
use std::collections::HashMap;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long the guardian tries to end what does not go, such as a process that waits for a dead disk.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same without a look at what the server says meanwhile: it may have renewed its lease.
const PATIENCE_AT_A_TIME: Duration = Duration::from_millis(500);
/// The pause before what did not go is looked for again.
const PAUSE: Duration = Duration::from_millis(100);
/// A server that speaks without a pause may still have to say that it has renewed its lease, for so long.
const WORDS_MAX: Duration = Duration::from_millis(100);
/// Waiting does not count suspend, so it is done in slices.
const SLICE: Duration = Duration::from_secs(1);

/// The guardian process: reads standard input to its end. Call it first thing in `main`, before any runtime
/// or thread is started, and return what it returns.
#[must_use]
pub fn guardian_main() -> ExitCode {
    outlive_signals();
    let (goodbye, known) = watch(std::io::stdin(), boot_time, |known| end(known, true, PATIENCE_AT_A_TIME));
    let ended = end(&known, false, PATIENCE);
    if ended.left > 0 || (ended.found > 0 && !goodbye) {
        tell("the server is gone", ended);
    }
    if ended.left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what was done, unless nobody takes it: who waited for that could do nothing else any more.
fn tell(why: &str, ended: Ended) {
    let Ended { found, left } = ended;
    let mut stderr = std::io::stderr();
    if is_ready(&stderr, PollFlags::OUT, Some(Duration::ZERO)) {
        let _nobody_reads = writeln!(
            stderr,
            "oneoff guardian: {why}; of its jobs, {found} processes were left over and {left} would not end",
        );
    }
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
    /// Until when all of it may live, where there are leases.
    lease_until: Option<BootTime>,
    /// Whether something was heard of that was not ended since the lease was over.
    is_any_new: bool,
}

impl Known {
    /// Takes in a line; `true` if it was the goodbye.
    fn hear(&mut self, line: &str) -> bool {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("quit", _) => return true,
            ("token", token) if !token.is_empty() => self.token = Some(token.to_owned()),
            ("end", execution) => drop(self.groups.remove(execution)),
            ("start", rest) => {
                if let Some((execution, leader)) = parse_start(rest) {
                    self.groups.insert(execution, leader);
                    self.is_any_new = true;
                }
            }
            ("lease", until) => {
                if let Ok(micros) = until.parse() {
                    self.lease_until = Some(BootTime(Duration::from_micros(micros)));
                    self.is_any_new = true;
                }
            }
            _ => {}
        }
        false
    }

    /// How long there is nothing to do, unless something is said; `None` is for ever.
    fn rests_for(&self, now: BootTime) -> Option<Duration> {
        let left = self.lease_until?.since(now);
        match (left.is_zero(), self.is_any_new) {
            (false, _) => Some(left.min(SLICE)),
            (true, true) => Some(Duration::ZERO),
            (true, false) => None,
        }
    }

    /// For how long the lease has been over, where there is something to end for it.
    fn is_over_for(&self, now: BootTime) -> Option<Duration> {
        let until = self.lease_until.filter(|until| self.is_any_new && *until <= now)?;
        Some(now.since(until))
    }
}

/// Listens to the end of the input or to `quit`, and tells whether it was `quit`. Whenever the lease is over, ends what
/// the server has started, and then goes on: what starts without a lease ends at once, until there is a new one.
fn watch(
    input: impl AsFd,
    now: impl Fn() -> BootTime,
    mut end: impl FnMut(&Known) -> Ended,
) -> (bool, Known) {
    let (mut ear, mut known) = (Ear::new(input), Known::default());
    let mut rest = None;
    loop {
        let at_most = rest.take().or_else(|| known.rests_for(now()));
        let is_quiet = match ear.next(at_most) {
            Heard::Line(line) if known.hear(&line) => return (true, known),
            Heard::Line(_) => false,
            Heard::Nothing => true,
            Heard::Closed => return (false, known),
        };
        if known.is_over_for(now()).is_some_and(|over| is_quiet || over > WORDS_MAX) {
            let ended = end(&known);
            if ended.found > 0 {
                tell("the server has not renewed its lease", ended);
            }
            known.is_any_new = ended.left > 0;
            rest = known.is_any_new.then_some(PAUSE);
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
///
/// A server that lives may renew its lease at any moment: what it starts by that is not ended.
pub(crate) fn end(known: &Known, server_lives: bool, within: Duration) -> Ended {
    #[cfg(not(target_os = "linux"))]
    end_registered_blindly(known);
    let leaders = known.groups.iter().map(|(execution, leader)| (*leader, execution.clone()));
    let marks = Marks {
        executions: known.groups.keys().cloned().collect(),
        instance: known.token.clone(),
        instance_lives: server_lives,
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
    use rustix::fd::OwnedFd;
    use rustix::pipe::pipe;

    const NOTHING: Ended = Ended { found: 0, left: 0 };

    fn at(micros: u64) -> BootTime {
        BootTime(Duration::from_micros(micros))
    }

    fn said(input: &[u8]) -> OwnedFd {
        let (reading, writing) = pipe().unwrap();
        rustix::io::write(&writing, input).unwrap();
        reading
    }

    fn heard(input: &str) -> (bool, Known) {
        watch(said(input.as_bytes()), || at(0), |_| panic!("nothing is to be ended"))
    }

    fn leader(number: i32, start_ticks: u64) -> Identity {
        Identity { pid: Pid::from_raw(number).unwrap(), start_ticks }
    }

    #[test]
    fn the_server_is_understood() {
        let (goodbye, known) = heard("token t\nstart a 100 7\nstart b 200 8\nend a\n");
        assert!(!goodbye);
        assert_eq!(known.token.as_deref(), Some("t"));
        assert_eq!(known.groups, HashMap::from([("b".to_owned(), leader(200, 8))]));
        assert_eq!(known.lease_until, None);
        assert!(heard("token t\nquit\nstart a 100 0\n").0);
        assert_eq!(heard("lease 5\nlease 7\n").1.lease_until, Some(at(7)));
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
            "lease\n",
            "lease -1\n",
            "lease 1.5\n",
            "lease 99999999999999999999\n",
            "lease soon\n",
            "nonsense\n",
            "\n",
            "start a 100 0",
            "lease 5",
            &long,
        ] {
            assert_eq!(heard(line), (false, Known::default()), "{line:?}");
        }
        let (goodbye, known) = watch(said(b"start \xff 100 0\nquit\n"), || at(0), |_| NOTHING);
        assert_eq!((goodbye, known), (true, Known::default()));
    }

    /// Lets a guardian hear the first words, and the next ones whenever all has ended; the last are followed by the end
    /// of the server. Answers what it ended each time.
    fn ends(words: &[&str], now: u64, mut left: usize) -> Vec<Vec<String>> {
        let (reading, writing) = pipe().unwrap();
        let mut writing = Some(writing);
        let mut words = words.iter();
        let mut say = move || {
            let said = words.next().map(|word| rustix::io::write(writing.as_ref().unwrap(), word.as_bytes()));
            said.transpose().unwrap();
            if words.len() == 0 {
                writing = None;
            }
        };
        say();
        let mut ended = Vec::new();
        let end = |known: &Known| {
            let mut groups: Vec<String> = known.groups.keys().cloned().collect();
            groups.sort_unstable();
            ended.push(groups);
            let was_left = std::mem::take(&mut left);
            if was_left == 0 {
                say();
            }
            Ended { found: 0, left: was_left }
        };
        assert!(!watch(reading, || at(now), end).0);
        ended
    }

    #[test]
    fn all_ends_once_when_the_lease_is_over_and_what_starts_without_one_ends_too() {
        assert_eq!(ends(&["start a 100 7\nlease 5\nstart b 200 7\n", ""], 5, 0), [["a", "b"]]);
        let again = ends(&["lease 5\nstart a 100 7\n", "end a\nstart b 200 7\n", ""], 9, 0);
        assert_eq!(again, [["a"], ["b"]]);
        let renewed = ends(&["lease 5\nstart a 100 7\n", "lease 20\nstart b 200 7\n"], 9, 0);
        assert_eq!(renewed, [["a"]]);
        assert_eq!(ends(&["lease 5\nstart a 100 7\n", ""], 9, 1), [["a"], ["a"]], "what did not go at first");
    }

    #[test]
    fn a_server_that_never_stops_talking_does_not_outlive_its_lease() {
        let late = u64::try_from(WORDS_MAX.as_micros()).unwrap() + 6;
        let words = "start a 100 7\nlease 5\nstart b 200 7\nend x\n";
        assert_eq!(ends(&[words, ""], late, 0)[0], ["a"], "before the last word is heard");
    }
}
