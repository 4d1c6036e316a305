//! Moving a database file to a server: everything it holds, in slices that can be interrupted anywhere, compared in the
//! end. The file is not changed.

mod admission;
mod cell;
mod columns;
mod compare;
mod error;
mod source;
mod target;
mod unit;

pub use error::MoveError;

use crate::DatabaseUrl;
use compare::{Comparison, positive};
use oneoff_domain::Timestamp;
use source::SourceFile;
use std::path::PathBuf;
use target::Target;
use unit::Unit;
pub(crate) use unit::tables;

/// What is moved, and how.
#[derive(Debug, Clone)]
pub struct MoveOptions {
    /// The database file.
    pub from: PathBuf,
    /// The database on a server.
    pub to: DatabaseUrl,
    /// Only compare what was moved before.
    pub verify_only: bool,
    /// So many rows, at most, are written in one transaction.
    pub slice_rows: i64,
}

impl MoveOptions {
    /// The usual options.
    #[must_use]
    pub fn new(from: impl Into<PathBuf>, to: DatabaseUrl) -> Self {
        Self { from: from.into(), to, verify_only: false, slice_rows: 5_000 }
    }
}

/// What is done with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its rows are copied.
    Copying,
    /// They are compared.
    Comparing,
}

/// How far a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveProgress {
    /// What is done with it.
    pub stage: Stage,
    /// The table.
    pub table: &'static str,
    /// The rows with which that is done.
    pub rows_done: u64,
    /// All its rows.
    pub rows_total: u64,
}

/// How many jobs have a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCount {
    /// The status.
    pub status: String,
    /// The jobs.
    pub jobs: u64,
}

/// What was moved, and is the same in both databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The rows of all tables.
    pub rows: u64,
    /// The jobs.
    pub jobs: Vec<StatusCount>,
    /// The bytes of output.
    pub output_bytes: u64,
    /// How many texts had something in them that a server cannot hold.
    pub texts_replaced: u64,
}

/// What came of a moving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveOutcome {
    /// Both databases are the same now.
    Moved(Moved),
    /// It was finished before, and nothing was done now.
    FinishedBefore {
        /// When.
        at: Timestamp,
    },
}

/// Moves a database file to an empty database on a server, or goes on where an earlier call was interrupted, and compares
/// both. Says to `progress` how far it is after each slice. Blocks.
///
/// # Errors
/// [`MoveError`], whose text says what to do. The file is as it was, and no server starts on the database until the
/// moving is finished.
pub fn move_data(
    options: &MoveOptions,
    now: Timestamp,
    progress: &mut dyn FnMut(MoveProgress),
) -> Result<MoveOutcome, MoveError> {
    let mut source = SourceFile::open(&options.from)?;
    let fingerprint = source.fingerprint()?;
    let mut target = Target::open(&options.to)?;
    let units = unit::all();
    let begun = target.begun()?;
    if begun.as_ref().is_some_and(|begun| begun.source != fingerprint) {
        return Err(MoveError::OtherSource { url: target.shown_url() });
    }
    let (started_at, finished_at) = match begun {
        Some(begun) => (begun.started_at, begun.finished_at),
        None if options.verify_only => return Err(MoveError::NotMoved { url: target.shown_url() }),
        None => {
            target.begin(&units, &fingerprint, now.as_micros())?;
            (now.as_micros(), None)
        }
    };
    match finished_at {
        None if options.verify_only => return Err(MoveError::NotMoved { url: target.shown_url() }),
        Some(at) if !options.verify_only => {
            return Ok(MoveOutcome::FinishedBefore { at: Timestamp::from_micros_clamped(at) });
        }
        Some(_) => refuse_used(&mut source, &mut target)?,
        None => copy(&mut source, &mut target, &units, options.slice_rows, started_at, progress)?,
    }
    let texts_replaced = target.number("SELECT sum(texts_replaced)::bigint AS number FROM moving_tables")?;
    let comparison = Comparison {
        source: &mut source,
        target: &mut target,
        units: &units,
        ended_at: started_at,
        progress,
    };
    let compared = comparison.run()?;
    if finished_at.is_none() {
        target.finish(now.as_micros())?;
    }
    Ok(MoveOutcome::Moved(Moved {
        rows: compared.rows,
        jobs: compared.jobs,
        output_bytes: compared.output_bytes,
        texts_replaced: positive(texts_replaced),
    }))
}

/// What nodes have done since is not in the file.
fn refuse_used(source: &mut SourceFile, target: &mut Target) -> Result<(), MoveError> {
    let epochs = "SELECT count(*) AS number FROM epochs";
    match source.number(epochs)? == target.number(epochs)? {
        true => Ok(()),
        false => Err(MoveError::UsedSince { url: target.shown_url() }),
    }
}

fn copy(
    source: &mut SourceFile,
    target: &mut Target,
    units: &[Unit],
    slice_rows: i64,
    started_at: i64,
    progress: &mut dyn FnMut(MoveProgress),
) -> Result<(), MoveError> {
    for unit in units {
        let mut reached = target.progress(unit)?;
        let rows_total = positive(source.count(unit)?);
        while !reached.is_complete {
            let slice = source.slice(unit, reached.last(), slice_rows.max(1), started_at)?;
            reached = target.write(unit, &reached, &slice)?;
            let rows_done = positive(reached.rows_moved);
            progress(MoveProgress { stage: Stage::Copying, table: unit.source, rows_done, rows_total });
        }
    }
    // SQLite remembers the last epoch, also if its row is gone.
    let last_epoch = source.number("SELECT max(seq) AS number FROM sqlite_sequence WHERE name = 'epochs'")?;
    target.set_keys(last_epoch)
}
