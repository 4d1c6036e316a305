//! Where values come from: the embedded defaults, a config file, the environment and flags, each over the one
//! before it. What every value came from is kept, for `check-config` and for error texts.

use super::table::{SETTINGS, Setting};
use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use oneoff_domain::suggest::nearest;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The reference of all settings, embedded so that the binary needs no file beside it.
pub const DEFAULTS: &str = include_str!("../../oneoff.default.toml");

/// The variable that names a config file.
pub const CONFIG_FILE_VARIABLE: &str = "ONEOFF_CONFIG";

/// What the person gave, before any of it is read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The config file that `--config` names; else [`CONFIG_FILE_VARIABLE`] does.
    pub config_file: Option<PathBuf>,
    /// Environment variables.
    pub environment: BTreeMap<String, OsString>,
    /// Flags by the name of their setting.
    pub flags: BTreeMap<String, String>,
}

impl Sources {
    /// The environment of this process, without config file and flags.
    #[must_use]
    pub fn from_environment() -> Self {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self { environment: environment.collect(), ..Self::default() }
    }

    /// The environment variable, unless it is empty, which counts as unset.
    fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment.get(name).filter(|value| !value.is_empty())
    }

    fn config_path(&self) -> Option<PathBuf> {
        let from_environment = || self.variable(CONFIG_FILE_VARIABLE).map(PathBuf::from);
        self.config_file.clone().or_else(from_environment)
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The setting.
    pub setting: &'static Setting,
    /// The value as text.
    pub value: String,
    /// `default`, `config file /etc/oneoff.toml`, `environment ONEOFF_PORT`, `flag --port`.
    pub origin: String,
}

/// The values of all settings, in the order of the table, and what is wrong with their sources.
#[must_use]
pub fn merge(sources: &Sources) -> (Vec<Given>, Vec<String>) {
    let mut problems = Vec::new();
    let layers = [
        Layer::from_toml(DEFAULTS, "default", &mut problems),
        file_layer(sources, &mut problems),
        environment_layer(sources, &mut problems),
        flag_layer(sources),
    ];
    let mut builder = Config::builder();
    for layer in layers {
        builder = builder.add_source(layer);
    }
    let merged = builder.build().and_then(|config| config.cache.into_table()).unwrap_or_else(|error| {
        problems.push(error.to_string());
        Map::new()
    });
    let given = SETTINGS.iter().map(|setting| match merged.get(&setting.key()) {
        Some(value) => {
            Given { setting, value: as_text(value), origin: value.origin().unwrap_or("default").to_owned() }
        }
        None => Given { setting, value: setting.default.to_owned(), origin: "default".to_owned() },
    });
    (given.collect(), problems)
}

/// One source of values, whose keys are all known.
#[derive(Debug, Clone, Default)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    fn set(&mut self, setting: &Setting, value: String, origin: String) {
        self.0.insert(setting.key(), Value::new(Some(&origin), ValueKind::String(value)));
    }

    fn from_toml(text: &str, origin: &str, problems: &mut Vec<String>) -> Self {
        let table = match File::from_str(text, FileFormat::Toml).collect() {
            Ok(table) => table,
            Err(error) => {
                problems.push(format!("{origin} is not TOML: {}", without_source(&error.to_string())));
                return Self::default();
            }
        };
        let mut layer = Self::default();
        for (key, value) in table {
            match SETTINGS.iter().find(|setting| setting.key() == key) {
                Some(setting) => layer.set(setting, as_text(&value), origin.to_owned()),
                None => problems.push(unknown_key(&key, origin)),
            }
        }
        layer
    }
}

/// The error without the lines that it quotes: one of them may hold a password.
fn without_source(error: &str) -> String {
    let is_quoted = |line: &str| {
        line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
    };
    error.lines().filter(|line| !is_quoted(line)).collect::<Vec<_>>().join("; ")
}

fn unknown_key(key: &str, origin: &str) -> String {
    let known: Vec<String> = SETTINGS.iter().map(Setting::key).collect();
    let hint = match nearest(key, known.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are {}", known.join(", ")),
    };
    format!("`{key}` in {origin} is not a setting: {hint}")
}

