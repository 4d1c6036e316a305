//! The config of a shell job and what is checked of it before it is accepted.

use super::environment;
use super::interpreter::Interpreter;
use crate::fields::{Fields, below};
use oneoff_domain::FieldError;
use serde_json::{Map, Value};

/// The fields of the config. `is_path` is how OneOff 1 says that `script` is a file.
const FIELDS: [&str; 7] = ["script", "file", "is_path", "interpreter", "args", "env", "workdir"];

/// Linux takes no longer string as an argument or an environment variable (`MAX_ARG_STRLEN`), with its NUL.
pub(super) const STRING_MAX_BYTES: usize = 128 * 1024 - 1;

/// Bytes of a path (`PATH_MAX`, with its NUL).
pub(super) const PATH_MAX_BYTES: usize = 4095;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The text of a script.
    Script(String),
    /// A file.
    File(String),
}

/// A shell job's config, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellConfig {
    pub(super) source: Source,
    pub(super) interpreter: Option<Interpreter>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) workdir: Option<String>,
}

impl ShellConfig {
    /// Reads a config.
    pub(super) fn parse(config: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(config, &FIELDS);
        let source = source(&mut fields);
        let interpreter = interpreter(&mut fields, &source);
        let args = fields.texts("args");
        for (index, argument) in args.iter().enumerate() {
            refuse_too_long(&mut fields, &format!("args/{index}"), argument, STRING_MAX_BYTES);
        }
        let env = fields.named_texts("env");
        check_env(&mut fields, &env);
        let workdir = path(&mut fields, "workdir");
        fields.finish()?;
        Ok(Self { source, interpreter, args, env, workdir })
    }
}

fn source(fields: &mut Fields<'_>) -> Source {
    let is_path = fields.flag("is_path");
    let file = path(fields, "file");
    let script = fields.text("script");
    if file.is_some() && (script.is_some() || is_path.is_some()) {
        fields.refuse("file", "cannot be given together with `script` or `is_path`");
    }
    if let Some(file) = file {
        return Source::File(file);
    }
    let Some(script) = script else {
        if fields.given("script").is_none() && fields.given("file").is_none() {
            fields.refuse_with_hint("script", "is required", "the text of a script, or a path as `file`");
        }
        return Source::Script(String::new());
    };
    if script.trim().is_empty() {
        fields.refuse("script", "must not be empty");
    }
    if is_path == Some(true) {
        refuse_too_long(fields, "script", &script, PATH_MAX_BYTES);
        return Source::File(script);
    }
    if script.len() > STRING_MAX_BYTES {
        let message = format!("is {} bytes long; at most {STRING_MAX_BYTES} can be run", script.len());
        fields.refuse_with_hint("script", message, "put it into a file and name that as `file`");
    }
    Source::Script(script)
}

fn interpreter(fields: &mut Fields<'_>, source: &Source) -> Option<Interpreter> {
    let words = match fields.given("interpreter")? {
        value @ Value::String(_) => vec![fields.text_of("interpreter", value)?],
        Value::Array(_) => fields.texts("interpreter"),
        _ => {
            fields.refuse("interpreter", "must be a string or an array of strings");
            return None;
        }
    };
    if words.first().is_none_or(|program| program.trim().is_empty()) {
        fields.refuse_with_hint(
            "interpreter",
            "must name a program",
            "such as `/bin/bash` or [\"python3\", \"-u\"]",
        );
        return None;
    }
    let interpreter = Interpreter(words);
    if matches!(source, Source::Script(_)) && interpreter.takes_script().is_none() {
        let hint =
            "add the option by which it takes the text of a script, as in [\"node\", \"-e\"], or use `file`";
        fields.refuse_with_hint("interpreter", "is not one whose options are known", hint);
    }
    Some(interpreter)
}

fn path(fields: &mut Fields<'_>, name: &str) -> Option<String> {
    let path = fields.text(name)?;
    if path.trim().is_empty() {
        fields.refuse(name, "must not be empty");
    }
    refuse_too_long(fields, name, &path, PATH_MAX_BYTES);
    Some(path)
}

