//! From the command line to an exit code.

use crate::cli::{Cli, Command};
use crate::commands::{self, CommandError};
use crate::logging;
use crate::settings::{LogLevel, Settings, Sources};
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Threads of the runtime on which jobs run: they wait more than they compute.
const RUNTIME_THREADS_MAX: usize = 4;
/// Threads for work that blocks. Calls of the database are bounded below this by their connections, those that hang
/// included.
const BLOCKING_THREADS_MAX: usize = 64;
/// How long work that blocks may take to end when the server has stopped.
const ENDING: Duration = Duration::from_secs(2);

/// Does what the command line says.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    // The guardian outlives the server: it has no settings, no runtime and no threads.
    if matches!(cli.command, Some(Command::Guardian)) {
        return oneoff::guardian_main();
    }
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: &Cli) -> Result<(), CommandError> {
    let sources = cli.sources();
    let mut stdout = std::io::stdout();
    match &cli.command {
        Some(Command::CheckConfig(options)) => commands::check_config::run(options, &sources, &mut stdout),
        Some(Command::Healthcheck) => {
            let url = commands::healthcheck::run(&Settings::load(&sources)?)?;
            Ok(writeln!(stdout, "{url} is well")?)
        }
        Some(Command::Migrate(options)) => {
            let settings = tool_settings(&sources)?;
            commands::migrate::run(options, &settings, &mut stdout)
        }
        Some(Command::Backup(options)) => {
            commands::backup::run(options, &tool_settings(&sources)?, &mut stdout)
        }
        Some(Command::Restore(options)) => {
            commands::restore::run(options, &tool_settings(&sources)?, &mut stdout)
        }
        Some(Command::MigrateData(options)) => {
            let mut notes = std::io::stderr();
            commands::migrate_data::run(options, &tool_settings(&sources)?, &mut stdout, &mut notes)
        }
        Some(Command::Keys(keys)) => {
            let settings = tool_settings(&sources)?;
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let mut notes = std::io::stderr();
            runtime.block_on(commands::keys::run(&keys.command, &settings, &mut stdout, &mut notes))
        }
        Some(Command::Guardian) => Ok(()),
        None | Some(Command::Serve) => {
            let settings = Settings::load(&sources)?;
            logging::init(settings.log_level, settings.log_format, has_no_color(&sources))?;
            let runtime = serving_runtime()?;
            let served = runtime.block_on(commands::serve::run(settings));
            // What still waits for a database that hangs is nobody's any more.
            runtime.shutdown_timeout(ENDING);
            served
        }
    }
}

/// Settings for a command that people run by hand: its log is about what may be wrong.
fn tool_settings(sources: &Sources) -> Result<Settings, CommandError> {
    let settings = Settings::load(sources)?;
    let level = if settings.log_level == LogLevel::Info { LogLevel::Warn } else { settings.log_level };
    logging::init(level, settings.log_format, has_no_color(sources))?;
    Ok(settings)
}

/// <https://no-color.org>: any value but the empty one.
fn has_no_color(sources: &Sources) -> bool {
    sources.environment.get("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn serving_runtime() -> std::io::Result<Runtime> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Builder::new_multi_thread()
        .worker_threads(cpus.min(RUNTIME_THREADS_MAX))
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("jobs")
        .enable_all()
        .build()
}

/// The error and what caused it.
fn print_error(error: &(dyn std::error::Error + 'static)) {
    let mut stderr = std::io::stderr().lock();
    let _nobody_reads = writeln!(stderr, "oneoff-server: {error}");
    for cause in causes(error) {
        let _nobody_reads = writeln!(stderr, "  because: {cause}");
    }
}

/// What is behind an error, without what was said before.
fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let (mut said, mut causes) = (error.to_string(), Vec::new());
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            causes.push(text.clone());
            said = text;
        }
        source = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::causes;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Says(&'static str, #[source] Option<Box<Says>>);

    #[test]
    fn no_cause_says_what_was_said_before() {
        let disk = Says("the disk is on fire", None);
        let file = Says("the file is damaged: the disk is on fire", Some(Box::new(disk)));
        let start = Says("the start failed", Some(Box::new(file)));
        assert_eq!(causes(&start), ["the file is damaged: the disk is on fire"]);
    }
}
