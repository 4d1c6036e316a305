//! `migrate-data`: moves the database file to a PostgreSQL server, and compares both.

use super::progress::ProgressLine;
use super::{CommandError, size};
use crate::cli::MigrateData;
use crate::settings::Settings;
use oneoff::{Clock as _, SystemClock};
use oneoff_storage::moving::{MoveOptions, MoveOutcome, Moved, move_data};
use oneoff_storage::{DatabaseUrl, NotAnAddress};
use std::io::{IsTerminal as _, Write};
use std::time::Instant;

/// What was given cannot be used. The address is not shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("--to is not the address of a database")]
struct NoTarget(#[source] NotAnAddress);

/// Nothing was given.
#[derive(Debug, thiserror::Error)]
#[error("name the database on the server with --to or DATABASE_URL")]
struct Unnamed;

/// Moves, says to `notes` how far it is, and to `out` what was moved.
///
/// # Errors
/// One of the databases cannot be used, or they are not the same in the end.
pub fn run(
    options: &MigrateData,
    settings: &Settings,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), CommandError> {
    let to = match (&options.to, &settings.database_url) {
        (Some(to), _) => DatabaseUrl::new(to).map_err(NoTarget)?,
        (None, Some(to)) => to.clone(),
        (None, None) => return Err(Unnamed.into()),
    };
    let from = options.from.clone().unwrap_or_else(|| settings.db_path.clone());
    let moving = MoveOptions { verify_only: options.verify_only, ..MoveOptions::new(from, to) };
    let began = Instant::now();
    let mut line = ProgressLine::new(notes, std::io::stderr().is_terminal());
    let outcome = move_data(&moving, SystemClock.now(), &mut |progress| line.show(&progress));
    line.end();
    let (from, to) = (moving.from.display(), &moving.to);
    match outcome? {
        MoveOutcome::FinishedBefore { at } => {
            writeln!(out, "{from} was moved to {to} before, at {at}: nothing was done now")?;
        }
        MoveOutcome::Moved(moved) => {
            let verb = if options.verify_only { "compared" } else { "moved" };
            let seconds = began.elapsed().as_secs_f64();
            writeln!(out, "{verb} {from} to {to}: {}, in {seconds:.1} s; both are the same", what(&moved))?;
            if moved.texts_replaced > 0 {
                let count = moved.texts_replaced;
                writeln!(
                    out,
                    "In {count} texts U+FFFD stands for what PostgreSQL cannot hold: NUL, or no UTF-8."
                )?;
            }
        }
    }
    if !options.verify_only {
        writeln!(
            out,
            "Start servers with DATABASE_URL now, and none with {from} again: it would run the same jobs once more."
        )?;
    }
    Ok(())
}

fn what(moved: &Moved) -> String {
    let jobs: u64 = moved.jobs.iter().map(|count| count.jobs).sum();
    let by_status: Vec<_> =
        moved.jobs.iter().map(|count| format!("{} {}", count.jobs, count.status)).collect();
    let by_status = if by_status.is_empty() { String::new() } else { format!(" ({})", by_status.join(", ")) };
    format!("{jobs} jobs{by_status}, {} rows, {} of output", moved.rows, size(moved.output_bytes))
}
