//! Changing a job: run, hold, clone, reschedule.

use crate::args::{CloneArgs, HoldArgs, RescheduleArgs, RunArgs};
use crate::commands::ending::{Waiting, end_with};
use crate::commands::when::when;
use crate::commands::{Outcome, Session};
use crate::exit::Exit;
use crate::failure::Failure;
use oneoff_api_types::{CloneJob, HoldJob, JobView, UpdateJob};
use oneoff_client::FollowFrom;
use serde_json::Map;

/// `oneoff jobs run`.
pub(crate) async fn run(session: &Session, args: RunArgs) -> Outcome {
    let id = args.id.to_string();
    let waits = args.wait || args.follow;
    if !waits && args.plain.timeout.is_some() {
        return Err(Failure::usage("--timeout needs --wait or --follow"));
    }
    let job = session.client.execute_job(&id).await?;
    session.console.notes.say(&format!("job {id} is due now"));
    if !waits {
        session.console.printer.one(&job)?;
        return Ok(Exit::Ok);
    }
    let from = FollowFrom::Run(job.run);
    end_with(session, &id, from, Waiting::of_plain(&args.plain, args.follow)).await
}

/// `oneoff jobs hold`.
pub(crate) async fn hold(session: &Session, args: HoldArgs) -> Outcome {
    let timezone = args.until.is_some().then(|| session.console.zone.clone());
    let hold = HoldJob { reason: None, until: args.until, timezone };
    let job = session.client.hold_job(&args.id.to_string(), &hold).await?;
    session.console.notes.say(&format!("job {0} is held; release it with: oneoff jobs release {0}", job.id));
    print(session, &job)
}

/// `oneoff jobs clone`.
pub(crate) async fn clone(session: &Session, args: CloneArgs) -> Outcome {
    let clone = CloneJob {
        scheduled_at: args.when.join(" "),
        timezone: Some(session.console.zone.clone()),
        name: args.name,
        disambiguation: args.dst.map(|dst| dst.as_str().to_owned()),
        allow_past: args.allow_past.then_some(true),
    };
    let job = session.client.clone_job(&args.id.to_string(), &clone).await?;
    say_when(session, &job, "created");
    print(session, &job)
}

/// `oneoff jobs reschedule`.
pub(crate) async fn reschedule(session: &Session, args: RescheduleArgs) -> Outcome {
    let mut patch = Map::new();
    patch.insert("scheduled_at".into(), args.when.join(" ").into());
    patch.insert("timezone".into(), session.console.zone.clone().into());
    if let Some(dst) = args.dst {
        patch.insert("disambiguation".into(), dst.as_str().into());
    }
    if args.allow_past {
        patch.insert("allow_past".into(), true.into());
    }
    let job = session.client.update_job(&args.id.to_string(), &UpdateJob(patch), None).await?;
    say_when(session, &job, "moved");
    print(session, &job)
}

fn say_when(session: &Session, job: &JobView, effect: &str) {
    session.console.notes.say(&format!("job {} {effect}: {}", job.id, when(job)));
}

fn print(session: &Session, job: &JobView) -> Outcome {
    session.console.printer.one(job)?;
    Ok(Exit::Ok)
}
