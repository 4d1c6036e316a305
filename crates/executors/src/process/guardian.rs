//! The server's end of the guardian: starts it, keeps it up to date, and starts it again when it dies.

use super::told::{Group, LiveGroups};
use super::{INSTANCE_VARIABLE, ProcessWatch};
use oneoff_domain::{BootTime, ExecutionId};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long news are gathered before the guardian is told: attempts that are over by then cost no message.
const GATHER: Duration = Duration::from_millis(5);
/// The pause before a guardian that died is started again, doubled up to the longest.
const RESTART_MIN: Duration = Duration::from_millis(50);
const RESTART_MAX: Duration = Duration::from_secs(10);
/// How long telling of a lease is waited for. A guardian that takes longer is told all the same.
const TOLD_WITHIN: Duration = Duration::from_millis(200);
/// How long a guardian may take to end after the goodbye before it is killed, and then to be dead.
const GOODBYE: Duration = Duration::from_secs(2);
const DEATH: Duration = Duration::from_secs(1);

/// A running guardian. All processes that are started under it end when this process dies, however it dies.
pub struct Guardian {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    token: String,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    groups: LiveGroups,
    lease_until: Option<BootTime>,
    /// What the guardian was told of it.
    told_lease: Option<BootTime>,
    guardian_died: bool,
    process_id: Option<u32>,
    stop: Option<Stop>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Says goodbye.
    Quit,
    /// Closes the pipe without a word, as the death of this process would.
    Abandon,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills the guardian, which ends whatever the talker waits for.
    fn kill_guardian(&self) {
        let state = self.state();
        // While its number is in here it was not reaped, and the number is its own.
        let pid = state.process_id.and_then(|number| Pid::from_raw(i32::try_from(number).ok()?));
        if let Some(pid) = pid {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
    }

    /// Waits for the end of the guardian, and forgets its number before that is given back.
    fn reap(&self, child: &mut Child) {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _reported_by_wait = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        }
        self.state().process_id = None;
        let _already_gone = child.wait();
    }

    /// Wakes the talker for the first news only: it gathers the rest by itself.
    fn change(&self, change: impl FnOnce(&mut LiveGroups)) {
        let mut state = self.state();
        let awake = state.groups.has_changed();
        change(&mut state.groups);
        if !awake && state.groups.has_changed() {
            drop(state);
            self.changed.notify_all();
        }
    }
}

fn ends_within<T>(thread: &JoinHandle<T>, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while !thread.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    thread.is_finished()
}

impl Guardian {
    /// Starts `program` with `arguments`, by which it must call [`super::guardian_main`]. `token` is random
    /// text without white space that is new for each start of a server: every process carries it.
    ///
    /// # Errors
    /// When the program or the thread that talks to it cannot be started.
    pub fn spawn(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        token: impl Into<String>,
    ) -> io::Result<Guardian> {
        let (program, token) = (program.into(), token.into());
        if token.is_empty() || token.contains(|c: char| c.is_whitespace() || c == '\0') || token.len() > 256 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the guardian's token must be one word"));
        }
        let shared = Arc::new(Shared::default());
        let mut talker = Talker {
            shared: Arc::clone(&shared),
            program,
            arguments: arguments.into_iter().map(Into::into).collect(),
            token: token.clone(),
        };
        let first = talker.start()?;
        let thread = std::thread::Builder::new()
            .name("oneoff-guardian".to_owned())
            .spawn(move || talker.run(first))?;
        Ok(Guardian { shared, thread: Mutex::new(Some(thread)), token })
    }

    /// The process id of the guardian; `None` while it is being started again.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.shared.state().process_id
    }

    /// Tells the guardian until when what it was told of may live: all of it has ended by `lease_until`, of
    /// [`super::boot_time`], unless the lease is renewed before. Ending begins so much earlier as it may take, whether
    /// or not this process answers then. Waits a moment until the guardian is told. It goes on afterwards, and what starts without a lease ends at once. As long
    /// as this was never called there is no lease, and nothing ends before this process does.
    pub fn renew_lease(&self, lease_until: BootTime, ending: Duration) {
        let ending_at = Some(BootTime(lease_until.0.saturating_sub(ending)));
        let mut state = self.shared.state();
        state.lease_until = ending_at;
        self.shared.changed.notify_all();
        // What starts by the lease is to end with it, also when this process hangs right now.
        let is_untold = |state: &mut State| state.told_lease != ending_at && state.stop.is_none();
        let _told_or_timed_out = self.shared.changed.wait_timeout_while(state, TOLD_WITHIN, is_untold);
    }

    /// Tells the guardian that all is well, and waits until it has ended. To be called when no attempt runs
    /// any more; blocks for a few milliseconds, or three seconds if the guardian does not answer: it is
    /// killed then.
    pub fn shutdown(&self) {
        self.stop(Stop::Quit);
    }

    fn stop(&self, how: Stop) {
        self.shared.state().stop.get_or_insert(how);
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        if !ends_within(&thread, GOODBYE) {
            // Without a goodbye the guardian has work to do, and ends after it.
            if how == Stop::Abandon {
                return;
            }
            tracing::warn!("the guardian process does not answer; it is killed");
            self.shared.kill_guardian();
            if !ends_within(&thread, DEATH) {
                return;
            }
        }
        let _its_panic_was_reported = thread.join();
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.stop(Stop::Abandon);
    }
}

