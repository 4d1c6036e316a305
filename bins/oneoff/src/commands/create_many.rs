//! `oneoff jobs create --from`: many jobs of a file.

use crate::args::CreateArgs;
use crate::commands::bulk::Tally;
use crate::commands::{Outcome, Session};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Row;
use crate::request::{FileJob, ThisMachine, read_jobs, read_text, slices};
use oneoff_api_types::{CreateJobs, JobsCreated};
use oneoff_client::{ClientError, new_idempotency_key};
use serde_json::{Map, Value};

type Request = CreateJobs<Map<String, Value>>;

/// Creates the jobs of `from`: all of them or none, or, with `--each`, each on its own.
pub(crate) async fn create_many(session: &Session, from: &str, args: &CreateArgs) -> Outcome {
    let source = if from == "-" { from.to_owned() } else { format!("@{from}") };
    let text = read_text("--from", &source, &ThisMachine)?;
    let jobs = read_jobs(&text, &session.console.zone)?;
    let slices = slices(jobs, args.each)?;
    if args.job.dry_run {
        let preview = async |request: Request, _key: String| session.client.preview_jobs(&request).await;
        return send_all(session, slices, args, "would be created (nothing was)", preview).await;
    }
    let create =
        async |request: Request, key: String| session.client.create_jobs_with_key(&request, &key).await;
    send_all(session, slices, args, "created", create).await
}

/// Sends slice after slice. What was sent before one fails stays and is told.
async fn send_all<R: Row>(
    session: &Session,
    slices: Vec<Vec<FileJob>>,
    args: &CreateArgs,
    effect: &str,
    send: impl AsyncFn(Request, String) -> Result<JobsCreated<R>, ClientError>,
) -> Outcome {
    let key = match &args.job.idempotency_key {
        Some(key) => key.clone(),
        None => new_idempotency_key()?,
    };
    let mut tally = Tally::default();
    let mut list = session.console.printer.list::<R>();
    let mut created = 0;
    for (index, slice) in slices.into_iter().enumerate() {
        let (places, jobs): (Vec<_>, Vec<_>) = slice.into_iter().map(|job| (job.place, job.fields)).unzip();
        let request = CreateJobs { jobs, atomic: Some(!args.each) };
        let key_of_slice = if index == 0 { key.clone() } else { format!("{key}.{index}") };
        let answer = match send(request, key_of_slice).await {
            Ok(answer) => answer,
            Err(error) => {
                list.end()?;
                return Err(undone(error, &key, created));
            }
        };
        let mut rows = Vec::with_capacity(answer.created);
        for (result, place) in answer.results.into_iter().zip(places) {
            rows.extend(tally.note(session, &place, of_result(result.data, result.error)));
        }
        created += rows.len();
        list.page(&rows)?;
    }
    list.end()?;
    session.console.notes.say(&format!("{created} jobs {effect}"));
    Ok(tally.exit())
}

fn of_result<R>(data: Option<R>, error: Option<Box<oneoff_api_types::Problem>>) -> Result<R, Failure> {
    match (data, error) {
        (Some(job), _) => Ok(job),
        (None, Some(problem)) => Err(ClientError::Problem { problem, retry_after: None }.into()),
        (None, None) => Err(Failure::usage("the server says neither that it was created nor why not")),
    }
}

/// A call that failed as a whole, and how to go on from there.
fn undone(error: ClientError, key: &str, created: usize) -> Failure {
    let is_unknown = error.is_outcome_unknown();
    let mut failure = Failure::from(error);
    if !is_unknown && created == 0 {
        return failure;
    }
    if created > 0 {
        failure.exit = Exit::Partial;
    }
    failure.with_hint(format!(
        "{created} jobs were created; the same command with --idempotency-key={key} goes on and cannot make a second one"
    ))
}
