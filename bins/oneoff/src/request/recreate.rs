//! The command that creates a job like one there is.

use crate::request::command_line::EXEC_SCRIPT;
use oneoff_api_types::JobView;
use oneoff_domain::Timestamp;
use serde_json::Value;

/// Whether the time of the job is over, so that no job can be created for it again without saying so.
pub(crate) fn is_past(job: &JobView, now: Timestamp) -> bool {
    job.scheduled_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at < now)
}

/// The words of the command. A job whose time is over is due at once in it.
pub(crate) fn recreate(job: &JobView, now: Timestamp) -> Vec<String> {
    let argv = exact_command(job);
    let mut words: Vec<String> = vec!["oneoff".into(), "jobs".into(), "create".into()];
    // With an equals sign, so that a value may begin with a dash.
    let mut flag = |name: &str, value: String| words.push(format!("--{name}={value}"));
    if let Some(at) = &job.scheduled_at {
        flag("at", if is_past(job, now) { "now".to_owned() } else { at.clone() });
    }
    flag("tz", job.timezone.clone());
    flag("name", job.name.clone());
    if argv.is_none() {
        flag("type", job.job_type.clone());
        flag("config", Value::Object(job.config.clone()).to_string());
    }
    if job.priority != 5 {
        flag("priority", job.priority.to_string());
    }
    if job.project_id != "default" {
        flag("project", job.project_id.clone());
    }
    for tag in &job.tags {
        flag("tag", tag.name.clone());
    }
    if let Some(seconds) = job.timeout_seconds {
        flag("timeout", seconds.to_string());
    }
    if job.max_retries > 0 {
        flag("max-retries", job.max_retries.to_string());
        flag("retry-delay", job.retry_delay_seconds.to_string());
    }
    if let Some(seconds) = job.max_lateness_seconds {
        flag("max-lateness", seconds.to_string());
    }
    if job.on_late != "run" {
        flag("on-late", job.on_late.clone());
    }
    if job.on_crash != "retry" {
        flag("on-crash", job.on_crash.clone());
    }
    if let Some(key) = &job.concurrency_key {
        flag("concurrency-key", key.clone());
    }
    if job.status == "held" {
        words.push("--hold".into());
    }
    if let Some(argv) = argv {
        words.push("--".into());
        words.extend(argv);
    }
    words
}

/// The words of a job that was made from `-- CMD ARGS` and has nothing else in its config.
fn exact_command(job: &JobView) -> Option<Vec<String>> {
    let is_exact = job.job_type == "shell"
        && job.config.len() == 2
        && job.config.get("script").and_then(Value::as_str) == Some(EXEC_SCRIPT);
    let args = job.config.get("args").filter(|_| is_exact)?.as_array()?;
    let words: Option<Vec<String>> = args.iter().map(|word| word.as_str().map(str::to_owned)).collect();
    // No word of a command line can hold a NUL; JSON can.
    words.filter(|words| words.len() > 1 && !words.iter().any(|word| word.contains('\0')))
}

#[cfg(test)]
mod tests {
    use super::recreate;
    use crate::args::{Cli, Command, JobsCommand};
    use crate::request::{Task, create_job, text_source::tests::Prepared};
    use crate::test_data::{self, job};
    use clap::Parser;
    use oneoff_api_types::CreateJob;
    use serde_json::json;

    /// What the command of a job would send.
    fn replayed(words: Vec<String>) -> CreateJob {
        let cli = Cli::try_parse_from(words).unwrap();
        let Command::Jobs(jobs) = cli.command else { panic!("not jobs") };
        let JobsCommand::Create(args) = *jobs else { panic!("not create") };
        let task = match &args.config {
            Some(config) => Task::of_config(args.job_type.as_deref(), config, &Prepared).unwrap(),
            None => Task::of_flags(&args.task, &Prepared).unwrap(),
        };
        create_job(task, &args.job, args.at.as_deref(), &cli.global.tz.unwrap())
    }

    #[test]
    fn the_command_sends_what_the_job_has() {
        let mut job = job();
        job.name = "-- a 'name'".into();
        job.tags = ["x", "-y"].map(test_data::tag).into();
        job.timeout_seconds = Some(90);
        job.max_retries = 3;
        job.on_crash = "fail".into();
        for config in [
            json!({"script": "exec \"$@\"", "args": ["echo", "--at", "a b", ""]}),
            json!({"script": "echo $HOME", "env": {"A": "it's"}}),
            json!({"script": "exec \"$@\"", "args": ["true"], "workdir": "/tmp"}),
        ] {
            job.config = config.as_object().unwrap().clone();
            let words = recreate(&job, "2026-11-21T20:00:00Z".parse().unwrap());
            let sent = replayed(words);
            assert_eq!(sent.config, job.config);
            assert_eq!(sent.name.as_ref(), Some(&job.name));
            assert_eq!(sent.scheduled_at, job.scheduled_at);
            assert_eq!(sent.tags, Some(vec!["x".to_owned(), "-y".to_owned()]));
            assert_eq!((sent.timeout_seconds, sent.max_retries), (Some(90), Some(3)));
            assert_eq!(sent.on_crash.as_deref(), Some("fail"));
        }
    }

    #[test]
    fn a_job_whose_time_is_over_is_created_for_now() {
        let at = |now: &str| recreate(&job(), now.parse().unwrap()).remove(3);
        assert_eq!(at("2026-12-01T07:59:59Z"), "--at=2026-12-01T08:00:00Z");
        assert_eq!(at("2026-12-01T08:00:01Z"), "--at=now");
    }

    #[test]
    fn an_argument_that_no_command_line_can_hold_stays_in_the_config() {
        let mut job = job();
        job.config = json!({"script": "exec \"$@\"", "args": ["echo", "a\0b"]}).as_object().unwrap().clone();
        let words = recreate(&job, "2026-11-21T20:00:00Z".parse().unwrap());
        assert!(words.iter().all(|word| !word.contains('\0')), "{words:?}");
        assert_eq!(replayed(words).config, job.config);
    }
}
