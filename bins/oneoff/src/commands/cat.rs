//! The command that creates a job like one there is.

use crate::args::IdArgs;
use crate::clock;
use crate::commands::{Outcome, Session};
use crate::exit::Exit;
use crate::output::CommandLine;
use crate::request::{is_past, recreate};

/// `oneoff cat`.
pub(crate) async fn cat(session: &Session, args: IdArgs) -> Outcome {
    let job = session.client.job(&args.id.to_string()).await?;
    let printer = &session.console.printer;
    let now = clock::now();
    let command_line = CommandLine::new(recreate(&job, now));
    match session.console.is_for_machines() {
        true => printer.document(&command_line)?,
        false => printer.write(&format!("{}\n", command_line.command))?,
    }
    if is_past(&job, now) {
        let at = job.scheduled_at.as_deref().unwrap_or_default();
        session
            .console
            .notes
            .say(&format!("its time is over ({at}), so this one starts at once: change --at"));
    }
    Ok(Exit::Ok)
}
