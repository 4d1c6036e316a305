//! Running a program to its end, and waiting for a condition.

use crate::FixtureError;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(3);

/// Runs a program to its end, and answers what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, FixtureError> {
    let program = PathBuf::from(command.get_program());
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(FixtureError::Run { program, source }),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        let output = format!("{} {}", text(&output.stderr), text(&output.stdout));
        return Err(FixtureError::Failed { program, output });
    }
    Ok(text(&output.stdout))
}

/// Waits until `look` answers something, or until the deadline is over.
pub(crate) fn wait_for<T>(at_most: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + at_most;
    loop {
        match look() {
            Some(found) => return Some(found),
            None if Instant::now() >= deadline => return None,
            None => std::thread::sleep(LOOK),
        }
    }
}
