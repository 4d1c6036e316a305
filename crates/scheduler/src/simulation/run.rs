//! Runs histories, one after another and on several threads, until one violates a promise.

use super::history::History;
use super::machine::{Place, SetUpError};
use super::violation::Violation;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much is to be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many histories.
    Histories(u64),
    /// For so long.
    Time(Duration),
}

/// What is to be simulated.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed of the first history; each one after it has the next seed.
    pub seed: u64,
    /// How much.
    pub length: Length,
    /// Threads, each with histories of its own; one is the caller's. It does not change what happens in a history.
    pub threads: usize,
    /// The lines of the trace that are kept of a history that fails.
    pub trace_lines: usize,
}

impl Options {
    /// Histories from a seed on, on as many threads as there are processors.
    #[must_use]
    pub fn new(seed: u64, length: Length) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { seed, length, threads, trace_lines: 150 }
    }
}

/// A history in which a promise did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its seed.
    pub seed: u64,
    /// What did not hold.
    pub violation: Violation,
    /// The last things that happened.
    pub trace: Vec<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "violated: {}", self.violation)?;
        write!(f, "replay: cargo xtask torture --simulate 1 --seed {}", self.seed)
    }
}

/// What was simulated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Histories.
    pub histories: u64,
    /// Jobs that were created in them.
    pub jobs: u64,
    /// Attempts that started in them.
    pub attempts: u64,
    /// Server processes that ran in them.
    pub servers: u64,
    /// Operations of disks that failed in them.
    pub failures: u64,
    /// A number that stands for everything that happened; the same options give the same one.
    pub hash: u64,
    /// The first history that violates a promise, by its seed.
    pub failed: Option<Failed>,
}

impl Report {
    fn add(&mut self, other: Report) {
        self.histories += other.histories;
        self.jobs += other.jobs;
        self.attempts += other.attempts;
        self.servers += other.servers;
        self.failures += other.failures;
        self.hash = self.hash.wrapping_add(other.hash);
        let earlier = [self.failed.take(), other.failed].into_iter().flatten();
        self.failed = earlier.min_by_key(|failed| failed.seed);
    }
}

/// Simulates histories until the length is reached or one fails.
///
/// # Errors
/// [`SetUpError`] where no history can be simulated at all.
pub fn simulate(options: &Options) -> Result<Report, SetUpError> {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let report = Mutex::new(Ok(Report::default()));
    let take = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let is_over = match options.length {
            Length::Histories(count) => number >= count,
            Length::Time(time) => number > 0 && began.elapsed() >= time,
        };
        (!is_over && !stop.load(Ordering::Relaxed)).then(|| options.seed.wrapping_add(number))
    };
    // A single thread is the caller's own, so that what is set for this thread alone holds in the histories.
    if options.threads <= 1 {
        return simulate_some(&take, options.trace_lines);
    }
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                let made = simulate_some(&take, options.trace_lines);
                if made.as_ref().map_or(true, |part| part.failed.is_some()) {
                    stop.store(true, Ordering::Relaxed);
                }
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                match (&mut *report, made) {
                    (Ok(sum), Ok(part)) => sum.add(part),
                    (Ok(_), Err(error)) => *report = Err(error),
                    (Err(_), _) => {}
                }
            });
        }
    });
    report.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn simulate_some(take: &dyn Fn() -> Option<u64>, trace_lines: usize) -> Result<Report, SetUpError> {
    // Only entered and never run: timers are made, and none of them ever fires.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(SetUpError::Runtime)?;
    let _entered = runtime.enter();
    let place = Place::new()?;
    let mut report = Report::default();
    while let Some(seed) = take() {
        report.add(one(seed, &place, trace_lines)?);
        if report.failed.is_some() {
            break;
        }
    }
    Ok(report)
}

fn one(seed: u64, place: &Place, trace_lines: usize) -> Result<Report, SetUpError> {
    let mut history = History::new(seed, place, trace_lines)?;
    let outcome = history.run();
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let report = Report {
        histories: 1,
        jobs: count(history.book.told.len()),
        attempts: count(history.book.started.len()),
        servers: history.generation,
        failures: history.disk.failures(),
        hash: history.trace.hash() ^ history.trace.lines(),
        failed: None,
    };
    let trace = history.into_trace();
    let failed = outcome.err().map(|violation| Failed { seed, violation, trace });
    Ok(Report { failed, ..report })
}
