//! Kills servers and simulates histories until there was enough of it, and says what came of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use oneoff_faults::{Sabotage, armed, points};
use oneoff_pg_fixture::{Cluster, Settings};
use oneoff_scheduler::simulation::{Length, Options, simulate};
use oneoff_torture::campaign::Campaign;
use oneoff_torture::nodes::NodesCampaign;
use oneoff_torture::workload::Mix;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Kills when nothing else is said.
const KILLS: u64 = 120;

/// Jobs of a round with several nodes when nothing else is said.
const JOBS: u64 = 20_000;

/// Kill servers at every point there is, simulate histories, and check that every promise is kept
#[derive(Debug, Parser)]
struct Arguments {
    /// Of all that is random; the same seed plans the same kills and makes the same simulated histories
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many kills, in histories of twelve each
    #[arg(long)]
    kills: Option<u64>,
    /// So many simulated histories
    #[arg(long)]
    simulate: Option<u64>,
    /// Both for so many minutes
    #[arg(long)]
    minutes: Option<f64>,
    /// Only this history of the seed
    #[arg(long, conflicts_with_all = ["kills", "simulate", "minutes"])]
    only: Option<u64>,
    /// Kill only at points whose names begin so
    #[arg(long)]
    point: Vec<String>,
    /// Real histories at the same time
    #[arg(long, default_value_t = 3)]
    side_by_side: usize,
    /// Kill servers whose databases are on a PostgreSQL server, which is started for it
    #[arg(long, conflicts_with_all = ["simulate", "nodes"])]
    postgres: bool,
    /// So many nodes on one PostgreSQL server, which are killed, paused and cut off from it while it is restarted twice
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=16), conflicts_with_all = ["kills", "simulate", "only", "point"])]
    nodes: Option<u8>,
    /// With nodes: so many jobs [default: 20000]; with --minutes in every round
    #[arg(long, requires = "nodes", value_parser = clap::value_parser!(u64).range(1..))]
    jobs: Option<u64>,
    /// A promise that every server breaks: no-fence, acknowledge-before-commit, claim-outside-transaction
    #[arg(long, value_parser = sabotage)]
    sabotage: Option<Sabotage>,
}

fn sabotage(word: &str) -> Result<Sabotage, String> {
    Sabotage::parse(word).ok_or_else(|| "there is no such promise".to_owned())
}

fn main() -> ExitCode {
    match torture(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every promise was kept.
fn torture(arguments: &Arguments) -> Result<bool> {
    let time = arguments.minutes.map(|minutes| Duration::try_from_secs_f64(minutes * 60.0)).transpose()?;
    if let Some(nodes) = arguments.nodes {
        return several_nodes(arguments, nodes, time);
    }
    let simulated = match (arguments.simulate, time) {
        (Some(histories), _) => Some(Length::Histories(histories)),
        (None, Some(time)) if arguments.kills.is_none() => Some(Length::Time(time)),
        (None, _) => None,
    };
    let kills = (arguments.simulate.is_none() || arguments.kills.is_some())
        .then(|| arguments.kills.unwrap_or(if time.is_some() { u64::MAX } else { KILLS }));
    std::thread::scope(|scope| {
        let simulation = scope.spawn(|| simulated.map_or(Ok(true), |length| simulation(arguments, length)));
        let killed = kills.map_or(Ok(true), |kills| real_kills(arguments, kills, time))?;
        let simulated = simulation.join().map_err(|_panic| anyhow::anyhow!("the simulation panicked"))??;
        Ok(killed && simulated)
    })
}

fn several_nodes(arguments: &Arguments, nodes: u8, time: Option<Duration>) -> Result<bool> {
    let campaign = NodesCampaign {
        program: armed_server()?,
        seed: arguments.seed,
        nodes: usize::from(nodes),
        jobs: arguments.jobs.unwrap_or(JOBS),
        mix: Mix::OF_NODES,
        time,
        machines: None,
        sabotage: arguments.sabotage,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(campaign.run(|round| println!("{}", round.text())))?;
    println!("{}", if report.is_kept() { "KEPT" } else { "BROKEN" });
    Ok(report.is_kept())
}

fn simulation(arguments: &Arguments, length: Length) -> Result<bool> {
    if let Some(promise) = arguments.sabotage {
        armed::break_promise(promise);
    }
    let threads = if matches!(length, Length::Time(_)) { 1 } else { 2 };
    let report = simulate(&Options { threads, ..Options::new(arguments.seed, length) })?;
    println!(
        "simulated {} histories from seed {}: {} jobs, {} attempts, {} servers, {} failures of disks",
        report.histories, arguments.seed, report.jobs, report.attempts, report.servers, report.failures
    );
    if let Some(failed) = &report.failed {
        println!("BROKEN in a simulated history of seed {}:\n{failed}", failed.seed);
    }
    Ok(report.failed.is_none())
}

fn real_kills(arguments: &Arguments, kills: u64, time: Option<Duration>) -> Result<bool> {
    let campaign = Campaign {
        program: armed_server()?,
        seed: arguments.seed,
        kills,
        time,
        only: arguments.only,
        side_by_side: arguments.side_by_side.max(1),
        sabotage: arguments.sabotage,
        points: points(&arguments.point, arguments.postgres)?,
        cluster: arguments
            .postgres
            .then(|| Cluster::start(&Settings::default()).map(Arc::new))
            .transpose()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(campaign.run(|report| println!("{}", report.line())))?;
    for failure in &report.failures {
        println!("\n{}", failure.text(&campaign));
    }
    let verdict = if report.failures.is_empty() { "KEPT" } else { "BROKEN" };
    println!("{verdict}: seed {}: {}", campaign.seed, report.line());
    Ok(report.failures.is_empty())
}

/// The points whose names begin with one of these; all where there are none.
fn points(beginnings: &[String], on_server: bool) -> Result<Vec<String>> {
    let mut points = if on_server { points::points_of_servers() } else { points::points_of_files() };
    if beginnings.is_empty() {
        return Ok(points);
    }
    points.retain(|point| beginnings.iter().any(|beginning| point.starts_with(beginning)));
    if points.is_empty() {
        bail!("no point begins so; there are {}", points::points().join(", "));
    }
    Ok(points)
}

/// The armed server lies beside this program.
fn armed_server() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("oneoff-armed-server");
    path.is_file().then_some(path).context(
        "there is no armed server beside this program: build it with `cargo build -p oneoff-torture --bins`",
    )
}
