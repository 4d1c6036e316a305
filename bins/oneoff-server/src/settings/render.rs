//! Settings as text: the documented default file, `.env.example` and the answer of `check-config`.

use super::layers::Given;
use super::table::{SETTINGS, Setting};
use std::fmt::Write as _;

/// The embedded default file, which documents every setting.
#[must_use]
pub fn default_file() -> String {
    let mut text = String::from(
        "# Every setting of oneoff-server with its default. A config file (`--config FILE` or ONEOFF_CONFIG) has\n\
         # this form and needs only what differs. The environment wins over it, flags win over both.\n",
    );
    for setting in SETTINGS {
        comment(&mut text, setting);
        let _infallible = writeln!(text, "{} = {}", setting.key(), toml_literal(setting.default));
    }
    text
}

/// `.env.example`: every variable with its default, commented out.
#[must_use]
pub fn env_example() -> String {
    let mut text = String::from(
        "# Every setting of oneoff-server with its default. Each is also read as ONEOFF_<NAME>, which wins.\n\
         # An empty value is the same as none. Written by `oneoff-server check-config --print-env`.\n",
    );
    for setting in SETTINGS {
        comment(&mut text, setting);
        let _infallible = writeln!(text, "#{}={}", setting.name, setting.default);
    }
    text
}

/// Every setting with its value and where it came from.
#[must_use]
pub fn listing(all: &[Given]) -> String {
    let name_width = all.iter().map(|given| given.setting.name.len()).max().unwrap_or(0);
    let values: Vec<String> = all.iter().map(|given| given.setting.shown(&given.value)).collect();
    let value_width = values.iter().map(|value| value.chars().count()).max().unwrap_or(0).min(40);
    let mut text = String::new();
    for (Given { setting, origin, .. }, value) in all.iter().zip(&values) {
        let _infallible = writeln!(text, "{:name_width$}  {value:value_width$}  {origin}", setting.name);
    }
    text
}

fn comment(text: &mut String, setting: &Setting) {
    text.push('\n');
    for line in setting.about {
        let _infallible = writeln!(text, "# {line}");
    }
    let _infallible = writeln!(text, "# Allowed: {}.", setting.allowed);
}

fn toml_literal(value: &str) -> String {
    let is_bare = value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok();
    if is_bare { value.to_owned() } else { format!("\"{value}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::layers::DEFAULTS;

    #[test]
    fn the_embedded_default_file_is_up_to_date() {
        assert_eq!(DEFAULTS, default_file(), "write it anew: oneoff-server check-config --print-toml");
    }

    #[test]
    fn the_example_of_the_environment_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.env.example");
        let committed = std::fs::read_to_string(path).unwrap();
        assert_eq!(committed, env_example(), "write it anew: oneoff-server check-config --print-env");
    }
}
