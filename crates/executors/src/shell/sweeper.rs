//! Finds and ends the processes of attempts, away from the runtime, for many attempts in one pass: a look at
//! the processes of the machine is dear, and attempts often end in crowds.

use super::batches::Batches;
use super::leaders::Leaders;
use crate::process::end::end_marked;
use crate::process::scan::{From, Look, Marks, look};
use crate::process::stat::{Identity, newest_pid, pid_max};
use oneoff_domain::ExecutionId;
use rustix::process::Pid;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a pass tries to end what it found.
const PATIENCE: Duration = Duration::from_secs(3);
/// Faster than any machine starts processes: until so many numbers for each millisecond are used up, none
/// is used anew.
const STARTS_PER_MS: u128 = 500;
/// A machine with fewer numbers could use them up in no time.
const PID_MAX_LEAST: i32 = 32_768;

/// The processes that are looked for: those of one attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub(super) execution_id: ExecutionId,
    /// The first process; `None` if nothing could be learned of it.
    pub(super) leader: Option<Identity>,
    /// Not after the leader's start.
    pub(super) started: Instant,
}

struct Request {
    subject: Subject,
    /// Processes that are known to be the attempt's.
    known: HashSet<Identity>,
    then: Then,
}

enum Then {
    Tell(oneshot::Sender<HashSet<Identity>>),
    End(Box<dyn FnOnce(usize) + Send>),
}

/// Looks for processes in one batch after another; those that must be ended are ended beside, so that one
/// that does not go holds up nobody who has left nothing.
#[derive(Debug, Default)]
pub(super) struct Sweeper {
    leaders: Arc<Leaders>,
    looks: Arc<Batches<Request>>,
    ends: Arc<Batches<Request>>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Sweeper {
    /// Takes note of the leader of an attempt, which was not started before `since`.
    pub(super) fn leader_started(&self, leader: Pid, since: Instant) {
        self.leaders.add(leader, since);
    }

    /// Whether an attempt whose leader has ended is known to have started no other process: all that were started
    /// since are leaders of other attempts. Whoever it had started would be there by now, and could not have a number
    /// that was not given yet.
    pub(super) fn has_left_nothing(&self, subject: &Subject) -> bool {
        let Some(leader) = subject.leader else { return false };
        let is_young = pid_max().is_some_and(|numbers| numbers_last(subject, numbers));
        is_young
            && newest_pid().is_some_and(|newest| self.leaders.are_all(leader.pid, newest, subject.started))
    }

    /// All processes of an attempt that live now, whatever they have done to their environment, as long as
    /// their parents live.
    pub(super) async fn members(&self, subject: Subject, known: HashSet<Identity>) -> HashSet<Identity> {
        let (answer, answered) = oneshot::channel();
        self.push(Request { subject, known, then: Then::Tell(answer) });
        answered.await.unwrap_or_default()
    }

    /// Ends every process of the attempt and returns how many of the whole pass were left.
    pub(super) async fn sweep(&self, subject: Subject, known: HashSet<Identity>) -> usize {
        let (answer, answered) = oneshot::channel();
        self.request(subject, known, move |left| {
            let _nobody_waits = answer.send(left);
        });
        // Without an answer nothing is known to have ended.
        answered.await.unwrap_or(1)
    }

    /// Ends every process of the attempt, then does `then`, on a thread of its own.
    pub(super) fn request(
        &self,
        subject: Subject,
        known: HashSet<Identity>,
        then: impl FnOnce(usize) + Send + 'static,
    ) {
        self.push(Request { subject, known, then: Then::End(Box::new(then)) });
    }

    fn push(&self, request: Request) {
        let (leaders, ends) = (Arc::clone(&self.leaders), Arc::clone(&self.ends));
        self.looks.push(request, move |batch| look_for(batch, &leaders, &ends));
    }
}

fn look_for(batch: Vec<Request>, leaders: &Leaders, ends: &Arc<Batches<Request>>) {
    let from = begin_of(&batch);
    let own: HashSet<i32> =
        batch.iter().filter_map(|request| Some(request.subject.leader?.pid.as_raw_nonzero().get())).collect();
    let since = batch.iter().map(|request| request.subject.started).min();
    // As long as no number can have been used anew, the leaders of other attempts are known by theirs.
    let is_others = |number: i32| {
        matches!(from, From::After(_))
            && !own.contains(&number)
            && since.is_some_and(|since| leaders.has(number, since))
    };
    let found = look(&marks_of(&batch), from, &is_others);
    for mut request in batch {
        let members = members_of(request.subject, &found);
        match request.then {
            Then::Tell(answer) => {
                let _nobody_waits = answer.send(members);
            }
            Then::End(then) if members.is_empty() && found.is_settled => then(0),
            Then::End(_) => {
                request.known.extend(members);
                ends.push(request, end);
            }
        }
    }
}

fn members_of(subject: Subject, found: &Look) -> HashSet<Identity> {
    let id = subject.execution_id.to_string();
    found.marked().filter(|(_, owner)| **owner == id).map(|(process, _)| process.identity).collect()
}

fn end(batch: Vec<Request>) {
    let left = end_marked(marks_of(&batch), &HashSet::new(), PATIENCE).left;
    if left > 0 {
        tracing::warn!(left, "processes of attempts that were to end do not end");
    }
    for request in batch {
        if let Then::End(then) = request.then {
            then(left);
        }
    }
}

fn marks_of(batch: &[Request]) -> Marks {
    let starts = batch.iter().map(|request| request.subject.leader.map_or(0, |leader| leader.start_ticks));
    let mut marks = Marks { earliest_start_ticks: starts.min().unwrap_or(0), ..Marks::default() };
    for request in batch {
        let id = request.subject.execution_id.to_string();
        let known = request.known.iter().copied().chain(request.subject.leader);
        marks.processes.extend(known.map(|process| (process, id.clone())));
        marks.executions.insert(id);
    }
    marks
}

/// Whether no number can have been used twice since an attempt was started, of so many.
fn numbers_last(subject: &Subject, numbers: i32) -> bool {
    let half = numbers / 2;
    numbers >= PID_MAX_LEAST
        && subject.started.elapsed().as_millis() * STARTS_PER_MS < half.unsigned_abs().into()
}

/// Whoever belongs to an attempt was started after its leader, and has a higher number as long as the
/// numbers have not been used up since. So after a short attempt few processes must be looked at.
fn begin_of(batch: &[Request]) -> From {
    let Some(numbers) = pid_max() else { return From::All };
    let half = numbers / 2;
    if !batch.iter().all(|request| numbers_last(&request.subject, numbers)) {
        return From::All;
    }
    let leaders: Option<Vec<_>> = batch.iter().map(|request| Some(request.subject.leader?.pid)).collect();
    let Some(leaders) = leaders else { return From::All };
    // A leader that is still there is looked at too.
    let first = leaders.iter().map(|pid| pid.as_raw_nonzero().get()).min();
    let highest = leaders.iter().map(|pid| pid.as_raw_nonzero().get()).max();
    match (first, highest) {
        // Numbers that lie far apart have begun anew between them.
        (Some(first), Some(highest)) if highest - first < half => {
            Pid::from_raw(first - 1).map_or(From::All, From::After)
        }
        _ => From::All,
    }
}
