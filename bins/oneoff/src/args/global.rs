//! Flags that every command has, before or after its name.

use crate::output::Format;
use clap::Args;
use std::path::PathBuf;

/// Flags of every command. They may stand before or after the command.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The server's address [default: http://localhost:8080]
    #[arg(long, global = true, value_name = "URL", env = "ONEOFF_SERVER", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// The API key; other users of this machine can see it, so prefer the variable or a file
    #[arg(long, global = true, value_name = "KEY", env = "ONEOFF_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
    /// A file that holds the API key; it wins over the variable
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// How results are written
    #[arg(short = 'o', long, visible_alias = "output", global = true, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Write only ids, and no hints
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// No colours, on terminals too (also by NO_COLOR)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Read and show times in UTC
    #[arg(long, global = true, conflicts_with = "tz")]
    pub(crate) utc: bool,
    /// Read and show times in this IANA zone instead of your own
    #[arg(long, global = true, value_name = "ZONE")]
    pub(crate) tz: Option<String>,
}
