//! What each command does.

mod bulk;
mod cat;
mod create;
mod create_many;
mod ending;
mod executions;
mod job_changes;
mod job_lists;
mod offline;
mod release;
mod status;
mod when;

use crate::args::{Command, ExecutionsCommand, GlobalArgs, JobsCommand, SystemCommand, WorkersCommand};
use crate::console::{self, Console};
use crate::exit::Exit;
use crate::failure::Failure;
use oneoff_client::Client;

pub(crate) use offline::{is_offline, run_offline};

/// How a command ends.
pub(crate) type Outcome = Result<Exit, Failure>;

/// What a command that talks to the server works with.
pub(crate) struct Session {
    pub(crate) console: Console,
    pub(crate) client: Client,
}

/// Runs a command that talks to the server.
pub(crate) async fn run(global: &GlobalArgs, command: Command) -> Outcome {
    let session = Session { console: Console::new(global)?, client: console::client(global)? };
    let session = &session;
    match command {
        Command::At(args) => create::at(session, args).await,
        Command::In(args) => create::after(session, args).await,
        Command::Now(args) => create::now(session, args).await,
        Command::Queue(args) => job_lists::queue(session, args).await,
        Command::Rm(args) => bulk::cancel(session, args).await,
        Command::Cat(args) => cat::cat(session, args).await,
        Command::Logs(args) => executions::logs(session, args).await,
        Command::Wait(args) => ending::wait(session, &args.id.to_string(), &args.wait).await,
        Command::Jobs(command) => run_jobs(session, *command).await,
        Command::Executions(command) => match command {
            ExecutionsCommand::List(args) => executions::list(session, args).await,
            ExecutionsCommand::Get(args) => executions::get(session, args).await,
            ExecutionsCommand::Tail(args) => executions::tail(session, args).await,
        },
        Command::System(SystemCommand::Status) => status::system(session).await,
        Command::Workers(WorkersCommand::Status) => status::workers(session).await,
        Command::Time(_) | Command::Version | Command::Completion { .. } | Command::Help { .. } => {
            run_offline(global, &command)
        }
    }
}

async fn run_jobs(session: &Session, command: JobsCommand) -> Outcome {
    match command {
        JobsCommand::Create(args) => create::create(session, *args).await,
        JobsCommand::List(args) => job_lists::list(session, args).await,
        JobsCommand::Get(args) => job_lists::get(session, args).await,
        JobsCommand::Cancel(args) => bulk::cancel(session, args).await,
        JobsCommand::Delete(args) => bulk::delete(session, args).await,
        JobsCommand::Run(args) => job_changes::run(session, args).await,
        JobsCommand::Hold(args) => job_changes::hold(session, args).await,
        JobsCommand::Release(args) => release::release(session, args).await,
        JobsCommand::Clone(args) => job_changes::clone(session, args).await,
        JobsCommand::Reschedule(args) => job_changes::reschedule(session, args).await,
    }
}
