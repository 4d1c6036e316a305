//! The command-line client of OneOff: jobs at an exact time, from a shell.

mod args;
mod clock;
mod command_line_error;
mod commands;
mod console;
mod exit;
mod failure;
mod field_flags;
mod output;
mod request;
#[cfg(test)]
mod test_data;
mod zone;

use args::{Cli, Command, GlobalArgs};
use clap::Parser;
use commands::{Outcome, is_offline, run_offline};
use exit::Exit;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        console::write_help();
        return Exit::Usage.into();
    }
    let words: Vec<_> = std::env::args_os().collect();
    // Help, version and usage errors end here, before there is a runtime.
    let Cli { global, command } = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => match command_line_error::as_failure(&error, &words) {
            Some(failure) => {
                console::report_as_json(&failure);
                return failure.exit.into();
            }
            None => error.exit(),
        },
    };
    let outcome = match is_offline(&command) {
        true => run_offline(&global, &command),
        false => run_online(&global, command),
    };
    let exit = outcome.unwrap_or_else(|failure| {
        console::notes(&global).report(&failure);
        failure.exit
    });
    exit.into()
}

fn run_online(global: &GlobalArgs, command: Command) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::local("the runtime cannot be started", &error))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = commands::run(global, command) => outcome,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
        }
    });
    // A thread that still reads a terminal or resolves a name must not keep us.
    runtime.shutdown_background();
    outcome
}
