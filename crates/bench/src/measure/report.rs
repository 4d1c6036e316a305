//! The one JSON object that a scenario prints.

use crate::measure::{build, machine};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// What a scenario found out.
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    pub(crate) figures: Value,
    pub(crate) settings: Value,
}

impl Report {
    /// Prints it with the machine and the sync time of the disk that holds `directory`.
    pub(crate) fn print(&self, directory: &Path) -> anyhow::Result<()> {
        let report = json!({
            "scenario": self.scenario,
            "figures": self.figures,
            "settings": self.settings,
            "machine": machine::describe(),
            "disk": { "write_4_kib_and_sync": machine::disk_sync(directory)?.json_ms() },
            "build": build::describe(),
        });
        print(&report)
    }
}

/// Prints a document on stdout.
pub(crate) fn print(document: &Value) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(document)?)?;
    Ok(())
}
