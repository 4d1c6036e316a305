//! From the command line to what is sent: pure, so that it is tested without a server.

mod command_line;
mod job;
mod many;
mod recreate;
mod task;
mod text_source;

pub(crate) use command_line::quoted;
pub(crate) use job::create_job;
pub(crate) use many::{FileJob, read_jobs, slices};
pub(crate) use recreate::{is_past, recreate};
pub(crate) use task::Task;
pub(crate) use text_source::{Surroundings, ThisMachine, read_text};
