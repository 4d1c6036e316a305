//! What the core is told, and what it asks for.

use super::{Claimed, SlotCounts};
use oneoff_domain::{BootTime, JobKey, Timestamp};
use oneoff_storage::{CancelledAttempt, Change, ClaimRequest, ClaimResult, PendingJob};

/// The present, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) wall: Timestamp,
    pub(crate) boot: BootTime,
}

/// Something that looks at the store when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Alarm {
    /// A hold ends by itself.
    Holds,
    /// Something is old enough to be removed.
    Retention,
}

/// A part of the waiting jobs to be read from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WindowLoad {
    pub(crate) after: Option<(Timestamp, JobKey)>,
    pub(crate) until: Timestamp,
    pub(crate) limit: usize,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    Committed(Vec<Change>),
    WindowLoaded {
        load: WindowLoad,
        jobs: Vec<PendingJob>,
    },
    WindowFailed,
    /// Commits may have been missed: what waits is to be read again.
    Reload,
    ClaimsAnswered(Vec<ClaimResult>),
    ClaimsFailed(Vec<ClaimRequest>),
    AttemptEnded {
        job_type: String,
        priority: u8,
    },
    /// An alarm is to ring then, or when it was set for already, if that is earlier.
    SetAlarm(Alarm, Timestamp),
    /// The lease of this epoch holds until then, where one is needed.
    LeaseHeld {
        epoch: i64,
        until: BootTime,
    },
    /// It was given up by others.
    LeaseLost,
    /// The clock may be wrong: nothing is removed for its age until it has held for a day.
    DoubtClock,
    Stop,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    LoadWindow(WindowLoad),
    Claim(Vec<ClaimRequest>),
    Start(Claimed),
    /// What was claimed is not started: the lease by which it was is over.
    Abandon(Claimed),
    /// The lease is over: all that runs is to end.
    EndAttempts,
    /// A running attempt is told to end.
    Cancel(CancelledAttempt),
    /// Running attempts may have been cancelled by commits that were missed.
    FindCancelled,
    /// There are other numbers of worker slots from now on.
    SlotsChanged(SlotCounts),
    Ring(Alarm),
    ClockStepped {
        jumped_us: i64,
    },
    /// After a stop: no claim is on its way any more, and none will be.
    Quiet,
}

/// The answer of a step.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) effects: Vec<Effect>,
    /// When the next step is due without any input.
    pub(crate) wake_at: Option<Timestamp>,
}
