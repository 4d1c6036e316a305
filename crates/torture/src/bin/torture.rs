//! Kills servers until there were enough kills or the time is over, and says what came of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use anyhow::{Context as _, Result};
use clap::Parser;
use oneoff_faults::Sabotage;
use oneoff_torture::campaign::Campaign;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Kill servers at every point there is, and check that they keep their promises
#[derive(Parser)]
struct Arguments {
    /// Of all that is random; the same seed plans the same kills
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kills, in histories of twelve each
    #[arg(long, default_value_t = u64::MAX)]
    kills: u64,
    /// Minutes after which no further history is begun
    #[arg(long)]
    minutes: Option<f64>,
    /// Only this history of the seed
    #[arg(long)]
    only: Option<u64>,
    /// Histories at the same time
    #[arg(long, default_value_t = 3)]
    side_by_side: usize,
    /// A promise that every server breaks: no-fence, acknowledge-before-commit, claim-outside-transaction
    #[arg(long, value_parser = sabotage)]
    sabotage: Option<Sabotage>,
}

fn sabotage(word: &str) -> Result<Sabotage, String> {
    Sabotage::parse(word).ok_or_else(|| "there is no such promise".to_owned())
}

fn main() -> ExitCode {
    match torture(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn torture(arguments: Arguments) -> Result<ExitCode> {
    let time = arguments.minutes.map(|minutes| Duration::try_from_secs_f64(minutes * 60.0)).transpose()?;
    let is_bounded = time.is_some() || arguments.kills < u64::MAX;
    let campaign = Campaign {
        program: armed_server()?,
        seed: arguments.seed,
        kills: if is_bounded { arguments.kills } else { 120 },
        time,
        only: arguments.only,
        side_by_side: arguments.side_by_side.max(1),
        sabotage: arguments.sabotage,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(campaign.run(|report| println!("{}", report.line())))?;
    for failure in &report.failures {
        println!("\n{}", failure.text(&campaign));
    }
    let verdict = if report.failures.is_empty() { "KEPT" } else { "BROKEN" };
    println!("{verdict}: seed {}: {}", campaign.seed, report.line());
    Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The armed server lies beside this program.
fn armed_server() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("oneoff-armed-server");
    path.is_file().then_some(path).context(
        "there is no armed server beside this program: build it with `cargo build -p oneoff-torture --bins`",
    )
}
