//! The command that creates a job like one there is.

use crate::args::IdArgs;
use crate::commands::{Outcome, Session};
use crate::exit::Exit;
use crate::output::CommandLine;
use crate::request::recreate;

/// `oneoff cat`.
pub(crate) async fn cat(session: &Session, args: IdArgs) -> Outcome {
    let job = session.client.job(&args.id.to_string()).await?;
    let printer = &session.console.printer;
    let command_line = CommandLine::new(recreate(&job));
    match session.console.is_for_machines() {
        true => printer.document(&command_line)?,
        false => printer.write(&format!("{}\n", command_line.command))?,
    }
    Ok(Exit::Ok)
}
