//! The server, armed: it ends at a point that `ONEOFF_KILL_AT` names, answers a commit at `ONEOFF_FAIL_AT` as if
//! the disk had not answered, and breaks the promise that `ONEOFF_SABOTAGE` names.
#![expect(clippy::print_stderr, reason = "a wrong plan is told to whoever has made it")]
#![expect(clippy::disallowed_methods, reason = "its plan comes from the environment, and it is no release")]

use clap::Parser as _;
use oneoff_faults::Sabotage;
use oneoff_faults::armed::{self, Fault, Plan};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let is_guardian = std::env::args().nth(1).is_some_and(|word| word == "guardian");
    // A guardian that dies at once is none: then recovery alone ends what a killed server leaves behind.
    if is_guardian && std::env::var_os("ONEOFF_UNGUARDED").is_some() {
        return ExitCode::SUCCESS;
    }
    if let Err(error) = arm() {
        eprintln!("oneoff-armed-server: {error}");
        return ExitCode::FAILURE;
    }
    oneoff_server::run::run(&oneoff_server::cli::Cli::parse())
}

fn arm() -> Result<(), String> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(text) = given("ONEOFF_KILL_AT") {
        armed::plan(Plan::parse(&text, Fault::Kill { after: Duration::ZERO })?);
    }
    if let Some(text) = given("ONEOFF_FAIL_AT") {
        armed::plan(Plan::parse(&text, Fault::Fail)?);
    }
    if let Some(word) = given("ONEOFF_SABOTAGE") {
        let promise = Sabotage::parse(&word).ok_or_else(|| format!("`{word}` is no promise to break"))?;
        armed::break_promise(promise);
    }
    Ok(())
}
