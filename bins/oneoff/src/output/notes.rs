//! What is said beside the result, on stderr: effects, hints, errors.

use crate::failure::Failure;
use crate::output::{Format, escape_controls, escape_in_json};
use std::io::{self, Write};

/// The voice on stderr. A stderr that nobody reads is no reason to fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notes {
    /// Whether only errors are said.
    pub(crate) is_quiet: bool,
    /// Whether a person reads stderr.
    pub(crate) is_terminal: bool,
    /// Whether there are colours.
    pub(crate) has_color: bool,
    /// The format of errors.
    pub(crate) format: Format,
}

impl Notes {
    /// Says something that matters beside the result.
    pub(crate) fn say(&self, line: &str) {
        if !self.is_quiet {
            write_line(&escape_controls(line));
        }
    }

    /// Gives a person a next step.
    pub(crate) fn suggest(&self, line: &str) {
        if !self.is_quiet && self.is_terminal {
            write_line(line);
        }
    }

    /// Reports a failure.
    pub(crate) fn report(&self, failure: &Failure) {
        if failure.is_broken_pipe {
            return;
        }
        if self.format == Format::Json {
            write_line(&escape_in_json(&failure.document().to_string()));
            return;
        }
        let label = if self.has_color { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
        write_line(&format!("{label} {}", failure.text().trim_end()));
    }
}

fn write_line(line: &str) {
    let mut stderr = io::stderr().lock();
    drop(writeln!(stderr, "{line}"));
}
