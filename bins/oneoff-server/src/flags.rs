//! A flag for every setting, made from the table.

use crate::settings::table::SETTINGS;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use std::collections::BTreeMap;

/// The settings that were given as flags, by the name of the setting.
#[derive(Debug, Clone, Default)]
pub struct SettingFlags(pub BTreeMap<String, String>);

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let flag = Arg::new(setting.name)
                .long(setting.flag())
                .value_name(setting.name)
                .global(true)
                .allow_negative_numbers(true)
                .help_heading("Settings (flags win over the environment, which wins over the config file)")
                .help(help(setting.about, setting.default));
            // What is dangerous is said by its name alone.
            let flag = match setting.name {
                "INSECURE_NO_AUTH" => flag.num_args(0..=1).require_equals(true).default_missing_value("true"),
                _ => flag,
            };
            command.arg(flag)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn help(about: &[&str], default: &str) -> String {
    let default = if default.is_empty() { "none" } else { default };
    format!("{} [default: {default}]", about.join(" "))
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in SETTINGS {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.0.insert(setting.name.to_owned(), value.clone());
            }
        }
        Ok(())
    }
}
