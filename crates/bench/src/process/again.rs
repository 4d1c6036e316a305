//! A build of this program as a child process: each scenario begins with a fresh one.

use anyhow::Context as _;
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a scenario and reads what it prints.
pub(crate) fn scenario(program: &Path, arguments: &[OsString]) -> anyhow::Result<Value> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    let line = || arguments.join(std::ffi::OsStr::new(" ")).to_string_lossy().into_owned();
    anyhow::ensure!(
        output.status.success(),
        "`{} {}` ended with {}",
        program.display(),
        line(),
        output.status
    );
    serde_json::from_slice(&output.stdout).with_context(|| format!("what `{}` prints is no JSON", line()))
}
