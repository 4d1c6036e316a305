//! `cargo xtask`: from a fresh clone to a running server, and every check there is.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer's tool speaks on the terminal")]

mod architecture;
mod dev;
mod frontend;
mod http;
mod interrupt;
mod phase;
mod prerequisites;
mod process;
mod run;
mod server;
mod sources;
mod suites;
mod torture;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use suites::Suite;
use workspace::{Profile, Workspace};

/// Set-up and developer tasks of OneOff
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and start the server (HOST, PORT and DB_PATH are passed on)
    Run,
    /// Start server and UI, both renewed when their sources change
    Dev,
    /// Check what is needed and install the web UI's packages
    Setup,
    /// Build UI, server and CLI
    Build,
    /// Run every check and test, and sum up
    Test {
        /// Install what is missing first (Debian, as root)
        #[arg(long)]
        install: bool,
        /// Run only these suites
        #[arg(long, value_name = "SUITE")]
        only: Vec<Suite>,
        /// Leave a suite out
        #[arg(long, value_name = "SUITE")]
        skip: Vec<Suite>,
        /// Measure which lines the Rust tests run instead, crate by crate (cargo-tarpaulin)
        #[arg(long, conflicts_with_all = ["only", "skip"])]
        coverage: bool,
        /// Measure only these packages
        #[arg(long, value_name = "PACKAGE", requires = "coverage")]
        package: Vec<String>,
    },
    /// Kill servers at every point there is, or trouble several nodes on PostgreSQL, and check that they keep their promises
    Torture {
        /// `--minutes`, `--seed`, `--kills`, `--simulate`, `--nodes` and others; `--help` shows them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Remove what was built or installed in the repository; databases stay
    Clean,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments.task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match task {
        Task::Run => return run::run(&workspace),
        Task::Dev => return dev::dev(&workspace),
        Task::Setup => run::setup(&workspace)?,
        Task::Build => run::build(&workspace, Profile::Release)?,
        Task::Test { install, coverage: true, package, .. } => {
            return suites::coverage(&workspace, install, &package);
        }
        Task::Test { install, only, skip, .. } => {
            if install {
                suites::install(&workspace)?;
            }
            return suites::test(&workspace, &only, &skip);
        }
        Task::Torture { arguments } => return torture::torture(&workspace, &arguments),
        Task::Clean => workspace.clean()?,
    }
    Ok(ExitCode::SUCCESS)
}
