//! Attempts and their output.

use crate::args::{ExecutionIdArgs, ExecutionListArgs, LogsArgs, TailArgs};
use crate::commands::job_lists::{page_rows, print_pages};
use crate::commands::{Outcome, Session, ending};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::ChunkSink;
use oneoff_client::{ExecutionQuery, FollowFrom, OutputFollower};

/// `oneoff executions list`.
pub(crate) async fn list(session: &Session, args: ExecutionListArgs) -> Outcome {
    let wanted = (!args.all).then_some(args.limit);
    let query = ExecutionQuery {
        job_id: args.job.map(|id| id.to_string()),
        statuses: args.statuses.iter().map(ToString::to_string).collect(),
        sort_order: Some("desc".to_owned()),
        limit: Some(page_rows(wanted)),
        ..ExecutionQuery::default()
    };
    print_pages(session, session.client.all_executions(query), wanted, "no executions").await
}

/// `oneoff executions get`.
pub(crate) async fn get(session: &Session, args: ExecutionIdArgs) -> Outcome {
    session.console.printer.one(&session.client.execution(&args.id.to_string()).await?)?;
    Ok(Exit::Ok)
}

/// `oneoff executions tail`.
pub(crate) async fn tail(session: &Session, args: TailArgs) -> Outcome {
    let id = args.id.to_string();
    let output = match args.no_follow {
        true => session.client.read_output(&id, 0),
        false => session.client.follow_output(&id, 0),
    };
    print_output(session, output).await
}

/// `oneoff logs`.
pub(crate) async fn logs(session: &Session, args: LogsArgs) -> Outcome {
    let id = args.id.to_string();
    if args.follow {
        ending::follow_output(session, &id, FollowFrom::Latest).await?;
        return Ok(Exit::Ok);
    }
    let job = session.client.job(&id).await?;
    let Some(execution) = &job.last_execution else {
        return Err(Failure::not_found(format!("job {id} is {} and has not run yet", job.status))
            .with_hint(format!("`oneoff logs -f {id}` waits for it")));
    };
    print_output(session, session.client.read_output(execution, 0)).await
}

async fn print_output(session: &Session, mut output: OutputFollower) -> Outcome {
    let mut sink = ChunkSink::new(&session.console.printer);
    while let Some(chunks) = output.next().await? {
        sink.write(&chunks)?;
    }
    sink.end()?;
    Ok(Exit::Ok)
}
