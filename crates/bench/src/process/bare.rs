//! What the machine takes to start and end `/bin/sh -c true`, with nothing around it: no server that starts the same
//! program can be faster.

use crate::measure::usage::reaped_cpu_seconds;
use anyhow::Context as _;
use std::process::{Command, Stdio};
use std::thread::{JoinHandle, available_parallelism};
use std::time::Instant;

/// What was measured.
pub(crate) struct Bare {
    pub(crate) per_second: f64,
    /// Processor time of each, from its start to its end; `None` where `/proc` does not say.
    pub(crate) cpu_us: Option<f64>,
}

/// Starts the program so often, on all processors.
pub(crate) fn starts(count: u64) -> anyhow::Result<Bare> {
    let threads = available_parallelism()?.get() as u64;
    let cpu_before = reaped_cpu_seconds();
    let began = Instant::now();
    let started: Vec<JoinHandle<anyhow::Result<()>>> = (0..threads)
        .map(|thread| {
            let share = count / threads + u64::from(thread < count % threads);
            std::thread::spawn(move || (0..share).try_for_each(|_| start()))
        })
        .collect();
    for thread in started {
        thread.join().map_err(|_panic| anyhow::anyhow!("a thread that starts programs panicked"))??;
    }
    let each = count.max(1) as f64;
    let cpu = reaped_cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    Ok(Bare { per_second: each / began.elapsed().as_secs_f64(), cpu_us: cpu.map(|cpu| cpu * 1e6 / each) })
}

fn start() -> anyhow::Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "true"]).env_clear().stdin(Stdio::null());
    let status = command.status().context("starting /bin/sh")?;
    anyhow::ensure!(status.success(), "`/bin/sh -c true` ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_a_program_takes_processor_time() {
        // So many that they take several ticks.
        let bare = starts(201).unwrap();
        assert!(bare.per_second > 0.0 && bare.cpu_us.is_none_or(|cpu_us| cpu_us > 0.0));
    }
}
