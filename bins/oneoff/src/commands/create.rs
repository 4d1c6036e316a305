//! Creating jobs: `jobs create`, `at`, `in`, `now`.

use crate::args::{AtArgs, CreateArgs, InArgs, JobArgs, NowArgs, ShortArgs, TaskArgs, WaitArgs};
use crate::commands::create_many::create_many;
use crate::commands::ending::{Waiting, end_with};
use crate::commands::when::when;
use crate::commands::{Outcome, Session};
use crate::console::place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::request::{Task, ThisMachine, create_job};
use oneoff_api_types::{CreateJob, JobView};
use oneoff_client::{FollowFrom, new_idempotency_key};

/// `oneoff jobs create`.
pub(crate) async fn create(session: &Session, args: CreateArgs) -> Outcome {
    if let Some(from) = &args.from {
        return create_many(session, from, &args).await;
    }
    if args.each {
        return Err(Failure::usage("--each needs --from"));
    }
    let task = match &args.config {
        Some(config) => {
            refuse_sugar(&args.task)?;
            Task::of_config(args.job_type.as_deref(), config, &ThisMachine)?
        }
        None => Task::of_flags(&args.task, &ThisMachine)?,
    };
    if let Some(job_type) = args.job_type.as_ref().filter(|job_type| **job_type != task.job_type) {
        return Err(Failure::usage(format!(
            "--type {job_type} does not fit: this is a job of type {}",
            task.job_type
        )));
    }
    submit(session, task, args.at, &args.job, &args.wait).await
}

/// `oneoff at`.
pub(crate) async fn at(session: &Session, args: AtArgs) -> Outcome {
    let (when, rest) = take_url(args.when, args.rest)?;
    submit_short(session, when.join(" "), rest).await
}

/// `oneoff in`.
pub(crate) async fn after(session: &Session, args: InArgs) -> Outcome {
    let (duration, rest) = take_url(args.duration, args.rest)?;
    submit_short(session, format!("in {}", duration.join(" ")), rest).await
}

/// `oneoff now`.
pub(crate) async fn now(session: &Session, args: NowArgs) -> Outcome {
    let words = ["now".to_owned()].into_iter().chain(args.url_word).collect();
    let (when, rest) = take_url(words, args.rest)?;
    if when.len() > 1 {
        return Err(Failure::usage(format!("`{}` is not a URL", when.join(" ")))
            .with_hint("put two dashes before a command: `oneoff now -- CMD ARGS`"));
    }
    submit_short(session, "now".to_owned(), rest).await
}

async fn submit_short(session: &Session, when: String, rest: ShortArgs) -> Outcome {
    let task = Task::of_flags(&rest.task, &ThisMachine)?;
    submit(session, task, Some(when), &rest.job, &rest.wait).await
}

/// Takes the URL that may stand after the words of a time.
fn take_url(mut words: Vec<String>, mut rest: ShortArgs) -> Result<(Vec<String>, ShortArgs), Failure> {
    let is_url = |word: &String| word.starts_with("http://") || word.starts_with("https://");
    if !words.last().is_some_and(is_url) {
        return Ok((words, rest));
    }
    if rest.task.url.is_some() {
        return Err(Failure::usage("two URLs were given"));
    }
    rest.task.url = words.pop();
    match words.is_empty() {
        true => Err(Failure::usage("a URL was given, but no time")),
        false => Ok((words, rest)),
    }
}

fn refuse_sugar(task: &TaskArgs) -> Result<(), Failure> {
    let is_given = task.method.is_some()
        || task.body.is_some()
        || !task.headers.is_empty()
        || !task.env.is_empty()
        || task.workdir.is_some();
    match is_given {
        true => Err(Failure::usage(
            "--config is the whole config: put method, headers, body, env and workdir into it",
        )),
        false => Ok(()),
    }
}

async fn submit(
    session: &Session,
    task: Task,
    when: Option<String>,
    args: &JobArgs,
    wait: &WaitArgs,
) -> Outcome {
    let waiting = Waiting::of_flags(wait)?;
    let request = create_job(task, args, when.as_deref(), &session.console.zone);
    if args.dry_run {
        let job = session.client.preview_job(&request).await?;
        announce(session, &job, "would be created (nothing was)");
        session.console.printer.one(&job)?;
        return Ok(Exit::Ok);
    }
    let job = send(session, &request, args.idempotency_key.clone()).await?;
    announce(session, &job, "created");
    let Some(waiting) = waiting else {
        session.console.printer.one(&job)?;
        suggest(session, &job);
        return Ok(Exit::Ok);
    };
    end_with(session, &job.id, FollowFrom::Run(job.run), waiting).await
}

/// Creates the job. Where it stays unknown whether it was, the way to find out is named.
async fn send(session: &Session, request: &CreateJob, key: Option<String>) -> Result<JobView, Failure> {
    let key = match key {
        Some(key) => key,
        None => new_idempotency_key()?,
    };
    session.client.create_job_with_key(request, &key).await.map_err(|error| {
        let is_unknown = error.is_outcome_unknown();
        let failure = Failure::from(error);
        match is_unknown {
            true => failure.with_hint(format!(
                "the job may have been created; the same command with --idempotency-key={key} cannot make a second one"
            )),
            false => failure,
        }
    })
}

/// Says what was done, when the job runs, and where.
fn announce(session: &Session, job: &JobView, effect: &str) {
    let notes = &session.console.notes;
    notes.say(&format!("job {} {effect}: {}", job.id, when(job)));
    if job.job_type == "shell" {
        notes.say(&format!("runs {}", place(&session.client)));
    }
}

fn suggest(session: &Session, job: &JobView) {
    let id = &job.id;
    let first = if job.status == "held" { "jobs release" } else { "logs -f" };
    session.console.notes.suggest(&format!(
        "Next: oneoff {first} {id}\n      oneoff jobs reschedule {id} 'in 1h'\n      oneoff rm {id}"
    ));
}

#[cfg(test)]
mod tests {
    use super::take_url;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn at(line: &[&str]) -> (Vec<String>, Option<String>, Vec<String>) {
        let Command::At(args) = Cli::try_parse_from(["oneoff", "at"].iter().chain(line)).unwrap().command
        else {
            panic!("not at")
        };
        let (when, rest) = take_url(args.when, args.rest).ok().unwrap();
        (when, rest.task.url, rest.task.command)
    }

    #[test]
    fn the_words_of_a_time_are_joined_and_flags_may_stand_among_them() {
        let (when, url, command) =
            at(&["tomorrow", "--name", "x", "9am", "-o", "json", "--", "echo", "--at", "x"]);
        assert_eq!((when.join(" ").as_str(), url), ("tomorrow 9am", None));
        assert_eq!(command, ["echo", "--at", "x"]);
    }

    #[test]
    fn a_url_after_the_time_is_requested() {
        let (when, url, command) = at(&["24", "Dec", "18:00", "https://example.org/?a=b"]);
        assert_eq!(when.join(" "), "24 Dec 18:00");
        assert_eq!(url.as_deref(), Some("https://example.org/?a=b"));
        assert!(command.is_empty());
    }

    #[test]
    fn a_url_without_a_time_is_refused() {
        let Command::At(args) = Cli::try_parse_from(["oneoff", "at", "http://x/"]).unwrap().command else {
            panic!("not at")
        };
        assert!(take_url(args.when, args.rest).is_err());
    }
}
