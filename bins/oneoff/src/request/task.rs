//! What the job does: type and config from `-- CMD`, `--script`, `--url` or `--config`.

use crate::args::TaskArgs;
use crate::failure::Failure;
use crate::request::command_line::shell_config;
use crate::request::{Surroundings, read_text};
use serde_json::{Map, Value};

/// What a job does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    /// The job type.
    pub(crate) job_type: String,
    /// Its config.
    pub(crate) config: Map<String, Value>,
    /// The name it gives the job, where the server has no better one.
    pub(crate) name: Option<String>,
}

impl Task {
    /// The task of sugar flags.
    pub(crate) fn of_flags(args: &TaskArgs, from: &dyn Surroundings) -> Result<Self, Failure> {
        let given = [args.url.is_some(), args.script.is_some(), !args.command.is_empty()];
        match given.iter().filter(|&&given| given).count() {
            0 => Err(Failure::usage("nothing to do was given")
                .with_hint("add `-- CMD ARGS`, a URL, or `--script @file`")),
            1 if args.url.is_some() => http(args, from),
            1 => shell(args, from),
            _ => Err(Failure::usage("give only one of a URL, --script and `-- CMD`")),
        }
    }

    /// The task of `--config`, with a type that must then be named.
    pub(crate) fn of_config(
        job_type: Option<&str>,
        config: &str,
        from: &dyn Surroundings,
    ) -> Result<Self, Failure> {
        let Some(job_type) = job_type else {
            return Err(Failure::usage("--config needs --type").with_hint("such as --type shell"));
        };
        let text = read_text("--config", config, from)?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(config)) => Ok(Self { job_type: job_type.to_owned(), config, name: None }),
            Ok(_) => Err(Failure::usage("--config is not a JSON object")
                .with_hint(r#"such as '{"url": "https://example.org"}'"#)),
            Err(error) => Err(Failure::usage(format!("--config is not JSON: {error}"))),
        }
    }
}

fn http(args: &TaskArgs, from: &dyn Surroundings) -> Result<Task, Failure> {
    if !args.env.is_empty() || args.workdir.is_some() {
        return Err(Failure::usage("--env and --workdir are for commands, not for requests"));
    }
    let mut config = Map::new();
    let default_method = if args.body.is_some() { "POST" } else { "GET" };
    config.insert("url".into(), args.url.clone().unwrap_or_default().into());
    config.insert("method".into(), args.method.clone().unwrap_or_else(|| default_method.to_owned()).into());
    let headers = headers(&args.headers)?;
    if !headers.is_empty() {
        config.insert("headers".into(), headers.into());
    }
    if let Some(body) = &args.body {
        config.insert("body".into(), read_text("--body", body, from)?.into());
    }
    Ok(Task { job_type: "http".into(), config, name: None })
}

fn headers(lines: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut headers = Map::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(Failure::usage(format!("--header: `{line}` has no colon"))
                .with_hint("such as --header 'Accept: text/plain'"));
        };
        let name = name.trim();
        if headers.keys().any(|known: &String| known.eq_ignore_ascii_case(name)) {
            return Err(Failure::usage(format!("--header: {name} is given twice")));
        }
        headers.insert(name.to_owned(), value.trim().into());
    }
    Ok(headers)
}

fn shell(args: &TaskArgs, from: &dyn Surroundings) -> Result<Task, Failure> {
    if args.method.is_some() || !args.headers.is_empty() || args.body.is_some() {
        return Err(Failure::usage("--method, --header and --body are for requests").with_hint("add --url"));
    }
    let (mut config, name) = match &args.script {
        Some(script) => {
            let script = read_text("--script", script, from)?;
            (Map::from_iter([("script".to_owned(), Value::from(script))]), None)
        }
        None => {
            let (config, name) = shell_config(&args.command);
            (config, Some(name).filter(|name| !name.is_empty()))
        }
    };
    let env = env(&args.env, from)?;
    if !env.is_empty() {
        config.insert("env".into(), env.into());
    }
    if let Some(workdir) = &args.workdir {
        config.insert("workdir".into(), workdir.clone().into());
    }
    Ok(Task { job_type: "shell".into(), config, name })
}

