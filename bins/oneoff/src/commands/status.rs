//! The server and its workers.

use crate::commands::{Outcome, Session};
use crate::exit::Exit;

/// `oneoff system status`.
pub(crate) async fn system(session: &Session) -> Outcome {
    session.console.printer.one(&session.client.system_status().await?)?;
    Ok(Exit::Ok)
}

/// `oneoff workers status`.
pub(crate) async fn workers(session: &Session) -> Outcome {
    session.console.printer.one(&session.client.worker_status().await?)?;
    Ok(Exit::Ok)
}
