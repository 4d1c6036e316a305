//! Commands about several jobs: each is tried, each failure is reported.

use crate::args::{DeleteArgs, IdsArgs};
use crate::commands::{Outcome, Session};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Deleted;
use oneoff_api_types::JobView;
use oneoff_domain::JobId;
use std::io::{self, IsTerminal, Write};

/// `oneoff jobs cancel` and `oneoff rm`.
pub(crate) async fn cancel(session: &Session, args: IdsArgs) -> Outcome {
    let mut tally = Tally::default();
    let mut list = session.console.printer.list::<JobView>();
    for id in distinct(args.ids) {
        if let Some(job) = tally.note(session, &id, cancel_one(session, &id).await) {
            list.page(&[job])?;
        }
    }
    list.end()?;
    Ok(tally.exit())
}

async fn cancel_one(session: &Session, id: &str) -> Result<JobView, Failure> {
    let job = session.client.cancel_job(id).await?;
    let effect = match job.status.as_str() {
        "running" => "was told to end its attempt",
        _ => "is cancelled",
    };
    session.console.notes.say(&format!("job {id} {effect}"));
    Ok(job)
}

/// `oneoff jobs delete`.
pub(crate) async fn delete(session: &Session, args: DeleteArgs) -> Outcome {
    let ids = distinct(args.ids);
    if !args.yes && !confirm(ids.len())? {
        return Err(Failure::usage("nothing was deleted"));
    }
    let mut tally = Tally::default();
    let mut list = session.console.printer.list::<Deleted>();
    for id in ids {
        let deleted = session.client.delete_job(&id, None).await.map_err(Failure::from);
        if tally.note(session, &id, deleted).is_some() {
            list.page(&[Deleted { id, status: "deleted" }])?;
        }
    }
    list.end()?;
    Ok(tally.exit())
}

/// Asks a person. Where there is none, the flag that answers is named.
fn confirm(count: usize) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage("deleting cannot be undone, and nobody is here to be asked")
            .with_hint("add --yes, or cancel instead: `oneoff rm ID`"));
    }
    let what = if count == 1 { "this job".to_owned() } else { format!("these {count} jobs") };
    let mut stderr = io::stderr().lock();
    write!(stderr, "Delete {what} with all executions and output? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The ids as text, each once.
fn distinct(ids: Vec<JobId>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).map(|id| id.to_string()).collect()
}

/// How many were done, and how the others failed.
#[derive(Default)]
pub(super) struct Tally {
    done: usize,
    failed: Vec<Exit>,
}

impl Tally {
    pub(super) fn note<T>(&mut self, session: &Session, id: &str, result: Result<T, Failure>) -> Option<T> {
        match result {
            Ok(done) => {
                self.done += 1;
                Some(done)
            }
            Err(failure) => {
                self.failed.push(failure.exit);
                session.console.notes.report(&failure.about(&format!("job {id}")));
                None
            }
        }
    }

    /// Success, the code that all failures share, or the one of a partial failure.
    pub(super) fn exit(&self) -> Exit {
        match self.failed.split_first() {
            None => Exit::Ok,
            Some((first, others)) if self.done == 0 && others.iter().all(|other| other == first) => *first,
            Some(_) => Exit::Partial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::exit::Exit;

    #[test]
    fn the_exit_code_tells_all_some_and_none() {
        for (done, failed, exit) in [
            (2, vec![], Exit::Ok),
            (1, vec![Exit::NotFound], Exit::Partial),
            (0, vec![Exit::NotFound, Exit::NotFound], Exit::NotFound),
            (0, vec![Exit::NotFound, Exit::Conflict], Exit::Partial),
            (0, vec![Exit::Unreachable], Exit::Unreachable),
        ] {
            assert_eq!(Tally { done, failed }.exit(), exit);
        }
    }
}
