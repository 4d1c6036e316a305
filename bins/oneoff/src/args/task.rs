//! What a job does: a command, a script or an HTTP request.

use clap::Args;

/// What the job does.
#[derive(Args, Default)]
#[command(next_help_heading = "What to do")]
pub(crate) struct TaskArgs {
    /// Request this URL
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The method of the request [default: GET, or POST with a body]
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// A header of the request: `Name: value`
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// The body of the request; `@file` reads a file, `-` stdin
    #[arg(long, value_name = "TEXT|@FILE|-")]
    pub(crate) body: Option<String>,
    /// A shell script; `@file` reads a file on this machine, `-` stdin
    #[arg(long, value_name = "TEXT|@FILE|-")]
    pub(crate) script: Option<String>,
    /// An environment variable of the command: `NAME=VALUE`, or `NAME` with the value it has here
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// The directory on the server in which the command runs
    #[arg(long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,
    /// The command. Several words are run exactly so; a single one is read by the shell
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}
