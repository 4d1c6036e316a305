//! What an armed build does at its points: nothing, until a [`Plan`] names one of them.

use crate::points::points;
use crate::{Moment, Sabotage};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NoFence, Self::AcknowledgeBeforeCommit, Self::ClaimOutsideTransaction];

    /// Its word on a command line and in the environment.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoFence => "no-fence",
            Self::AcknowledgeBeforeCommit => "acknowledge-before-commit",
            Self::ClaimOutsideTransaction => "claim-outside-transaction",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sabotage| sabotage.as_str() == word)
    }

    fn bit(self) -> u8 {
        match self {
            Self::NoFence => 1,
            Self::AcknowledgeBeforeCommit => 2,
            Self::ClaimOutsideTransaction => 4,
        }
    }
}

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends as by `kill -9`. The thread that came by stops at once; the others go on for this
    /// long, so that an answer that was given too early has the time to be heard.
    Kill {
        /// How long.
        after: Duration,
    },
    /// A commit is answered as if its disk had not answered, whether or not it took effect.
    Fail,
}

/// A fault at one passing of one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The point.
    pub point: String,
    /// Which passing of it, from 1 on.
    pub passing: u64,
    /// What happens.
    pub fault: Fault,
}

impl Plan {
    /// Reads `POINT`, `POINT:PASSING` or, for a kill, `POINT:PASSING:AFTER_MS`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, fault: Fault) -> Result<Self, String> {
        let mut parts = text.split(':');
        let point = parts.next().unwrap_or_default().to_owned();
        if !points().contains(&point) {
            return Err(format!("`{point}` is no point; there are {}", points().join(", ")));
        }
        let mut number = |name: &str| match parts.next() {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|error| format!("{name} `{text}`: {error}")),
        };
        let passing = number("the passing")?.unwrap_or(1);
        let after = number("the milliseconds")?;
        let fault = match (fault, after) {
            (Fault::Kill { .. }, Some(after_ms)) => Fault::Kill { after: Duration::from_millis(after_ms) },
            (Fault::Fail, Some(_)) => return Err("only a kill can wait".to_owned()),
            (fault, None) => fault,
        };
        Ok(Self { point, passing: passing.max(1), fault })
    }
}

static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());
static BROKEN: AtomicU8 = AtomicU8::new(0);
static ELSEWHERE: AtomicBool = AtomicBool::new(false);

thread_local! {
    static BROKEN_HERE: Cell<u8> = const { Cell::new(0) };
}

fn plans() -> MutexGuard<'static, Vec<Plan>> {
    PLANS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a fault to those that are to come.
pub fn plan(plan: Plan) {
    plans().push(plan);
}

/// Lets it be as if every node were on a machine of its own.
pub fn be_elsewhere() {
    ELSEWHERE.store(true, Ordering::Relaxed);
}

pub(crate) fn is_elsewhere() -> bool {
    ELSEWHERE.load(Ordering::Relaxed)
}

/// Breaks a promise in the whole process.
pub fn break_promise(promise: Sabotage) {
    BROKEN.fetch_or(promise.bit(), Ordering::SeqCst);
}

/// Breaks a promise on this thread, for as long as what this returns lives.
#[must_use]
pub fn break_here(promise: Sabotage) -> BrokenHere {
    BROKEN_HERE.with(|broken| broken.set(broken.get() | promise.bit()));
    BrokenHere(promise)
}

/// A promise that is broken on this thread.
#[derive(Debug)]
pub struct BrokenHere(Sabotage);

impl Drop for BrokenHere {
    fn drop(&mut self) {
        BROKEN_HERE.with(|broken| broken.set(broken.get() & !self.0.bit()));
    }
}

pub(crate) fn breaks(promise: Sabotage) -> bool {
    let broken = BROKEN.load(Ordering::Relaxed) | BROKEN_HERE.with(Cell::get);
    broken & promise.bit() != 0
}

pub(crate) fn reach(point: &str) {
    if pass(point, |fault| matches!(fault, Fault::Kill { .. })).is_some() {
        die();
    }
}

pub(crate) fn reach_all(operations: &[&'static str], moment: Moment) {
    for operation in operations {
        reach(&format!("{operation}.{}", moment.as_str()));
    }
}

pub(crate) fn fails(operations: &[&'static str], moment: Moment) -> bool {
    let mut fails = false;
    for operation in operations {
        fails |= pass(&format!("{operation}.{}", moment.as_str()), |fault| fault == Fault::Fail).is_some();
    }
    fails
}

/// Counts a passing of a point down in its plans of one kind; the fault, where this is the planned one.
fn pass(point: &str, is_kind: impl Fn(Fault) -> bool) -> Option<Fault> {
    let mut plans = plans();
    let mut due = None;
    for plan in plans.iter_mut().filter(|plan| plan.point == point && is_kind(plan.fault)) {
        plan.passing = plan.passing.saturating_sub(1);
        if plan.passing == 0 {
            due = Some(plan.fault);
        }
    }
    plans.retain(|plan| plan.passing > 0);
    drop(plans);
    if let Some(Fault::Kill { after }) = due {
        std::thread::sleep(after);
    }
    due
}

/// Ends the process as `kill -9` does: no destructor, no buffer, no exit handler.
fn die() -> ! {
    loop {
        let _dying = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_point_that_is_there() {
        let kill = Fault::Kill { after: Duration::ZERO };
        let parsed = Plan::parse("create.before_commit:3:20", kill).unwrap();
        let after = Duration::from_millis(20);
        let expected =
            Plan { point: "create.before_commit".to_owned(), passing: 3, fault: Fault::Kill { after } };
        assert_eq!(parsed, expected);
        assert_eq!(Plan::parse("claim.after_answer", Fault::Fail).unwrap().passing, 1);
        for wrong in ["", "create", "create.before_commit:x", "create.before_commit:-1", "create.never:1"] {
            assert!(Plan::parse(wrong, kill).is_err(), "{wrong}");
        }
        assert!(Plan::parse("claim.after_answer:1:5", Fault::Fail).is_err());
    }

    #[test]
    fn a_fault_comes_at_its_passing_and_once() {
        plan(Plan { point: "miss.after_commit".to_owned(), passing: 2, fault: Fault::Fail });
        let passings: Vec<bool> = (0..4).map(|_| fails(&["miss"], Moment::AfterCommit)).collect();
        assert_eq!(passings, [false, true, false, false]);
        assert!(!fails(&["miss"], Moment::BeforeCommit));
    }

    #[test]
    fn a_promise_is_broken_on_one_thread_only() {
        let broken = break_here(Sabotage::NoFence);
        assert!(crate::breaks(Sabotage::NoFence) && !crate::breaks(Sabotage::ClaimOutsideTransaction));
        assert!(!std::thread::spawn(|| crate::breaks(Sabotage::NoFence)).join().unwrap());
        drop(broken);
        assert!(!crate::breaks(Sabotage::NoFence));
    }
}
