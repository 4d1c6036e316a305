//! The request that creates a job.

use crate::args::JobArgs;
use crate::request::Task;
use oneoff_api_types::CreateJob;

/// The request for a task under these policies, at a time that is read in the person's own zone.
pub(crate) fn create_job(task: Task, args: &JobArgs, when: Option<&str>, zone: &str) -> CreateJob {
    CreateJob {
        name: args.name.clone().or(task.name),
        job_type: task.job_type,
        config: task.config,
        scheduled_at: when.map(str::to_owned),
        immediate: None,
        timezone: Some(zone.to_owned()),
        disambiguation: args.dst.map(|dst| dst.as_str().to_owned()),
        allow_past: args.allow_past.then_some(true),
        priority: args.priority,
        project_id: args.project.clone(),
        tags: (!args.tags.is_empty()).then(|| args.tags.clone()),
        tag_ids: None,
        timeout_seconds: args.timeout,
        max_retries: args.max_retries,
        retry_delay_seconds: args.retry_delay,
        retry_max_delay_seconds: None,
        retry_exit_codes: None,
        max_lateness_seconds: args.max_lateness,
        on_late: args.on_late.clone(),
        on_crash: args.on_crash.clone(),
        concurrency_key: args.concurrency_key.clone(),
        external_id: args.external_id.clone(),
        metadata: None,
        held: args.hold.then_some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::create_job;
    use crate::args::{Cli, Command, JobsCommand};
    use crate::request::Task;
    use clap::Parser;
    use serde_json::{Value, json};

    fn request(line: &[&str]) -> Value {
        let words = ["oneoff", "jobs", "create", "--at", "tomorrow 9am"].iter().chain(line);
        let Command::Jobs(jobs) = Cli::try_parse_from(words).unwrap().command else { panic!("not jobs") };
        let JobsCommand::Create(create) = *jobs else { panic!("not create") };
        let task =
            Task { job_type: "shell".into(), config: serde_json::Map::new(), name: Some("true".into()) };
        let job = create_job(task, &create.job, create.at.as_deref(), "Europe/Madrid");
        serde_json::to_value(job).unwrap()
    }

    #[test]
    fn only_what_was_given_is_sent() {
        let expected = json!({
            "name": "true", "type": "shell", "config": {}, "scheduled_at": "tomorrow 9am",
            "timezone": "Europe/Madrid",
        });
        assert_eq!(request(&["--", "true"]), expected);
    }

    #[test]
    fn every_flag_has_its_field() {
        let sent = request(&[
            "--name=n",
            "--priority=-3",
            "--project=p",
            "--tag=a",
            "--tag=b",
            "--timeout=5m",
            "--max-retries=2",
            "--retry-delay=90",
            "--max-lateness=1h",
            "--on-late=skip",
            "--on-crash=fail",
            "--concurrency-key=k",
            "--external-id=e",
            "--hold",
            "--dst=later",
            "--allow-past",
            "--",
            "true",
        ]);
        let expected = json!({
            "name": "n", "type": "shell", "config": {}, "scheduled_at": "tomorrow 9am",
            "timezone": "Europe/Madrid", "disambiguation": "later", "allow_past": true, "priority": -3,
            "project_id": "p", "tags": ["a", "b"], "timeout_seconds": 300, "max_retries": 2,
            "retry_delay_seconds": 90, "max_lateness_seconds": 3600, "on_late": "skip", "on_crash": "fail",
            "concurrency_key": "k", "external_id": "e", "held": true,
        });
        assert_eq!(sent, expected);
    }
}
