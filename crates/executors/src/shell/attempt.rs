//! One attempt of a shell job: start, output, end, and the end of everything it has started.

use super::command::Prepared;
use super::config::ShellConfig;
use super::environment::BaseEnvironment;
use super::group::{Pipes, ProcessGroup};
use super::pump::pump;
use super::sweeper::Sweeper;
use crate::{RunContext, StopReason};
use oneoff_domain::{AttemptOutcome, OutputStream, Reason, ValidationErrors};
use rustix::process::Signal;
use serde_json::json;
use std::future::Future;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// What a process has to clean up after it was asked to end.
const TERM_GRACE: Duration = Duration::from_millis(300);
/// How long a collector may take for what was in the pipes when the attempt was stopped.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a killed leader may take to end.
const DEATH: Duration = Duration::from_secs(2);

/// Runs an attempt to its end.
pub(super) async fn run(
    environment: &BaseEnvironment,
    sweeper: &Arc<Sweeper>,
    context: RunContext,
) -> AttemptOutcome {
    if let Some(reason) = context.stop.fired() {
        return reason.outcome();
    }
    let config = match ShellConfig::parse(&context.config) {
        Ok(config) => config,
        Err(errors) => {
            return AttemptOutcome::failed(Reason::InvalidConfig, ValidationErrors(errors).to_string());
        }
    };
    let prepared = Prepared::new(&config, environment.of_attempt(&context, &config.env));
    match start(prepared, &context, sweeper) {
        Ok((group, pipes)) => see_through(group, pipes, context).await,
        Err(message) => AttemptOutcome::failed(Reason::Spawn, message),
    }
}

fn start(
    prepared: Prepared,
    context: &RunContext,
    sweeper: &Arc<Sweeper>,
) -> Result<(ProcessGroup, Pipes), String> {
    if let Some(missing) = prepared.missing_file() {
        return Err(missing);
    }
    match ProcessGroup::spawn(&prepared, context, sweeper) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            let prepared = prepared.through_shell();
            ProcessGroup::spawn(&prepared, context, sweeper).map_err(|error| prepared.explain(&error))
        }
        started => started.map_err(|error| prepared.explain(&error)),
    }
}

/// How the attempt came to its end.
enum End {
    Leader(io::Result<()>),
    Stop(StopReason),
}

async fn see_through(mut group: ProcessGroup, pipes: Pipes, context: RunContext) -> AttemptOutcome {
    let (drain, draining) = watch::channel(false);
    let mut output = pin!(Output::new(pipes, &context, draining));
    let mut stop = context.stop.clone();
    let end = {
        let mut leader = pin!(group.leader_ended());
        let mut stopped = pin!(stop.wait());
        loop {
            tokio::select! {
                biased;
                ended = &mut leader => break End::Leader(ended),
                reason = &mut stopped => break End::Stop(reason),
                () = output.as_mut(), if !output.is_closed() => {}
            }
        }
    };
    match end {
        End::Leader(ended) => {
            let (status, left) = close(&mut group, ended, output, &drain).await;
            // What could not be reaped or ended is left to the group's drop.
            if status.is_ok() && left == 0 {
                group.finish();
            }
            outcome(status)
        }
        End::Stop(reason) => {
            end_tree(group, output, &drain, &context).await;
            reason.outcome()
        }
    }
}

/// Ends all that the leader, which has ended, has left behind, in the group and outside, and lets the output
/// come to its end. Returns the leader's status and how many processes do not end.
///
/// No other attempt may start while something of this one lives, also when nothing holds the output open.
async fn close(
    group: &mut ProcessGroup,
    ended: io::Result<()>,
    output: Pin<&mut Output>,
    drain: &watch::Sender<bool>,
) -> (io::Result<ExitStatus>, usize) {
    // The output is moved on meanwhile, or a full pipe would keep its writer from dying. The group is killed
    // last: that parts the children of its members from their parents.
    oneoff_faults::reach("end.before_sweep");
    let sweep = async {
        let left = group.sweep().await;
        oneoff_faults::reach("end.after_sweep");
        let status = ended.and_then(|()| group.reap());
        drain.send_replace(true);
        (status, left)
    };
    tokio::join!(sweep, output).0
}

/// Ends the whole tree at once: asks the group to end, gives it a moment, then kills it and whoever carries
/// the execution's id or descends from it.
async fn end_tree(
    mut group: ProcessGroup,
    mut output: Pin<&mut Output>,
    drain: &watch::Sender<bool>,
    context: &RunContext,
) {
    group.find_members().await;
    oneoff_faults::reach("stop.before_signal");
    group.signal(Signal::TERM);
    let all_ended = async { tokio::join!(group.leader_ended(), output.as_mut()).0 };
    if timeout(TERM_GRACE, all_ended).await.is_err() {
        group.find_members().await;
    }
    group.signal(Signal::KILL);
    oneoff_faults::reach("stop.after_kill");
    // A leader that hangs in the kernel is left to the group's drop, which goes on trying.
    let dead = timeout(DEATH, group.leader_ended()).await.is_ok_and(|ended| ended.is_ok());
    if dead && let Err(error) = group.reap() {
        tracing::warn!(%error, execution_id = %context.execution_id, "an ended process was not reaped");
    }
    let sweep = async {
        let left = group.sweep().await;
        drain.send_replace(true);
        left
    };
    let (left, _last_words) = tokio::join!(sweep, timeout(LAST_WORDS, output));
    if dead && left == 0 {
        group.finish();
    }
}

fn outcome(status: io::Result<ExitStatus>) -> AttemptOutcome {
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            return AttemptOutcome::failed(Reason::Failure, format!("cannot wait for the process: {error}"));
        }
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => AttemptOutcome::success().with_exit_code(Some(0)),
        (Some(code), _) => {
            let hint = match code {
                126 => " (a command is not executable)",
                127 => " (a command was not found)",
                _ => "",
            };
            AttemptOutcome::failed(Reason::ExitCode, format!("exited with code {code}{hint}"))
                .with_exit_code(Some(code))
        }
        (None, signal) => {
            let number = signal.unwrap_or_default();
            let name = signal_hook::low_level::signal_name(number)
                .map_or_else(|| format!("signal {number}"), str::to_owned);
            AttemptOutcome::failed(Reason::Signal, format!("ended by {name}"))
                .with_result(json!({ "signal": name, "signal_number": number }))
        }
    }
}

/// Both outputs on their way to the collector. As a future it is done when both are closed, and may be
/// awaited again then.
struct Output {
    pumps: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Output {
    fn new(pipes: Pipes, context: &RunContext, draining: watch::Receiver<bool>) -> Self {
        let stdout = pump(pipes.stdout, OutputStream::Stdout, context.output.clone(), draining.clone());
        let stderr = pump(pipes.stderr, OutputStream::Stderr, context.output.clone(), draining);
        let pumps = Box::pin(async {
            tokio::join!(stdout, stderr);
        });
        Self { pumps: Some(pumps) }
    }

    fn is_closed(&self) -> bool {
        self.pumps.is_none()
    }
}

impl Future for Output {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        let Some(pumps) = self.pumps.as_mut() else { return std::task::Poll::Ready(()) };
        std::task::ready!(pumps.as_mut().poll(context));
        self.pumps = None;
        std::task::Poll::Ready(())
    }
}
