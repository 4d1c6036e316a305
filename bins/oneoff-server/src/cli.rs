//! The command line of the server.

use crate::flags::SettingFlags;
use crate::settings::Sources;
use crate::version;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Runs jobs once, at an exact time. Without a command it serves.
#[derive(Debug, Parser)]
#[command(
    name = "oneoff-server",
    bin_name = "oneoff-server",
    display_name = "oneoff",
    version = version::LINE,
    disable_version_flag = true,
    max_term_width = 110
)]
pub struct Cli {
    /// Print version, commit and build date.
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    /// A TOML file with settings; `check-config --print-toml` shows its form [env: ONEOFF_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub flags: SettingFlags,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the server binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server. It stops on SIGTERM and SIGINT when running jobs have ended or their grace is over;
    /// a second signal ends it at once, unless it is the same within half a second. SIGHUP is ignored, as settings are read at the start only.
    Serve,
    /// Bring the database up to this version, or undo one step.
    Migrate(Migrate),
    /// Copy the database file to a new file, complete and checked. Works beside a running server.
    Backup(Backup),
    /// Make the database file of a backup, where there is none and no server runs.
    Restore(Restore),
    /// Move the database file to an empty database on a PostgreSQL server. No server may use either meanwhile.
    MigrateData(MigrateData),
    /// Print every setting with its value and where it comes from; exit 1 if any is wrong.
    CheckConfig(CheckConfig),
    /// Ask the server that these settings describe whether it is well; exit 1 if it is not.
    Healthcheck,
    /// Manage API keys.
    Keys(Keys),
    /// End the processes of a server that died. Started by the server itself.
    #[command(hide = true)]
    Guardian,
}

/// Options of `migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    /// `up` applies what is missing; `down` undoes the last step, with what it holds.
    #[arg(long, value_enum, default_value_t = Direction::Up)]
    pub direction: Direction,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
}

/// Which way to migrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// To this version.
    Up,
    /// One step back.
    Down,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to write. It must not exist, and its directory must.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The file that `backup` has written.
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,
}

/// Options of `migrate-data`.
#[derive(Debug, Args)]
pub struct MigrateData {
    /// The database file. It is only read [default: DB_PATH].
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// The database on the server: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. It must be empty, or the target of this
    /// command when it was interrupted. Others see flags; the environment they do not [default: DATABASE_URL].
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// Only compare what was moved before, as long as no server has used it.
    #[arg(long)]
    pub verify_only: bool,
}

/// Options of `check-config`.
#[derive(Debug, Args)]
pub struct CheckConfig {
    /// Print every setting as an environment file instead, with documentation and defaults.
    #[arg(long, conflicts_with = "print_toml")]
    pub print_env: bool,
    /// Print every setting as a config file instead, with documentation and defaults.
    #[arg(long)]
    pub print_toml: bool,
    /// Also connect to DATABASE_URL, change nothing there, and say what server it is.
    #[arg(long, conflicts_with_all = ["print_env", "print_toml"])]
    pub connect: bool,
}

/// Options of `keys`.
#[derive(Debug, Args)]
pub struct Keys {
    /// What to do with keys.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, this once. Works beside a running server.
    Create(CreateKey),
    /// Print the keys, without the keys themselves: id, prefix, name, scopes, projects, expiry, last use.
    List,
    /// End a key. Servers that run refuse it within a second.
    Revoke(RevokeKey),
    /// Make a key in the place of another one, with its name, scopes and projects, and print it, this once.
    Rotate(RotateKey),
}

/// Options of `keys create`.
#[derive(Debug, Args)]
pub struct CreateKey {
    /// What people call it [default: admin, with --admin].
    #[arg(long, required_unless_present = "admin")]
    pub name: Option<String>,
    /// What it may do: `read`, `write`, `admin`.
    #[arg(long, value_delimiter = ',', default_value = "read,write", conflicts_with = "admin")]
    pub scopes: Vec<String>,
    /// A key that may do everything, such as the first one.
    #[arg(long)]
    pub admin: bool,
    /// The ids of the only projects that it may touch, which must be there; all if none is given.
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub projects: Vec<String>,
    /// When it stops to be valid, such as `in 90d` or `2027-01-01T00:00:00Z`; never if not given.
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
}

/// Options of `keys revoke`.
#[derive(Debug, Args)]
pub struct RevokeKey {
    /// The key: its id, or as much of its prefix (`oneoff_1a2b3c4d`) as no other key has.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Also the last key by which keys can be managed.
    #[arg(long)]
    pub force: bool,
}

/// Options of `keys rotate`.
#[derive(Debug, Args)]
pub struct RotateKey {
    /// The key: its id, or as much of its prefix (`oneoff_1a2b3c4d`) as no other key has.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// For how many seconds the old key stays valid; 0 ends it at once.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(0..=2_592_000)
    )]
    pub overlap: u32,
    /// When the new key stops to be valid, such as `in 90d`; as the old one if not given.
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
}

impl Cli {
    /// Where the settings come from.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Sources {
            config_file: self.config.clone(),
            flags: self.flags.0.clone(),
            ..Sources::from_environment()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_are_flags_before_and_after_the_command() {
        for line in [["oneoff-server", "--port=1", "serve"], ["oneoff-server", "serve", "--port=1"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.flags.0.get("PORT").map(String::as_str), Some("1"), "{line:?}");
        }
    }

    #[test]
    fn an_unknown_word_names_the_nearest_command() {
        let error = Cli::try_parse_from(["oneoff-server", "migrat"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("migrate"), "{error}");
    }
}
