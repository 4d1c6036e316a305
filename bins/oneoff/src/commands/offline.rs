//! Commands that need neither a server nor a runtime.

use crate::args::{Cli, Command, Dst, GlobalArgs, TimeArgs};
use crate::clock::now;
use crate::commands::Outcome;
use crate::console::Console;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::output::{VersionView, escape_controls};
use clap::CommandFactory;
use oneoff_api_types::ParsedTime;
use oneoff_domain::suggest::nearest;
use oneoff_domain::time::{Disambiguation, ParseOptions, TimeError, describe, parse, wall_time};

/// Runs one of them. The others are refused, since they need a server.
pub(crate) fn run_offline(global: &GlobalArgs, command: &Command) -> Outcome {
    if let Command::Time(args) = command {
        return time(&Console::new(global)?, args).map(|()| Exit::Ok);
    }
    let console = Console::without_zone(global);
    match command {
        Command::Version => console
            .printer
            .one(&VersionView { name: env!("CARGO_BIN_NAME"), version: env!("CARGO_PKG_VERSION") })?,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "oneoff", &mut script);
            console.printer.write(&String::from_utf8_lossy(&script))?;
        }
        Command::Help { topic } => console.printer.write(&help(topic)?)?,
        _ => return Err(Failure::usage("this command needs a server")),
    }
    Ok(Exit::Ok)
}

/// Whether a command is one of them.
pub(crate) fn is_offline(command: &Command) -> bool {
    matches!(command, Command::Time(_) | Command::Version | Command::Completion { .. } | Command::Help { .. })
}

fn time(console: &Console, args: &TimeArgs) -> Result<(), Failure> {
    let expression = args.when.join(" ");
    let disambiguation = match args.dst {
        None => Disambiguation::Reject,
        Some(Dst::Earlier) => Disambiguation::Earlier,
        Some(Dst::Later) => Disambiguation::Later,
    };
    let now = now();
    let options = ParseOptions { now, timezone: &console.zone, disambiguation, allow_past: args.allow_past };
    let time = parse(&expression, &options).map_err(|error| not_understood(&expression, error))?;
    let local = time.local.unwrap_or_else(|| wall_time(time.instant, &time.timezone));
    console.printer.one(&ParsedTime {
        instant: time.instant.to_string(),
        description: describe(time.instant, &time.timezone),
        timezone: time.timezone,
        local,
        in_ms: time.instant.micros_since(now).div_euclid(1_000),
    })
}

/// A time that is not understood, with the place that is to blame under it.
fn not_understood(expression: &str, error: TimeError) -> Failure {
    let mark = error.span.and_then(|(start, end)| {
        let before = expression.get(..start)?.chars().count();
        let length = expression.get(start..end)?.chars().count().max(1);
        let expression = escape_controls(expression);
        Some(format!("\n  {expression}\n  {}{}", " ".repeat(before), "^".repeat(length)))
    });
    let failure = Failure::usage(error.message).with_marked(mark);
    match error.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn help(topic: &[String]) -> Result<String, Failure> {
    if topic == ["exit-codes"] {
        return Ok(exit::help());
    }
    let mut command = Cli::command();
    command.build();
    for word in topic {
        let known: Vec<String> = command.get_subcommands().map(|known| known.get_name().to_owned()).collect();
        command = match command.find_subcommand(word) {
            Some(found) => found.clone(),
            None => {
                let nearest = nearest(word, known.iter().map(String::as_str).chain(["exit-codes"]));
                let failure = Failure::usage(format!("there is no help on `{}`", topic.join(" ")));
                return Err(match nearest {
                    Some(nearest) => failure.with_hint(format!("did you mean `{nearest}`?")),
                    None => failure.with_hint("`oneoff help` lists the commands"),
                });
            }
        };
    }
    Ok(command.render_long_help().to_string())
}

#[cfg(test)]
mod tests {
    use super::help;

    #[test]
    fn there_is_help_on_commands_and_exit_codes_and_nothing_else() {
        let topic = |words: &[&str]| help(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert!(topic(&[]).unwrap().contains("Usage: oneoff"));
        assert!(topic(&["jobs", "create"]).unwrap().contains("--max-retries"));
        assert!(topic(&["exit-codes"]).unwrap().contains("124"));
        let failure = topic(&["exit-cods"]).unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("did you mean `exit-codes`?"));
    }
}
