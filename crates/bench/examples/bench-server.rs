//! The server, built with this package's tests: what the scenarios start when they are tried out.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    oneoff_server::run::run(&oneoff_server::cli::Cli::parse())
}
