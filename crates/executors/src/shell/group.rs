//! The process group of an attempt, from its start to the moment when nothing of it is left.

use super::command::Prepared;
use super::exit::ExitWatch;
use super::sweeper::{Subject, Sweeper};
use crate::process::stat::{Identity, Stat};
use crate::{ProcessWatch, RunContext};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::HashSet;
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::unix::pipe::Receiver;

/// How long a process that was killed may take to become a zombie before nobody waits for it any more.
const DEATH_PATIENCE: Duration = Duration::from_secs(5);

/// A process group that lives. Dropping it ends it.
pub(super) struct ProcessGroup {
    child: Option<Child>,
    pid: Pid,
    exit: ExitWatch,
    subject: Subject,
    members: HashSet<Identity>,
    /// Whether the leader has.
    has_ended: bool,
    watch: Arc<dyn ProcessWatch>,
    sweeper: Arc<Sweeper>,
    ended: bool,
}

/// The reading ends of what it writes.
pub(super) struct Pipes {
    pub(super) stdout: Receiver,
    pub(super) stderr: Receiver,
}

impl ProcessGroup {
    /// Starts the command.
    pub(super) fn spawn(
        prepared: &Prepared,
        context: &RunContext,
        sweeper: &Arc<Sweeper>,
    ) -> io::Result<(Self, Pipes)> {
        let started = Instant::now();
        oneoff_faults::reach("start.before_spawn");
        let mut child = prepared.command().spawn()?;
        oneoff_faults::reach("start.after_spawn");
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let (pid, exit) = match watch_exit(&child) {
            Ok(watched) => watched,
            Err(error) => {
                let _already_gone = child.kill();
                let _already_gone = child.wait();
                return Err(error);
            }
        };
        sweeper.leader_started(pid, started);
        // From here on dropping the group ends it, whatever fails. It was not reaped yet: what is seen there is it.
        let leader = Stat::read(pid).map(|stat| stat.identity);
        let group = Self {
            child: Some(child),
            pid,
            exit,
            subject: Subject { execution_id: context.execution_id, leader, started },
            members: HashSet::new(),
            has_ended: false,
            watch: Arc::clone(&context.processes),
            sweeper: Arc::clone(sweeper),
            ended: false,
        };
        let start_ticks = leader.map_or(0, |leader| leader.start_ticks);
        group.watch.started(context.execution_id, pid.as_raw_nonzero().get(), start_ticks);
        oneoff_faults::reach("start.after_watch");
        let no_pipe = || io::Error::other("the process has no output");
        let pipes = Pipes {
            stdout: Receiver::from_owned_fd(stdout.ok_or_else(no_pipe)?.into())?,
            stderr: Receiver::from_owned_fd(stderr.ok_or_else(no_pipe)?.into())?,
        };
        Ok((group, pipes))
    }

    /// Returns when the leader has ended. The group's number is still ours then.
    pub(super) async fn leader_ended(&mut self) -> io::Result<()> {
        self.exit.ended().await?;
        self.has_ended = true;
        Ok(())
    }

    /// Sends a signal to every process of the group.
    pub(super) fn signal(&self, signal: Signal) {
        // Once the leader was reaped its number may be somebody else's.
        if self.child.is_some() {
            let _nobody_there = kill_process_group(self.pid, signal);
        }
    }

    /// Ends whatever the leader, which has ended, has left in the group, then lets its number go.
    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        let Some(mut child) = self.child.take() else {
            return Err(io::Error::other("the process was waited for twice"));
        };
        child.wait()
    }

    /// Finds all that the leader has started, also outside of the group. To be called before a signal that
    /// parts children from their parents: one that has no environment is known by its parent only.
    pub(super) async fn find_members(&mut self) {
        let found = self.sweeper.members(self.subject, self.members.clone()).await;
        self.members.extend(found);
    }

    /// Ends all that the attempt has started, and returns how many processes do not end.
    pub(super) async fn sweep(&self) -> usize {
        if self.has_ended && self.members.is_empty() && self.sweeper.has_left_nothing(&self.subject) {
            return 0;
        }
        self.sweeper.sweep(self.subject, self.members.clone()).await
    }

    /// Nothing of it is left: the watch may forget it.
    pub(super) fn finish(mut self) {
        self.tell_ended();
    }

    fn tell_ended(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.watch.ended(self.subject.execution_id);
        }
    }
}

fn watch_exit(child: &Child) -> io::Result<(Pid, ExitWatch)> {
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = number.ok_or_else(|| io::Error::other("the process has no number"))?;
    Ok((pid, ExitWatch::new(pid)?))
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.signal(Signal::KILL);
        let (child, watch, id) = (self.child.take(), Arc::clone(&self.watch), self.subject.execution_id);
        self.sweeper.request(self.subject, std::mem::take(&mut self.members), move |_left| {
            if let Some(child) = child {
                reap_within(child, DEATH_PATIENCE);
            }
            watch.ended(id);
        });
    }
}

/// Reaps a process that was killed. One that hangs in the kernel is left to the end of this process.
fn reap_within(mut child: Child, patience: Duration) {
    let deadline = Instant::now() + patience;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
}
