//! `check-config`: every setting with its value and where it comes from.

use super::CommandError;
use crate::cli::CheckConfig;
use crate::settings::{Settings, Sources, render, resolve};
use oneoff_storage::{AboutServer, Store};
use std::io::Write;

/// Prints the settings to `out`.
///
/// # Errors
/// Everything that is wrong with them, after they were printed.
pub fn run(options: &CheckConfig, sources: &Sources, out: &mut impl Write) -> Result<(), CommandError> {
    if options.print_env {
        return Ok(write!(out, "{}", render::env_example())?);
    }
    if options.print_toml {
        return Ok(write!(out, "{}", render::default_file())?);
    }
    let resolved = resolve(sources);
    write!(out, "{}", render::listing(&resolved.given))?;
    out.flush()?;
    let settings = resolved.settings?;
    for note in &settings.notes {
        writeln!(out, "note: {note}")?;
    }
    if options.connect { connect(&settings, out) } else { Ok(()) }
}

/// Connects to a server. A file is left alone: looking at it would make it.
fn connect(settings: &Settings, out: &mut impl Write) -> Result<(), CommandError> {
    let store = settings.store();
    match Store::look_at_server(&store)? {
        None => writeln!(
            out,
            "the database is the file {}, which is checked as the server starts",
            store.database()
        )?,
        Some(AboutServer { version, is_behind }) => {
            let state = if is_behind { "the next start will migrate it" } else { "it is up to date" };
            writeln!(out, "connected to {}: PostgreSQL {version}, {state}", store.database())?;
        }
    }
    Ok(())
}