fn check_env(fields: &mut Fields<'_>, env: &[(String, String)]) {
    for (name, value) in env {
        let path = below("env", name);
        if environment::is_reserved(name) {
            fields.refuse(&path, "is set by OneOff itself");
        } else if name.is_empty() || name.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control())
        {
            fields.refuse(
                &path,
                "is no name of an environment variable: it is empty, or has `=` or white space",
            );
        }
        refuse_too_long(fields, &path, value, STRING_MAX_BYTES.saturating_sub(name.len() + 1));
    }
}

fn refuse_too_long(fields: &mut Fields<'_>, path: &str, text: &str, max_bytes: usize) {
    if text.len() > max_bytes {
        fields.refuse(path, format!("is {} bytes long; at most {max_bytes} are allowed", text.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(config: Value) -> Vec<String> {
        let errors = ShellConfig::parse(config.as_object().unwrap()).err().unwrap_or_default();
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn good_configs_are_read() {
        let config = json!({
            "script": "echo $1", "interpreter": ["bash", "-eu"], "args": ["a b"], "env": {"A": "1"},
            "workdir": "/tmp", "timeout": 5, "max_retries": 2, "retry_delay_seconds": 1, "timeout_seconds": 9
        });
        let parsed = ShellConfig::parse(config.as_object().unwrap()).unwrap();
        assert_eq!(parsed.source, Source::Script("echo $1".to_owned()));
        assert_eq!(parsed.args, ["a b"]);
        let v1 = json!({"script": "/opt/x.sh", "is_path": true, "args": null});
        let parsed = ShellConfig::parse(v1.as_object().unwrap()).unwrap();
        assert_eq!(parsed.source, Source::File("/opt/x.sh".to_owned()));
    }

    #[test]
    fn every_bad_field_is_refused_with_its_pointer() {
        let long = "x".repeat(200_000);
        for (config, pointer) in [
            (json!({}), "/script"),
            (json!({"script": ""}), "/script"),
            (json!({"script": " \n"}), "/script"),
            (json!({"script": 1}), "/script"),
            (json!({"script": "a\u{0}b"}), "/script"),
            (json!({"script": long}), "/script"),
            (json!({"script": "x", "file": "/x"}), "/file"),
            (json!({"file": ""}), "/file"),
            (json!({"file": ["x"]}), "/file"),
            (json!({"file": long}), "/file"),
            (json!({"script": "x", "is_path": "yes"}), "/is_path"),
            (json!({"script": "x", "interpreter": ""}), "/interpreter"),
            (json!({"script": "x", "interpreter": []}), "/interpreter"),
            (json!({"script": "x", "interpreter": 5}), "/interpreter"),
            (json!({"script": "x", "interpreter": ["bash", 5]}), "/interpreter/1"),
            (json!({"script": "x", "interpreter": "rustc"}), "/interpreter"),
            (json!({"script": "x", "args": "a b"}), "/args"),
            (json!({"script": "x", "args": ["a", 5]}), "/args/1"),
            (json!({"script": "x", "args": [long]}), "/args/0"),
            (json!({"script": "x", "env": ["A=1"]}), "/env"),
            (json!({"script": "x", "env": {"A": 1}}), "/env/A"),
            (json!({"script": "x", "env": {"": "1"}}), "/env/"),
            (json!({"script": "x", "env": {"A=B": "1"}}), "/env/A=B"),
            (json!({"script": "x", "env": {"A B": "1"}}), "/env/A B"),
            (json!({"script": "x", "env": {"A": "\u{0}"}}), "/env/A"),
            (json!({"script": "x", "env": {"A": long}}), "/env/A"),
            (json!({"script": "x", "env": {"ONEOFF_EXECUTION_ID": "1"}}), "/env/ONEOFF_EXECUTION_ID"),
            (json!({"script": "x", "env": {"ONEOFF_INSTANCE": "1"}}), "/env/ONEOFF_INSTANCE"),
            (json!({"script": "x", "workdir": 5}), "/workdir"),
            (json!({"script": "x", "workdir": ""}), "/workdir"),
            (json!({"script": "x", "timeout": "5s"}), "/timeout"),
            (json!({"script": "x", "enviroment": {}}), "/enviroment"),
        ] {
            let text = config.to_string();
            assert_eq!(pointers(config), [pointer], "{}", &text[..text.len().min(100)]);
        }
    }
}
