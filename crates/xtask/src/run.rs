//! `cargo xtask run`: from a fresh clone to a server that answers, with what to do next.

use crate::interrupt::interrupts;
use crate::phase::{Work, phase};
use crate::prerequisites::{FOR_RUST, FOR_UI, require};
use crate::process::{self, Background};
use crate::server::{Address, SystemStatus};
use crate::workspace::{Profile, Workspace};
use anyhow::Result;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Checks what is needed, then builds UI, server and CLI.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    setup(workspace)?;
    phase("build the web UI", || workspace.build_ui())?;
    phase("build server and CLI", || {
        process::run(&mut workspace.build_programs(profile))?;
        Ok(Work::Done)
    })
}

/// Checks what is needed and installs the packages of the web UI.
pub(crate) fn setup(workspace: &Workspace) -> Result<()> {
    require(FOR_RUST)?;
    require(FOR_UI)?;
    phase("install the web UI's packages", || workspace.install_packages())
}

/// Builds, starts the server and stays with it; its exit code is ours.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let address = Address::from_environment()?;
    address.require_free("run")?;
    build(workspace, Profile::Release)?;
    address.require_free("run")?;

    println!("==> start the server");
    let interrupts = interrupts()?;
    let mut command = Command::new(workspace.program(Profile::Release, "oneoff-server"));
    address.apply(&mut command);
    let mut server = Background::start(&mut command)?;
    if let Some(status) = address.wait_until_ready(&mut server, &interrupts)? {
        print!("{}", welcome(&address, &status, &shown(&workspace.program(Profile::Release, "oneoff"))));
    }
    loop {
        if let Some(status) = server.ended()? {
            return Ok(ExitCode::from(u8::try_from(process::exit_code(status)).unwrap_or(1)));
        }
        if interrupts.recv_timeout(Duration::from_millis(100)).is_ok() {
            server.ask_to_stop()?;
        }
    }
}

/// What a newcomer needs next: where it is, where the data is, and commands to paste.
fn welcome(address: &Address, status: &SystemStatus, cli: &str) -> String {
    let url = address.url();
    let server = if address.is_default() { String::new() } else { format!(" --server {url}") };
    let unknown = || "not shown: this server asks for a key".to_owned();
    let database = status.database.clone().unwrap_or_else(unknown);
    let jobs = status.jobs.map_or_else(unknown, |jobs| jobs.to_string());
    format!(
        "\n\
        OneOff is ready.\n\
        \x20 URL       {url}\n\
        \x20 database  {database}\n\
        \x20 jobs      {jobs}\n\
        \n\
        Try in another terminal:\n\
        \x20 {cli}{server} in 10s -- echo hello\n\
        \x20 {cli}{server} at \"tomorrow 9am\" https://example.com/hook\n\
        \x20 {cli}{server} jobs list\n\
        \n\
        Ctrl-C stops the server.\n\n"
    )
}

/// A path as it is typed from here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    match here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned)) {
        Some(relative) => format!("./{}", relative.display()),
        None => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::welcome;
    use crate::server::{Address, SystemStatus};

    #[test]
    fn the_welcome_says_where_everything_is() {
        let status = SystemStatus { database: Some("/data/oneoff.db".to_owned()), jobs: Some(7) };
        let text = welcome(&Address::new("127.0.0.1", 8080), &status, "./target/release/oneoff");
        for line in [
            "  URL       http://localhost:8080\n",
            "  database  /data/oneoff.db\n",
            "  jobs      7\n",
            "  ./target/release/oneoff in 10s -- echo hello\n",
            "  ./target/release/oneoff jobs list\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let text = welcome(&Address::new("127.0.0.1", 9000), &SystemStatus::default(), "oneoff");
        assert!(text.contains("oneoff --server http://localhost:9000 jobs list"), "{text}");
        assert!(text.contains("jobs      not shown"), "{text}");
    }
}