fn file_layer(sources: &Sources, problems: &mut Vec<String>) -> Layer {
    let Some(path) = sources.config_path() else { return Layer::default() };
    match std::fs::read_to_string(&path) {
        Ok(text) => Layer::from_toml(&text, &format!("config file {}", path.display()), problems),
        Err(error) => {
            problems.push(unreadable(&path, &error));
            Layer::default()
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!(
        "the config file {} cannot be read ({error}): correct --config or {CONFIG_FILE_VARIABLE}",
        path.display()
    )
}

fn environment_layer(sources: &Sources, problems: &mut Vec<String>) -> Layer {
    let mut layer = Layer::default();
    for setting in SETTINGS {
        for name in [setting.name.to_owned(), setting.prefixed()] {
            let Some(value) = sources.variable(&name) else { continue };
            match value.to_str() {
                Some(value) => layer.set(setting, value.to_owned(), format!("environment {name}")),
                None => problems.push(format!("the environment variable {name} is not UTF-8 text")),
            }
        }
    }
    layer
}

fn flag_layer(sources: &Sources) -> Layer {
    let mut layer = Layer::default();
    for setting in SETTINGS {
        if let Some(value) = sources.flags.get(setting.name) {
            layer.set(setting, value.clone(), format!("flag --{}", setting.flag()));
        }
    }
    layer
}

/// A value as an environment variable would hold it: lists with commas, tables as `key=value`.
fn as_text(value: &Value) -> String {
    match &value.kind {
        ValueKind::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        ValueKind::Table(table) => {
            let mut pairs: Vec<_> =
                table.iter().map(|(key, value)| format!("{key}={}", as_text(value))).collect();
            pairs.sort_unstable();
            pairs.join(",")
        }
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, OsString> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect()
    }

    fn given<'a>(all: &'a [Given], name: &str) -> (&'a str, &'a str) {
        let found = all.iter().find(|given| given.setting.name == name).unwrap();
        (&found.value, &found.origin)
    }

    #[test]
    fn each_layer_wins_over_the_one_before() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "port = 1\nhost = \"file\"\ndefault_priority = 7\ntype_limits = {shell=2, http=3}\nallowed_hosts = [\"a\", \"b\"]\n").unwrap();
        let sources = Sources {
            config_file: Some(file.path().to_owned()),
            environment: environment(&[
                ("PORT", "2"),
                ("ONEOFF_PORT", "3"),
                ("HOST", "env"),
                ("LOG_LEVEL", ""),
            ]),
            flags: [("PORT".to_owned(), "4".to_owned())].into(),
        };
        let (all, problems) = merge(&sources);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(given(&all, "PORT"), ("4", "flag --port"));
        assert_eq!(given(&all, "HOST"), ("env", "environment HOST"));
        let from_file = format!("config file {}", file.path().display());
        assert_eq!(given(&all, "DEFAULT_PRIORITY"), ("7", from_file.as_str()));
        assert_eq!(given(&all, "TYPE_LIMITS"), ("http=3,shell=2", from_file.as_str()));
        assert_eq!(given(&all, "ALLOWED_HOSTS").0, "a,b");
        assert_eq!(given(&all, "LOG_LEVEL"), ("info", "default"));
        let prefixed = Sources { flags: BTreeMap::new(), ..sources };
        assert_eq!(given(&merge(&prefixed).0, "PORT"), ("3", "environment ONEOFF_PORT"));
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "prot = 1\nqqq = 2\n").unwrap();
        let sources = Sources { config_file: Some(file.path().to_owned()), ..Sources::default() };
        let (_, problems) = merge(&sources);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().any(|text| text.contains("`prot`") && text.contains("did you mean `port`?")));
        assert!(problems.iter().any(|text| text.contains("`qqq`") && text.contains("known are host, port")));
    }

    #[test]
    fn a_config_file_that_is_missing_or_not_toml_is_a_problem() {
        let missing = Sources {
            environment: environment(&[("ONEOFF_CONFIG", "/nonexistent/x.toml")]),
            ..Sources::default()
        };
        let (_, problems) = merge(&missing);
        assert!(problems[0].contains("/nonexistent/x.toml"), "{problems:?}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "port = = 3").unwrap();
        let (_, problems) =
            merge(&Sources { config_file: Some(file.path().to_owned()), ..Sources::default() });
        assert!(problems[0].contains("is not TOML"), "{problems:?}");
        std::fs::write(file.path(), "port = 3\ndatabase_url = \"postgres://me:hunter2@db/x\n").unwrap();
        let (_, problems) =
            merge(&Sources { config_file: Some(file.path().to_owned()), ..Sources::default() });
        assert!(problems[0].contains("line 2") && !problems[0].contains("hunter2"), "{problems:?}");
    }

    #[test]
    fn the_embedded_defaults_are_those_of_the_table() {
        let (all, problems) = merge(&Sources::default());
        assert_eq!(problems, Vec::<String>::new());
        for given in all {
            assert_eq!((given.value.as_str(), given.origin.as_str()), (given.setting.default, "default"));
        }
    }
}