fn env(assignments: &[String], from: &dyn Surroundings) -> Result<Map<String, Value>, Failure> {
    let mut env = Map::new();
    for assignment in assignments {
        let (name, value) = match assignment.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => match from.variable(assignment) {
                Some(value) => (assignment.as_str(), value),
                None => return Err(Failure::usage(format!("--env: {assignment} is not set here"))),
            },
        };
        env.insert(name.to_owned(), value.into());
    }
    Ok(env)
}

#[cfg(test)]
mod tests {
    use super::Task;
    use crate::args::TaskArgs;
    use crate::request::text_source::tests::Prepared;
    use serde_json::{Value, json};

    fn task(args: TaskArgs) -> Result<Task, String> {
        Task::of_flags(&args, &Prepared).map_err(|failure| failure.message)
    }

    fn config(args: TaskArgs) -> Value {
        Value::Object(task(args).unwrap().config)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_request_has_method_headers_and_body() {
        let args = TaskArgs {
            url: Some("https://example.org/x".into()),
            headers: texts(&["Accept: a:b", "X-Empty:"]),
            body: Some("-".into()),
            ..TaskArgs::default()
        };
        let expected = json!({
            "url": "https://example.org/x", "method": "POST",
            "headers": {"Accept": "a:b", "X-Empty": ""}, "body": "from stdin",
        });
        assert_eq!(config(args), expected);
        let plain = TaskArgs { url: Some("http://x/".into()), ..TaskArgs::default() };
        assert_eq!(config(plain), json!({"url": "http://x/", "method": "GET"}));
    }

    #[test]
    fn a_script_has_the_environment_and_directory_that_were_named() {
        let args = TaskArgs {
            script: Some("@hello.sh".into()),
            env: texts(&["A=1=2", "LANG"]),
            workdir: Some("/tmp".into()),
            ..TaskArgs::default()
        };
        let expected =
            json!({"script": "echo hello\n", "env": {"A": "1=2", "LANG": "de_DE"}, "workdir": "/tmp"});
        assert_eq!(config(args), expected);
    }

    #[test]
    fn nothing_two_things_and_flags_of_the_other_kind_are_refused() {
        let url = || Some("http://x/".to_owned());
        for args in [
            TaskArgs::default(),
            TaskArgs { url: url(), script: Some("x".into()), ..TaskArgs::default() },
            TaskArgs { command: texts(&["x"]), script: Some("x".into()), ..TaskArgs::default() },
            TaskArgs { url: url(), env: texts(&["A=1"]), ..TaskArgs::default() },
            TaskArgs { script: Some("x".into()), body: Some("x".into()), ..TaskArgs::default() },
            TaskArgs { url: url(), headers: texts(&["no colon"]), ..TaskArgs::default() },
            TaskArgs { url: url(), headers: texts(&["A: 1", "a: 2"]), ..TaskArgs::default() },
            TaskArgs { script: Some("x".into()), env: texts(&["UNSET"]), ..TaskArgs::default() },
            TaskArgs { script: Some("@none".into()), ..TaskArgs::default() },
        ] {
            assert!(task(args).is_err());
        }
    }

    #[test]
    fn a_config_is_an_object_of_a_named_type() {
        let task = Task::of_config(Some("http"), r#"{"url":"x"}"#, &Prepared).unwrap();
        assert_eq!((task.job_type.as_str(), &task.config["url"]), ("http", &json!("x")));
        for (job_type, config) in
            [(None, "{}"), (Some("http"), "[]"), (Some("http"), "{"), (Some("http"), "@none")]
        {
            assert!(Task::of_config(job_type, config, &Prepared).is_err(), "{config}");
        }
    }
}
