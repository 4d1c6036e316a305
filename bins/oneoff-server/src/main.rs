//! The binary of the OneOff server. Everything is in the library.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    oneoff_server::run::run(&oneoff_server::cli::Cli::parse())
}
