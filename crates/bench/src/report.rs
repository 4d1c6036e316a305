//! The one JSON object that a scenario prints.

use crate::machine;
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
            "disk": machine::disk_sync(directory)?,
            "build": { "version": env!("CARGO_PKG_VERSION"), "debug_assertions": cfg!(debug_assertions) },
        });
        writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(&report)?)?;
        Ok(())
    }
}
