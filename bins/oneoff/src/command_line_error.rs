//! Command lines that clap does not accept, in the format that they ask for.

use crate::failure::Failure;
use crate::output::Format;
use clap::{Error, ValueEnum};
use std::ffi::OsString;

/// The failure that tells it as a problem document. `None` for help and versions, which are no errors, and
/// where people read the error.
pub(crate) fn as_failure(error: &Error, words: &[OsString]) -> Option<Failure> {
    (error.use_stderr() && asks_for_json(words)).then(|| failure(error))
}

fn failure(error: &Error) -> Failure {
    use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingSubcommand};
    if matches!(error.kind(), DisplayHelpOnMissingArgumentOrSubcommand | MissingSubcommand) {
        return Failure::usage("a command is missing").with_hint("`oneoff help` lists the commands");
    }
    let text = error.render().to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message: Vec<&str> = message.split_whitespace().collect();
    let failure = Failure::usage(message.join(" "));
    match text.lines().find_map(|line| line.trim().strip_prefix("tip: ")) {
        Some(tip) => failure.with_hint(tip),
        None => failure,
    }
}

/// The format of the line, as far as it can be known where the rest of it is wrong: the last one wins.
fn asks_for_json(words: &[OsString]) -> bool {
    let mut format = None;
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy()).take_while(|word| word != "--");
    while let Some(word) = words.next() {
        let value = match value_of(&word) {
            None => continue,
            Some("") => words.next().map(|next| next.into_owned()).unwrap_or_default(),
            Some(value) => value.to_owned(),
        };
        format = Format::from_str(&value, false).ok();
    }
    format == Some(Format::Json)
}

/// What a word says about the format: the value behind `--format=` or `-qo`, or nothing if the next word is it.
fn value_of(word: &str) -> Option<&str> {
    for name in ["--format", "--output"] {
        match word.strip_prefix(name) {
            Some("") => return Some(""),
            Some(rest) if rest.starts_with('=') => return rest.get(1..),
            _ => {}
        }
    }
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
    // Before it in the same word, only flags without a value can stand.
    let rest = letters.trim_start_matches(['q', 'y', 'f']).strip_prefix('o')?;
    Some(rest.strip_prefix('=').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::{as_failure, asks_for_json};
    use crate::args::Cli;
    use clap::Parser;
    use std::ffi::OsString;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_format_is_found_wherever_it_stands() {
        for line in [
            "oneoff --format json jobs get x",
            "oneoff jobs get x -o json",
            "oneoff -ojson x",
            "oneoff -qo json x",
            "oneoff -o=json x",
            "oneoff --output=json x",
            "oneoff -o table x --format json",
        ] {
            assert!(asks_for_json(&words(line)), "{line}");
        }
        for line in [
            "oneoff x",
            "oneoff -o yaml x",
            "oneoff now -- x -o json",
            "oneoff -o json x -o name",
            "oneoff x -o",
        ] {
            assert!(!asks_for_json(&words(line)), "{line}");
        }
    }

    #[test]
    fn the_document_says_what_is_wrong_and_help_is_no_error() {
        let failure = |line: &str| {
            let error = Cli::try_parse_from(words(line)).err().unwrap();
            as_failure(&error, &words(line))
        };
        let document = failure("oneoff -o json jobs get x").unwrap().document();
        assert_eq!((&document["code"], &document["exit_code"]), (&"usage".into(), &2.into()));
        assert!(
            document["detail"].as_str().unwrap().starts_with("invalid value 'x' for '<ID>'"),
            "{document}"
        );
        let typo = failure("oneoff -o json jobs lis").unwrap();
        assert!(typo.hint.unwrap().contains("'list'"));
        let missing = failure("oneoff -o json jobs create -- true").unwrap();
        assert!(missing.message.contains("--at <WHEN>"), "{}", missing.message);
        assert_eq!(failure("oneoff -o json jobs").unwrap().message, "a command is missing");
        assert!(failure("oneoff -o json --help").is_none());
        assert!(failure("oneoff jobs get x").is_none(), "people read what clap writes");
    }
}
