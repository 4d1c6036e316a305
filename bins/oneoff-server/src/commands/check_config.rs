//! `check-config`: every setting with its value and where it comes from.

use super::CommandError;
use crate::cli::CheckConfig;
use crate::settings::{Sources, render, resolve};
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
    resolved.settings?;
    Ok(())
}
