//! Executions that ended, summed with each commit: by outcome, in quarters of an hour of somewhat more than a day and for
//! all time. So what a server says of itself is read from few rows, and nothing is counted for it.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::schema::run_counters;
use crate::statement;
use crate::{Store, StoreError};
use diesel::prelude::*;
use oneoff_domain::{ExecutionStatus, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

const QUARTER_US: i64 = 15 * 60 * 1_000_000;
const DAY_US: i64 = 24 * 3600 * 1_000_000;
/// Rows of quarters: those of a day, the one that has begun, and some for clocks that differ.
const SLOTS: i64 = 100;
/// The row for all time.
const ALL_TIME: i64 = -1;

/// Numbers of executions that ended.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunNumbers {
    /// Those that completed and had started on this day, UTC.
    pub completed_today: u64,
    /// Those that failed and had started within the last 24 hours, to the quarter of an hour.
    pub failed_recent: u64,
    /// How long those took on average that ever completed, in microseconds; 0 where there are none.
    pub avg_duration_us: f64,
}

/// How many ended, and how long they took.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    runs: i64,
    duration_us: i64,
}

/// What a group of requests adds.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunsEnded {
    /// By slot, status and quarter.
    sums: BTreeMap<(i64, ExecutionStatus, i64), Sum>,
}

fn quarter_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(QUARTER_US)
}

impl RunsEnded {
    /// An execution ended now, which took so long.
    pub(crate) fn add(&mut self, status: ExecutionStatus, now: Timestamp, duration_us: i64) {
        let duration_us = duration_us.max(0);
        let all = self.sums.entry((ALL_TIME, status, 0)).or_default();
        all.runs += 1;
        all.duration_us = all.duration_us.saturating_add(duration_us);
        if duration_us > DAY_US {
            return;
        }
        let quarter = quarter_of(now.saturating_sub(Duration::from_micros(duration_us.unsigned_abs())));
        let sum = self.sums.entry((quarter.rem_euclid(SLOTS), status, quarter)).or_default();
        sum.runs += 1;
        sum.duration_us += duration_us;
    }

    pub(crate) fn merge(&mut self, later: Self) {
        for (place, sum) in later.sums {
            let own = self.sums.entry(place).or_default();
            own.runs += sum.runs;
            own.duration_us = own.duration_us.saturating_add(sum.duration_us);
        }
    }

    /// Each row to be added to.
    pub(crate) fn rows(&self, shard: i64) -> impl Iterator<Item = RunRow> {
        self.sums.iter().map(move |((slot, status, quarter), sum)| RunRow {
            slot: *slot,
            status: *status,
            shard,
            quarter: *quarter,
            sum: *sum,
        })
    }

    /// Writes all of them to a file.
    pub(crate) fn write(&self, conn: &mut AnyConnection) -> QueryResult<()> {
        for row in self.rows(0) {
            statement::run::<AddRuns>(conn, &row.values())?;
        }
        Ok(())
    }
}

/// What is added to one row.
pub(crate) struct RunRow {
    slot: i64,
    status: ExecutionStatus,
    shard: i64,
    quarter: i64,
    sum: Sum,
}

impl RunRow {
    /// For [`AddRuns`].
    pub(crate) fn values(&self) -> [statement::Bind<'static>; 6] {
        [
            self.slot.into(),
            self.status.as_str().into(),
            self.shard.into(),
            self.quarter.into(),
            self.sum.runs.into(),
            self.sum.duration_us.into(),
        ]
    }
}

// A row of an earlier quarter begins anew, and what is late for a row of a later one is left out.
statement::statement!(
    pub(crate) AddRuns,
    "INSERT INTO run_counters (slot, status, shard, quarter, runs, duration_us) VALUES (?, ?, ?, ?, ?, ?) \
     ON CONFLICT (slot, status, shard) DO UPDATE SET \
     runs = CASE WHEN run_counters.quarter = excluded.quarter THEN run_counters.runs + excluded.runs \
     WHEN run_counters.quarter < excluded.quarter THEN excluded.runs ELSE run_counters.runs END, \
     duration_us = CASE WHEN run_counters.quarter = excluded.quarter THEN run_counters.duration_us + excluded.duration_us \
     WHEN run_counters.quarter < excluded.quarter THEN excluded.duration_us ELSE run_counters.duration_us END, \
     quarter = CASE WHEN run_counters.quarter < excluded.quarter THEN excluded.quarter ELSE run_counters.quarter END"
);

impl Store {
    /// Numbers of the executions that ended. A few hundred narrow rows are read at most.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_numbers(&self, now: Timestamp) -> Result<RunNumbers, StoreError> {
        self.inner.reader.read(move |conn| numbers(conn, now)).await
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn numbers(conn: &mut AnyConnection, now: Timestamp) -> Result<RunNumbers, WriteError> {
    let rows: Vec<(i64, String, i64, i64, i64)> = run_counters::table
        .select((
            run_counters::slot,
            run_counters::status,
            run_counters::quarter,
            run_counters::runs,
            run_counters::duration_us,
        ))
        .load(conn)?;
    let today = now.as_micros().div_euclid(DAY_US) * (DAY_US / QUARTER_US);
    let recent = quarter_of(now) - DAY_US / QUARTER_US;
    let (mut numbers, mut completed, mut duration_us) = (RunNumbers::default(), 0, 0.0);
    for (slot, status, quarter, runs, taken_us) in rows {
        let runs = u64::try_from(runs).unwrap_or(0);
        let is_completed = status == ExecutionStatus::Completed.as_str();
        let is_failed = status == ExecutionStatus::Failed.as_str();
        if slot == ALL_TIME && is_completed {
            completed += runs;
            duration_us += taken_us as f64;
        } else if slot != ALL_TIME && is_completed && quarter >= today {
            numbers.completed_today += runs;
        } else if slot != ALL_TIME && is_failed && quarter >= recent {
            numbers.failed_recent += runs;
        }
    }
    if completed > 0 {
        numbers.avg_duration_us = duration_us / completed as f64;
    }
    Ok(numbers)
}
