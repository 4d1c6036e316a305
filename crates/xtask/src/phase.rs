//! The phases of a longer task, printed with what they take.

use anyhow::Result;
use std::time::Instant;

/// Whether a phase had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Done,
    Unchanged,
}

/// Runs a phase under its name, and prints how long it took.
pub(crate) fn phase(name: &str, work: impl FnOnce() -> Result<Work>) -> Result<()> {
    println!("==> {name}");
    let start = Instant::now();
    match work()? {
        Work::Done => println!("    done in {:.1} s", start.elapsed().as_secs_f64()),
        Work::Unchanged => println!("    nothing changed"),
    }
    Ok(())
}
