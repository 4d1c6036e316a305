//! The server, armed: it ends at a point that `ONEOFF_KILL_AT` names, answers the commits at `ONEOFF_FAIL_AT` as if
//! the disk had not answered, and breaks the promise that `ONEOFF_SABOTAGE` names. With `ONEOFF_RETAIN_FROM` it
//! only removes what is older.
#![expect(clippy::print_stderr, reason = "a wrong plan is told to whoever has made it")]
#![expect(clippy::disallowed_methods, reason = "its plan comes from the environment, and it is no release")]

use clap::Parser as _;
use oneoff_domain::Clock as _;
use oneoff_faults::Sabotage;
use oneoff_faults::armed::{self, Fault, Plan};
use oneoff_scheduler::SystemClock;
use oneoff_storage::{RetentionPolicy, Store, StoreOptions};
use std::error::Error;
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
    if let Some(before) = given("ONEOFF_RETAIN_FROM") {
        return match retain(&before) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("oneoff-armed-server: {error}");
                ExitCode::FAILURE
            }
        };
    }
    oneoff_server::run::run(&oneoff_server::cli::Cli::parse())
}

/// Removes what is older than an instant, as a server does with what is some days old.
fn retain(before: &str) -> Result<(), Box<dyn Error>> {
    let (before, now) = (before.parse()?, SystemClock.now());
    let store = Store::open(StoreOptions::new(given("DB_PATH").ok_or("DB_PATH is not set")?), now)?;
    let policy = RetentionPolicy {
        jobs_before: before,
        executions_before: before,
        events_before: before,
        audit_before: before,
        idempotency_before: before,
        ..RetentionPolicy::keep_all(now)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    while runtime.block_on(store.retain(policy.clone()))?.more {}
    store.close();
    Ok(())
}

fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn arm() -> Result<(), String> {
    if let Some(text) = given("ONEOFF_KILL_AT") {
        armed::plan(Plan::parse(&text, Fault::Kill { after: Duration::ZERO })?);
    }
    for text in given("ONEOFF_FAIL_AT").iter().flat_map(|list| list.split(',')) {
        armed::plan(Plan::parse(text, Fault::Fail)?);
    }
    if given("ONEOFF_ELSEWHERE").is_some() {
        armed::be_elsewhere();
    }
    if let Some(word) = given("ONEOFF_SABOTAGE") {
        let promise = Sabotage::parse(&word).ok_or_else(|| format!("`{word}` is no promise to break"))?;
        armed::break_promise(promise);
    }
    Ok(())
}
