//! Releasing a job, or all that are held for a reason, as after a restore.

use crate::args::ReleaseArgs;
use crate::commands::when::when;
use crate::commands::{Outcome, Session};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Look, Record};
use oneoff_api_types::{ReleaseJob, ReleaseJobs, ReleasedJobs};
use oneoff_domain::HoldReason;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// `oneoff jobs release`.
pub(crate) async fn release(session: &Session, args: ReleaseArgs) -> Outcome {
    let reason = args.reason.map(|reason| reason.as_str().to_owned());
    let Some(id) = args.id else { return all(session, args.reason, args.yes).await };
    let job = session.client.release_job(&id.to_string(), &ReleaseJob { reason }).await?;
    session.console.notes.say(&format!("job {} released: {}", job.id, when(&job)));
    session.console.printer.one(&job)?;
    Ok(Exit::Ok)
}

/// How many were released of a reason.
#[derive(Debug, Serialize)]
struct ReleasedAll {
    reason: String,
    released: u64,
    skipped: u64,
}

impl Record for ReleasedAll {
    const KIND: &'static str = "released";

    fn id(&self) -> &str {
        &self.reason
    }

    fn fields(&self, _look: &Look) -> Vec<(&'static str, String)> {
        vec![
            ("reason", self.reason.clone()),
            ("released", self.released.to_string()),
            ("skipped", self.skipped.to_string()),
        ]
    }
}

async fn all(session: &Session, reason: Option<HoldReason>, yes: bool) -> Outcome {
    let reason = reason.unwrap_or(HoldReason::Manual).as_str().to_owned();
    let release = ReleaseJobs { reason };
    if !yes {
        let preview = session.client.release_jobs(&release, true).await?;
        if preview.released > 0 && !confirm(&preview, &release.reason)? {
            return Err(Failure::usage("nothing was released"));
        }
    }
    let mut total = ReleasedAll { reason: release.reason.clone(), released: 0, skipped: 0 };
    loop {
        let done = session.client.release_jobs(&release, false).await?;
        total.released += done.released;
        total.skipped = done.skipped;
        // Those that are skipped stay held, and would be looked at for ever.
        if !done.more || done.released == 0 {
            break;
        }
        session.console.notes.say(&format!("{} released, going on", total.released));
    }
    if total.skipped > 0 {
        let stay = format!("{} stay held, as they have no time at which to start", total.skipped);
        session.console.notes.say(&stay);
    }
    session.console.printer.one(&total)?;
    Ok(Exit::Ok)
}

/// Asks a person. Where there is none, the flag that answers is named.
fn confirm(preview: &ReleasedJobs, reason: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage(
            "those of the jobs that are due start at once, and nobody is here to be asked",
        )
        .with_hint("add --yes, or look first: `oneoff jobs list --status held`"));
    }
    let more = if preview.more { " or more" } else { "" };
    let count = preview.released;
    let mut stderr = io::stderr().lock();
    write!(stderr, "Release {count}{more} jobs held for {reason}? Those that are due start at once. [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