impl ProcessWatch for Guardian {
    fn started(&self, execution_id: ExecutionId, process_group: i32, start_ticks: u64) {
        self.shared.change(|groups| groups.start(execution_id, Group { number: process_group, start_ticks }));
    }

    fn ended(&self, execution_id: ExecutionId) {
        self.shared.change(|groups| groups.end(execution_id));
    }

    fn environment(&self) -> Vec<(String, String)> {
        vec![(INSTANCE_VARIABLE.to_owned(), self.token.clone())]
    }
}

/// The thread that talks to the guardian, so that nobody else ever waits for it.
struct Talker {
    shared: Arc<Shared>,
    program: PathBuf,
    arguments: Vec<OsString>,
    token: String,
}

impl Talker {
    fn start(&mut self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        // In a group of its own it is not hit by the terminal's Ctrl-C.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let Some(mut stdout) = child.stdout.take() else { return Ok(child) };
        let shared = Arc::clone(&self.shared);
        let process_id = child.id();
        {
            let mut state = shared.state();
            state.guardian_died = false;
            state.told_lease = None;
            state.process_id = Some(process_id);
            state.groups.tell_anew();
        }
        // The guardian writes nothing there: the end of its output is its end.
        let watcher = move || {
            let mut ignored = [0; 64];
            while stdout.read(&mut ignored).is_ok_and(|count| count > 0) {}
            let mut state = shared.state();
            if state.process_id == Some(process_id) {
                state.guardian_died = true;
                state.process_id = None;
            }
            drop(state);
            shared.changed.notify_all();
        };
        match std::thread::Builder::new().name("oneoff-guardian-end".to_owned()).spawn(watcher) {
            Ok(_runs_until_the_guardian_ends) => Ok(child),
            Err(error) => {
                end_child(&mut child);
                Err(error)
            }
        }
    }

    fn run(mut self, first: Child) {
        let mut guardian = Some(first);
        let mut pause = RESTART_MIN;
        let mut started = Instant::now();
        loop {
            if let Some(mut child) = guardian.take() {
                let stopped = child.stdin.take().is_some_and(|stdin| self.talk(stdin));
                if stopped {
                    self.shared.reap(&mut child);
                    return;
                }
                let _already_gone = child.kill();
                self.shared.reap(&mut child);
                if started.elapsed() > RESTART_MAX {
                    pause = RESTART_MIN;
                }
                tracing::warn!("the guardian process ended; it is started again");
            }
            if self.pause(pause) {
                return;
            }
            started = Instant::now();
            match self.start() {
                Ok(child) => guardian = Some(child),
                Err(error) => tracing::error!(%error, "the guardian process cannot be started again"),
            }
            pause = (pause * 2).min(RESTART_MAX);
        }
    }

    /// Tells the guardian all it must know, until it dies (`false`) or this end stops (`true`).
    fn talk(&self, mut stdin: ChildStdin) -> bool {
        let (mut told, mut told_lease) = (HashSet::new(), None);
        let mut write = |text: &str| stdin.write_all(text.as_bytes()).is_ok();
        if !write(&format!("token {}\n", self.token)) {
            return false;
        }
        loop {
            let (lines, stop) = {
                let idle = |state: &mut State| {
                    state.stop.is_none()
                        && !state.guardian_died
                        && !state.groups.has_changed()
                        && state.lease_until == told_lease
                };
                let state = self.shared.state();
                let state =
                    self.shared.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
                let busy = |state: &mut State| {
                    state.stop.is_none() && !state.guardian_died && state.lease_until == told_lease
                };
                let (mut state, _timed_out) = self
                    .shared
                    .changed
                    .wait_timeout_while(state, GATHER, busy)
                    .unwrap_or_else(PoisonError::into_inner);
                if state.guardian_died && state.stop.is_none() {
                    return false;
                }
                // The lease first: what was started by it is not to end for the one before.
                let lease = state.lease_until.filter(|until| Some(*until) != told_lease);
                let lines =
                    lease.map_or_else(String::new, |until| format!("lease {}\n", until.0.as_micros()));
                told_lease = state.lease_until;
                (lines + &state.groups.lines(&mut told), state.stop)
            };
            let alive = write(&lines);
            if alive {
                self.shared.state().told_lease = told_lease;
                self.shared.changed.notify_all();
            }
            match stop {
                Some(Stop::Quit) => {
                    write("quit\n");
                    return true;
                }
                Some(Stop::Abandon) => return true,
                None if !alive => return false,
                None => {}
            }
        }
    }

    /// Waits before a new start; `true` if this end stops meanwhile.
    fn pause(&self, pause: Duration) -> bool {
        let going_on = |state: &mut State| state.stop.is_none();
        let (state, _timed_out) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.state(), pause, going_on)
            .unwrap_or_else(PoisonError::into_inner);
        state.stop.is_some()
    }
}

fn end_child(child: &mut Child) {
    let _already_gone = child.kill();
    let _already_gone = child.wait();
}
