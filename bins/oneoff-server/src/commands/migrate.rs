//! `migrate`: brings the database up to this version, or undoes one step after asking.

use super::CommandError;
use crate::cli::{Direction, Migrate};
use crate::settings::Settings;
use oneoff::{Clock as _, StoreOptions, SystemClock};
use oneoff_storage::{MigrateError, Store};
use std::io::{BufRead, IsTerminal as _, Write};

/// Why a step is not undone.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("undoing `{0}` removes what it holds: add --yes to do it without being asked")]
    NoTerminal(String),
    #[error("nothing was changed")]
    Declined,
}

/// Migrates, and says to `out` what was done.
///
/// # Errors
/// The database cannot be migrated, or the person does not want it.
pub fn run(options: &Migrate, settings: &Settings, out: &mut impl Write) -> Result<(), CommandError> {
    let store = settings.store();
    match options.direction {
        Direction::Up => up(&store, out),
        Direction::Down => down(&store, options.yes, out),
    }
}

fn up(store: &StoreOptions, out: &mut impl Write) -> Result<(), CommandError> {
    let steps = Store::migrate_up(store)?;
    for step in &steps {
        writeln!(out, "applied {}", step.name)?;
    }
    if steps.is_empty() {
        writeln!(out, "{} is up to date", store.database())?;
    }
    Ok(())
}

fn down(store: &StoreOptions, yes: bool, out: &mut impl Write) -> Result<(), CommandError> {
    let step = Store::last_migration(store)?.ok_or(MigrateError::NothingToUndo)?;
    if !yes {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Refused::NoTerminal(step.name).into());
        }
        write!(
            out,
            "This undoes `{}` of {} and removes what it holds. Continue? [y/N] ",
            step.name,
            store.database()
        )?;
        out.flush()?;
        if !is_confirmed(&mut stdin.lock())? {
            return Err(Refused::Declined.into());
        }
    }
    let undone = Store::migrate_down(store, SystemClock.now())?;
    writeln!(out, "undid {}", undone.name)?;
    Ok(())
}

fn is_confirmed(answer: &mut impl BufRead) -> std::io::Result<bool> {
    let mut line = String::new();
    answer.read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::is_confirmed;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, expected) in
            [("y\n", true), ("YES\n", true), ("\n", false), ("", false), ("n\n", false), ("yep\n", false)]
        {
            assert_eq!(is_confirmed(&mut answer.as_bytes()).unwrap(), expected, "{answer:?}");
        }
    }
}
